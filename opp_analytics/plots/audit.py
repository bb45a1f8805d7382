"""Bar chart of the audit's findings by check."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import audit_summary, sentence
from opp_analytics.org import money_of
from opp_analytics.plots import labels, palette, style


@style.drawing("unique_id", "check", "severity")
def audit(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the findings of `oa.audit` to fix: how many deals each check found and their value, the most money first, in blue.

    Hints (severity "info") are drawn where there is nothing else. To draw a part, pass those rows:
    ``plots.audit(findings[findings.severity == "error"])``.
    """
    summary = audit_summary(table)
    hints = summary["severity"] == "info"
    shown = summary if hints.all() else summary[~hints]
    shown = shown.sort_values(["value", "deals"], ascending=False, kind="stable")
    ax = style.canvas(ax, rows=len(shown), size=(7.5, 3.0))
    if shown.empty:
        style.nothing(ax, "nothing found")
        return style.finish(ax, sentence(table), style.caption(table))
    colors = [palette.HI] + [palette.MUTE] * (len(shown) - 1)
    ax.barh(range(len(shown)), shown["deals"], color=colors, height=0.7)
    labels.label_rows(ax, [text.label(str(check)) for check in shown.index])
    money = money_of(table)
    says = [
        f"{text.count(deals)}{f', {money(value)}' if value else ''}{' (error)' if severity == 'error' else ''}"
        for deals, value, severity in zip(shown["deals"], shown["value"], shown["severity"], strict=True)
    ]
    labels.label_bars(ax, shown["deals"].tolist(), says, color=palette.INK)
    labels.count_axis(ax.xaxis, "deals")
    left = int(summary["deals"].sum() - shown["deals"].sum())
    further = f"{text.count(left, 'hint')} not shown" if left else ""
    return style.finish(ax, sentence(shown), style.caption(table, "deals by check", further))
