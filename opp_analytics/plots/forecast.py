"""The forecast by period: booked, expected, the range, and the target."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.errors import ArgumentError
from opp_analytics.org import money_of
from opp_analytics.periods import as_period
from opp_analytics.plots import labels, palette, style
from opp_analytics.plots.forecast_groups import forecast_groups
from opp_analytics.schema import BUCKETS

_BEFORE, _AFTER = 9, 9
"""Periods drawn before the current one and after it."""
_MOST_AMOUNTS = 12
"""Largest number of slots with room for an amount above each."""
_LINE = 0.08
"""Height of an amount, as a share of the axis."""


@style.drawing(
    "booked", "open_count", "open_value", "weighted_open", "new_business", "expected", "low", "median", "high", "target",
    "p_target", "gap", "pipeline_coverage", "to_date",
)  # fmt: skip
def forecast(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.forecast`: booked and expected money by period, the range, and the target; with `by`, the groups of one period.

    Time is uniform, from nine periods before the current one to nine after it. Overdue and unscheduled deals are due in
    no period: the caption counts them.
    """
    if table.index.nlevels > 1:
        return forecast_groups(ax, table)
    ax = style.canvas(ax, size=(9.0, 4.2))
    if not (table[["booked", "weighted_open", "open_count"]].fillna(0) != 0).any(axis=None):
        style.nothing(ax, "nothing won or open")
        return style.finish(ax, "Forecast", style.caption(table))
    shown = _uniform(table)
    if shown.empty:
        style.nothing(ax, "no deal is won or due in a period")
    else:
        _draw(ax, shown, table)
    open_deals = text.count(int(table["open_count"].sum()), "open deal")
    key = _key(shown, str(table.attrs.get("method", "")), table.attrs.get("confidence"))
    note = style.caption(table, open_deals, key, *_aside(table, shown), style.method(table))
    return style.finish(ax, sentence(table), note)


def _uniform(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the periods to draw, with empty ones where no deal is won or due."""
    due, freq = table[~table.index.isin(BUCKETS)], table.attrs.get("freq")
    try:
        periods = [as_period(label, str(freq)) for label in due.index]
    except ArgumentError:  # Nothing tells how far apart the rows are.
        return due
    if not periods:
        return due
    running = [period for period, now in zip(periods, due["to_date"], strict=True) if now]
    now = running[0] if running else periods[0]
    first, last = max(min(periods), now - _BEFORE), min(max(periods), now + _AFTER)
    shown = due.reindex([str(period) for period in pd.period_range(first, last)])
    shown["to_date"] = [label == str(now) and bool(running) for label in shown.index]
    return shown


def _draw(ax: Axes, shown: pd.DataFrame, table: pd.DataFrame) -> None:
    slots = np.arange(len(shown))
    low, high = (shown[name].to_numpy(dtype=float) for name in ("low", "high"))
    target = shown["target"].ffill().to_numpy(dtype=float)
    booked = shown["booked"].fillna(0.0).to_numpy(dtype=float)
    more = np.nan_to_num(shown["expected"].to_numpy(dtype=float) - booked)
    # A bar of height 0 on another would pin the axis to its foot.
    ranged, ahead, aimed = high > low, more != 0, ~np.isnan(target)
    ax.bar(slots[ranged], (high - low)[ranged], bottom=low[ranged], color=palette.BAND, width=0.9)
    ax.bar(slots, booked, color=palette.BAR, width=0.56)
    ax.bar(slots[ahead], more[ahead], bottom=booked[ahead], color=palette.HI, width=0.56)
    ax.hlines(target[aimed], slots[aimed] - 0.5, slots[aimed] + 0.5, color=palette.INK, linewidth=2)
    if len(shown) <= _MOST_AMOUNTS:
        money, tops = money_of(table), np.fmax(np.fmax(booked + more, high), 0.0)
        # The target's line would run through an amount just below it.
        crossed = (target > tops) & (target - tops < _LINE * np.nanmax([*tops, *target]))
        tops = np.where(crossed, target, tops)
        for slot in np.flatnonzero(shown.index.isin(table.index)):
            labels.above(ax, money(float(shown["expected"].iloc[slot])), (int(slot), float(tops[slot])))
    labels.label_slots(ax, labels.slot_names(shown), width=26)
    labels.note_running(ax, shown)
    labels.money_axis(ax.yaxis, "booked and expected", table)
    style.headroom(ax)
    if min(booked.min(), more.min()) < 0:
        ax.axhline(0, color=palette.QUIET, linewidth=0.8)


def _key(shown: pd.DataFrame, method: str, confidence: float | None) -> str:
    """The colors of what is drawn, in words."""
    ranges = f"{text.percent(confidence)} range" if confidence else "range"
    marks = [
        ("dark: booked", shown["booked"].ne(0).any()),
        ("blue: expected", shown["expected"].gt(shown["booked"]).any()),
        (
            f"pale: {ranges}{' of open deals due only' * method.startswith('stated')}",
            shown["high"].gt(shown["low"]).any(),
        ),
        ("line: target", shown["target"].notna().any()),
    ]
    return ", ".join(name for name, drawn in marks if drawn)


def _aside(table: pd.DataFrame, shown: pd.DataFrame) -> list[str]:
    """What is not drawn: deals that are due in no period, and periods far away."""
    money = money_of(table)
    late = [
        f"{text.count(int(row['open_count']), f'{name} deal')} ({money(row['open_value'])})"
        for name, row in table[table.index.isin(BUCKETS)].iterrows()
        if row["open_count"]
    ]
    far = int((~table.index.isin([*shown.index, *BUCKETS])).sum())
    further = [f"{text.count(far, 'period')} far from now"] if far else []
    return [f"not drawn: {text.joined([*late, *further])}"] if late or further else []
