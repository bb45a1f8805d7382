"""The workbook as a file: typed, named, summed, printable; and never a formula from data."""

from __future__ import annotations

import io
import re
import subprocess
import textwrap
from datetime import datetime

import openpyxl
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import text, weekly_report
from opp_analytics.errors import DataWarning
from opp_analytics.report.sheets import Figure, Sheet, sheets
from opp_analytics.report.workbook import write_workbook
from tests.report.pipelines import AS_OF, THIS_WEEK, pipeline, tables_of


@pytest.fixture(scope="module")
def file(history, tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    return weekly_report(
        pipeline(THIS_WEEK), history, as_of=AS_OF, target=150_000, out=folder / "week.html"
    ).xlsx


@pytest.fixture(scope="module")
def book(file):
    return openpyxl.load_workbook(file)


def _rows(sheet):
    heads, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(heads, row, strict=True)) for row in rows]


def _book(*sheets, **asked):
    given = {
        "title": "T",
        "sentences": ["S"],
        "since": "",
        "currency": None,
        "as_of": pd.Timestamp(AS_OF).to_pydatetime(),
        **asked,
    }
    return openpyxl.load_workbook(
        io.BytesIO(write_workbook(sheets, [Figure("Forecast", 5.0, "expected", 4.0)], **given))
    )


def test_workbook__the_summary_s_figures_have_names(book):
    place = book.defined_names["expected"].attr_text
    assert place.startswith("Summary!$B$")
    assert book["Summary"][place.partition("!")[2].replace("$", "")].value == 166_000
    said = [row[0] for row in book["Summary"].iter_rows(values_only=True)]
    assert said[:2] == [
        "Weekly forecast, Mar 16, 2026",
        "March: 70K closed, forecast 166K vs. 150K.",
    ]


def test_workbook__every_sheet_is_an_excel_table_of_its_own_columns(book):
    for sheet in book.worksheets[1:]:
        (table,) = sheet.tables.values()
        heads = [cell.value for cell in sheet[1]]
        assert [column.name for column in table.tableColumns] == heads
        assert table.ref == sheet.dimensions
        assert len({head.casefold() for head in heads}) == len(heads)


def test_workbook__columns_are_named_for_people_and_noted_for_the_api(book):
    deals = book["Deals"]
    assert [cell.value for cell in deals[1]][:6] == [
        "Deal",
        "Owner",
        "Stage",
        "Outcome",
        "Period",
        "Close date",
    ]
    assert deals["A1"].comment.text == "name"
    assert deals[1][-1].value == "ID"


def test_workbook__numbers_and_dates_are_typed(book):
    deals = {row["ID"]: row for row in _rows(book["Deals"])}
    assert (deals["a"]["Value"], deals["a"]["Close date"].isoformat(), deals["a"]["Stated"]) == (
        120_000,
        "2026-03-27T00:00:00",
        80,
    )


def test_workbook__totals_are_formulas_over_the_table(book):
    deals = book["Deals"]
    (table,) = deals.tables.values()
    last = deals[deals.max_row]
    value = next(cell for cell in deals[1] if cell.value == "Value").column
    assert table.totalsRowCount == 1
    assert last[value - 1].value == "=SUBTOTAL(109,Deals[Value])"
    assert last[0].value == "Total"
    assert table.autoFilter.ref == f"A1:{last[-1].column_letter}{deals.max_row - 1}"


def test_workbook__money_has_the_currency_s_sign():
    table = pd.DataFrame({"value": [1.5], "rate": [0.5], "deals": [3]})
    formats = [
        _book(Sheet("A", table), currency=code)["A"]["A2"].number_format for code in ("USD", "CHF", None)
    ]
    assert formats == ["[$$]#,##0.00", "[$CHF] #,##0.00", "#,##0.00"]
    assert [cell.number_format for cell in _book(Sheet("A", table))["A"][2]][1:] == [
        '[<=0]0%;[<0.005]"<1%";0%',
        "#,##0",
    ]


def test_workbook__earlier_figures_are_beside_those_of_now():
    rows = list(_book(since="Nov 18")["Summary"].iter_rows(values_only=True))
    assert rows[3:] == [("Figure", "Now", "Nov 18"), ("Forecast", 5, 4)]


def test_workbook__sheets_print_on_one_page_across(book):
    for sheet in book.worksheets:
        wide = sum(column.width for column in sheet.column_dimensions.values()) > 140
        assert sheet.page_setup.orientation == ("landscape" if wide else "portrait")
        assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage


def test_workbook__text_is_never_a_formula_and_never_too_long():
    table = pd.DataFrame(
        {
            "name": ["=1+1", '=HYPERLINK("http://x")\x07', "x" * 40_000, "#REF!"],
            "unique_id": ["+a", "-b", "@c", "d"],
        }
    )
    with pytest.warns(DataWarning, match="first 32,767 characters"):
        cells = [cell for row in _book(Sheet("Deals", table))["Deals"].iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} == {"s"}
    assert max(len(cell.value) for cell in cells) == 32_767
    assert '=HYPERLINK("http://x")' in [cell.value for cell in cells]


def test_workbook__keeps_a_text_that_looks_like_markup_and_dates_that_excel_has_not():
    names = ["<r><t>&x</t></r>", "_x0041_", " b "]
    days = pd.to_datetime(pd.Series(["1850-05-01", "1900-02-01", None]))
    deals = _book(Sheet("Deals", pd.DataFrame({"name": names, "close_date": days})))["Deals"]
    # openpyxl leaves the library's mark of an underscore in place.
    assert [cell.value for cell in deals["A"]][1:] == ["<r><t>&x</t></r>", "_x005F_x0041_", " b "]
    assert [cell.value for cell in deals["B"]][1:] == ["1850-05-01", pd.Timestamp("1900-02-01"), None]


def test_workbook__is_the_same_bytes_for_the_same_input():
    def write():
        sheet = Sheet("Deals", pd.DataFrame({"name": ["a"], "value": [1.0]}), ("value",))
        named = [Figure("Forecast", 5.0, "expected")]
        return write_workbook(
            [sheet], named, title="T", sentences=[], since="", currency=None, as_of=datetime(2026, 3, 16)
        )

    assert write() == write()


def test_workbook__of_many_findings_has_those_of_the_largest_deals_and_says_so(monkeypatch):
    monkeypatch.setattr("opp_analytics.report.sheets._MOST_FINDINGS", 2)
    names = ["Small", "Large", "Larger", "None"]
    deals = pd.DataFrame(
        {
            "unique_id": list("abcd"),
            "name": names,
            "value": [1.0, 5.0, 6.0, None],
            "stage": "proposal",
            "close_date": "2026-03-01",
        }
    )
    [sheet] = [sheet for sheet in sheets(tables_of(oa.Org().apply(deals))) if sheet.name == "Findings"]
    overdue = sheet.table[sheet.table["check"] == "overdue"]
    assert overdue["name"].tolist() == ["Larger", "Large"]
    book = _book(sheet)
    assert f"Findings: {sheet.note}" in [cell.value for cell in book["Summary"]["A"]]
    assert book["Findings"].cell(len(sheet.table) + 3, 1).value == sheet.note
    assert sheet.note.startswith(f"These are {len(sheet.table)} of ")
    assert sheet.note.endswith("opp-analytics audit --out findings.xlsx")


def test_workbook__marks_what_catches_the_eye(book):
    rules = {
        str(found.sqref): [rule.formula for rule in found.rules]
        for found in book["Deals"].conditional_formatting
    }
    assert rules == {"E2:E7": [['"overdue"']], "J2:J7": [["1"]]}


def test_workbook__says_what_excel_cannot_hold(monkeypatch):
    monkeypatch.setattr("opp_analytics.report.workbook._MOST_ROWS", 2)
    table = pd.DataFrame({"name": ["x" * 40_000, "b", "c"], "value": [1.0, 2.0, 4.0]})
    with pytest.warns(DataWarning) as said:
        deals = _book(Sheet("Deals", table, ("value",)))["Deals"]
    assert [str(warning.message) for warning in said] == [
        "the sheet Deals holds the first 2 of 3 rows, as many as Excel can; its totals are those of these rows. "
        "oa.to_csv writes every deal",
        "the sheet Deals holds the first 32,767 characters of 1 cell of name, as many as Excel can; "
        "oa.to_csv writes them whole",
    ]
    assert [cell.value for cell in deals["B"]] == ["Value", 1, 2, "=SUBTOTAL(109,Deals[Value])"]


def test_workbook__has_room_for_each_heading_in_two_lines():
    table = pd.DataFrame({"stage": ["proposal"], "p_target": [0.5], "win_rate": [0.5], "missed": [1]})
    sheet = _book(
        Sheet("Widths", table, (), {"p_target": "Chance of target", "missed": "Forecast minus closed"})
    )["Widths"]
    for head in sheet[1]:
        width = sheet.column_dimensions[head.column_letter].width
        assert len(textwrap.wrap(head.value, int(width / 1.2) - 1)) <= 2, head.value


def test_workbook__has_titles_of_a_sheet_s_own_and_no_total_of_nothing():
    table = pd.DataFrame({"owner_name": ["Ann"], "expected": [5.0], "target": [float("nan")]})
    sheet = _book(Sheet("Change", table, ("expected", "target"), {"expected": "Change in forecast"}))[
        "Change"
    ]
    assert [cell.value for cell in sheet[1]] == ["Owner", "Change in forecast", "Target"]
    assert sheet["B1"].comment.text == "expected"
    assert [cell.value for cell in sheet[3]] == ["Total", "=SUBTOTAL(109,Change[Change in forecast])", None]


def test_workbook__prints_the_first_columns_large_enough_to_read():
    wide = pd.DataFrame({f"value_{k}_value": [1.0] for k in range(40)})
    sheet = _book(Sheet("Wide", wide))["Wide"]
    columns = sheet[sheet.print_area.partition("!")[2].replace("$", "")][0]
    assert 5 < len(columns) < 20
    assert sheet.print_title_rows == "$1:$1"


def _converted(file, folder, kind):
    """The workbook as LibreOffice saves it."""
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", kind, "--outdir", folder, file],
        check=True,
        capture_output=True,
        timeout=300,
    )


@pytest.mark.office
def test_workbook__totals_in_libreoffice_are_those_of_the_functions(file, tmp_path):
    _converted(file, tmp_path, "xlsx")
    book = openpyxl.load_workbook(tmp_path / file.name, data_only=True)
    assert set(book.defined_names) >= {"booked", "expected", "target", "p_target"}
    assert [list(sheet.tables) for sheet in book.worksheets[1:]] == [
        [sheet.title.replace(" ", "_")] for sheet in book.worksheets[1:]
    ]
    forecast = oa.forecast(pipeline(THIS_WEEK), as_of=AS_OF, target=150_000).loc["2026-03"]
    people = _rows(book["People"])[-1]
    assert (people["Owner"], people["Closed"], people["Forecast"]) == (
        "Total",
        forecast["booked"],
        forecast["expected"],
    )
    assert _rows(book["Deals"])[-1]["Value"] == sum(row[2] for row in THIS_WEEK)
    errors = [
        cell.value for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "e"
    ]
    assert errors == []


@pytest.mark.office
def test_workbook__prints_a_page_for_each_small_sheet(file, tmp_path):
    _converted(file, tmp_path, "pdf")
    pages = re.findall(rb"/Type\s*/Page\b", (tmp_path / f"{file.stem}.pdf").read_bytes())
    assert len(pages) == len(openpyxl.load_workbook(file).sheetnames)


@pytest.mark.office
def test_workbook__opens_in_libreoffice_with_every_sheet(file, tmp_path):
    every_sheet = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,true,false,false,-1"
    _converted(file, tmp_path, every_sheet)
    sheets = {found.stem.removeprefix("week-"): found for found in tmp_path.glob("week-*.csv")}
    assert set(sheets) == set(openpyxl.load_workbook(file).sheetnames)
    deals = pd.read_csv(sheets["Deals"], index_col="ID", thousands=",")
    assert deals.loc["a", ["Deal", "Close date"]].tolist() == ["Alder", "2026-03-27"]
    assert deals["Value"].iloc[-1] == deals["Value"].iloc[:-1].sum()


@pytest.mark.office
def test_workbook__shows_numbers_as_the_page_does(tmp_path):
    rates = [0.0, 0.001, 0.0049, 0.005, 0.285, 0.994, 0.996, 0.9999, 1.0, 1.04, -0.05, -0.2]
    times = [0.04, 0.3, 3.36, 9.94, 9.96, 12.3, *[1.0] * 6]
    # The cents of a forecast say nothing; those of a deal are the CRM's.
    amounts = [168_423.21, -78.4, -0.58, 87_000.0, *[0.0] * 8]
    table = pd.DataFrame({"rate": rates, "pipeline_coverage": times, "expected": amounts, "value": amounts})
    book = _book(Sheet("A", table), currency="USD")
    assert [cell.value for cell in book["A"]["C"][1:5]] == amounts[:4]
    book.save(tmp_path / "shown.xlsx")
    as_shown = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,true,false,false,-1"
    _converted(tmp_path / "shown.xlsx", tmp_path, as_shown)
    shown = pd.read_csv(tmp_path / "shown-A.csv", dtype=str)
    assert shown["Win rate"].str.replace("-", "−").tolist() == [text.percent(rate) for rate in rates]
    assert shown["Pipeline coverage"].tolist() == [text.times(ratio) for ratio in times]
    assert shown["Forecast"].tolist()[:4] == ["$168,423", "-$78", "-$1", "$87,000"]
    assert shown["Value"].tolist()[:4] == ["$168,423.21", "-$78.40", "-$0.58", "$87,000.00"]


def test_workbook__writes_forecasts_in_whole_units_and_deals_with_their_cents():
    table = pd.DataFrame({"expected": [1_200.5, -0.58], "value": [1_200.5, 3.0], "p_target": [0.001, 0.9999]})
    page = _book(Sheet("A", table), currency="USD")["A"]
    assert [cell.number_format for cell in page[2]] == [
        "[$$]#,##0", "[$$]#,##0.00", '[<=0]0%;[<0.005]"<1%";0%',
    ]  # fmt: skip
    assert page["C3"].number_format == '[<1]">99%";0%'
