"""The forecast of one period, deal by deal, for deals as they are and as they might have been."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics.analysis.forecasting.choose import Chosen, Situation, choose
from opp_analytics.analysis.forecasting.deals_by_period import Deals, read_deals, slot
from opp_analytics.analysis.forecasting.forecasters import Forecaster
from opp_analytics.analysis.forecasting.look_ahead import look_ahead
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.read_arguments import read_arguments
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.history import History
from opp_analytics.periods import When


@dataclass(frozen=True)
class Pricing:
    """A method fitted to the pipeline of one moment, for one period."""

    chosen: Chosen
    """The method, and why it was taken."""
    period: pd.Period
    new_business: dict[tuple[str, ...], float]
    """Money expected from deals that are not open, by group; without groups, one entry with the key ()."""
    opportunities: pd.DataFrame
    """The pipeline of the moment."""
    _deals: Deals
    _forecaster: Forecaster
    _situation: Situation

    @property
    def today(self) -> pd.Timestamp:
        """The day of the moment."""
        return self._deals.today

    @property
    def automatic(self) -> Chosen:
        """The method that "auto" takes at this moment."""
        return choose(Method("auto"), self._situation)

    def expected(self, opportunities: pd.DataFrame) -> NDArray[np.float64]:
        """Money expected in the period from each row: value if it is booked there, else value · chance; 0 where unknown."""
        deals = self._read(opportunities)
        booked = deals.booked & (deals.period == slot(self.period))
        chance = np.where(booked, 1.0, np.nan_to_num(self._chance(deals)))
        return np.nan_to_num(deals.value) * chance

    def chance(self, opportunities: pd.DataFrame) -> NDArray[np.float64]:
        """Chance that each row is won in the period: 0 if it is not open or the period has ended, NaN where unknown."""
        return self._chance(self._read(opportunities))

    def _chance(self, deals: Deals) -> NDArray[np.float64]:
        if self.period < deals.current:
            return np.zeros(len(deals.frame))
        return self._forecaster.chance(deals, self.period)

    def _read(self, opportunities: pd.DataFrame) -> Deals:
        at = self._deals
        columns = self.chosen.method.columns
        return read_deals(
            opportunities, columns, today=at.today, freq=at.freq, by=[], tz=at.tz, known_then=True, some=True
        )


def price_period(
    history: History,
    *,
    at: When,
    period: str,
    freq: str = "M",
    method: str | Method = "auto",
    by: By = None,
    tz: str | None = None,
) -> Pricing:
    """The forecast of one period as of a moment, ready to price single deals.

    Parameters
    ----------
    history : History
        Past records; those after `at` are not read.
    at : date-like
        The moment; a naive date is the start of its day. The pipeline is that of the last record by then.
    period, freq, method, by, tz
        As for `forecast`.

    Returns
    -------
    Pricing
        Σ expected(history.as_of(at)) + Σ new_business is the ``expected`` of `forecast` for the period.

    Raises
    ------
    NotEnoughHistory
        When `at` is before the first record, or the data cannot serve the method; the message says from when they can.
    """
    names, frame = check_by(by, level="period"), history.as_of(at, tz=tz)
    asked = read_arguments(frame, at, freq, method, history, periods=[period], only=True, tz=tz, by=names)
    made = look_ahead(frame, asked, names)
    deals, wanted = made.deals, pd.Period(asked.periods[0], asked.freq)
    more = dict(zip(deals.labels, made.outlooks[wanted].new_business.tolist(), strict=True))
    return Pricing(made.chosen, wanted, more, frame, deals, made.forecaster, Situation.of(deals, history))
