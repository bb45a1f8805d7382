"""`pipeline_created`: value of the deals created in each period, the last one highlighted against the average."""

from __future__ import annotations

import math

import pandas as pd

from opp_analytics import text
from opp_analytics.org import money_of
from opp_analytics.svg import marks
from opp_analytics.svg.axis import axis

_BASE, _HEIGHT, _TOP = 150.0, 172.0, 32.0
_LABELS = 4
"""Names of periods below the bars, at most."""
_FEWEST = 8
"""Columns that the picture has room for at least, so that few are not slabs."""


def pipeline_created(table: pd.DataFrame, *, average: float = math.nan, line: str = "average") -> str:
    """Value created by period, as columns in order of time.

    Parameters
    ----------
    table : DataFrame
        From `oa.pipeline_created`, one row a period.
    average : float
        A line across the columns.
    line : str
        What the line is called.
    """
    money, freq = money_of(table), table.attrs.get("freq")
    scale = axis([*table["value"], average], start=_BASE, end=_TOP)
    slot = 100 / max(len(table), _FEWEST)
    first = 100 - slot * len(table)
    width = slot * 0.72
    step = math.ceil(max(len(table), _FEWEST) / _LABELS)
    drawn = [marks.across(_BASE, line="axis")]
    for place, (name, row) in enumerate(table.iterrows()):
        left, y = first + place * slot, scale.at(row["value"])
        last = place == len(table) - 1
        column = marks.bar(left, left + width, y=y, height=_BASE - y, fill="hi" if last else "mute")
        said = f"{text.period(str(name), freq)}: {money(row['value'])}, {text.count(int(row['deals']))}"
        drawn.append(marks.focusable(column, left=left, right=left + slot, height=_BASE, top=16, said=said))
        if place % step == 0 and len(table) - place >= step / 2:
            drawn.append(marks.label(left, _HEIGHT - 6, _short(str(name), freq), kind="quiet"))
    side = []
    if math.isfinite(average):
        y = scale.at(average)
        drawn.append(marks.across(y, line="bar"))
        side = [
            marks.label(0, y + 4, money(average), dx=6, kind="ink"),
            marks.label(0, y + 18, line, dx=6, kind="quiet"),
        ]
    if len(table):
        y = scale.at(table["value"].iloc[-1])
        drawn.append(
            marks.label(
                100 - slot + width / 2,
                y - 6,
                money(table["value"].iloc[-1]),
                anchor="middle",
                kind="hi",
                halo=True,
            )
        )
    said = f"Pipeline created, {len(table)} periods" + (
        f", {money(average)} on average" if math.isfinite(average) else ""
    )
    plot = marks.picture(*drawn, height=_HEIGHT, said=said, group=True)
    beside = f'<svg class="oa" width="100%" height="{_HEIGHT:.0f}" aria-hidden="true">{"".join(side)}</svg>'
    return f'<div class="plot" style="--side:76px">{plot}{beside}</div>'


def _short(name: str, freq: str | None) -> str:
    """The period without its year."""
    return text.period(name, freq).partition(",")[0]
