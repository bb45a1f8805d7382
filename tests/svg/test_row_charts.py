"""Charts in rows, as a reader sees them; a row that holds deals opens."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from opp_analytics import svg
from opp_analytics.svg import marks
from tests.plots.tables import TABLES
from tests.svg import reading


def test_bars__start_at_zero() -> None:
    rows = svg.bars([svg.make_bar("a", 100.0, "100", "a: 100"), svg.make_bar("b", 0.0, "–", "b")])
    assert [mark["x"] for mark in reading.marks(rows, "rect", "f-mute")] == [0]


def test_bars__have_one_blue_bar_where_the_title_names_one() -> None:
    rows = svg.bars(
        [
            svg.make_bar("Ann", 3.0, "3", "Ann: 3", highlight=True),
            svg.make_bar("Bo", 1.0, "1", "Bo: 1"),
        ]
    )
    assert [len(reading.marks(row.picture, "rect", "f-hi")) for row in rows.rows] == [1, 0]


def test_waterfall__has_one_blue_bar_the_largest_movement() -> None:
    table = TABLES["waterfall"]
    assert _count_blue(svg.waterfall(table)) == [0, 1, 0, 0]
    cut = table.copy()
    cut.loc["won", "value"], cut.loc["closing", "value"] = -80.0, 70.0
    assert _count_blue(svg.waterfall(cut)) == [0, 0, 1, 0]


def _count_blue(rows: svg.Rows) -> list[int]:
    return [len(reading.marks(row.picture, "rect", "f-hi")) for row in rows.rows]


def test_waterfall__steps_from_one_total_to_the_other() -> None:
    rows = svg.waterfall(TABLES["waterfall"])
    assert reading.figures(rows) == {
        "Pipeline opening": ("100",),
        "New": ("+50",),
        "Won": ("−30",),
        "Pipeline closing": ("120",),
    }
    starts = {
        mark["x"]: mark["width"]
        for mark in reading.marks(rows, "rect", "f-hi") + reading.marks(rows, "rect", "f-mute")
    }
    # A line leads from the end of each bar to the next one, and the ends say how many deals they
    # are.
    links = [
        [mark["x1"] for mark in reading.marks(row.picture, "line", "l-axis")] for row in rows.rows
    ]
    assert [one[-1] for one in links[:-1]] == [one[0] for one in links[1:]]
    assert reading.texts(rows)[1:] == ["4", "2", "1", "5"]
    end = 88 / (1.05 * 150)
    assert starts == pytest.approx(
        {round(100 * end, 2): 50 * end, round(120 * end, 2): 30 * end}, abs=0.01
    )


def test_forecast_change__keeps_one_target_line_down_the_column() -> None:
    rows = svg.forecast_change(TABLES["forecast_change"], target=150)
    assert reading.figures(rows) == {
        "Forecast Mar 24": ("100",),
        "Won beyond its chance": ("+30",),
        "Pushed out": ("−20",),
        "New business": ("+5",),
        "Forecast Mar 31": ("115",),
    }
    assert len({mark["x1"] for mark in reading.marks(rows, "line", "l-target")}) == 1
    assert _count_blue(rows) == [0, 1, 0, 0, 0]
    assert reading.texts(rows)[1:] == ["4", "Acme", "2 · Bolt −15", "2 · Bolt", "4"]


def test_forecast_categories__begin_where_those_before_end() -> None:
    table = pd.DataFrame(
        {
            "closed": [100.0],
            "commit": [50.0],
            "best_case": [0.0],
            "pipeline": [10.0],
            "omitted": [5.0],
        },
        index=pd.Index(["2026-03"], name="period"),
    )
    rows = svg.forecast_categories(table, "2026-03", target=120)
    assert reading.figures(rows) == {
        "Closed": ("100",),
        "Commit": ("50",),
        "Best case": ("0",),
        "Pipeline": ("10",),
    }
    assert reading.texts(rows) == ["100", "150", "150", "160"]


def test_slippage__is_by_value_and_by_count_where_nothing_has_a_value() -> None:
    table = TABLES["slippage"]
    rows = svg.slippage({"Sep": table, "Oct": table.assign(value=0.0)})
    assert reading.figures(rows) == {"Sep": ("1K",), "Oct": ("5 deals",)}
    assert "Sep: slipped 300, 2 deals, 30%" in reading.titles(rows)
    assert "Oct: slipped 0, 2 deals, 40%" in reading.titles(rows)


def test_stage_flow__words_stand_where_they_fit() -> None:
    rows = svg.stage_flow(TABLES["stage_flow"])
    assert reading.figures(rows) == {"Discovery": ("67%", "12"), "Proposal": ("50%", "–")}
    assert "2 moved on" in reading.texts(rows)
    assert "1 moved on" in reading.texts(rows)
    # Two of four moved on, one was lost: each part begins where the one before ends.
    assert [mark["x"] for mark in reading.marks(rows.rows[0].picture, "rect", "f-mute")] == [50]


def test_stage_flow__of_an_empty_table_has_no_rows() -> None:
    assert svg.stage_flow(TABLES["stage_flow"].head(0)).rows == ()


def test_win_rate__sorts_by_rate_and_highlights_what_differs() -> None:
    table = pd.DataFrame(
        {
            "won": [1, 3, 0],
            "lost": [3, 1, 0],
            "rate": [0.25, 0.75, None],
            "rate_low": [0.1, 0.4, None],
            "rate_high": [0.5, 0.9, None],
        },
        index=pd.Index(["Ann", "Bo", "Cy"], name="owner_name"),
    )
    rows = svg.win_rate(table, overall=0.5, differs={"Bo"})
    assert reading.figures(rows) == {"Bo": ("3 of 4",), "Ann": ("1 of 4",)}
    assert (
        len(reading.marks(rows, "circle", "f-hi"))
        == len(reading.marks(rows, "circle", "f-ink"))
        == 1
    )


def test_win_rate__of_an_empty_table_has_no_rows() -> None:
    table = pd.DataFrame({"rate": [], "rate_low": [], "rate_high": [], "won": [], "lost": []})
    assert svg.win_rate(table).rows == ()


def test_track_record__says_whether_each_range_held() -> None:
    table = pd.DataFrame(
        {
            "days_before": [15, 12],
            "expected": [50.0, 50.0],
            "low": [0.0, 0.0],
            "high": [100.0, 100.0],
            "actual": [0.0, 200.0],
            "error": [50.0, -150.0],
            "held": [True, False],
        },
        index=pd.Index(["2025-12", "2026-02"], name="period"),
    )
    table.attrs = {"as_of": "2026-03-13", "freq": "M"}
    assert reading.figures(svg.track_record(table)) == {"Feb": ("no",), "Dec 2025": ("yes",)}


def test_track_record__without_a_range_draws_and_says_none() -> None:
    past = {
        "days_before": [15],
        "expected": [50.0],
        "low": [math.nan],
        "high": [math.nan],
        "actual": [40.0],
        "error": [10.0],
    }
    table = pd.DataFrame(past, index=pd.Index(["2026-02"], name="period")).assign(
        held=pd.array([None], dtype="boolean")
    )
    table.attrs = {"as_of": "2026-03-13", "freq": "M"}
    drawn = svg.track_record(table)
    assert reading.figures(drawn) == {"Feb": ("no range",)}
    assert "nan" not in drawn.html()
    assert "Feb: no range, forecast 50, closed 40" in drawn.html()


def test_swing__says_both_chances() -> None:
    assert reading.texts(svg.swing(0.0, 0.9999, said="x")) == ["0%", ">99%"]


ROWS = svg.Rows(
    (
        svg.Row("Zoe & Co <b>", marks.picture(height=20, said="a bar"), ("$5", "2"), note="late"),
        svg.Row("All", marks.picture(height=20, said="a bar"), ("$9",), strong=True),
    ),
    heads=("Rep", "Value", "Deals"),
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
