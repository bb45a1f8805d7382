"""What every drawing owes the eye: nothing cut off, no labels on top of each other, whatever the
data."""

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from opp_analytics import analysis, org, plots
from opp_analytics.note import TableNote
from tests.plots import reading
from tests.plots.frames import AS_OF, FRAMES, LOOKS, past_and_now
from tests.plots.tables import TABLES


def _tables(frame, history):
    day: dict[str, Any] = {"as_of": AS_OF}
    stretch: dict[str, Any] = {"start": "2026-03-01", "end": AS_OF}
    by: dict[str, Any] = {"by": "owner_name"}
    return {
        "stage_funnel": [analysis.stage_funnel(frame), analysis.stage_funnel(frame, **by)],
        "win_rate": [
            analysis.win_rate(frame, **by, **day),
            analysis.win_rate(frame, freq="M", **day),
            analysis.win_rate(frame),
        ],
        "forecast": [
            analysis.forecast(frame, target=1e6, **day),
            analysis.forecast(frame, freq="W", **day),
            analysis.forecast(frame, freq="M", **by, **day),
        ],
        "win_rate_curve": [
            analysis.win_rate_curve(frame, **day),
            analysis.win_rate_curve(frame, **by, **day),
        ],
        "time_to_win": [analysis.time_to_win(frame, **by, **day)],
        "velocity": [analysis.velocity(frame, **by, **day)],
        "win_rate_cohorts": [analysis.win_rate_cohorts(frame, age_days=60, freq="M", **day)],
        "forecast_deals": [
            analysis.forecast_deals(frame, **day),
            analysis.forecast_deals(frame, target=1e6, **day),
        ],
        "forecast_categories": [
            analysis.forecast_categories(frame, **day),
            analysis.forecast_categories(frame, **by, **day),
        ],
        "pacing": [
            analysis.pacing(frame, **day),
            analysis.pacing(frame, **day, by_day=True),
            analysis.pacing(frame, **by, **day),
        ],
        "audit": [analysis.audit(frame, **day)],
        "deal_flags": [analysis.deal_flags(frame, **day)],
        "scorecard": [analysis.scorecard(frame, **day)],
        "waterfall": [
            analysis.waterfall(history, **stretch),
            analysis.waterfall(history, **by, **stretch),
        ],
        "forecast_change": [
            analysis.forecast_change(
                history, start="2026-03-01", end=AS_OF, period="2026-03", method="stated", **more
            )
            for more in ({}, by)
        ],
        "movements": [analysis.movements(history, **stretch)],
        "slippage": [
            analysis.slippage(history, **stretch),
            analysis.slippage(history, **by, **stretch),
        ],
        "stage_flow": [
            analysis.stage_flow(history, **stretch),
            analysis.stage_flow(history, **by, **stretch),
        ],
        "transitions": [analysis.transitions(history)],
        "close_date_moves": [analysis.close_date_moves(history)],
        "category_moves": [analysis.category_moves(history, **stretch, freq="M")],
        "pipeline_created": [
            analysis.pipeline_created(history, freq="M"),
            analysis.pipeline_created(history, freq="M", **by),
        ],
        "deal": [history.deal(name) for name in frame["unique_id"].head(2)],
        **_past(len(set(frame["owner_name"]))),
        **_called(sorted(set(frame["owner_name"]))),
    }


def _called(names):
    """Judged calls of as many people, one of them far off."""
    dice, many = np.random.default_rng(len(names)), len(names)
    bias, width = dice.normal(0, 0.3, many), dice.uniform(0.1, 2.0, many)
    bias[:1] = 40.0
    callers = pd.DataFrame(
        {
            "n": 12,
            "wape": abs(bias),
            "bias": bias,
            "bias_low": bias - width,
            "bias_high": bias + width,
            "over": 0.5,
            "under": 0.5,
            "moved": 0.0,
            "differs": bias < 0,
            "error_ratio": abs(bias),
            "ratio_low": 0.1,
            "ratio_high": 90.0,
            "model_wape": 1.0,
            "better": 0.5,
        },
        index=pd.Index(names, name="caller"),
    )
    sources = TABLES["forecast_value_added"]
    groups = dict.fromkeys(names, sources)
    tables = [callers, pd.concat(groups, names=["owner_name"]) if groups else sources.iloc[:0]]
    for table in tables:
        TableNote("", AS_OF, "Q", confidence=0.95, figures={"n": 12}).write(table)
    return {
        "call_accuracy": [callers, callers.assign(bias=np.nan, wape=np.nan)],
        "forecast_value_added": [tables[1], sources],
    }


def _past(periods):
    """Forecasts of as many past periods, and what judges them."""
    names = [str(period) for period in pd.period_range("2020-01", periods=periods, freq="M")]
    dice = np.random.default_rng(periods)
    made = pd.date_range("2020-01-05", periods=9, tz="UTC")
    rows = pd.MultiIndex.from_product(
        [["learned"], made, names], names=["method", "made_at", "period"]
    )
    expected, actual = dice.lognormal(14, 1, (2, len(rows)))
    past = pd.DataFrame(
        {
            "lead": [*np.repeat(range(60, -1, -7), periods)],
            "weeks_before": [*np.repeat(range(8, -1, -1), periods)],
            "expected": expected,
            "low": expected / 2,
            "median": expected,
            "high": expected * 2,
            "booked": expected / 3,
            "actual": actual,
            "error": expected - actual,
            "held": True,
            "crps": 1.0,
            **dict.fromkeys(("low_50", "low_95"), expected / 2),
            **dict.fromkeys(("high_50", "high_95"), expected * 2),
        },
        index=rows,
    )
    TableNote("backtest", AS_OF, "M", confidence=0.8).write(past)
    stated = (np.arange(min(periods, 20)) + 0.5) / max(min(periods, 20), 1)
    won = dice.uniform(0, 1, len(stated))
    calibration = pd.DataFrame(
        {
            "n": 12_345,
            "stated": stated,
            "realized": won,
            "realized_low": won / 2,
            "realized_high": (1 + won) / 2,
            "open_share": 0.0,
            "won": (12_345 * won).astype(int),
            "open": 0,
        },
        index=pd.Index([f"{k}" for k in range(len(stated))], name="bin"),
    )
    fan = past[past.index.isin(names[:1], level="period")].droplevel(["method", "period"])
    return {
        "backtest": [past],
        "calibration": [calibration],
        "forecast_fan": [fan, fan.assign(target=1e6)],
        "score": [
            TABLES["score"],
            TABLES["score"].head(1),
            *([analysis.score(past, by=by) for by in ("lead", "period")] if periods else []),
        ],
    }


@pytest.mark.parametrize(
    ("kind", "look"),
    [
        pytest.param("seven groups, billions", "light", marks=pytest.mark.slow),
        # What fits in large letters fits in small ones.
        *(
            pytest.param(kind, "dark and large", marks=pytest.mark.slow)
            for kind in ("seven groups, billions", "no deals", "one deal", "sixty long names")
        ),
    ],
)
def test_drawings__cut_nothing_off_and_no_text_covers_another(kind, look, tmp_path):
    frame = org.conform(FRAMES[kind])
    found = _tables(frame, past_and_now(frame, tmp_path / "history"))
    assert set(found) == set(plots.DRAWINGS)
    wrong = {}
    for name, tables in found.items():
        for place, table in enumerate(tables):
            with matplotlib.rc_context(LOOKS[look]):
                ax = getattr(plots, name)(table)
                FigureCanvasAgg(ax.figure).draw()
                if faults := reading.faults(ax.figure):
                    wrong[f"{name} {place}"] = faults
    assert wrong == {}
