"""The deals that moved the open pipeline most."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("unique_id", "name", "movement", "value")
def movements(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.movements`: the twenty deals that moved the open pipeline most, with all that happened to each.

    A deal that came and left again changed nothing: its movements add up.
    """
    return render(charts.movements(table), ax)
