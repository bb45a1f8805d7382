"""Parts of every explorer view: deals, figures, table, chart, code, and marks' deals."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

import pandas as pd

from opp_analytics import analysis, plots, text
from opp_analytics.analysis import deal_reasons, forecast_deals, sentence, win_rate
from opp_analytics.history import History
from opp_analytics.note import note_of
from opp_analytics.org import OPEN, Money, money_of, outcome_codes
from opp_analytics.schema import BUCKETS
from opp_analytics.svg import Rows
from opp_analytics.widgets.explorer.choice import Choice, DealSelector, Option

if TYPE_CHECKING:
    from matplotlib.axes import Axes


PART = "\x1f"
"""Between the keys of a row and of a part of its bar; no name holds this sign."""
MARKS = 60
"""Rows of a chart, about three screens; the smallest beyond them are in its table and code only."""
COLUMNS = ["unique_id", "name", "owner_name", "value", "stage", "close_date", "probability"]


class Kpi(NamedTuple):
    """A figure above the chart."""

    name: str
    figure: str
    note: str


@dataclass(frozen=True)
class AnalysisCall:
    """An analysis and its options.

    The table, the drawing and the code to copy are made from this.
    """

    name: str
    """Of the analysis and of its drawing."""
    options: dict[str, Any]

    def table(self, rows: pd.DataFrame | History | None) -> pd.DataFrame:
        """Run the analysis on a frame or a history."""
        options = {
            n: option.value if isinstance(option, Option) else option
            for n, option in self.options.items()
        }
        table: pd.DataFrame = getattr(analysis, self.name)(rows, **options)
        return table

    def draw(self, table: pd.DataFrame) -> Axes:
        """Draw the table with `oa.plots`."""
        axes: Axes = getattr(plots, self.name)(table)
        return axes

    def write_code(self, rows: str) -> list[str]:
        """Write the lines that make the table and draw it."""
        options = [f"{name}={_spell(value)}" for name, value in self.options.items()]
        return [
            f"table = oa.{self.name}({', '.join([rows, *options])})",
            f"oa.plots.{self.name}(table)",
        ]


def _spell(value: Any) -> str:
    if isinstance(value, Option):
        return value.words
    return (
        repr(value) if isinstance(value, (bool, float)) else json.dumps(value, ensure_ascii=False)
    )


class Lack(TypedDict):
    """What a view lacks, in words, and how to get it."""

    title: str
    text: str
    code: str


class View(ABC):
    """A choice with both ends of its window.

    Chart, figures, n, code and export are all of its deals.
    """

    needs_history = False
    noun = "deal"
    """What n counts."""
    kept = ""
    """The filter whose deals are forecast within the whole, not alone."""
    worthless: tuple[str, ...] = ("without_value", "open_without_value")
    """Reasons for which a deal counts here, but adds no money."""
    hidden: tuple[str, ...] = ("risk", "reasons")
    """Columns of the deals under a mark that only their export has."""
    sorted_by = ""
    """The column by which deals under a mark are listed where that is not the one summed."""

    def __init__(self, choice: Choice, selector: DealSelector) -> None:
        self.choice, self.selector = choice, selector
        self.by = choice.grouping
        self.start, self.end = str(choice.start), str(choice.end)
        self.org = selector.org

    @cached_property
    def day(self) -> pd.Timestamp:
        """The day of the window's end."""
        return self.selector.to_day(self.end)

    @cached_property
    def deals(self) -> pd.DataFrame:
        """The picked deals, as they are at the window's end."""
        return self.selector.select(self.choice, self.end)

    @property
    @abstractmethod
    def behind(self) -> pd.DataFrame:
        """The deals behind the chart: those under all of its marks, each once."""

    @property
    def n(self) -> str:
        """The number of these deals, in words."""
        return text.count(len(self.behind), self.noun)

    @property
    def records(self) -> str:
        """The records behind the view, in words."""
        moments = list(self.selector.moments)
        if not moments:
            return ""
        start, end = (
            text.day(self.selector.to_day(at), year=True) for at in (self.start, self.end)
        )
        if self.choice.view in ("forecast", "at_risk") or start == end:
            return f"record {end}"
        inside = sum(self.start <= moment <= self.end for moment in moments)
        return f"records {start} and {end}" + (
            f", {inside} in the window" if self.needs_history else ""
        )

    @property
    def kpis(self) -> list[Kpi]:
        """The figures above the chart, of the picked deals at the window's end."""
        everything = self.selector.select(Choice(view=self.choice.view), self.end)
        is_part, opened = len(self.deals) != len(everything), open_deals(self.deals)
        missing = int(opened["value"].isna().sum())
        valued = (
            f"{text.count(missing)} without a value" if missing else "every open deal has a value"
        )
        window: dict[str, Any] = {"start": self.since, "end": self.day}
        closed = win_rate(self.deals, **window).iloc[0]
        which = f"closed since {self.write_day(self.since)}"
        if is_part:
            which += f"; all {text.percent(float(win_rate(everything, **window)['rate'].iloc[0]))}"
        return [
            *self._sum_open(opened, open_deals(everything) if is_part else None, valued),
            rate_closed(closed["won"], closed["lost"], which),
        ]

    def _sum_open(
        self, opened: pd.DataFrame, whole: pd.DataFrame | None, note: str, due: str = ""
    ) -> list[Kpi]:
        """Count, sum and weigh open deals, beside the whole or a note on their value."""
        money, stated = money_of(opened), money_of(self.selector.opportunities)
        when = f"{due}as of {self.format_day(self.end)}"
        value, weighted = opened["value"].sum(), _weigh(opened)
        share = f"{text.percent(weighted / value) if value else text.MISSING} of open value"
        if whole is not None:
            when, note = f"of {len(whole):,}, {when}", f"of {money(whole['value'].sum())}"
            share = f"of {stated(_weigh(whole))}"
        share = share if self.has_chances else "no deal has a probability"
        return [
            Kpi("Open deals", f"{len(opened):,}", when),
            Kpi("Open value", money(value), note),
            Kpi("Weighted, stated", stated(weighted), share),
        ]

    @property
    def since(self) -> pd.Timestamp:
        """The first day of closed deals that count in the win rate above the chart."""
        return self.selector.to_day(next(iter(self.selector.moments), self.start))

    @property
    @abstractmethod
    def call(self) -> AnalysisCall:
        """The analysis behind the view."""

    @cached_property
    def source(self) -> pd.DataFrame | History | None:
        """What the analysis reads: the deals, or their history."""
        return self.deals

    @cached_property
    def table(self) -> pd.DataFrame:
        """The result table."""
        return self.call.table(self.source)

    @property
    def periods(self) -> list[list[str]]:
        """The periods to choose from, each with its words, the usual one first under no name.

        None where there is nothing to choose.
        """
        return []

    @property
    def shown_table(self) -> pd.DataFrame:
        """The table as CSV."""
        return self.table

    @cached_property
    def money(self) -> Money:
        """Formats amounts in the table's currency."""
        return money_of(self.table)

    def write_code(self) -> list[str]:
        """Write the lines that make the table and draw it."""
        return [*self.selector.write_code(self.choice, self.end), *self.call.write_code("deals")]

    @property
    def amounts(self) -> pd.Series[Any]:
        """The amount of each row that planned changes move, by its key.

        Empty where they move none.
        """
        return pd.Series(dtype="float64")

    def name_row(self, key: str) -> str:
        """Name a row of `amounts` by its key."""
        return text.label(key)

    @property
    def left_out(self) -> dict[str, int]:
        """Picked deals that the table leaves out, by reason."""
        return dict(note_of(self.table).figures.get("left_out") or {})

    @property
    def lack(self) -> str | Lack:
        """Reason why nothing is drawn, else empty.

        Reasons: deals, match, nothing, chances, history or window, or words of the view's own.
        """
        if self.selector.opportunities.empty:
            return "deals"
        return "match" if self.deals.empty else "nothing" if self.table.empty else ""

    @property
    @abstractmethod
    def chart(self) -> Rows:
        """The chart."""

    @property
    def finding(self) -> str:
        """What the table shows, as the chart's title."""
        return sentence(self.table).removesuffix(".")

    @property
    @abstractmethod
    def about(self) -> str:
        """What is drawn, in the line under the title."""

    @abstractmethod
    def find_deals(self, key: str) -> pd.DataFrame:
        """List the deals under a mark, with ``probability``, ``chance`` or ``change``.

        These are added to the columns of a deal where there is one.
        """

    @property
    def notes(self) -> list[str]:
        """What the chart lacks, and how to get it."""
        return []

    def open_at(self, key: str) -> str | None:
        """The moment of which a mark lists deals that are open; None if they are closed."""
        return self.end

    @property
    def freq(self) -> str:
        """Period of a deal's chance from history: the view's, else the report's."""
        return "M" if self.by == "close_month" else str(self.org.report.get("freq", "M"))

    def rank(self, deals: pd.DataFrame) -> pd.Series[Any]:
        """Give each deal under a mark a number by which they are listed, the largest first."""
        return deals["change" if "change" in deals else "value"].abs()

    def sort(self, deals: pd.DataFrame) -> pd.DataFrame:
        """Sort the deals under a mark by their numbers."""
        return deals.loc[self.rank(deals).sort_values(ascending=False, kind="stable").index]

    def explain(self, key: str) -> str:
        """Say how the amount of a mark comes from its deals, where it is not their sum."""
        return ""

    def format_day(self, moment: str) -> str:
        """Write a moment's day in words, with its year where that is not the window's end's."""
        return self.write_day(self.selector.to_day(moment))

    def write_day(self, day: pd.Timestamp) -> str:
        """Write a day in words, with its year where that is not the window's end's."""
        return text.day(day, year=day.year != self.day.year)

    @property
    def _span(self) -> str:
        """The window in words."""
        return f"{self.format_day(self.start)} to {self.format_day(self.end)}"

    @property
    def has_chances(self) -> bool:
        """Whether any deal has a ``probability``."""
        frame = self.selector.opportunities
        return "probability" in frame and bool(frame["probability"].notna().any())

    @property
    def is_alone(self) -> bool:
        """True if the deals are forecast alone, as a part of the pipeline.

        Other new deals do not belong to that part.
        """
        return self.choice.picks(but=self.kept) or (
            self.selector.is_part and self.selector.is_now(self.end)
        )

    def _ask(self, freq: str, moment: str | None = None) -> dict[str, Any]:
        """Ask for a forecast as `oa.forecast` does: by the method that the history allows."""
        day = self.selector.to_day(moment or self.end)
        options: dict[str, Any] = {"as_of": str(day.date()), "freq": freq}
        if self.selector.history is not None:
            options["history"] = Option(self.selector.history, "history")
        return options | ({"new_business": False} if self.is_alone else {})

    def _with_chances(self, deals: pd.DataFrame, key: str, freq: str) -> pd.DataFrame:
        """Add each deal's ``chance`` in the period in which all of them are due.

        The chance is added where the history gives it.
        """
        chances = pd.Series() if key in BUCKETS else self.selector.chances_at(self.end, freq)
        return deals.assign(chance=deals["unique_id"].map(chances)) if len(chances) else deals

    def explain_deal(self, unique_id: str, moment: str) -> list[str]:
        """Say what adds up to an open deal's chance from history, and when it is won if it is.

        Empty without such a chance.
        """
        history, code, day = (
            self.selector.history,
            self.org.freq(self.freq),
            self.selector.to_day(moment),
        )
        deal = self.selector.read_deal(unique_id, moment)
        if history is None or unique_id not in self.selector.chances_at(moment, self.freq).index:
            return []
        due = deal["close_date"].iloc[0]
        period = str(pd.Period(due if due >= day else day, code))
        asked: dict[str, Any] = {"as_of": day, "freq": self.freq}
        reasons = sentence(deal_reasons(deal, history, period=period, **asked))
        won = forecast_deals(deal, history=history, periods=[period], **asked).iloc[0]
        between = (
            f"If won, between {self.write_day(won['won_low'])} and "
            f"{self.write_day(won['won_high'])}."
        )
        when = [] if pd.isna(won["won_low"]) else [between]
        return [f"Chance from history in {text.period(period, code)}, {reasons}", *when]

    def _due_in(self, opened: pd.DataFrame, key: str) -> pd.DataFrame:
        """Take the open deals in one row of a forecast."""
        dates = opened["close_date"]
        if key == "overdue":
            return opened[dates < self.day]
        if key == "unscheduled":
            return opened[dates.isna()]
        first, last = self.org.period_days(key)
        return opened[dates.between(max(first, self.day), last)]


def rate_closed(won: float, lost: float, which: str) -> Kpi:
    """Write the win rate of closed deals, and which these are."""
    closed = won + lost
    note = f"{int(won):,} of {int(closed):,} {which}" if closed else f"none {which}"
    return Kpi("Win rate", text.percent(won / closed) if closed else text.MISSING, note)


def _weigh(opened: pd.DataFrame) -> float:
    """Sum value × stated chance; NaN without a column of them."""
    if "probability" not in opened:
        return math.nan
    return float((opened["value"] * opened["probability"].astype("float64") / 100).sum())


def open_deals(frame: pd.DataFrame) -> pd.DataFrame:
    """Take the open deals."""
    opened: pd.DataFrame = frame[outcome_codes(frame) == OPEN]
    return opened
