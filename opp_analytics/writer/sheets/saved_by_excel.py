"""What Excel does to a CSV file that it opens and saves, though nobody edited the cells."""

from __future__ import annotations

import codecs
import warnings
from collections.abc import Iterable
from typing import Any

import pandas as pd

from opp_analytics import inputs, schema

__all__ = ["decoded", "order_of_known", "still"]

_MOMENTS = ("created_at", "updated_at")
_WINDOWS = "cp1252"


def decoded(content: bytes) -> str:
    """The text of a CSV file: UTF-8, "Unicode text", or Windows' own code, in which Excel saves a plain CSV.

    Raises
    ------
    UnicodeDecodeError
        If it is none of them.

    Examples
    --------
    >>> [decoded("Café".encode(code)) for code in ("utf-8-sig", "utf-16", "cp1252")]
    ['Café', 'Café', 'Café']
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode(_WINDOWS)


def order_of_known(cells: Iterable[tuple[str, Any]]) -> bool | None:
    """Whether the day comes first, by dates whose value is known; None if fewer than two of them tell.

    Parameters
    ----------
    cells : iterable of (str, value)
        The text of a date, and what it was before the file was edited.

    Examples
    --------
    >>> known = [("3/4/2027", pd.Timestamp("2027-03-04")), ("5/6/2027", pd.Timestamp("2027-05-06"))]
    >>> order_of_known(known), order_of_known(known[:1])
    (False, None)
    """
    agreeing: dict[bool, set[str]] = {False: set(), True: set()}
    for text, was in cells:
        readings = {first: _date(text, first) for first in agreeing}
        if readings[False] != readings[True]:
            for first, day in readings.items():
                if day is not None and day == was:
                    agreeing[first].add(text)
    fewer, more = sorted(agreeing, key=lambda first: len(agreeing[first]))
    return more if len(agreeing[more]) > max(1, len(agreeing[fewer])) else None


def still(column: str, text: str, was: Any) -> bool:
    """Whether the text is what Excel makes of a value that nobody edited.

    Timestamps lose their zone and seconds, and letters that Windows' own code lacks become question marks.

    Examples
    --------
    >>> still("created_at", "1/10/2026 10:30", pd.Timestamp("2026-01-10T10:30:07Z"))
    True
    >>> still("name", "Vel? Opatov", "Velč Opatov"), still("name", "Why?", "Why not")
    (True, False)
    """
    if schema.is_blank(was):
        return False
    if column in _MOMENTS:
        moment = _moment(was, False)
        return not pd.isna(moment) and any(_moment(text, first) == moment for first in (False, True))
    return isinstance(was, str) and "?" in text and was.encode(_WINDOWS, "replace").decode(_WINDOWS) == text


def _date(text: str, day_first: bool) -> pd.Timestamp | None:
    try:
        return inputs.read_date(text, day_first=day_first)
    except schema.BadCell:
        return None


def _moment(value: Any, day_first: bool) -> Any:
    """The minute in UTC; NaT where there is none."""
    with warnings.catch_warnings():
        # That the other order of day and month fits better.
        warnings.simplefilter("ignore", UserWarning)
        return pd.to_datetime(value, dayfirst=day_first, utc=True, errors="coerce").floor("min")
