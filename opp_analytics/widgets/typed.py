"""What people type in a widget: days as a date or a period, and the sentence about a text that can't be read."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from opp_analytics import inputs, schema, text
from opp_analytics.errors import ArgumentValueError
from opp_analytics.org import Org
from opp_analytics.schema import BadCell


def read_days(
    typed: str, org: Org, *, today: date | None = None, past: bool = False
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Read the first and last day that a date, or a month, quarter or year of the org's fiscal year, names.

    ``Dec 31`` is a day. Without a year it is read as by `inputs.read_date`, with `today` and `past`.
    """
    try:
        day = inputs.read_date(typed, today=today, past=past, day_first=org.day_first)
    except inputs.NotADate:
        try:
            days = org.period_days(typed)
        except ArgumentValueError:
            raise BadCell("is not a date or period; try 12/31/2026, Dec 31, Dec 2026 or FY27 Q4") from None
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
