"""The outcomes of the entries into each stage."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("entries", "advanced", "still", "back", "lost", "removed", "conversion", "median_days")
def stage_flow(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.stage_flow`: a bar of entries per stage, cut by their outcome, with conversion and median days."""
    return render(charts.stage_flow(table), ax)
