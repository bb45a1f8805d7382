"""`close_date_moves`: pushes and pulls of each close date."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.history_query import (
    Span,
    find_span,
    instant,
    keep_group,
    lag,
    lead,
)
from opp_analytics.analysis.shared.tables import annotate_span, sort_groups
from opp_analytics.arguments import frame, whole
from opp_analytics.history import DELETED, History, ibis, missing
from opp_analytics.periods import When

_COUNTS = ["pushes", "pulls", "days_pushed", "days_pulled"]
_DATES = ["first_close_date", "last_close_date"]


def close_date_moves(
    history: History,
    *,
    start: When | None = None,
    end: When | None = None,
    by: By = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Count the pushes and pulls of each opportunity's close date (lower bounds).

    Parameters
    ----------
    history : History
        Reads ``close_date``, ``stage``, ``status`` and `by` of the change log.
    start, end : date or str, optional
        Time window of the moves; default: the whole history. A naive date means the start of its
        day for `start`, the end of its day for `end`. Moves are counted from the close dates known
        at `start`.
    by : str or list of str, optional
        Columns to group by, with their values in the last record at `end`.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        One row per opportunity that existed at `start` or appeared later, moved or not; index
        ``unique_id`` (str, sorted; below the columns of `by`). ``pushes``, ``pulls`` (int64, times
        moved later, earlier), ``days_pushed`` (int64, ≥ 0), ``days_pulled`` (int64, ≤ 0),
        ``net_days`` (Int64, last − first, later is positive, missing without a date),
        ``first_close_date``, ``last_close_date`` (datetime64[us]). Without opportunities, no rows.

    Raises
    ------
    NotEnoughHistory
        When there is no second record, `start` is before the first, or an imported history lacks
        the planned dates of the months since then; without a `start`, the moves begin after these,
        with a warning.
    ArgumentError, MissingColumnError
        When an argument is of the wrong kind or out of range, or the history has no column of `by`.

    Notes
    -----
    A push is a pair of records between which the date of an open deal moved later; a pull, earlier.
    A date that was set first or cleared is neither, nor is a change in the pair in which the deal
    closes: people re-date a deal on closing. So ``net_days`` may differ from ``days_pushed +
    days_pulled``. Two edits between two records look as one, so counts are lower bounds
    (``bound`` in the note). After ``history.where``, moves count that were seen while the deal
    belonged there.

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": "a",
    ...         "seen_at": ["2026-01-05", "2026-01-12", "2026-01-19"],
    ...         "stage": "proposal",
    ...         "close_date": ["2026-03-31", "2026-04-30", "2026-04-20"],
    ...     }
    ... )
    >>> moves = close_date_moves(History.from_changes(log))
    >>> moves[["pushes", "pulls", "days_pushed", "days_pulled", "net_days"]].loc["a"].tolist()
    [1, 1, 30, -10, 20]
    """
    return DateMoves.read(history, start, end, by, tz).list_deals()


@dataclass(frozen=True)
class DateMoves:
    """The pushes and pulls of each deal's close date, by group."""

    asked: Span
    rows: pd.DataFrame
    """What `_count_moves` counts."""

    @classmethod
    def read(
        cls,
        history: History,
        start: When | None,
        end: When | None,
        by: By,
        tz: str | None,
        *,
        apart: bool = False,
    ) -> DateMoves:
        """Read a history, after checks; for `keep_group`, with each group `apart`."""
        asked = find_span(
            history,
            start,
            end,
            asked_by="close_date_moves",
            by=check_by(by, level="unique_id"),
            tz=tz,
            reads=("stage", "close_date"),
            needs=("close_date",),
            apart=apart,
        )
        return cls(asked, history.collect(_count_moves(asked)))

    def keep_group(self, name: str, part: History) -> DateMoves:
        """Keep one group of the first column, of which `part` is the history."""
        by, asked = self.asked.by, self.asked.keep_group(part)
        return DateMoves(asked, keep_group(self.rows, name, by, asked.by))

    def list_deals(self) -> pd.DataFrame:
        """Make the table of `close_date_moves`."""
        asked = self.asked
        found = sort_groups(self.rows, asked.keys, "unique_id")
        table = found.set_index([*asked.keys, "unique_id"]).rename_axis(
            index=[*asked.by, "unique_id"]
        )
        table = table.astype(
            {**dict.fromkeys(_COUNTS, "int64"), **dict.fromkeys(_DATES, "datetime64[us]")}
        )
        net = (table["last_close_date"] - table["first_close_date"]).dt.days.astype("Int64")
        table.insert(len(_COUNTS), "net_days", net)
        table = table[[*_COUNTS, "net_days", *_DATES]]
        bound = "lower: two edits between two records appear as one"
        return annotate_span(table, "close_date_moves", asked, n=len(table), bound=bound)


def push_counts(moves: pd.DataFrame, *, most: int = 8) -> pd.DataFrame:
    """Count the deals by number of pushes, with the median days pushed.

    Parameters
    ----------
    moves : DataFrame
        Result of `close_date_moves`, or some of its rows: ``pushes``, ``days_pushed`` (days).
    most : int
        The last row counts the deals with this many pushes or more.

    Returns
    -------
    DataFrame
        Index ``pushes`` (int64): 0, 1, … up to the largest number, but at most `most`. ``deals``
        (int64), ``median_days`` (float64, median of the days a deal was pushed in all, NaN without
        deals). Without rows, no rows.

    Raises
    ------
    ArgumentTypeError, ArgumentValueError
        When `moves` is not a DataFrame, or `most` is not a whole number of at least 1.
    MissingColumnError
        When a column is missing.

    Examples
    --------
    >>> moves = pd.DataFrame({"pushes": [0, 2, 0, 12, 9], "days_pushed": [0, 40, 0, 360, 100]})
    >>> push_counts(moves, most=3)
            deals  median_days
    pushes
    0           2          0.0
    1           0          NaN
    2           1         40.0
    3           2        230.0
    """
    frame(moves, "moves", "pushes", "days_pushed", made_by="close_date_moves")
    pushes = moves["pushes"].clip(upper=whole(most, "most", example=8))
    days = moves["days_pushed"].astype("float64").groupby(pushes)
    counts = pd.DataFrame({"deals": days.size(), "median_days": days.median()})
    slots = pd.RangeIndex(0 if counts.empty else int(pushes.max()) + 1, name="pushes")
    counts = counts.reindex(slots)
    return counts.assign(deals=counts["deals"].fillna(0).astype("int64"))


def _count_moves(asked: Span) -> ibis.Table:
    """Count each deal's moves since the opening record, with its first and last date."""
    log = asked.read_log()
    log = log.mutate(
        before=lag(log["close_date"]),
        was=lag(log["outcome"]),
        until=lead(log["seen_at"]),
    )
    opening = instant(asked.opening)
    # Moves are counted from the row current at the opening; older rows are outside.
    log = log.filter(missing(log["until"]) | (log["until"] > opening))
    log = log.filter((log["seen_at"] > opening) | (log["outcome"] != DELETED))
    days = log["close_date"].delta(log["before"], unit="day").cast("int64")
    moved = (log["seen_at"] > opening) & (log["outcome"] == "open") & (log["was"] == "open")
    newest = ibis.window(group_by="unique_id", order_by=ibis.desc("seen_at"))
    last = {} if asked.apart else {key: log[key].first().over(newest) for key in asked.keys}
    log = log.mutate(days=ibis.ifelse(moved, days, 0).fill_null(0), **last).filter("within")
    own = [*asked.keys, "unique_id"]
    undated = missing(log["close_date"]).ifelse(1, 0)
    log = log.mutate(
        oldest=ibis.row_number().over(ibis.window(group_by=own, order_by=[undated, "seen_at"])),
        newest=ibis.row_number().over(
            ibis.window(group_by=own, order_by=[undated, ibis.desc("seen_at")])
        ),
    )
    pushed, pulled = log["days"] > 0, log["days"] < 0
    return log.group_by(own).agg(
        pushes=pushed.ifelse(1, 0).sum().cast("int64"),
        pulls=pulled.ifelse(1, 0).sum().cast("int64"),
        days_pushed=ibis.ifelse(pushed, log["days"], 0).sum().cast("int64"),
        days_pulled=ibis.ifelse(pulled, log["days"], 0).sum().cast("int64"),
        first_close_date=log["close_date"].max(where=log["oldest"] == 0),
        last_close_date=log["close_date"].max(where=log["newest"] == 0),
    )
