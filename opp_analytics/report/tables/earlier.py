"""The record that a report compares with, and the forecast as it was then."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from opp_analytics import text
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.periods import as_date, to_dates
from opp_analytics.report.inputs import Inputs

__all__ = ["Earlier", "earlier_record"]

_WEEK, _NEAR = pd.Timedelta(days=7), pd.Timedelta(days=3)
"""Time back to the record that starts the week, and its largest distance from that day."""


@dataclass(frozen=True)
class Earlier:
    """The state that changes are counted from."""

    moment: pd.Timestamp
    """Instant of the record."""
    day: pd.Timestamp
    """Its date."""
    forecast: pd.DataFrame
    """`oa.forecast` as of that day."""
    people: pd.DataFrame
    """The same by person; without rows where nobody is named."""

    def figure(self, period: str, column: str) -> float:
        """A figure of the whole, as it was then."""
        return float(self.forecast[column].to_dict()[period])


def earlier_record(inputs: Inputs) -> pd.Timestamp:
    """The record to compare with: the nearest to seven days before, or the last by the day that was asked for.

    Raises
    ------
    NotEnoughHistory
        When there are no two records to compare, or none near that day; the message says when there will be one.
    """
    moments = inputs.records["recorded_at"]
    if moments.empty:
        raise NotEnoughHistory("no record of the pipeline up to this day")
    days = to_dates(moments, tz=inputs.tz)
    if inputs.since is not None:
        by_then = moments[days <= inputs.since]
        if by_then.empty:
            raise NotEnoughHistory(
                f"no record by {text.day(inputs.since, year=True)}; the first one is from {text.day(days.iloc[0], year=True)}"
            )
        return pd.Timestamp(by_then.iloc[-1])
    # A record of the day itself is what is compared, not what it is compared with.
    past = days < inputs.today
    if not past.any():
        raise NotEnoughHistory(
            f"the first record is from {text.day(days.iloc[0])}; a comparison is possible from "
            f"{text.day(days.iloc[0] + _WEEK - _NEAR)} on"
        )
    days, moments = days[past], moments[past]
    off = (days - (inputs.today - _WEEK)).abs()
    if off.min() > _NEAR:
        later = [day + _WEEK for day in [*days, inputs.today] if day + _WEEK > inputs.today]
        nearest = as_date(moments[off == off.min()].iloc[-1], tz=inputs.tz)
        raise NotEnoughHistory(
            f"no record from a week ago; the nearest is from {text.day(nearest, year=True)}, "
            f"and a comparison is possible from {text.day(min(later))} on"
        )
    # Of two equally near days take the earlier one, which covers the whole week; of its records the last.
    near = days[off == off.min()].iloc[0]
    return pd.Timestamp(moments[days == near].iloc[-1])
