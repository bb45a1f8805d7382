"""New pipeline by period, and the open pipeline at its end."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("deals", "value", "open_value")
def pipeline_created(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.pipeline_created`: the value created by period as bars (with `by`, stacked), the open value as a line."""
    return render(charts.pipeline_created(table), ax)
