"""Stated win probabilities against actual wins."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("n", "stated", "realized", "realized_low", "realized_high", "open_share", "won", "open")
def calibration(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.calibration`: the share won against the stated probability, with intervals and n.

    Points on the diagonal are accurate; points below it were stated too high.
    """
    return render(charts.calibration(table), ax)
