"""`forecast`: booked, weighted and expected money by period, with a range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from opp_analytics import arguments
from opp_analytics.analysis.forecasting.deals_by_period import Deals, deals_by_period
from opp_analytics.analysis.forecasting.method import Method, read_method
from opp_analytics.analysis.forecasting.new_business import new_business
from opp_analytics.analysis.forecasting.targets import Target, add_targets, read_targets
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.shared.groups import By, by_columns
from opp_analytics.analysis.stats.distribution import distribute
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.periods import When, as_date, as_period, check_freq

if TYPE_CHECKING:
    from opp_analytics.analysis.shared.replay import Replay
    from opp_analytics.history import History


def forecast(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    freq: str = "M",
    method: str | Method = "stated",
    history: History | Replay | None = None,
    target: Target = None,
    by: By = None,
    periods: int | Sequence[str] | None = None,
    confidence: float = 0.8,
    seed: int = 0,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Forecast bookings by period: booked, weighted and expected money, with a range.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``, ``value`` (money), ``close_date`` (date), ``status`` if present, the column that the method
        reads (``probability``, percent, by default), ``created_at`` (instant) for the win-rate curve, ``unique_id`` for new
        business, and the columns of `by`.
    as_of : date-like
        Date T of the forecast.
    freq : str
        Period alias: "M", "Q", a fiscal "Q-JAN", …
    method : str or Method
        "stated", "stage" or "curve", or a `Method` with options.
    history : History, optional
        Past records, for learned stage rates, new business, and better dates in the win-rate curve. Records after T
        are not read.
    target : float or mapping, optional
        Target of each period in money, 0 or more, or a mapping from period label to money (with `by`, from the tuple
        of labels).
    by : str or list of str, optional
        One forecast for each value of these columns; a missing value is shown as "(none)".
    periods : int or list of str, optional
        Periods with a row even if they have no deals: their labels, or their number from the current one on.
    confidence : float
        Confidence level of the range.
    seed : int
        Random seed of the draws, which are used for more than 15 uncertain deals in a period.
    tz : str
        Business time zone, in which instants become dates.

    Returns
    -------
    DataFrame
        Index ``period`` (str; below the columns of `by`): "overdue", "unscheduled", then each period with a won or
        open deal, in `periods`, or with its own target. Columns (float64 money unless noted):

        - ``booked``: won in the period by T. ``open_count`` (int64), ``open_value``: open deals due in it.
        - ``weighted_open``: Σ value · chance of these deals. ``new_business``: see `Method`; 0 without it, NaN in a period too
          far ahead for the records. ``expected``: the sum of booked, weighted_open and new_business; 0 in the first
          two rows, whose deals have no coming period.
        - ``low``, ``median``, ``high``: the range at `confidence`; NaN in the first two rows, and where ``new_business`` is NaN.
        - ``target``; ``p_target`` (fraction): P(total ≥ target); ``gap``: target − booked.
        - ``pipeline_coverage`` (fraction): open_value / gap, NaN once the target is met. ``attainment`` (fraction):
          booked / target.
        - ``won_later_value``: deals won with a date in the period but after T; neither booked nor open.
        - ``no_value``, ``no_probability`` (int64): open deals without a value or probability. Both are in ``open_count``,
          the latter also in ``open_value``; neither is in ``weighted_open`` or the range.
        - ``to_date`` (bool): True for the period of T. ``new_business_periods`` (int64): number of past periods
          behind ``new_business``.

        Attrs: ``n`` deals, ``as_of``, ``freq``, ``method``, ``confidence``, ``left_out``. Empty input gives the first two rows
        with zeros, or no rows with `by`.

    Raises
    ------
    MissingColumnError, DataError
        When a column is missing, or an open deal's probability is out of range.
    ArgumentTypeError, ArgumentValueError
        When an argument is invalid.
    NotEnoughHistory
        When the method needs records that do not exist, or the win-rate curve has fewer than 10 won deals.

    See Also
    --------
    forecast_deals, forecast_fan, backtest, backtest_methods

    Notes
    -----
    ``booked`` = Σ v, won with d in P and d ≤ T. ``weighted_open`` = Σ v·p, open with d in P and d ≥ T. Open and d < T:
    overdue; d missing: unscheduled; so the open values of all rows add up to the total. The range is that of
    booked + Σ v·Bernoulli(p) + new business: exact for up to 15 uncertain deals, else from 20,000 draws. Deals not due in
    the period, deals that slip and changes of value are left out unless the method includes them, so the range is often
    too narrow: `backtest_methods` shows by how much for your own history.

    Examples
    --------
    >>> frame = pd.DataFrame({
    ...     "stage": ["closed_won", "proposal", "proposal"], "value": [100.0, 50.0, 80.0],
    ...     "close_date": ["2026-03-02", "2026-03-20", "2026-02-20"], "probability": [100, 40, 50]})
    >>> forecast(frame, as_of="2026-03-10")[["booked", "open_value", "weighted_open", "expected", "low", "high"]]
                 booked  open_value  weighted_open  expected    low   high
    period
    overdue         0.0        80.0           40.0       0.0    NaN    NaN
    unscheduled     0.0         0.0            0.0       0.0    NaN    NaN
    2026-03       100.0        50.0           20.0     120.0  100.0  150.0
    """
    how, names = read_method(method), by_columns(by, level="period")
    arguments.between(confidence, "confidence", example=0.8)
    arguments.whole(seed, "seed", low=0, example=0)
    if how.new_business and names:
        raise ArgumentValueError(
            "new_business=True does not work with by=; forecast each group's frame and history separately"
        )
    today = as_date(as_of, tz=tz)
    targets = read_targets(target, check_freq(freq), names)
    wanted = _labels(periods, today, freq)
    if isinstance(targets, dict) and not names:
        wanted += [label for label in targets if label not in wanted]
    frame, deals = deals_by_period(
        opportunities, how, today=today, freq=freq, by=names, wanted=wanted, history=history, tz=tz
    )
    table = _sums(deals, pd.Period(today, freq))
    add_targets(table, targets, deals.in_period)
    further = new_business(deals, frame, history, today=today, freq=freq, tz=tz) if how.new_business else None
    if further is not None:
        _add_new_business(table, deals, further)
    _add_ranges(table, deals, further, how.correlation, confidence, seed)
    return annotate(
        table,
        made_from=opportunities,
        n=int(np.count_nonzero(deals.open | deals.booked)),
        as_of=today,
        left_out={
            **deals.left_out,
            "without_value": int(table["no_value"].sum()),
            "without_probability": int(table["no_probability"].sum()),
        },
        freq=freq,
        method=how.name,
        confidence=float(confidence),
    )


def _labels(periods: int | Sequence[str] | None, today: pd.Timestamp, freq: str) -> list[str]:
    """The labels of the requested periods."""
    if periods is None:
        return []
    if isinstance(periods, (list, tuple, pd.Index)):
        return [str(as_period(label, freq, name="periods")) for label in dict.fromkeys(periods)]
    if isinstance(periods, str):
        raise ArgumentTypeError(f"periods={periods!r} is text; use a list of labels or a number of periods")
    count = arguments.whole(periods, "periods", example=3)
    return [str(pd.Period(today, freq) + k) for k in range(count)]


def _sums(deals: Deals, current: pd.Period) -> pd.DataFrame:
    groups = deals.groups
    kind = np.where(deals.open, 0, np.where(deals.booked, 1, np.where(deals.later, 2, -1))).astype(np.int8)
    open_value, booked, later = groups.sums(deals.value, kind, 3)
    weighted = groups.sum(deals.value * deals.chance, deals.open)
    no_value = np.isnan(deals.value)
    nan = np.full(groups.size, np.nan)
    return groups.frame(
        {
            "booked": booked,
            "open_count": groups.count(deals.open),
            "open_value": open_value,
            "weighted_open": weighted,
            "new_business": np.zeros(groups.size),
            "expected": np.where(deals.in_period, booked + weighted, 0.0),
            "low": nan,
            "median": nan,
            "high": nan,
            "target": nan,
            "p_target": nan,
            "gap": nan,
            "pipeline_coverage": nan,
            "attainment": nan,
            "won_later_value": later,
            "no_value": groups.count(deals.open & no_value),
            "no_probability": groups.count(deals.open & ~no_value & np.isnan(deals.chance)),
            "to_date": np.asarray(deals.index.get_level_values("period") == str(current), dtype=bool),
            "new_business_periods": np.zeros(groups.size, dtype=np.int64),
        }
    )


def _add_new_business(table: pd.DataFrame, deals: Deals, further: list[list[float] | None]) -> None:
    added = np.array([np.nan if amounts is None else np.mean(amounts or [0.0]) for amounts in further])
    table["new_business"] = added
    table["new_business_periods"] = np.array([len(amounts or []) for amounts in further], dtype=np.int64)
    table["expected"] += np.where(deals.in_period, np.nan_to_num(added), 0.0)


def _add_ranges(
    table: pd.DataFrame,
    deals: Deals,
    further: list[list[float] | None] | None,
    correlation: float,
    confidence: float,
    seed: int,
) -> None:
    """Fill in the range and the probability of the target, where they can be computed."""
    rows = np.flatnonzero(deals.priced & (deals.groups.codes >= 0))
    rows = rows[np.argsort(deals.groups.codes[rows], kind="stable")]
    codes = deals.groups.codes[rows]
    places = np.flatnonzero(deals.in_period)
    starts, ends = np.searchsorted(codes, places), np.searchsorted(codes, places, side="right")
    levels = ((1 - confidence) / 2, 0.5, (1 + confidence) / 2)
    result = np.full((len(table), 4), np.nan)
    booked, target = table["booked"].to_numpy(), table["target"].to_numpy()
    for place, start, end in zip(places, starts, ends, strict=True):
        amounts = [] if further is None else further[place]
        if amounts is None:
            # Without new business, the range would be far too narrow beside ranges with it.
            continue
        mine = rows[start:end]
        total = distribute(
            deals.value[mine],
            deals.chance[mine],
            sure=booked[place],
            one_of=amounts,
            correlation=correlation,
            seed=seed,
        )
        p_target = total.at_least(target[place]) if np.isfinite(target[place]) else np.nan
        result[place] = [*map(total.quantile, levels), p_target]
    table[["low", "median", "high", "p_target"]] = result
