"""One small result table for each drawing, as its analysis returns it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import org

AS_OF = "2026-03-31"
STAGES = ["discovery", "proposal"]


def _table(
    columns: dict[str, Any], index: Any = None, name: str | None = None, **attrs: Any
) -> pd.DataFrame:
    table = pd.DataFrame(columns, index=index)
    table.index.name = name
    table.attrs = {"as_of": AS_OF, **attrs}  # type: ignore[dict-item]
    return table


def _steps() -> pd.DataFrame:
    dtype = org.stage_dtype(org.STAGES)
    steps = _table(
        {
            "unique_id": ["a", "a", "b", "a"],
            "from_stage": [None, "discovery", "discovery", "proposal"],
            "to_stage": ["discovery", "proposal", "closed_lost", "closed_won"],
            "days_in_stage": [None, 7.0, 9.0, 14.0],
            "backward": False,
        }
    )
    return steps.astype({"from_stage": dtype, "to_stage": dtype})


def _category_moves() -> pd.DataFrame:
    came = ["won", "commit", "lost", "slipped", "removed"]
    index = pd.MultiIndex.from_product(
        [["commit", "pipeline"], came], names=["from_category", "to_category"]
    )
    counts, values = (
        [2, 0, 0, 1, 0, 0, 0, 1, 0, 0],
        [75.0, 0.0, 0.0, 25.0, 0.0, 0.0, 0.0, 40.0, 0.0, 0.0],
    )
    table = pd.DataFrame(
        {"count": counts, "value": [1_000 * value for value in values]}, index=index
    )
    table.attrs = {"as_of": AS_OF, "period": "2026-03"}
    return table


_WEEKS = pd.DatetimeIndex(["2026-01-05", "2026-01-12"], tz="UTC", name="made_at")
_MADE = pd.MultiIndex.from_product(
    [["learned"], _WEEKS, ["2026-01"]], names=["method", "made_at", "period"]
)

TABLES: dict[str, pd.DataFrame] = {
    "audit": _table(
        {
            "unique_id": ["a", "a", "b", "c"],
            "check": ["closed_in_future", "overdue", "overdue", "stale"],
            "severity": ["error", "warning", "warning", "info"],
            "value": [100.0, 100.0, 30.0, 5.0],
        }
    ),
    "backtest": _table(
        {
            "lead": [30, 23],
            "expected": [5.0, 7.0],
            "low": [3.0, 6.5],
            "high": [6.5, 9.0],
            "actual": [6.0, 6.0],
            "error": [-1.0, 1.0],
            "held": [True, False],
        },
        _MADE,
    ),
    "calibration": _table(
        {
            "n": [4, 0],
            "stated": [0.2, None],
            "realized": [0.25, None],
            "realized_low": [0.05, None],
            "realized_high": [0.7, None],
            "open_share": [0.0, None],
            "won": [1, 0],
            "open": [0, 0],
        },
        ["0–50%", "50–100%"],
        "bin",
    ),
    "close_date_moves": _table(
        {"pushes": [0, 2, 0, 1], "pulls": [0, 1, 0, 0], "days_pushed": [0, 60, 0, 7]},
        list("abcd"),
        "unique_id",
    ),
    "forecast": _table(
        {
            "booked": [0.0, 0.0, 100.0, 0.0],
            "open_count": [1, 0, 2, 1],
            "weighted_open": [3.0, 0.0, 40.0, 60.0],
            "expected": [None, None, 140.0, 60.0],
            "low": [None, None, 100.0, 20.0],
            "median": [None, None, 130.0, 60.0],
            "high": [None, None, 200.0, 90.0],
            "target": [None, None, 120.0, None],
            "to_date": [False, False, True, False],
            "open_value": [10.0, 0.0, 60.0, 90.0],
            "new_business": [0.0, 0.0, 0.0, 0.0],
            "gap": [None, None, 20.0, None],
            "p_target": [None, None, 0.7, None],
            "pipeline_coverage": [None, None, 3.0, None],
        },
        ["overdue", "unscheduled", "2026-03", "2026-04"],
        "period",
        confidence=0.8,
        freq="M",
    ),
    "pacing": _table(
        {
            "booked": [190.0, 310.0, 276.0],
            "actual": [400.0, 350.0, None],
            "booked_share": [0.475, 0.886, None],
            "deals": [2, 3, 4],
            "days_left": 1,
            "to_date": [False, False, True],
        },
        ["2026-01", "2026-02", "2026-03"],
        "period",
        freq="M",
    ),
    "forecast_deals": _table(
        {
            "unique_id": ["a", "b"],
            "name": ["Acme", "Bolt"],
            "period": ["2026-04", "2026-04"],
            "value": [50_000.0, 9_000.0],
            "variance_share": [0.9, 0.1],
            "p_if_won": [0.8, 0.6],
            "p_if_lost": [0.3, 0.5],
            "swing": [0.5, 0.1],
            "chance": [0.5, 0.6],
        }
    ),
    "category_moves": _category_moves(),
    "forecast_categories": _table(
        {
            "closed": [0.0, 80_000.0, 100_000.0, 0.0],
            "commit": [10_000.0, 0.0, 50_000.0, 0.0],
            "best_case": [0.0, 0.0, 20_000.0, 30_000.0],
            "pipeline": [0.0, 0.0, 0.0, 5_000.0],
            "omitted": 0.0,
            "commit_total": [10_000.0, 80_000.0, 150_000.0, 0.0],
            "best_case_total": [10_000.0, 80_000.0, 170_000.0, 30_000.0],
            "to_date": [False, False, True, False],
        },
        ["overdue", "2026-02", "2026-03", "2026-04"],
        "period",
        freq="M",
    ),
    "deal_flags": _table(
        {
            "name": ["Acme", None, "Cog"],
            "owner_name": ["Ann", "Bo", "Bo"],
            "value": [50_000.0, None, 10_000.0],
            "close_date": pd.to_datetime(["2026-04-01", "2026-04-02", "2026-05-01"]),
            "risk": [2, 1, 0],
            "reasons": ["pushed twice, 61 days in all · value cut from 60K to 50K", "no value", ""],
            "pushed": pd.array([True, False, False], dtype="boolean"),
            "value_cut": pd.array([True, False, False], dtype="boolean"),
            "no_value": pd.array([False, True, False], dtype="boolean"),
        },
        ["a", "b", "c"],
        "unique_id",
    ),
    "forecast_fan": _table(
        {
            "booked": [0.0, 5.0],
            "expected": [8.0, 9.0],
            "low": [2.0, 5.0],
            "median": [8.0, 9.0],
            "high": [20.0, 12.0],
        },
        _WEEKS,
        "made_at",
        confidence=0.8,
    ),
    "forecast_change": _table(
        {
            "expected": [100.0, 0.0, 30.0, -20.0, 0.0, 5.0, 115.0],
            "value": [300.0, 0.0, 60.0, 90.0, 0.0, 0.0, 300.0],
            "deals": [4, 0, 1, 2, 0, 0, 4],
            "largest": ["Cog", None, "Acme", "Bolt", None, None, "Acme"],
            "up": [100.0, 0.0, 30.0, 0.0, 0.0, 0.0, 115.0],
            "down": [0.0, 0.0, 0.0, -20.0, 0.0, 0.0, 0.0],
            "up_deals": [4, 0, 1, 0, 0, 0, 4],
            "down_deals": [0, 0, 0, 2, 0, 0, 0],
            "up_largest": ["Cog", None, "Acme", None, None, None, "Acme"],
            "down_largest": [None, None, None, "Bolt", None, None, None],
            "up_most": [60.0, None, 30.0, None, None, None, 80.0],
            "down_most": [None, None, None, -15.0, None, None, None],
        },
        ["then", "removed", "won", "pushed_out", "value", "new_business", "now"],
        "movement",
        period="2026-03",
        freq="M",
        then_at="2026-03-24T00:00:00+00:00",
        now_at="2026-03-31T00:00:00+00:00",
        method="learned",
    ),
    "movements": _table(
        {
            "unique_id": ["a", "b", "c"],
            "name": ["Acme", None, "Cog"],
            "movement": ["won", "new", "value_up"],
            "value": [-40.0, 60.0, 1.0],
            "count": [-1, 1, 0],
        }
    ),
    "call_accuracy": _table(
        {
            "n": [9, 9, 2],
            "wape": [0.2, 0.1, None],
            "bias": [0.12, -0.04, None],
            "bias_low": [0.05, -0.1, None],
            "bias_high": [0.19, 0.02, None],
            "over": [0.9, 0.4, None],
            "under": [0.1, 0.6, None],
            "moved": [0.1, 0.0, None],
            "differs": [True, False, False],
            "error_ratio": [2.0, 0.8, None],
            "ratio_low": [1.5, 0.6, None],
            "ratio_high": [2.8, 1.1, None],
            "model_wape": [0.1, 0.12, None],
            "better": [1 / 9, 5 / 9, None],
        },
        ["Ann", "Bo", "Cy"],
        "caller",
        freq="M",
        confidence=0.95,
        n=9,
    ),
    "forecast_value_added": _table(
        {
            "n": [9, 9, 9, 9, 9, 9],
            "wape": [0.15, 0.3, 0.4, 0.09, 0.13, 0.08],
            "bias": [-0.01, 0.1, 0.2, 0.02, 0.1, 0.0],
            "error_ratio": [1.0, 2.0, 2.67, 0.6, 0.87, 0.53],
            "ratio_low": [1.0, 1.5, 2.0, 0.4, 0.6, 0.4],
            "ratio_high": [1.0, 2.6, 9.0, 0.8, 1.3, 0.7],
            "differs": [False, True, True, True, False, True],
            "better": [0.0, 2 / 9, 1 / 9, 7 / 9, 5 / 9, 8 / 9],
        },
        ["model", "weighted", "last_period", "reps", "manager", "blend"],
        "source",
        freq="M",
        confidence=0.95,
        n=9,
        override={"": 0.01},
    ),
    "pipeline_created": _table(
        {
            "deals": [2, 1],
            "value": [300_000.0, 50_000.0],
            "open_count": [2, 3],
            "open_value": [280_000.0, 330_000.0],
            "to_date": [False, True],
        },
        ["2026-02", "2026-03"],
        "period",
        freq="M",
    ),
    "score": _table(
        {
            "n": [2, 2, 0],
            "wape": [0.5, 0.2, None],
            "bias": [-0.5, 0.1, None],
            "coverage_80": [0.5, 1.0, None],
            "differs": [False, True, False],
        },
        ["stated", "stage", "curve"],
        "method",
    ),
    "scorecard": _table(
        {
            "won": [30, 8],
            "lost": [10, 32],
            "rate": [0.75, 0.2],
            "rate_low": [0.6, 0.1],
            "rate_high": [0.86, 0.35],
            "differs": [True, True],
            "days_to_win": [34.0, None],
            "slip_rate": [0.3, None],
            "forecast_bias": [-0.12, None],
            "n": [40, 40],
        },
        ["Ann", "Bo"],
        "owner_name",
        confidence=0.95,
    ),
    "slippage": _table(
        {
            "count": [1, 1, 2, 0, 1],
            "value": [100.0, 200.0, 300.0, 0.0, 400.0],
            "count_rate": [0.2, 0.2, 0.4, 0.0, 0.2],
            "value_rate": [0.1, 0.2, 0.3, 0.0, 0.4],
        },
        ["won", "lost", "slipped", "pulled_out", "removed"],
        "outcome",
    ),
    "stage_flow": _table(
        {
            "entries": [4, 2],
            "advanced": [2, 1],
            "lost": [1, 0],
            "back": [0, 1],
            "removed": [0, 0],
            "still": [1, 0],
            "conversion": [2 / 3, 0.5],
            "median_days": [12.0, None],
        },
        STAGES,
        "stage",
    ),
    "stage_funnel": _table(
        {
            "open_count": [2, 1],
            "open_value": [500_000.0, 80_000.0],
            "reached_low": [3, 2],
            "reached_high": [5, 2],
        },
        STAGES,
        "stage",
    ),
    "time_to_win": _table(
        {"days": [None, None], "days_of_won": [30.0, 60.0]},
        pd.Index([0.5, 0.9], name="quantile"),
        "quantile",
    ),
    "transitions": _steps(),
    "velocity": _table(
        {
            "velocity": [1_000.0, None],
            "open_count": [3, 2],
            "won": [4, 0],
            "lost": [2, 0],
            "win_rate": [2 / 3, None],
            "mean_won_value": [15_000.0, None],
            "mean_days_to_win": [30.0, None],
        },
        ["Ann", "Bo"],
        "owner_name",
    ),
    "waterfall": _table(
        {
            "count": [4, 2, 0, -1, 5],
            "value": [100.0, 50.0, 0.0, -30.0, 120.0],
            "deals": [4, 2, 0, 1, 5],
        },
        ["opening", "new", "reopened", "won", "closing"],
        "movement",
    ),
    "win_rate": _table(
        {
            "won": [1, 0],
            "lost": [1, 0],
            "rate": [0.5, None],
            "rate_low": [0.1, None],
            "rate_high": [0.9, None],
        },
        ["Ann", "Bo"],
        "owner_name",
        confidence=0.95,
    ),
    "win_rate_cohorts": _table(
        {
            "created": [6, 4],
            "won": [3, 1],
            "rate": [0.5, 0.25],
            "rate_low": [0.2, 0.1],
            "rate_high": [0.8, 0.6],
            "open_share": [0.1, 0.5],
        },
        ["2025Q4", "2026Q1"],
        "period",
        freq="Q",
    ),
    "win_rate_curve": _table(
        {
            "at_risk": [9, 4],
            "won_share": [0.2, 0.4],
            "lost_share": [0.1, 0.2],
            "disqualified_share": [0.0, 0.0],
            "won_low": [0.1, 0.2],
            "won_high": [0.4, 0.7],
        },
        [30, 90],
        "days",
    ),
}
