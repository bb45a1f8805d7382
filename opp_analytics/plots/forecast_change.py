"""Why the forecast of a period moved."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("expected", "value", "deals", "largest")
def forecast_change(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_change`: the steps from the forecast then to the forecast now; with `by`, each group's ups and downs."""
    return render(charts.forecast_change(table), ax)
