"""`opp-analytics start`: from the files that somebody has to Monday's page, or nothing at all."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.answers.alerts import Alert, Watched
from opp_analytics.history import History
from opp_analytics.report import WeeklyReport
from tests.cli.kinds import Command

TODAY = pd.Timestamp.now("UTC").tz_localize(None).normalize()
MONTH = f"{TODAY:%Y-%m}"
MADE = ["opp-analytics.toml", "opp-history", "weekly.html", "weekly.xlsx"]


def day(days: int) -> str:
    return f"{TODAY + pd.Timedelta(days=days):%m/%d/%Y}"


def write_deals(folder: Path, name: str = "deals.csv", **changes: Any) -> Path:
    """Three deals as Salesforce writes them, with `changes` of the first one's cells."""
    rows = [
        [
            "006Hs00001AbCdE",
            "Acme",
            "Negotiation/Review",
            "$120,000.00",
            day(9),
            day(-60),
            "Ann Lee",
            day(-1),
        ],
        [
            "006Hs00001AbCdF",
            "Beta, Inc.",
            "Prospecting",
            "$5,000.00",
            day(30),
            day(-50),
            "Bob Roe",
            day(-2),
        ],
        [
            "006Hs00001AbCdG",
            "Çelik 漢字",
            "Closed Won",
            "$9,000.00",
            day(-5),
            day(-90),
            "Ann Lee",
            day(-5),
        ],
    ]
    labels = [
        *(
            "Opportunity ID",
            "Opportunity Name",
            "Stage",
            "Amount",
            "Close Date",
            "Created Date",
            "Opportunity Owner",
        ),
        "Last Modified Date",
    ]
    table = pd.DataFrame(rows, columns=labels)
    for label, cell in changes.items():
        table.loc[0, label.replace("_", " ")] = cell
    table.to_csv(folder / name, index=False)
    return folder / name


def write_log(folder: Path, name: str = "history.csv") -> Path:
    pd.DataFrame(
        {
            "Opportunity ID": ["006Hs00001AbCdE", "006Hs00001AbCdG"],
            "Field / Event": ["Stage", "Stage"],
            "Old Value": ["Prospecting", "Negotiation/Review"],
            "New Value": ["Negotiation/Review", "Closed Won"],
            "Edit Date": [f"{day(-20)} 9:14 AM", f"{day(-5)} 9:14 AM"],
        }
    ).to_csv(folder / name, index=False)
    return folder / name


def write_targets(folder: Path, name: str = "quota.csv") -> Path:
    (folder / name).write_text(f"Month,Rep,Quota\n{MONTH},Ann Lee,50000\n{MONTH},Bob Roe,30000\n")
    return folder / name


def write_people(folder: Path, name: str = "team.csv") -> Path:
    (folder / name).write_text(
        "Rep,Sales Team,Email\nAnn Lee,East,ann@x.example\nBob Roe,West,bob@x.example\n"
    )
    return folder / name


@pytest.fixture
def real_page() -> None:
    """Makes the page, which takes seconds."""


@pytest.fixture(autouse=True)
def page(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Puts two files in place of the page and its workbook, unless a test wants the `real_page`."""
    if "real_page" in request.fixturenames:
        return

    monkeypatch.setattr("opp_analytics.cli.start.oa.weekly_report", write_page)


def write_page(*_: Any, out: Path, **__: Any) -> WeeklyReport:
    """Two files in place of the page and its workbook, which take seconds."""
    for file in (out, out.with_suffix(".xlsx")):
        file.write_text("made by a test")
    return WeeklyReport(out, out.with_suffix(".xlsx"))


def list_made(folder: Path) -> list[str]:
    """What `start` made in a folder."""
    return sorted(file.name for file in folder.iterdir() if file.suffix not in (".csv", ".parquet"))


class Terminal(io.StringIO):
    """A terminal at which somebody types."""

    def isatty(self) -> bool:
        return True


class Interrupted(Terminal):
    """A terminal at which somebody types some lines, then Ctrl-C."""

    def readline(self, *size: Any) -> str:  # type: ignore[override]
        line = super().readline(*size)
        if not line:
            raise KeyboardInterrupt
        return line


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Types lines at a terminal; with `then_stop`, Ctrl-C after them."""

    def type_lines(*lines: str, then_stop: bool = False) -> None:
        text = "".join(f"{line}\n" for line in lines)
        monkeypatch.setattr("sys.stdin", (Interrupted if then_stop else Terminal)(text))

    return type_lines


@pytest.mark.usefixtures("real_page")
def test_start__makes_a_page_of_an_export_and_says_what_each_column_became(
    command: Command, here: Path
) -> None:
    write_deals(here)
    code, out, err = command("start", "deals.csv", "--yes")
    assert (code, err) == (0, "")
    assert list_made(here) == MADE
    assert "deals.csv: 3 deals" in out
    said = {" ".join(line.split()) for line in out.splitlines()}
    assert {"Opportunity ID deal ID", "Amount value", "Stage stage"} <= said
    assert "Next: " in out
    assert "start new-export.csv adds a record" in out
    assert "forecast --by owner_name; also win-rate, funnel" in out
    assert History(here / "opp-history").records["rows"].tolist() == [3]
    org = oa.Org.read(here / "opp-analytics.toml")
    assert org.columns["Amount"] == "value"
    assert org.targets.empty
    assert "Acme" in (here / "weekly.html").read_text(encoding="utf-8")
    # What it wrote is what the other commands read.
    assert command("report", "--from", "deals.csv", "--out", "page.html")[0] == 0


@pytest.mark.slow
def test_start__takes_its_files_in_any_order(command: Command, here: Path, tmp_path: Path) -> None:
    found = []
    for place, order in enumerate(list(permutations(range(4)))[::11]):
        folder = tmp_path / str(place)
        folder.mkdir()
        os.chdir(folder)
        files = [
            write(folder).name for write in (write_deals, write_log, write_targets, write_people)
        ]
        code, out, err = command("start", *(files[number] for number in order))
        assert (code, err) == (0, "")
        assert "quota.csv: targets" in out
        assert "2 people, 2 teams (East and West)" in out
        org = oa.Org.read("opp-analytics.toml")
        assert org.targets["target"].tolist() == [50_000, 30_000]
        assert org.people["team"].tolist() == ["East", "West"]
        found.append((Path("opp-analytics.toml").read_text(), len(History("opp-history").records)))
    assert len(set(found)) == 1
    # The creation of three deals, two changes, and the export itself.
    assert found[0][1] == 6


@pytest.mark.slow
def test_start__given_the_same_file_again_changes_nothing_but_the_page(
    command: Command, here: Path
) -> None:
    write_deals(here), write_log(here)
    command("start", "deals.csv", "history.csv", "--yes")
    org, records = (here / "opp-analytics.toml").read_bytes(), History("opp-history").records
    (here / "weekly.html").unlink()
    code, out, err = command("start", "history.csv", "deals.csv")
    assert (code, err) == (0, "")
    assert "opp-history has no new record: nothing changed" in out
    assert "history.csv is not used: opp-history has 6 records already" in out
    assert (here / "opp-analytics.toml").read_bytes() == org
    pd.testing.assert_frame_equal(History("opp-history").records, records)
    assert list_made(here) == MADE


@pytest.mark.slow
def test_start__given_a_newer_export_adds_a_record_and_keeps_what_a_person_wrote(
    command: Command, here: Path
) -> None:
    write_deals(here)
    command("start", "deals.csv", "--yes")
    org = here / "opp-analytics.toml"
    org.write_text(
        org.read_text().replace(
            "# record_url = ", 'record_url = "https://crm.example.com/{unique_id}" # ours '
        )
    )
    before = org.read_text()
    write_deals(here, "newer.csv", Stage="Closed Won", Amount="$130,000.00")
    code, _, err = command("start", "newer.csv")
    assert (code, err) == (0, "")
    history = History("opp-history")
    assert history.records["changed"].tolist()[-1] == 1
    assert len(history.records) == 2
    assert (
        history.as_of(history.records["recorded_at"].iloc[0])["stage"].tolist()[0]
        == "Negotiation/Review"
    )
    assert org.read_text() == before


def test_start__asks_what_unknown_stages_mean_once_and_for_the_target(
    command: Command, here: Path, typed: Callable[..., None]
) -> None:
    write_deals(here, Stage="Limbo, on hold")
    typed("Limbo=open", "limbo, on hold = lots", "limbo, on hold = lost", "", "80k")
    code, out, err = command("start", "deals.csv")
    assert (code, err) == (0, "")
    assert out.count("What does this stage mean?") == 3
    assert "No deal is in a stage 'Limbo'; did you mean 'Limbo, on hold'?\n" in out
    assert "'lots' is no kind of stage" in out
    org = oa.Org.read("opp-analytics.toml")
    assert org.stages.kinds["Limbo, on hold"] == "lost"
    # The empty line was no target.
    assert org.targets.empty
    write_deals(here, "newer.csv", Stage="Void")
    typed("Void=disqualified")
    assert command("start", "newer.csv")[0] == 0
    assert oa.Org.read("opp-analytics.toml").stages.kinds["Void"] == "disqualified"


@pytest.mark.slow
def test_start__takes_the_kind_alone_where_one_stage_is_asked_about(
    command: Command, here: Path, typed: Callable[..., None]
) -> None:
    write_deals(here, Stage="Limbo")
    typed("openish", "won", "")
    code, out, err = command("start", "deals.csv")
    assert (code, err) == (0, "")
    assert "'openish' is no kind of stage; write NAME=KIND, with open, won, lost or dis" in out
    assert oa.Org.read("opp-analytics.toml").stages.kinds["Limbo"] == "won"
    write_deals(here, "newer.csv", Stage="Void")
    assert command("start", "newer.csv", "--stage", "lost")[0] == 0
    assert oa.Org.read("opp-analytics.toml").stages.kinds["Void"] == "lost"
    code, _, err = command("start", "newer.csv", "--stage", "lost")
    assert (code, "no deal is in a stage ''" in err) == (1, True)


def test_start__takes_the_answers_from_options(command: Command, here: Path) -> None:
    write_deals(here, Stage="Limbo")
    code, _, err = command("start", "deals.csv", "--stage", "Limbo=open", "--target", "$80K")
    assert (code, err) == (0, "")
    org = oa.Org.read("opp-analytics.toml")
    assert (org.stages.kinds["Limbo"], org.targets["target"].tolist()) == ("open", [80_000])
    code, _, err = command("start", "deals.csv", "--target", "90k")
    assert code == 1
    assert "opp-analytics.toml has targets already" in err


def test_start__reads_a_target_as_the_file_beside_it_and_takes_its_day(
    command: Command, here: Path
) -> None:
    write_deals(here, Amount="120.000,00 €")
    deals = pd.read_csv("deals.csv").iloc[:1].assign(**{"Last Modified Date": day(-30)})
    deals.to_csv("deals.csv", index=False)
    back = f"{TODAY - pd.Timedelta(days=9):%Y-%m-%d}"
    options = ("--as-of", back, "--yes", "--month-first")
    code, out, err = command("start", "deals.csv", "--target", "400.000", *options)
    assert (code, err) == (0, "")
    assert "nothing in the data is newer" not in out
    assert oa.Org.read("opp-analytics.toml").targets["target"].tolist() == [400_000]
    assert f"{History('opp-history').records['recorded_at'].iloc[0]:%Y-%m-%d}" == back
    code, _, err = command("start", write_targets(here).name, *options)
    assert (code, "--as-of is the day of an export" in err) == (1, True)


@pytest.mark.parametrize(
    ("stage", "answered", "says"),
    [
        ("Limbo", [], "--stage NAME=KIND"),
        ("Limbo", ["--stage", "Limbo=open"], "--target AMOUNT"),
        ("Prospecting", [], "--target AMOUNT"),
    ],
)
def test_start__without_a_terminal_names_the_question_and_its_option(
    command: Command,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    answered: list[str],
    says: str,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    write_deals(here, Stage=stage)
    code, _, err = command("start", "deals.csv", *answered)
    assert (code, list_made(here)) == (2, [])
    assert says in err
    assert "--yes" in err


@pytest.mark.parametrize("answered", [0, 1])
def test_start__stopped_at_a_question_has_written_nothing(
    command: Command, here: Path, typed: Callable[..., None], answered: int
) -> None:
    write_deals(here, Stage="Limbo")
    typed(*["Limbo=open"][:answered], then_stop=True)
    code, _, err = command("start", "deals.csv")
    assert (code, list_made(here)) == (130, [])
    assert "nothing was written" in err.lower()


STEPS = [
    "opp_analytics.crm.draft_from_export",
    "opp_analytics.cli.start.begin_history",
    "opp_analytics.cli.start.oa.History.record",
    "opp_analytics.report.check_report",
    "opp_analytics.cli.start.oa.weekly_report",
    "opp_analytics.cli.start.write_org",
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "error"),
    list(
        zip(STEPS, [OSError(28, "No space left on device"), KeyboardInterrupt()] * 3, strict=True)
    ),
)
def test_start__that_fails_at_a_step_has_written_nothing(
    command: Command, here: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    write_deals(here), write_log(here)

    def fail(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(step, fail)
        code = 1
        with suppress(OSError):
            code = command("start", "deals.csv", "history.csv", "--yes")[0]
    assert code in (1, 130)
    assert list_made(here) == []
    assert command("start", "deals.csv", "history.csv", "--yes")[0] == 0
    assert list_made(here) == MADE


def test_start__asks_which_column_identifies_a_deal_where_none_is_named_so(
    command: Command, here: Path, typed: Callable[..., None]
) -> None:
    (here / "sheet.csv").write_text(
        "Deal,Code,Rep,Phase,Deal Size,Est. Close\n"
        f"Acme,A1,Ann,Demo,$1.2M,{TODAY.date()}\nÇelik,B7,Bob,Signed,50k,{TODAY.date()}\n"
    )
    typed("Kode", "Deal", "", "")
    code, out, err = command("start", "sheet.csv")
    assert (code, err) == (0, "")
    assert out.count("Which column identifies a deal?") == 2
    assert "There is no column \"Kode\"; did you mean 'Code'?" in out
    said = {" ".join(line.split()) for line in out.splitlines()}
    assert {"Deal deal ID and name", "Phase stage (a guess)", "Deal Size value (a guess)"} <= said
    assert "No stage is lost: say which with --stage NAME=KIND." in said
    org = oa.Org.read("opp-analytics.toml")
    assert org.stages.kinds == {"Demo": "open", "Signed": "won"} | org.stages.kinds
    found = History("opp-history").as_of("2100-01-01")
    assert found[["unique_id", "value"]].to_numpy().tolist() == [
        ["Acme", 1_200_000],
        ["Çelik", 50_000],
    ]
    # What was answered is not asked again.
    assert command("start", "sheet.csv")[0] == 0


@pytest.mark.slow
def test_start__asks_who_owns_a_deal_where_nothing_tells(
    command: Command, here: Path, typed: Callable[..., None]
) -> None:
    (here / "sheet.csv").write_text(
        "Deal ID,Stage,Amount,Close date,Ref\n"
        f"1,Demo,50k,{TODAY.date()},Ann\n2,Closed won,5k,{TODAY.date()},Bob\n"
    )
    typed("Rev", "Ref", "", "")
    code, out, err = command("start", "sheet.csv")
    assert (code, err) == (0, "")
    assert out.count("Which column says who owns a deal?") == 2
    assert "There is no column \"Rev\"; did you mean 'Ref'?" in out
    assert '"Ref" = "owner_name"' in (here / "opp-analytics.toml").read_text()
    assert command("start", "sheet.csv", "--owner", "Deal")[0] == 1


def test_start__writes_names_of_files_from_the_org_file_on(
    command: Command, here: Path, tmp_path: Path
) -> None:
    data, org = tmp_path / "Übersicht Q4", tmp_path / "settings"
    data.mkdir()
    org.mkdir()
    files = [write_deals(data), write_targets(data, "Ziele.csv"), write_people(data)]
    code, _, err = command("start", *files, "--org", org / "ours.toml", "--yes")
    assert (code, err) == (0, "")
    assert 'file = "../Übersicht Q4/Ziele.csv"' in (org / "ours.toml").read_text(encoding="utf-8")
    assert oa.Org.read(org / "ours.toml").targets["target"].tolist() == [50_000, 30_000]
    assert sorted(file.name for file in here.iterdir()) == MADE[1:]


@pytest.mark.slow
def test_start__keeps_the_tables_of_the_org_file(command: Command, here: Path) -> None:
    write_deals(here), write_targets(here)
    command("start", "deals.csv", "quota.csv")
    write_targets(here, "other.csv")
    before = (here / "opp-analytics.toml").read_bytes()
    code, out, _ = command("start", "other.csv", "deals.csv")
    assert code == 0
    assert "other.csv is not used: opp-analytics.toml has [targets] already" in out
    assert "quota.csv is not used" not in command("start", "quota.csv")[1]
    assert (here / "opp-analytics.toml").read_bytes() == before


def test_start__with_targets_alone_enters_them_beside_the_history_there_is(
    command: Command, here: Path
) -> None:
    write_targets(here)
    code, _, err = command("start", "quota.csv")
    assert (code, list_made(here)) == (1, [])
    assert "no file holds deals" in err
    write_deals(here)
    command("start", "deals.csv", "--yes")
    assert command("start", "quota.csv")[0] == 0
    assert len(oa.Org.read("opp-analytics.toml").targets) == 2
    assert len(History("opp-history").records) == 1


def test_start__joins_accounts_and_activities(command: Command, here: Path) -> None:
    write_deals(here)
    deals = pd.read_csv("deals.csv")
    deals.assign(**{"Account Name": ["Acme", "Beta", "Çelik"]}).to_csv("deals.csv", index=False)
    (here / "accounts.csv").write_text(
        "Account,Sector,Stage\nAcme,steel,old\nBeta,food,new\nÇelik,steel,new\n".replace(
            ",Stage", ",Size"
        )
    )
    touched = TODAY - pd.Timedelta(days=3)
    (here / "calls.csv").write_text(f"deal_id,type,due_date\n006Hs00001AbCdE,call,{touched:%F}\n")
    code, out, _ = command("start", "accounts.csv", "calls.csv", "deals.csv", "--yes")
    assert code == 0
    said = " ".join(out.split())
    for words in ("Account account", "accounts.csv, 3 rows by ", ": Sector and Size."):
        assert words in said
    org = oa.Org.read("opp-analytics.toml")
    frame = oa.read_export(here / "deals.csv", org, progress=False)
    assert frame["Sector"].tolist() == ["steel", "food", "steel"]
    assert frame["last_touch"].dt.date.tolist()[0] == touched.date()


def test_start__of_old_data_is_of_their_newest_day(command: Command, here: Path) -> None:
    rows = {"Close_Date": "3/20/2019", "Created_Date": "1/5/2019", "Last_Modified_Date": "2/1/2019"}
    write_deals(here, **rows)
    table = pd.read_csv("deals.csv")
    pd.concat([table.iloc[:1]]).to_csv("deals.csv", index=False)
    code, out, err = command("start", "deals.csv", "--yes")
    assert (code, err) == (0, "")
    assert "The page is as of Feb 1, 2019: nothing in the data is newer" in out
    assert f"{History('opp-history').records['recorded_at'].iloc[0]:%Y-%m-%d %H}" == "2019-02-01 23"
    # A second export of the same day comes after the first.
    table.iloc[:1].assign(Amount="$1.00").to_csv("deals.csv", index=False)
    assert command("start", "deals.csv", "--yes")[0] == 0
    assert f"{History('opp-history').records['recorded_at'].iloc[1]:%Y-%m-%d}" == "2019-02-02"


def test_start__takes_the_day_in_the_name_and_refuses_an_older_export(
    command: Command, here: Path
) -> None:
    days = [f"{TODAY - pd.Timedelta(days=back):%Y-%m-%d}" for back in (3, 2)]
    for place, name in enumerate(days):
        write_deals(
            here, f"deals {name}.csv", Amount=f"${place + 1}.00", Last_Modified_Date=day(-9)
        )
        table = pd.read_csv(here / f"deals {name}.csv").assign(**{"Last Modified Date": day(-9)})
        table[table["Stage"] != "Closed Won"].to_csv(here / f"deals {name}.csv", index=False)
    assert command("start", f"deals {days[1]}.csv", "--yes")[0] == 0
    assert [f"{at:%Y-%m-%d}" for at in History("opp-history").records["recorded_at"]] == days[1:]
    code, _, err = command("start", f"deals {days[0]}.csv", "--yes")
    assert code == 1
    assert f"is of {days[0]}, older than the last record, of {days[1]}" in err
    assert len(History("opp-history").records) == 1


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["deals.csv", "copy.csv"], "both hold deals"),
        (["quota.csv", "quota2.csv", "deals.csv"], "quota.csv and quota2.csv both hold targets"),
        (
            ["odd.csv", "deals.csv"],
            'odd.csv holds nothing known: it has "product", "series, in short"',
        ),
        (["empty.csv", "deals.csv"], "empty.csv holds no table"),
        (["missing.csv"], "missing.csv does not exist"),
        (["valueless.csv"], "valueless.csv has no value, which the page rests on"),
    ],
)
def test_start__refuses_files_by_name_and_writes_nothing(
    command: Command, here: Path, names: list[str], says: str
) -> None:
    (
        write_deals(here),
        write_deals(here, "copy.csv"),
        write_targets(here),
        write_targets(here, "quota2.csv"),
    )
    (here / "odd.csv").write_text('product,"series, in short"\na,b\n')
    (here / "empty.csv").write_text("")
    (here / "valueless.csv").write_text(
        f"Deal ID,Stage,Close Date\n1,Closed Won,{day(-1)}\n2,Closed Won,11/30/2025\n"
    )
    code, _, err = command("start", *names, "--yes")
    assert (code, list_made(here)) == (1, [])
    assert says in err
    assert ".opp-analytics-start" not in err


def test_start__refuses_a_file_in_the_place_of_the_history(command: Command, here: Path) -> None:
    write_deals(here)
    (here / "opp-history").write_text("somebody's")
    code, _, err = command("start", "deals.csv", "--yes")
    assert (code, list_made(here)) == (1, ["opp-history"])
    assert "opp-history" in err


@pytest.mark.slow
def test_start__of_a_field_history_alone_needs_what_the_page_rests_on(
    command: Command, here: Path
) -> None:
    code, _, err = command("start", write_log(here), "--yes")
    assert (code, list_made(here)) == (1, [])
    assert "history.csv has no value and close date, which the page rests on; give an export" in err
    log = pd.read_csv("history.csv")
    further = [("Amount", "$1.00", "$7.00"), ("Close Date", day(1), day(9))]
    rows = [
        {**log.iloc[0], "Field / Event": field, "Old Value": old, "New Value": new}
        for field, old, new in further
    ]
    pd.concat([log, pd.DataFrame(rows)]).to_csv("history.csv", index=False)
    code, out, _ = command("start", "history.csv", "--yes")
    assert (code, list_made(here)) == (0, MADE)
    assert "history.csv: " in out


def test_start__ends_with_3_while_an_alert_of_the_org_file_holds(
    command: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_deals(here)
    real = oa.weekly_report

    def alarm(*words: Any, **options: Any) -> WeeklyReport:
        watched = Watched((Alert("Alert for November: p_target < 0.5."),))
        return replace(real(*words, **options), watched=watched)

    monkeypatch.setattr("opp_analytics.cli.start.oa.weekly_report", alarm)
    code, out, _ = command("start", "deals.csv", "--yes")
    assert (code, list_made(here)) == (3, MADE)
    assert "Alert for November" in out
