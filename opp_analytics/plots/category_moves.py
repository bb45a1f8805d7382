"""What became of each forecast category."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("count", "value")
def category_moves(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.category_moves`: a bar of shares of money per category at the start, cut by what became of it."""
    return render(charts.category_moves(table), ax)
