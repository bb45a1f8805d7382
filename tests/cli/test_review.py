"""The commands of a Monday."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import typer.main

import opp_analytics as oa
from opp_analytics import History
from opp_analytics.cli.app import _import, app
from opp_analytics.cli.output import _plain
from opp_analytics.writer import Plan
from tests.analysis.forecasting.histories import even_months
from tests.cli.deals import deals
from tests.cli.kinds import Account, Command
from tests.support import row


def two_weeks(week: int) -> pd.DataFrame:
    """Two weeks of three deals, due in March: the second one wins a deal and pushes another out."""
    rows = [
        row(1, name="Oakhurst", owner_name="Ann", value=1000, close_date="2026-03-20"),
        row(2, name="=Bolt|A1", owner_name="Bo", value=500, close_date="2026-03-25"),
        row(3, name="Cog", owner_name="Bo", value=200, close_date="2026-03-28"),
    ]
    if week:
        rows[0] |= {
            "stage": "closed_won",
            "status": "won",
            "probability": 100,
            "close_date": "2026-03-06",
        }
        rows[1] |= {"close_date": "2026-04-25"}
    return pd.DataFrame(rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    history = History(tmp_path / "history")
    for week, day in enumerate(("2026-03-02", "2026-03-09")):
        history.record(two_weeks(week), at=f"{day}T06:00Z")
    return tmp_path / "history"


def test_changes__say_why_whose_and_which(command: Command, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "changes.xlsx"
    asked = [
        "changes",
        "--history",
        folder,
        "--since",
        "2026-03-03",
        "--by",
        "owner_name",
        "--out",
        file,
    ]
    code, out, err = command(*asked)
    assert (code, err) == (0, "")
    assert (
        "March is up 100 since Mar 2, to 1.1K: Oakhurst won beyond its chance (+400) and "
        "=Bolt|A1 pushed out (−300)"
    ) in out
    assert "Pipeline went from 1.7K (3 deals) to 700 (2 deals): won 1K (1)." in out
    assert out.index("By owner name") < out.index("Deals") < out.index("Pipeline")
    sheets = pd.read_excel(file, sheet_name=None)
    assert list(sheets) == ["Forecast", "Deals", "Pipeline", "Movements"]
    assert sheets["Deals"]["expected"].tolist() == [400, -300]
    assert sheets["Deals"].columns.tolist()[-1] == "unique_id"
    assert all(
        cell.data_type != "f"
        for sheet in openpyxl.load_workbook(file)
        for line in sheet.iter_rows()
        for cell in line
    )


def test_changes__without_a_forecast_still_say_what_moved_the_pipeline(
    command: Command, tmp_path: Path
) -> None:
    log = even_months(9).changes().drop(columns="operation")
    History.from_changes(log, path=tmp_path / "history")
    asked = [
        "changes",
        "--history",
        tmp_path / "history",
        "--since",
        "2026-02-11",
        "--until",
        "2026-07-20",
    ]
    code, out, _ = command(*asked)
    assert code == 0
    assert "Not known: --method 'learned' needs 3 ended months" in out
    assert "Pipeline went from 200 (2 deals) to 0 (0 deals)" in out


def test_changes__of_an_empty_history_say_what_to_do(command: Command, tmp_path: Path) -> None:
    for name in ("changes", "created"):
        code, _, err = command(name, "--history", tmp_path / "none")
        assert code == 1
        assert (
            "none holds no records; make one every day with: opp-analytics record --history "
            f"{tmp_path}"
        ) in err


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (
            ["--since", "2026-01-05"],
            (
                "does not reach back to 2026-01-05 00:00 UTC: the first record is from 2026-03-02 "
                "06:00 UTC; choose 2026-03-03 or later"
            ),
        ),
        (
            ["--since", "2026-03-09", "--until", "2026-03-03"],
            "--until 2026-03-03 is before --since 2026-03-09; swap them",
        ),
        (
            ["--period", "March"],
            "--period 'March' is not a period of frequency M; write it like '2026-03'",
        ),
        (["--by", "team"], "; [people] of the org file gives team"),
    ],
)
def test_changes__name_what_they_cannot_show(
    command: Command, folder: Path, asked: list[str], says: str
) -> None:
    code, _, err = command("changes", "--history", folder, *asked)
    assert code == 1
    assert says in err


def test_changes__of_a_young_history_begin_with_its_first_record(
    command: Command, tmp_path: Path
) -> None:
    history = History(tmp_path / "young")
    history.record(two_weeks(0), at="2026-03-06T06:00Z")
    code, _, err = command("changes", "--history", tmp_path / "young")
    assert code == 1
    assert (
        "young holds one record, and a change needs two; make one every day with: opp-analytics"
        in err
    )
    history.record(two_weeks(1), at="2026-03-09T06:00Z")
    code, out, err = command("changes", "--history", tmp_path / "young")
    assert (code, err) == (0, "")
    assert "March is up 100 since Mar 6" in out
    assert "Pipeline went from 1.7K (3 deals) to 700 (2 deals): won 1K (1)." in out


def test_risk__lists_reasons_and_sums_by_owner(
    command: Command, account: Account, folder: Path, tmp_path: Path
) -> None:
    account(two_weeks(1))
    History(folder).record(two_weeks(1), at="2026-03-30T06:00Z")
    file = tmp_path / "risk.md"
    asked = [
        "risk",
        "--history",
        folder,
        "--as-of",
        "2026-03-30",
        "--by",
        "owner_name",
        "--out",
        file,
    ]
    code, out, err = command(*asked)
    assert (code, err) == (0, "")
    assert "2 days overdue" in out
    assert "Bo" in out.split("By owner name")[1].split("Deals")[0]
    page = file.read_text()
    assert page.startswith("## By owner name")
    assert "| Bo | 1 | 200 |" in page.split("## Deals")[0]
    assert r"=Bolt\|A1" in page.split("## Deals")[1]


WRONG = [
    row(1, stage="closed_won", status="active", probability=60, close_date="2026-03-01"),
    row(2, value=-5, close_date="2026-03-01"),
    row(3, close_date="2026-03-20", updated_at="2026-03-05T10:00:00Z"),
]


def test_audit__lists_findings_and_money_by_check(
    command: Command, account: Account, tmp_path: Path
) -> None:
    account(pd.DataFrame(WRONG))
    file = tmp_path / "findings.csv"
    code, out, err = command("audit", "--as-of", "2026-03-10", "--out", file)
    assert (code, err) == (0, "")
    for text in (
        "Closed by stage, not by status",
        "Won, but not at 100%",
        "Amount of zero or less",
        "Past the close date",
        "Deal 2",
    ):
        assert text in out
    assert "2 suggested fixes" in out
    written = pd.read_csv(file)
    assert set(written["unique_id"]) == {"opp-1", "opp-2"}
    # Whose deal it is comes first, its id last, as in the files of the other commands.
    assert [*written.columns[:2], written.columns[-1]] == ["name", "stage", "unique_id"]
    assert set(written["name"]) == {"Deal 1", "Deal 2"}


def test_audit__fixes_through_a_plan(command: Command, account: Account, tmp_path: Path) -> None:
    client = account(pd.DataFrame(WRONG))
    file = tmp_path / "plan.json"
    _, out, _ = command("audit", "--as-of", "2026-03-10", "--fix", file)
    assert "2 changes planned" in out
    assert len(Plan.read(file)) == 2
    code, out, _ = command("apply", file, "--yes")
    assert code == 0
    changed = client.get("opp-1")
    assert (changed["status"], changed["probability"]) == ("won", 100)
    # Our own write is no sign of life, and what was fixed is found no more.
    _, out, _ = command("audit", "--as-of", "2026-03-10")
    assert "status_behind_stage" not in out


def test_audit__says_when_nothing_is_found(command: Command, account: Account) -> None:
    account(pd.DataFrame([WRONG[2]]))
    _, out, _ = command("audit", "--as-of", "2026-01-10")
    assert "Nothing found" in out


@pytest.mark.parametrize(
    ("option", "ending"), [("--out", ".xlsx, .csv or .md"), ("--fix", ".json")]
)
def test_audit__refuses_an_unknown_ending_before_asking(
    command: Command, tmp_path: Path, option: str, ending: str
) -> None:
    code, _, err = command("audit", option, tmp_path / "file.doc")
    assert code == 1
    assert f"use {ending}" in err


@pytest.fixture
def proved(here: Path) -> Path:
    """A history in the folder that the commands look in."""
    History.from_changes(
        even_months(14).changes().drop(columns="operation"), path=here / "opp-history"
    )
    return here


@pytest.mark.slow
def test_prove__prints_the_scores_and_draws_them(command: Command, proved: Path) -> None:
    code, out, err = command("prove", "--out", "proof.png")
    assert (code, err) == (0, "")
    said, *_, written = out.splitlines()
    table = oa.score(oa.backtest(History(proved / "opp-history"), freq="M", methods="all"))
    assert said == oa.sentence(table)
    assert written == "Written to proof.png."
    assert [file.name for file in proved.glob("*.*")] == ["proof.png"]
    assert (proved / "proof.png").read_bytes().startswith(b"\x89PNG")
    for name in table.index:
        assert name.replace("_", " ") in out
    code, out, err = command("prove", "--freq", "Q")
    assert (code, err) == (0, "")
    assert "Too few past forecasts to judge: " in out


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_prove__without_enough_history_says_so_and_writes_nothing(
    command: Command, here: Path, words: list[str]
) -> None:
    History.from_changes(even_months(1).changes().drop(columns="operation"), path=here / "young")
    for name, says in (("none", "none holds no records"), ("young", "keep recording")):
        code, out, err = command("prove", "--history", name, *words)
        assert (code, out) == (1, "")
        assert says in err
        assert list(here.glob("*.*")) == []


DAY = "2027-02-12"
FILES = f"--from deals.parquet --as-of {DAY}"
Tables = dict[str, pd.DataFrame]


def read(folder: Path) -> tuple[pd.DataFrame, History, dict[str, Any]]:
    """The deals and the history of the folder, and the question about both."""
    history = History(folder / "opp-history")
    found = oa.read_export(folder / "deals.parquet", oa.Org())
    return found, history, {"as_of": DAY}


def ask(function: Callable[[pd.DataFrame, History, dict[str, Any]], Any]) -> Callable[[Path], Any]:
    return lambda folder: function(*read(folder))


ANSWERS: dict[str, Callable[[Path], Any]] = {
    f"forecast {FILES} --target 150": ask(
        lambda d, h, q: oa.forecast(d, history=h, freq="M", periods=3, target=150, **q)
    ),
    f"forecast {FILES} --by owner_name --method stated": ask(
        lambda d, h, q: oa.forecast(
            d, history=h, freq="M", by="owner_name", periods=3, totals=True, method="stated", **q
        )
    ),
    f"win-rate {FILES}": ask(lambda d, h, q: oa.win_rate(d, **q)),
    f"win-rate {FILES} --by owner_name --freq Q --since 2026-03-01": ask(
        lambda d, h, q: oa.win_rate(d, by="owner_name", freq="Q", start="2026-03-01", **q)
    ),
    "funnel --from deals.parquet": ask(lambda d, h, q: oa.stage_funnel(d)),
    "slippage": ask(lambda d, h, q: oa.slippage(h, start="2027-01-01", end="2027-01-31")),
    "slippage --start 2026-11-01 --end 2026-12-31 --by owner_name": ask(
        lambda d, h, q: oa.slippage(h, start="2026-11-01", end="2026-12-31", by="owner_name")
    ),
    f"pacing {FILES}": ask(lambda d, h, q: oa.pacing(d, h, **q)),
    f"categories {FILES}": ask(lambda d, h, q: oa.forecast_categories(d, **q)),
    f"scorecard {FILES}": ask(lambda d, h, q: oa.scorecard(d, h, **q)),
    "created --by owner_name": ask(
        lambda d, h, q: oa.pipeline_created(h, freq="M", by="owner_name")
    ),
    f"risk {FILES}": ask(
        lambda d, h, q: {"deals": oa.deal_flags(d, h, **q).assign(probability=0, chance=0.0)}
    ),
    f"audit {FILES}": ask(lambda d, h, q: {"summary": oa.audit_summary(oa.audit(d, **q))}),
    "changes --since 2027-01-12 --until 2027-01-21": ask(
        lambda d, h, q: {
            "forecast": oa.forecast_change(
                h, start="2027-01-12", end="2027-01-21", period="2027-01", freq="M"
            ),
            "movements": oa.movements(h, start="2027-01-12", end="2027-01-21"),
            "pipeline": oa.waterfall(h, start="2027-01-12", end="2027-01-21"),
        }
    ),
    "prove": ask(lambda d, h, q: oa.score(oa.backtest(h, freq="M", methods="all"))),
    "runs": lambda folder: oa.runs(),
}
"""By command: its table, or some of its tables by name."""


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a history of a year, and the deals of one of its days."""
    folder = tmp_path_factory.mktemp("stored")
    log = even_months(14, owners=True).changes().drop(columns="operation")
    log = log[log["seen_at"] < "2027-02-13"]
    names = log["unique_id"].map("Consolidated Consolidation Holdings, renewal of {}".format)
    history = History.from_changes(log.assign(name=names), path=folder / "opp-history")
    for day, name in ((DAY, "deals"), ("2027-01-25", "won"), ("2027-01-12", "open")):
        history.as_of(day).to_parquet(folder / f"{name}.parquet")
    return folder


@pytest.fixture
def asked(stored: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command in that folder, in a terminal of 80 columns."""
    monkeypatch.chdir(stored)
    monkeypatch.setenv("COLUMNS", "80")
    return command


@pytest.mark.slow
@pytest.mark.parametrize("words", ANSWERS)
def test_json__holds_the_table_of_its_function_and_nothing_else(
    asked: Command, stored: Path, words: str
) -> None:
    code, out, err = asked(*shlex.split(words), "--json")
    assert code == 0, err
    found = json.loads(out)
    tables = ANSWERS[words](stored)
    alone = isinstance(tables, pd.DataFrame)
    assert ("tables" in found) != alone
    for name, table in {"": tables}.items() if alone else tables.items():
        one = found if alone else found["tables"][name]
        names = [str(level) for level in table.index.names if level is not None]
        assert sorted(one["columns"]) == sorted([*names, *map(str, table.columns)]), name
        assert one["columns"][: len(names)] == names
        assert len(one["rows"]) == len(table), name
        assert all(list(row) == one["columns"] for row in one["rows"])
        numbers = [n for n in table.select_dtypes("number") if n not in ("probability", "chance")]
        flat = table.reset_index() if names else table
        said = [[row[n] for n in numbers] for row in one["rows"]]
        assert said == [
            [_plain(cell) for cell in row] for row in flat[numbers].itertuples(index=False)
        ], name
        assert "org" not in one["note"]


@pytest.mark.parametrize("words", ANSWERS)
def test_tables__fit_the_terminal(asked: Command, words: str) -> None:
    code, out, err = asked(*shlex.split(words))
    assert code == 0, err
    rows = [line for line in out.splitlines() if re.search(r"\S {2,}\S", line)]
    assert [line for line in rows if len(line) > 80] == []


@pytest.mark.slow
@pytest.mark.parametrize("words", [f"forecast {FILES} --target 150", "slippage", "runs"])
def test_quiet__leaves_out_notes(asked: Command, words: str) -> None:
    code, out, err = asked(*shlex.split(words), "--quiet")
    assert (code, err) == (0, "")
    assert out
    assert [
        line
        for line in out.splitlines()
        if line.startswith(("Read ", "Method", "Old data", "Coverage"))
    ] == []


def test_forecast__keeps_the_target_beside_compact_money(asked: Command) -> None:
    _, out, _ = asked(
        "forecast", *shlex.split(FILES), "--target", "1234567.89", "--by", "owner_name"
    )
    head = next(line for line in out.splitlines() if "period" in line)
    assert head.split()[:7] == [
        "owner_name",
        "period",
        "booked",
        "expected",
        "low",
        "high",
        "target",
    ]
    assert "1.23M" in out
    assert "1,234,567" not in out
    assert "pipeline_coverage and open_value; --out FILE or --json has all." in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--from won.parquet --as-of 2027-01-25 --target 100", "met"),
        ("--from open.parquet --as-of 2027-01-12 --target 100", "none"),
        ("--from open.parquet --as-of 2027-01-12 --target 5000", "8.6K"),
    ],
)
def test_forecast__says_a_word_where_there_is_no_pipeline_to_add(
    asked: Command, words: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    _, out, _ = asked("forecast", *words.split())
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line}
    assert rows["2027-01"][rows["period"].index("needed_pipeline")] == says


def test_method__is_one_sentence_and_explained_when_asked(asked: Command) -> None:
    words = ("forecast", *shlex.split(FILES), "--history", "none")
    _, out, _ = asked(*words)
    assert (
        "Method: run rate, from 12 ended months. There is no history to learn from yet. (--explain"
        in out
    )
    assert "there is no history" not in out
    _, out, _ = asked(*words, "--explain")
    assert "Method: run rate: there is no history." in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--by owner", "no column 'owner'; did you mean 'owner_name'? It has unique_id"),
        ("--method lerned", "--method 'lerned' is unknown; did you mean 'learned'?"),
        ("--freq month", "--freq 'month' is not a period alias; did you mean 'M'?"),
        ("--freq Quarterly", "did you mean 'Q'?"),
        (
            "--org salesforc",
            'no file or preset "salesforc"; did you mean salesforce? Presets: salesforce, hubspot',
        ),
        (
            "--org whatever",
            (
                'no file or preset "whatever"; choose one of the presets, or name a file. Presets: '
                "sales"
            ),
        ),
    ],
)
def test_arguments__that_are_almost_right_get_a_suggestion(
    asked: Command, words: str, says: str
) -> None:
    code, _, err = asked("forecast", *shlex.split(FILES), *words.split())
    assert code == 1
    assert says in err


def test_slippage__of_a_history_that_begins_now_says_from_when_it_can_be_asked(
    command: Command, here: Path
) -> None:
    deals().to_parquet("deals.parquet", index=False)
    assert command("record", "--from", "deals.parquet")[0] == 0
    today = pd.Timestamp.now("UTC")
    code, _, err = command("slippage")
    assert code == 1
    said = (
        f"opp-history begins on {today:%Y-%m-%d}, so it does not know what was due in "
        f"{today.to_period('M') - 1}"
    )
    assert said in " ".join(err.split())


def test_warnings__are_said_once_with_the_largest_number(
    command: Command, here: Path, account: Account
) -> None:
    history = History(here / "opp-history")
    for day, strange in (("2026-03-02", 1), ("2026-03-09", 3)):
        frame = pd.DataFrame(deals().assign(close_date="2026-03-20", owner_name="Ann"))
        frame["stage"] = ["Weird"] * strange + ["proposal"] * (len(frame) - strange)
        history.record(frame, at=day)
    frame.to_csv("deals.csv", index=False)
    words = ("scorecard", "--from", "deals.csv", "--as-of", "2026-03-10")
    code, _, err = command(*words)
    assert code == 0, err
    notes = [line for line in err.splitlines() if "unknown stages" in line]
    assert len(notes) == 1
    assert "3 deals left out" in notes[0]
    assert command(*words, "--quiet")[2] == ""


def test_plan__of_a_part_is_of_the_whole_with_the_other_deals_of_the_history(
    command: Command, here: Path
) -> None:
    whole = deals(12)
    History(here / "opp-history").record(whole, at="2026-03-09")
    oa.to_csv(whole.head(2), here / "before.csv")
    oa.to_csv(whole.head(2).assign(value=7.0), here / "after.csv")
    code, out, _ = command("plan", "before.csv", "after.csv", "--offline", "--as-of", "2026-03-10")
    assert code == 0
    assert "as of 2026-03-10; with 10 other deals as recorded; the periods that change" in out


def test_json__of_loads_checks_and_edits(command: Command, account: Account, here: Path) -> None:
    account(deals(3))
    stock = json.loads(command("load", "--json")[1])
    assert stock["columns"] == ["stage", "count", "value"]
    assert stock["rows"][0]["value"] == 3300.0
    assert [row["check"] for row in json.loads(command("doctor", "--json")[1])["rows"]][:3] == [
        "settings",
        "org",
        "API",
    ]
    command("export", "before.csv")
    before = oa.read_csv(here / "before.csv")
    oa.to_csv(before.assign(value=7.0, close_date=pd.Timestamp("2026-05-02")), here / "after.csv")
    code, out, _ = command("plan", "before.csv", "after.csv", "--json", "--as-of", "2026-03-10")
    tables = json.loads(out)["tables"]
    assert (code, list(tables)) == (0, ["changes", "problems", "conflicts", "impact"])
    assert {(row["field"], row["after"]) for row in tables["changes"]["rows"]} == {
        ("value", 7.0),
        ("close_date", "2026-05-02"),
    }
    code, out, err = command("apply", "plan.json", "--json")
    assert (code, out) == (1, "")
    assert "--json cannot ask for confirmation; add --yes" in err
    code, out, _ = command("apply", "plan.json", "--json", "--yes")
    assert code == 0
    assert [row["outcome"] for row in json.loads(out)["rows"]] == ["applied"] * 6
    assert json.loads(command("undo", "--json")[1])["columns"][:2] == ["unique_id", "operation"]
    assert len(json.loads(command("runs", "--json")[1])["rows"]) == 1


def test_json__of_a_plan_with_problems_lists_them(
    command: Command, account: Account, here: Path
) -> None:
    account(deals(2))
    command("export", "before.csv")
    edited = pd.read_csv(here / "before.csv", dtype=str, keep_default_na=False)
    edited.assign(stage="propsal").to_csv(here / "bad.csv", index=False)
    code, out, err = command("plan", "before.csv", "bad.csv", "--json")
    assert code == 1
    assert "2 problems" in err
    assert len(json.loads(out)["tables"]["problems"]["rows"]) == 2


def test_commands__that_show_a_table_are_all_here() -> None:
    tabled = {
        name
        for name in typer.main.get_command(app).commands  # type: ignore[attr-defined]
        if any(option.name == "as_json" for option in _import(name).params)
    }
    own = {"load", "doctor", "import-crm", "plan", "apply", "resume", "undo", "call", "calls"}
    own |= {"ask"}
    assert tabled == {words.split()[0] for words in ANSWERS} | own


def test_json__of_an_import_and_an_org_file(asked: Command, stored: Path) -> None:
    (stored / "own.toml").write_text('[[stages]]\nname = "Demo"\nkind = "open"\nprobability = 40\n')
    tables = json.loads(asked("org", "check", "own.toml", "--json")[1])["tables"]
    assert [(row["stage"], row["probability"]) for row in tables["stages"]["rows"]] == [
        ("Demo", 40)
    ]
    assert "time zone" in [row["fact"] for row in tables["facts"]["rows"]]
    pd.read_parquet(stored / "deals.parquet").to_csv(stored / "deals.csv", index=False)
    tables = json.loads(asked("import-crm", "deals.csv", "--json")[1])["tables"]
    assert tables["opportunities"]["columns"] == ["theirs", "ours", "how", "note"]
    assert sum(row["count"] for row in tables["stages"]["rows"]) == 41


@pytest.mark.slow
def test_report__is_made_by_the_method_asked_for(asked: Command, tmp_path: Path) -> None:
    page = tmp_path / "weekly.html"
    code, _, err = asked(
        "report", *shlex.split(FILES), "--no-record", "--method", "stated", "--out", page
    )
    assert code == 0, err
    assert "Method: stated" in page.read_text("utf-8")
