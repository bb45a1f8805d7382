"""Bar chart of the audit's findings by check."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import audit_summary, sentence
from opp_analytics.org import money_of
from opp_analytics.plots import labels, style


@style.drawing("unique_id", "check", "severity")
def audit(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the findings of `oa.audit`: how many deals each check found, errors first, and their value.

    To draw a part, pass those rows: ``plots.audit(findings[findings.severity == "error"])``.
    """
    summary = audit_summary(table)
    ax = style.canvas(ax, rows=len(summary))
    if summary.empty:
        style.nothing(ax, "nothing found")
        return style.finish(ax, sentence(table), style.caption(table))
    colors = [style.color_of(severity) for severity in summary["severity"]]
    ax.barh(range(len(summary)), summary["deals"], color=colors, height=0.7)
    labels.label_rows(ax, [text.label(str(check)) for check in summary.index])
    money = money_of(table)
    says = [
        f"{text.count(deals)}, {money(value)}" + (f" ({severity})" if severity == "error" else "")
        for deals, value, severity in zip(
            summary["deals"], summary["value"], summary["severity"], strict=True
        )
    ]
    labels.label_bars(ax, summary["deals"].tolist(), says)
    labels.count_axis(ax.xaxis, "deals")
    return style.finish(ax, sentence(table), style.caption(table, "deals by check, errors first"))
