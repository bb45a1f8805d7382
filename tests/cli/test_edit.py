"""The commands that edit in bulk."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.api import Client
from opp_analytics.cli.edit import _words
from opp_analytics.errors import ConnectionFailed, PlanError
from opp_analytics.writer import Plan, Receipt, check_plan, plan
from opp_analytics.writer.steps import EditedCell, Result, RunStep, Step
from tests.cli.deals import deals
from tests.cli.kinds import Account, Command
from tests.writer.kills import press_ctrl_c_twice


@pytest.fixture
def asked(account: Account) -> Client:
    """A client of the tenant that the commands use."""
    return account(deals())


def edit(file: Path, **cells: Any) -> None:
    """Write cells, named by row and column as r3_value."""
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    at = {cell.value: cell.column for cell in sheet[1]}
    for name, value in cells.items():
        row, _, column = name.partition("_")
        sheet.cell(int(row[1:]), at[column]).value = value
    book.save(file)


@pytest.fixture
def planned(command: Command, asked: Client, here: Path) -> Client:
    """The same, with a saved plan that makes the first deal worth 5,000."""
    command("export", "deals.xlsx")
    edit(here / "deals.xlsx", r2_value=5000)
    command("plan", "deals.xlsx")
    return asked


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_export_plan_apply_undo__round(
    command: Command, asked: Client, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said, _ = command("export", "deals.xlsx")
    assert code == 0
    assert "6 opportunities written to deals.xlsx" in said
    edit(
        here / "deals.xlsx",
        r2_value=5000,
        r3_stage="closed_won",
        r3_close_date="2026-06-01",
        r8_name="New",
    )

    code, said, _ = command("plan", "deals.xlsx", "--as-of", "2026-06-02")
    assert code == 0
    for text in (
        "Deal 0",
        "5,000",
        "closed_won",
        "1 create (1 cell), 2 updates (3 cells)",
        "+4,000",
    ):
        assert text in said
    # Deal 0 is worth 4,000 more at 40 %, and deal 1 (1,100 at 40 %) is won.
    assert "The edits add 2.3K to the forecast of Jun: 5.3K." in said
    assert "opp-analytics apply plan.json" in said
    assert asked.get("o000")["value"] == 1000

    answer(monkeypatch, "n\n")
    code, said, _ = command("apply", "plan.json")
    assert code == 1
    assert f"Write this to {asked.settings.url}?" in said
    assert "Nothing was sent." in said
    assert asked.get("o000")["value"] == 1000

    answer(monkeypatch, "y\n")
    code, said, _ = command("apply", "plan.json", "--receipt", "receipt.csv")
    assert code == 0
    assert "4 applied" in said
    assert asked.get("o000")["value"] == 5000
    receipt = pd.read_csv(here / "receipt.csv")
    assert receipt["outcome"].tolist() == ["applied"] * 4
    assert "2026-06-01" in receipt["after"].tolist()
    assert command("resume")[:2] == (0, "nothing to do\n")

    code, said, _ = command("runs")
    run_id = said.split("outcomes")[1].split()[0]
    assert "4 applied" in said
    code, said, _ = command("undo", run_id)
    assert code == 0
    assert "opp-analytics apply undo.json --allow-delete" in said
    code, _, err = command("apply", "undo.json", "--yes")
    assert code == 1
    assert "--allow-delete" in err
    assert command("apply", "undo.json", "--yes", "--allow-delete")[0] == 0
    rows = pd.DataFrame(asked.list(page_size=100).rows).sort_values("unique_id")
    assert rows["name"].tolist() == deals()["name"].tolist()
    assert rows["value"].astype(float).tolist() == deals()["value"].tolist()


def test_plan__shows_problems_by_row_and_saves_nothing(
    command: Command, asked: Client, here: Path
) -> None:
    command("export", "deals.xlsx")
    edit(here / "deals.xlsx", r3_value="a lot")
    code, said, err = command("plan", "deals.xlsx")
    assert code == 1
    assert "a lot" in said
    assert "is not an amount" in said
    assert err == "Error: 1 problem in deals.xlsx; correct the file and plan again\n"
    assert not (here / "plan.json").exists()


def test_plan__of_csv_needs_both_files(command: Command, asked: Client, here: Path) -> None:
    command("export", "before.csv")
    after = (here / "before.csv").read_text(encoding="utf-8").replace(",1200,", ",1234.5,")
    (here / "after.csv").write_text(after, encoding="utf-8")
    code, _, err = command("plan", "after.csv")
    assert code == 1
    assert "name both files: opp-analytics plan BEFORE after.csv" in err
    code, said, _ = command("plan", "before.csv", "after.csv", "--offline", "--out", "csv.json")
    assert code == 0
    assert "1,234.50" in said
    assert Plan.read(here / "csv.json").changes["after"].tolist() == [1234.5]


def test_export__never_replaces_a_file_unasked(command: Command, asked: Client, here: Path) -> None:
    (here / "deals.csv").write_text("edits")
    code, _, err = command("export", "deals.csv")
    assert code == 1
    assert "--force" in err
    assert (here / "deals.csv").read_text() == "edits"
    assert command("export", "deals.csv", "--force")[0] == 0
    assert (
        command("export", "deals.doc")[2] == "Error: deals.doc ends in '.doc'; use .xlsx or .csv\n"
    )


def test_apply__without_anybody_to_answer_sends_nothing(
    command: Command, planned: Client, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "")
    code, _, err = command("apply", "plan.json")
    assert code == 1
    assert "No confirmation; nothing was sent. Use --yes in scripts." in err
    assert planned.get("o000")["value"] == 1000


def test_runs__of_nothing_says_so(command: Command, here: Path) -> None:
    assert command("runs") == (0, "No plan has been applied from this computer yet.\n", "")


def test_plan_and_apply__speak_of_files_and_options_not_of_python(
    command: Command, asked: Client, here: Path
) -> None:
    command("export", "deals.xlsx")
    book = openpyxl.load_workbook(here / "deals.xlsx")
    book.worksheets[0].cell(1, 11).value, book.worksheets[0].cell(2, 11).value = (
        "notes",
        "call back",
    )
    book.worksheets[0].cell(3, 7).value = 140
    book.save(here / "noted.xlsx")
    code, said, err = command("plan", "noted.xlsx")
    assert code == 1
    assert "remove the column" in said
    assert "before that has it" not in said + err
    book = openpyxl.load_workbook(here / "deals.xlsx")
    book.worksheets[0].delete_rows(4)
    book.save(here / "cut.xlsx")
    assert command("plan", "cut.xlsx")[0] == 0
    code, _, err = command("apply", "plan.json", "--yes")
    assert code == 1
    assert "'o002' (Deal 2); pass --allow-delete to allow it" in err
    assert "put them back" in err
    assert "before" not in err
    code, _, err = command("apply", "cut.xlsx")
    assert (code, err) == (
        1,
        "Error: cut.xlsx is not a saved plan; plan the edits and save that plan\n",
    )


def test_plan__misses_the_file_before_the_settings(command: Command, here: Path) -> None:
    said = "Error: none.xlsx does not exist; check its name and folder\n"
    assert command("plan", "none.xlsx")[::2] == (1, said)


def test_plan__of_edits_that_the_server_holds_leaves_nothing_to_do(
    command: Command, planned: Client, here: Path
) -> None:
    assert command("apply", "plan.json", "--yes")[0] == 0
    (here / "plan.json").unlink()
    code, said, _ = command("plan", "deals.xlsx")
    assert code == 0
    assert "Nothing to send" in said
    assert "To apply it" not in said
    assert not (here / "plan.json").exists()


def test_plan__names_the_deal_of_each_conflict_and_problem(
    command: Command, asked: Client, here: Path
) -> None:
    command("export", "deals.xlsx")
    edit(here / "deals.xlsx", r3_value=5000, r2_close_date="2026-09-30")
    asked.update("o001", value=7)
    asked.update("o000", status="lost")
    said = command("plan", "deals.xlsx")[1]
    conflicts = said[said.index("Conflicts") : said.index("Forecast")]
    named = [
        name for line in conflicts.splitlines() for name in ("Deal 0", "Deal 1") if name in line
    ]
    assert named == ["Deal 0", "Deal 1"]
    assert "o000" not in conflicts
    assert "lost on the server since then" in conflicts
    assert (
        "Only conflicts are left; to overwrite them: opp-analytics apply plan.json --on-conflict"
        in said
    )
    code, said, _ = command("apply", "plan.json", "--yes")
    assert code == 1
    assert "conflict: update o001 (Deal 1) value: changed" in said

    edit(here / "deals.xlsx", r4_close_date="soon", r3_value="much", r5_name=" ")
    said = command("plan", "deals.xlsx")[1]
    problems = said[said.index("Problems") :].splitlines()
    assert [
        name for line in problems for name in ("Deal 1", "Deal 2", "Deal 3") if name in line
    ] == [
        "Deal 1",
        "Deal 2",
        "Deal 3",
    ]


def test_apply__of_a_write_whose_answer_was_lost_is_exit_code_4(
    command: Command, planned: Client, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def lost(self: Client, unique_id: str, **fields: Any) -> dict[str, Any]:
        # Nothing of this client gets through from here on, so nobody can look.
        monkeypatch.setattr(Client, "get", unreachable)
        raise ConnectionFailed("cut off")

    def unreachable(self: Client, unique_id: str) -> dict[str, Any]:
        raise ConnectionFailed("unreachable")

    monkeypatch.setattr(Client, "update", lost)
    code, said, _ = command("apply", "plan.json", "--yes")
    assert code == 4
    assert "1 unknown" in said
    assert "opp-analytics resume" in said


def test_undo__says_why_there_is_nothing_to_undo(
    command: Command, asked: Client, here: Path
) -> None:
    assert command("undo")[1] == "Nothing to undo: no plan has been applied from this computer.\n"
    assert not (here / "undo.json").exists()


PYTHON_WORDS = re.compile(r"\w=\w|\w\(|\(client|\s\.(?:table|conflicts|problems)\b")
SHELL_WORDS = re.compile(r"--\w|opp-analytics")


def failing() -> Receipt:
    """A receipt with a line for everything that a person can do next."""
    outcomes = ["unknown", "already", *["failed"] * 6]
    step = Step("create", None, (EditedCell("name", None, "Acme"),), "Acme")
    entries = [
        RunStep(n, step, Result((outcome,), ("no answer",))) for n, outcome in enumerate(outcomes)
    ]
    return Receipt(entries, run_id="r1", stopped="interrupted")


def test_receipt__says_what_to_type_next() -> None:
    said, typed = failing().summary(), failing().summary(words=_words())
    assert "to finish it: resume(client, 'r1')\n" in said
    assert "resume(client, 'r1', unknown='send')" in said
    assert "create them once more: again=True" in said
    assert "and 2 more, see .table" in said
    assert not SHELL_WORDS.search(said)
    assert re.search(r"to finish it: \S*opp-analytics resume r1\n", typed)
    assert "opp-analytics resume r1 --unknown send" in typed
    assert "create them once more: --again" in typed
    assert "and 2 more, see --receipt" in typed
    assert not PYTHON_WORDS.search(typed)


def in_conflict(client: Client) -> Plan:
    """A plan that clears a cell, deletes a deal, and meets a change on the server."""
    before = deals()
    client.update("o000", value=7)
    after = before.assign(
        value=before["value"] + 1, close_date=before["close_date"].where(before.index > 0)
    )
    return plan(before, after.drop(index=5), client=client)


@pytest.mark.parametrize(
    ("clear_nulls", "python", "shell"),
    [(False, "clear_nulls=True", "--clear-nulls"), (True, "allow_delete=True", "--allow-delete")],
)
def test_plan__says_what_it_needs(
    account: Account, clear_nulls: bool, python: str, shell: str
) -> None:
    client = account(deals())
    made = in_conflict(client)
    said, typed = made.summary(), made.summary(words=_words())
    assert f"only with {python}" in said
    assert said.endswith("see .conflicts")
    assert not SHELL_WORDS.search(said)
    assert f"only with {shell}" in typed
    assert typed.endswith("listed below")
    assert not PYTHON_WORDS.search(typed)
    with pytest.raises(PlanError, match=f"pass {python} to allow it"):
        check_plan(made, client, clear_nulls=clear_nulls, allow_delete=not clear_nulls)
    with pytest.raises(PlanError, match=f"pass {shell} to allow it"):
        check_plan(
            made, client, clear_nulls=clear_nulls, allow_delete=not clear_nulls, words=_words()
        )


def test_resume__takes_what_to_do_with_unknown_outcomes(command: Command) -> None:
    assert command("resume", "--unknown", "guess")[0] == 2
    assert "--unknown" in command("resume", "--help")[1]


def test_apply__a_second_ctrl_c_says_which_command_finishes_the_run(
    command: Command, asked: Client, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = oa.load(asked, progress=False)
    plan(before, before.assign(value=7.0)).save(here / "plan.json")
    press_ctrl_c_twice(monkeypatch)
    code, _, err = command("apply", "plan.json", "--yes")
    run_id = oa.runs()["run_id"].iloc[0]
    assert code == 130
    assert (
        f"Stopped at once; run {run_id} may be unfinished. To finish it: opp-analytics resume "
        f"{run_id}."
    ) in err


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_apply__writes_a_receipt_of_the_kind_that_its_name_says(
    command: Command, asked: Client, here: Path, ending: str
) -> None:
    before = oa.load(asked, progress=False)
    after = before.assign(value=7.0, close_date=pd.Timestamp("2026-09-30"), name="=1+1")
    plan(before, after).save(here / "plan.json")
    receipt = here / f"receipt.{ending}"
    code, out, _ = command("apply", "plan.json", "--yes", "--receipt", receipt)
    assert code == 0
    assert f"Receipt written to {receipt}" in out
    rows = {"xlsx": pd.read_excel, "csv": pd.read_csv}[ending](receipt)
    assert rows["outcome"].tolist() == ["applied"] * 18
    dates = rows[rows["field"] == "close_date"]["after"].astype("str").str[:10]
    assert dates.tolist() == ["2026-09-30"] * 6
