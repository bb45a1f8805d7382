"""The pictures that are read back, and what is in each:
``python -m tests.svg.cases`` stores it in ``pictures.toml``, to be looked at before it is kept."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pandas as pd
import tomlkit

from opp_analytics import charts, svg
from opp_analytics.note import TableNote
from opp_analytics.org import money_of
from tests.plots.tables import TABLES
from tests.svg import reading

FILE = Path(__file__).with_name("pictures.toml")
FAN = TABLES["forecast_fan"].assign(period="2026-01")
_FORECAST = TABLES["forecast"].assign(expected_open=[0.0, 0.0, 30.0, 60.0])
_MARCH, _APRIL = _FORECAST.T["2026-03"], _FORECAST.T["2026-04"].copy()
_APRIL[["low", "median", "high"]] = math.nan
_MONEY, _SCALE = money_of(_FORECAST), svg.axis([200.0])
_CUT, _SLIPPED = TABLES["waterfall"].copy(), TABLES["slippage"]
_CUT.loc["won", "value"], _CUT.loc["closing", "value"] = -80.0, 70.0
_SUMS = {"closed": 100.0, "commit": 50.0, "best_case": 0.0, "pipeline": 10.0, "omitted": 5.0}
_RATES = pd.DataFrame(
    {
        "won": [1, 3, 0],
        "lost": [3, 1, 0],
        "rate": [0.25, 0.75, None],
        "rate_low": [0.1, 0.4, None],
        "rate_high": [0.5, 0.9, None],
    },
    index=pd.Index(["Ann", "Bo", "Cy"], name="owner_name"),
)


def call(calls: dict[str, float], **figures: float) -> str:
    """A fan of two records in March, with the calls in force from each day on."""
    made = pd.to_datetime(["2026-03-02T08:00Z", "2026-03-16T08:00Z"])
    known = {"booked": 0.0, "expected": 100.0, "low": 80.0, "high": 120.0, "period": "2026-03"}
    table = pd.DataFrame({**known, "weeks_before": [4, 2], **figures}, index=made)
    TableNote("forecast_fan", "2026-03-16", tz="UTC", confidence=0.8).write(table)
    called = pd.Series([*calls.values()], pd.to_datetime([*calls]), "float64")
    return svg.draw_fan(charts.forecast_fan(table, calls=called))


def _bullet(target: float) -> str:
    return svg.bullet(pd.Series({**_MARCH, "target": target}), _MONEY)


CASES: dict[str, str | svg.Rows] = {
    "bars, the one that the title names in blue": svg.draw_rows(
        charts.ChartData((charts.make_bar("Ann", 3.0, "hi"), charts.make_bar("Bo", 0.0)))
    ),
    "bullet": _bullet(120.0),
    "bullet, target at the right": _bullet(1_000.0),
    "bullet, target at the left": _bullet(4.0),
    "forecast_categories": svg.draw(
        charts.category_reach(
            pd.DataFrame(_SUMS, index=pd.Index(["2026-03"], name="period")), "2026-03", target=120
        )
    ),
    "forecast_change": svg.draw(charts.forecast_change(TABLES["forecast_change"], target=150)),
    "forecast_fan": svg.draw(charts.forecast_fan(FAN.assign(target=11.0))),
    "forecast_fan, one record": svg.draw(charts.forecast_fan(FAN.tail(1))),
    "forecast_fan, steps on the days money closed": svg.draw(
        charts.forecast_fan(
            FAN,
            closed=pd.DataFrame(
                {"close_date": pd.to_datetime(["2026-01-08", "2026-01-01"]), "value": [3.0, 2.0]}
            ),
        )
    ),
    "forecast_fan, calls": call({"2026-02-20": 50.0, "2026-03-01": 150.0, "2026-03-09": 110.0}),
    "forecast_fan, a call withdrawn": call(
        {"2026-03-02": 110.0, "2026-03-05": math.nan, "2026-03-12": 90.0, "2026-03-16": math.nan}
    ),
    "month": svg.month(_MARCH, _SCALE, _MONEY, name="Mar"),
    "month, too early to say": svg.month(_APRIL, _SCALE, _MONEY, name="Apr"),
    "pipeline_created": svg.draw(charts.pipeline_created(TABLES["pipeline_created"], average=2e5)),
    "progress": svg.progress(_MARCH, _MONEY),
    "progress, on a shared scale": svg.progress(
        _MARCH.where(_MARCH.index != "target"), _MONEY, top=400
    ),
    "slippage, by value and by count": svg.draw(
        charts.slippage_by_period({"Sep": _SLIPPED, "Oct": _SLIPPED.assign(value=0.0)})
    ),
    "stage_flow": svg.draw(charts.stage_flow(TABLES["stage_flow"])),
    "waterfall": svg.draw(charts.waterfall(TABLES["waterfall"])),
    "waterfall, the largest step down": svg.draw(charts.waterfall(_CUT)),
    "win_rate": svg.draw(charts.win_rate(_RATES, overall=0.5, differs={"Bo"})),
}
"""By the name of a picture and of what is special: the picture."""


if __name__ == "__main__":
    stored = {name: reading.read(picture) for name, picture in sorted(CASES.items())}
    FILE.write_text(tomlkit.dumps(stored))
    sys.stdout.write(f"{len(CASES)} pictures in {FILE.name}\n")
