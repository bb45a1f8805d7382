"""A choice in the explorer, its deals and their facts, and the code that selects them.

A choice has a view, filters, a grouping and a window.
"""

from __future__ import annotations

import copy
import operator
import re
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import date
from functools import cached_property
from keyword import iskeyword
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd
from msgspec import structs

from opp_analytics import text
from opp_analytics.analysis import OpenDeals, flag_deals, forecast_deals, select_own_chances
from opp_analytics.api import Client
from opp_analytics.arguments import number, one_of
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.history import History, Memory, holds_part
from opp_analytics.inputs import read_amount
from opp_analytics.org import DEFAULT, Org, get_org, merge_orgs
from opp_analytics.periods import When, as_date, as_instant, as_period, read_period, to_dates
from opp_analytics.schema import BadCell, is_blank
from opp_analytics.widgets.messages import read_days, write_refusal
from opp_analytics.widgets.widget import name_orgs
from opp_analytics.writer import own_writes

_ALL = ("names", "stage", "value", "close", "text", "picked")


def _without(*names: str) -> tuple[str, ...]:
    return tuple(name for name in _ALL if name not in names)


FILTERS = {
    "pipeline": _ALL,
    "win_rates": _without("stage", "close"),
    "forecast": _without("close"),
    "changes": _ALL,
    "slippage": _without("close"),
    "at_risk": _ALL,
}
"""Filters with an effect in each view; one set in another view stays, unused. ``names`` are columns
other than the stage."""
VIEWS = tuple(FILTERS)
_BY = {
    "pipeline": "stage",
    "win_rates": "owner_name",
    "forecast": "M",
    "changes": "movement",
    "slippage": "all",
    "at_risk": "flag",
}
"""Usual grouping of each view."""
_ALIASES = {"owners": "owner_name", "stages": "stage"}
"""Entries of a state that are columns in ``where``."""
PRESETS = ("overdue", "this month", "next month", "this quarter", "next quarter", "no date")
"""Close dates that follow the day of the window's end."""


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A choice; without filters it is all deals."""

    view: str = "pipeline"
    where: dict[str, tuple[str | int | float | bool | None, ...]] = {}
    """Values of columns of names, None for a blank one."""
    low: float | None = None
    high: float | None = None
    """Bounds of the value, both included."""
    first: str | None = None
    last: str | None = None
    """Bounds of the close date, ISO, both included."""
    close: str = ""
    """One of `PRESETS`, instead of bounds."""
    text: str = ""
    """Part of the deal's name."""
    picked: tuple[str, ...] = ()
    """Ids of deals picked by hand."""
    by: str = ""
    """Grouping of the view; its usual one when empty."""
    start: str | None = None
    end: str | None = None
    """Moments of two records, ISO; None is the usual one."""
    due: str | None = None
    """Period of the close date for changes, such as 2026-12."""
    target: float | None = None
    """Target of a period for the forecast."""
    planned: bool = False
    """With the planned changes of the explorer's grid, if it has one."""

    @classmethod
    def of(
        cls, state: Mapping[str, Any] | None, *, org: Org = DEFAULT, today: date | None = None
    ) -> Choice:
        """Read the choice in a state.

        Entries it lacks are the usual ones, and money and days may be text.

        ``owners`` and ``stages`` are short for ``where={"owner_name": …, "stage": …}``.
        """
        if state is None:
            return cls()
        if not isinstance(state, Mapping):
            raise ArgumentTypeError(
                f"state={state!r} is not a mapping; use the .state of an explorer"
            )
        try:
            choice = msgspec.convert(_read_typed(state, org, today), cls)
            msgspec.json.encode(choice)
        except msgspec.ValidationError as unfit:
            raise ArgumentTypeError(
                f"state is not an explorer's: {unfit}; use the .state of an explorer"
            ) from None
        except UnicodeEncodeError:
            raise ArgumentValueError(
                "state holds half of a character; type its text again"
            ) from None
        one_of(choice.view, "state['view']", VIEWS)
        one_of(choice.close, "state['close']", ("", *PRESETS))
        due = read_period(choice.due) if choice.due else None
        if due:
            as_period(due, org.freq("Q") if "Q" in due else "M", name="state['due']")
        where = {column: values for column, values in choice.where.items() if values}
        return structs.replace(choice, due=due, where=where)

    @property
    def state(self) -> dict[str, Any]:
        """The choice as plain JSON."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return plain

    @property
    def names(self) -> dict[str, list[Any]]:
        """The chosen values by column, but for the stage, where they have an effect."""
        where = self.where if "names" in self.filters else {}
        return {column: list(values) for column, values in where.items() if column != "stage"}

    @property
    def grouping(self) -> str:
        """The view's grouping."""
        return self.by or _BY[self.view]

    @property
    def filters(self) -> tuple[str, ...]:
        """The filters with an effect in the view."""
        return FILTERS[self.view]

    def has(self, name: str) -> bool:
        """Tell whether a filter is set and has an effect in the view."""
        return name in self.filters and self.sets(name)

    def picks(self, *, but: str = "") -> bool:
        """Tell whether any filter has an effect, other than one."""
        return any(self.has(name) for name in self.filters if name != but)

    def sets(self, name: str) -> bool:
        """Tell whether a filter is set."""
        match name:
            case "stage":
                return "stage" in self.where
            case "names":
                return any(column != "stage" for column in self.where)
            case "value":
                return self.low is not None or self.high is not None
            case "close":
                return bool(self.close) or self.first is not None or self.last is not None
            case _:
                return bool(getattr(self, name))


def _read_typed(state: Mapping[str, Any], org: Org, today: date | None) -> dict[str, Any]:
    """Read the bounds of a state, which may be text, and its short names of columns."""
    read = {**state}
    for name in ("low", "high", "target", "first", "last"):
        if isinstance(read.get(name), str):
            read[name] = _read_bound(name, read[name].strip(), org, today)
        elif name not in ("first", "last") and read.get(name) is not None:
            read[name] = float(number(read[name], f"state[{name!r}]", example=50_000))
    # A preset that is typed into a bound.
    typed = [read[name] for name in ("first", "last") if read.get(name) in PRESETS]
    if typed or read.get("close"):
        read |= {"first": None, "last": None, "close": typed[0] if typed else read["close"]}
    named = {column: read.pop(short) for short, column in _ALIASES.items() if short in read}
    if named and isinstance(where := read.get("where", {}), Mapping):
        read["where"] = {**where, **named}
    return read


def _read_bound(name: str, typed: str, org: Org, today: date | None) -> float | str | None:
    """Read a typed amount or day; of a period, the day at that bound."""
    if not typed:
        return None
    try:
        if name not in ("first", "last"):
            return read_amount(typed, org.currency, decimal_comma=org.decimal_comma)
        if typed.casefold() in PRESETS:
            return typed.casefold()
        first, last = read_days(typed, org, today=today)
    except BadCell as reason:
        raise ArgumentValueError(write_refusal(typed, reason)) from None
    return str((first if name == "first" else last).date())


_Test = tuple[Callable[[Any, Any], Any], str]
_TESTS: dict[str, _Test] = {
    "in": (lambda cells, names: cells.isin(names), "{0}.isin({1!r})"),
    "in or blank": (
        lambda cells, names: cells.isin(names) | cells.isna(),
        "{0}.isin({1!r}) | {0}.isna()",
    ),
    "contains": (
        lambda cells, part: cells.str.contains(part, case=False, regex=False, na=False),
        "{0}.str.contains({1!r}, case=False, regex=False, na=False)",
    ),
    "blank": (lambda cells, _: cells.isna(), "{0}.isna()"),
    ">=": (operator.ge, "{0} >= {1!r}"),
    "<=": (operator.le, "{0} <= {1!r}"),
}
"""The tests of a filter: what marks the rows, and the same as code."""


class _Filter(NamedTuple):
    """A condition on one column."""

    column: str
    test: str
    operand: Any = None
    today: pd.DataFrame | None = None
    """The opportunities of today, where the condition is on them and not on the filtered frame."""

    def mask(self, frame: pd.DataFrame) -> Any:
        """Mark the rows that meet the condition."""
        if self.today is not None:
            met = self._replace(today=None).mask(self.today)
            return frame["unique_id"].isin(self.today["unique_id"][met])
        return _TESTS[self.test][0](frame[self.column], self.operand)

    def write_code(self, frame: str, now: str) -> str:
        """Write the mask as code, for a frame with this name.

        `now` is the name of the opportunities of today.
        """
        if self.today is not None:
            ids = f'{now}["unique_id"][{self._replace(today=None).write_code(now, now)}]'
            return f'{frame}["unique_id"].isin({ids})'
        cells = (
            f'{frame}["{self.column}"]' if '"' not in self.column else f"{frame}[{self.column!r}]"
        )
        return _TESTS[self.test][1].format(cells, self.operand)


def _among(column: str, values: Sequence[Any], today: pd.DataFrame | None = None) -> _Filter:
    """Keep these values of a column, None for a blank one."""
    names = [name for name in values if name is not None]
    return _Filter(column, "in" if len(names) == len(values) else "in or blank", names, today)


def _between(column: str, low: Any, high: Any) -> list[_Filter]:
    return [
        _Filter(column, test, bound)
        for test, bound in ((">=", low), ("<=", high))
        if bound is not None
    ]


def _fold(name: str) -> str:
    return " ".join(name.split()).casefold()


def _plain(bound: float | None) -> float | int | None:
    """Drop the ".0" of a whole number, which nobody types."""
    return int(bound) if bound is not None and float(bound).is_integer() else bound


def _keep(frame: pd.DataFrame, filters: list[_Filter]) -> pd.DataFrame:
    for each in filters:
        frame = frame[each.mask(frame)]
    return frame


class OpenFacts(NamedTuple):
    """Facts of the open deals as of a record: flags, and how long they are unchanged."""

    flags: pd.DataFrame
    """The table of `oa.deal_flags`."""
    columns: pd.DataFrame
    """By ``unique_id``: ``days_in_stage``, ``pushes``, ``changed_at`` (a day), ``risk``,
    ``reasons``, and ``flags`` in short words."""


class Option(NamedTuple):
    """An option that the copied code spells in words of its own."""

    value: Any
    words: str


class DealSelector:
    """The selector of the deals of choices, and of what is known of them.

    Deals are taken from the opportunities now and from their history.
    """

    def __init__(
        self,
        opportunities: pd.DataFrame,
        history: History | None,
        client: Client | None = None,
    ) -> None:
        recorded = [] if history is None else list(history.records["recorded_at"])
        # At the rates of one day, so that no difference between two records is exchange.
        rated = history.at_rates_of(recorded[-1]) if history is not None and recorded else history
        self.name = "opportunities"
        """The name of the opportunities in code."""
        self.opportunities, self.history, self.is_rated = opportunities, rated, rated is not history
        self.moments = {moment.isoformat(): moment for moment in recorded}
        """Times of the records, by their ISO text."""
        at = opportunities.attrs.get("recorded_at")
        self.now = at if at in self.moments else next(reversed(self.moments), None)
        """The record that the opportunities are: the one they were read from, else the last; None
        without records."""
        names = ("the frame's org", "the history's")
        self.org = merge_orgs(get_org(opportunities), get_org(history), names=names) or DEFAULT
        self.client = client
        # The first org that says so tells where the CRM shows a deal, the targets, and the calls.
        orgs = name_orgs(opportunities, client, history)
        urls = (org.record_url for org in orgs.values() if org.record_url)
        targets = (
            Option(o.targets, f"{name}.targets") for name, o in orgs.items() if len(o.targets)
        )
        calls = (Option(o.calls, f"oa.calls({name})") for name, o in orgs.items() if len(o.calls))
        self.record_url = next(urls, None)
        self.targets, self.calls = next(targets, None), next(calls, None)
        self._memory = Memory()
        """What each click and each step of the slider asks again."""

    def over(self, opportunities: pd.DataFrame, name: str) -> DealSelector:
        """Select from other opportunities of the same pipeline, such as edited ones.

        They have a name of their own in code.
        """
        other = copy.copy(self)
        other.opportunities, other.name = opportunities, name
        vars(other).pop("is_part", None)
        return other

    @cached_property
    def recorded(self) -> frozenset[str]:
        """The columns of the history, with those of people and joined tables."""
        return frozenset() if self.history is None else frozenset(self.history.log.columns)

    @cached_property
    def is_part(self) -> bool:
        """True if the opportunities are only a part of their pipeline."""
        return holds_part(self.opportunities, self.history)

    @property
    def own_writes(self) -> pd.DataFrame | None:
        """The client's own batch writes; None without a client."""
        return None if self.client is None else own_writes(self.client)

    def read_all(self, moment: str | None) -> pd.DataFrame:
        """Read all deals as of a record.

        At that of the opportunities, or without a history, as they are now.
        """
        return self.opportunities if self.is_now(moment) else self.read_record(moment)

    def read_deal(self, unique_id: str, moment: str) -> pd.DataFrame:
        """Read one deal as of a record, as one row; no row where it was not there."""
        frame = self.read_all(moment)
        return frame[frame["unique_id"] == unique_id]

    def _remember(self, *key: Any, make: Callable[[], Any], fact: bool = False) -> Any:
        """Make what is known by a key once; a `fact` is kept, however much else is asked."""
        return self._memory.get(key, True, make, fact=fact)

    def facts_at(self, moment: str) -> OpenFacts:
        """Read what a review asks of the open deals as of a record."""
        facts: OpenFacts = self._remember(
            "facts", self, moment, make=lambda: self._read_facts(moment)
        )
        return facts

    def chances_at(self, moment: str, freq: str) -> pd.Series[Any]:
        """Read each open deal's chance from history in its own period.

        No rows where no history gives it.
        """
        chances: pd.Series[Any] = self._remember(
            "chances", self, moment, freq, make=lambda: self._read_chances(moment, freq)
        )
        return chances

    def _read_facts(self, moment: str) -> OpenFacts:
        frame, history = self.read_all(moment), self.history if self.moments else None
        asked: dict[str, Any] = {"as_of": self.to_day(moment), "own_writes": self.own_writes}
        deals = OpenDeals.of(frame, history, **asked)
        table, ids = flag_deals(deals), pd.Index(deals.frame["unique_id"], name="unique_id")
        found = {"days_in_stage": deals.days_in_stage, "pushes": deals.get_record("pushes")}
        found["changed_at"] = to_dates(deals.changed_at, tz=deals.tz)
        # What the data cannot tell is missing.
        known = {name: np.nan if each is None else each.to_numpy() for name, each in found.items()}
        words = np.full(len(table), "", dtype=object)
        for name, mask in table.select_dtypes("boolean").fillna(False).astype(bool).items():
            words = np.where(
                mask, words + np.where(words == "", "", ", ") + text.label(str(name)), words
            )
        columns = pd.DataFrame(known, index=ids).join(
            table[["risk", "reasons"]].assign(flags=words)
        )
        return OpenFacts(table, columns)

    def _read_chances(self, moment: str, freq: str) -> pd.Series[Any]:
        if self.history is None or not self.moments:
            return pd.Series(dtype="float64")
        asked: dict[str, Any] = {
            "history": self.history,
            "as_of": self.to_day(moment),
            "freq": freq,
        }
        own = select_own_chances(forecast_deals(self.read_all(moment), **asked))
        return own.set_index("unique_id")["chance"].dropna()

    def to_day(self, moment: str) -> pd.Timestamp:
        """Convert a moment to its day in the organization's zone."""
        return as_date(moment, tz=self.org.zone(None))

    def spell(self, moment: str, *, end: bool = False) -> str:
        """Spell a record's moment for code: the day, minute or second that finds this record.

        As an `end` a day is the whole of it.
        """
        if moment not in self.moments:
            return moment
        at, day, zone = self.moments[moment], self.to_day(moment), self.org.zone(None)
        minute, second = (at.ceil(unit).tz_convert("UTC") for unit in ("min", "s"))
        for spelled in (
            str(day.date()),
            f"{minute:%Y-%m-%dT%H:%MZ}",
            f"{second:%Y-%m-%dT%H:%M:%SZ}",
        ):
            until = as_instant(spelled, tz=zone, end=end)
            found = max((each for each in self.moments.values() if each <= until), default=None)
            if found == at and self.to_day(until.isoformat()) == day:
                return spelled
        return moment

    def select(self, choice: Choice, moment: str | None) -> pd.DataFrame:
        """Select deals as of a record.

        At that of the opportunities, or without a history, as they are now.
        """
        frame = self.read_all(moment)
        return _keep(frame, self._list_filters(choice, frame))

    def write_code(self, choice: Choice, moment: str | None, name: str = "deals") -> list[str]:
        """Write the lines that select deals as of a record, under a name."""
        source = self.name if self.is_now(moment) else f'history.as_of("{self.spell(str(moment))}")'
        filters = self._list_filters(choice, self.read_all(moment))
        masks = [each.write_code(name, self.name) for each in filters]
        return [f"{name} = {source}", *(f"{name} = {name}[{mask}]" for mask in masks)]

    def select_history(self, choice: Choice) -> History | None:
        """Select the history of the chosen deals.

        Recorded names select deals while they had them; other filters select once, at the window's
        start.

        None when no deal is selected.
        """
        assert self.history is not None
        history, columns = self.history, self._pick(choice)
        if not columns:
            return None if columns is None else history
        key = ((name, tuple(values)) for name, values in columns.items())
        part: History = self._remember("part", *key, make=lambda: history.where(**columns))
        return part

    def select_recorded(self, choice: Choice, moment: str) -> pd.DataFrame:
        """Select the deals of this history as of a record."""
        frame, columns = self.read_record(moment), self._pick(choice)
        if columns is None:
            return frame.iloc[:0]
        return _keep(frame, [_among(name, values) for name, values in columns.items()])

    def _pick(self, choice: Choice) -> dict[str, list[Any]] | None:
        """Pick the columns' values of the selected deals; None when no deal is selected."""
        columns, filters = self._split(choice)
        if not all(columns.values()):
            return None
        if filters:
            first = _keep(self._first(choice), filters)
            if first.empty:
                return None
            columns["unique_id"] = first["unique_id"].tolist()
        return columns

    def write_history_code(self, choice: Choice) -> list[str]:
        """Write the lines that select the same history, as ``chosen``."""
        columns, filters = self._split(choice)
        plain = all(name.isidentifier() and not iskeyword(name) for name in columns)
        names = (
            [f"{name}={values!r}" for name, values in columns.items()]
            if plain
            else [f"**{columns!r}"]
        )
        if not filters:
            return [
                f"chosen = history.where({', '.join(names)})" if columns else "chosen = history"
            ]
        start = self.spell(str(choice.start))
        lines = [f'first = history.as_of("{start}")']
        if choice.view == "changes":
            lines = [
                "new = history.changes().query(\"operation == 'new'\")",
                f'first = pd.concat([history.as_of("{start}"), new]).drop_duplicates("unique_id")',
            ]
        lines += [f"first = first[{each.write_code('first', self.name)}]" for each in filters]
        where = ", ".join([*names, 'unique_id=first["unique_id"].tolist()'])
        return [*lines, f"chosen = history.where({where})"]

    def is_now(self, moment: str | None) -> bool:
        """Tell whether a moment is that of the opportunities, or no record's."""
        return moment is None or moment not in self.moments or moment == self.now

    def find_record(self, when: When, name: str) -> str:
        """Find the moment of the last record by a day or a time."""
        until = as_instant(when, tz=self.org.zone(None), end=True, name=name)
        found = [moment for moment, at in self.moments.items() if at <= until]
        if not found:
            first, last = (
                text.day(self.to_day(list(self.moments)[place]), year=True) for place in (0, -1)
            )
            raise ArgumentValueError(
                f"{name}={str(when)!r} is before the first record; the records are of {first} to "
                f"{last}"
            )
        return str(found[-1])

    def read_record(self, moment: str | None) -> pd.DataFrame:
        """Read all deals as of a record."""
        assert self.history is not None
        history = self.history
        frame: pd.DataFrame = self._remember(
            "record", moment, make=lambda: history.as_of(str(moment))
        )
        return frame

    def _first(self, choice: Choice) -> pd.DataFrame:
        """Take deals as they were at the window's start.

        For changes, later ones as first recorded.
        """
        first = self.read_record(choice.start)
        if choice.view != "changes":
            return first
        assert self.history is not None
        changes = self.history.changes
        new = self._remember("new", make=lambda: changes().query("operation == 'new'"), fact=True)
        both: pd.DataFrame = pd.concat([first, new])
        return both.drop_duplicates("unique_id")

    def find_ids(self, typed: str) -> tuple[list[str], list[str]]:
        """Find deals by ids or names, one a line, or rows of a spreadsheet.

        And the texts that are no deal's.

        A name of several deals picks all of them, unless its row has an id too.
        """
        by_id: dict[str, list[str]] = {}
        by_name: dict[str, list[str]] = {}
        for one, name in (
            self.opportunities[["unique_id", "name"]].astype("object").itertuples(index=False)
        ):
            by_id[_fold(str(one))] = [str(one)]
            by_name.setdefault(_fold(str(name)), []).append(str(one))

        def find(cell: str) -> list[str]:
            return by_id.get(_fold(cell)) or by_name.get(_fold(cell), [])

        found, unknown = list[str](), list[str]()
        for line in filter(None, map(str.strip, typed.splitlines())):
            in_row = "\t" in line
            cells = [line] if find(line) else line.split("\t") if in_row else re.split("[,;]", line)
            hits = [by_id.get(_fold(cell), []) for cell in cells] if in_row else []
            hits = hits if any(hits) else [find(cell) for cell in cells]
            found += [each for hit in hits for each in hit]
            missing = [
                cell.strip()
                for cell, hit in zip(cells, hits, strict=True)
                if cell.strip() and not hit
            ]
            unknown += missing if not in_row else [] if any(hits) else missing[:1]
        return list(dict.fromkeys(found)), list(dict.fromkeys(unknown))

    # -- filters

    def close_days(self, choice: Choice) -> tuple[str | None, str | None]:
        """Resolve the bounds of the close date.

        The bounds of a preset follow from the day of the window's end.
        """
        if choice.close in ("", "no date"):
            return choice.first, choice.last
        day = self.to_day(str(choice.end))
        if choice.close == "overdue":
            return None, str((day - pd.Timedelta(days=1)).date())
        which, _, freq = choice.close.partition(" ")
        period = pd.Period(day, self.org.freq("M" if freq == "month" else "Q")) + int(
            which == "next"
        )
        return str(period.start_time.date()), str(period.end_time.date())

    def _split(self, choice: Choice) -> tuple[dict[str, list[Any]], list[_Filter]]:
        """Split a choice into values that the history follows, and filters that pick deals once."""
        never = self.list_unrecorded(choice)
        followed = {
            name: [value for value in choice.names[name] if value not in values]
            for name, values in never.items()
        }
        others = {name: values for name, values in choice.where.items() if name not in followed}
        return followed, self._list_filters(structs.replace(choice, where=others), ())

    def list_unrecorded(self, choice: Choice) -> dict[str, list[Any]]:
        """List the chosen names that no deal of the history ever had, by column that it records."""
        names = {name: values for name, values in choice.names.items() if name in self.recorded}
        return {
            name: [value for value in values if value not in self._list_recorded(name)]
            for name, values in names.items()
        }

    def _list_recorded(self, column: str) -> set[Any]:
        """List the values that deals of the history ever had in a column, also as text.

        None for a blank one.
        """
        assert self.history is not None
        history = self.history

        def read() -> set[Any]:
            found = history.collect(history.log.select(column).distinct())[column]
            values = {None if is_blank(value) else value for value in found}
            return values | {str(value) for value in values if value is not None}

        names: set[Any] = self._remember("names", column, make=read, fact=True)
        return names

    def _list_filters(self, choice: Choice, known: Container[str]) -> list[_Filter]:
        """List the filters in effect.

        Of a column that is not known then, today's opportunities are asked.
        """
        names = choice.names.items()
        filters = [
            _among(name, values, None if name in known else self.opportunities)
            for name, values in names
        ]
        if choice.has("stage"):
            filters.append(_among("stage", choice.where["stage"]))
        if choice.has("value"):
            filters += _between("value", _plain(choice.low), _plain(choice.high))
        if choice.has("close"):
            filters += _between("close_date", *self.close_days(choice))
        if choice.has("close") and choice.close == "no date":
            filters.append(_Filter("close_date", "blank"))
        if choice.has("close") and choice.close == "overdue":
            filters.append(_among("stage", self.org.stages.open))
        if choice.has("text"):
            filters.append(_Filter("name", "contains", choice.text))
        if choice.has("picked"):
            filters.append(_among("unique_id", choice.picked))
        return filters
