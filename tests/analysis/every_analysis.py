"""Every public analysis on a small pipeline and its history, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

import opp_analytics as oa

AS_OF = "2026-03-30"
COLUMNS = (
    *("unique_id", "name", "account_id", "value", "stage", "close_date", "probability", "status"),
    *("created_at", "updated_at", "owner_name"),
)


def deals() -> pd.DataFrame:
    rows = [
        (f"o{k}", 100.0 * (k + 1), stage, f"2026-0{month}-15", chance, status)
        for k, (stage, month, chance, status) in enumerate(
            [
                ("closed_won", 1, 100, "won"),
                ("closed_won", 2, 100, "won"),
                ("closed_lost", 2, 0, "lost"),
                ("closed_won", 3, 100, "won"),
                ("proposal", 4, 40, "active"),
                ("discovery", 5, 10, "active"),
                ("negotiation", 3, 80, "active"),
            ]
        )
    ]
    frame = pd.DataFrame(
        rows, columns=["unique_id", "value", "stage", "close_date", "probability", "status"]
    )
    return frame.assign(
        name=frame["unique_id"],
        account_id="x",
        owner_name="Ann",
        created_at="2025-12-01T00:00:00Z",
        updated_at="2026-03-20T00:00:00Z",
    )[list(COLUMNS)]


def log() -> pd.DataFrame:
    """Six records of the deals: open at first, then as in `deals`."""
    now = deals()
    weeks = pd.date_range("2026-01-05", "2026-03-30", freq="14D", tz="UTC")
    parts = []
    for week in weeks:
        due = pd.to_datetime(now["close_date"]).dt.tz_localize("UTC")
        early = (due > week) & now["status"].isin(["won", "lost"])
        parts.append(
            now.assign(
                stage=now["stage"].mask(early, "proposal"),
                status=now["status"].mask(early, "active"),
                probability=now["probability"].mask(early, 50),
                seen_at=week,
            )
        )
    return pd.concat(parts, ignore_index=True)


def called(history: oa.History) -> oa.History:
    """The history, read by its own org with calls of Ann and Bo for her weeks."""
    weeks = pd.period_range("2026-01-05", "2026-03-30", freq="W")
    calls = [
        {
            "made_on": f"{week.start_time.date()}",
            "period": str(week),
            "caller": caller,
            "owner_name": "Ann",
            "commit": commit,
        }
        for week in weeks
        for caller, commit in (("Ann", 90.0), ("Bo", 120.0))
    ]
    return history.read_by(oa.Org(**{**(history.org or oa.Org()).to_dict(), "calls": calls}))


OF_FRAMES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "audit": lambda frame: oa.audit(frame, as_of=AS_OF),
    "outcomes": lambda frame: oa.outcomes(frame, as_of=AS_OF),
    "deal_flags": lambda frame: oa.deal_flags(frame, as_of=AS_OF),
    "forecast": lambda frame: oa.forecast(frame, as_of=AS_OF),
    "forecast stated": lambda frame: oa.forecast(frame, as_of=AS_OF, method="stated"),
    "forecast_categories": lambda frame: oa.forecast_categories(frame, as_of=AS_OF),
    "forecast_deals": lambda frame: oa.forecast_deals(frame, as_of=AS_OF),
    "pacing": lambda frame: oa.pacing(frame, as_of=AS_OF),
    "pacing by day": lambda frame: oa.pacing(frame, as_of=AS_OF, by="owner_name", by_day=True),
    "scorecard": lambda frame: oa.scorecard(frame, as_of=AS_OF),
    "stage_funnel": lambda frame: oa.stage_funnel(frame),
    "stage_funnel by": lambda frame: oa.stage_funnel(frame, by="owner_name"),
    "time_to_win": lambda frame: oa.time_to_win(frame, as_of=AS_OF),
    "velocity": lambda frame: oa.velocity(frame, as_of=AS_OF),
    "win_rate": lambda frame: oa.win_rate(frame, freq="M"),
    "win_rate_cohorts": lambda frame: oa.win_rate_cohorts(frame, as_of=AS_OF, age_days=30),
    "win_rate_curve": lambda frame: oa.win_rate_curve(frame, as_of=AS_OF),
}
START = "2026-01-20"
MARCH: dict[str, Any] = {"start": "2026-03-03", "end": AS_OF, "period": "2026-03"}
OF_HISTORIES: dict[str, Callable[[oa.History], Any]] = {
    "backtest": lambda history: oa.backtest(history, freq="M", methods="stated"),
    "backtest now": lambda history: oa.backtest(
        history, lead="now", freq="M", as_of="2026-03-16", methods="stated"
    ),
    "score": lambda history: oa.score(oa.backtest(history, freq="M", methods="stated")),
    "score of others by lead": lambda history: oa.score(
        oa.backtest(history, freq="M", methods=["weighted", "last_period", "stage_projection"]),
        by="lead",
    ),
    "calibration": lambda history: oa.calibration(history, horizon_days=30),
    "call_accuracy": lambda history: oa.call_accuracy(called(history), freq="W"),
    "category_moves": lambda history: oa.category_moves(history, start=START, end=AS_OF),
    "close_date_moves": lambda history: oa.close_date_moves(history),
    "deal_flags": lambda history: oa.deal_flags(deals(), history=history, as_of=AS_OF),
    "deal_reasons": lambda history: oa.deal_reasons(deals(), history, as_of=AS_OF, freq="W"),
    "forecast": lambda history: oa.forecast(deals(), as_of=AS_OF, history=history),
    "forecast by": lambda history: oa.forecast(
        deals(), as_of=AS_OF, history=history, by="owner_name"
    ),
    "forecast_change": lambda history: oa.forecast_change(history, **MARCH),
    "forecast_change by": lambda history: oa.forecast_change(history, **MARCH, by="owner_name"),
    "forecast_change stated": lambda history: oa.forecast_change(history, **MARCH, method="stated"),
    "forecast_change_deals": lambda history: oa.forecast_change_deals(history, **MARCH),
    "forecast_fan": lambda history: oa.forecast_fan(
        history, period="2026-03", as_of=AS_OF, method="stated"
    ),
    "forecast_value_added": lambda history: oa.forecast_value_added(called(history), freq="W"),
    "movements": lambda history: oa.movements(history, start=START, end=AS_OF),
    "pipeline_created": lambda history: oa.pipeline_created(history, freq="M"),
    "scorecard": lambda history: oa.scorecard(deals(), history, as_of=AS_OF),
    "slippage": lambda history: oa.slippage(history, start=START, end=AS_OF),
    "slippage by": lambda history: oa.slippage(history, start=START, end=AS_OF, by="owner_name"),
    "slippage_deals": lambda history: oa.slippage_deals(history, start=START, end=AS_OF),
    "stage_flow": lambda history: oa.stage_flow(history, start=START, end=AS_OF),
    "stage_rates": lambda history: oa.stage_rates(history, as_of=AS_OF, fewest_exits=1),
    "transitions": lambda history: oa.transitions(history),
    "world_changes": lambda history: oa.world_changes(history, freq="W"),
    "waterfall": lambda history: oa.waterfall(history, start=START, end=AS_OF),
}
