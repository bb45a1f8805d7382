"""Closed money and each category of open money, period by period."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.org import money_of
from opp_analytics.plots import labels, palette, style
from opp_analytics.schema import BUCKETS

_PARTS = ("closed", "commit", "best_case", "pipeline", "omitted")
_COLORS = {
    "closed": palette.BAR,
    "commit": palette.HI,
    "best case": palette.BAND,
    "pipeline": palette.PALE,
    "omitted": palette.RULE,
}
_MOST = 30


@style.drawing(*_PARTS, "commit_total", "best_case_total", "to_date")
def forecast_categories(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast_categories`: a bar per period from the current one on; with `by`, a bar per group of that period."""
    rows, names = _rows(table)
    sums = rows[list(_PARTS)].sum(axis=1)
    rows = rows[sums > 0]
    if table.index.nlevels > 1:
        rows = rows.loc[sums[sums > 0].sort_values(ascending=False, kind="stable").index]
    shown = rows.head(_MOST)
    ax = style.canvas(ax, rows=len(shown), size=(9.0, 3.4))
    if shown.empty:
        style.nothing(ax, "no won or open deals")
        return style.finish(ax, sentence(table), style.caption(table))
    money = money_of(table)
    parts = shown[list(_PARTS)].rename(columns={name: text.label(name) for name in _PARTS})
    labels.label_rows(ax, [names[key] for key in shown.index])
    says = [
        f"{money(commit)} commit, {money(best)} best"
        for commit, best in zip(shown["commit_total"], shown["best_case_total"], strict=True)
    ]
    labels.label_bars(ax, parts.sum(axis=1).tolist(), says, color=palette.INK)
    labels.money_axis(ax.xaxis, "value", table)
    labels.stacked(ax, parts, _COLORS, every_row=True)
    note = "at the right: closed + commit, and with best case"
    return style.finish(ax, sentence(table), style.caption(table, note))


def _rows(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[object, str]]:
    """The rows to draw, with their names: the buckets and the periods from now on, or each group's current period."""
    freq, running = table.attrs.get("freq"), np.asarray(table["to_date"], dtype=bool)
    if table.index.nlevels == 1:
        kept = table[np.maximum.accumulate(running) | table.index.isin(BUCKETS) | ~running.any()]
        return kept, {key: text.period(str(key), freq) for key in kept.index}
    now = table[running] if running.any() else table
    labeled = labels.row_names(now.reset_index("period").index)
    periods = [text.period(str(period), freq) for period in now.index.get_level_values("period")]
    names = (
        labeled
        if running.any()
        else [f"{name} · {period}" for name, period in zip(labeled, periods, strict=True)]
    )
    return now, dict(zip(now.index, names, strict=True))
