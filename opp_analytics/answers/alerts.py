"""Alerts that an org file asks for: conditions on forecast and deals, and milestones.

Milestones are those of the target.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from opp_analytics import text
from opp_analytics.answers import tables
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context
from opp_analytics.answers.data import Row, Table
from opp_analytics.arrays import Series
from opp_analytics.columns import DEAL_FIGURES, find_unit, format_cell
from opp_analytics.errors import ArgumentValueError, DataWarning
from opp_analytics.inputs import did_you_mean
from opp_analytics.org import Comparison, Condition, check_template, read_conditions, read_figures
from opp_analytics.schema import HALF_CENT
from opp_analytics.text import Piece, Sentence


@dataclass(frozen=True)
class Alert:
    """A condition of the org file that holds, or a milestone that is passed.

    As a string its sentence.
    """

    sentence: str
    """What holds."""
    new: bool | None = None
    """True if it did not hold at the record that changes are counted from; None without one."""
    key: str = ""
    """What holds, in the same words each day: its period or deal, and the condition or
    milestone."""
    deal: str = ""
    """Name and owner of the deal that it is about; on a person's own page the name."""
    kind: Literal["alert", "milestone", "over"] = "alert"
    """Holds, is good news, or holds no longer."""
    deal_id: str = ""
    """The deal's id."""
    side: str = ""
    """The side of its line on which it is, such as "below 70%"; a text of one's own has none."""
    due: str = ""
    """The deal's amount and date."""

    def __str__(self) -> str:
        return self.words

    @property
    def tone(self) -> Literal["alarm", "standing", "news"]:
        """The tone in which an alert is said."""
        return "news" if self.kind != "alert" else "standing" if self.new is False else "alarm"

    @property
    def words(self) -> str:
        """The sentence with the side of its line, and whether it is news."""
        if not self.side:
            return self.sentence
        way = "" if self.new is None else "now " if self.new else "still "
        due = self.due and f"; {self.due}"
        line = f"{way}{self.side}{due}."
        return f"{self.sentence}, {line}" if self.sentence else text.capital(line)

    def follow(self, sentence: str) -> Alert:
        """Leave out what a sentence before it begins with."""
        repeats = self.side and sentence.startswith(self.sentence)
        return replace(self, sentence="") if repeats else self


_MOST = 3
"""Alerts that are said, and deals that are named of those that still meet a condition."""
_ASKS = ("alert_when", "alert_deals_when")
_TONES = ("alarm", "news", "standing")
"""The order in which a page says them."""


@dataclass(frozen=True)
class Watched:
    """The alerts of an org file, judged for one page."""

    alerts: tuple[Alert, ...] = ()
    """What holds, the new ones first, deals last."""
    milestones: tuple[Alert, ...] = ()
    """Those passed in the current period, the highest first."""
    find_end: Callable[[str], Alert | None] = lambda key: None
    """Says what no longer holds by its key, without a sentence where that is not known; None where
    nobody asks any more."""

    @property
    def lines(self) -> tuple[Alert, ...]:
        """Lines of the page: its alerts, and the newest milestone if it is new.

        A milestone is new if it was passed since the earlier record. It comes before the alerts
        that still hold.
        """
        passed = [one for one in self.milestones[:1] if one.new]
        return fold_alerts(
            sorted([*self.alerts, *passed], key=lambda alert: _TONES.index(alert.tone))
        )

    def follow_up(
        self, told: Collection[str]
    ) -> tuple[tuple[Alert, ...], tuple[Alert, ...], tuple[str, ...]]:
        """Compare with what somebody was last told, by its keys.

        Returns what began, ended and was passed since; what still holds; and the keys then known.
        """
        holding = {alert.key: alert for alert in (*self.alerts, *self.milestones)}
        begun = [replace(alert, new=True) for alert in self.alerts if alert.key not in told]
        stand = [replace(alert, new=False) for alert in self.alerts if alert.key in told]
        passed = [one for one in self.milestones[:1] if one.key not in told]
        ends = {key: self.find_end(key) for key in told if key not in holding}
        over = [end for end in ends.values() if end and end.sentence]
        settled = [key for key, end in ends.items() if end and not end.sentence]
        news = sorted([*begun, *over, *passed], key=lambda alert: bool(alert.deal))
        return fold_alerts(news), fold_alerts(stand), (*holding, *settled)


def fold_alerts(alerts: Sequence[Alert]) -> tuple[Alert, ...]:
    """Keep the first few, deals that still meet a condition in one line, and count the rest."""
    still = [alert for alert in alerts if alert.deal and alert.tone == "standing"]
    lines = [alert for alert in alerts if alert not in still]
    if still:
        deals, sides = {one.deal_id: one.deal for one in still}, {one.side for one in still}
        many, names = text.spelled(len(deals), "deal"), text.joined(deals.values(), most=_MOST)
        side = f"still {sides.pop()}" if len(sides) == 1 and "" not in sides else "as before"
        lines.append(Alert(f"{text.capital(many)} {side}: {names}.", new=False, deal=names))
    if len(lines) > _MOST:
        rest = text.capital(text.spelled(len(lines) - _MOST, "more alert"))
        lines = [*lines[:_MOST], Alert(f"{rest}.", new=False)]
    return tuple(lines)


def alerts(context: Context) -> Answer:
    """Say what the org file asks to be told of and holds today, the new ones first."""
    watched = judge_alerts(context)
    shown = [*watched.alerts, *watched.milestones]
    new = sum(one.new is True for one in shown)
    asked = any(name in context.org.report for name in (*_ASKS, "milestones"))
    none = "No alert holds" if asked else "The org file sets no alert"
    number = text.spelled(len(shown), "alert")
    headline = Sentence.of(
        f"{number} {'holds' if len(shown) == 1 else 'hold'}, {new or 'none'} new"
    )
    rows = tuple(_make_row(context, alert) for alert in shown)
    return Answer(
        key="alerts",
        context=context,
        title="Alerts",
        finding=headline if shown else Sentence.of(none),
        tables=(Table("alerts", ("new", "sentence"), rows),) if rows else (),
    )


def _make_row(context: Context, alert: Alert) -> Row:
    deal = Piece("deal", alert.deal, id=alert.deal_id)
    return Row(
        alert.key,
        deal if alert.deal else Piece("text", text.capital(context.name)),
        {} if alert.new is None else {"new": alert.new},
        {"sentence": Sentence.of(alert.words.removesuffix("."))},
        kind=alert.kind,
        says=Sentence.of(f": {alert.words}"),
    )


def judge_alerts(context: Context) -> Watched:
    """Judge what the org file asks to be told of, for the subject of a page."""
    judged = judge_forecast(
        context.org.report,
        tables.alert_figures(context),
        tables.earlier_figures(context),
        label=context.label,
        period=context.name,
        currency=context.org.currency,
        # A person without a target has no chance of one, which the page of everybody need not hear
        # sixty times.
        warns=context.part is None,
    )
    deals = _Deals.of(context)
    ended = {alert.key: alert for alert in judged if alert.kind == "over"}
    holding = [*(alert for alert in judged if alert.kind == "alert"), *deals.list_alerts(context)]
    return Watched(
        # Those on the forecast before deals, among both the new ones first.
        tuple(sorted(holding, key=lambda alert: (alert.new is False, bool(alert.deal)))),
        tuple(one for one in judged if one.kind == "milestone"),
        lambda key: ended[key] if key in ended else deals.find_end(key),
    )


_SAID = {
    "p_target": "{period} is {figure} likely to hit {target}",
    "expected": "Forecast for {period} is {figure}",
    "expected / target": "Forecast {expected} is {figure} of target",
    "booked": "{period} has {figure} closed",
    "booked / target": "Closed {booked} is {figure} of target",
    "attainment": "Closed {booked} is {figure} of target",
    "gap": "{period} has {figure} to go",
    "open_value": "{period} has {figure} open and due",
    "pipeline_coverage": "{period} has {figure} coverage of what is to go",
    "needed_pipeline": "{period} needs {figure} more pipeline: {gap} to go, {open_value} due",
    "world_changed": "Changes of new deals or the share won beyond chance: {figure}",
}
"""Sentences on the forecast by the column that is compared, or by the two of a ratio."""


def judge_forecast(
    settings: Mapping[str, Any],
    row: Series,
    earlier: Series | None = None,
    *,
    label: str,
    period: str,
    currency: str | None,
    warns: bool = True,
) -> list[Alert]:
    """Judge the current period's row by ``alert_when`` and the ``milestones``.

    Each condition is judged; of the milestones the highest comes first.

    `earlier` is the row as of the record that changes are counted from, `label` that of the period.
    What does not hold is said as over, without a sentence where that is not known, or of a
    milestone; if it `warns`, a condition on an unknown figure is warned of.
    """
    now: Any = row.to_dict()
    before: Any = None if earlier is None else earlier.to_dict()
    own, alerts = _read_texts(settings), []
    written = {str(name): _write(str(name), float(now[name]), currency) for name in now}
    for condition in read_conditions(settings, _ASKS[0], row.index):
        key, holds = f"{label} {condition.text}", condition.judge(now)
        if holds is None and warns:
            unknown = [name for name in condition.columns if math.isnan(row[name])]
            why = f"{text.joined(unknown)} is not known" if unknown else "it divides by zero"
            why = f"alert_when={condition.text!r} cannot be judged for {period}: {why}"
            DataWarning.warn(why)
        if holds is None:
            alerts.append(Alert("", key=key, kind="over"))
            continue
        comparison = condition.comparison
        names = (
            f"{comparison.column}{comparison.base and f' / {comparison.base}'}"
            if comparison
            else ""
        )
        cells = _find_words(condition, comparison, now, written, currency) | {"period": period}
        message = _SAID.get(names, "{period}: {said}").format_map(cells)
        if holds:
            new = None if before is None else not condition.judge(before)
            words = own.get(condition.text) or (comparison and own.get(comparison.column))
            message = text.capital(text.one_line(words.format_map(cells) if words else message))
            alerts.append(Alert(message, new, key, side="" if words else cells["bound"]))
        else:
            message = f"{text.capital(message)}; no longer {cells['bound']}."
            alerts.append(Alert(message, key=key, kind="over"))
    closed, target = (text.money(row[name], currency) for name in ("booked", "target"))
    for share in sorted(settings.get("milestones") or (), reverse=True):
        part = f"{text.percent(share, 0 if round(share, 2) == share else 1)} of target"
        if not _passes(row, share):
            alerts.append(Alert("", key=f"{label} {part}", kind="over"))
            continue
        what = "reached its target" if share == 1 else f"passed {part}"
        sentence = f"{text.capital(period)} {what}: {closed} of {target} closed."
        new = None if earlier is None else not _passes(earlier, share)
        alerts.append(Alert(sentence, new, f"{label} {part}", kind="milestone"))
    return alerts


def _passes(row: Series, share: float) -> bool:
    return bool(row["target"] > 0 and row["booked"] >= share * row["target"] - HALF_CENT)


def _read_texts(settings: Mapping[str, Any]) -> dict[str, str]:
    return {
        " ".join(key.split()): words for key, words in (settings.get("alert_text") or {}).items()
    }


def _find_words(
    condition: Condition,
    comparison: Comparison | None,
    figures: Mapping[str, float],
    written: dict[str, str],
    currency: str | None,
) -> dict[str, str]:
    """Add to the columns as `written` a condition, and the `comparison` in it.

    Of that the figure, and the side of its line.
    """
    cells = written | {"condition": condition.text}
    if comparison is None:
        sentence = text.joined(
            f"{_name_figure(name)} is {cells[name]}" for name in condition.columns
        )
        return cells | {"said": sentence, "bound": f"meeting {condition.text}"}
    figure, line = _write_pair(comparison, comparison.measure(figures), currency)
    sentence = f"{_name_figure(comparison.column)} is {figure}"
    sentence += f" of {text.label(comparison.base)}" if comparison.base else ""
    return cells | {
        "said": sentence,
        "figure": figure,
        "line": line,
        "bound": f"{comparison.word} {line}",
    }


def _name_figure(column: str) -> str:
    return "chance in its period" if column == "period_chance" else text.label(column)


def _write_pair(comparison: Comparison, figure: float, currency: str | None) -> tuple[str, str]:
    """Write a figure and its line, finer where rounding hides on which side of it the figure is."""
    column = "" if comparison.base else comparison.column
    for fine in (False, True):
        one, other = (
            _write(column, number, currency, fine) for number in (figure, comparison.line)
        )
        if one != other or figure == comparison.line:
            break
    # A whole share needs no decimals beside a finer one.
    return one.replace(".00%", "%"), other.replace(".00%", "%")


def _write(column: str, figure: float, currency: str | None, fine: bool = False) -> str:
    """Write a figure for reading, that of no column as a share.

    `fine` where rounding hides on which side of a line it is.
    """
    unit = find_unit(column) if column else "rate"
    if unit == "money":
        return text.money(figure, currency, full=fine)
    if unit in ("rate", "percent"):
        return text.percent(figure, 2 * fine)
    return (
        f"{text.number(figure, 2)}×"
        if unit == "ratio" and fine
        else format_cell(column, figure, currency)
    )


@dataclass(frozen=True)
class _Deals:
    """The open deals of a page, and what an org file asks of them."""

    context: Context
    conditions: tuple[Condition, ...]
    own: Mapping[str, str]
    """Sentences of somebody's own by condition."""
    table: pd.DataFrame
    """Open deals by id, the largest first."""
    figures: Mapping[Any, dict[str, float]]
    """What the conditions compare, by id."""

    @classmethod
    def of(cls, context: Context) -> _Deals:
        """Read conditions and deals; refuse a column that the deals do not have."""
        settings = context.org.report
        conditions = tuple(read_conditions(settings, _ASKS[1], None))
        names = dict.fromkeys(name for condition in conditions for name in condition.columns)
        texts = _read_texts(settings)
        own = {one.text: texts[one.text] for one in conditions if one.text in texts}
        said = {name for name in DEAL_FIGURES if f"{{{name}}}" in "".join(own.values())}
        table = tables.measure_deals(context, {*names, *said}) if conditions else pd.DataFrame()
        for condition in conditions:
            for name in condition.columns:
                if name not in table:
                    way_out = (
                        did_you_mean(name, map(str, table)) or f"use some of {text.joined(table)}"
                    )
                    raise ArgumentValueError(
                        f"alert_deals_when={condition.text!r}: the deals have no column "
                        f"{name!r}; {way_out}"
                    )
        for key, words in own.items():
            try:
                check_template(words, (*table, *_WORDS))
            except ArgumentValueError as error:
                raise ArgumentValueError(f"alert_text of {key!r}: {error}") from None
        return cls(context, conditions, own, table, _read_rows(table, names))

    def list_alerts(self, context: Context) -> list[Alert]:
        """List each condition that holds for a deal, the largest deal first.

        Warn of one that can be judged for none.
        """
        judged = [
            [condition.judge(figures) for figures in self.figures.values()]
            for condition in self.conditions
        ]
        for condition, holds in zip(self.conditions, judged, strict=True):
            if holds and set(holds) == {None} and self.context.part is None:
                why = (
                    f"alert_deals_when={condition.text!r} cannot be judged: "
                    f"{text.joined(condition.columns, last='or')} is not known of any open deal"
                )
                DataWarning.warn(why)
        meeting = [
            (key, condition)
            for key, *holds in zip(self.figures, *judged, strict=True)
            for condition, so in zip(self.conditions, holds, strict=True)
            if so
        ]
        if not meeting:
            return []
        names = [*next(iter(self.figures.values()))]
        then = tables.measure_deals_before(context, names, {key for key, _ in meeting})
        before = None if then is None else _read_rows(then, names)
        alerts = []
        for key, condition in meeting:
            was = (before or {}).get(key)
            new = None if before is None else not (was and condition.judge(was))
            named = self._name(self.table.loc[key])
            sentence, *line = self._say(key, condition)
            key_of = f"{key} {condition.text}"
            alerts.append(Alert(sentence, new, key_of, named, "alert", str(key), *line))
        return alerts

    def find_end(self, key: str) -> Alert | None:
        """Say the outcome of a deal that had met a condition.

        Without a sentence where it is not known whether it still does.
        """
        for condition in self.conditions:
            deal = key.removesuffix(f" {condition.text}")
            if deal == key:
                continue
            if deal in self.figures:
                can_tell = condition.judge(self.figures[deal]) is not None
                sentence = self._say(deal, condition)[0] if can_tell else ""
                named = self._name(self.table.loc[[deal]].iloc[0])
                return Alert(sentence, key=key, deal=named, kind="over", deal_id=deal)
            for _, row in self.context.deals[self.context.deals["unique_id"] == deal].iterrows():
                named = self._name(row)
                amount = "" if pd.isna(row["value"]) else f": {self.context.money(row['value'])}"
                sentence = f"{named} was {text.label(row['outcome'])}{amount}."
                return Alert(sentence, key=key, deal=named, kind="over", deal_id=deal)
        return None

    def _name(self, row: Series) -> str:
        """Name a deal and its owner, whom their own page need not name."""
        part, owner = self.context.part, row.get("owner_name")
        mine = part is not None and part.column == "owner_name"
        name, whose = (text.isolate(text.one_line(one)) for one in (row["name"], owner))
        return name if mine or pd.isna(owner) else f"{name} ({whose})"

    def _say(self, key: Any, condition: Condition) -> tuple[str, str, str]:
        """Say that a deal meets a condition, the side of the line, and when it is due.

        Or that it does no longer.
        """
        figures, currency = self.figures[key], self.context.org.currency
        holds = condition.judge(figures)
        comparison = next(
            (one for one in condition.comparisons if one.judge(figures) == holds), None
        )
        written = {column: self._write(key, column) for column in map(str, self.table)}
        cells = _find_words(condition, comparison, figures, written, currency)
        cells |= {"deal": self._name(self.table.loc[key]), "due": self._say_due(key)}
        usual = "{deal}: {said}" if holds else "{deal}: {said}, no longer {bound}."
        own = self.own.get(condition.text) if holds else None
        line = (cells["bound"], cells["due"]) if holds and not own else ("", "")
        return (text.one_line((own or usual).format_map(cells)), *line)

    def _say_due(self, key: Any) -> str:
        """Say when a deal is due, and of what amount: "$68K due Nov 28"."""
        value, date = (self.table[name].loc[key] for name in ("value", "close_date"))
        amount = "no amount" if pd.isna(value) else self.context.money(value)
        if pd.isna(date):
            return f"{amount}, no close date"
        was = "was " if date < self.context.known_day else ""
        return f"{amount}{',' if pd.isna(value) else ''} {was}due {self.context.write_day(date)}"

    def _write(self, key: Any, column: str) -> str:
        value = self.table[column].loc[key]
        if column == "stage":
            return text.stage(value)
        if isinstance(value, pd.Timestamp) and value.tzinfo is None:
            return self.context.write_day(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return _write(column, float(value), self.context.org.currency)
        return text.isolate(text.one_line(format_cell(column, value, self.context.org.currency)))


def _read_rows(table: pd.DataFrame, names: Collection[str]) -> dict[Any, dict[str, float]]:
    return dict(zip(table.index, read_figures({name: table[name] for name in names}), strict=True))


_WORDS = ("condition", "deal", "due", "figure", "line", "bound")
"""What the sentence of a deal may hold beside its columns; the last three where the condition
compares a column with a line."""
