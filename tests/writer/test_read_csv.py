from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from opp_analytics.errors import DataError
from opp_analytics.org import Org
from opp_analytics.writer import plan, read_csv, to_csv
from tests.writer.frames import opportunities
from tests.writer.workbooks import awkward, cells


def test_read_csv__takes_dtypes_from_before_and_numbers_rows_as_a_spreadsheet_does(
    tmp_path: Path,
) -> None:
    frame = awkward()
    file = to_csv(frame, tmp_path / "deals.csv")
    assert plan(frame, read_csv(file, frame)).changes.empty
    lines = file.read_text(encoding="utf-8-sig").split("\n")
    lines[1:2] = ["", lines[1].replace("proposal", "sold")]
    file.write_text("\n".join(lines), encoding="utf-8")
    assert plan(frame, read_csv(file, frame)).problems[["row", "value"]].to_numpy().tolist() == [
        [3, "sold"]
    ]


def test_read_csv__reads_further_columns_as_they_were(tmp_path: Path) -> None:
    frame = opportunities(3).assign(flag=[True, False, True], seats=[1, 2, 3], tier=["a", "b", "a"])
    frame = frame.astype({"tier": "category"})
    file = to_csv(frame, tmp_path / "deals.csv")
    text = file.read_text(encoding="utf-8-sig")
    for old, new in (
        (",True,1,a", ",FALSE,5,new"),
        (",False,2,b", ",?,2.5,b"),
        (",True,3,a", ",True,,a"),
    ):
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    made = plan(frame, read_csv(file, frame))
    assert cells(made) == [
        ("o000", "update", "flag", False),
        ("o000", "update", "seats", 5),
        ("o000", "update", "tier", "new"),
        ("o001", "update", "flag", "?"),
        ("o001", "update", "seats", "2.5"),
        ("o002", "update", "seats", None),
    ]
    assert cells(plan(frame, read_csv(file))) == cells(made)


def dated(folder: Path, *dates: str) -> pd.DataFrame:
    frame = opportunities(len(dates))
    file = to_csv(frame, folder / "deals.csv")
    head, *lines = file.read_text(encoding="utf-8-sig").splitlines()
    edited = [line.replace("2026-06-30", date) for line, date in zip(lines, dates, strict=True)]
    file.write_text("\n".join([head, *edited]), encoding="utf-8")
    return plan(frame, read_csv(file, frame)).problems


def test_read_csv__reads_dates_in_the_order_that_the_file_shows(tmp_path: Path) -> None:
    frame = opportunities(2)
    for dates, expected in (
        (("03/04/2027", "12/31/2026"), ["2027-03-04", "2026-12-31"]),
        (("03/04/2027", "31/12/2026"), ["2027-04-03", "2026-12-31"]),
    ):
        assert dated(tmp_path, *dates).empty
        read = read_csv(tmp_path / "deals.csv", frame)["close_date"]
        assert read.dt.strftime("%Y-%m-%d").tolist() == expected
    problems = dated(tmp_path, "03/04/2027", "2026-06-30")
    assert problems[["row", "problem", "suggestion"]].to_numpy().tolist() == [
        [2, "may mean Mar 4, 2027 or Apr 3, 2027", "write it as 2027-03-04"]
    ]


def test_read_csv__names_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").touch()
    with pytest.raises(DataError, match="deals.csv is empty"):
        read_csv(tmp_path / "deals.csv")


@pytest.mark.parametrize("code", ["utf-8-sig", "utf-16", "cp1252"])
def test_read_csv__finds_no_edit_in_what_excel_rewrites(tmp_path, code):
    """Dates as an American shows them, timestamps without zone, amounts with a sign, letters that
    Windows' code lacks."""
    frame = opportunities(3)
    frame["name"] = ["Café Zürich", "Velč Opatov", "Why not"]
    frame["close_date"] = pd.to_datetime(["2027-03-04", "2027-05-06", "2027-05-06"])
    file = to_csv(frame, tmp_path / "deals.csv")
    content = (
        file.read_text("utf-8-sig")
        .replace("2027-03-04", "3/4/2027")
        .replace("2027-05-06", "5/6/2027")
    )
    content = content.replace("2026-01-10T10:30:00+00:00", "1/10/2026 10:30").replace(
        ",1000,", ',"$1,000.00 ",'
    )
    content = content.replace(",", "\t" if code == "utf-16" else ",").replace("$1\t000", "$1,000")

    def planned(text: str) -> list[list]:
        file.write_bytes(text.replace("\n", "\r\n").encode(code, "replace"))
        made = plan(frame, read_csv(file, frame))
        assert made.problems.empty
        return made.changes[["unique_id", "field", "after"]].values.tolist()

    assert planned(content) == []
    edited = content.replace("Why not", "Why?").replace("5/6/2027", "6/7/2027", 1)
    assert planned(edited) == [
        ["o001", "close_date", pd.Timestamp("2027-06-07")],
        ["o002", "name", "Why?"],
    ]


def test_read_csv__asks_for_the_order_of_one_date_that_may_be_swapped(tmp_path):
    frame = opportunities(2).assign(close_date=pd.to_datetime(["2027-03-04"] * 2))
    file = to_csv(frame, tmp_path / "deals.csv")
    file.write_text(file.read_text("utf-8-sig").replace("2027-03-04", "4/3/2027"), "utf-8-sig")
    problems = plan(frame, read_csv(file, frame)).problems
    assert set(problems["problem"]) == {"may mean Apr 3, 2027 or Mar 4, 2027"}


def test_read_csv__refuses_new_columns_and_rows_of_totals_by_name_unless_they_are_allowed(tmp_path):
    frame = opportunities(2)
    file = to_csv(frame, tmp_path / "deals.csv")
    header, *lines = file.read_text("utf-8-sig").splitlines()
    file.write_text(
        "\n".join([f"{header},notes", *(f"{line},call back" for line in lines), "Total,,2100"]),
        "utf-8-sig",
    )
    problems = plan(frame, read_csv(file, frame)).problems
    assert problems[["field", "problem"]].values.tolist() == [
        ["notes", "is a new column"],
        ["name", "looks like a row of totals"],
    ]
    file.write_text(
        "\n".join([f"{header},notes", *(f"{line},call back" for line in lines)]), "utf-8-sig"
    )
    made = plan(frame, read_csv(file, frame, new_columns=["notes"]))
    assert made.problems.empty
    assert made.changes[["field", "after"]].values.tolist() == [["notes", "call back"]] * 2
    with pytest.raises(DataError, match="new_columns names 'note'"):
        read_csv(file, frame, new_columns=["note"])


def test_read_csv__takes_any_spelling_of_a_stage_and_a_status_but_no_other_word(
    tmp_path: Path,
) -> None:
    frame = opportunities(4)
    file = to_csv(frame, tmp_path / "deals.csv")
    head, *lines = file.read_text(encoding="utf-8-sig").splitlines()
    typed = ("Closed-won", "CLOSED  LOST", "sold", "negotiation")
    edited = [line.replace("proposal", stage) for line, stage in zip(lines, typed, strict=True)]
    file.write_text("\n".join([head, *edited]), encoding="utf-8")
    stages = read_csv(file, frame)["stage"].astype("str").tolist()
    assert stages == ["closed_won", "closed_lost", "sold", "negotiation"]


def test_read_csv__refuses_doubtful_amounts_foreign_money_and_years_of_another_age(
    tmp_path: Path,
) -> None:
    frame = Org(currency="USD").apply(opportunities(2).assign(value=[1000.0, 12.345]))
    file = to_csv(frame, tmp_path / "deals.csv")
    text = file.read_text("utf-8-sig")
    assert plan(frame, read_csv(file)).changes.empty

    def edited(old: str, new: str) -> pd.DataFrame:
        file.write_text(text.replace(old, new, 1), "utf-8")
        return plan(frame, read_csv(file, frame)).problems

    with pytest.raises(
        DataError, match=r"row 2: value='45\.000' may mean 45,000 or 45; type 45000 or 45"
    ):
        edited(",1000,", ",45.000,")
    for old, new, problem in (
        (",1000,", ',"€45,000",', "is in €, not in USD"),
        ("2026-06-30", "3026-06-30", "is in the year 3026"),
    ):
        assert edited(old, new)["problem"].tolist() == [problem]
    file.write_text(text.replace(",12.3450,", ",12.345,"), "utf-8")
    assert plan(frame, read_csv(file, frame)).changes.empty
