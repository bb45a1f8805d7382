"""The page that proves a forecast: past forecasts of one's own history, beside the formulas of others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from opp_analytics import analysis, svg, text
from opp_analytics.analysis import evidence
from opp_analytics.columns import find_unit
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.org import Org, money_of
from opp_analytics.periods import Freq, as_date
from opp_analytics.report.blocks.quality import SUMS
from opp_analytics.report.html import render_page
from opp_analytics.report.model import (
    Block,
    Cell,
    Group,
    Line,
    Note,
    PageColumn,
    Table,
    Terms,
    draw_column,
)
from opp_analytics.report.model import WeeklyPage as Page

_OWN = ("learned", "run_rate", "stated")
"""Methods of `forecast`: the page is about the first one that the history allows."""
_MEANINGS = {name: SUMS[name] for name in _OWN} | {
    "weighted": "Stated chances without a range, as most CRMs show them.",
    "three_periods": "What the last three {noun}s won, on average.",
    "stage_projection": "Closed won, plus open deals due × the share that their stage won last {noun} from the "
    "same day on, plus "
    "what that {noun} won from elsewhere.",
    "stage_projection_4": "The same, on average over the last four {noun}s.",
    "last_period": "What the last {noun} won.",
    "year_ago": "What the same {noun} of the year before won.",
}
"""The formulas that others publish come last; what rests on past totals alone is at least what has
closed."""
_WORDS = {
    "Missed by": (
        "Σ |forecast − closed in the end| ÷ Σ closed in the end. Bias keeps the sign: + is too "
        "high."
    ),
    "Held": "Share of ranges that held what closed in the end. A formula without a range has none.",
    "Winkler, CRPS": "Scores of the range and of the whole distribution, in multiples of the method in bold: "
    "width and "
    "misses both raise them, so more than 1× is worse.",
    "Beyond chance": (
        "Errors differ from the best method’s, {noun} by {noun}, by more than chance explains."
    ),
}
_NOTES = (
    "n",
    "as_of",
    "freq",
    "method",
    "confidence",
    "best",
    "left_out",
    "lacking",
    "interval_coverage",
)
"""Attrs that neither name anybody nor hold an amount."""
_HELD = {"coverage_50": "50% held", "interval_coverage": "80% held", "coverage_95": "95% held"}
_AMOUNTS = ["expected", "low", "high", "actual"]
_ERRORS = ("Missed by", "Bias", *_HELD.values())


def judge_forecasts(
    history: History, *, freq: Freq, anonymous: bool = False
) -> dict[str, pd.DataFrame]:
    """Judge the past forecasts of a history by method, days left and period, and list alarms of a changed world.

    With `anonymous`, scores are multiples of the page's method, forecasts shares of what closed,
    and new deals shares of those before. A table that needs more history is empty; its attrs say
    what for.
    """
    asked: dict[str, Any] = {"freq": freq, "methods": [*_MEANINGS]}
    methods = analysis.backtest_methods(history, **asked)
    day = as_date(history.records["recorded_at"].iloc[-1], tz=Org.of(history).zone(None))
    model = _pick(methods)
    tables = {
        "methods": methods,
        "days_left": analysis.backtest_methods(history, by_lead=True, **asked),
        "periods": _ask(analysis.track_record, history, as_of=day, freq=freq, method=model),
        "alarms": _ask(analysis.world_changes, history, freq=freq),
    }
    if len(changes := tables["alarms"]):
        tables["alarms"] = changes[changes["alarm"].to_numpy(dtype=bool)]
    return _hide_amounts(tables, model) if anonymous else tables


def _pick(methods: pd.DataFrame) -> str:
    """Pick the method that the page is about: the first one of `forecast` that can be judged."""
    for name in _OWN:
        if methods["n"].get(name):
            return name
    raise NotEnoughHistory(
        "no forecast of a period that has ended can be judged yet; keep recording"
    )


def _ask(question: Callable[..., pd.DataFrame], history: History, **asked: Any) -> pd.DataFrame:
    try:
        return question(history, **asked)
    except NotEnoughHistory as reason:
        table = pd.DataFrame()
        table.attrs["lacking"] = str(reason)
        return table


def _hide_amounts(tables: Mapping[str, pd.DataFrame], model: str) -> dict[str, pd.DataFrame]:
    hidden = {}
    for name, table in tables.items():
        money = [str(column) for column in table if find_unit(str(column)) == "money"]
        if name == "periods":
            ratios = {
                column: table[column] / table["actual"].where(table["actual"] > 0)
                for column in money
            }
        elif name == "alarms" and len(table):
            before = table["was"].where(table.index.get_level_values("measure") == "inflow", 1.0)
            ratios, table = (
                {end: table[end] / before for end in ("was", "now")},
                table.drop(columns="n"),
            )
        else:
            ratios = {column: _scale(table, column, model) for column in money if len(table)}
        hidden[name] = table.assign(**ratios)
        kept = {key: note for key, note in tables[name].attrs.items() if key in _NOTES}
        hidden[name].attrs = {**kept, "anonymous": True}  # type: ignore[dict-item]
    return hidden


def _scale(table: pd.DataFrame, column: str, model: str) -> pd.Series[Any]:
    """Divide a score by that of one method, with as many days left where the table tells them."""
    own = table[column].where(table.index.get_level_values("method") == model)
    bands = (
        table.index.get_level_values("days_left") if table.index.nlevels > 1 else [""] * len(table)
    )
    return table[column] / own.groupby(bands, observed=True).transform("max")


def _tabulate(
    titles: Sequence[str], lines: Sequence[Sequence[Any]], kind: str = "proof", axis: str = ""
) -> Table:
    """Make a table; a column without a title, but the first, has pictures on an axis."""
    columns = [PageColumn(title) if title else draw_column(picture=axis) for title in titles[1:]]
    rows = (
        Line(tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in line))
        for line in lines
    )
    return Table((PageColumn(titles[0], right=False), *columns), (Group(tuple(rows)),), kind)


def _write_errors(row: Any) -> list[str]:
    """Write the cells of `_ERRORS`."""
    bias = text.percent(row["bias"], signed=True)
    return [text.percent(row["wape"]), bias, *(text.percent(row[name]) for name in _HELD)]


@dataclass(frozen=True)
class Proof:
    """The tables of `judge_forecasts`, in words and as a page."""

    tables: Mapping[str, pd.DataFrame]

    @property
    def methods(self) -> pd.DataFrame:
        """The methods that are judged, the lowest error first."""
        table = self.tables["methods"]
        return table[table["n"] > 0].sort_values("wape", kind="stable")

    @property
    def model(self) -> str:
        """The method that the page is about."""
        return _pick(self.methods)

    @property
    def noun(self) -> str:
        """What a period is called."""
        return text.noun(self.methods.attrs["freq"])

    @property
    def count(self) -> str:
        """The number of forecasts and periods judged."""
        row: Any = self.methods.loc[self.model]
        return (
            f"{text.count(int(row['n']), 'forecast')} of "
            f"{text.count(int(row['periods']), self.noun)}"
        )

    def name(self, method: Any) -> str:
        """Name a method."""
        return (
            "stated chances"
            if method == "stated"
            else text.method(method, self.methods.attrs["freq"])
        )

    @property
    def sentence(self) -> str:
        """How far the forecast missed, beside the best other method and last period's number, and how often its ranges held."""
        known, model = self.methods[self.methods["wape"].notna()], self.model
        own, share = f"the {self.name(model)} forecast", self.methods["interval_coverage"][model]
        held = (
            f"{text.percent(self.methods.attrs['confidence'])} ranges held in {text.percent(share)}"
        )
        held = (
            f"{held} of {self.count}."
            if pd.notna(share)
            else f"No range can be judged in {self.count}."
        )
        if model not in known.index:
            return f"Nothing closed in the {text.plural(self.noun)} that were forecast. {held}"
        off, others = known["wape"].map(text.percent), known.index.drop(model)
        said = f"{own} missed by {off[model]} on average"
        if len(others):
            best, beaten = others[0], bool(known["wape"][others[0]] < known["wape"][model])
            chance = "" if known["differs"][model if beaten else best] else f" ({evidence.CHANCE})"
            said += f", the next best, {self.name(best)}, by {off[best]}{chance}"
            if beaten:
                said = (
                    f"{self.name(best)} beat {own}: {off[best]} off on average against "
                    f"{off[model]}{chance}"
                )
            if "last_period" in others[1:]:
                plain = off["last_period"]
                said += (
                    f"; {self.name('last_period')} {f'{plain} off' if beaten else f'by {plain}'}"
                )
        return f"{text.capital(said)}. {held}"

    def render(self, command: str) -> str:
        """Render the page, which names the command that made it."""
        day = text.day(self.methods.attrs["as_of"], year=True)
        title, subject = f"Forecast proof, {day}", f"by {self.noun}, as of {day}"
        made = (self._compare_methods(), self._compare_days_left(), self._list_periods())
        blocks = (*made, self._list_alarms(), self._explain_methods(command))
        words = (title, "Forecast proof", subject, self.sentence, self._say_losses())
        return render_page(Page(*words, (), (), "", blocks, ""))

    def _say_losses(self) -> str:
        """Say with how many days left another method was better beyond chance."""
        few = [self.name(name) for name in _OWN[: _OWN.index(self.model)]]
        lead = f"{text.capital(text.joined(few))}: too few past forecasts to judge. " if few else ""
        if not evidence.is_enough(periods := int(self.methods["periods"][self.model])):
            judged = f"Only {text.count(periods, self.noun)} can be judged"
            return f"{lead}{evidence.say_few(judged)} which method is better."
        found = [
            (
                f"{self.name(best)} with {band} days left ({text.percent(error)} off, against "
                f"{text.percent(row['wape'])})"
            )
            for band, row, best, error in self._list_days_left()
            if row["differs"] and row["behind"] > 0
        ]
        if found:
            return (
                f"{lead}Better than the {self.name(self.model)} forecast, beyond chance: "
                f"{text.joined(found)}."
            )
        return f"{lead}However many days were left, no other method was better beyond chance."

    def _list_days_left(self) -> Iterator[tuple[str, Any, str, float]]:
        """List the days left: the method's row, the best other method, if any, and its error."""
        table = self.tables["days_left"]
        for band, row in table.xs(self.model, level="method").iterrows():
            others = table["wape"].xs(band, level="days_left").drop(self.model).dropna()
            yield (
                str(band),
                row,
                *((str(others.idxmin()), others.min()) if len(others) else ("", math.nan)),
            )

    def _compare_methods(self) -> Block:
        table, lines = self.methods, []
        scores = {name: _scale(table, name, self.model) for name in ("winkler", "crps")}
        names = {method: text.capital(self.name(method)) for method in table.index}
        errors = table["wape"].fillna(0.0).items()
        amounts = [
            svg.make_bar(
                names[method], error, "", text.percent(error), highlight=method == self.model
            )
            for method, error in errors
        ]
        for bar, row in zip(
            svg.bars(amounts).rows, table.assign(**scores).to_dict("records"), strict=True
        ):
            ratios = [
                f"{text.number(row[name], 2)}×" if row[name] >= 0 else text.MISSING
                for name in scores
            ]
            by_period = (
                f"{text.percent(row['period_error'])} ± {text.percent(row['period_error_se'])}"
            )
            apart = "yes" if row["differs"] else "no" if row["behind"] else "best"
            first = Cell("", lead=bar.label) if bar.highlight else bar.label
            picture = Cell("", picture=bar.picture)
            lines.append([first, picture, *_write_errors(row), *ratios, by_period, apart])
        few = [self.name(one) for one in self.tables["methods"].index if one not in table.index]
        sub = (
            f"Each forecast uses the records up to its day alone. By {self.noun}: each counts "
            "once, ± standard error"
        )
        sub += f". Too few forecasts to judge: {text.joined(few)}" if few else ""
        titles = (
            "Method",
            "",
            *_ERRORS,
            "Winkler",
            "CRPS",
            f"Missed, by {self.noun}",
            "Beyond chance?",
        )
        title = f"{text.capital(text.spelled(len(lines), 'method'))} on the same {self.count}"
        return Block("methods", title, sub, (_tabulate(titles, lines),), "Methods")

    def _compare_days_left(self) -> Block:
        lines = []
        for band, row, best, error in self._list_days_left():
            tone: Literal["", "hi"] = "hi" if error < row["wape"] else ""
            other = Cell(text.percent(error), tone, small=self.name(best) if best else "")
            lines.append([f"{band} days", text.number(row["n"]), *_write_errors(row), other])
        title = f"{text.capital(self.name(self.model))} forecast by days left in the {self.noun}"
        table = _tabulate(("Days left", "Forecasts", *_ERRORS, "Best other"), lines)
        sub = "Blue: another method missed by less, which may be chance"
        return Block("days_left", title, sub, (table,), "By days left")

    def _list_periods(self) -> Block:
        """List past forecasts at today's lead.

        Where amounts are hidden, in percent of what closed.
        """
        table, title, lines = self.tables["periods"], "Past ranges", []
        if lacking := table.attrs.get("lacking"):
            return Block("periods", title, parts=(Note(f"{text.capital(lacking)}."),), nav=title)
        hidden, drawn, sub = (
            "anonymous" in table.attrs,
            table,
            "range (band), forecast (tick), closed (dot)",
        )
        if hidden:
            drawn, sub = table[table["actual"] > 0].copy(), f"{sub}, in percent of what closed"
            drawn[_AMOUNTS] *= 100
            if lost := len(table) - len(drawn):
                sub += f"; without {text.count(lost, self.noun)} in which nothing closed"
        chart, write = svg.track_record(drawn), text.percent if hidden else money_of(table)
        for one in chart.rows:
            row: Any = table.loc[one.key]
            forecast, low, high, closed = (write(row[name]) for name in _AMOUNTS)
            held = "" if pd.isna(row["held"]) else "held" if row["held"] else "missed"
            spread = (
                f"{low} to {high}"
                if hidden
                else text.money_range(row["low"], row["high"], write, to=" to ")
            )
            ends = Cell(spread if held else text.MISSING, small=held)
            name, picture = Cell(one.label, small=one.note), Cell("", picture=one.picture)
            lines.append([name, picture, forecast, ends, closed])
        titles = ("", "", "Forecast", f"{text.percent(table.attrs['confidence'])} range", "Closed")
        sub = f"As long before each {self.noun}’s end as the last record: {sub}"
        parts = (_tabulate(titles, lines, "months", chart.axis),)
        return Block("periods", f"{title} {analysis.say_held(table)}".strip(), sub, parts, title)

    def _list_alarms(self) -> Block:
        table, lines, title = self.tables["alarms"], [], "Alarms"
        same = f"New deals and the share won stayed as in the twelve {self.noun}s before"
        lacking = table.attrs.get("lacking", "").replace("world_changes needs", "Alarms need")
        if table.empty:
            finding = title if lacking else "No alarm that the world changed"
            return Block("alarms", finding, parts=(Note(f"{lacking or same}."),), nav=title)
        for row in table.reset_index().to_dict("records"):
            inflow = row["measure"] == "inflow"
            write = text.number if inflow and "anonymous" not in table.attrs else text.percent
            what = (
                f"{'More' if row['direction'] == 'up' else 'Fewer'} "
                f"{'new deals' if inflow else 'deals won'}"
            )
            label = Cell(text.period(row["period"], table.attrs["freq"]), small=what)
            lines.append([label, write(row["now"]), write(row["was"])])
        finding = f"{text.capital(text.spelled(len(lines), 'alarm'))} that the world changed"
        sub = (
            "Deals created, and the share won of those closed, against up to twelve "
            f"{self.noun}s before"
        )
        return Block("alarms", finding, sub, (_tabulate(("", "Now", "Before"), lines),), title)

    def _explain_methods(self, command: str) -> Block:
        words = {text.capital(self.name(name)): means for name, means in _MEANINGS.items()} | _WORDS
        terms = tuple((name, means.format(noun=self.noun)) for name, means in words.items())
        caution = (
            f"Forecasts of one {self.noun} stand or fall together: it is the {self.noun}s that "
            "count."
        )
        made = Note("{} made this page from the records of the pipeline alone.", command)
        parts = (made, Note(caution), Terms("What each method and number is", terms))
        return Block("how", "How this was computed", parts=parts)
