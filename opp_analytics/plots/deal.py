"""The timeline of one deal: its stage, value and close date over time."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("seen_at", "operation", "field", "before", "after", made_by="history.deal")
def deal(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `history.deal`: stage, value and close date of a deal over time, each change where it was seen."""
    return render(charts.deal(table), ax)
