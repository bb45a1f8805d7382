"""Charts in rows, as a reader sees them; a row that holds deals opens."""

from __future__ import annotations

import math

import pandas as pd

from opp_analytics import charts, svg
from opp_analytics.note import TableNote
from opp_analytics.svg import marks
from tests.plots.tables import TABLES
from tests.svg import reading


def test_rows__of_an_empty_table_are_none() -> None:
    assert svg.draw_rows(charts.stage_flow(TABLES["stage_flow"].head(0))).rows == ()


def test_backtest__says_whether_each_range_held() -> None:
    table = pd.DataFrame(
        {
            "lead": [15, 12],
            "expected": [50.0, 50.0],
            "low": [0.0, 0.0],
            "high": [100.0, 100.0],
            "actual": [0.0, 200.0],
            "error": [50.0, -150.0],
            "held": [True, False],
        },
        index=pd.Index(["2025-12", "2026-02"], name="period"),
    )
    TableNote("backtest", "2026-03-13", "M", lead="now").write(table)
    assert reading.figures(svg.draw_rows(charts.backtest(table))) == {
        "Feb": ("no",),
        "Dec 2025": ("yes",),
    }


def test_backtest__without_a_range_draws_and_says_none() -> None:
    past = {
        "lead": [15],
        "expected": [50.0],
        "low": [math.nan],
        "high": [math.nan],
        "actual": [40.0],
        "error": [10.0],
    }
    table = pd.DataFrame(past, index=pd.Index(["2026-02"], name="period")).assign(
        held=pd.array([None], dtype="boolean")
    )
    TableNote("backtest", "2026-03-13", "M", lead="now").write(table)
    drawn = svg.draw_rows(charts.backtest(table))
    assert reading.figures(drawn) == {"Feb": ("no range",)}
    assert "nan" not in drawn.html()
    assert "Feb: no range, forecast 50, closed 40" in drawn.html()


ROWS = svg.Rows(
    (
        svg.DrawnRow(
            "Zoe & Co <b>", marks.picture(height=20, said="a bar"), ("$5", "2"), note="late"
        ),
        svg.DrawnRow("All", marks.picture(height=20, said="a bar"), ("$9",), strong=True),
    ),
    heads=("Value", "Deals"),
)


def test_rows__hold_label_note_and_figures_as_text() -> None:
    tree = reading.parse(ROWS)
    assert [
        "".join(found.itertext()) for found in tree.iter("span") if found.get("class") == "lab"
    ] == [
        "Zoe & Co <b> · late",
        "All",
    ]
    assert [
        "".join(found.itertext()) for found in tree.iter("span") if found.get("class") == "fig"
    ] == [
        "Value",
        "Deals",
        "$5",
        "2",
        "$9",
    ]


def test_rows__open_where_there_is_something_behind() -> None:
    tree = reading.parse(ROWS.html(["<p>two deals</p>", ""]))
    opened = list(tree.iter("details"))
    assert len(opened) == 1
    assert "".join(opened[0].itertext()).endswith("two deals")
