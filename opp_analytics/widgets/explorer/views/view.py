"""What the views of the explorer share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.history import History
from opp_analytics.org import OPEN, Org, outcome_codes
from opp_analytics.periods import as_date
from opp_analytics.schema import NO_LABEL
from opp_analytics.svg import Rows
from opp_analytics.widgets.explorer.choice import Choice
from opp_analytics.widgets.explorer.pick import Picker

__all__ = ["MARKS", "PART", "Look", "View", "due_in", "last_known", "open_deals", "states_chances"]

MARKS = 60
"""Marks of a chart; the smallest beyond them are in its table and code only."""
PART = "\x1f"
"""Between the keys of a row and of a part of its bar, where the parts are the marks."""
_DEAL = ["unique_id", "name", "owner_name", "value", "stage", "close_date"]


@dataclass(frozen=True)
class Look:
    """A choice with the data that it looks at."""

    choice: Choice
    picker: Picker
    deals: pd.DataFrame
    """The picked deals at the window's end."""
    scoped: History | None
    """The history of the picked deals, in views of a history."""

    @property
    def start(self) -> str:
        """Moment of the window's start."""
        return str(self.choice.start)

    @property
    def end(self) -> str:
        """Moment of the window's end."""
        return str(self.choice.end)

    @property
    def org(self) -> Org:
        """The organization of the opportunities."""
        return Org.of(self.picker.opportunities)

    def day(self, moment: str) -> pd.Timestamp:
        """A moment's day in the organization's zone."""
        return as_date(moment, tz=self.org.zone(None))

    def said(self, moment: str) -> str:
        """A moment's day in words."""
        return text.day(self.day(moment))


class View(ABC):
    """One view."""

    title: str
    of_history = False
    """Whether it needs a history."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.choice = look.choice
        self.by = look.choice.grouping

    @abstractmethod
    def table(self) -> pd.DataFrame:
        """The result table."""

    @abstractmethod
    def code(self) -> list[str]:
        """The lines that make the table and draw it."""

    @abstractmethod
    def rows(self, table: pd.DataFrame) -> Rows:
        """The chart."""

    def finding(self, table: pd.DataFrame) -> str:
        """What the table shows, as the chart's title."""
        return sentence(table).removesuffix(".")

    def lacks(self, table: pd.DataFrame) -> str:
        """What the view needs and has not: "chances" or nothing."""
        return ""

    @abstractmethod
    def about(self) -> str:
        """What is drawn, in the line under the title."""

    @abstractmethod
    def deals(self, table: pd.DataFrame, key: str) -> pd.DataFrame:
        """Deals under a mark: ``unique_id name owner_name value stage close_date`` and perhaps ``change``."""

    def _picked_code(self) -> list[str]:
        return self.look.picker.frame_code(self.choice, self.choice.end)

    def _group(self, frame: pd.DataFrame, column: str, key: str) -> pd.DataFrame:
        return frame[frame[column].astype("object").where(frame[column].notna(), NO_LABEL).astype(str) == key]


def open_deals(frame: pd.DataFrame) -> pd.DataFrame:
    """The open ones."""
    opened: pd.DataFrame = frame[outcome_codes(frame) == OPEN]
    return opened


def states_chances(look: Look) -> bool:
    """Whether any deal has a ``probability``."""
    frame = look.picker.opportunities
    return "probability" in frame and bool(frame["probability"].notna().any())


def last_known(scoped: History, end: str) -> pd.DataFrame:
    """Deals as at the window's end; those that are gone by then as last recorded."""
    gone = scoped.changes().sort_values("seen_at", ascending=False, kind="stable")
    frame = pd.concat([scoped.as_of(end), gone[gone["seen_at"] <= pd.Timestamp(end)]])
    return frame[[column for column in _DEAL if column in frame]]


def due_in(look: Look, opened: pd.DataFrame, key: str) -> pd.DataFrame:
    """Open deals of a row of a forecast."""
    dates, day = opened["close_date"], look.day(look.end)
    if key == "overdue":
        return opened[dates < day]
    if key == "unscheduled":
        return opened[dates.isna()]
    first, last = look.org.period_days(key)
    return opened[dates.between(max(first, day), last)]
