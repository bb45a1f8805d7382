"""The commands of a Monday."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import History
from opp_analytics.answers import CATALOG
from opp_analytics.cli.app import _import
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


ASKED = {
    command: {key: one for key, one in CATALOG.items() if one.command == command}
    for command in dict.fromkeys(question.command for question in CATALOG.values())
    if " " not in command
}
"""The questions that have a command of their own, by its name."""


@pytest.mark.parametrize("name", ASKED)
def test_commands__have_the_options_of_their_questions(name: str) -> None:
    options = {one.name for one in _import(name).params}
    others = {option for one in CATALOG.values() for option in (*one.options, *one.filters)}
    wanted = {name for one in ASKED[name].values() for name in (*one.options, *one.filters)}
    wanted.discard("deals")
    assert options & others == wanted
    assert {"most", "after", "as_json", "quiet", "tables_file"} <= options


def test_ask__without_a_question_lists_all_and_needs_no_deals(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BLOCKS_API_URL", raising=False)
    code, out, _ = command("ask")
    assert code == 0
    assert set(CATALOG) <= set(out.split())


def test_changes__of_an_empty_history_say_what_to_do(command: Command, tmp_path: Path) -> None:
    for name in ("changes", "created", "slippage", "prove"):
        code, out, err = command(name, "--history", tmp_path / "none")
        assert (code, out) == (1, "")
        assert (
            "none holds no records; make one every day with: opp-analytics record --history "
            f"{tmp_path}"
        ) in err


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["--since", "2026-01-05"], "No record by Jan 5, 2026; the first one is from Mar 2, 2026"),
        (["--since", "2026-03-10"], "--since '2026-03-10' is not before the day of the report"),
        (
            ["--period", "March"],
            "--period 'March' is not a period of frequency M; write it like '2026-03'",
        ),
        (["--period", "2026-02"], "--period '2026-02' is over on 2026-03-09; ask as of a day in"),
        (["--for", "Zoe"], "--for 'Zoe' is nobody's name; use one of Ann or Bo"),
        (["--after", "nowhere"], "--after 'nowhere' is no id of a row"),
    ],
)
def test_changes__name_what_they_cannot_show(
    command: Command, folder: Path, asked: list[str], says: str
) -> None:
    code, _, err = command("changes", "--history", folder, *asked)
    assert code == 1
    assert says in err


def test_ask__refuses_an_option_that_the_question_does_not_have(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BLOCKS_API_URL", raising=False)
    code, _, err = command("ask", "slippage", "--history", folder, "--target", "5k")
    assert code == 1
    assert "--target 5000.0 is no option of slippage; it has freq and part" in err


@pytest.mark.slow
def test_out__writes_the_tables_the_page_or_the_json(
    command: Command, folder: Path, tmp_path: Path
) -> None:
    asked = ("changes", "--history", folder)
    for name in ("a.xlsx", "a.csv", "a.html", "a.json"):
        code, out, err = command(*asked, "--out", tmp_path / name)
        assert (code, err) == (0, "")
        assert f"{name}." in out
    _, told, _ = command(*asked, "--json")
    assert json.loads((tmp_path / "a.json").read_text()) == json.loads(told)
    assert "Oakhurst won (+400)" in (tmp_path / "a.html").read_text()
    assert list(pd.read_csv(tmp_path / "a.csv")["id"])[:2] == ["then", "won"]
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == ["Steps"]
    assert all(
        cell.data_type != "f" for sheet in book for line in sheet.iter_rows() for cell in line
    )


@pytest.mark.slow
def test_most__cuts_tables_and_after_goes_on(command: Command, folder: Path) -> None:
    asked = ("changes", "--history", folder)
    whole = json.loads(command(*asked, "--json")[1])
    first = json.loads(command(*asked, "--json", "--most", "2")[1])
    rest = json.loads(command(*asked, "--json", "--after", first["more_after"])[1])
    assert whole["rows"] == first["rows"] + rest["rows"]
    assert (whole["more_after"], rest["more_after"]) == (None, None)
    _, out, _ = command(*asked, "--most", "2")
    assert f"… and {len(whole['rows']) - 2} more; --out FILE or --json has all." in out


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
    assert set(written["name"]) == {"Deal 1", "Deal 2"}
    account(pd.DataFrame([WRONG[2]]))
    _, out, _ = command("audit", "--as-of", "2026-01-10")
    assert "The audit found nothing to fix in 1 deal" in out


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
    assert "Proof of the forecast" in out
    assert out.splitlines()[-1] == "Written to proof.png."
    assert [file.name for file in proved.glob("*.*")] == ["proof.png"]
    assert (proved / "proof.png").read_bytes().startswith(b"\x89PNG")
    code, out, err = command("prove", "--freq", "Q")
    assert (code, err) == (0, "")
    assert "Too few past forecasts to judge: " in out


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_prove__without_enough_history_says_so_and_writes_nothing(
    command: Command, here: Path, words: list[str]
) -> None:
    History.from_changes(even_months(1).changes().drop(columns="operation"), path=here / "young")
    code, out, err = command("prove", "--history", "young", "--out", "proof.png", *words)
    assert code == 1
    assert "Proof of the forecast" not in out
    assert "eep recording" in err
    assert not words or json.loads(out)["lacks"]
    assert list(here.glob("*.*")) == []


DAY = "2027-02-12"
FILES = f"--from deals.parquet --as-of {DAY}"


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
@pytest.mark.parametrize("name", [name for name in ASKED if name != "calls"])
def test_json__of_a_command_is_that_of_its_answer(asked: Command, stored: Path, name: str) -> None:
    since: dict[str, Any] = {"since": "2027-01-20"} if name == "changes" else {}
    is_recorded = "--from" not in _list_options(name)
    words = ["--as-of", DAY] if is_recorded else FILES.split()
    words += [word for option, day in since.items() for word in (f"--{option}", day)]
    code, out, err = asked(name, *words, "--json")
    assert code == 0, err
    history = History(stored / "opp-history")
    frame = oa.read_export(stored / "deals.parquet", oa.Org())
    found = history.as_of(DAY) if is_recorded else frame
    answers = [oa.ask(key, found, history, as_of=DAY, **since).to_dict() for key in ASKED[name]]
    told = json.loads(out)
    for one, answer in zip(told.get("answers", [told]), answers, strict=True):
        assert {**one, "seen_at": 0} == {**json.loads(json.dumps(answer)), "seen_at": 0}


def _list_options(name: str) -> list[str]:
    return [option for one in _import(name).params for option in one.opts]


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
    assert "with 10 other deals as recorded Mar 9, as of Mar 10, 2026" in out


def test_json__of_loads_checks_and_edits(command: Command, account: Account, here: Path) -> None:
    account(deals(3))
    stock = json.loads(command("load", "--json")[1])
    assert stock["columns"] == ["stage", "count", "value"]
    assert stock["rows"][0]["value"] == 3300.0
    checks = [row["check"] for row in json.loads(command("doctor", "--json")[1])["rows"]]
    assert checks[:3] == ["versions", "settings", "org"]
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
