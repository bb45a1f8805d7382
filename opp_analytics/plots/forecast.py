"""The forecast by period: booked, expected, the range, and the target."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing(
    "booked", "open_count", "open_value", "weighted_open", "new_business", "expected", "low", "median",
    "high", "target", "p_target", "gap", "pipeline_coverage", "to_date",
)  # fmt: skip
def forecast(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast`: booked and expected money by period, the range, and the target; with `by`, the groups of one period.

    Time is uniform, from nine periods before the current one to nine after it. Overdue and unscheduled deals are due in
    no period: the caption counts them.
    """
    return render(charts.forecast(table), ax)
