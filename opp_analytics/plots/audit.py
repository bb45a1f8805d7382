"""Findings of the audit by check."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.analysis import audit_summary
from opp_analytics.plots import style
from opp_analytics.text import label


def audit(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.audit`: how many deals each check found, by severity.

    Parameters
    ----------
    table : DataFrame
        Rows of `oa.audit`, all or some.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        One bar per check that found something, the gravest first.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(table, "unique_id", "check", "severity", "value", made_by="oa.audit")
    summary = audit_summary(table)
    ax = style.canvas(ax, rows=len(summary))
    if summary.empty:
        style.nothing(ax, "nothing found")
        return style.finish(ax, "Audit", style.caption(table))
    shades = {
        "error": style.COLOURS["lost"],
        "warning": style.COLOURS["overdue"],
        "info": style.COLOURS["unscheduled"],
    }
    bars = ax.barh(
        range(len(summary)),
        summary["deals"],
        color=[shades[severity] for severity in summary["severity"]],
        height=0.7,
    )
    style.label_rows(ax, [label(check) for check in summary.index])
    style.label_bars(
        ax,
        bars,
        [
            f"{deals:,} · {style.money(value)}"
            for deals, value in zip(summary["deals"], summary["value"], strict=True)
        ],
    )
    ax.set_xlabel("deals · their value", color=style.QUIET, fontsize=9)
    return style.finish(ax, "Audit", style.caption(table))
