"""`forecast_change`: why the forecast of a period moved between two moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.movement.forecast_change_deals import DEAL_STEPS, Change, deals_table, explain
from opp_analytics.analysis.shared.groups import By
from opp_analytics.analysis.shared.history_query import name_groups
from opp_analytics.analysis.shared.tables import annotate, fill_rows
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.history import History

FORECAST_STEPS = ("then", *DEAL_STEPS, "new_business", "now")
"""Rows of `forecast_change`, in order."""


def forecast_change(
    history: History,
    *,
    start: When,
    end: When,
    period: str,
    freq: str = "M",
    by: By = None,
    method: str | Method = "auto",
    tz: str | None = None,
) -> pd.DataFrame:
    """Why the forecast of a period moved between two moments, in expected money.

    Parameters
    ----------
    history : History
        Reads ``stage``, ``status``, ``value``, ``close_date``, ``owner_name``, what the method reads, and `by`.
    start, end : date-like
        The two moments. A naive date means the start of its day for `start`, the end of its day for `end`.
    period : str
        Label of the period, such as "2026-11" or "2026Q4".
    freq : str
        Its length: a pandas period alias.
    by : str or list of str, optional
        Columns to group by, with their values at each moment. A deal that changes its group leaves one and enters another
        in the row ``owner``; its earlier steps belong to the old group, the chance to the new one.
    method : str or Method
        As for `forecast`, chosen at `end` and used at both moments.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``movement`` (str; below the columns of `by`), the rows of `FORECAST_STEPS`. ``expected`` (float64, money,
        signed), ``value`` (float64, money: full value of the deals, as last known), ``deals`` (int64), ``largest`` (str: name
        or id of the deal that moved most; missing without one). Attrs: ``period``, ``freq``, ``method``, ``then_at``, ``now_at``.

    Raises
    ------
    NotEnoughHistory
        When `start` is before the first record, no record lies between `start` and `end`, the method cannot be used at
        `start` (the message says from when it can), or the period was too far ahead.
    ArgumentError, MissingColumnError
        When an argument is of the wrong kind or out of range, or the history has no column of `by`.

    See Also
    --------
    forecast_change_deals : The deals behind each row.
    waterfall : What moved the open pipeline, at full value.

    Notes
    -----
    then + all movements = now, and both are the ``expected`` of `forecast`. Each step changes one fact of a deal (outcome with
    its date, date, value, owner) and prices it by the method as fitted at `start`: won counts what the deal brought beyond
    its chance. A date that enters what was left of the period is pulled_in, one that leaves it pushed_out, others by their
    direction. What remains is chance: its stage moved, time passed, or the method learned. Under run_rate open deals have no
    chance, and the rest is new business.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({"unique_id": ["a", "b", "a", "b"], "seen_at": ["2026-03-02", "2026-03-02", "2026-03-09", "2026-03-09"],
    ...                     "stage": ["proposal", "proposal", "closed_won", "proposal"], "value": [100.0, 50.0, 100.0, 50.0],
    ...                     "close_date": ["2026-03-20", "2026-03-20", "2026-03-06", "2026-04-20"], "probability": 40})
    >>> table = forecast_change(History.from_changes(log), start="2026-03-03", end="2026-03-09", period="2026-03", method="stated")
    >>> table.loc[table["expected"] != 0, "expected"].to_dict()
    {'then': 60.0, 'won': 60.0, 'pushed_out': -20.0, 'now': 100.0}
    """
    change = explain(history, start, end, period, freq, by, method, tz, asked_by="forecast_change")
    return _table(history, change)


def forecast_change_with_deals(
    history: History,
    *,
    start: When,
    end: When,
    period: str,
    freq: str = "M",
    by: By = None,
    method: str | Method = "auto",
    tz: str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`forecast_change` and `forecast_change_deals` of one question, for the work of one of them."""
    change = explain(history, start, end, period, freq, by, method, tz, asked_by="forecast_change")
    return _table(history, change), deals_table(history, change)


def _table(history: History, change: Change) -> pd.DataFrame:
    """The steps of an explained change, summed."""
    keys = name_groups(change.groups)
    rows = change.rows
    rows = rows.assign(
        moved=rows["expected"].abs().where(rows["unique_id"].notna()),
        name=rows["name"].fillna(rows["unique_id"]),
    )
    rows = rows.sort_values(["moved", "unique_id"], ascending=[False, True], kind="stable")
    summed = rows.groupby([*keys, "movement"], as_index=False).agg(
        expected=("expected", "sum"),
        value=("value", "sum"),
        deals=("unique_id", "nunique"),
        largest=("name", "first"),
    )
    table = fill_rows(summed, change.groups, "movement", FORECAST_STEPS)
    table = table.assign(
        expected=table["expected"].fillna(0.0),
        value=table["value"].fillna(0.0),
        deals=table["deals"].fillna(0).astype("int64"),
    )
    n = int(rows.loc[rows["movement"] == "now", "unique_id"].nunique())
    return annotate(table, made_from=history, n=n, **change.notes)
