"""The slip ladder: the deals due in a period, split by outcome."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("count", "value", "count_rate", "value_rate")
def slippage(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.slippage`: a ladder of value by outcome; with `by`, one bar of shares per group."""
    return render(charts.slippage(table), ax)
