"""The day that a file of deals shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd

from opp_analytics.inputs import read_date
from opp_analytics.org import Org, find_newest_date
from opp_analytics.periods import as_date
from opp_analytics.schema import BadCell
from opp_analytics.table_files import FileTable

_IN_NAME = re.compile(r"(?<!\d)(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)(?!\d)")
_IN_HEAD = re.compile(
    r"\b(?:as of|generated|exported|printed|stand)\b.{0,20}?"
    r"(\d{4}-\d\d-\d\d|\d\d?[./]\d\d?[./]\d{4}|[a-z]{3,9}\.? \d\d?,? \d{4})",
    re.IGNORECASE,
)
"""The day above the table of a report: ``As of 2026-11-23 09:14:00``."""
_WEEK = pd.Timedelta(weeks=1)
_YEAR = pd.Timedelta(days=366)


def _list_written_days(table: FileTable) -> Iterator[pd.Timestamp]:
    named = _IN_NAME.search(Path(table.file).stem)
    with suppress(ValueError):
        if named is not None:
            yield pd.Timestamp("-".join(named.groups()))
    for written in _IN_HEAD.findall(table.head):
        for day_first in (False, True):
            with suppress(BadCell):
                yield read_date(written, day_first=day_first)


def find_file_day(table: FileTable, opportunities: pd.DataFrame) -> pd.Timestamp:
    """Find the day that the deals of a file show.

    The day in its name or head; else that of its last modification, if within a week; else the
    newest day on which a deal was created, updated or closed. Planned dates never count. Deals that
    are over a year older than the file are those of a copy: their newest day counts.
    """
    zone = Org.of(opportunities).zone(None)
    today = as_date(pd.Timestamp.now("UTC"), tz=zone)
    newest = find_newest_date(opportunities, today)
    for written in _list_written_days(table):
        # A day before the newest date in the data, or after today, is that of something else.
        if written <= today and (newest is None or newest <= written):
            return written
    if table.modified_at is None:
        return today if newest is None else newest
    modified = pd.Timestamp(table.modified_at, unit="s", tz="UTC")
    day = min(as_date(modified, tz=zone), today)
    if newest is None:
        return day
    is_export = today - day <= _WEEK and day - newest <= _YEAR
    return max(day, newest) if is_export else newest
