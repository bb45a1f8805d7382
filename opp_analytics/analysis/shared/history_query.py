"""What the analyses of a history share: its checks, which records a question reads, and change rows with their outcome.

Expressions are built here and in the analyses; only ``history.collect`` runs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import org
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, MissingColumnError, NotEnoughHistory
from opp_analytics.history import DELETED, History
from opp_analytics.periods import When, as_date, as_instant
from opp_analytics.schema import NO_LABEL

if TYPE_CHECKING:
    import ibis


_READ = ("unique_id", "seen_at", "operation", "stage", "status", "value", "close_date")


@dataclass(frozen=True)
class Span:
    """The two records that answer a question about a stretch of time."""

    opening: pd.Timestamp
    """The last record at or before the start."""
    closing: pd.Timestamp
    """The last record at or before the end."""
    first: pd.Timestamp
    """The start's calendar date."""
    last: pd.Timestamp
    """The end's calendar date."""
    newest: pd.Timestamp
    """The last record of all."""
    complete: bool
    """Whether no damaged file hides what changed up to the closing record."""

    def notes(self) -> dict[str, Any]:
        """Which records were compared, for a table's attrs."""
        return {
            "opening_at": self.opening.isoformat(),
            "closing_at": self.closing.isoformat(),
            **({} if self.complete else {"complete": False}),
        }


def check_history(history: Any, asked_by: str, *columns: str) -> History:
    """The history itself, after a check that it is one, holds a record, and has these columns.

    Raises
    ------
    ArgumentTypeError
        When it is not a history.
    NotEnoughHistory
        When it holds no record.
    MissingColumnError
        When it lacks a column; names those that it has.
    """
    if not isinstance(history, History):
        raise ArgumentTypeError(
            f"{asked_by} needs a History, not {type(history).__name__}: one frame does not show what changed. "
            "Collect records with History(path).record(opportunities)"
        )
    if history.records.empty:
        raise NotEnoughHistory(
            f"{asked_by} needs records, and there are none yet; make the first one with History(path).record(opportunities)"
        )
    known = history.table.columns if columns else ()
    missing = [column for column in columns if column not in known]
    if missing:
        raise MissingColumnError(
            f"the history has no column {', '.join(map(repr, missing))}; it has {', '.join(known)}"
        )
    return history


def span(
    history: History,
    start: When | None,
    end: When | None,
    *,
    asked_by: str,
    by: Sequence[str] = (),
    tz: str = "UTC",
    within_one_record: bool = False,
    needs_two: bool = True,
) -> Span:
    """The records that a question from `start` to `end` reads; an open side is the first or last record.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `history` is not a history, or has no column of `by`.
    ArgumentValueError
        When `end` is before `start`.
    NotEnoughHistory
        When `start` is before the first record, or no record after it shows what changed until `end`; says what
        is missing and when it can be there. `within_one_record` allows a start and an end that are the same moment, ``needs_two=False`` a single record.
    """
    records = check_history(history, asked_by, *by).records
    moments = records["recorded_at"]
    begin = moments.iloc[0] if start is None else as_instant(start, tz=tz, name="start")
    finish = moments.iloc[-1] if end is None else as_instant(end, tz=tz, end=True, name="end")
    if finish < begin:
        raise ArgumentValueError(f"end={end!r} is before start={start!r}; swap them")
    opening, closing = (_last_before(history, moments, at) for at in (begin, finish))
    if needs_two and opening == closing and not (within_one_record and len(moments) > 1 and begin == finish):
        raise NotEnoughHistory(_what_is_missing(moments, opening, finish, asked_by))
    first = as_date(begin if start is None else start, tz=tz, name="start")
    last = as_date(finish if end is None else end, tz=tz, name="end")
    read = records.loc[moments.between(opening, closing), "complete"]
    return Span(opening, closing, first, last, newest=moments.iloc[-1], complete=bool(read.all()))


def _last_before(history: History, moments: pd.Series[Any], instant: pd.Timestamp) -> pd.Timestamp:
    known = moments[moments <= instant]
    # Where there is none, the history says since when it knows.
    return pd.Timestamp(known.iloc[-1]) if len(known) else history.recorded_before(instant)


def _what_is_missing(
    moments: pd.Series[Any], opening: pd.Timestamp, finish: pd.Timestamp, asked_by: str
) -> str:
    later = moments[moments > opening]
    if len(later):
        when = f"the next one is of {later.iloc[0]:%Y-%m-%d %H:%M} UTC, after the end ({finish:%Y-%m-%d %H:%M} UTC)"
    elif len(moments) > 1:
        due = moments.iloc[-1] + moments.diff().median()
        when = f"at the usual pace the next one is due about {due:%Y-%m-%d}"
    else:
        when = "it is the only one; make another with History(path).record(opportunities)"
    return f"{asked_by} needs a second record after that of {opening:%Y-%m-%d %H:%M} UTC: {when}"


def with_outcome(changes: ibis.Table, *further: str, by: Sequence[str] = ()) -> ibis.Table:
    """Change rows with ``outcome`` (as of `oa.outcomes`, or deleted), ``cents``, and the groups of `by` as text.

    Of the other columns, only those that such questions read, and `further` ones. Money crosses engines as whole
    cents, since their float sums differ; a missing value counts 0.
    """
    import ibis

    groups = {group_name(k): changes[name].cast("string").fill_null(NO_LABEL) for k, name in enumerate(by)}
    outcome = ibis.ifelse(changes["operation"] == DELETED, DELETED, org.outcome_expression(changes))
    # In one step, or a column of the user's would be hidden by one of ours that has its name.
    return changes.select(
        *dict.fromkeys([*_READ, *further]),
        **groups,
        outcome=outcome,
        cents=(changes["value"].fill_null(0.0) * 100).round().cast("int64"),
    )


def group_name(place: int) -> str:
    """A grouping column's name inside the query, where the user's own name might mean something else."""
    return f"group_{place}"


def group_names(by: Sequence[str]) -> list[str]:
    """The grouping columns' names inside the query."""
    return [group_name(place) for place in range(len(by))]


def up_to(changes: ibis.Table, recorded_at: pd.Timestamp) -> ibis.Table:
    """The change rows seen at or before a record."""
    return changes.filter(changes["seen_at"] <= instant(recorded_at))


def instant(moment: pd.Timestamp) -> Any:
    """An instant as a literal that every engine compares in UTC."""
    import ibis

    return ibis.literal(moment.to_pydatetime(), type="timestamp('UTC')")


def missing(column: Any) -> Any:
    """Where an Ibis column holds nothing."""
    return column.isnull()  # noqa: PD003  Ibis has no isna


def day(date: pd.Timestamp) -> Any:
    """A calendar date as a literal."""
    import ibis

    return ibis.literal(date.date(), type="date")
