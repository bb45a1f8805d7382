"""A plan and its effect on the forecast, as HTML for the panel under the grid."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from opp_analytics import text
from opp_analytics.errors import OppAnalyticsError
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.writer import Plan

__all__ = ["plan_and_impact"]

_FIGURES = {
    "booked": "booked",
    "weighted_open": "weighted open",
    "expected": "expected",
}


def plan_and_impact(plan: Plan, *, as_of: When, freq: str) -> str:
    """The plan, old → new, and the forecast before and after, with all data escaped."""
    return f"{plan._repr_html_()}<h4>Impact on the forecast as of {escape(str(as_of)[:10])}</h4>{_impact(plan, as_of, freq)}"


def _impact(plan: Plan, as_of: When, freq: str) -> str:
    try:
        impact = plan.impact(as_of=as_of, freq=freq)
    except OppAnalyticsError as reason:
        return f"<p>No forecast: {escape(str(reason))}</p>"
    pairs = [f"{figure}_{side}" for figure in _FIGURES for side in ("before", "after")]
    titles = {
        f"{f}_{side}": f"{title} {side}" for f, title in _FIGURES.items() for side in ("before", "after")
    }
    shown = impact[[*pairs, "expected_change"]]
    moved = shown[(impact["expected_change"] != 0) | (shown.index == "total")]
    named = moved.rename(columns=titles | {"expected_change": "expected change"}).rename_axis(None)
    return named.to_html(float_format=lambda value: text.number(value), border=0)
