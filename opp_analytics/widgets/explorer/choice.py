"""A choice in the explorer: a question, whose deals and which, and the code that selects them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec
import pandas as pd
from msgspec import structs

from opp_analytics.answers import CATALOG, Question
from opp_analytics.arguments import one_of
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.org import DEFAULT, Org
from opp_analytics.schema import BadCell, Json
from opp_analytics.widgets.messages import read_days, write_refusal

OPTIONS = ("by", "freq", "period", "since", "start")
"""Options of `oa.ask` that have a control where the question takes them."""
PRESETS = ("overdue", "this month", "next month", "this quarter", "next quarter", "no date")
"""Close dates that follow the day of the question."""


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A choice; without filters it is all deals."""

    question: str = "will_we_make_it"
    part: str = ""
    """Name of a person or a team."""
    where: dict[str, tuple[str | int | float | bool | None, ...]] = {}
    """Values of columns of names, None for a blank one."""
    close: str = ""
    """One of `PRESETS`, instead of bounds."""
    first: str | None = None
    last: str | None = None
    """Bounds of the close date, ISO, both included."""
    by: str = ""
    freq: str = ""
    period: str = ""
    since: str = ""
    start: str = ""
    """Options of `oa.ask`; the usual ones when empty."""
    planned: bool = False
    """With the planned changes of the explorer's grid, if it has one."""

    @classmethod
    def of(cls, state: Json | None, *, org: Org = DEFAULT, today: date | None = None) -> Choice:
        """Read the choice in a state; entries it lacks are the usual ones, and days may be text."""
        if state is None:
            return cls()
        if not isinstance(state, Mapping):
            raise ArgumentTypeError(
                f"state={state!r} is not a mapping; use the .state of an explorer"
            )
        read = dict(state)
        for name in ("first", "last"):
            if isinstance(typed := read.get(name), str):
                read[name] = _read_bound(name, typed.strip(), org, today)
        try:
            choice = msgspec.convert(read, cls)
            msgspec.json.encode(choice)
        except msgspec.ValidationError as unfit:
            raise ArgumentTypeError(
                f"state is not an explorer's: {unfit}; use the .state of an explorer"
            ) from None
        except UnicodeEncodeError:
            raise ArgumentValueError(
                "state holds half of a character; type its text again"
            ) from None
        one_of(choice.question, "state['question']", tuple(CATALOG))
        one_of(choice.close, "state['close']", ("", *PRESETS))
        where = {column: values for column, values in choice.where.items() if values}
        return structs.replace(choice, where=where)

    @property
    def state(self) -> Json:
        """The choice as plain JSON."""
        plain: Json = msgspec.json.decode(msgspec.json.encode(self))
        return plain

    @property
    def asks(self) -> Question:
        """The question of the catalog."""
        return CATALOG[self.question]

    @property
    def options(self) -> dict[str, str]:
        """The set options that the question takes."""
        taken = (name for name in OPTIONS if name in self.asks.options)
        return {name: value for name in taken if (value := getattr(self, name))}

    def list_unused(self) -> list[str]:
        """List what is set and does not change the answer."""
        used = {*self.asks.filters, *self.asks.options}
        used |= {"where", "close"} if "deals" in used else set()
        closes = self.close or self.first or self.last
        sets = {name: getattr(self, name) for name in ("part", "where", *OPTIONS)}
        return [
            name for name, value in {**sets, "close": closes}.items() if value and name not in used
        ]


def _read_bound(name: str, typed: str, org: Org, today: date | None) -> str | None:
    """Read a typed day; of a period, the day at that bound."""
    if not typed:
        return None
    try:
        first, last = read_days(typed, org, today=today)
    except BadCell as reason:
        raise ArgumentValueError(write_refusal(typed, reason)) from None
    return str((first if name == "first" else last).date())


_TESTS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "in": (lambda cells, names: cells.isin(names), "{0}.isin({1!r})"),
    "in or blank": (
        lambda cells, names: cells.isin(names) | cells.isna(),
        "{0}.isin({1!r}) | {0}.isna()",
    ),
    "blank": (lambda cells, _: cells.isna(), "{0}.isna()"),
    "from": (lambda cells, day: cells >= day, "{0} >= {1!r}"),
    "to": (lambda cells, day: cells <= day, "{0} <= {1!r}"),
}
"""The tests of a filter: what marks the rows, and the same as code."""


class Filter(NamedTuple):
    """A condition on one column."""

    column: str
    test: str
    operand: Any = None

    def keep(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Keep the rows that meet the condition."""
        kept: pd.DataFrame = frame[_TESTS[self.test][0](frame[self.column], self.operand)]
        return kept

    def write_code(self, frame: str) -> str:
        """Write the same as code, for a frame with this name."""
        quoted = f'"{self.column}"' if '"' not in self.column else repr(self.column)
        mask = _TESTS[self.test][1].format(f"{frame}[{quoted}]", self.operand)
        return f"{frame} = {frame}[{mask}]"


def list_filters(choice: Choice, org: Org, day: pd.Timestamp) -> list[Filter]:
    """List the filters by which a choice selects deals; none where its question takes none."""
    if "deals" not in choice.asks.filters:
        return []
    filters = [_select_among(column, values) for column, values in choice.where.items()]
    for test, bound in zip(("from", "to"), find_close_days(choice, org, day), strict=True):
        filters += [Filter("close_date", test, bound)] if bound else []
    match choice.close:
        case "no date":
            filters.append(Filter("close_date", "blank"))
        case "overdue":
            filters.append(_select_among("stage", org.stages.open))
    return filters


def _select_among(column: str, values: Sequence[Any]) -> Filter:
    names = [value for value in values if value is not None]
    return Filter(column, "in" if len(names) == len(values) else "in or blank", names)


def find_close_days(choice: Choice, org: Org, day: pd.Timestamp) -> tuple[str | None, str | None]:
    """Find the bounds of the close date, those of a preset by the day of the question."""
    if choice.close in ("", "no date"):
        return choice.first, choice.last
    if choice.close == "overdue":
        return None, str((day - pd.Timedelta(days=1)).date())
    which, _, freq = choice.close.partition(" ")
    period = pd.Period(day, org.freq("M" if freq == "month" else "Q")) + int(which == "next")
    return str(period.start_time.date()), str(period.end_time.date())
