"""One period's forecast over time, up to the actual bookings."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("booked", "expected", "low", "high")
def forecast_fan(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_fan`: booked, expected and the range of one period, record by record.

    Time runs to the right. Once the period has ended, a horizontal line shows its actual bookings; a column ``target`` is
    drawn as one too.
    """
    return render(charts.forecast_fan(table), ax)
