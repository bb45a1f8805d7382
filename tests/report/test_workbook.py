"""The workbook: the page's tables in full, typed, and the deals behind them."""

import shutil
import subprocess

import openpyxl
import pandas as pd
import pytest

from opp_analytics import errors, weekly_report
from tests.report.pipelines import AS_OF, THIS_WEEK, pipeline


@pytest.fixture
def book(opportunities, history, tmp_path):
    made = weekly_report(opportunities, history, as_of=AS_OF, target=150_000, out=tmp_path / "out")
    return openpyxl.load_workbook(made.xlsx)


def _rows(sheet):
    heads, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(heads, row, strict=True)) for row in rows]


def test_workbook__holds_every_table_and_its_deals_once(book):
    assert book.sheetnames == [
        "summary", "forecast", "changes", "moves", "slippage 2026-03", "pushed again", "funnel", "win rates",
        "win rates by", "audit", "coverage", "deals", "due 2026-03", "findings",
    ]  # fmt: skip


def test_workbook__numbers_and_dates_are_typed_and_formatted(book):
    march = next(row for row in _rows(book["forecast"]) if row["period"] == "2026-03")
    assert (march["booked"], march["expected"], march["p_target"]) == (70_000, 166_000, pytest.approx(0.8))
    deals = {row["unique_id"]: row for row in _rows(book["deals"])}
    assert (deals["a"]["value"], deals["a"]["close_date"].isoformat()) == (120_000, "2026-03-27T00:00:00")
    assert (deals["a"]["outcome"], deals["a"]["period"], deals["d"]["period"]) == (
        "open",
        "2026-03",
        "overdue",
    )
    assert book["forecast"]["B2"].number_format == "#,##0.00"


def test_workbook__sheets_are_ready_to_read_and_print(book):
    for sheet in book.worksheets:
        assert sheet.page_setup.orientation == "landscape"
        assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 0)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.column_dimensions["A"].width >= 12
    deals = book["deals"]
    assert (deals.freeze_panes, deals.auto_filter.ref) == ("B2", deals.dimensions)
    assert all(cell.font.bold for cell in deals[1])
    assert [deals.cell(2, place).number_format for place in (3, 6, 8)] == [
        "#,##0.00",
        "yyyy-mm-dd",
        "General",
    ]


def test_workbook__a_broken_disk_leaves_the_old_files(opportunities, tmp_path, monkeypatch):
    made = weekly_report(opportunities, as_of=AS_OF, out=tmp_path)
    before = [file.read_bytes() for file in made]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(errors.DataError, match="No space left"):
        weekly_report(opportunities, as_of=AS_OF, target=1.0, out=tmp_path)
    assert [file.read_bytes() for file in made] == before
    assert sorted(tmp_path.iterdir()) == sorted(made)


def test_workbook__deals_add_up_to_the_forecast(book):
    deals = [row for row in _rows(book["deals"]) if row["outcome"] == "open"]
    for row in _rows(book["forecast"]):
        assert row["open_value"] == sum(deal["value"] for deal in deals if deal["period"] == row["period"])


def test_workbook__text_is_never_a_formula(tmp_path):
    rows = [("=1+1", '=HYPERLINK("http://x")\x07', *row[2:]) for row in THIS_WEEK[:1]]
    made = weekly_report(pipeline(rows), as_of=AS_OF, out=tmp_path)
    sheet = openpyxl.load_workbook(made.xlsx)["deals"]
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
    assert '=HYPERLINK("http://x")�' in [cell.value for cell in cells]


def test_workbook__summary_says_what_the_page_says(book):
    said = {row[0]: row[1] for row in book["summary"].iter_rows(max_col=2, values_only=True)}
    assert said["headline"].startswith("2026-03 as of Mar 16, 2026: 70K booked")
    assert said["target"] == "150K"


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice (soffice) is not installed")
def test_workbook__opens_in_libreoffice_with_every_sheet(opportunities, history, tmp_path):
    made = weekly_report(opportunities, history, as_of=AS_OF, target=150_000, out=tmp_path / "week.html")
    every_sheet = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", every_sheet, "--outdir", tmp_path, made.xlsx],
        check=True,
        capture_output=True,
        timeout=300,
    )
    sheets = {file.stem.removeprefix("week-"): file for file in tmp_path.glob("week-*.csv")}
    assert set(sheets) == set(openpyxl.load_workbook(made.xlsx).sheetnames)
    forecast = pd.read_csv(sheets["forecast"], index_col="period", thousands=",")
    assert forecast.loc["2026-03", ["booked", "expected"]].tolist() == [70_000, 166_000]
    deals = pd.read_csv(sheets["deals"], index_col="unique_id", thousands=",")
    assert deals.loc["a", ["name", "close_date", "value"]].tolist() == ["Alder", "2026-03-27", 120_000]
