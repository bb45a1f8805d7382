"""The five views: each view's analysis, chart, finding, and the deals under each mark."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import analysis, plots, svg, text
from opp_analytics.analysis import movements, sentence, slippage_deals, stage_funnel, win_rate
from opp_analytics.certificate import Certificate
from opp_analytics.history import History
from opp_analytics.org import OPEN, WON, Money, Org, money_of, outcome_codes, split_by
from opp_analytics.periods import as_date
from opp_analytics.schema import BUCKETS, NO_LABEL
from opp_analytics.svg import Amount, Row, Rows
from opp_analytics.widgets.explorer.choice import Choice, DealSelector

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PART = "\x1f"
"""Between the keys of a row and of a part of its bar; no name holds this sign."""
_MARKS = 60
"""Rows of a chart, about three screens; the smallest beyond them are in its table and code only."""
_MOST_STAGES = 12
"""With more stages than this, those without open deals are left out."""
_COLUMNS = ["unique_id", "name", "owner_name", "value", "stage", "close_date"]
_EDGES = [0, 10_000, 50_000, 100_000, math.inf]
"""Bounds of the deal sizes: round amounts that split most pipelines into four parts."""
_SIZES = ["under 10K", "10K to 50K", "50K to 100K", "100K and more"]
_SIZES_CODE = (
    'deals = deals.assign(size=pd.cut(deals["value"], [0, 10_000, 50_000, 100_000, float("inf")], right=False, '
    f'labels={_SIZES!r}).astype("object"))'
)


@dataclass(frozen=True)
class AnalysisCall:
    """An analysis and its options; the table, the drawing and the code to copy are made from this."""

    name: str
    """Of the analysis and of its drawing."""
    options: dict[str, Any]

    def table(self, rows: pd.DataFrame | History | None) -> pd.DataFrame:
        """Run the analysis on a frame or a history."""
        table: pd.DataFrame = getattr(analysis, self.name)(rows, **self.options)
        return table

    def draw(self, table: pd.DataFrame) -> Axes:
        """Draw the table with `oa.plots`."""
        axes: Axes = getattr(plots, self.name)(table)
        return axes

    def write_code(self, rows: str) -> list[str]:
        """Write the lines that make the table and draw it."""
        options = []
        for name, value in self.options.items():
            written = repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
            options.append(f"{name}={written}")
        return [f"table = oa.{self.name}({', '.join([rows, *options])})", f"oa.plots.{self.name}(table)"]


class View(ABC):
    """A choice that has both ends of its window, with its deals, table and chart."""

    needs_history = False

    def __init__(self, choice: Choice, selector: DealSelector) -> None:
        self.choice, self.selector = choice, selector
        self.by = choice.grouping
        self.start, self.end = str(choice.start), str(choice.end)
        self.window: dict[str, Any] = {"start": self.start, "end": self.end}
        self.org = Org.of(selector.opportunities)
        self.deals = selector.select(choice, choice.end)
        """The selected deals at the window's end."""

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

    @cached_property
    def money(self) -> Money:
        """Formats amounts in the table's currency."""
        return money_of(self.table)

    def write_code(self) -> list[str]:
        """Write the lines that make the table and draw it."""
        return [*self.selector.write_code(self.choice), *self.call.write_code("deals")]

    @property
    def lack(self) -> str:
        """Why nothing is drawn: match, nothing, chances, history or window; else empty."""
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
        """List deals under a mark: ``unique_id name owner_name value stage close_date`` and perhaps ``change``."""

    def to_day(self, moment: str) -> pd.Timestamp:
        """Convert a moment to its day in the organization's zone."""
        return as_date(moment, tz=self.org.zone(None))

    def format_day(self, moment: str) -> str:
        """Write a moment's day in words."""
        return text.day(self.to_day(moment))

    @property
    def has_chances(self) -> bool:
        """Whether any deal has a ``probability``."""
        frame = self.selector.opportunities
        return "probability" in frame and bool(frame["probability"].notna().any())

    @property
    def _method(self) -> str:
        """Forecast method: stated chances; where there are none, whichever the deals can serve."""
        return "stated" if self.has_chances else "auto"

    def _due_in(self, opened: pd.DataFrame, key: str) -> pd.DataFrame:
        """Take the open deals in one row of a forecast."""
        dates, day = opened["close_date"], self.to_day(self.end)
        if key == "overdue":
            return opened[dates < day]
        if key == "unscheduled":
            return opened[dates.isna()]
        first, last = self.org.period_days(key)
        return opened[dates.between(max(first, day), last)]


class PipelineView(View):
    """Open value by stage, group or close month."""

    @property
    def call(self) -> AnalysisCall:
        if self.by == "close_month":
            return AnalysisCall("forecast", {"as_of": self.end, "freq": "M", "method": self._method})
        split = self._split
        return AnalysisCall("stage_funnel", {"by": split[0] if len(split) == 1 else split} if split else {})

    @property
    def _split(self) -> list[str]:
        """Grouping of the funnel: deals of several pipelines are never ranked together."""
        return list(dict.fromkeys([*([] if self.by == "stage" else [self.by]), *split_by(self.deals)]))

    @cached_property
    def _sums(self) -> pd.DataFrame:
        sums = self.table[["open_value", "open_count"]]
        if self.by == "stage":
            sums = sums.groupby(level="stage", sort=False).sum()
            return sums[sums["open_count"] > 0] if len(sums) > _MOST_STAGES else sums
        if self.by == "close_month":
            return sums[sums["open_count"] > 0]
        grouped = sums.groupby(level=0, sort=False).sum()
        return grouped[grouped["open_count"] > 0].sort_values("open_value", ascending=False, kind="stable")

    @property
    def chart(self) -> Rows:
        money, sums, before = self.money, self._sums.head(_MARKS), self._values_at_start()
        largest = sums["open_value"].idxmax() if sums["open_value"].sum() > 0 else None
        bars, figures = [], []
        for key, value, deals in sums.itertuples():
            name, amount = self._name(str(key)), money(value)
            title = f"{name}: {amount} open, {text.count(int(deals))}"
            bars.append(Amount(name, float(value), amount, title, str(key), highlight=key == largest))
            since = () if before is None else (_change_since(float(before.get(key, 0.0)), value, money),)
            figures.append((f"{int(deals):,}", *since))
        since_head = () if before is None else (f"Since {self.format_day(self.start)}",)
        return _bars(bars, figures, ("", "Open", "Deals", *since_head), width=64 if before is None else 84)

    def _values_at_start(self) -> pd.Series[Any] | None:
        """Sum the open values at the window's start; None where it has none, or months are drawn."""
        no_window = self.selector.history is None or self.start == self.end
        if no_window or self.by == "close_month":
            return None
        table = stage_funnel(self.selector.select(self.choice, self.start), by=self._split)
        return table["open_value"].groupby(level=self.by, sort=False).sum()

    def _name(self, key: str) -> str:
        if self.by == "close_month":
            return text.period(key, "M").capitalize() if key in BUCKETS else text.period(key, "M")
        return text.title(key) if self.by == "stage" else key

    @property
    def finding(self) -> str:
        if self.by == "stage":
            return super().finding
        values = self._sums["open_value"]
        total = float(values.sum())
        if not total:
            return "Nothing is open"
        key = str(values.idxmax())
        share, whole = text.percent(float(values.max()) / total), f"{self.money(total)} open"
        if self.by != "close_month":
            return f"{key} has {share} of {whole}"
        due = {"overdue": "is overdue", "unscheduled": "has no close date"}
        return f"{share} of {whole} {due.get(key) or f'is due in {self._name(key)}'}"

    @property
    def about(self) -> str:
        what = {"stage": "stage", "close_month": "month of the close date"}.get(self.by, text.label(self.by))
        return f"Open value by {what} on {self.format_day(self.end)}"

    def find_deals(self, key: str) -> pd.DataFrame:
        opened = _open_deals(self.deals)
        return (
            self._due_in(opened, key) if self.by == "close_month" else opened[_in_group(opened[self.by], key)]
        )


class WinRatesView(View):
    """Win rates with their intervals."""

    @cached_property
    def source(self) -> pd.DataFrame:
        if self.by != "size":
            return self.deals
        sizes = pd.cut(self.deals["value"], _EDGES, right=False, labels=_SIZES).astype("object")
        return self.deals.assign(size=sizes)

    @property
    def call(self) -> AnalysisCall:
        grouping = {"freq": "M"} if self.by == "close_month" else {"by": self.by}
        return AnalysisCall("win_rate", grouping | self.window)

    def write_code(self) -> list[str]:
        sizes = [_SIZES_CODE] if self.by == "size" else []
        return [*self.selector.write_code(self.choice), *sizes, *self.call.write_code("deals")]

    @property
    def chart(self) -> Rows:
        table, overall = self.table, float(win_rate(self.deals, **self.window)["rate"].iloc[0])
        apart = (table["rate_low"] > overall) | (table["rate_high"] < overall)
        chart = svg.win_rate(table, overall=overall, differs=set(table.index[apart]))
        if self.by != "close_month":
            return replace(chart, rows=chart.rows[:_MARKS])
        months = sorted(chart.rows, key=lambda row: row.key)[-_MARKS:]
        return replace(chart, rows=tuple(replace(row, label=text.period(row.key, "M")) for row in months))

    @property
    def about(self) -> str:
        return (
            f"Won ÷ (won + lost), closed {self.format_day(self.start)} to {self.format_day(self.end)}, with 95% interval. "
            "Vertical line: all picked deals. Blue: differs beyond chance"
        )

    def find_deals(self, key: str) -> pd.DataFrame:
        deals, (first, last) = self.source, (self.to_day(self.start), self.to_day(self.end))
        closed = deals[(outcome_codes(deals) < OPEN) & deals["close_date"].between(first, last)]
        months = closed["close_date"].dt.strftime("%Y-%m")
        return closed[_in_group(months if self.by == "close_month" else closed[self.by], key)]


class ForecastView(View):
    """Expected money by month or quarter, from stated chances, or from the run rate where none is stated."""

    @property
    def call(self) -> AnalysisCall:
        options = {"as_of": self.end, "freq": self.by, "method": self._method}
        target = self.choice.target
        return AnalysisCall("forecast", options if target is None else options | {"target": target})

    @property
    def lack(self) -> str:
        # Without chances the mix of stages says nothing; only a run rate is a forecast then.
        if lack := super().lack:
            return lack
        run_rate = self.table.attrs["method"] == "run_rate"
        return "" if self.has_chances or run_rate else "chances"

    def _coming(self) -> pd.DataFrame:
        """Take the periods from the current one on that hold anything."""
        ahead = self.table.drop(index=[bucket for bucket in BUCKETS if bucket in self.table.index])
        current = ahead.index >= str(pd.Period(self.to_day(self.end), self.table.attrs["freq"]))
        return ahead[current & ((ahead["booked"] > 0) | (ahead["open_count"] > 0) | ahead["to_date"])]

    @property
    def chart(self) -> Rows:
        money, coming = self.money, self._coming().head(_MARKS)
        targets = coming["target"].dropna()
        # The axis ends at 92% of the width: the label of the target needs the rest.
        scale = svg.axis([*coming["expected"], *coming["high"].dropna(), *targets, 1.0], end=92)
        freq, rows = str(self.table.attrs["freq"]), []
        for key, row in coming.iterrows():
            name = text.period(str(key), freq)
            bounded = math.isfinite(row["low"])
            figures = (
                money(row["expected"]),
                f"{money(row['low'])}–{money(row['high'])}" if bounded else "–",
                text.percent(row["p_target"]) if row["to_date"] else text.MISSING,
                f"{int(row['open_count']):,}",
            )
            rows.append(Row(name, svg.month(row, scale, money, name=name), figures, key=str(key)))
        return Rows(
            tuple(rows),
            heads=("", "Forecast", "80% range", "Chance", "Due"),
            axis=svg.month_axis(scale, float(targets.iloc[0]) if len(targets) else math.nan, money),
            label_width=104,
            figure_width=92,
        )

    @property
    def finding(self) -> str:
        money, current = self.money, self.table[self.table["to_date"]]
        if current.empty:
            return "Nothing is due in the running period"
        row = current.iloc[0]
        name = text.period(str(current.index[0]), str(self.table.attrs["freq"]))
        found = f"{name}: {money(row['booked'])} closed, forecast {money(row['expected'])}"
        if math.isfinite(row["target"]):
            found += f" vs. {money(row['target'])} target; {text.percent(row['p_target'])} likely to hit"
        return found

    @property
    def about(self) -> str:
        how = (
            "stated chances: closed and open deals due"
            if self.has_chances
            else "no chance is stated: closed, and what past periods still won at the same point"
        )
        return f"As of {self.format_day(self.end)}, {how}, with the 80% range"

    def find_deals(self, key: str) -> pd.DataFrame:
        due = self._due_in(_open_deals(self.deals), key)
        if key in BUCKETS:
            return due
        won, day = self.deals[outcome_codes(self.deals) == WON], self.to_day(self.end)
        moment = Certificate.moment_of(self.deals)
        if moment is None or self.to_day(str(moment)) > day:
            won = won[won["close_date"] <= day]
        first, last = self.org.period_days(key)
        both: pd.DataFrame = pd.concat([due, won[won["close_date"].between(first, last)]])
        return both


class HistoryView(View):
    """A view of the changes between two records."""

    needs_history = True

    @cached_property
    def source(self) -> History | None:
        """The history of the selected deals; None without two records or without a deal."""
        return self.selector.select_history(self.choice) if len(self.selector.moments) > 1 else None

    @property
    def history(self) -> History:
        """The history of the selected deals, once nothing lacks."""
        assert self.source is not None
        return self.source

    @property
    def lack(self) -> str:
        if len(self.selector.moments) < 2:
            return "history"
        if self.start == self.end:
            return "window"
        return "match" if self.source is None else "nothing" if self.table.empty else ""

    def write_code(self) -> list[str]:
        if len(self.selector.moments) < 2:
            return []
        return [*self.selector.write_history_code(self.choice), *self.call.write_code("chosen")]

    def _last_known(self) -> pd.DataFrame:
        """Take deals as at the window's end; those that are gone by then as last recorded."""
        gone = self.history.changes().sort_values("seen_at", ascending=False, kind="stable")
        frame = pd.concat([self.history.as_of(self.end), gone[gone["seen_at"] <= pd.Timestamp(self.end)]])
        frame = frame[[column for column in _COLUMNS if column in frame]]
        return frame.drop_duplicates("unique_id")


class ChangesView(HistoryView):
    """What moved the open pipeline between two records."""

    @property
    def _group(self) -> str | None:
        return None if self.by == "movement" else self.by

    @property
    def _options(self) -> dict[str, Any]:
        return self.window | ({"due": self.choice.due} if self.choice.due else {})

    @property
    def call(self) -> AnalysisCall:
        return AnalysisCall("waterfall", self._options | ({} if self._group is None else {"by": self._group}))

    @property
    def chart(self) -> Rows:
        if self._group is None:
            return svg.waterfall(self.table)
        money, values = self.money, self.table["value"]
        ends = pd.DataFrame({end: values.xs(end, level=1) for end in ("opening", "closing")})
        ends["deals"] = self.table["count"].xs("closing", level=1)
        ends = ends.sort_values("closing", ascending=False, kind="stable").head(_MARKS)
        bars, figures = [], []
        for key, opening, closing, deals in ends.itertuples():
            title = f"{key}: {money(opening)} to {money(closing)}"
            bars.append(Amount(str(key), float(closing), money(closing), title))
            plus = "+" if closing > opening else ""
            figures.append((f"{int(deals):,}", f"{plus}{money(closing - opening)}"))
        return _bars(bars, figures, ("", "Open", "Deals", "Change"), width=72)

    @property
    def finding(self) -> str:
        money, movement = self.money, self.table.index.get_level_values(-1)
        opening, closing = (
            float(self.table["value"][movement == end].sum()) for end in ("opening", "closing")
        )
        due = f" due in {text.period(self.choice.due, self.org.freq('Q'))}" if self.choice.due else ""
        how = f"{'rose' if closing > opening else 'fell'} {money(abs(closing - opening))}"
        if money(opening) == money(closing):
            how = f"stayed at {money(closing)}"
        found = f"Open pipeline{due} {how} from {self.format_day(self.start)} to {self.format_day(self.end)}"
        name, largest = max(self._moves().items(), key=lambda move: abs(move[1]), default=("", 0.0))
        return f"{found}; largest change: {name}, {money(largest, signed=True)}" if largest else found

    def _moves(self) -> dict[str, float]:
        """Sum the change of each movement, or group."""
        values = self.table["value"]
        if self._group is None:
            moves = values.drop(["opening", "closing"])
            return {text.label(name): float(value) for name, value in moves.items()}
        change = values.xs("closing", level=-1) - values.xs("opening", level=-1)
        return {str(name): float(value) for name, value in change.items()}

    @property
    def about(self) -> str:
        return "Open value, each change at the record that first showed it. Number of deals beside each bar"

    def find_deals(self, key: str) -> pd.DataFrame:
        if self._group is not None:
            opened = self._open_at(self.end)
            return opened[_in_group(opened[self._group], key)]
        if key in ("opening", "closing"):
            return self._open_at(self.start if key == "opening" else self.end)
        moves = movements(self.history, **self._options)
        moves = moves[moves["movement"] == key][["unique_id", "value"]].rename(columns={"value": "change"})
        return moves.merge(self._last_known(), on="unique_id", how="left")

    def _open_at(self, moment: str) -> pd.DataFrame:
        opened = _open_deals(self.history.as_of(moment))
        if self.choice.due:
            opened = opened[opened["close_date"].between(*self.org.period_days(self.choice.due))]
        return opened.assign(change=opened["value"].fillna(0.0))


class SlippageView(HistoryView):
    """Outcome of the deals that were due."""

    @property
    def _options(self) -> dict[str, Any]:
        return self.window | ({} if self.by == "all" else {"by": self.by})

    @property
    def call(self) -> AnalysisCall:
        return AnalysisCall("slippage", self._options)

    @property
    def chart(self) -> Rows:
        if self.by == "all":
            return self._outcomes()
        due = self.table["value"].groupby(level=0).sum().sort_values(ascending=False, kind="stable")
        tables = {}
        for name in due.index[:_MARKS]:
            tables[str(name)] = pd.DataFrame(self.table.xs(name, level=0))
            tables[str(name)].attrs = dict(self.table.attrs)
        return replace(svg.slippage(tables), heads=("", "Due"), label_width=136)

    def _outcomes(self) -> Rows:
        """Draw one row for each outcome, so that each opens its deals."""
        money, whole = self.money, float(self.table["value"].sum())
        bars, figures = [], []
        for key, row in self.table[self.table["count"] > 0].iterrows():
            name, value, deals = text.title(key), float(row["value"]), int(row["count"])
            title = f"{name}: {money(value)}, {text.count(deals)}"
            bars.append(Amount(name, value, money(value), title, str(key)))
            figures.append((f"{deals:,}", text.percent(value / whole) if whole else text.MISSING))
        return _bars(bars, figures, ("", "Value", "Deals", "Share"), width=64)

    @property
    def about(self) -> str:
        return (
            f"Deals open on {self.format_day(self.start)} and due by {self.format_day(self.end)}, by what became of them; "
            "value at the start"
        )

    def find_deals(self, key: str) -> pd.DataFrame:
        due = slippage_deals(self.history, **self._options)
        group, _, outcome = key.partition(PART)
        if self.by == "all":
            group, outcome = "", key
        if group:
            names = pd.Series(due.index.get_level_values(self.by), index=due.index)
            due = due[_in_group(names, group).to_numpy()]
        if outcome:
            due = due[due["outcome"] == outcome]
        frame = due[["unique_id", "name", "value", "outcome"]].rename(columns={"outcome": "became"})
        return frame.merge(self._last_known().drop(columns=["name", "value"]), on="unique_id", how="left")


VIEW_TYPES: dict[str, type[View]] = {
    "pipeline": PipelineView,
    "win_rates": WinRatesView,
    "forecast": ForecastView,
    "changes": ChangesView,
    "slippage": SlippageView,
}


def _open_deals(frame: pd.DataFrame) -> pd.DataFrame:
    opened: pd.DataFrame = frame[outcome_codes(frame) == OPEN]
    return opened


def _in_group(labels: pd.Series[Any], key: str) -> pd.Series[bool]:
    """Mark the rows with this label."""
    return labels.astype("object").where(labels.notna(), NO_LABEL).astype(str) == key


def _bars(
    bars: list[Amount], figures: Iterable[tuple[str, ...]], heads: tuple[str, ...], *, width: int
) -> Rows:
    """Draw bars, with further figures after each amount."""
    chart = svg.bars(bars)
    rows = tuple(
        replace(row, figures=(*row.figures, *more)) for row, more in zip(chart.rows, figures, strict=True)
    )
    return replace(chart, rows=rows, heads=heads, figure_width=width)


def _change_since(before: float, now: float, money: Money) -> str:
    change = now - before
    return f"{'▲' if change > 0 else '▼' if change < 0 else ''} {money(abs(change))}".strip()
