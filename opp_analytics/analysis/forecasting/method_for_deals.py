"""`method_for_deals`: the method that answers questions about single deals."""

from __future__ import annotations

import pandas as pd

from opp_analytics.analysis.forecasting.choose import Chosen, Situation, choose
from opp_analytics.analysis.forecasting.deals_by_period import read_deals
from opp_analytics.analysis.forecasting.look_ahead import with_org
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.read_arguments import read_arguments
from opp_analytics.history import History
from opp_analytics.periods import When


def method_for_deals(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    freq: str = "M",
    method: str | Method = "auto",
    history: History | None = None,
    tz: str | None = None,
) -> Chosen:
    """The method that answers questions about single deals, and why: under "auto" learned, else stated.

    Parameters
    ----------
    opportunities, as_of, freq, method, history, tz
        As for `forecast`.

    Returns
    -------
    Chosen
        ``method``, and ``label``: its name and why "auto" took it.

    Raises
    ------
    ArgumentTypeError, ArgumentValueError, NotEnoughHistory
        When the method cannot answer such questions, or the data cannot serve it.
    """
    asked = read_arguments(opportunities, as_of, freq, method, history, tz=tz)
    deals = read_deals(
        with_org(opportunities, asked.org), [], today=asked.today, freq=asked.freq, by=[], tz=asked.tz
    )
    return choose(asked.method, Situation.of(deals, history), single_deals=True)
