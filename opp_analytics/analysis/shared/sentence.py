"""`sentence`: the finding of a result table in words."""

from __future__ import annotations

import pandas as pd

from opp_analytics.analysis.forecasting import backtest_sayings, category_sayings
from opp_analytics.analysis.forecasting import sayings as forecasting
from opp_analytics.analysis.movement import change_sayings
from opp_analytics.analysis.movement import sayings as movement
from opp_analytics.analysis.quality import sayings as quality
from opp_analytics.analysis.rates import sayings as rates
from opp_analytics.analysis.stages import sayings as stages
from opp_analytics.errors import ArgumentTypeError
from opp_analytics.text import joined

_SAYINGS = (
    *backtest_sayings.SAYINGS,
    *forecasting.SAYINGS,
    *category_sayings.SAYINGS,
    *movement.SAYINGS,
    *change_sayings.SAYINGS,
    *stages.SAYINGS,
    *quality.SAYINGS,
    *rates.SAYINGS,
)


def sentence(table: pd.DataFrame) -> str:
    """The finding of a result table in one sentence.

    Parameters
    ----------
    table : DataFrame
        Result of a forecast, rate, stage or movement analysis or of `audit` or `deal_flags`, or some of its rows. A waterfall
        needs its opening and closing rows, a change of forecast its then and now. A forecast is told of its current period, or of its first one when that is not there.

    Returns
    -------
    str
        One sentence, with money and percent formatted as in charts and reports.

    Raises
    ------
    ArgumentTypeError
        When the table is not a result of these functions.

    Examples
    --------
    >>> from opp_analytics.analysis.movement.waterfall import waterfall
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({"unique_id": ["a", "b", "a"], "seen_at": ["2026-01-05", "2026-01-12", "2026-01-12"],
    ...                     "value": [100.0, 50.0, 120.0], "stage": ["proposal", "discovery", "closed_won"]})
    >>> sentence(waterfall(History.from_changes(log), start="2026-01-05", end="2026-01-12"))
    'Pipeline went from 100 (1 deal) to 50 (1 deal): added 50 (1), raised 20 (1), won 120 (1).'
    """
    if isinstance(table, pd.DataFrame):
        for saying in _SAYINGS:
            if saying.fits(table):
                return saying.say(table)
    functions = joined([saying.function for saying in _SAYINGS], last="or")
    raise ArgumentTypeError(f"sentence needs a table from {functions}, not {_named(table)}")


def _named(table: object) -> str:
    if isinstance(table, pd.DataFrame):
        return f"one with the columns {joined(table.columns, most=8)}"
    return f"a {type(table).__name__}"
