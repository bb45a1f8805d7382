"""The five views: each view's analysis, chart, finding, and the deals under each mark."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from opp_analytics import analysis, plots, svg, text
from opp_analytics.analysis import (
    deal_reasons,
    evidence,
    find_gap,
    forecast_deals,
    heading,
    movements,
    sentence,
    slippage_deals,
    win_rate,
)
from opp_analytics.certificate import Certificate
from opp_analytics.columns import write_label
from opp_analytics.history import History
from opp_analytics.org import OPEN, WON, Money, money_of, outcome_codes, split_by
from opp_analytics.schema import BUCKETS, NO_LABEL, label_groups
from opp_analytics.svg import Amount, Row, Rows
from opp_analytics.widgets.explorer.choice import VIEWS, Choice, DealSelector

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PART = "\x1f"
"""Between the keys of a row and of a part of its bar; no name holds this sign."""
_MARKS = 60
"""Rows of a chart, about three screens; the smallest beyond them are in its table and code only."""
_MOST_STAGES = 12
"""With more stages than this, those without open deals are left out."""
_COLUMNS = ["unique_id", "name", "owner_name", "value", "stage", "close_date", "probability"]
_STILL_WON = "what past periods still won at the same point"
"""What a run rate expects beyond the open deals."""
_EDGES = [0, 10_000, 50_000, 100_000, math.inf]
"""Bounds of the deal sizes: round amounts that split most pipelines into four parts."""
_SIZES = ["under 10K", "10K to 50K", "50K to 100K", "100K and more"]
_SIZES_CODE = (
    'deals = deals.assign(size=pd.cut(deals["value"], [0, 10_000, 50_000, 100_000, float("inf")], right=False, '
    f'labels={_SIZES!r}).astype("object"))'
)


class Kpi(NamedTuple):
    """A figure above the chart."""

    name: str
    figure: str
    note: str


class Option(NamedTuple):
    """An option that the copied code spells in words of its own."""

    value: Any
    words: str


@dataclass(frozen=True)
class AnalysisCall:
    """An analysis and its options; the table, the drawing and the code to copy are made from this."""

    name: str
    """Of the analysis and of its drawing."""
    options: dict[str, Any]

    def table(self, rows: pd.DataFrame | History | None) -> pd.DataFrame:
        """Run the analysis on a frame or a history."""
        options = {
            n: option.value if isinstance(option, Option) else option for n, option in self.options.items()
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
        return [f"table = oa.{self.name}({', '.join([rows, *options])})", f"oa.plots.{self.name}(table)"]


def _spell(value: Any) -> str:
    if isinstance(value, Option):
        return value.words
    return repr(value) if isinstance(value, (bool, float)) else json.dumps(value, ensure_ascii=False)


class View(ABC):
    """A choice with both ends of its window: chart, figures, n, code and export are all of its deals."""

    needs_history = False
    noun = "deal"
    """What n counts."""
    kept = ""
    """The filter whose deals are forecast within the whole, not alone."""
    worthless: tuple[str, ...] = ("without_value", "open_without_value")
    """Reasons for which a deal counts here, but adds no money."""

    def __init__(self, choice: Choice, selector: DealSelector, targets: Option | None = None) -> None:
        self.choice, self.selector, self.targets = choice, selector, targets
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
    def kpis(self) -> list[Kpi]:
        """The figures above the chart, of the picked deals at the window's end."""
        everything = self.selector.select(Choice(view=self.choice.view), self.end)
        is_part, opened = len(self.deals) != len(everything), _open_deals(self.deals)
        missing = int(opened["value"].isna().sum())
        valued = f"{text.count(missing)} without a value" if missing else "every open deal has a value"
        window: dict[str, Any] = {"start": self.since, "end": self.day}
        closed = win_rate(self.deals, **window).iloc[0]
        which = f"closed since {self._write_day(self.since)}"
        if is_part:
            which += f"; all {text.percent(float(win_rate(everything, **window)['rate'].iloc[0]))}"
        return [
            *self._sum_open(opened, _open_deals(everything) if is_part else None, valued),
            _rate_closed(closed["won"], closed["lost"], which),
        ]

    def _sum_open(
        self, opened: pd.DataFrame, whole: pd.DataFrame | None, note: str, due: str = ""
    ) -> list[Kpi]:
        """Count, sum and weigh open deals, beside those of the whole, or with a note on their value."""
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

    @cached_property
    def money(self) -> Money:
        """Formats amounts in the table's currency."""
        return money_of(self.table)

    def write_code(self) -> list[str]:
        """Write the lines that make the table and draw it."""
        return [*self.selector.write_code(self.choice, self.end), *self.call.write_code("deals")]

    @property
    def left_out(self) -> dict[str, int]:
        """Picked deals that the table leaves out, by reason."""
        return dict(self.table.attrs.get("left_out") or {})

    @property
    def lack(self) -> str:
        """Why nothing is drawn: deals, match, nothing, chances, history or window; else empty."""
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
        """List deals under a mark: the columns of a deal, with ``probability``, ``chance`` or ``change`` where there is one."""

    def explain(self, key: str) -> str:
        """Say how the amount of a mark comes from its deals, where it is not their sum."""
        return ""

    def format_day(self, moment: str) -> str:
        """Write a moment's day in words, with its year where that is not the window's end's."""
        return self._write_day(self.selector.to_day(moment))

    def _write_day(self, day: pd.Timestamp) -> str:
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
        """True if the deals are forecast alone: a part of the pipeline that other new deals do not belong to."""
        return self.choice.picks(but=self.kept) or (self.selector.is_part and self.selector.is_now(self.end))

    def _ask(self, freq: str, moment: str | None = None) -> dict[str, Any]:
        """Ask for a forecast as `oa.forecast` does: by the method that the history allows."""
        day = self.selector.to_day(moment or self.end)
        options: dict[str, Any] = {"as_of": str(day.date()), "freq": freq}
        if self.selector.history is not None:
            options["history"] = Option(self.selector.history, "history")
        return options | ({"new_business": False} if self.is_alone else {})

    def _with_chances(self, deals: pd.DataFrame, key: str, freq: str) -> pd.DataFrame:
        """Add each deal's ``chance`` in a period where the history gives it."""
        if key in BUCKETS or self.selector.history is None:
            return deals
        asked: dict[str, Any] = {"as_of": self.day, "freq": freq, "history": self.selector.history}
        table = forecast_deals(deals, **asked, periods=[key], only=True)
        if table.attrs["method"] != "learned":
            return deals
        return deals.merge(table[["unique_id", "chance"]], on="unique_id", how="left")

    def explain_deal(self, unique_id: str) -> list[str]:
        """Say what adds up to an open deal's chance from history, and when it is won if it is; empty without such a chance."""
        opened, history, freq = _open_deals(self.deals), self.selector.history, "Q" if self.by == "Q" else "M"
        deal = opened[opened["unique_id"] == unique_id]
        if deal.empty or history is None:
            return []
        due, code = deal["close_date"].iloc[0], self.org.freq(freq)
        period = str(pd.Period(due if due >= self.day else self.day, code))
        asked: dict[str, Any] = {"as_of": self.day, "freq": freq}
        table = forecast_deals(deal, history=history, periods=[period], **asked)
        if table.attrs["method"] != "learned" or table.empty:
            return []
        reasons = sentence(deal_reasons(deal, history, period=period, **asked))
        low, high = table["won_low"].iloc[0], table["won_high"].iloc[0]
        between = f"If won, between {self._write_day(low)} and {self._write_day(high)}."
        when = [] if pd.isna(low) else [between]
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


class PipelineView(View):
    """Open value by stage, group or close month."""

    noun = "open deal"

    @property
    def call(self) -> AnalysisCall:
        return self._call_at(self.end)

    def _call_at(self, moment: str) -> AnalysisCall:
        if self.by == "close_month":
            return AnalysisCall("forecast", self._ask("M", moment))
        # Deals of several pipelines are never ranked together.
        split = list(dict.fromkeys([*([] if self.by == "stage" else [self.by]), *split_by(self.deals)]))
        return AnalysisCall("stage_funnel", {"by": split[0] if len(split) == 1 else split} if split else {})

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
        largest = evidence.find_largest(sums["open_value"])[0] if sums["open_value"].sum() > 0 else []
        heads, bars = ("", "Open", "Deals"), []
        for key, value, deals in sums.itertuples():
            name, amount = self._name(str(key)), money(value)
            title = f"{name}: {amount} open, {text.count(int(deals))}"
            more = [f"{int(deals):,}"]
            if before is not None:
                change = value - float(before.get(key, 0.0))
                sign = "▲" if change > 0 else "▼" if change < 0 else ""
                more.append(f"{sign} {money(abs(change))}".strip())
            bars.append(Amount(name, float(value), amount, title, str(key), key in largest, tuple(more)))
        if before is None:
            return replace(svg.bars(bars), heads=heads, figure_width=64)
        since_head = f"Since {self.format_day(self.start)}"
        return replace(svg.bars(bars), heads=(*heads, since_head), figure_width=84)

    @property
    def _compares(self) -> bool:
        return self.selector.history is not None and self.start != self.end

    def _values_at_start(self) -> pd.Series[Any] | None:
        """Sum the open values at the window's start; None where it has none."""
        if not self._compares:
            return None
        table = self._call_at(self.start).table(self.selector.select(self.choice, self.start))
        level = "period" if self.by == "close_month" else self.by
        return table["open_value"].groupby(level=level, sort=False).sum()

    def write_code(self) -> list[str]:
        *lines, drawing = super().write_code()
        if self._compares:
            before, _ = self._call_at(self.start).write_code("first")
            lines += [
                *self.selector.write_code(self.choice, self.start, "first"),
                before.replace("table =", "before =", 1),
                'change = table["open_value"].sub(before["open_value"], fill_value=0)',
            ]
        return [*lines, drawing]

    @property
    def behind(self) -> pd.DataFrame:
        return _open_deals(self.deals)

    def _name(self, key: str) -> str:
        if self.by == "close_month":
            return text.capital(text.period(key, "M"))
        return write_label(self.by, key)

    @property
    def finding(self) -> str:
        if self.by == "stage":
            return super().finding
        values = self._sums["open_value"]
        if not values.any():
            return "Nothing is open"
        (key, *others), share = evidence.find_largest(values)
        whole = f"{self.money(float(values.sum()))} open"
        if not share:
            return text.capital(whole)
        if self.by != "close_month":
            names = text.joined([key, *others], most=3)
            return f"{names} {f'have {share} each' if others else f'has {share}'} of {whole}"
        due = {"overdue": "is overdue", "unscheduled": "has no close date"}
        return f"{share} of {whole} {due.get(str(key)) or f'is due in {self._name(str(key))}'}"

    @property
    def about(self) -> str:
        what = {"stage": "stage", "close_month": "month of the close date"}.get(self.by, text.label(self.by))
        return f"Open value by {what} on {self.format_day(self.end)}"

    def find_deals(self, key: str) -> pd.DataFrame:
        if self.by == "close_month":
            return self._with_chances(self._due_in(self.behind, key), key, "M")
        return self.behind[label_groups(self.behind[self.by]) == key]


class WinRatesView(View):
    """Win rates with their intervals."""

    worthless = ()
    noun = "closed deal"

    @cached_property
    def source(self) -> pd.DataFrame:
        if self.by != "size":
            return self.deals
        sizes = pd.cut(self.deals["value"], _EDGES, right=False, labels=_SIZES).astype("object")
        return self.deals.assign(size=sizes)

    @property
    def call(self) -> AnalysisCall:
        grouping = {"freq": "M"} if self.by == "close_month" else {"by": self.by}
        return AnalysisCall("win_rate", grouping | self._days)

    @property
    def _days(self) -> dict[str, Any]:
        return {"start": str(self.since.date()), "end": str(self.day.date())}

    def write_code(self) -> list[str]:
        *lines, table, drawing = super().write_code()
        return [*lines, *([_SIZES_CODE] if self.by == "size" else []), table, drawing]

    @property
    def since(self) -> pd.Timestamp:
        return self.selector.to_day(self.start)

    @cached_property
    def behind(self) -> pd.DataFrame:
        deals = self.source
        return deals[(outcome_codes(deals) < OPEN) & deals["close_date"].between(self.since, self.day)]

    @property
    def chart(self) -> Rows:
        table, overall = self.table, float(win_rate(self.deals, **self._days)["rate"].iloc[0])
        chart = svg.win_rate(table, overall=overall)
        if self.by != "close_month":
            return replace(chart, rows=chart.rows[:_MARKS])
        months = sorted(chart.rows, key=lambda row: row.key)[-_MARKS:]
        names = [text.period(row.key, "M") + self._star(row.key) for row in months]
        return replace(chart, rows=tuple(replace(r, label=n) for r, n in zip(months, names, strict=True)))

    def _star(self, key: str) -> str:
        """Mark a month of which the window holds a part."""
        return "*" if self.by == "close_month" and evidence.cut_period(key, self.table) is not None else ""

    @property
    def about(self) -> str:
        return (
            f"Won ÷ (won + lost), closed {self._span}, with 95% interval. "
            "Vertical line: all picked deals. Blue: differs from the others beyond chance"
            + (". *: a part of the month" if any(self._star(str(key)) for key in self.table.index) else "")
        )

    def find_deals(self, key: str) -> pd.DataFrame:
        months = self.behind["close_date"].dt.strftime("%Y-%m")
        return self.behind[label_groups(months if self.by == "close_month" else self.behind[self.by]) == key]


class ForecastView(View):
    """Expected money by month or quarter: `oa.forecast` of the whole, of people, or of the picked deals alone."""

    kept = "owners"

    @property
    def worthless(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("without_value", "without_probability") if self.method == "stated" else ("without_value",)

    @property
    def _people(self) -> tuple[str, ...]:
        """The picked owners, whose rows are those of the whole's forecast by owner."""
        return tuple(NO_LABEL if name is None else name for name in self.choice.owners)

    @property
    def call(self) -> AnalysisCall:
        options = self._ask(self.by)
        if self._people and not self.is_alone:
            options["by"] = "owner_name"
        target: float | Option | None = self.choice.target
        if target is None and not self.is_alone:
            target = self.targets
        elif target is not None and "by" in options:
            first = pd.Period(self.day, self.org.freq(self.by))
            goals = {(self._people[0], str(first + step)): target for step in range(12)}
            target = Option(goals, repr(goals)) if len(self._people) == 1 else None
        return AnalysisCall("forecast", options if target is None else options | {"target": target})

    @property
    def _freq(self) -> str:
        return str(self.table.attrs["freq"])

    @cached_property
    def source(self) -> pd.DataFrame:
        return self.deals if self.is_alone else self.selector.select(Choice(), self.end)

    @cached_property
    def table(self) -> pd.DataFrame:
        if "by" not in self.call.options:
            return super().table
        # The ranges of everybody else would take as long as theirs.
        table = self._forecast(self.source, self.call.options, lambda labels, _: labels[0] in self._people)
        return table[table.index.get_level_values("owner_name").isin(self._people)]

    @staticmethod
    def _forecast(
        deals: pd.DataFrame, options: dict[str, Any], shown: Callable[[Sequence[str], str], bool]
    ) -> pd.DataFrame:
        """Forecast with the ranges of some rows."""
        further = {"method": analysis.read_method(), "shown": shown}
        return AnalysisCall("forecast_shown", options | further).table(deals)

    def write_code(self) -> list[str]:
        choice = self.choice if self.is_alone else Choice()
        lines, (table, drawing) = self.selector.write_code(choice, self.end), self.call.write_code("deals")
        rows = f'table = table[table.index.get_level_values("owner_name").isin({list(self._people)!r})]'
        return [*lines, table, *([rows] if "by" in self.call.options else []), drawing]

    @cached_property
    def by_period(self) -> pd.DataFrame:
        """The table by period: of several people the sums, which have no range."""
        table = self.table
        if table.index.nlevels == 1:
            return table
        people = table.index.get_level_values(0).unique()
        if len(people) == 1:
            return table.droplevel(0)
        groups = table.groupby(level="period", sort=False)
        sums = groups.sum(min_count=1).assign(to_date=groups["to_date"].any())
        sums["target"] = groups["target"].sum(min_count=len(people))
        if self.choice.target is not None:
            sums["target"] = self.choice.target
        sums[["low", "median", "high", "p_target"]] = math.nan
        sums["gap"] = find_gap(sums["target"], sums["booked"])
        sums.attrs = table.attrs
        return sums

    @property
    def left_out(self) -> dict[str, int]:
        if "by" not in self.call.options:
            return super().left_out
        # The table is made from everybody's deals.
        alone = {**self._ask(self.by), "new_business": False}
        return dict(self._forecast(self.deals, alone, lambda labels, _: False).attrs["left_out"])

    @property
    def method(self) -> str:
        """The method of the forecast."""
        return str(self.table.attrs["method"])

    @property
    def lack(self) -> str:
        # Without chances the mix of stages says nothing; a history or a run rate is a forecast then.
        if lack := super().lack:
            return lack
        return "" if self.has_chances or self.method in ("learned", "run_rate") else "chances"

    @cached_property
    def behind(self) -> pd.DataFrame:
        first, _ = self.org.period_days(str(pd.Period(self.day, self._freq)))
        return pd.concat([_open_deals(self.deals), self._find_won(first, pd.Timestamp.max)])

    def _find_won(self, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
        """Take the deals that are booked with a close date between two days."""
        won, moment = self.deals[outcome_codes(self.deals) == WON], Certificate.moment_of(self.deals)
        if moment is None or self.selector.to_day(str(moment)) > self.day:
            last = min(last, self.day)
        inside: pd.DataFrame = won[won["close_date"].between(first, last)]
        return inside

    @property
    def chart(self) -> Rows:
        money, ahead = self.money, self.by_period[~self.by_period.index.isin(BUCKETS)]
        current = ahead.index >= str(pd.Period(self.day, self._freq))
        held = (ahead["booked"] > 0) | (ahead["open_count"] > 0) | ahead["to_date"]
        coming = ahead[current & held].head(_MARKS)
        targets = coming["target"].dropna()
        # The axis ends at 92% of the width: the label of the target needs the rest.
        scale = svg.axis([*coming["expected"], *coming["high"].dropna(), *targets, 1.0], end=92)
        # A range by stated chances holds the open deals due only, and says nothing of a target.
        rows, is_stated = [], self.method == "stated"
        for key, row in coming.iterrows():
            name = text.period(str(key), self._freq)
            figures = (
                money(row["expected"]),
                f"{money(row['low'])}–{money(row['high'])}" if math.isfinite(row["low"]) else "–",
                text.percent(row["p_target"]) if row["to_date"] and not is_stated else text.MISSING,
                f"{int(row['open_count']):,}",
            )
            rows.append(Row(name, svg.month(row, scale, money, name=name), figures, key=str(key)))
        ranges = "Due-only range" if is_stated else "80% range"
        return Rows(
            tuple(rows),
            heads=("", "Forecast", ranges, "Hits target", "Due"),
            axis=svg.month_axis(scale, float(targets.iloc[0]) if len(targets) else math.nan, money),
            label_width=104,
            figure_width=92,
        )

    @property
    def finding(self) -> str:
        return heading(self.by_period)

    @property
    def about(self) -> str:
        how = {
            "learned": "chances from history: closed, open deals, and usual new business",
            "run_rate": f"run rate: closed, and {_STILL_WON}",
        }.get(self.method, "stated chances: closed and open deals due")
        if self.is_alone:
            chances = "from history" if self.method == "learned" else "as stated"
            how = f"these {text.count(len(self.behind))} alone, at their chances {chances}"
        several = len(self._people) > 1 and not self.is_alone
        ranges = "several people together have no range" if several else "with the 80% range"
        return f"As of {self.format_day(self.end)}, {how}, {ranges}"

    def find_deals(self, key: str) -> pd.DataFrame:
        due = self._due_in(_open_deals(self.deals), key)
        if key in BUCKETS:
            return due
        won = self._find_won(*self.org.period_days(key))
        return pd.concat([self._with_chances(due, key, self.by), won])

    def explain(self, key: str) -> str:
        if key in BUCKETS or key not in self.by_period.index or math.isnan(self.by_period["expected"][key]):
            return ""
        deals, row = self.find_deals(key), dict[str, Any](self.by_period.loc[key])
        below = 0.0
        if self.method != "run_rate":
            chance = deals["chance"] if "chance" in deals else deals["probability"] / 100
            below = float((deals["value"] * chance.astype("float64"))[outcome_codes(deals) == OPEN].sum())
        chances = "chance from history" if self.method == "learned" else "stated chance"
        parts = {
            "closed": row["booked"],
            f"from the open deals listed (value × {chances})": below,
            "from other open deals": row["expected_open"] - below,
            _STILL_WON if self.method == "run_rate" else "usual new business": row["new_business"],
        }
        whole = round(float(row["expected"]))
        amounts = {words: round(float(part)) for words, part in parts.items() if abs(part) >= 0.5}
        if not amounts:
            return ""
        # Rounded parts add up to the rounded whole.
        amounts[list(amounts)[-1]] += whole - sum(amounts.values())
        money = partial(text.money, currency=self.org.currency, full=True)
        said = " + ".join(f"{money(n)} {words}" for words, n in amounts.items())
        return f"Forecast {money(whole)} = {said}."


class HistoryView(View):
    """A view of the changes between two records; its figures are those of its table."""

    needs_history = True

    @property
    def _options(self) -> dict[str, Any]:
        """What the analysis and its deals are asked for."""
        return {"start": self.start, "end": self.end}

    def _call(self, name: str, **more: Any) -> AnalysisCall:
        """Call an analysis with the ends of the window as code spells them."""
        ends = (("start", self.start), ("end", self.end))
        window = {end: Option(at, json.dumps(self.selector.spell(at))) for end, at in ends}
        return AnalysisCall(name, self._options | window | more)

    @cached_property
    def source(self) -> History | None:
        """The history of the selected deals; None without two records or without a deal."""
        return self.selector.select_history(self.choice) if len(self.selector.moments) > 1 else None

    @property
    def history(self) -> History:
        """The history of the selected deals, once nothing lacks."""
        assert self.source is not None
        return self.source

    @cached_property
    def deals(self) -> pd.DataFrame:
        if self.source is None:
            return self.selector.opportunities.iloc[:0]
        return self.selector.select_recorded(self.choice, self.end)

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

    def _sum(self, column: str, row: str) -> float:
        """Sum a column of the table over all groups, in one row of each."""
        return float(self.table[column][self.table.index.get_level_values(-1) == row].sum())

    def _rate(self, column: str, which: str) -> Kpi:
        return _rate_closed(self._sum(column, "won"), self._sum(column, "lost"), which)

    def _last_known(self) -> pd.DataFrame:
        """Take deals as at the window's end; those that are gone by then as last recorded."""
        gone = self.history.changes().sort_values("seen_at", ascending=False, kind="stable")
        frame = pd.concat([self.deals, gone[gone["seen_at"] <= pd.Timestamp(self.end)]])
        frame = frame[[column for column in _COLUMNS if column in frame]]
        return frame.drop_duplicates("unique_id")


class ChangesView(HistoryView):
    """What moved the open pipeline between two records."""

    @property
    def kpis(self) -> list[Kpi]:
        whole = self._take_due(_open_deals(self.selector.read_record(self.end)))
        before = f"{self.money(self._sum('value', 'opening'))} on {self.format_day(self.start)}"
        due = f"{self._due}, " if self._due else ""
        opened, value, weighted = self._sum_open(
            self._open_at(self.end), whole if self.choice.picks() else None, before, due
        )
        return [
            opened._replace(figure=f"{int(self._sum('count', 'closing')):,}"),
            value._replace(figure=self.money(self._sum("value", "closing"))),
            weighted,
            self._rate("deals", f"closed {self._span}"),
        ]

    @property
    def _due(self) -> str:
        return f"due in {text.period(self.choice.due, self.org.freq('Q'))}" if self.choice.due else ""

    @property
    def n(self) -> str:
        opening, closing = (int(self._sum("count", end)) for end in ("opening", "closing"))
        return f"{text.count(opening, 'open deal')} at the start, {closing:,} at the end"

    @cached_property
    def behind(self) -> pd.DataFrame:
        ends = [self._open_at(self.start), self._open_at(self.end), movements(self.history, **self._options)]
        ids = pd.concat([frame["unique_id"] for frame in ends])
        known = self._last_known()
        return known[known["unique_id"].isin(ids)]

    @property
    def _group(self) -> str | None:
        return None if self.by == "movement" else self.by

    @property
    def _options(self) -> dict[str, Any]:
        return super()._options | ({"due": self.choice.due} if self.choice.due else {})

    @property
    def call(self) -> AnalysisCall:
        return self._call("waterfall", **({} if self._group is None else {"by": self._group}))

    @property
    def chart(self) -> Rows:
        if self._group is None:
            return svg.waterfall(self.table)
        money, values = self.money, self.table["value"]
        ends = pd.DataFrame({end: values.xs(end, level=1) for end in ("opening", "closing")})
        ends["deals"] = self.table["count"].xs("closing", level=1)
        ends = ends.sort_values("closing", ascending=False, kind="stable").head(_MARKS)
        bars = []
        for key, opening, closing, deals in ends.itertuples():
            title = f"{key}: {money(opening)} to {money(closing)}"
            more = (f"{int(deals):,}", f"{'+' if closing > opening else ''}{money(closing - opening)}")
            bars.append(Amount(str(key), float(closing), money(closing), title, more=more))
        return replace(svg.bars(bars), heads=("", "Open", "Deals", "Change"), figure_width=72)

    @property
    def finding(self) -> str:
        money, values = self.money, self.table["value"]
        opening, closing = self._sum("value", "opening"), self._sum("value", "closing")
        how = f"{'rose' if closing > opening else 'fell'} {money(abs(closing - opening))}"
        if money(opening) == money(closing):
            how = f"stayed at {money(closing)}"
        found = f"Open pipeline{self._due and f' {self._due}'} {how} from {self._span}"
        if self._group is None:
            moves = values.drop(["opening", "closing"]).rename(text.movement)
        else:
            moves = values.xs("closing", level=-1) - values.xs("opening", level=-1)
        name, largest = max(moves.items(), key=lambda move: abs(move[1]), default=("", 0.0))
        return f"{found}; largest change: {name}, {money(largest, signed=True)}" if largest else found

    @property
    def about(self) -> str:
        cut = f". {self.chart.note}" if self.chart.note else ""
        return f"Open value, each change at the record that first showed it. Number of deals beside each bar{cut}"

    def find_deals(self, key: str) -> pd.DataFrame:
        if self._group is not None:
            opened = self._open_at(self.end)
            return opened[label_groups(opened[self._group]) == key]
        if key in ("opening", "closing"):
            return self._open_at(self.start if key == "opening" else self.end)
        moves = movements(self.history, **self._options)
        moves = moves[moves["movement"] == key][["unique_id", "value"]].rename(columns={"value": "change"})
        return moves.merge(self._last_known(), on="unique_id", how="left")

    def _open_at(self, moment: str) -> pd.DataFrame:
        opened = self._take_due(_open_deals(self.selector.select_recorded(self.choice, moment)))
        return opened.assign(change=opened["value"].fillna(0.0))

    def _take_due(self, opened: pd.DataFrame) -> pd.DataFrame:
        """Keep the deals in the chosen period."""
        if not self.choice.due:
            return opened
        return opened[opened["close_date"].between(*self.org.period_days(self.choice.due))]


class SlippageView(HistoryView):
    """Outcome of the deals that were due."""

    @property
    def _options(self) -> dict[str, Any]:
        return super()._options | ({} if self.by == "all" else {"by": self.by})

    @property
    def call(self) -> AnalysisCall:
        return self._call("slippage")

    @property
    def kpis(self) -> list[Kpi]:
        due, value = float(self.table["count"].sum()), float(self.table["value"].sum())
        slipped, moved = self._sum("count", "slipped"), self._sum("value", "slipped")
        first, last = self.format_day(self.start), self.format_day(self.end)
        share = text.percent(slipped / due) if due else text.MISSING
        return [
            Kpi("Deals due", f"{int(due):,}", f"open on {first}, due by {last}"),
            Kpi("Value due", self.money(value), f"as on {first}"),
            Kpi("Slipped", share, f"{text.count(int(slipped))}, {self.money(moved)}"),
            self._rate("count", f"closed by {last}"),
        ]

    @cached_property
    def _cohort(self) -> pd.DataFrame:
        return slippage_deals(self.history, **self._options)

    @property
    def n(self) -> str:
        return text.count(int(self.table["count"].sum()), "deal due").replace("deal dues", "deals due")

    @property
    def behind(self) -> pd.DataFrame:
        return self._complete(self._cohort)

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
        bars = []
        for key, row in self.table[self.table["count"] > 0].iterrows():
            name, value, deals = text.title(key), float(row["value"]), int(row["count"])
            title = f"{name}: {money(value)}, {text.count(deals)}"
            more = (f"{deals:,}", text.percent(value / whole) if whole else text.MISSING)
            bars.append(Amount(name, value, money(value), title, str(key), more=more))
        return replace(svg.bars(bars), heads=("", "Value", "Deals", "Share"), figure_width=64)

    @property
    def about(self) -> str:
        return (
            f"Deals open on {self.format_day(self.start)} and due by {self.format_day(self.end)}, by what became of them; "
            "value at the start"
        )

    def find_deals(self, key: str) -> pd.DataFrame:
        due = self._cohort
        group, _, outcome = key.partition(PART)
        if self.by == "all":
            group, outcome = "", key
        if group:
            names = pd.Series(due.index.get_level_values(self.by), index=due.index)
            due = due[(label_groups(names) == group).to_numpy()]
        if outcome:
            due = due[due["outcome"] == outcome]
        return self._complete(due)

    def _complete(self, due: pd.DataFrame) -> pd.DataFrame:
        """Add the other columns of deals, as last known, to those that were due."""
        frame = due[["unique_id", "name", "value", "outcome"]].rename(columns={"outcome": "became"})
        return frame.merge(self._last_known().drop(columns=["name", "value"]), on="unique_id", how="left")


_TYPES = (PipelineView, WinRatesView, ForecastView, ChangesView, SlippageView)
VIEW_TYPES: dict[str, type[View]] = dict(zip(VIEWS, _TYPES, strict=True))


def _rate_closed(won: float, lost: float, which: str) -> Kpi:
    """Write the win rate of closed deals, and which these are."""
    closed = won + lost
    note = f"{int(won):,} of {int(closed):,} {which}" if closed else f"none {which}"
    return Kpi("Win rate", text.percent(won / closed) if closed else text.MISSING, note)


def _weigh(opened: pd.DataFrame) -> float:
    """Sum value × stated chance; NaN without a column of them."""
    if "probability" not in opened:
        return math.nan
    return float((opened["value"] * opened["probability"].astype("float64") / 100).sum())


def _open_deals(frame: pd.DataFrame) -> pd.DataFrame:
    opened: pd.DataFrame = frame[outcome_codes(frame) == OPEN]
    return opened
