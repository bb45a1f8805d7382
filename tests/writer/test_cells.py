"""Single cells: compared, checked, formatted, and written as the text of journals and sheets."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.api import Opportunity
from opp_analytics.escaping import guard_formula
from opp_analytics.writer import cells, sheets
from opp_analytics.writer.apply.lost_creates import match_lost_creates
from opp_analytics.writer.journal import PlanRun
from opp_analytics.writer.steps import EditedCell, Step
from opp_analytics.writer.to_csv import _find_day_order, _read_csv_cell, _to_csv_text


def test_normalize__gives_the_kind_of_the_column():
    assert cells.normalize("value", "120000.0") == 120000.0
    assert cells.normalize("tags", ["new", "hot"]) == '["new", "hot"]'
    assert cells.normalize("close_date", float("nan")) is None


@pytest.mark.parametrize(
    ("column", "ours", "forms", "others"),
    [
        (
            *("name", " Acme  Ltd of New South Wales"),
            ("Acme Ltd of New South Wales", "acme ltd of new south wales", "ACME LTD OF NEW SOUTH"),
            ("Acme", "Acme Ltd of Wales", "", None, "acme Ltd of New South Wales"),
        ),
        ("name", "Acme", ("acme", "ACME"), ("Acm", "aCme", "Acme North")),
        ("value", 1000.46, (1000.5, 1000, 1000.46), (1000.9, 1002)),
        ("close_date", "2026-12-31", ("2027-01-01", "2026-12-30"), ("2026-12-29", None)),
    ],
)
def test_agrees__takes_what_a_server_makes_of_a_value(
    column: str, ours: Any, forms: tuple[Any, ...], others: tuple[Any, ...]
) -> None:
    assert all(cells.agrees(column, ours, theirs) for theirs in forms)
    assert not any(cells.agrees(column, ours, theirs) for theirs in others)


def test_find_problem__names_the_problem_and_the_way_out():
    low = ("is not between 0 and 100", "write a whole percentage such as 60")
    assert cells.find_problem("probability", 140) == low
    problem, way_out = cells.find_problem("stage", "Closed won") or ("", "")
    assert problem == "is not a stage of the API"
    assert way_out == "did you mean 'closed_won'?"
    problem, way_out = cells.find_problem("stage", "Foo") or ("", "")
    assert way_out.startswith("use one of discovery, qualification, proposal, ")
    assert cells.find_problem("value", "12000.5") is None
    stages = [{"name": "Demo", "kind": "open", "pipeline": "New"}]
    org = oa.Org(stages=[*stages, {"name": "Quote", "kind": "open", "pipeline": "Renewal"}])
    wrong = cells.find_problem("stage", "Quote", org, pipeline="New")
    assert wrong == ("is not a stage of the pipeline 'New'", "use one of Demo")


def test_fit_column__leaves_a_cell_that_does_not_fit():
    fitted = cells.fit_column(pd.Series(["1.5", ""]), "float64")
    assert fitted.iloc[0] == 1.5
    assert pd.isna(fitted.iloc[1])
    assert cells.fit_column(pd.Series(["FALSE", "?"]), "bool").tolist() == [False, "?"]


def test_format_cell__formats_by_column():
    told = [
        cells.format_cell("value", 12000.5),
        cells.format_cell("close_date", pd.Timestamp("2026-03-31")),
    ]
    assert [*told, cells.format_cell("name", None)] == ["12,000.50", "2026-03-31", "–"]
    assert (cells.format_cell("probability", 60), cells.format_cell("seats", -3)) == ("60%", "−3")


def test_quote_cell__shows_what_was_typed():
    typed = [np.int64(140), np.float64(40.0), 12.345, "a lot", pd.Timestamp("2026-03-31")]
    assert [cells.quote_cell(cell) for cell in typed] == [
        "140",
        "40",
        "12.345",
        "'a lot'",
        "2026-03-31",
    ]


def test_text__keeps_a_cell_exactly():
    assert cells.read_number("12000.1") == 12000.1
    assert cells.read_number("12345678901234567.89") == Decimal("12345678901234567.89")
    pairs = [("value", Decimal("0.10")), ("name", "Acme"), ("name", None)]
    assert [cells.to_text(column, cell) for column, cell in pairs] == ["0.10", '"Acme"', None]
    written = cells.to_text("close_date", date(2026, 3, 31))
    assert cells.from_text("close_date", written) == pd.Timestamp("2026-03-31")


def test_parse__keeps_what_cannot_be_read_for_certain():
    assert sheets.parse("value", "$12,000.50") == 12000.5
    assert sheets.parse("probability", "60 %") == 60.0
    assert sheets.parse("close_date", "12/31/2026") == pd.Timestamp("2026-12-31")
    assert sheets.parse("value", "a lot") == "a lot"
    assert sheets.parse("name", " ") is None
    assert sheets.parse("close_date", "03/04/2027") == "03/04/2027"


def test_day_order__comes_from_the_dates_that_tell():
    files = (["03/04/2027", "25/04/2027"], ["03/04/2027", "04/25/2027"], ["03/04/2027"])
    assert [sheets.find_file_day_order(dates) for dates in files] == [True, False, None]
    known = [("3/4/2027", pd.Timestamp("2027-03-04")), ("5/6/2027", pd.Timestamp("2027-05-06"))]
    assert _find_day_order(known) is False
    assert _find_day_order(known[:1]) is None


def test_order_columns__puts_names_first_and_ids_last():
    columns = ["unique_id", "name", "value", "region", "owner_name", "updated_at"]
    shown = ["name", "owner_name", "value", "region", "updated_at", "unique_id"]
    assert sheets.order_columns(columns) == shown


def test_csv_text__marks_what_a_spreadsheet_would_change():
    assert [guard_formula(text) for text in ("=1+1", "Acme")] == ["'=1+1", "Acme"]
    pairs = [("value", 1200.0), ("name", " Acme"), ("name", "=1+1"), ("name", None)]
    assert [_to_csv_text(column, cell) for column, cell in pairs] == ["1200", "' Acme", "'=1+1", ""]
    read = [("name", " Acme"), ("name", "' Acme"), ("value", "$1,200")]
    assert [_read_csv_cell(column, text) for column, text in read] == ["Acme", " Acme", 1200.0]


def test_match_lost_creates__matches_as_many_as_there_are():
    create = Step("create", None, (EditedCell("name", None, "Acme  Ltd"),))
    run = PlanRun("r1", "p1", "https://api.example.com", "skip")
    lost = dict.fromkeys((4, 7), (create, run))
    new = [Opportunity(unique_id=key, name="Acme Ltd") for key in "xyz"]
    found = match_lost_creates(lost, new, {"x"})
    assert {number: record["unique_id"] for number, record in found.items()} == {4: "y", 7: "z"}
    assert match_lost_creates(lost, new, set()) == {}
