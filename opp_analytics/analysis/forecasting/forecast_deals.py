"""`forecast_deals`: the deals behind a forecast, and their effect on range and target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import org
from opp_analytics.analysis.forecasting.deal_reasons import list_reasons
from opp_analytics.analysis.forecasting.learned import Learned
from opp_analytics.analysis.forecasting.method import read_method
from opp_analytics.analysis.forecasting.moment import NEVER, read_versions
from opp_analytics.analysis.forecasting.outlook import Mix
from opp_analytics.analysis.forecasting.question import ForecastQuestion, Outlooks, answer
from opp_analytics.analysis.forecasting.stage_rates import Stated
from opp_analytics.analysis.forecasting.targets import Target
from opp_analytics.analysis.forecasting.win_chances import find_win_chances, find_win_dates
from opp_analytics.analysis.shared.groups import By
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.arguments import MethodName, StageRates
from opp_analytics.arrays import Floats, Series
from opp_analytics.history import History
from opp_analytics.note import TableNote, note_of
from opp_analytics.periods import Freq, When
from opp_analytics.periods import labels as label_periods
from opp_analytics.schema import TEXT

_CARRIED = ("unique_id", "name")
_WON_DATES = ("won_low", "won_median", "won_high")
_FROM_HISTORY = ("learned", "stage")
"""Methods that take a deal's chance from history."""


def forecast_deals(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    freq: Freq = "M",
    method: MethodName = "auto",
    history: History | None = None,
    target: Target = None,
    by: By = None,
    periods: int | Sequence[str] | None = None,
    only: bool = False,
    probability: str | None = None,
    stage_rates: StageRates = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Measure each open deal's effect on a period's range and on the chance of its target.

    Parameters
    ----------
    opportunities : DataFrame
        As for `forecast`; ``unique_id`` and ``name`` are kept if present.
    periods : int or list of str, optional
        The periods whose deals are listed: their labels, or their number from the current one on;
        default: all that hold deals and that have a target. ``only`` adds nothing to them.
    as_of, freq, method, history, target, by, only, probability, stage_rates, tz
        As for `forecast`. Under "auto", learned where the history allows, else stated: the run rate
        does not look at single deals.

    Returns
    -------
    DataFrame
        RangeIndex, by period, the deal with the largest share of the variance first. One row for
        each period (none before the current one) and each deal that can be won in it: under learned
        every open deal with a value, else those due in it that have a chance. Columns:

        - ``period`` (str), then ``unique_id``, ``name``, the columns of `by`, ``stage``,
          ``close_date`` of the frame.
        - ``probability`` of the frame, if present: the chance that is stated.
        - ``value`` (float64, money), ``chance`` (float64, fraction): that it is won in
          the period; ``win_chance`` (float64, fraction): that it is won at all, one number for all
          periods; ``counted_value`` (float64, money): the value as the forecast counts it, under
          learned by what won deals brought of theirs; ``weighted`` (float64, money): counted_value
          · chance.
        - ``variance_share`` (float64, fraction): share of Σ v²·p·(1 − p) over the deals of the
          period and group, as if they were independent; the shares sum to 1, and are NaN where
          nothing is uncertain.
        - ``p_if_won``, ``p_if_lost`` (float64, fraction): P(total ≥ target of the period) in either
          case; ``swing``: their difference. NaN without a target.
        - ``won_low``, ``won_median``, ``won_high`` (naive dates): if it is won, the days by which
          10, 50 and 90% of past wins from the same stage and as far from their due date had come.
          They say when, not whether: a deal that is hardly ever won has them too. NaT without a
          history, or with fewer than 8 wins in it.

        Note: ``n`` deals, ``day``, ``freq``, ``method``, ``why``, ``learns_on`` as in
        `forecast`, ``left_out``. Without such deals, no rows.

    Raises
    ------
    MissingColumnError, DataError, ArgumentTypeError, ArgumentValueError, NotEnoughHistory
        As for `forecast`; also for ``method="run_rate"``.

    See Also
    --------
    forecast

    Notes
    -----
    The outcomes are those of the forecast, so chance·p_if_won + (1 − chance)·p_if_lost
    equals its ``p_target``, within 1e-6. ``win_chance`` is the stated chance of the deal, or under
    learned the share of past deals of its stage, owner, size and due class (overdue, within 31 or
    92 days, later, no date) that were won in the end, open at a week's last record of the last two
    years (Aalen–Johansen), and never below the chance of the current period. Past wins are those
    within 90 days of a week's last record that is at least 90 days old; with fewer than 8 of the
    same stage and distance (overdue, within 14, 30 or 60 days, later, no date) those of the stage
    count, else all.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "stage": "proposal",
    ...         "value": [90.0, 10.0],
    ...         "close_date": "2026-03-20",
    ...         "probability": [50, 50],
    ...     }
    ... )
    >>> table = forecast_deals(frame, as_of="2026-03-10", target=90)
    >>> table[["value", "variance_share", "p_if_won", "p_if_lost"]].round(3)
       value  variance_share  p_if_won  p_if_lost
    0   90.0           0.988       1.0        0.0
    1   10.0           0.012       0.5        0.5
    """
    meant = read_method(method, probability=probability, stage_rates=stage_rates)
    return DealForecast.of(
        opportunities,
        only=only or periods is not None,
        as_of=as_of,
        freq=freq,
        method=meant,
        history=history,
        by=by,
        target=target,
        periods=periods,
        tz=tz,
    ).list_deals()


@dataclass(frozen=True)
class DealForecast:
    """A forecast that its single deals can be asked of."""

    opportunities: pd.DataFrame
    question: ForecastQuestion
    made: Outlooks

    @classmethod
    def of(cls, opportunities: pd.DataFrame, **asked: Any) -> DealForecast:
        """Forecast, with the arguments of a `ForecastQuestion`."""
        question = ForecastQuestion.of(opportunities, **asked)
        opportunities = question.place(opportunities)
        made = answer(question, question.read(opportunities), single_deals=True)
        return cls(opportunities, question, made)

    @cached_property
    def win_dates(self) -> NDArray[np.datetime64]:
        """The days by which 10%, 50% and 90% of past wins like each deal had come."""
        question, deals = self.question, self.made.moment
        if question.history is None or question.records is None:
            return np.full((len(_WON_DATES), len(deals.value)), np.datetime64("NaT", "us"))
        if isinstance(learned := self.made.fitted, Learned):
            return find_win_dates(learned.versions, deals)
        asked = question.history, question.records
        return find_win_dates(read_versions(*asked, tz=question.tz, org=question.org), deals)

    @cached_property
    def win_chances(self) -> Floats:
        """The chance that each open deal is won at all."""
        question, fitted, deals = self.question, self.made.fitted, self.made.moment
        if isinstance(fitted, Stated):
            return fitted.every_chance(deals)
        assert isinstance(fitted, Learned)
        assert question.records is not None
        # One number, in whatever periods it is asked.
        freq = question.org.freq(question.org.report.get("freq", "M"))
        records = replace(question.records, freq=freq)
        learned = replace(question, freq=freq, records=records).learn(())
        return find_win_chances(learned, deals, records.period(deals.day))

    def find_chances(self, period: pd.Period) -> Series:
        """Find each deal's chance to be won in a period, by id, in a forecast without groups."""
        outlook = self.made.outlooks[period]
        (total,) = outlook.totals
        rows = total.rows if isinstance(total, Mix) else np.zeros(0, dtype=np.intp)
        ids = self.opportunities["unique_id"].iloc[rows]
        return pd.Series(outlook.chance[rows], ids, dtype="float64")

    def list_deals(self, shown: pd.Period | None = None) -> pd.DataFrame:
        """Make the table of `forecast_deals`.

        Under `shown`, the chances of a target are NaN in other periods.
        """
        question, made, opportunities = self.question, self.made, self.opportunities
        deals = made.moment
        found = _list_deals(question, made, shown)
        rows = found["row"].to_numpy()
        names = dict.fromkeys([*_CARRIED, *question.by, "stage", "close_date", "probability"])
        carried = org.conform(opportunities[[name for name in names if name in opportunities]])
        value, chance = deals.value[rows], found["chance"]
        table = pd.DataFrame(
            {
                "period": found["period"].astype(TEXT),
                **{str(name): carried[name].array[rows] for name in carried},
                "value": value,
                "chance": chance,
                "win_chance": self.win_chances[rows],
                "counted_value": found["counted_value"],
                "weighted": found["counted_value"] * chance,
                "variance_share": found["variance_share"],
                "p_if_won": found["p_if_won"],
                "p_if_lost": found["p_if_lost"],
                "swing": found["p_if_won"] - found["p_if_lost"],
                **dict(zip(_WON_DATES, self.win_dates[:, rows], strict=True)),
            }
        )
        valued, ahead = ~np.isnan(deals.value), (deals.due >= deals.day) & (deals.due < NEVER)
        covered = ~ahead | np.any(
            [deals.due_in(period) for period in made.outlooks] or [~ahead], axis=0
        )
        left = deals.open & covered & ~np.isin(np.arange(len(deals.value)), rows)
        return annotate(
            table,
            "forecast_deals",
            made_from=opportunities,
            n=int(found["row"].nunique()),
            as_of=question.today,
            left_out={
                **deals.left_out,
                "without_value": int((left & ~valued).sum()),
                "overdue_or_unscheduled": int((left & valued & ~ahead).sum()),
                "without_chance": int((left & valued & ahead).sum()),
            },
            freq=question.freq,
            method=made.method.label,
            why=made.method.why,
            learns_on=made.method.learns_on,
        )

    def list_reasons(self, rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """Make the table of `deal_reasons` for each period in rows of `forecast_deals`.

        Only learned chances have reasons; other methods yield no table.
        """
        deals, learned, question = self.made.moment, self.made.fitted, self.question
        if isinstance(learned, Learned):
            ids = self.opportunities["unique_id"]
            for period, mine in rows.groupby("period", sort=False)["unique_id"]:
                asked = deals.open & ids.isin(mine).to_numpy(dtype=bool)
                table = list_reasons(
                    learned, deals, pd.Period(str(period), question.freq), asked, ids
                )
                note = TableNote("deal_reasons", str(question.today.date()), question.freq)
                yield note.change(period=period).write(table)


def select_own_chances(table: pd.DataFrame) -> pd.DataFrame:
    """Select each deal's own row of `forecast_deals`; keep only chances from history.

    It is the row of the period that the deal is due in; past its date, or without one, of the
    current period.
    """
    note = note_of(table)
    due = label_periods(table["close_date"], note.freq)
    is_ahead = table["close_date"] >= pd.Timestamp(note.known_day)
    own = due.mask(~is_ahead, str(pd.Period(note.day, note.freq)))
    kept: pd.DataFrame = table[table["period"] == own]
    return kept if note.method in _FROM_HISTORY else kept.assign(chance=np.nan)


def _list_deals(
    question: ForecastQuestion, made: Outlooks, shown: pd.Period | None
) -> pd.DataFrame:
    """List the deals that can be won in each period, the largest share of variance first."""
    deals, parts = made.moment, [pd.DataFrame(_NO_DEALS)]
    for period, outlook in made.outlooks.items():
        booked, conditioned = deals.booked_in(period), shown in (None, period)
        for group, (labels, total) in enumerate(zip(deals.labels, outlook.totals, strict=True)):
            if question.is_over(period, deals) or not isinstance(total, Mix):
                continue
            rows, target = total.rows, question.targets.of(question.by, labels, str(period))
            chance, value = outlook.chance[rows], total.amounts
            unknown = np.full(len(rows), np.nan)
            won, lost = unknown, unknown
            if conditioned and not np.isnan(target):
                won, lost = outlook.conditions(total, booked[group], target)
            variance = value**2 * chance * (1 - chance)
            share = variance / variance.sum() if variance.sum() > 0 else unknown
            part = pd.DataFrame(
                dict(zip(_NO_DEALS, (rows, chance, value, share, won, lost), strict=False))
            )
            parts.append(part.assign(period=str(period)).iloc[np.lexsort((-value, -variance))])
    return pd.concat(parts, ignore_index=True)


_NO_DEALS = {
    "row": np.zeros(0, dtype=np.int64),
    **dict.fromkeys(
        ("chance", "counted_value", "variance_share", "p_if_won", "p_if_lost"), np.zeros(0)
    ),
    "period": pd.Series([], dtype=TEXT),
}
