"""What a page may send to its widget: a shape for each kind of message, and large messages joined from their parts; days typed there, and the sentence of a refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from reprlib import Repr
from typing import Any

import pandas as pd

from opp_analytics import inputs, schema, text
from opp_analytics.errors import ArgumentValueError
from opp_analytics.org import Org
from opp_analytics.schema import BadCell

Shape = Callable[[Any], None]
"""Raises `Unfit` for a value of another shape."""
PART_LOST = "A part of a large edit was lost on the way, so nothing of it was done. Do it again."
_LONGEST = 100_000
"""Characters of a text: three times what a cell of Excel holds."""
_LARGEST_PART = 2**20
_MOST_PARTS = 500
"""More than the largest paste: a million rows of eight short cells have 100 MB."""
_MOST_VIEWS = 4
"""Views whose large messages are joined at the same time."""
_quote = Repr()
_quote.maxstring = _quote.maxother = _quote.maxlong = 60


class Unfit(Exception):
    """A value that does not have its shape; the place is completed from the inside out."""

    def __init__(self, value: Any, wanted: str) -> None:
        super().__init__(wanted)
        self.value, self.wanted, self.place = value, wanted, ""

    def put_in(self, place: str) -> Unfit:
        """Note where the value is."""
        self.place = place + self.place
        return self

    def __str__(self) -> str:
        return f"{self.place.lstrip('.') or 'it'} is {_quote.repr(self.value)}, not {self.wanted}"


def only(wanted: str, fits: Callable[[Any], bool]) -> Shape:
    """Make the shape of a single value."""

    def check(value: Any) -> None:
        if not fits(value):
            raise Unfit(value, wanted)

    return check


def index(wanted: str, end: int) -> Shape:
    """Make the shape of a whole number from 0 to below `end`."""
    return only(wanted, lambda value: type(value) is int and 0 <= value < end)


def one_of(wanted: str, options: Mapping[str, Any] | tuple[str, ...]) -> Shape:
    """Make the shape of a text that is one of the options."""
    return only(wanted, lambda value: type(value) is str and value in options)


TEXT = only("text", lambda value: type(value) is str and len(value) <= _LONGEST)

FLAG = only("true or false", lambda value: type(value) is bool)


def or_none(shape: Shape) -> Shape:
    """Allow None, or that there is no such entry."""

    def check(value: Any) -> None:
        if value is not None:
            shape(value)

    return check


def list_of(each: Shape, most: int, *, least: int = 0) -> Shape:
    """Make the shape of a list of alike values."""

    def check(value: Any) -> None:
        if type(value) is not list or not least <= len(value) <= most:
            raise Unfit(value, f"a list of {least} to {most:,}")
        at = 0
        try:
            for at, one in enumerate(value):
                each(one)
        except Unfit as unfit:
            raise unfit.put_in(f"[{at}]") from None

    return check


def pair(first: Shape, second: Shape) -> Shape:
    """Make the shape of a list of two values."""

    def check(value: Any) -> None:
        if type(value) is not list or len(value) != 2:
            raise Unfit(value, "a list of two")
        first(value[0])
        second(value[1])

    return check


def entries(**shapes: Shape) -> Shape:
    """Make the shape of an object with these entries and no other."""

    def check(value: Any) -> None:
        if type(value) is not dict or not set(value) <= set(shapes):
            raise Unfit(value, f"an object of {', '.join(shapes) or 'nothing else'}")
        for name, shape in shapes.items():
            try:
                shape(value.get(name))
            except Unfit as unfit:
                raise unfit.put_in(f".{name}") from None

    return check


def mapping(each: Shape) -> Shape:
    """Make the shape of an object with names of any kind and alike values."""

    def check(value: Any) -> None:
        if type(value) is not dict:
            raise Unfit(value, "an object")
        for name, one in value.items():
            TEXT(name)
            try:
                each(one)
            except Unfit as unfit:
                raise unfit.put_in(f".{_quote.repr(name)}") from None

    return check


def find_sender(message: Any) -> str | None:
    """Find who is to be answered: the page's view and its number of the message.

    None if it does not say.
    """
    sender = message.get("from") if type(message) is dict else None
    return sender if type(sender) is str and len(sender) <= _LONGEST else None


def check_message(message: Any, shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """Check a message against the shape of its kind, which its entry ``do`` names."""
    try:
        if type(message) is not dict:
            raise Unfit(message, "an object")
        one_of(f"one of {', '.join(shapes)}", shapes)(message.get("do"))
        shapes[message["do"]](
            {name: value for name, value in message.items() if name not in ("do", "from")}
        )
    except Unfit as unfit:
        raise ArgumentValueError(
            f"The page sent a message that this widget does not know: {unfit}. Nothing was "
            "changed. Run the cell again if this goes on."
        ) from None
    return message


class Parts:
    """Large messages, which a page sends in parts, one after the other: a server closes the line over 10 MB."""

    shape = entries(
        part=index("the number of a part", _MOST_PARTS),
        parts=index("a number of parts", _MOST_PARTS + 1),
        text=only("text", lambda value: type(value) is str and len(value) <= _LARGEST_PART),
    )

    def __init__(self) -> None:
        self._views: dict[str, tuple[str | None, list[str]]] = {}

    def interrupt(self, message: Any) -> str | None:
        """Give up the unfinished message that another one of its view follows.

        Whom to tell, None if there is none.
        """
        sender = find_sender(message)
        waiting, _ = self._views.get(_view_of(sender), (sender, []))
        if waiting == sender:
            return None
        del self._views[_view_of(sender)]
        return waiting

    def add(self, part: dict[str, Any]) -> Any:
        """Add a part; the whole message after its last one, else None.

        Without a part before it, or as no JSON, it is given up.
        """
        sender = find_sender(part)
        view = _view_of(sender)
        _, texts = self._views.pop(view, (sender, []))
        if part["part"] != len(texts) or part["part"] >= part["parts"]:
            raise ArgumentValueError(PART_LOST)
        texts.append(part["text"])
        if len(texts) < part["parts"]:
            while len(self._views) >= _MOST_VIEWS:
                del self._views[next(iter(self._views))]
            self._views[view] = sender, texts
            return None
        try:
            return json.loads("".join(texts))
        except (ValueError, RecursionError):
            raise ArgumentValueError(PART_LOST) from None


def _view_of(sender: str | None) -> str:
    return (sender or "").rpartition("/")[0]


_STEPS = {"last": -1, "this": 0, "next": 1}
_NOUNS = {"week": "W", "month": "M", "quarter": "Q", "year": "Y"}


def read_days(
    typed: str, org: Org, *, today: date | None = None, past: bool = False
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Read the first and last day that a date, or a month, quarter or year of the org's fiscal year, names.

    ``Dec 31`` is a day. Without a year it is read as by `inputs.read_date`, with `today` and
    `past`. ``today``, ``next quarter`` and ``next 30 days``, today included, are counted from
    `today`; a week begins on Monday.
    """
    step, _, noun = " ".join(typed.lower().split()).partition(" ")
    if (
        today is not None
        and (found := re.fullmatch(r"(\d{1,4}) days?", noun))
        and step in ("last", "next")
    ):
        first, last = sorted(
            (
                pd.Timestamp(today),
                pd.Timestamp(today) + pd.Timedelta(_STEPS[step] * int(found[1]), "D"),
            )
        )
        return first, last
    if today is not None and noun in _NOUNS and step in _STEPS:
        period = pd.Period(today, org.freq(_NOUNS[noun])) + _STEPS[step]
        return period.start_time.normalize(), period.end_time.normalize()
    try:
        day = inputs.read_date(
            typed, today=today, past=past, day_first=org.day_first, year_start=org.fiscal_year_start
        )
    except inputs.NotADate:
        try:
            days = org.period_days(typed)
        except ArgumentValueError:
            raise BadCell(
                "is not a date or period; try 12/31/2026, Dec 31, Dec 2026, FY27 Q4 or this month"
            ) from None
        for each in days:
            inputs.check_year(each.year)
        return days
    return day, day


def write_refusal(typed: Any, reason: str) -> str:
    """Write the sentence about a refused value: what was typed, what is wrong, and what to type."""
    what, _, way_out = reason.partition("; ")
    if way_out:
        way_out = text.capital(way_out) + ("" if way_out.endswith("?") else ".")
    if schema.is_blank(typed):
        return way_out or f"An empty cell {what}."
    quoted = str(typed).strip().encode(errors="replace").decode()
    return f"“{quoted}” {what}. {way_out}".rstrip()
