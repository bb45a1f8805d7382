"""The workbook as a file: typed, named, summed, printable; and never a formula from data."""

from __future__ import annotations

import io
import subprocess

import openpyxl
import pandas as pd
import pytest
from openpyxl.utils import get_column_letter

from opp_analytics import text, weekly_report
from opp_analytics.errors import DataWarning
from opp_analytics.report.sheets import Sheet, SheetFigure, Summary, sheets
from opp_analytics.report.workbook import write_workbook
from tests.pipelines import AS_OF, THIS_WEEK, context_of, pipeline


@pytest.fixture(scope="module")
def file(history, tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    return weekly_report(
        pipeline(THIS_WEEK), history, as_of=AS_OF, target=150_000, out=folder / "week.html"
    ).xlsx


@pytest.fixture(scope="module")
def book(file):
    return openpyxl.load_workbook(file)


def _last_row(sheet):
    """The last row above the note."""
    cells = [*sheet["A"], None]
    return next((place for place, cell in enumerate(cells) if not (cell and cell.value)), 0)


def _rows(sheet):
    heads, *rows = sheet.iter_rows(values_only=True, max_row=_last_row(sheet))
    return [dict(zip(heads, row, strict=True)) for row in rows]


def _write(*sheets, currency=None, day_first=False, **summary):
    given = {
        "sentences": ("S",),
        "figures": (SheetFigure("Forecast", 5.0, "expected", 4.0),),
        **summary,
    }
    return write_workbook(
        Summary("T", **given),
        sheets,
        currency=currency,
        as_of=pd.Timestamp(AS_OF).to_pydatetime(),
        day_first=day_first,
    )


def _book(*sheets, **given):
    return openpyxl.load_workbook(io.BytesIO(_write(*sheets, **given)))


def test_workbook__the_summary_says_alerts_after_the_first_sentence():
    said = {"sentences": ("One.", "Two."), "alerts": ("Still below 75%.",)}
    first = [cell.value for cell in _book(**said)["Summary"]["A"][:4]]
    assert first == ["T", "One.", "Still below 75%.", "Two."]


@pytest.mark.slow
def test_workbook__the_summary_s_figures_have_names(book):
    place = book.defined_names["expected"].attr_text
    assert place.startswith("Summary!$B$")
    assert book["Summary"][place.partition("!")[2].replace("$", "")].value == 166_000
    said = [row[0] for row in book["Summary"].iter_rows(values_only=True)]
    assert said[:2] == [
        "Weekly forecast · Mar 16, 2026",
        "March: 70K closed, forecast 166K vs. 150K.",
    ]


@pytest.mark.slow
def test_workbook__every_sheet_is_an_excel_table_of_its_own_columns(book):
    for sheet in book.worksheets:
        if sheet.title in ("Summary", "People"):
            continue
        (table,) = sheet.tables.values()
        heads = [cell.value for cell in sheet[1]]
        assert [column.name for column in table.tableColumns] == heads
        assert table.ref == f"A1:{get_column_letter(len(heads))}{_last_row(sheet)}"
        assert len({head.casefold() for head in heads}) == len(heads)


def test_workbook__columns_are_named_for_people_and_noted_for_the_api(book):
    deals = book["Deals"]
    assert [cell.value for cell in deals[1]][:6] == [
        "Deal",
        "Owner",
        "Stage",
        "Outcome",
        "Month",
        "Close date",
    ]
    assert deals["A1"].comment.text == "name: Name of the deal."
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
    assert last[0].value == "Total of the rows shown"
    assert table.autoFilter.ref == f"A1:{last[-1].column_letter}{deals.max_row - 1}"


def test_workbook__money_is_in_whole_units_with_the_currency_s_sign_and_exact_in_its_cell():
    table = pd.DataFrame(
        {"value": [1.55], "rate": [0.5], "deals": [3.0], "days": [2.5], "points": [0.3]}
    )
    cells = [_book(Sheet("A", table), currency=code)["A"]["A2"] for code in ("USD", "CHF", None)]
    assert [cell.number_format for cell in cells] == [
        '[$$]#,##0;"−"[$$]#,##0',
        '[$CHF] #,##0;"−"[$CHF] #,##0',
        '#,##0;"−"#,##0',
    ]
    assert {cell.value for cell in cells} == {1.55}
    assert [cell.number_format for cell in _book(Sheet("A", table))["A"][2]][1:] == [
        '[<=0]0%;[<0.005]"<1%";0%',
        "#,##0",
        "#,##0.0",
        '+0%;"−"0%;0%',
    ]


def test_workbook__dates_are_written_as_in_the_country_of_the_org_and_periods_sort_by_time():
    day, month = pd.Timestamp("2026-11-28"), pd.Period("2026-11", "M")
    table = pd.DataFrame({"close_date": [day] * 2, "period": [month, "overdue"]})
    for day_first, shown in ((False, "mmm d, yyyy"), (True, "d mmm yyyy")):
        sheet = _book(Sheet("Deals", table), day_first=day_first)["Deals"]
        assert [cell.number_format for cell in sheet[2]] == [shown, "mmm yyyy"]
        assert [cell.value for cell in sheet["B"][1:]] == [pd.Timestamp("2026-11-01"), "overdue"]


def test_workbook__groups_fold_and_stand_out():
    table = pd.DataFrame(
        {
            "team": ["East", "East", "West", "West", "Total"],
            "owner_name": [None, "Ann", None, "Cy", None],
            "booked": [1.0, 1.0, 4.0, 4.0, 5.0],
        }
    )
    sheet = _book(Sheet("People", table, ("booked",), levels=(1, 2, 1, 2, 0)))["People"]
    assert [cell.value for cell in sheet["C"][1:]] == [1, 1, 4, 4, 5]
    assert [sheet.row_dimensions[row].outlineLevel for row in range(2, 7)] == [0, 1, 0, 1, 0]
    assert [sheet.cell(row, 1).font.b for row in range(2, 7)] == [True, False, True, False, True]
    assert not sheet.tables


def test_workbook__sheets_print_on_one_page_across(book):
    for sheet in book.worksheets:
        assert (sheet.page_setup.fitToWidth or 1) == 1
        assert (sheet.page_setup.fitToHeight != 0) == (sheet.title == "Summary")
        assert sheet.sheet_properties.pageSetUpPr.fitToPage


def test_workbook__text_is_never_a_formula_and_never_too_long():
    table = pd.DataFrame(
        {
            "name": ["=1+1", '=HYPERLINK("http://x")\x07', "x" * 40_000, "#REF!"],
            "unique_id": ["+a", "-b", "@c", "d"],
        }
    )
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
    assert [cell.value for cell in deals["B"]][1:] == [
        "1850-05-01",
        pd.Timestamp("1900-02-01"),
        None,
    ]


def test_workbook__of_many_rows_has_the_first_of_each_list_and_says_so(monkeypatch):
    monkeypatch.setattr("opp_analytics.report.sheets._MOST_LISTED", 2)
    overdue = [
        (key, key, value, "proposal", "active", "2026-03-01", 50, "Ann")
        for key, value in zip("abcd", (1.0, 5.0, 6.0, None), strict=True)
    ]
    found = {sheet.name: sheet for sheet in sheets(context_of(pipeline(overdue)))}
    sheet = found["Findings"]
    listed = sheet.table[sheet.table["check"] == "Past the close date"]
    assert listed["unique_id"].tolist() == ["c", "b"], "those of the largest deals"
    assert len(found["Deals"].table) == 4
    book = _book(sheet)
    assert f"Findings: {sheet.left_out}" in [cell.value for cell in book["Summary"]["A"]]
    assert book["Findings"].cell(len(sheet.table) + 3, 1).value == sheet.note
    assert sheet.left_out.startswith(f"These are {len(sheet.table)} of ")
    assert sheet.note.endswith("All of them: opp-analytics audit")


def test_workbook__says_what_excel_cannot_hold(monkeypatch):
    monkeypatch.setattr("opp_analytics.report.workbook._MOST_ROWS", 2)
    table = pd.DataFrame({"name": ["a", "b", "c"], "value": [1.0, 2.0, 4.0]})
    with pytest.warns(DataWarning, match="the sheet Deals holds the first 2 of 3 rows"):
        deals = _book(Sheet("Deals", table, ("value",)))["Deals"]
    assert [cell.value for cell in deals["B"]] == ["Value", 1, 2, "=SUBTOTAL(109,Deals[Value])"]


def test_workbook__has_titles_of_a_sheet_s_own_and_no_total_of_nothing():
    table = pd.DataFrame({"owner_name": ["Ann"], "expected": [5.0], "target": [float("nan")]})
    sheet = _book(
        Sheet("Change", table, ("expected", "target"), {"expected": "Change in forecast"})
    )["Change"]
    assert [cell.value for cell in sheet[1]] == ["Owner", "Change in forecast", "Target"]
    assert sheet["B1"].comment.text.startswith("expected: Booked, ")
    assert [cell.value for cell in sheet[3]] == [
        "Total",
        "=SUBTOTAL(109,Change[Change in forecast])",
        None,
    ]


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
def test_workbook__shows_numbers_as_the_page_does(tmp_path):
    rates = [0.0, 0.001, 0.0049, 0.005, 0.285, 0.994, 0.996, 0.9999, 1.0, 1.04, -0.05, -0.2]
    times = [0.04, 0.3, 3.36, 9.94, 9.96, 12.3, *[1.0] * 6]
    amounts = [168_423.21, -78.4, -0.58, 87_000.0, *[0.0] * 8]
    table = pd.DataFrame(
        {"rate": rates, "pipeline_coverage": times, "expected": amounts, "value": amounts}
    )
    book = _book(Sheet("A", table), currency="USD")
    assert [cell.value for cell in book["A"]["C"][1:5]] == amounts[:4]
    book.save(tmp_path / "shown.xlsx")
    as_shown = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,true,false,false,-1"
    _converted(tmp_path / "shown.xlsx", tmp_path, as_shown)
    shown = pd.read_csv(tmp_path / "shown-A.csv", dtype=str)
    assert shown["Win rate"].str.replace("-", "−").tolist() == [
        text.percent(rate) for rate in rates
    ]
    assert shown["Pipeline coverage"].tolist() == [text.times(ratio) for ratio in times]
    assert shown["Forecast"].tolist()[:4] == ["$168,423", "−$78", "−$1", "$87,000"]
    assert shown["Value"].tolist()[:4] == shown["Forecast"].tolist()[:4]
