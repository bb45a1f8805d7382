"""Charts over time and rows of a forecast: uniform time, steps where money closed, labels that do
not touch."""

from __future__ import annotations

import itertools
import math
import re

import pandas as pd
import pytest

from opp_analytics import svg
from opp_analytics.org import money_of
from tests.plots.tables import TABLES
from tests.svg import reading

FAN = TABLES["forecast_fan"].assign(period="2026-01")


def test_forecast_fan__labels_its_end_and_its_target() -> None:
    html = svg.forecast_fan(FAN.assign(target=11.0))
    assert reading.texts(html) == [
        "0",
        "20",
        "target 11",
        "Jan 5",
        "Jan 12",
        "forecast 9",
        "5–12",
        "closed 5",
    ]
    assert reading.titles(html) == [
        "Jan 5: forecast 8 (2 to 20), closed 0",
        "Jan 12: forecast 9 (5 to 12), closed 5",
    ]


def test_forecast_fan__of_one_record_is_a_point() -> None:
    html = svg.forecast_fan(FAN.tail(1))
    assert [mark["cx"] for mark in reading.marks(html, "circle", "f-hi")] == [100]
    assert reading.marks(html, "polygon", "f-band") == []


def test_forecast_fan__steps_on_the_days_money_closed() -> None:
    closed = pd.DataFrame(
        {"close_date": pd.to_datetime(["2026-01-08", "2026-01-01"]), "value": [3.0, 2.0]}
    )
    points = reading.parse(svg.forecast_fan(FAN, closed=closed)).find(
        ".//polyline[@class='l-bar still']"
    )
    assert points is not None
    places = [tuple(map(float, point.split(","))) for point in str(points.get("points")).split()]
    # The line begins with what closed first, though the first record is of four days later; seven
    # of eleven days on, 5 in all.
    down = [340 - 300 * amount / 21 for amount in (0, 2, 5)]
    # The first day is right of the longest label of the axis, "20", of 14 pixels on 280.
    first = 100 * 14 / 280
    expected = [
        (first, down[0]),
        (first, down[0]),
        (first, down[1]),
        (first + (100 - first) * 7 / 11, down[1]),
        (first + (100 - first) * 7 / 11, down[2]),
        (100, down[2]),
    ]
    assert places == [pytest.approx(point, abs=0.01) for point in expected]


@pytest.mark.parametrize("booked", [0.0, 4.0, 8.9, 9.0])
def test_forecast_fan__labels_at_the_side_keep_apart(booked: float) -> None:
    fan = FAN.copy()
    fan["booked"] = booked
    side = list(reading.parse(svg.forecast_fan(fan)).iter("text"))[-3:]
    lines = sorted(float(str(found.get("y"))) for found in side)
    assert min(b - a for a, b in itertools.pairwise(lines)) >= 15.9
    assert lines[-1] <= 340


def _fan(calls: dict[str, float], **figures: float) -> str:
    made = pd.to_datetime(["2026-03-02T08:00Z", "2026-03-16T08:00Z"])
    table = pd.DataFrame(
        {
            "booked": 0.0,
            "expected": 100.0,
            "low": 80.0,
            "high": 120.0,
            "period": "2026-03",
            "weeks_before": [4, 2],
        }
        | figures,
        index=made,
    )
    table.attrs = {"as_of": "2026-03-16", "tz": "UTC", "confidence": 0.8}
    return svg.forecast_fan(
        table, calls=pd.Series([*calls.values()], pd.to_datetime([*calls]), "float64")
    )


def test_forecast_fan__draws_the_call_as_dashed_steps_from_the_first_record_on() -> None:
    drawn = _fan({"2026-02-20": 50.0, "2026-03-01": 150.0, "2026-03-09": 110.0})
    ((shape,),) = [re.findall(r'<polyline [^>]*stroke-dasharray[^>]* points="([^"]*)"', drawn)]
    # 50 was superseded before the first record.
    xs, ys = zip(*(map(float, point.split(",")) for point in shape.split()), strict=True)
    assert len(set(ys)) == 2
    assert xs[1] == xs[2] == (xs[0] + xs[3]) / 2
    assert "call 110" in drawn
    assert drawn == _fan({"2026-03-01": 150.0, "2026-03-09": 110.0})


def test_forecast_fan__breaks_the_line_where_a_call_is_withdrawn() -> None:
    drawn = _fan(
        {"2026-03-02": 110.0, "2026-03-05": math.nan, "2026-03-12": 90.0, "2026-03-16": math.nan}
    )
    assert drawn.count("stroke-dasharray") == 2
    assert "call" not in drawn
    assert _fan({}) == _fan({"2026-03-05": math.nan})


@pytest.mark.parametrize("call", [1.0, 95.0, 100.0, 110.0, 400.0])
def test_forecast_fan__labels_of_three_figures_keep_apart(call: float) -> None:
    side = _fan({"2026-03-02": call}, booked=90.0).rpartition("<svg")[2]
    places = sorted(float(y) for y in re.findall(r'<text x="0" y="([\d.]+)"', side))
    assert len(places) == 4
    assert min(later - earlier for earlier, later in itertools.pairwise(places)) >= 16
    assert places[-1] <= 336


def test_pipeline_created__highlights_the_last_period_and_draws_the_average() -> None:
    table = pd.DataFrame(
        {
            "deals": [1, 2],
            "value": [100.0, 300.0],
            "open_count": 1,
            "open_value": 90.0,
            "to_date": [False, True],
        },
        index=pd.Index(["2026-02", "2026-03"], name="period"),
    )
    html = svg.pipeline_created(table, average=200.0)
    assert (
        len(reading.marks(html, "rect", "f-hi")) == len(reading.marks(html, "rect", "f-mute")) == 1
    )
    assert reading.texts(html) == ["Feb 2026", "300", "200", "average"]


FORECAST = TABLES["forecast"].assign(expected_open=[0.0, 0.0, 30.0, 60.0])
MARCH = FORECAST.T["2026-03"]
MONEY = money_of(TABLES["forecast"])


def test_progress__is_scaled_to_its_own_target() -> None:
    html = svg.progress(MARCH, MONEY)
    end = 2.6 * 120
    assert reading.marks(html, "rect", "f-mute")[0]["width"] == pytest.approx(
        100 * 100 / end, abs=0.01
    )
    assert reading.marks(html, "rect", "f-band")[0]["x"] == pytest.approx(100 * 100 / end, abs=0.01)
    assert reading.marks(html, "circle", "f-hi")[0]["cx"] == pytest.approx(
        100 * 140 / end, abs=0.01
    )
    assert reading.marks(html, "line", "l-target")[0]["x1"] == pytest.approx(100 / 2.6, abs=0.01)
    assert reading.titles(html) == ["closed 100, forecast 140, range 100 to 200, target 120"]


def test_progress__without_a_target_shares_one_scale_of_money() -> None:
    html = svg.progress(MARCH.where(MARCH.index != "target"), MONEY, top=400)
    assert reading.marks(html, "rect", "f-mute")[0]["width"] == 25
    assert reading.marks(html, "line", "l-target") == []


@pytest.mark.parametrize(("target", "anchor"), [(120.0, "middle"), (1_000.0, "end"), (4.0, None)])
def test_bullet__keeps_the_target_s_label_inside(target: float, anchor: str | None) -> None:
    row = MARCH.copy()
    row["target"] = target
    found = next(text for text in reading.parse(svg.bullet(row, MONEY)).iter("text"))
    assert found.get("text-anchor") == anchor


def test_month__without_a_range_is_too_early_to_say() -> None:
    april = FORECAST.T["2026-04"].copy()
    april[["low", "median", "high"]] = math.nan
    scale = svg.axis([200.0])
    assert reading.texts(svg.month(april, scale, MONEY, name="Apr")) == ["too early to say"]
    assert reading.marks(svg.month(april, scale, MONEY, name="Apr"), "circle", "f-ink") == []
    drawn = svg.month(pd.Series({**MARCH}), scale, MONEY, name="Mar")
    assert reading.texts(drawn) == []
    assert reading.marks(drawn, "circle", "f-ink")[0]["cx"] == pytest.approx(
        100 * 140 / 210, abs=0.01
    )
