"""Which org a command takes."""

from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import typer.main

import opp_analytics as oa
from opp_analytics.cli import app
from opp_analytics.cli.org_file import find_org
from opp_analytics.errors import OrgError
from tests.cli.kinds import Command
from tests.own_stages import FILE, ORG, rows


def test_find_org__takes_a_file_a_preset_or_the_folders_own(here: Path) -> None:
    assert find_org(None) is None
    assert "Closed Won" in find_org(Path("salesforce")).stages.won
    (here / "mine.toml").write_text('currency = "EUR"\n')
    (here / "opp-analytics.toml").write_text('currency = "USD"\n')
    assert [org and org.currency for org in (find_org(Path("mine.toml")), find_org(None))] == ["EUR", "USD"]
    with pytest.raises(OrgError, match="none.toml"):
        find_org(Path("none.toml"))


COMMANDS = set(typer.main.get_command(app).commands) - {"org", "runs"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_commands__take_an_org_file(command: Command, name: str) -> None:
    assert "--org" in command(name, "--help")[1]


@pytest.fixture(scope="module")
def server() -> Iterator[oa.sandbox.Sandbox]:
    with oa.sandbox.start(opportunities=rows(), org=ORG) as running:
        yield running


@pytest.fixture
def own(server: oa.sandbox.Sandbox, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the commands, the settings of a tenant with stages of its own, and its org file elsewhere."""
    monkeypatch.setenv("BLOCKS_API_URL", server.url)
    monkeypatch.setenv("BLOCKS_AUTH_TOKEN", server.token)
    monkeypatch.setenv("BLOCKS_API_KEY", server.api_key)
    file = here.parent / "own.toml"
    file.write_text(FILE, encoding="utf-8")
    assert oa.Org.read(file) == ORG
    return file


def test_report__is_in_the_stages_and_the_currency_of_the_org_file(
    command: Command, own: Path, here: Path
) -> None:
    assert command("doctor", "--org", own)[1].splitlines()[1].startswith("org        <Org: ")
    for _ in range(2):
        code, out, err = command("report", "--org", own, "--out", "page.html")
        assert (code, err) == (0, ""), out
    page = (here / "page.html").read_text()
    assert "Erstkontakt" in page
    assert "€" in page
    assert oa.History(here / "opp-history", org=ORG).records["rows"].tolist() == [8]


def test_edit__goes_out_in_the_names_and_stages_of_the_org_file(
    command: Command, own: Path, here: Path
) -> None:
    assert command("export", "deals.xlsx", "--org", own)[0] == 0
    book = openpyxl.load_workbook(here / "deals.xlsx")
    sheet = book.worksheets[0]
    heads = [cell.value for cell in sheet[1]]
    ids = [row[heads.index("unique_id")].value for row in sheet.iter_rows(min_row=2)]
    sheet.cell(ids.index("d") + 2, heads.index("stage") + 1).value = "Unterschrieben"
    book.save(here / "deals.xlsx")
    code, out, err = command("plan", "deals.xlsx", "--org", own, "--as-of", "2026-11-30", "--freq", "Q")
    assert (code, err) == (0, ""), out
    assert "2027Q4" in out
    # Won with a date in the quarter: 4,000, and then 800 more.
    assert "€4,000 → €4,800" in out
    code, out, _ = command("apply", "plan.json", "--yes", "--org", own)
    assert (code, "1 applied" in out) == (0, True)
    with oa.Client.from_env(org=ORG) as client:
        assert client.get("d")["stage"] == "Unterschrieben"
    assert command("undo", "--org", own)[0] == 0
    assert command("apply", "undo.json", "--yes", "--org", own)[0] == 0
    with oa.Client.from_env(org=ORG) as client:
        assert client.get("d")["stage"] == "Mündlich"


def test_plan__reads_csv_files_as_the_org_file_says(command: Command, own: Path, here: Path) -> None:
    assert command("export", "before.csv", "--org", own)[0] == 0
    table = pd.read_csv(here / "before.csv")
    table.loc[table["unique_id"] == "a", ["stage", "owner_name"]] = ["Angebot", "Bo"]
    table.to_csv(here / "after.csv", index=False)
    code, out, err = command("plan", "before.csv", "after.csv", "--org", own, "--offline")
    assert (code, err) == (0, ""), out
    assert out[out.index("Erstkontakt") :].split()[:3] == ["Erstkontakt", "Angebot", "€100"]
    code, _, err = command("plan", "before.csv", "after.csv", "--offline")
    assert (code, "1 problem in after.csv" in err) == (1, True)


def test_sandbox_and_demo__play_by_the_org_file() -> None:
    client, history = oa.demo(weeks=2, org=ORG)
    assert client.org == history.org == ORG
    assert set(oa.load(client, progress=False)["stage"].dropna()) <= set(ORG.stages.names)
