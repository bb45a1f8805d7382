"""The tables that drawings are read back from, and what a person reads in each:
``python -m tests.plots.cases`` stores it in ``drawings.toml``, to be looked at before it is kept."""  # noqa: E501

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import tomlkit

import opp_analytics as oa
from opp_analytics import plots
from opp_analytics.note import TableNote
from tests.plots import reading
from tests.plots.tables import TABLES

FILE = Path(__file__).with_name("drawings.toml")


def _join(tables: dict[str, pd.DataFrame], level: str) -> pd.DataFrame:
    """Tables of several groups in one, with the note of the first."""
    joined = pd.concat(tables, names=[level])
    joined.attrs = next(iter(tables.values())).attrs
    return joined


def _blank(table: pd.DataFrame, rows: Any, columns: list[str]) -> pd.DataFrame:
    found = table.astype(dict.fromkeys(table[columns].select_dtypes("number"), "float64"))
    found.loc[rows, columns] = math.nan
    return found


def _close(*deals: tuple[str, float]) -> pd.DataFrame:
    """What closed in a year by month and day."""
    frame = pd.DataFrame(deals, columns=["close_date", "value"]).assign(stage="closed_won")
    return oa.pacing(frame, as_of="2026-03-15", by_day=True)


def _score_leads() -> pd.DataFrame:
    """Three methods at two leads, one of them without a forecast."""
    bands = pd.CategoricalIndex(["0–1", "8–14"], ["0–1", "8–14"], ordered=True)
    methods = ["stated", "three_periods", "year_ago"]
    missed = {"n": [3, 3, 0, 5, 5, 0], "wape": [0.1, 0.2, None, 0.3, 0.4, None]}
    index = pd.MultiIndex.from_product([bands, methods], names=["lead", "method"])
    table = pd.DataFrame({**missed, "bias": 0.0, "coverage_80": 1.0, "differs": False}, index)
    return TableNote("score", freq="M").write(table)


_FORECAST, _CALLS = (TABLES[name] for name in ("forecast", "forecast_value_added"))
_FAN, _RATES = (TABLES[name] for name in ("forecast_fan", "win_rate"))
_CHANGE, _CURVE, _PAST = (
    TABLES[name] for name in ("forecast_change", "win_rate_curve", "backtest")
)

CASES: dict[str, pd.DataFrame] = {
    **TABLES,
    "backtest, the last of two periods": pd.concat(
        [_PAST.rename({"2026-01": "2026-02"}, level="period"), _PAST]
    ),
    "backtest, groups added up": _join({"Ann": _PAST, "Bo": _PAST}, "owner"),
    "backtest, the first of two methods": pd.concat(
        [_PAST, _PAST.rename({"learned": "stated"}, level="method").assign(error=9.0)]
    ),
    "backtest, ranges at today's lead": TableNote("backtest", "2026-03-31", "M", lead="now").write(
        _PAST.tail(1)
    ),
    "calibration, by group": _join({"proposal": TABLES["calibration"]}, "stage"),
    "close_date_moves, eight or more": pd.concat(
        [TABLES["close_date_moves"], TABLES["close_date_moves"].assign(pushes=12)]
    ),
    "forecast, a range that excludes it": _FORECAST.assign(
        high=[math.nan, math.nan, 100.0, 90.0], low=[math.nan, math.nan, 100.0, 20.0]
    ),
    "forecast, room for months without a deal": _FORECAST.rename({"2026-04": "2026-06"}),
    "forecast, those far away counted": _FORECAST.rename({"2026-04": "2029-04"}),
    "forecast, overdue deals alone": _FORECAST.loc[["overdue"]],
    "forecast, of which nothing is known": _blank(
        _FORECAST, "2026-04", ["expected", "low", "median", "high", "p_target", "new_business"]
    ),
    "forecast_change, totals cut": _CHANGE.assign(
        expected=[1000.0, 0.0, 30.0, -20.0, 0.0, 5.0, 1015.0]
    ),
    "forecast_fan, a period that ended": _FAN.assign(
        actual=7.0, period="2026-01", weeks_before=[3, 2]
    ),
    "forecast_fan, a period that did not end": _FAN.assign(actual=math.nan),
    "forecast_value_added, the calls of groups": _join({"East": _CALLS, "West": _CALLS}, "team"),
    "forecast_value_added, calls that cannot be judged": _blank(
        _CALLS.assign(n=[9, 9, 9, 2, 2, 2]),
        ["reps", "manager", "blend"],
        [*_CALLS.columns.drop(["n", "differs"])],
    ),
    "pacing, by day": _close(
        ("2026-01-31", 1.0), ("2026-02-10", 100.0), ("2026-02-25", 60.0), ("2026-03-09", 70.0)
    ),
    "score, no method beyond chance": TABLES["score"].assign(differs=False),
    "score, nothing booked": _blank(TABLES["score"], slice(None), ["wape"]),
    "score, periods in the order of time": TABLES["score"]
    .head(2)
    .set_axis(pd.Index(["2026-01", "2026-02"], name="period")),
    "score, by lead": _score_leads(),
    "score, one method by lead": _score_leads().query("method == 'stated'").droplevel("method"),
    "win_rate, over time": _RATES.assign(to_date=[False, True])
    .set_axis(["2026-02", "2026-03"])
    .rename_axis("period"),
    "win_rate, one row": _RATES[_RATES.index == "Ann"],
    "win_rate_curve, the disqualified where dated": _CURVE.assign(disqualified_share=0.1),
}
"""By the name of a drawing and of what is special: its table."""


def read(name: str) -> dict[str, Any]:
    """Draw a case, and read it back."""
    draw: Callable[[pd.DataFrame], Any] = getattr(plots, name.partition(",")[0])
    return reading.read(draw(CASES[name]))


if __name__ == "__main__":
    FILE.write_text(tomlkit.dumps({name: read(name) for name in sorted(CASES)}))
    sys.stdout.write(f"{len(CASES)} drawings in {FILE.name}\n")
