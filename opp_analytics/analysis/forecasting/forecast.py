"""`forecast`: booked, open and expected money by period, with a range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from opp_analytics.analysis.forecasting.forecast_table import forecast_table
from opp_analytics.analysis.forecasting.look_ahead import look_ahead
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.read_arguments import Asked, read_arguments
from opp_analytics.analysis.forecasting.targets import Target
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.history import History
from opp_analytics.periods import When
from opp_analytics.schema import ALL

if TYPE_CHECKING:
    from opp_analytics.analysis.shared.replay import Replay


def forecast(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    freq: str = "M",
    method: str | Method = "auto",
    history: History | Replay | None = None,
    target: Target = None,
    by: By = None,
    periods: int | Sequence[str] | None = None,
    confidence: float = 0.8,
    totals: bool = False,
    seed: int = 0,
    tz: str | None = None,
) -> pd.DataFrame:
    """Forecast bookings by period: booked, open and expected money, with a range.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``, ``value`` (money), ``close_date`` (date); ``status``, ``probability`` (percent), ``created_at``
        (instant) and ``owner_name`` where present; the columns of `by`.
    as_of : date-like
        Date T of the forecast.
    freq : str
        Period alias: "M", "Q", a fiscal "Q-JAN", …
    method : str or Method
        "auto", "learned", "run_rate", "stated", "stage" or "curve", or a `Method` with options.
    history : History, optional
        Past records, to learn from. Records after T are not read.
    target : float, mapping or DataFrame, optional
        Target of each period of the whole, in money, 0 or more; a mapping from period label, or the tuple of labels and
        period, to money; or a table such as `Org.targets`, with ``period``, ``target`` and ``owner_name``, ``team`` or other
        columns of `by`. A group without a target of its own has the sum of its parts'; people's add up to their teams' by
        the days that they are in each.
    by : str or list of str, optional
        One forecast for each value of these columns; a missing value is shown as "(none)".
    periods : int or list of str, optional
        Periods with a row even if they have no deals: their labels, or their number from the current one on.
    confidence : float
        Confidence level of the range.
    totals : bool
        If True, add rows "(all)" for the whole and for each further level of `by`; their money is the sum of the rows below.
    seed : int
        Random seed of the draws, which are used for more than 15 uncertain deals in a period.
    tz : str, optional
        Business time zone, in which instants become dates; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``period`` (str; below the columns of `by`): "overdue", "unscheduled", then each period with a won or
        open deal, in `periods`, or with its own target; the same for every group. Columns (float64 money unless noted):

        - ``booked``: won in the period by T. ``open_count`` (int64), ``open_value``: open deals due in it.
        - ``weighted_open``: Σ value · stated probability of these deals; NaN where the frame has no ``probability``.
        - ``expected_open``: Σ value · chance of every open deal under the method, due in the period or not.
        - ``new_business``: expected from other deals. ``expected``: booked + expected_open + new_business; 0 in the first
          two rows, NaN in a period of which nothing can be known.
        - ``low``, ``median``, ``high``: the range at `confidence`; NaN in the first two rows and where nothing is known.
        - ``target``; ``p_target`` (fraction): P(total ≥ target), 1 once it is met; ``gap``: target − booked.
        - ``pipeline_coverage`` (fraction): open_value / gap, NaN once the target is met. ``needed_pipeline``: gap / own
          win rate by value − open_value. ``attainment`` (fraction): booked / target.
        - ``won_later_value``: won with a date after T in a frame that was loaded after T; neither booked nor open.
        - ``no_value``, ``no_probability`` (int64): open deals without a value or a stated probability. Both are in
          ``open_count``, the latter also in ``open_value``; neither is in ``weighted_open``.
        - ``to_date`` (bool): True for the period of T.

        Attrs: ``n`` deals, ``as_of``, ``freq``, ``method`` (its name and, under "auto", why), ``confidence``, ``left_out``.
        Empty input gives the first two rows with zeros, or no rows with `by`.

    Raises
    ------
    MissingColumnError, DataError
        When a column is missing, or an open deal's probability is out of range.
    ArgumentTypeError, ArgumentValueError
        When an argument is invalid.
    NotEnoughHistory
        When the data cannot serve the method; the message says from when it can.

    See Also
    --------
    forecast_deals, forecast_fan, backtest, backtest_methods

    Notes
    -----
    ``booked`` = Σ v, won with d in P and, in a frame loaded after T, d ≤ T. Open and d < T: overdue; d missing: unscheduled;
    so the open values of all rows add up to the total. learned: chances by due bucket and stage, new business and the
    width of ranges come from ended periods, each seen as long before its end as T is. run_rate: what ended periods won
    after the same point. Other methods know only the deals due in a period, so their range is too narrow:
    `backtest_methods` shows by how much. docs/definitions.md explains them.

    Examples
    --------
    >>> frame = pd.DataFrame({
    ...     "stage": ["closed_won", "proposal", "proposal"], "value": [100.0, 50.0, 80.0],
    ...     "close_date": ["2026-03-02", "2026-03-20", "2026-02-20"], "probability": [100, 40, 50]})
    >>> table = forecast(frame, as_of="2026-03-10", method="stated")
    >>> table[["booked", "open_value", "weighted_open", "expected", "low", "high"]]
                 booked  open_value  weighted_open  expected    low   high
    period
    overdue         0.0        80.0           40.0       0.0    NaN    NaN
    unscheduled     0.0         0.0            0.0       0.0    NaN    NaN
    2026-03       100.0        50.0           20.0     120.0  100.0  150.0
    """
    names = check_by(by, level="period")
    asked = read_arguments(
        opportunities,
        as_of,
        freq,
        method,
        history,
        target=target,
        periods=periods,
        confidence=confidence,
        seed=seed,
        tz=tz,
        by=names,
        totals=totals,
    )
    return _answer(opportunities, asked, names, totals=totals)


def forecast_of_period(
    opportunities: pd.DataFrame,
    *,
    period: str,
    as_of: When,
    by: By,
    freq: str = "M",
    method: str | Method = "auto",
    history: History | None = None,
    target: Target = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """The rows of `forecast` for one period by groups and with totals, for the work of that period alone."""
    names = check_by(by, level="period")
    asked = read_arguments(
        opportunities,
        as_of,
        freq,
        method,
        history,
        target=target,
        periods=[period],
        only=True,
        tz=tz,
        by=names,
        totals=True,
    )
    table = _answer(opportunities, asked, names, totals=True)
    rows = table[table.index.get_level_values("period") == asked.periods[0]].droplevel("period")
    rows.attrs = table.attrs
    return rows


def _answer(opportunities: pd.DataFrame, asked: Asked, names: Sequence[str], *, totals: bool) -> pd.DataFrame:
    """The table of a checked question: the finest groups, and the levels above them if `totals`."""
    finest = look_ahead(opportunities, asked, names)
    levels = [names[:k] for k in range(len(names) if totals else 0)]
    made = [
        (level, look_ahead(opportunities, asked, level, parts=finest if level else None)) for level in levels
    ]
    tables = [forecast_table(one, asked, level) for level, one in [*made, (names, finest)]]
    deals = finest.deals
    return annotate(
        _with_totals(tables, names),
        made_from=opportunities,
        n=int(np.count_nonzero(deals.open | deals.booked)),
        as_of=deals.today,
        left_out={
            **deals.left_out,
            **asked.targets.left_out,
            "without_value": int(tables[-1]["no_value"].sum()),
            "without_probability": int(tables[-1]["no_probability"].sum()),
        },
        freq=asked.freq,
        method=finest.chosen.label,
        confidence=asked.confidence,
    )


def _with_totals(tables: Sequence[pd.DataFrame], names: Sequence[str]) -> pd.DataFrame:
    """The finest table, and below it those of fewer groups, with "(all)" in place of the missing labels."""
    if len(tables) == 1:
        return tables[0]
    parts = []
    for table in reversed(tables):
        rows = table.reset_index()
        missing = {name: ALL for name in names if name not in rows}
        parts.append(rows.assign(**missing).set_index([*names, "period"])[table.columns])
    return pd.concat(parts)
