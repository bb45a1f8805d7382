from __future__ import annotations

import pandas as pd

import opp_analytics as oa
from opp_analytics.widgets.grid.effect import ForecastEffect, make_plan
from opp_analytics.widgets.grid.sheet import EditSheet
from tests.writer.frames import opportunities


def test_periods__before_and_after_are_the_forecasts_of_the_two_frames():
    sheet = EditSheet(opportunities(4))  # 1,000 to 1,300 at 40%, due in June
    effect = ForecastEffect(sheet, as_of="2026-06-01", freq="M", history=None)
    assert [(p["period"], p["before"], p["after"]) for p in effect.show_periods()] == [
        ("Jun", "1.8K", None),
        ("Jul", "0", None),
    ]
    sheet.edit([(0, "value", "2000"), (1, "close_date", "7/15"), (2, "stage", "closed lost")])
    sheet.remove([3])
    first, second = effect.show_periods()
    assert (first["after"], first["change"]) == ("800", "−1K")
    assert (second["before"], second["after"], second["change"]) == ("0", "440", "+440")
    for period, label in ((first, "2026-06"), (second, "2026-07")):
        whole = oa.forecast(sheet.edited, as_of="2026-06-01", method="stated", periods=2)["expected"]
        assert period["after"] == oa_money(float(whole[label]))
    assert effect.by_deal([0, 1]) == {0: 400.0, 1: -440.0}
    assert len(make_plan(sheet).changes) == 4


def oa_money(value: float) -> str:
    from opp_analytics import text

    return text.money(value)


def test_periods__without_the_columns_of_a_forecast_say_why():
    effect = ForecastEffect(EditSheet(pd.DataFrame({"unique_id": ["a"], "name": ["Acme"]})), as_of="2026-06-01", freq="M", history=None)  # fmt: skip
    assert effect.show_periods() == []
    assert "no column" in effect.why
