"""Each command, and each function that writes, given a wrong argument: it ends in an error and has
written nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from tests.cli.deals import deals
from tests.cli.kinds import Command

pytestmark = pytest.mark.posix  # gives links
REPORT: dict[str, list[str | None]] = {
    "--freq": ["X", "3M"],
    "--by": ["nobody_s_column"],
    "--for": ["Nobody"],
    "--method": ["lerned"],
    "--since": ["yesterday", "2040-01-01"],
    "--as-of": ["someday", "2026-02-30"],
    "--target": ["a lot", "-5"],
    "--org": ["missing.toml", "broken.toml"],
    "--out": ["page.pdf", "page.xlsx", "new/folder/page.doc", "link.html", "taken.txt/page.html"],
    "--history": ["taken.txt"],
    "--from": ["missing.csv", "deals.doc"],
    "--day-first": [None],
}
WRONG: dict[str, dict[str, list[str | None]]] = {
    "load": {
        "--out": ["x.doc", "x", "no/x.csv", "link.csv", "folder.csv"],
        "--max-age": ["long"],
        "--refresh": ["all"],
        "--org": ["missing.toml", "broken.toml"],
    },
    "record --from deals.csv": {
        "--at": ["yesterday"],
        "--history": ["taken.txt"],
        "--org": ["missing.toml"],
        "--allow-missing": ["close_dat"],
        "--day-first": [None],
    },
    "record": {
        "--at": ["someday", "2001-01-01"],
        "--allow-missing": ["nothing"],
        "--history": ["taken.txt"],
    },
    "report --from deals.csv": REPORT,
    "report": {**REPORT, "--day-first": []},
    "report --from deals.csv --eml --markdown": REPORT,
    "export": {"": ["x.doc", "x", "no/x.csv", "link.csv", "folder.csv", "taken.csv"]},
    "export x.csv --from deals.csv": {
        "--search": ["Deal"],
        "--day-first": [None],
        "--org": ["broken.toml"],
    },
    "import-crm deals.csv": {
        "--out": ["x.doc", "no/x.csv", "link.csv"],
        "--history": ["opp-history", "taken.txt"],
        "--encoding": ["none"],
        "--org": ["missing.toml"],
        "--day-first": [None],
    },
    "start deals.csv --yes": {
        "": ["missing.csv", "deals.doc", "ids.csv"],
        "--id": ["nobody_s_column"],
        "--stage": ["Demo", "x=won"],
        "--target": ["a lot", "-5"],
        "--org": ["broken.toml", "x.doc", "link.toml"],
        "--encoding": ["none"],
        "--day-first": [None],
        "--unreadable": ["zero"],
    },
    "import-crm log.csv --history new": {
        "--out": ["x.csv"],
        "--encoding": ["none"],
    },
    "plan before.csv after.csv": {
        "--out": ["plan.xlsx", "plan", "no/plan.json", "link.json"],
        "--as-of": ["someday"],
        "--freq": ["X"],
        "--org": ["missing.toml"],
    },
    "plan before.csv after.csv --offline": {
        "--as-of": ["someday"],
        "--freq": ["X"],
        "--out": ["plan.csv"],
    },
    "plan before.csv after.csv --org salesforce": {
        "--for-import": ["x.doc", "no/x.csv", "link.csv"]
    },
    "plan before.csv": {"": ["missing.csv", "deals.doc"], "--for-import": ["x.csv"]},
    "apply --yes plan.json": {
        "--receipt": ["x.doc", "x", "no/x.csv", "link.csv", "folder.csv"],
        "--on-conflict": ["all"],
        "--org": ["missing.toml", "broken.toml"],
    },
    "apply --yes": {"": ["missing.json", "taken.txt", "deals.csv"]},
    "resume": {
        "": ["nobody's run"],
        "--receipt": ["x.doc", "no/x.csv", "link.csv"],
        "--unknown": ["all"],
    },
    "undo": {"": ["nobody's run"], "--out": ["x.csv", "no/x.json", "link.json"]},
    "org init": {
        "": ["x.doc", "no/x.toml", "link.toml", "broken.toml"],
        "--from": ["missing.csv", "deals.doc"],
    },
    "org init x.toml --from deals.csv": {"--day-first": [None]},
    "demo": {"--out": ["taken.txt"], "--seed": ["-1", "x"], "--org": ["missing.toml"]},
    "sandbox --port 0": {
        "--db": ["no/x.db", "folder.csv"],
        "--weeks": ["-1"],
        "--seed": ["x"],
        "--org": ["broken.toml"],
    },
    "sandbox --db x.db": {"--port": ["-1", "70000", "1.5"]},
    "audit": {
        "--out": ["x.doc", "no/x.csv", "link.csv"],
        "--fix": ["x.csv", "no/x.json"],
        "--as-of": ["someday"],
        "--stale-days": ["0"],
    },
    "audit --out x.csv --fix x.json --from deals.csv": {
        "--as-of": ["someday"],
        "--most": ["-1"],
        "--day-first": [None],
    },
    "forecast --out x.csv": {
        "--freq": ["X"],
        "--by": ["nobody_s_column"],
        "--target": ["a lot", "-5"],
        "--periods": ["0"],
        "--as-of": ["someday"],
        "--out": ["x.doc", "no/x.csv", "link.csv"],
    },
    "pacing --out x.csv": {"--by": ["nobody_s_column"], "--as-of": ["someday"], "--out": ["x.doc"]},
    "risk --out x.csv": {
        "--by": ["nobody_s_column"],
        "--as-of": ["someday"],
        "--most": ["0"],
        "--out": ["x.doc"],
    },
    "changes --out x.csv": {
        "--since": ["someday", "2040-01-01"],
        "--until": ["someday"],
        "--freq": ["X"],
        "--period": ["X"],
        "--method": ["lerned"],
        "--by": ["nobody_s_column"],
        "--out": ["x.doc", "no/x.csv"],
        "--history": ["taken.txt"],
    },
    "created --out x.csv": {
        "--freq": ["X"],
        "--by": ["nobody_s_column"],
        "--out": ["x.doc", "no/x.csv"],
    },
    "prove --out x.png": {
        "--freq": ["X"],
        "--out": ["x.pdf", "x", "no/x.png"],
        "--org": ["missing.toml", "broken.toml"],
        "--history": ["taken.txt", "none"],
    },
    "win-rate --out x.csv": {
        "--by": ["nobody_s_column"],
        "--freq": ["X", "month"],
        "--since": ["someday"],
        "--until": ["someday"],
        "--as-of": ["someday"],
        "--from": ["missing.csv", "deals.doc"],
        "--out": ["x.doc", "link.csv"],
    },
    "funnel --out x.csv": {
        "--by": ["nobody_s_column"],
        "--org": ["missing.toml", "salesforc"],
        "--out": ["x.doc", "no/x.csv"],
    },
    "slippage --out x.csv": {
        "--start": ["someday", "2001-01-01"],
        "--end": ["someday"],
        "--freq": ["X"],
        "--by": ["nobody_s_column"],
        "--history": ["taken.txt", "none"],
        "--out": ["x.doc", "no/x.csv"],
    },
    "categories --out x.csv": {
        "--by": ["nobody_s_column"],
        "--freq": ["X"],
        "--as-of": ["someday"],
        "--out": ["x.doc", "no/x.csv"],
    },
    "scorecard --out x.csv": {
        "--by": ["nobody_s_column"],
        "--freq": ["X"],
        "--since": ["someday"],
        "--method": ["lerned"],
        "--as-of": ["someday"],
        "--history": ["taken.txt"],
        "--out": ["x.doc", "no/x.csv"],
    },
    "calls --list --out x.csv": {
        "--org": ["missing.toml", "broken.toml"],
        "--out": ["x.doc", "no/x.csv", "link.csv"],
    },
    "call Ann 2099-12 450k": {
        "--best": ["a lot", "1"],
        "--made-on": ["someday", "2100-01-01"],
        "--org": ["missing.toml", "broken.toml", "salesforce"],
    },
    "doctor": {
        "--report": ["x.xlsx", "no/x.txt", "link.txt"],
        "--org": ["missing.toml", "broken.toml"],
    },
}
"""By command with the arguments that are right: wrong ones, by their option; without an option, of
an argument."""


@pytest.fixture(scope="module")
def given(
    shared_sandbox: oa.sandbox.Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> tuple[oa.Client, Path]:
    """A tenant, and a folder with a history of two records and all that the commands are given;
    none of them writes."""
    here = tmp_path_factory.mktemp("given") / "here"
    here.mkdir()
    client = oa.Client(
        shared_sandbox.url, *shared_sandbox.add_tenant(deals()), cache_dir=here.parent / "pages"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(here.parent / "state"))
        fill(here, client)
    return client, here


def fill(here: Path, client: oa.Client) -> None:
    """Record, write once, and lay out the files."""
    held = oa.load(client, progress=False)
    history = oa.History(here / "opp-history")
    history.record(held.assign(value=1.0), at="2026-03-02")
    history.record(held, at="2026-03-09")
    oa.apply(oa.plan(held, held.assign(value=held["value"] + 1)), client, progress=False)
    held = oa.load(client, refresh="full", progress=False)
    oa.to_csv(held, here / "before.csv")
    oa.to_csv(held.assign(value=7.0), here / "after.csv")
    oa.plan(held, held.assign(value=7.0)).save(here / "plan.json")
    dated = held.assign(
        close_date="3/25/2026", created_at="2026-01-05", updated_at="2026-01-05", owner_name="Ann"
    )
    dated.to_csv(here / "deals.csv", index=False)
    (here / "log.csv").write_text(
        "unique_id,changed_at,field,new_value\na,2026-03-02,stage,proposal\n"
    )
    (here / "ids.csv").write_text("theirs,ours\na,b\n")
    (here / "broken.toml").write_text("[[stages]]\nkind = 'unheard of'\n")
    for name in ("taken.txt", "taken.csv", "deals.doc"):
        (here / name).write_text("somebody's")
    (here / "folder.csv").mkdir()
    for ending in ("csv", "html", "json", "toml", "txt"):
        (here / f"link.{ending}").symlink_to(here / "taken.txt")


@pytest.fixture
def here(given: tuple[oa.Client, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """That folder, as the one that the commands run in."""
    client, folder = given
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder.parent / "state"))
    monkeypatch.setenv("BLOCKS_API_URL", client.settings.url)
    monkeypatch.setenv("BLOCKS_AUTH_TOKEN", client.settings.token.reveal())
    monkeypatch.setenv("BLOCKS_API_KEY", client.settings.api_key.reveal())
    return folder


@pytest.fixture
def filled(given: tuple[oa.Client, Path], here: Path) -> oa.Client:
    """That tenant, as the one of the environment."""
    return given[0]


def read_all(folder: Path, client: oa.Client) -> dict[str, Any]:
    """Everything that a command could have changed: each file with its content, and each deal of
    the server."""
    found = {
        str(file.relative_to(folder)): file.read_bytes() if file.is_file() else b""
        for file in folder.rglob("*")
    }
    trash = client.list_deleted(1, 100).rows
    return {**found, "server": sorted(map(str, [*client.list(1, 100).rows, *trash]))}


@pytest.mark.parametrize("right", WRONG)
def test_command__given_a_wrong_argument_writes_nothing(
    command: Command, filled: oa.Client, here: Path, right: str
) -> None:
    before, runs = read_all(here, filled), oa.runs()
    for option, values in WRONG[right].items():
        for value in values:
            words = [word for word in right.split() if word != option]
            if option in right.split():
                words.pop(right.split().index(option))
            code, out, err = command(
                *words, *([option] if option else []), *([] if value is None else [value])
            )
            asked = f"{right} {option} {value}"
            assert code in (1, 2), (asked, out)
            assert err, asked
            assert "Traceback" not in err, asked
            after = read_all(here, filled)
            assert after.keys() == before.keys(), asked
            assert [name for name in after if after[name] != before[name]] == [], asked
    pd.testing.assert_frame_equal(oa.runs(), runs)


def test_arguments__are_those_of_every_command_that_writes() -> None:
    from opp_analytics.cli.app import _ENTRIES

    reading = {"runs"}
    assert {right.split()[0] for right in WRONG} | reading == set(_ENTRIES)
