"""Result tables: rows sorted by group, the same rows in each, and a note."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pandas as pd

from opp_analytics import schema
from opp_analytics.analysis.shared.history_query import Span, name_groups
from opp_analytics.certificate import Certificate
from opp_analytics.note import TableNote
from opp_analytics.org import Org, find_known_day, get_org
from opp_analytics.periods import as_date
from opp_analytics.schema import NO_LABEL


def annotate(
    table: pd.DataFrame,
    kind: str,
    *,
    made_from: Any,
    n: int,
    as_of: pd.Timestamp | None = None,
    left_out: dict[str, int] | None = None,
    **further: Any,
) -> pd.DataFrame:
    """Put the note on a result table.

    `kind` is the function that returns it. `made_from` is the frame or history behind the table;
    its org goes along, so that a drawing knows the currency and the fiscal year. ``n`` is the
    number of opportunities, `as_of` the day (default: the day of the load, if the frame has its
    certificate; ``seen_on`` is that of its moment, if earlier), ``left_out`` counts by reason,
    ``complete`` is False when the load may be incomplete.
    """
    load = Certificate.of(made_from) if isinstance(made_from, pd.DataFrame) else None
    made_on = as_of if as_of is not None else load.fetched_at if load else None
    day = None if made_on is None else str(made_on.date())
    org = get_org(made_from)
    note = TableNote(kind, day, org=org.facts if org else None).change(
        n=int(n),
        seen_on=_find_seen_day(made_from, as_of),
        left_out={why: int(count) for why, count in (left_out or {}).items() if count},
        **({"complete": False} if load and not load.complete else {}),
        **further,
    )
    return note.write(table)


def _find_seen_day(made_from: Any, as_of: pd.Timestamp | None) -> str | None:
    """Find the day of a frame's moment, where it is before `as_of`."""
    if as_of is None or not isinstance(made_from, pd.DataFrame):
        return None
    seen = find_known_day(made_from, as_of, Org.of(made_from).zone(None))
    return str(seen.date()) if seen < as_of else None


def annotate_span(
    table: pd.DataFrame, kind: str, span: Span, *, n: int, **further: Any
) -> pd.DataFrame:
    """Put the note on a result about a time window.

    It is that of `annotate`, with the day of the end and the compared records.
    """
    as_of = as_date(span.closing, tz=span.tz)
    return annotate(
        table, kind, made_from=span.history, n=n, as_of=as_of, **further, **span.notes()
    )


def fill_counts(
    found: pd.DataFrame, by: Sequence[str], level: str, labels: Sequence[str]
) -> pd.DataFrame:
    """Give every group all `labels`, as `fill_rows` does, with 0 for absent counts."""
    return fill_rows(found, by, level, labels).fillna(0).astype("int64")


def fill_rows(
    found: pd.DataFrame, by: Sequence[str], level: str, labels: Sequence[str]
) -> pd.DataFrame:
    """Give every group of a query's result all `labels`, in order, as the last level of the index.

    Absent ones are missing.
    """
    keys = name_groups(by)
    order = pd.Index(list(labels), name=level, dtype=schema.TEXT)
    numbers = found.set_index([*keys, level])
    if not by:
        return numbers.reindex(order)
    groups = sort_groups(found[keys].drop_duplicates(), keys)
    full = pd.MultiIndex.from_frame(groups.merge(order.to_frame(index=False), how="cross"))
    return numbers.reindex(full).rename_axis(index=[*by, level])


def sort_groups(rows: pd.DataFrame, keys: Sequence[str], *then: str) -> pd.DataFrame:
    """Sort rows by group, "(none)" last, then by further columns."""
    last = chr(sys.maxunicode)
    return rows.sort_values(
        [*keys, *then],
        kind="stable",
        ignore_index=True,
        key=lambda column: column.mask(column == NO_LABEL, last) if column.name in keys else column,
    )


def index_by_groups(table: pd.DataFrame, found: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Set the groups of the query's rows as the index.

    Without groups, return the table unchanged.
    """
    if not by:
        return table
    labels = [pd.Index(found[key], dtype=schema.TEXT) for key in name_groups(by)]
    return table.set_index(labels).rename_axis(index=list(by))
