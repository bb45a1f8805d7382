"""`forecast_deals`: the chance of the target if a deal is lost, and if it is won."""

from __future__ import annotations

from opp_analytics import text
from opp_analytics.svg import marks

_ROOM = 20.0
"""Percent at each end for the chance written there."""


def swing(if_lost: float, if_won: float, *, said: str) -> str:
    """Two chances on one scale from 0% to 100%: a ring where the deal is lost, a dot where it is won."""
    left, right = (_ROOM + chance * (100 - 2 * _ROOM) for chance in (if_lost, if_won))
    return marks.picture(
        marks.across(10, left=_ROOM, right=100 - _ROOM, line="rule"),
        marks.across(10, left=left, right=right, line="mute"),
        marks.ring(left, 10),
        marks.dot(right, 10, radius=6),
        marks.label(left, 14, text.percent(if_lost), anchor="end", dx=-8),
        marks.label(right, 14, text.percent(if_won), dx=9, kind="hi"),
        marks.hint(said),
        height=20,
        said=said,
    )
