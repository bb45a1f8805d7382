"""A choice in the explorer (view, filters, grouping, window), and its deals, with the code that selects the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from functools import cached_property, partial
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.arguments import number, one_of
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.history import History, holds_part
from opp_analytics.inputs import read_amount
from opp_analytics.org import DEFAULT, Org, get_org, merge_orgs
from opp_analytics.periods import as_date, read_period
from opp_analytics.schema import BadCell
from opp_analytics.widgets.messages import read_days, write_refusal

FILTERS = {
    "pipeline": ("owners", "stages", "value", "close", "text"),
    "win_rates": ("owners", "value", "text"),
    "forecast": ("owners", "stages", "value", "text"),
    "changes": ("owners", "stages", "value", "close", "text"),
    "slippage": ("owners", "stages", "value", "text"),
}
"""Filters with an effect in each view; one set in another view stays, unused."""
VIEWS = tuple(FILTERS)
_BY = {
    "pipeline": "stage",
    "win_rates": "owner_name",
    "forecast": "M",
    "changes": "movement",
    "slippage": "all",
}
"""Usual grouping of each view."""


@dataclass(frozen=True)
class Choice:
    """A choice; without filters it is all deals."""

    view: str = "pipeline"
    owners: tuple[str | None, ...] = ()
    stages: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    """Bounds of the value, both included."""
    first: str | None = None
    last: str | None = None
    """Bounds of the close date, ISO, both included."""
    text: str = ""
    """Part of the deal's name."""
    by: str = ""
    """Grouping of the view; its usual one when empty."""
    start: str | None = None
    end: str | None = None
    """Moments of two records, ISO; None is the usual one."""
    due: str | None = None
    """Period of the close date for changes, such as 2026-12."""
    target: float | None = None
    """Target of a period for the forecast."""

    @classmethod
    def of(cls, state: Mapping[str, Any] | None, *, org: Org = DEFAULT, today: date | None = None) -> Choice:
        """Read the choice in a state; entries it lacks are the usual ones, and money and days may be text."""
        if state is None:
            return cls()
        if not isinstance(state, Mapping):
            raise ArgumentTypeError(f"state={state!r} is not a mapping; use the .state of an explorer")
        entries = {field.name for field in fields(cls)}
        unknown = sorted(set(map(str, state)) - entries)
        if unknown:
            raise ArgumentValueError(
                f"state has an unknown entry {unknown[0]!r}; it may have {', '.join(sorted(entries))}"
            )
        read = {name: _check_entry(name, value, org, today) for name, value in state.items()}
        choice = replace(cls(), **read)
        one_of(choice.view, "state['view']", VIEWS)
        return choice

    @property
    def state(self) -> dict[str, Any]:
        """The choice as plain JSON."""
        return {n: list(value) if isinstance(value, tuple) else value for n, value in asdict(self).items()}

    @property
    def grouping(self) -> str:
        """The view's grouping."""
        return self.by or _BY[self.view]

    def has(self, name: str) -> bool:
        """Tell whether a filter is set and has an effect in the view."""
        return name in FILTERS[self.view] and self.sets(name)

    def picks(self, *, but: str = "") -> bool:
        """Tell whether any filter has an effect, other than one."""
        return any(self.has(name) for name in FILTERS[self.view] if name != but)

    def sets(self, name: str) -> bool:
        """Tell whether a filter is set."""
        match name:
            case "value":
                return self.low is not None or self.high is not None
            case "close":
                return self.first is not None or self.last is not None
            case _:
                return bool(getattr(self, name))


def _check_entry(name: str, value: Any, org: Org, today: date | None) -> Any:
    if isinstance(value, str) and name in ("low", "high", "target", "first", "last"):
        try:
            return _read_bound(name, value, org, today) if value.strip() else None
        except BadCell as reason:
            raise ArgumentValueError(write_refusal(value, str(reason))) from None
    if name in ("owners", "stages"):
        if isinstance(value, str) or not isinstance(value, (list, tuple)):
            raise ArgumentTypeError(f"state[{name!r}]={value!r} is not a list of names")
        return tuple(None if each is None else _check_text(name, str(each)) for each in value)
    if name in ("low", "high", "target"):
        if value is not None:
            number(value, f"state[{name!r}]", example=50_000)
        return value
    if value is not None:
        _check_text(name, value)
    if name == "due" and value:
        return read_period(value)
    return value or ("" if name in ("text", "by", "view") else None)


def _read_bound(name: str, typed: str, org: Org, today: date | None) -> float | str:
    """Read a typed amount or day; of a period, the day at that bound."""
    if name not in ("first", "last"):
        return read_amount(typed, org.currency, decimal_comma=org.decimal_comma)
    first, last = read_days(typed, org, today=today)
    return str((first if name == "first" else last).date())


def _check_text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ArgumentTypeError(f"state[{name!r}]={value!r} is not text")
    if not text.is_whole(value):
        raise ArgumentValueError(f"state[{name!r}]={value!r} holds half of a character; type it again")
    return value


@dataclass(frozen=True)
class _Filter:
    """A condition on one column; its mask and its code are made from this."""

    column: str
    test: str
    """in, contains, >= or <=."""
    operand: Any

    def mask(self, frame: pd.DataFrame) -> Any:
        """Mark the rows that meet the condition."""
        cells = frame[self.column]
        if self.test == "in":
            among = cells.isin(self._names)
            return among | cells.isna() if None in self.operand else among
        if self.test == "contains":
            return cells.str.contains(self.operand, case=False, regex=False, na=False)
        return cells >= self.operand if self.test == ">=" else cells <= self.operand

    def write_code(self, frame: str) -> str:
        """Write the mask as code, for a frame with this name."""
        cells = f'{frame}["{self.column}"]'
        if self.test == "in":
            blank = f" | {cells}.isna()" if None in self.operand else ""
            return f"{cells}.isin({self._names!r}){blank}"
        if self.test == "contains":
            return f"{cells}.str.contains({self.operand!r}, case=False, regex=False, na=False)"
        return f"{cells} {self.test} {self.operand!r}"

    @property
    def _names(self) -> list[str]:
        return [name for name in self.operand if name is not None]


def _plain(bound: float) -> float | int:
    """Drop the ".0" of a whole number, which nobody types."""
    return int(bound) if float(bound).is_integer() else bound


def _deal_filters(choice: Choice) -> list[_Filter]:
    """List the filters in effect, except the owner's."""
    filters = [_Filter("stage", "in", choice.stages)] if choice.has("stages") else []
    if choice.has("value"):
        bounds = ((">=", choice.low), ("<=", choice.high))
        filters += [_Filter("value", test, _plain(bound)) for test, bound in bounds if bound is not None]
    if choice.has("close"):
        days = ((">=", choice.first), ("<=", choice.last))
        filters += [_Filter("close_date", test, day) for test, day in days if day is not None]
    if choice.has("text"):
        filters.append(_Filter("name", "contains", choice.text))
    return filters


def _list_filters(choice: Choice) -> list[_Filter]:
    owners = [_Filter(name, "in", values) for name, values in _owner_columns(choice).items()]
    return owners + _deal_filters(choice)


def _keep(frame: pd.DataFrame, filters: list[_Filter]) -> pd.DataFrame:
    for each in filters:
        frame = frame[each.mask(frame)]
    return frame


class DealSelector:
    """Selects the deals of choices, from the opportunities as they are now and their history."""

    def __init__(self, opportunities: pd.DataFrame, history: History | None) -> None:
        recorded = [] if history is None else list(history.records["recorded_at"])
        # At the rates of one day, so that no difference between two records is exchange.
        rated = history.at_rates_of(recorded[-1]) if history is not None and recorded else history
        self.opportunities, self.history, self.is_rated = opportunities, rated, rated is not history
        self.moments = {moment.isoformat(): moment for moment in recorded}
        """Times of the records, by their ISO text."""
        names = ("the frame's org", "the history's")
        self.org = merge_orgs(get_org(opportunities), get_org(history), names=names) or DEFAULT

    @cached_property
    def is_part(self) -> bool:
        """True if the opportunities are only a part of their pipeline."""
        return holds_part(self.opportunities, self.history)

    def to_day(self, moment: str) -> pd.Timestamp:
        """Convert a moment to its day in the organization's zone."""
        return as_date(moment, tz=self.org.zone(None))

    def spell(self, moment: str) -> str:
        """Spell the moment of a record for code, without fractions of a second where that is the same record."""
        at = pd.Timestamp(moment)
        later = at.ceil("s")
        others = [other for other in self.moments.values() if at < other <= later]
        if others or moment not in self.moments or self.to_day(str(later)) != self.to_day(moment):
            return moment
        return later.isoformat().replace("+00:00", "Z")

    def select(self, choice: Choice, moment: str | None) -> pd.DataFrame:
        """Select deals as of a record; at the last one, or without a history, as they are now."""
        frame = self.opportunities if self.is_now(moment) else self.read_record(moment)
        return _keep(frame, _list_filters(choice))

    def write_code(self, choice: Choice, moment: str | None, name: str = "deals") -> list[str]:
        """Write the lines that select deals as of a record, under a name."""
        source = "opportunities" if self.is_now(moment) else f'history.as_of("{self.spell(str(moment))}")'
        masks = [each.write_code(name) for each in _list_filters(choice)]
        return [f"{name} = {source}", *(f"{name} = {name}[{mask}]" for mask in masks)]

    def select_history(self, choice: Choice) -> History | None:
        """Select the history of deals: an owner's while they had them, other filters once, at the window's start.

        None when no deal is selected.
        """
        assert self.history is not None
        history, columns = self.history, self._pick(choice)
        if not columns:
            return None if columns is None else history
        key = ("explored part", *((name, tuple(values)) for name, values in columns.items()))
        part: History = history.remember(key, lambda: history.where(**columns))
        return part

    def select_recorded(self, choice: Choice, moment: str) -> pd.DataFrame:
        """Select the deals of this history as of a record."""
        frame, columns = self.read_record(moment), self._pick(choice)
        if columns is None:
            return frame.iloc[:0]
        return _keep(frame, [_Filter(name, "in", values) for name, values in columns.items()])

    def _pick(self, choice: Choice) -> dict[str, list[Any]] | None:
        """Pick the columns' values of the selected deals; None when no deal is selected."""
        columns: dict[str, list[Any]] = {**_owner_columns(choice)}
        filters = _deal_filters(choice)
        if filters:
            first = _keep(self._first(choice), filters)
            if first.empty:
                return None
            columns["unique_id"] = first["unique_id"].tolist()
        return columns

    def write_history_code(self, choice: Choice) -> list[str]:
        """Write the lines that select the same history, as ``chosen``."""
        owners = [f"{name}={values!r}" for name, values in _owner_columns(choice).items()]
        filters = _deal_filters(choice)
        if not filters:
            return [f"chosen = history.where({owners[0]})" if owners else "chosen = history"]
        start = self.spell(str(choice.start))
        lines = [f'first = history.as_of("{start}")']
        if choice.view == "changes":
            lines = [
                "new = history.changes().query(\"operation == 'new'\")",
                f'first = pd.concat([history.as_of("{start}"), new]).drop_duplicates("unique_id")',
            ]
        lines += [f"first = first[{each.write_code('first')}]" for each in filters]
        columns = ", ".join([*owners, 'unique_id=first["unique_id"].tolist()'])
        return [*lines, f"chosen = history.where({columns})"]

    def is_now(self, moment: str | None) -> bool:
        """Tell whether a moment is that of the last record, or no record's."""
        return moment not in self.moments or moment == next(reversed(self.moments))

    def read_record(self, moment: str | None) -> pd.DataFrame:
        """Read all deals as of a record."""
        assert self.history is not None
        read = partial(self.history.as_of, str(moment))
        frame: pd.DataFrame = self.history.remember(("explored record", moment), read)
        return frame

    def _first(self, choice: Choice) -> pd.DataFrame:
        """Take deals as they were at the window's start; for changes, later ones as first recorded."""
        first = self.read_record(choice.start)
        if choice.view != "changes":
            return first
        assert self.history is not None
        history = self.history
        new = history.remember(("explored new",), lambda: history.changes().query("operation == 'new'"))
        both: pd.DataFrame = pd.concat([first, new])
        return both.drop_duplicates("unique_id")


def _owner_columns(choice: Choice) -> dict[str, list[str | None]]:
    return {"owner_name": list(choice.owners)} if choice.has("owners") else {}
