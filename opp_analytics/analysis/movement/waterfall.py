"""`waterfall`: the open pipeline from one point in time to another."""

from __future__ import annotations

import pandas as pd

from opp_analytics.analysis.movement.movements import (
    BOUND,
    FURTHER_MOVEMENTS,
    MOVEMENTS,
    Due,
    read_moves,
    select_movement,
)
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.history_query import Span, instant
from opp_analytics.analysis.shared.tables import annotate_span, fill_counts
from opp_analytics.history import History, ibis, missing
from opp_analytics.periods import When


def waterfall(
    history: History,
    *,
    start: When,
    end: When,
    due: Due = None,
    by: By = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Walk the open pipeline from one point in time to another, movement by movement.

    Parameters
    ----------
    history, start, end, due, by, tz
        As for `movements`.

    Returns
    -------
    DataFrame
        Index ``movement`` (str; below the columns of `by`): opening, `MOVEMENTS`, any
        `FURTHER_MOVEMENTS` that occur, and closing. ``count`` (int64, signed change in open deals;
        at opening and closing, open deals), ``value`` (float64, money, signed), ``deals`` (int64,
        opportunities with the movement). An empty pipeline gives zeros, with `by` no rows.

    Raises
    ------
    NotEnoughHistory
        When `start` is before the first record or no record lies between `start` and `end`.
    ArgumentError, MissingColumnError
        When an argument is of the wrong kind or out of range, or the history has no column of `by`.

    Notes
    -----
    opening + all movements = closing, exactly, in cents and in counts. The table is the sum of the
    waterfalls between consecutive records, each entry at the value first seen; a change of value
    and an exit are two movements, the exit at the final value. pulled_in comes from a later date,
    pushed_in from an earlier one; pushed_out goes to a later date, pulled_out to an earlier one
    (all four only with `due`, like date_set and date_cleared). A deal already won or lost when
    first seen counts as new and as won or lost. A missing value counts 0. With `by`, groups add up
    to the whole, in which ``transferred_out`` and ``transferred_in`` cancel out. The ends and the
    sum are exact; a change reversed between two records does not appear, so each movement is a
    lower bound (``bound`` in the note).

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "b", "a"],
    ...         "seen_at": ["2026-01-05", "2026-01-12", "2026-01-12"],
    ...         "value": [100.0, 50.0, 120.0],
    ...         "stage": ["proposal", "discovery", "closed_won"],
    ...     }
    ... )
    >>> table = waterfall(History.from_changes(log), start="2026-01-05", end="2026-01-12")
    >>> table.loc[table["deals"] > 0, "value"].to_dict()
    {'opening': 100.0, 'new': 50.0, 'value_up': 20.0, 'won': -120.0, 'closing': 50.0}
    """
    groups = check_by(by, level="movement")
    asked, pool, steps, moved = read_moves(
        history, due, groups, start=start, end=end, tz=tz, asked_by="waterfall"
    )
    moved = moved.union(*_select_ends(steps, asked))
    found = history.collect(
        moved.group_by([*asked.keys, "movement"]).agg(
            cents=moved["cents"].sum().cast("int64"),
            count=moved["count"].sum().cast("int64"),
            deals=moved["unique_id"].nunique().cast("int64"),
        )
    )
    further = [name for name in FURTHER_MOVEMENTS if (found["movement"] == name).any()]
    found = fill_counts(found, groups, "movement", ["opening", *MOVEMENTS, *further, "closing"])
    table = pd.DataFrame(
        {"count": found["count"], "value": found["cents"] / 100, "deals": found["deals"]}
    )
    closing = table.index.get_level_values("movement") == "closing"
    return annotate_span(
        table,
        "waterfall",
        asked,
        n=int(table["count"][closing].sum()),
        bound=BOUND,
        **pool.notes(),
    )


def _select_ends(steps: ibis.Table, asked: Span) -> list[ibis.Table]:
    """Select the deals in the pool at the opening record and at the closing record."""
    opening, own = instant(asked.opening), {key: key for key in asked.keys}
    inside, last = steps["inside"] & steps["within"], missing(steps["until"])
    first = (steps["seen_at"] <= opening) & (last | (steps["until"] > opening))
    return [
        select_movement(steps, inside & where, ibis.literal(end), steps["cents"], 1, own)
        for end, where in (("opening", first), ("closing", last))
    ]
