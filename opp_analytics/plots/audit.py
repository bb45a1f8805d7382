"""Whether to believe it: reliability of probabilities, findings of the audit."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style


def audit(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.audit`: how many deals each check found, by severity.

    Parameters
    ----------
    table : DataFrame
        What `oa.audit` returns, with its attrs.
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
    style.check_table(table, "unique_id", "check", "severity", made_by="oa.audit")
    summary = table.attrs.get("summary") or []
    ax = style.canvas(ax, rows=len(summary))
    if not summary:
        style.nothing(ax, "nothing found")
        return style.finish(ax, "Audit", style.caption(table))
    shades = {
        "error": style.COLOURS["lost"],
        "warning": style.COLOURS["overdue"],
        "info": style.COLOURS["unscheduled"],
    }
    bars = ax.barh(
        range(len(summary)),
        [row["count"] for row in summary],
        color=[shades[row["severity"]] for row in summary],
        height=0.7,
    )
    style.label_rows(ax, [str(row["check"]).replace("_", " ") for row in summary])
    style.label_bars(ax, bars, [f"{row['count']:,} · {style.money(row['value'])}" for row in summary])
    ax.set_xlabel("deals · their value", color=style.QUIET, fontsize=9)
    return style.finish(ax, "Audit", style.caption(table))
