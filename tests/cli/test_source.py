"""Where a command's opportunities and their meaning come from."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import typer.main

import opp_analytics as oa
from opp_analytics.cli import app
from opp_analytics.cli.source import find_org
from opp_analytics.errors import OrgError
from tests.cli.kinds import Account, Command
from tests.report import reading

DEALS = """"Opportunity ID","Opportunity Name","Stage","Amount","Close Date","Created Date","Opportunity Owner"
{rows}

"Confidential Information - Do Not Distribute"
"""  # noqa: E501


@pytest.fixture
def report(here: Path) -> Path:
    """A Salesforce report with ten deals."""
    return write_staged(here, 10)


def write_staged(folder: Path, deals: int, amount: int = 500) -> Path:
    rows = "\n".join(
        (
            f'"006Hs00001AbCd{k}","Deal '
            f'{k}","Prospecting","${amount}.00","11/2{k}/2026","9/1/2026","Ann Lee"'
        )
        for k in range(deals)
    )
    file = folder / "deals.csv"
    file.write_text(DEALS.format(rows=rows))
    return file


def test_record__of_a_file_carries_a_history_on(command: Command, here: Path, report: Path) -> None:
    code, out, err = command(
        "record", "--from", report, "--org", "salesforce", "--at", "2026-11-01"
    )
    assert (code, err) == (0, "")
    assert "Read 10 opportunities from" in out
    assert "Recorded 10 opportunities, 10 changed" in out
    write_staged(here, 10, amount=700)
    _, out, _ = command("record", "--from", report, "--org", "salesforce", "--at", "2026-11-08")
    assert "10 changed" in out
    history = oa.History(here / "opp-history")
    assert history.as_of("2026-11-05")["value"].tolist() == [500] * 10
    assert history.as_of("2026-11-09")["value"].tolist() == [700] * 10


def test_report__of_a_file_records_it_and_reads_it_back(
    command: Command, here: Path, report: Path
) -> None:
    code, out, err = command(
        "report", "--from", report, "--org", "salesforce", "--out", "week.html"
    )
    assert (code, err) == (0, "")
    assert "Written to week.html" in out
    page = reading.read(here / "week.html")
    assert "Open pipeline is 5K." in reading.words(page.block("notes"))
    assert oa.History(here / "opp-history").records["rows"].tolist() == [10]


def test_report__of_a_partial_export_makes_no_page(
    command: Command, here: Path, report: Path
) -> None:
    command("record", "--from", report, "--at", "2026-11-01")
    write_staged(here, 4)
    code, _, err = command("report", "--from", report, "--out", "week.html")
    assert code == 1
    assert (
        "may be a partial export; record all opportunities, or use opp-analytics record "
        "--allow-deleted"
    ) in err
    assert not (here / "week.html").exists()


def test_export__of_a_file_comes_back_as_a_plan_of_what_was_edited(
    command: Command, here: Path, report: Path
) -> None:
    code, out, err = command("export", "--from", report, "--org", "salesforce", "sheet.xlsx")
    assert (code, err) == (0, "")
    assert "sheet.xlsx" in out
    assert "plan sheet.xlsx --offline" in out
    book = openpyxl.load_workbook("sheet.xlsx")
    sheet = book["opportunities"]
    labels = [cell.value for cell in sheet[1]]
    sheet.cell(5, labels.index("stage") + 1).value = "Closed Won"
    sheet.cell(5, labels.index("value") + 1).value = 750
    book.save("sheet.xlsx")
    code, _, err = command("plan", "sheet.xlsx", "--offline", "--org", "salesforce")
    assert (code, err) == (0, "")
    changes = oa.Plan.read(here / "plan.json").changes.set_index("field")
    assert set(changes["unique_id"]) == {"006Hs00001AbCd3IAF"}
    assert changes["after"].to_dict() == {"value": 750, "stage": "Closed Won"}


def test_source__keeps_the_org_and_the_moment_of_a_stored_frame(
    command: Command, here: Path
) -> None:
    org = oa.Org(stages=[{"name": "Won", "kind": "won"}], fiscal_year_start=2, currency="EUR")
    deals = pd.DataFrame(
        {"unique_id": ["1"], "stage": ["Won"], "value": [79_000], "close_date": ["2026-11-28"]}
    )
    deals.attrs["recorded_at"] = "2026-11-20T08:00:00+00:00"
    org.apply(deals).to_parquet("deals.parquet")
    asked = ("forecast", "--from", "deals.parquet", "--as-of", "2026-11-20", "--freq", "Q")
    code, out, err = command(*asked)
    assert (code, err) == (0, "")
    assert "FY27 Q4" in out
    assert "€79,000" in out or "€79K" in out
    Path("opp-analytics.toml").write_text("fiscal_year_start = 7\n")
    code, _, err = command(*asked)
    assert code == 1
    assert (
        "the org of deals.parquet and the given org contradict each other: fiscal_year_start is 2"
        in err
    )


def test_source__says_how_to_go_on_without_an_account(
    command: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BLOCKS_API_URL", "BLOCKS_AUTH_TOKEN", "BLOCKS_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    code, _, err = command("audit")
    assert code == 1
    assert "BLOCKS_API_URL" in err
    assert "opp-analytics start FILE; or read one with --from FILE" in err


def test_source__without_a_file_is_the_record_of_the_day_asked_for(
    command: Command, here: Path, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BLOCKS_API_URL", raising=False)
    for day, amount in ("2026-11-01", 500), ("2026-11-08", 700):
        write_staged(here, 10, amount=amount)
        command("record", "--from", report, "--org", "salesforce", "--at", f"{day}T12:00")
    for day, value in ("2026-11-07", "5K"), ("2026-11-08", "7K"):
        _, out, _ = command("categories", "--as-of", day, "--org", "salesforce")
        assert "from the record of 2026-11-0" in out
        assert value in out
    code, _, err = command("win-rate", "--as-of", "2026-10-31")
    assert code == 1
    assert "The history does not reach back to 2026-10-31" in err


@pytest.mark.slow
def test_source__asked_as_of_a_later_day_tells_nothing_that_nobody_saw(
    command: Command, here: Path, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BLOCKS_API_URL", raising=False)
    for day, deals in ("2026-11-16T12:00", 9), ("2026-11-23T12:00", 10):
        write_staged(here, deals)
        command("record", "--from", report, "--org", "salesforce", "--at", day)
    late, last_seen = "2026-12-01", "As last seen on Nov 23, 2026: "
    for asked in "audit", "forecast", "categories", "win-rate", "scorecard", "risk":
        words = (asked, "--org", "salesforce", "--quiet")
        _, out, _ = command(*words, "--as-of", late)
        assert out.count(last_seen) == 1
        assert "closed at" not in out
        assert asked != "audit" or out.replace(last_seen, "") == command(*words)[1]
        told = json.loads(command(*words, "--json", "--as-of", late)[1])
        for one in told.get("answers", [told]):
            assert (one["as_of"], one["seen_at"][:10]) == (late, "2026-11-23")


def test_source__of_the_api_is_the_record_of_an_earlier_day(
    command: Command, account: Account, here: Path
) -> None:
    account(3)
    _, out, _ = command("win-rate", "--as-of", "2026-03-10")
    assert "without a record, those of Mar 10, 2026 are not known." in out
    write_staged(here, 10)
    command("record", "--from", "deals.csv", "--org", "salesforce", "--at", "2026-03-09T12:00")
    _, out, _ = command("win-rate", "--org", "salesforce", "--as-of", "2026-03-10")
    assert "Read 10 opportunities from the record of 2026-03-09 in opp-history" in out


def test_source__says_what_was_guessed(command: Command, here: Path) -> None:
    deal = {"Id": ["1"], "StageName": ["Demo"], "Amount": ["5"], "CloseDate": ["2026-11-20"]}
    pd.DataFrame(deal).to_csv(here / "deals.csv", index=False)
    code, out, _ = command("audit", "--from", "deals.csv", "--as-of", "2026-11-25")
    assert code == 0
    assert 'deals.csv.\n"Demo" unknown; opp-analytics import-crm deals.csv lists all.\n' in out
    more = pd.DataFrame({**deal, "Opportunity - Owner": ["Ann"]})
    pd.concat([more.assign(Id=str(k), StageName=f"Demo {k}") for k in range(3)]).to_csv(
        "deals.csv", index=False
    )
    _, out, _ = command("audit", "--from", "deals.csv", "--as-of", "2026-11-25")
    assert '"Opportunity - Owner" read as owner name (a guess)' in out
    assert "and 1 more; opp-analytics import-crm deals.csv lists all." in out


@pytest.mark.parametrize(
    ("asked", "option", "day"),
    [
        (["record", "--at", "2027-01-01"], "--day-first", "2027-04-03"),
        (["record", "--at", "2027-01-01"], "--month-first", "2027-03-04"),
        (["audit"], "--day-first", None),
        (["report", "--out", "week.html"], "--day-first", None),
    ],
)
def test_source__asks_for_the_order_of_day_and_month_where_no_row_tells(
    command: Command, here: Path, asked: list[str], option: str, day: str | None
) -> None:
    rows = "1,Acme,Prospecting,5,03/04/2027\n2,Bolt,Prospecting,6,05/06/2027\n"
    (here / "deals.csv").write_text("Id,Name,StageName,Amount,CloseDate\n" + rows)
    code, _, err = command(*asked, "--from", "deals.csv")
    assert code == 1
    assert "CloseDate='03/04/2027' may mean Mar 4, 2027 or Apr 3, 2027" in err
    assert "no other row of the file tells\n  Use --day-first or --month-first\n" in err
    code, _, err = command(*asked, "--from", "deals.csv", option)
    assert (code, err) == (0, "")
    if day is not None:
        first = oa.History(here / "opp-history").as_of("2027-01-02")["close_date"].iloc[0]
        assert first == pd.Timestamp(day)


@pytest.mark.parametrize(
    ("header", "rows", "says"),
    [
        (
            "unique_id,Amount",
            ["1,5", "1,6"],
            "row 3: unique_id='1' is also in row 2, with another Amount; export",
        ),
        (
            "Id,Amount",
            ["1,lots"],
            "; to read the rest with these cells blank, use --unreadable blank\n",
        ),
        (
            "Id,Amount",
            ["1,1.500"],
            "and no other row of the file tells; use --decimal-comma or --no-decimal-comma\n",
        ),
    ],
)
def test_start__says_in_words_of_the_shell_what_is_wrong_with_a_file(
    command: Command, here: Path, header: str, rows: list[str], says: str
) -> None:
    lines = [
        f"{header},Name,Stage,Close Date",
        *(f"{row},Acme,Prospecting,2027-03-14" for row in rows),
    ]
    (here / "deals.csv").write_text("\n".join(lines) + "\n")
    code, _, err = command("start", "deals.csv", "--yes")
    assert (code, says in err, err) == (1, True, err)


def test_find_org__takes_a_file_a_preset_or_the_folders_own(here: Path) -> None:
    assert find_org(None) is None
    assert "Closed Won" in find_org(Path("salesforce")).stages.won
    (here / "mine.toml").write_text('currency = "EUR"\n')
    (here / "opp-analytics.toml").write_text('currency = "USD"\n')
    assert [org and org.currency for org in (find_org(Path("mine.toml")), find_org(None))] == [
        "EUR",
        "USD",
    ]
    with pytest.raises(OrgError, match="none.toml"):
        find_org(Path("none.toml"))


COMMANDS = set(typer.main.get_command(app).commands) - {"org", "runs", "skill"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_commands__take_an_org_file(command: Command, name: str) -> None:
    assert "--org" in command(name, "--help")[1]


OLD = """Opportunity ID,Opportunity Name,Stage,Amount,Close Date,Created Date
1,One,Closed Won,500.00,7/7/2015,1/15/2015
2,Two,Prospecting,700.00,12/28/2015,2/15/2015
"""


@pytest.mark.parametrize("asked", ["record", "export"])
def test_old_data__are_said_by_a_command_of_today(command: Command, here: Path, asked: str) -> None:
    (here / "old.csv").write_text(OLD)
    arguments = [
        asked,
        *(["copy.csv"] if asked == "export" else []),
        "--from",
        "old.csv",
        "--org",
        "salesforce",
    ]
    _, out, _ = command(*arguments)
    assert "Old data: newest date 2015-07-07" in out
    assert ("did you mean --at 2015-07-07?" in out) == (asked == "record")
    if asked == "record":
        assert "Old data" not in command(*arguments, "--at", "2015-07-07")[1]


def test_day__of_a_command_is_that_of_the_data_and_said(command: Command, here: Path) -> None:
    (here / "old.csv").write_text(OLD)
    _, out, _ = command("audit", "--from", "old.csv", "--org", "salesforce")
    assert "As of Jul 7, 2015, the day of the data.\n" in out
    assert "nothing to fix in 2 deals" in out
    assert "As of Jul 7, 2015" not in command("record", "--from", "old.csv")[1]


DOUBTFUL = (
    "Opportunity ID;Opportunity Name;Stage;Amount;Close Date\n1;One;Prospecting;45.000;2026-12-28\n"
)


def test_target__is_read_in_the_orgs_currency(command: Command, here: Path) -> None:
    (here / "opp-analytics.toml").write_text('preset = "salesforce"\ncurrency = "USD"\n')
    (here / "deals.csv").write_text(DOUBTFUL)
    asked = [
        "forecast",
        "--as-of",
        "2026-12-01",
        "--from",
        "deals.csv",
        "--decimal-comma",
        "--target",
    ]
    assert command(*asked, "$45,000")[0] == 0
    for typed, reason in (
        ("€45,000", "is in €, not in USD"),
        ("45.000", "may mean 45,000 or 45"),
    ):
        code, _, err = command(*asked, typed)
        assert code == 2
        assert reason in " ".join(err.replace("│", " ").split())


def test_history__whose_name_cannot_be_is_refused(command: Command, report: Path) -> None:
    code, _, err = command(
        "forecast", "--from", report, "--org", "salesforce", "--history", "x" * 400
    )
    assert code == 1
    assert "File name too long" in " ".join(err.split())
