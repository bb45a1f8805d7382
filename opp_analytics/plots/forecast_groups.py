"""The forecast of each group in one period: closed and expected money, the range, and the target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.org import Money, money_of
from opp_analytics.plots import labels, palette, style
from opp_analytics.schema import ALL, BUCKETS

__all__ = ["forecast_groups"]

_MOST = 30


def forecast_groups(ax: Axes | None, table: pd.DataFrame) -> Axes:
    """A row per group for the current period, else for the first one, the largest forecast first."""
    period, rows = _of_one_period(table)
    rows = rows[rows[["booked", "expected", "target"]].fillna(0.0).ne(0).any(axis=1)]
    ranked = rows.sort_values("expected", ascending=False, kind="stable", na_position="last")
    shown = ranked.head(_MOST)
    ax = style.canvas(ax, rows=len(shown), size=(8.5, 2.8))
    said = text.period(period, table.attrs.get("freq")) if period else ""
    rest = len(ranked) - len(shown)
    further = f"{text.count(rest, 'smaller group')} not shown" if rest else ""
    aimed = shown["target"].notna().to_numpy()
    key = f"dark: booked, blue: expected{', line: target' if aimed.any() else ''}"
    note = style.caption(
        table,
        f"{text.count(len(ranked), 'group')} of {said}" if said else "",
        key,
        further,
        style.method(table),
    )
    if shown.empty:
        style.nothing(ax, "nothing won or due in this period")
        return style.finish(ax, sentence(table), note)
    places = np.arange(len(shown))
    booked = shown["booked"].fillna(0.0).to_numpy(dtype=float)
    more = np.nan_to_num(shown["expected"].to_numpy(dtype=float) - booked)
    target = shown["target"].to_numpy(dtype=float)
    ax.barh(places, booked, height=0.62, color=palette.BAR)
    ax.barh(places, more, left=booked, height=0.62, color=palette.HI)
    ax.vlines(target[aimed], places[aimed] - 0.42, places[aimed] + 0.42, color=palette.INK, linewidth=2)
    labels.label_rows(ax, labels.row_names(shown.index))
    money, tops = money_of(table), np.fmax(booked + more, target)
    labels.label_bars(ax, tops.tolist(), [_says(row, money) for row in shown.itertuples()], color=palette.INK)
    labels.money_axis(ax.xaxis, "booked and expected", table)
    return style.finish(ax, sentence(table), note)


def _of_one_period(table: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """The current period's rows, else those of the first period, without totals."""
    labeled = table.index.get_level_values("period")
    running = table["to_date"].to_numpy(dtype=bool)
    listed = [*labeled[running], *labeled[~labeled.isin(BUCKETS)]]
    if not listed:
        return "", table.head(0).droplevel("period")
    rows = table[labeled == listed[0]].droplevel("period")
    totals = [ALL in (label if isinstance(label, tuple) else (label,)) for label in rows.index]
    return str(listed[0]), rows[~np.array(totals, dtype=bool)]


def _says(row: Any, money: Money) -> str:
    aim = "" if np.isnan(row.target) else f" of {money(row.target)}"
    return f"{money(row.expected)}{aim}"
