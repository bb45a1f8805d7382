"""A forecast over time: figures at its side do not touch, and a call without an amount is none."""

from __future__ import annotations

import itertools
import math
import re

import pandas as pd
import pytest

from opp_analytics import charts, svg
from tests.svg import reading
from tests.svg.cases import _MARCH, _MONEY, FAN, call


@pytest.mark.parametrize("booked", [0.0, 4.0, 8.9, 9.0])
def test_forecast_fan__labels_at_the_side_keep_apart(booked: float) -> None:
    side = list(
        reading.parse(svg.draw_fan(charts.forecast_fan(FAN.assign(booked=booked)))).iter("text")
    )[-3:]
    lines = sorted(float(str(found.get("y"))) for found in side)
    assert min(b - a for a, b in itertools.pairwise(lines)) >= 15.9
    assert lines[-1] <= 340


def test_forecast_fan__has_the_calls_in_force_at_its_records() -> None:
    # 50 was superseded before the first record; a call without an amount is none.
    superseded = call({"2026-02-20": 50.0, "2026-03-01": 150.0, "2026-03-09": 110.0})
    assert superseded == call({"2026-03-01": 150.0, "2026-03-09": 110.0})
    assert call({}) == call({"2026-03-05": math.nan})


@pytest.mark.parametrize("called", [1.0, 95.0, 100.0, 110.0, 400.0])
def test_forecast_fan__labels_of_three_figures_keep_apart(called: float) -> None:
    side = call({"2026-03-02": called}, booked=90.0).rpartition("<svg")[2]
    places = sorted(float(y) for y in re.findall(r'<text x="0" y="([\d.]+)"', side))
    assert len(places) == 4
    assert min(later - earlier for earlier, later in itertools.pairwise(places)) >= 16
    assert places[-1] <= 336


def test_list_months__have_a_scale_only_where_there_is_an_amount() -> None:
    rows = pd.DataFrame([_MARCH], index=["2026-03"]).assign(name="Mar")
    assert "Scale" in svg.list_months(rows, _MONEY)[0]
    assert "Scale in money" in svg.list_months(rows.assign(target=math.nan), _MONEY)[0]
    for nothing in (0.0, math.nan):
        empty = rows.assign(high=nothing, expected=nothing, target=math.nan)
        scale, pictures = svg.list_months(empty, _MONEY)
        assert (scale, [*pictures]) == ("", ["2026-03"])
