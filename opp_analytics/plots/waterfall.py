"""The waterfall from one open pipeline to the next."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("count", "value", "deals")
def waterfall(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.waterfall`: the steps from the opening pipeline to the closing one; with `by`, each group's ins and outs."""
    return render(charts.waterfall(table), ax)
