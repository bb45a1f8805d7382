"""Amounts by name as bars from zero, largest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opp_analytics.svg import marks
from opp_analytics.svg.axis import axis
from opp_analytics.svg.rows import Row, Rows

__all__ = ["Amount", "bars"]


@dataclass(frozen=True)
class Amount:
    """One bar."""

    name: str
    value: float
    figure: str
    title: str
    key: str = ""
    highlight: bool = False
    """True for the bar that the title names."""


def bars(amounts: Sequence[Amount], *, label_width: int = 136, stacked: bool = False) -> Rows:
    """A bar for each amount, in the order given."""
    scale = axis(amount.value for amount in amounts)
    rows = (
        Row(
            amount.name,
            marks.picture(
                marks.bar(
                    0,
                    scale.at(amount.value),
                    y=5,
                    height=10,
                    fill="hi" if amount.highlight else "mute",
                    title=amount.title,
                ),
                height=20,
                said=amount.title,
            ),
            (amount.figure,),
            key=amount.key or amount.name,
            highlight=amount.highlight,
        )
        for amount in amounts
    )
    return Rows(tuple(rows), label_width=label_width, stacked=stacked)
