"""One row of a forecast: closed, range, forecast and target where they are."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from opp_analytics import svg
from opp_analytics.org import money_of
from tests.plots.tables import TABLES
from tests.svg import reading

FORECAST = TABLES["forecast"].assign(expected_open=[0.0, 0.0, 30.0, 60.0])
MARCH = FORECAST.T["2026-03"]
MONEY = money_of(TABLES["forecast"])


def test_progress__is_scaled_to_its_own_target() -> None:
    html = svg.progress(MARCH, MONEY)
    end = 2.6 * 120
    assert reading.marks(html, "rect", "f-mute")[0]["width"] == pytest.approx(100 * 100 / end, abs=0.01)
    assert reading.marks(html, "rect", "f-band")[0]["x"] == pytest.approx(100 * 100 / end, abs=0.01)
    assert reading.marks(html, "circle", "f-hi")[0]["cx"] == pytest.approx(100 * 140 / end, abs=0.01)
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
    assert reading.marks(drawn, "circle", "f-ink")[0]["cx"] == pytest.approx(100 * 140 / 210, abs=0.01)
