"""Messages that a page may send to its widget.

They are of known kinds; large ones are joined from their parts. Days typed there, and the sentence
of a refusal.
"""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any

import msgspec
import pandas as pd

from opp_analytics import inputs, schema, text
from opp_analytics.errors import ArgumentValueError
from opp_analytics.org import Org
from opp_analytics.schema import BadCell, Json

PART_LOST = "A part of a large edit was lost on the way, so nothing of it was done. Do it again."
_LONGEST = 100_000
"""Characters of a text: three times what a cell of Excel holds."""
_MOST_PARTS = 500
"""More than the largest paste: a million rows of eight short cells have 100 MB."""
_LARGEST_PART = 2**20
_MOST_VIEWS = 4
"""Views whose large messages are joined at the same time."""
Text = Annotated[str, msgspec.Meta(max_length=_LONGEST)]


class Message(msgspec.Struct, forbid_unknown_fields=True):
    """A message that holds nothing but its kind."""


class MessagePart(Message):
    """A part of a large message."""

    part: Annotated[int, msgspec.Meta(ge=0, lt=_MOST_PARTS)]
    parts: Annotated[int, msgspec.Meta(ge=0, le=_MOST_PARTS)]
    text: Annotated[str, msgspec.Meta(max_length=_LARGEST_PART)]


def find_sender(message: Any) -> str | None:
    """Find who is to be answered: the page's view and its number of the message.

    None if it does not say.
    """
    sender = message.get("from") if type(message) is dict else None
    return sender if type(sender) is str and len(sender) <= _LONGEST else None


def read_message(
    message: Any, kinds: Mapping[str, type[Message]], check: Callable[[type[Any], Any], Any]
) -> Json:
    """Read a message of one of the kinds, which its entry ``do`` names.

    `check` takes a type that only the widget knows, such as a row of its frame, and a value; it
    raises ValueError for one that does not fit.
    """
    try:
        told = msgspec.convert(message, Json)
        do = told.pop("do", None)
        if type(do) is not str or do not in kinds:
            raise msgspec.ValidationError(f"{reprlib.repr(do)} is not one of {', '.join(kinds)}")
        told.pop("from", None)
        asked = msgspec.convert(told, kinds[do], dec_hook=check)
    except (msgspec.ValidationError, UnicodeEncodeError) as unfit:
        raise ArgumentValueError(
            f"The page sent a message that this widget does not know: {unfit}. Nothing was "
            "changed. Run the cell again if this goes on."
        ) from None
    return {"do": do, "from": find_sender(message), **msgspec.structs.asdict(asked)}


class Parts:
    """Large messages, which a page sends in parts, one after the other.

    A server closes the connection if a message is over 10 MB.
    """

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

    def add(self, part: Json) -> Any:
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
    """Read the first and last day of a typed date, month, quarter or year.

    Quarters and years are of the org's fiscal year.

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
                "is not a date or period",
                "try 12/31/2026, Dec 31, Dec 2026, FY27 Q4 or this month",
            ) from None
        for each in days:
            inputs.check_year(each.year)
        return days
    return day, day


def write_refusal(typed: Any, reason: BadCell) -> str:
    """Write the sentence about a refused value: what was typed, what is wrong, and what to type."""
    way_out = text.capital(reason.python_way)
    if way_out and not way_out.endswith("?"):
        way_out += "."
    if schema.is_blank(typed):
        return way_out or f"An empty cell {reason.problem}."
    quoted = str(typed).strip().encode(errors="replace").decode()
    return f"“{quoted}” {reason.problem}. {way_out}".rstrip()
