"""Bar chart of the audit's findings by check."""

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import charts
from opp_analytics.plots.render import drawing, render


@drawing("unique_id", "check", "severity")
def audit(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the findings of `oa.audit` to fix: how many deals each check found and their value, the most money first, in blue.

    Hints (severity "info") are drawn where there is nothing else. To draw a part, pass those rows:
    ``plots.audit(findings[findings.severity == "error"])``.
    """
    return render(charts.audit(table), ax)
