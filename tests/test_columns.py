"""Every result column has its entry; its unit decides how its cells read."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.columns import (
    COLUMNS,
    choose_workbook_format,
    find_unit,
    format_cell,
    make_formatter,
    title_columns,
)
from tests.analysis.every_analysis import AS_OF, MARCH, OF_FRAMES, OF_HISTORIES, START, deals, log


def _tables() -> Iterator[Any]:
    """A table of every public function that gives one, and those of a history and a plan."""
    history, frame = oa.History.from_changes(log()), deals()
    yield from (make(frame) for make in OF_FRAMES.values())
    yield from (make(history) for make in OF_HISTORIES.values())
    yield oa.push_counts(oa.close_date_moves(history))
    yield oa.audit_summary(oa.audit(frame, as_of=AS_OF))
    yield oa.forecast_change_deals(history, **MARCH)
    yield oa.slippage_deals(history, start=START, end=AS_OF)
    yield from (
        history.records,
        history.changes(),
        history.coverage(),
        history.deal("o1"),
        history.as_of(AS_OF),
    )
    plan = oa.plan(frame, frame.assign(value=5.0))
    yield from (plan.changes, plan.problems, plan.conflicts, plan.impact(as_of=AS_OF))
    yield oa.runs()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::opp_analytics.errors.DataWarning")
def test_columns__has_every_column_of_every_public_result_table() -> None:
    names: set[str] = set()
    for table in _tables():
        frame = table.to_frame() if isinstance(table, pd.Series) else table
        names.update(str(name) for name in (*filter(None, frame.index.names), *frame.columns))
    # A plan's impact compares columns of the forecast.
    compared = {name for name in names if name.endswith(("_before", "_after", "_change"))}
    bases = {name.rsplit("_", 1)[0] for name in compared if name not in COLUMNS}
    assert (names - compared | bases) - set(COLUMNS) == set()


@pytest.mark.parametrize(
    ("unit", "columns"),
    [
        (
            "money",
            [
                "value",
                "open_value",
                "expected_before",
                "low",
                "commit_total",
                "needed_pipeline",
                "arr_value",
            ],
        ),
        (
            "rate",
            [
                "rate",
                "rate_high",
                "value_rate_low",
                "p_if_won",
                "open_share",
                "conversion",
                "reply_rate",
            ],
        ),
        ("percent", ["probability"]),
        ("ratio", ["pipeline_coverage"]),
        (
            "other",
            ["n", "no_value", "deals", "median_days", "weeks_before", "open_count", "corporate"],
        ),
    ],
)
def test_find_unit__knows_result_columns_and_the_endings_of_others(
    unit: str, columns: list[str]
) -> None:
    assert {column: find_unit(column) for column in columns} == dict.fromkeys(columns, unit)


@given(st.lists(st.text(max_size=8), unique=True, max_size=20))
def test_title_columns__gives_titles_that_are_all_different_and_never_blank(
    columns: list[str],
) -> None:
    titles = title_columns(columns)
    assert len({title.casefold() for title in titles}) == len(columns)
    assert all(title.strip() for title in titles)


@pytest.mark.parametrize(
    ("column", "value", "reads"),
    [
        ("open_value", 1_380_000.5, "€1,380,000.50"),
        ("rate", np.float64(0.285), "29%"),
        ("p_target", 0.004, "<1%"),
        ("rate_high", 0.998, ">99%"),
        ("attainment", 1.2, "120%"),
        ("probability", 80, "80%"),
        ("deals", np.int64(12_480), "12,480"),
        ("median_days", 3.25, "3.3"),
        ("close_date", pd.Timestamp("2026-11-25"), "Nov 25, 2026"),
        ("created_at", pd.Timestamp("2026-11-25 09:05", tz="UTC"), "Nov 25, 2026 09:05"),
        ("created_at", pd.Timestamp("2026-11-25", tz="UTC"), "Nov 25, 2026 00:00"),
        ("close_date", pd.Timestamp(np.datetime64("12026-03-31")), "12026-03-31 00:00:00"),
        ("value", 10**400, "1.00e+400"),
        ("value", Decimal("sNaN"), "–"),
        ("differs", np.True_, "yes"),
        ("low", float("nan"), "–"),
        ("close_date", pd.NaT, "–"),
        ("value", pd.NA, "–"),
        ("error", "409: changed\x1b[2J", "409: changed\\x1b[2J"),
        ("labels", ["a", "b"], "['a', 'b']"),
    ],
)
def test_format_cell__reads_as_people_write_it(column: str, value: object, reads: str) -> None:
    assert format_cell(column, value, "EUR") == reads


def test_format_cell__writes_the_first_time_of_the_calendar() -> None:
    assert "1677" in format_cell("close_date", pd.Timestamp.min, None)


def test_title_columns__adds_the_name_where_two_titles_are_the_same() -> None:
    titles = ["ID", "Close date", "Close Date (Close_Date)", "Chance of target"]
    assert title_columns(["unique_id", "close_date", "Close_Date", "p_target"]) == titles


@pytest.mark.parametrize(
    ("column", "values", "compact", "reads"),
    [
        ("value", [1200.5, 80.0, None], False, ["$1,200.50", "$80.00", "–"]),
        ("expected", [1200.5, 80.2], False, ["$1,201", "$80"]),
        ("value", [1200.5, None], True, ["$1.2K", "–"]),
    ],
)
def test_make_formatter__has_cents_in_all_cells_of_a_column_or_in_none(
    column: str, values: list[float | None], compact: bool, reads: list[str]
) -> None:
    cells = pd.Series(values, dtype="float64")
    assert list(map(make_formatter(column, cells, "USD", compact=compact), values)) == reads


def test_choose_workbook_format__shows_a_column_as_people_read_it() -> None:
    assert choose_workbook_format("expected", "USD") == '[$$]#,##0;"−"[$$]#,##0'
    assert choose_workbook_format("change", "USD") == '+[$$]#,##0;"−"[$$]#,##0;[$$]#,##0'
    assert choose_workbook_format("rate", None) == '[<=0]0%;[<0.005]"<1%";0%'
