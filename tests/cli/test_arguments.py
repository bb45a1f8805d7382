"""Each command, and each function that writes, given a wrong argument: it ends in an error and has
written nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from tests.cli.deals import deals
from tests.cli.kinds import Command

pytestmark = pytest.mark.posix  # gives links
WRONG: dict[str, dict[str, list[str]]] = tomllib.loads(
    Path(__file__).with_name("wrong_arguments.toml").read_text()
)
REPORT = WRONG["report --from deals.csv"]
WRONG["report"] = {**REPORT, "--day-first": []}


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


@pytest.mark.slow
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
                *words, *([option] if option else []), *([value] if value else [])
            )
            asked = f"{right} {option} {value}"
            assert code in (1, 2), (asked, out)
            assert err, asked
            assert "Traceback" not in err, asked
        after = read_all(here, filled)
        assert after.keys() == before.keys(), (right, option)
        assert [name for name in after if after[name] != before[name]] == [], (right, option)
    pd.testing.assert_frame_equal(oa.runs(), runs)


def test_arguments__are_those_of_every_command_that_writes() -> None:
    from opp_analytics.cli.app import _ENTRIES

    reading = {"runs", "skill"}
    assert {right.split()[0] for right in WRONG} | reading == set(_ENTRIES)
