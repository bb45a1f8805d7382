"""Charts over time: uniform time, steps where money closed, labels that do not touch."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from opp_analytics import svg
from tests.plots.tables import TABLES
from tests.svg import reading

FAN = TABLES["forecast_fan"].assign(period="2026-01")


def test_forecast_fan__labels_its_end_and_its_target() -> None:
    html = svg.forecast_fan(FAN, target=11.0)
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
    closed = pd.DataFrame({"close_date": pd.to_datetime(["2026-01-08", "2026-01-01"]), "value": [3.0, 2.0]})
    points = reading.parse(svg.forecast_fan(FAN, closed=closed)).find(".//polyline[@class='l-bar still']")
    assert points is not None
    places = [tuple(map(float, point.split(","))) for point in str(points.get("points")).split()]
    # What closed before the first record is there from the start; then three of seven days, and 5 in all.
    down = [340 - 300 * amount / 21 for amount in (0, 2, 5)]
    # The first record is right of the longest label of the axis, "20", of 14 pixels on 280.
    first = 100 * 14 / 280
    expected = [
        (first, down[0]),
        (first, down[0]),
        (first, down[1]),
        (first + (100 - first) * 3 / 7, down[1]),
        (first + (100 - first) * 3 / 7, down[2]),
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
    assert len(reading.marks(html, "rect", "f-hi")) == len(reading.marks(html, "rect", "f-mute")) == 1
    assert reading.texts(html) == ["Feb 2026", "300", "200", "average"]
