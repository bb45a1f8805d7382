"""The explorer's five views: each makes a result table of what was chosen, and names its drawing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from opp_analytics import analysis, org, plots
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.widgets.choices import Choice
from opp_analytics.widgets.past import DELETED, Past, slippage_between, waterfall_between

__all__ = ["VIEWS", "Look", "View"]

_MOST_GROUPS = 12
_PAST, _AHEAD = 2, 4
"""Periods around the running one that the forecast shows."""


@dataclass(frozen=True)
class Look:
    """What is looked at: opportunities as of a moment, and the past where there is one."""

    opportunities: pd.DataFrame
    """All of them at `at`, the chosen ones are picked by `choice`."""
    day: pd.Timestamp
    choice: Choice
    past: Past | None = None
    since: pd.Timestamp | None = None
    """The record that changes are counted from."""
    at: pd.Timestamp | None = None
    """The record that is looked at; None where it is the frame itself."""

    @cached_property
    def chosen(self) -> pd.DataFrame:
        """The chosen opportunities."""
        return self.opportunities[self.choice.of(self.opportunities)]


@dataclass(frozen=True)
class View:
    """One way to look."""

    table: Callable[[Look], pd.DataFrame]
    draw: Callable[..., Axes]


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
    past, since, at = _stretch(look)
    return waterfall_between(past, since, at, _picked(look.choice, past, at))


def _slippage(look: Look) -> pd.DataFrame:
    past, since, at = _stretch(look)
    # Who was due is what the view is about: the date is not chosen again.
    undated = replace(look.choice, period=None)
    return slippage_between(past, since, at, _picked(undated, past, at))


def _stretch(look: Look) -> tuple[Past, pd.Timestamp, pd.Timestamp]:
    if look.past is None or look.past.movements is None or look.since is None:
        raise NotEnoughHistory("this needs a history with two records: record the pipeline once more")
    at = look.at or look.past.moments[-1]
    if look.since >= at:
        raise NotEnoughHistory("nothing to compare: drag the left end of the slider to an earlier record")
    return look.past, look.since, at


def _picked(choice: Choice, past: Past, at: pd.Timestamp) -> NDArray[np.bool_]:
    """The deals that the choice picks as they were last seen, those that are gone included."""
    known = past.known(at)
    return past.among(known.index[choice.of(known)])


def _as_of(table: pd.DataFrame, look: Look) -> pd.DataFrame:
    table.attrs["as_of"] = str(look.day.date())
    return table


VIEWS = {
    "funnel": View(_funnel, plots.stage_funnel),
    "win rate": View(_win_rate, plots.win_rate),
    "forecast": View(_forecast, plots.forecast),
    "changes": View(_changes, plots.waterfall),
    "slippage": View(_slippage, plots.slippage),
}
"""The views by name, in order."""


def present(known: pd.DataFrame) -> pd.DataFrame:
    """The deals of a past state that were there, without the outcome."""
    return known[known["outcome"] != DELETED].drop(columns="outcome").reset_index(drop=True)
