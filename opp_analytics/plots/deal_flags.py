"""The open deals to question, largest first, with the reasons."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("name", "value", "risk", "reasons")
def deal_flags(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.deal_flags`: the fifteen largest flagged deals with their reasons; those with several flags are blue."""
    return render(charts.deal_flags(table), ax)
