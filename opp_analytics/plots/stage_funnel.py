"""The stage funnel: open value per stage."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("open_count", "open_value", "reached_low", "reached_high")
def stage_funnel(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.stage_funnel`: a bar of open value per stage, with its open deals."""
    return render(charts.stage_funnel(table), ax)
