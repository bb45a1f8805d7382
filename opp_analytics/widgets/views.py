"""The explorer's five views: an analysis of the chosen deals, and its drawing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import analysis, org, plots
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.widgets.choices import Choice

__all__ = ["VIEWS", "Look", "View"]

_MOST_GROUPS = 12
_PAST, _AHEAD = 2, 4
"""Periods of the forecast before and after the running one."""


@dataclass(frozen=True)
class Look:
    """Input of a view: opportunities as of a day, and the history of the chosen deals, if any."""

    opportunities: pd.DataFrame
    """All opportunities as of `day`; `choice` selects the chosen ones."""
    day: pd.Timestamp
    choice: Choice
    tz: str = "UTC"
    history: History | None = None
    """The history of the deals that `choice` selects."""
    since: pd.Timestamp | None = None
    """The first record of a comparison."""
    until: pd.Timestamp | None = None
    """The last record of a comparison."""

    @cached_property
    def chosen(self) -> pd.DataFrame:
        """The chosen opportunities."""
        return self.opportunities[self.choice.of(self.opportunities)]


@dataclass(frozen=True)
class View:
    """One view."""

    table: Callable[[Look], pd.DataFrame]
    draw: Callable[..., Axes]
    of_history: bool = False
    """True if it compares two records, with deals of every stage."""


def _funnel(look: Look) -> pd.DataFrame:
    return _as_of(analysis.stage_funnel(look.chosen), look)


def _win_rate(look: Look) -> pd.DataFrame:
    by = look.choice.by
    if not by:
        return analysis.win_rate(look.chosen, freq=look.choice.freq, as_of=look.day)
    table = analysis.win_rate(look.chosen, by=by, as_of=look.day)
    closed = (table["won"] + table["lost"]).sort_values(ascending=False, kind="stable")
    kept = table.loc[table.index.isin(closed.index[:_MOST_GROUPS])]
    kept.attrs = table.attrs
    return kept


def _forecast(look: Look) -> pd.DataFrame:
    now = pd.Period(look.day, look.choice.freq)
    date = look.chosen["close_date"]
    near = date.between((now - _PAST).start_time, (now + _AHEAD).end_time)
    waiting = date.isna() | ((date < look.day) & (org.outcomes(look.chosen) == "open"))
    return analysis.forecast(look.chosen[near | waiting], as_of=look.day, freq=look.choice.freq)


def _changes(look: Look) -> pd.DataFrame:
    history, since, until = _stretch(look)
    return analysis.waterfall(history, start=since, end=until, due=look.choice.due, tz=look.tz)


def _slippage(look: Look) -> pd.DataFrame:
    history, since, until = _stretch(look)
    return analysis.slippage(history, start=since, end=until, tz=look.tz)


def _stretch(look: Look) -> tuple[History, pd.Timestamp, pd.Timestamp]:
    if look.history is None or look.since is None or look.until is None or len(look.history.records) < 2:
        raise NotEnoughHistory("This view needs a history with two records. Record the pipeline once more.")
    if look.since >= look.until:
        raise NotEnoughHistory("Nothing to compare. Drag the left end of the slider to an earlier record.")
    return look.history, look.since, look.until


def _as_of(table: pd.DataFrame, look: Look) -> pd.DataFrame:
    table.attrs["as_of"] = str(look.day.date())
    return table


VIEWS = {
    "funnel": View(_funnel, plots.stage_funnel),
    "win rate": View(_win_rate, plots.win_rate),
    "forecast": View(_forecast, plots.forecast),
    "changes": View(_changes, plots.waterfall, of_history=True),
    "slippage": View(_slippage, plots.slippage, of_history=True),
}
"""The views by name, in order."""
