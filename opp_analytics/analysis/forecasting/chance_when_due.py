"""The chance that each deal is won in the period that it is due in."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics.analysis.forecasting.forecast import read_arguments
from opp_analytics.analysis.forecasting.forecast_table import look_ahead
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.history import History
from opp_analytics.periods import When


def chance_when_due(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    freq: str = "M",
    method: str | Method = "auto",
    history: History | None = None,
    tz: str | None = None,
) -> tuple[NDArray[np.float64], str]:
    """The chance that each open deal is won in the period that it is due in, and the method's name with why it was taken.

    Parameters
    ----------
    opportunities, as_of, freq, method, history, tz
        As for `forecast_deals`: under "auto", learned where the history allows, else stated.

    Returns
    -------
    array of float64, str
        Fractions, in the order of the rows; NaN for deals that are overdue, undated or not open, and where nothing is known.
    """
    asked = read_arguments(opportunities, as_of, freq, method, history, tz=tz)
    made = look_ahead(opportunities, asked, [], single_deals=True)
    chance = np.full(len(opportunities), np.nan)
    for period, outlook in made.outlooks.items():
        due = made.deals.due_in(period)
        chance[due] = outlook.chance[due]
    return chance, made.chosen.label
