"""The stage-to-stage matrix."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("unique_id", "from_stage", "to_stage", "days_in_stage")
def transitions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.transitions` as a matrix: how many steps went from each stage to each other one."""
    return render(charts.transitions(table), ax)
