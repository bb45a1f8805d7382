"""The five views: the table of each, the code that makes it, its chart, and the deals under each mark."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import (
    forecast,
    movements,
    slippage,
    slippage_deals,
    stage_funnel,
    waterfall,
    win_rate,
)
from opp_analytics.certificate import Certificate
from opp_analytics.history import History
from opp_analytics.org import OPEN, WON, Org, outcome_codes
from opp_analytics.periods import as_date
from opp_analytics.schema import BUCKETS, NO_LABEL
from opp_analytics.svg import Amount, Row, Rows
from opp_analytics.widgets.explorer.choice import Choice
from opp_analytics.widgets.explorer.pick import Picker

__all__ = ["MARKS", "Look", "View", "view_of"]

MARKS = 60
"""Marks of a chart; the smallest beyond them are in its table and code only."""
_EDGES = [0, 10_000, 50_000, 100_000, math.inf]
_SIZES = ["under 10K", "10K to 50K", "50K to 100K", "100K and more"]
_SIZES_CODE = (
    'deals = deals.assign(size=pd.cut(deals["value"], [0, 10_000, 50_000, 100_000, float("inf")], right=False, '
    f'labels={_SIZES!r}).astype("object"))'
)
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


def _open(frame: pd.DataFrame) -> pd.DataFrame:
    opened: pd.DataFrame = frame[outcome_codes(frame) == OPEN]
    return opened


class Pipeline(View):
    """Open value by stage, group or close month."""

    title = "Pipeline"

    def table(self) -> pd.DataFrame:
        deals = self.look.deals
        if self.by == "close_month":
            return forecast(deals, as_of=self.look.end, freq="M", method="stated")
        return stage_funnel(deals, by=None if self.by == "stage" else self.by)

    def code(self) -> list[str]:
        if self.by == "close_month":
            call, drawn = (
                f'oa.forecast(deals, as_of="{self.look.end}", freq="M", method="stated")',
                "forecast",
            )
        else:
            group = "" if self.by == "stage" else f', by="{self.by}"'
            call, drawn = f"oa.stage_funnel(deals{group})", "stage_funnel"
        return [*self._picked_code(), f"table = {call}", f"oa.plots.{drawn}(table)"]

    def _sums(self, table: pd.DataFrame) -> pd.DataFrame:
        sums = table[["open_value", "open_count"]]
        if self.by == "stage":
            return sums[sums["open_count"] > 0] if len(sums) > 12 else sums
        if self.by == "close_month":
            return sums[sums["open_count"] > 0]
        grouped = sums.groupby(level=0, sort=False).sum()
        return grouped[grouped["open_count"] > 0].sort_values("open_value", ascending=False, kind="stable")

    def rows(self, table: pd.DataFrame) -> Rows:
        money = svg.money_of(table)
        sums = self._sums(table).head(MARKS)
        before = self._before()
        chart = svg.bars(
            [
                Amount(
                    self._name(str(key)),
                    float(row["open_value"]),
                    money(row["open_value"]),
                    f"{self._name(str(key))}: {money(row['open_value'])} open, {text.count(int(row['open_count']))}",
                    str(key),
                )
                for key, row in sums.iterrows()
            ]
        )
        return replace(
            chart,
            rows=tuple(
                replace(
                    row,
                    figures=(*row.figures, f"{int(count):,}", *_since(before, row.key, float(value), money)),
                )
                for row, value, count in zip(chart.rows, sums["open_value"], sums["open_count"], strict=True)
            ),
            heads=(
                "",
                "Open",
                "Deals",
                *([f"Since {self.look.said(self.look.start)}"] if before is not None else []),
            ),
            figure_width=84 if before is not None else 64,
        )

    def _before(self) -> pd.Series[Any] | None:
        if (
            self.look.picker.history is None
            or self.choice.start == self.choice.end
            or self.by == "close_month"
        ):
            return None
        then = self.look.picker.frame(self.choice, self.choice.start)
        table = stage_funnel(then, by=None if self.by == "stage" else self.by)
        return table["open_value"].groupby(level=0, sort=False).sum()

    def _name(self, key: str) -> str:
        if self.by == "close_month":
            return text.period(key, "M").capitalize() if key in BUCKETS else text.period(key, "M")
        return text.capital(text.label(key)) if self.by == "stage" else key

    def about(self) -> str:
        what = {"stage": "stage", "close_month": "month of the close date"}.get(self.by, text.label(self.by))
        return f"Open value by {what} on {self.look.said(self.look.end)}"

    def deals(self, table: pd.DataFrame, key: str) -> pd.DataFrame:
        opened = _open(self.look.deals)
        if self.by != "close_month":
            return self._group(opened, self.by, key)
        return _due_in(self.look, opened, key)


class WinRates(View):
    """Win rates with their intervals."""

    title = "Win rates"

    def table(self) -> pd.DataFrame:
        deals, options = self._deals(), self._options()
        return win_rate(deals, start=self.look.start, end=self.look.end, **options)

    def _deals(self) -> pd.DataFrame:
        deals = self.look.deals
        if self.by != "size":
            return deals
        sizes = pd.cut(deals["value"], _EDGES, right=False, labels=_SIZES).astype("object")
        return deals.assign(size=sizes)

    def _options(self) -> dict[str, Any]:
        return {"freq": "M"} if self.by == "close_month" else {"by": self.by}

    def code(self) -> list[str]:
        option = 'freq="M"' if self.by == "close_month" else f'by="{self.by}"'
        sized = [_SIZES_CODE] if self.by == "size" else []
        return [
            *self._picked_code(),
            *sized,
            f'table = oa.win_rate(deals, {option}, start="{self.look.start}", end="{self.look.end}")',
            "oa.plots.win_rate(table)",
        ]

    def overall(self) -> pd.Series[Any]:
        """The rate of all picked deals."""
        return win_rate(self.look.deals, start=self.look.start, end=self.look.end).iloc[0]

    def rows(self, table: pd.DataFrame) -> Rows:
        rate = float(self.overall()["rate"])
        apart = (table["rate_low"] > rate) | (table["rate_high"] < rate)
        if self.by == "close_month":
            shown = table.rename_axis("month")
            chart = svg.win_rate(shown, overall=rate, differs=set(shown.index[apart]))
            inner = tuple(
                replace(row, label=text.period(row.key, "M"))
                for row in sorted(chart.rows, key=lambda row: row.key)
            )
            return replace(chart, rows=inner[-MARKS:])
        chart = svg.win_rate(table, overall=rate, differs=set(table.index[apart]))
        return replace(chart, rows=chart.rows[:MARKS])

    def about(self) -> str:
        return (
            f"Won ÷ (won + lost), closed {self.look.said(self.look.start)} to {self.look.said(self.look.end)}, with 95% interval. "
            "Vertical line: all picked deals. Blue: differs beyond chance"
        )

    def deals(self, table: pd.DataFrame, key: str) -> pd.DataFrame:
        deals = self._deals()
        first, last = self.look.day(self.look.start), self.look.day(self.look.end)
        closed = deals[(outcome_codes(deals) < OPEN) & deals["close_date"].between(first, last)]
        if self.by == "close_month":
            closed = closed[closed["close_date"].dt.strftime("%Y-%m") == key]
            return pd.DataFrame(closed)
        return self._group(closed, self.by, key)


class Forecast(View):
    """Expected money by month or quarter, from stated chances."""

    title = "Forecast"

    def table(self) -> pd.DataFrame:
        return forecast(
            self.look.deals,
            as_of=self.look.end,
            freq=self.by,
            method="stated",
            target=self.choice.target,
        )

    def code(self) -> list[str]:
        target = "" if self.choice.target is None else f", target={self.choice.target!r}"
        return [
            *self._picked_code(),
            f'table = oa.forecast(deals, as_of="{self.look.end}", freq="{self.by}", method="stated"{target})',
            "oa.plots.forecast(table)",
        ]

    def coming(self, table: pd.DataFrame) -> pd.DataFrame:
        """Periods from the current one on that hold anything."""
        ahead = table.drop(index=[bucket for bucket in BUCKETS if bucket in table.index])
        current = ahead.index >= str(pd.Period(self.look.day(self.look.end), table.attrs["freq"]))
        return ahead[current & ((ahead["booked"] > 0) | (ahead["open_count"] > 0) | ahead["to_date"])]

    def rows(self, table: pd.DataFrame) -> Rows:
        money, coming = svg.money_of(table), self.coming(table).head(MARKS)
        ends = [*coming["expected"], *coming["high"].dropna(), *coming["target"].dropna()]
        scale = svg.axis([*ends, 1.0], end=92)
        target = float(coming["target"].dropna().iloc[0]) if coming["target"].notna().any() else math.nan
        freq = str(table.attrs["freq"])
        return Rows(
            tuple(
                Row(
                    text.period(str(key), freq),
                    svg.month(row, scale, money, name=text.period(str(key), freq)),
                    (
                        money(row["expected"]),
                        f"{money(row['low'])}–{money(row['high'])}" if math.isfinite(row["low"]) else "–",
                        text.chance(row["p_target"]) if row["to_date"] else text.MISSING,
                        f"{int(row['open_count']):,}",
                    ),
                    key=str(key),
                )
                for key, row in coming.iterrows()
            ),
            heads=("", "Forecast", "80% range", "Chance", "Due"),
            axis=svg.month_axis(scale, target, money),
            label_width=104,
            figure_width=92,
        )

    def about(self) -> str:
        return f"As of {self.look.said(self.look.end)}, stated chances: closed and open deals due, with the 80% range"

    def deals(self, table: pd.DataFrame, key: str) -> pd.DataFrame:
        deals, day = self.look.deals, self.look.day(self.look.end)
        due = _due_in(self.look, _open(deals), key)
        if key in BUCKETS:
            return due
        won = deals[outcome_codes(deals) == WON]
        moment = Certificate.moment_of(deals)
        if moment is None or self.look.day(str(moment)) > day:
            won = won[won["close_date"] <= day]
        first, last = self.look.org.period_days(key)
        both: pd.DataFrame = pd.concat([due, won[won["close_date"].between(first, last)]])
        return both


class Changes(View):
    """What moved the open pipeline between two records."""

    title = "Changes"
    of_history = True

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"start": self.look.start, "end": self.look.end}
        if self.choice.due:
            options["due"] = self.choice.due
        return options

    def table(self) -> pd.DataFrame:
        assert self.look.scoped is not None
        return waterfall(self.look.scoped, **self._options(), by=self._by)

    @property
    def _by(self) -> str | None:
        return None if self.by == "movement" else self.by

    def code(self) -> list[str]:
        due = f', due="{self.choice.due}"' if self.choice.due else ""
        group = "" if self._by is None else f', by="{self._by}"'
        return [
            *self.look.picker.history_code(self.choice),
            f'table = oa.waterfall(chosen, start="{self.look.start}", end="{self.look.end}"{due}{group})',
            "oa.plots.waterfall(table)",
        ]

    def rows(self, table: pd.DataFrame) -> Rows:
        if self._by is None:
            return svg.waterfall(table)
        money = svg.money_of(table)
        ends = pd.DataFrame({end: table["value"].xs(end, level=1) for end in ("opening", "closing")})
        deals = table["count"].xs("closing", level=1)
        ends = ends.sort_values("closing", ascending=False, kind="stable").head(MARKS)
        chart = svg.bars(
            [
                Amount(
                    str(key),
                    float(row["closing"]),
                    money(row["closing"]),
                    f"{key}: {money(row['opening'])} to {money(row['closing'])}",
                )
                for key, row in ends.iterrows()
            ]
        )
        changes = ends["closing"] - ends["opening"]
        return replace(
            chart,
            rows=tuple(
                replace(
                    row,
                    figures=(
                        *row.figures,
                        f"{int(deals[row.key]):,}",
                        f"{'+' if change > 0 else ''}{money(change)}",
                    ),
                )
                for row, change in zip(chart.rows, changes, strict=True)
            ),
            heads=("", "Open", "Deals", "Change"),
            figure_width=72,
        )

    def about(self) -> str:
        return "Open value, each change at the record that first showed it. Number of deals beside each bar"

    def deals(self, table: pd.DataFrame, key: str) -> pd.DataFrame:
        scoped = self.look.scoped
        assert scoped is not None
        if self._by is not None:
            return self._group(self._open_at(scoped, self.look.end), self._by, key)
        if key in ("opening", "closing"):
            return self._open_at(scoped, self.look.start if key == "opening" else self.look.end)
        moved = movements(scoped, **self._options())
        moved = moved[moved["movement"] == key][["unique_id", "value"]].rename(columns={"value": "change"})
        last = _last_known(scoped, self.look.end)
        return moved.merge(last.drop_duplicates("unique_id"), on="unique_id", how="left")

    def _open_at(self, scoped: History, moment: str) -> pd.DataFrame:
        opened = _open(scoped.as_of(moment))
        if self.choice.due:
            opened = opened[opened["close_date"].between(*self.look.org.period_days(self.choice.due))]
        return opened.assign(change=opened["value"].fillna(0.0))


class Slippage(View):
    """What became of the deals that were due."""

    title = "Slippage"
    of_history = True

    def table(self) -> pd.DataFrame:
        assert self.look.scoped is not None
        return slippage(self.look.scoped, start=self.look.start, end=self.look.end, by=self._by)

    @property
    def _by(self) -> str | None:
        return None if self.by == "all" else self.by

    def code(self) -> list[str]:
        group = "" if self._by is None else f', by="{self._by}"'
        return [
            *self.look.picker.history_code(self.choice),
            f'table = oa.slippage(chosen, start="{self.look.start}", end="{self.look.end}"{group})',
            "oa.plots.slippage(table)",
        ]

    def rows(self, table: pd.DataFrame) -> Rows:
        if self._by is None:
            # One row for each outcome, so that each opens its deals.
            whole = float(table["value"].sum())
            money = svg.money_of(table)
            kept = table[table["count"] > 0]
            chart = svg.bars(
                [
                    Amount(
                        text.capital(text.label(str(key))),
                        float(row["value"]),
                        money(row["value"]),
                        f"{text.capital(text.label(str(key)))}: {money(row['value'])}, {text.count(int(row['count']))}",
                        str(key),
                    )
                    for key, row in kept.iterrows()
                ]
            )
            inner = tuple(
                replace(
                    row,
                    figures=(
                        *row.figures,
                        f"{int(count):,}",
                        text.chance(value / whole) if whole else text.MISSING,
                    ),
                )
                for row, value, count in zip(chart.rows, kept["value"], kept["count"], strict=True)
            )
            return replace(chart, rows=inner, heads=("", "Value", "Deals", "Share"))
        due = table["value"].groupby(level=0).sum().sort_values(ascending=False, kind="stable")
        tables = {str(name): _one(table, name) for name in due.index[:MARKS]}
        return replace(svg.slippage(tables), heads=("", "Due"), label_width=136)

    def about(self) -> str:
        return (
            f"Deals open on {self.look.said(self.look.start)} and due by {self.look.said(self.look.end)}, by what became of them; "
            "value at the start"
        )

    def deals(self, table: pd.DataFrame, key: str) -> pd.DataFrame:
        scoped = self.look.scoped
        assert scoped is not None
        due = slippage_deals(scoped, start=self.look.start, end=self.look.end, by=self._by)
        if self._by is None:
            picked = due[due["outcome"] == key]
        else:
            groups = pd.Series(due.index.get_level_values(self._by), index=due.index)
            picked = due[
                (groups.astype("object").where(groups.notna(), NO_LABEL).astype(str) == key).to_numpy()
            ]
        frame = picked[["unique_id", "name", "value", "outcome"]].rename(columns={"outcome": "became"})
        last = _last_known(scoped, self.look.end).drop_duplicates("unique_id")
        return frame.merge(last.drop(columns=["name", "value"]), on="unique_id", how="left")


def _one(table: pd.DataFrame, group: Any) -> pd.DataFrame:
    one = pd.DataFrame(table.xs(group, level=0))
    one.attrs = dict(table.attrs)
    return one


def _last_known(scoped: History, end: str) -> pd.DataFrame:
    """Deals as at the window's end; those that are gone by then as last recorded."""
    gone = scoped.changes().sort_values("seen_at", ascending=False, kind="stable")
    frame = pd.concat([scoped.as_of(end), gone[gone["seen_at"] <= pd.Timestamp(end)]])
    return frame[[column for column in _DEAL if column in frame]]


def _due_in(look: Look, opened: pd.DataFrame, key: str) -> pd.DataFrame:
    """Open deals of a row of a forecast."""
    dates, day = opened["close_date"], look.day(look.end)
    if key == "overdue":
        return opened[dates < day]
    if key == "unscheduled":
        return opened[dates.isna()]
    first, last = look.org.period_days(key)
    return opened[dates.between(max(first, day), last)]


def _since(before: pd.Series[Any] | None, key: str, now: float, money: Any) -> tuple[str, ...]:
    if before is None:
        return ()
    change = now - float(before.get(key, 0.0))
    return (f"{'▲' if change > 0 else '▼' if change < 0 else ''} {money(abs(change))}".strip(),)


_VIEWS: dict[str, type[View]] = {
    "pipeline": Pipeline,
    "win_rates": WinRates,
    "forecast": Forecast,
    "changes": Changes,
    "slippage": Slippage,
}


def view_of(look: Look) -> View:
    """The chosen view."""
    return _VIEWS[look.choice.view](look)
