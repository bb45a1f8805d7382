"""Charts in rows: label, picture and figures side by side.

Each renders what `charts` prepared, and a row can open.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import pandas as pd

from opp_analytics import charts, text
from opp_analytics.charts import BarMark, ChartData, Place
from opp_analytics.svg import marks

_LETTER, _WIDEST = 7, 176
"""Pixels of an average letter, and of the widest label with a note."""
_PITCH = 32
"""Pixels of the lowest row, in the stylesheet too."""
_TOTAL = 20.0
"""Percent right of a bar that its total needs on a phone."""
_CHANCE = 20.0
"""Percent at each end for the chance written there."""


@dataclass(frozen=True)
class Row:
    """One row of a chart."""

    label: str
    picture: str
    """SVG."""
    figures: tuple[str, ...] = ()
    """What is written at the right; a second line of one is smaller."""
    note: str = ""
    """Quiet words after the label."""
    strong: bool = False
    """True for a total, in bold."""
    key: str = ""
    """What the row stands for in its table, to look up what it opens to."""


@dataclass(frozen=True)
class Rows:
    """A row chart."""

    rows: tuple[Row, ...]
    heads: tuple[str, ...] = ()
    """Headings of the labels, then of the figures; none for no heading."""
    axis: str = ""
    """SVG of the scale, above the pictures."""
    label_width: int = 136
    """Pixels of the labels."""
    figure_width: int = 64
    """Pixels of each figure; more where one is longer than usual."""
    note: str = ""
    """Remark on the scale, for the line under the title."""
    stacked: bool = False
    """True when on a phone the picture goes below its label, because it needs the width."""

    def html(self, opened: Sequence[str] = (), teams: Sequence[str] = ()) -> str:
        """Write the chart as HTML.

        `opened` has for each row the HTML that it opens to, or an empty text, `teams` its
        ``data-team``.
        """
        count = max((len(row.figures) for row in self.rows), default=0)
        longest = max((len(figure) for row in self.rows for figure in row.figures), default=0)
        width = max(self.figure_width, 9 * longest - 8)
        noted = max((len(row.label) + len(row.note) for row in self.rows if row.note), default=0)
        labels = min(max(self.label_width, _LETTER * noted + 32), _WIDEST)
        style = f"--lab:{labels}px;--fig:{width}px;--figs:{count}"
        inner = [_write_head(self, count)] if self.axis or self.heads else []
        blank = [""] * len(self.rows)
        inner += map(_write_row, self.rows, opened or blank, teams or blank)
        return (
            f'<div class="rows{" stacked" if self.stacked else ""}" '
            f'style="{style}">{"".join(inner)}</div>'
        )


def _write_head(chart: Rows, count: int) -> str:
    heads = [*chart.heads, *[""] * (count + 1 - len(chart.heads))]
    figures = "".join(f'<span class="fig">{escape(head)}</span>' for head in heads[1:])
    return (
        '<div class="row '
        f'head"><span>{escape(heads[0])}</span>{chart.axis or "<span></span>"}{figures}</div>'
    )


def _write_row(row: Row, behind: str, team: str) -> str:
    note = f'<span class="note"> · {escape(row.note)}</span>' if row.note else ""
    cells = (
        '<span class="lab" '
        f'title="{escape(row.label)}"><bdi>{escape(row.label)}</bdi>{note}</span>{row.picture}'
    )
    cells += "".join(f'<span class="fig">{escape(figure)}</span>' for figure in row.figures)
    strong, team = " strong" if row.strong else "", f' data-team="{team}"' if team else ""
    if not behind:
        return f'<div class="row{strong}"{team}>{cells}</div>'
    return (
        f'<details class="opens{strong}"{team}><summary '
        f'class="row">{cells}</summary>{behind}</details>'
    )


def _render(
    chart: ChartData,
    scale: marks.Axis,
    *,
    height: float = 24,
    thick: float = 16,
    short: marks.Kind = "quiet",
    dx: float = 6,
    clear: float = 0.0,
    capital: bool = False,
    **layout: Any,
) -> Rows:
    """Render each place as a row; `layout` are fields of `Rows`.

    `height` and `thick` are pixels of a row's picture and its bars, `short` and `dx` the kind of
    the text at the end of the marks and its distance. Where that text, `clear` percent wide, would
    meet the target's line, it stands beyond it.
    """
    goals = (scale.at(one.at) for one in chart.levels if one.tone == "ink" and one.name)
    goal = next(goals, -math.inf)
    rows = []
    for above, place in zip((None, *chart.places), chart.places, strict=False):
        tall = height + 14 * bool(place.forms)
        drawn = marks.draw_levels(chart.levels, scale, height, behind=True)
        if chart.linked:
            last = place is chart.places[-1]
            drawn += _link(None if last else place, above, scale, height / 2, thick / 2, tall)
        drawn += marks.draw_marks(
            place,
            scale,
            height=height,
            thick=thick,
            least=0.3 if chart.linked and not place.strong else 0,
        )
        drawn += marks.draw_levels(chart.levels, scale, height, behind=False)
        if place.forms:
            drawn.append(_write_below(place, scale, height + 9))
        elif place.short:
            right = scale.at(place.end)
            right = goal if right <= goal < right + clear else right
            drawn.append(
                marks.label(right, height / 2 + 4, place.short, dx=dx, kind=short, halo=True)
            )
        if place.marks and not any(getattr(mark, "title", "") for mark in place.marks):
            drawn.append(marks.hint(place.title))
        name, below = (
            text.capital(place.name) if capital else place.name,
            marks.beneath(place, scale),
        )
        shown = marks.picture(*drawn, height=tall, said=place.title, below=below)
        rows.append(Row(name, shown, place.figures, place.note, place.strong, place.key))
    return Rows(tuple(rows), **layout)


def _link(
    place: Place | None, above: Place | None, scale: marks.Axis, y: float, half: float, tall: float
) -> list[str]:
    """Link a row's bar to the row above and to the row below.

    The lines run from the ends of the bars, and meet at the edge of the row.
    """
    edge = max(0.0, (_PITCH - tall) / 2) + 0.5
    ends = ((above, -edge, y - half), (place, y + half, tall + edge))
    return [
        marks.down(scale.at(bar.end), top=top, bottom=bottom, line="axis")
        for one, top, bottom in ends
        for bar in (one.marks[:1] if one else ())
        if isinstance(bar, BarMark)
    ]


def _write_below(place: Place, scale: marks.Axis, y: float) -> str:
    """Write under a bar: from its left end on, or up to its right end, where there is more room.

    In a narrow picture, from its edge on.
    """
    ends = [
        scale.at(at)
        for bar in place.marks
        if isinstance(bar, BarMark)
        for at in (bar.start, bar.end)
    ]
    left, right = min(ends), max(ends)
    x, share, anchor = (left, 100 - left, "start") if 100 - left >= right else (right, right, "end")
    *named, n = place.forms
    until = marks.measure_room(share, named[-1])
    return marks.fit(x, y, named, share, kind="quiet", anchor=anchor, halo=True) + marks.fit(
        0, y, (named[-1], n), 100, until=until, kind="quiet", halo=True
    )


def make_bar(
    name: str,
    value: float,
    figure: str,
    title: str,
    key: str = "",
    *,
    highlight: bool = False,
    more: Sequence[str] = (),
) -> Place:
    """Make a bar, with `more` figures.

    `highlight` is True for the bar that the title names, and `key` by default the name.
    """
    mark = BarMark(0, value, "hi" if highlight else "mute", title=title)
    return Place(name, (mark,), figures=(figure, *more), title=title, key=key or name)


def bars(amounts: Sequence[Place], *, label_width: int = 136, stacked: bool = False) -> Rows:
    """Render the bars of `make_bar`, in the order given."""
    chart = ChartData("", places=tuple(amounts))
    return _render(
        chart, marks.fit_scale(chart), height=20, thick=10, label_width=label_width, stacked=stacked
    )


def waterfall(table: pd.DataFrame, *, most: int = 30) -> Rows:
    """Render `oa.waterfall`: the opening, each movement with its deals, the closing.

    With `by`, what came in and left of the groups that changed `most`.
    """
    chart = charts.waterfall(table, most=most)
    if table.index.nlevels == 1:
        return _render_steps(chart)
    ends = [mark.end for place in chart.places for mark in place.marks if isinstance(mark, BarMark)]
    scale = marks.Axis(max([*ends, 1.0]), first=min([*ends, 0.0]))
    return _render(
        replace(chart, levels=(charts.Level(0.0, name="0"),)), scale, height=20, thick=10
    )


def forecast_change(table: pd.DataFrame, *, target: float = math.nan) -> Rows:
    """Render `oa.forecast_change` without groups.

    Rows: the forecast then, each movement with its deals, the forecast now. A target is a line down
    the column.
    """
    return _render_steps(charts.forecast_change(table, target=target))


def _render_steps(chart: ChartData) -> Rows:
    # Room for the number of deals right of the longest bar.
    scale = marks.fit_scale(chart, end=88)
    low = chart.measure.low or 0
    words, said = [marks.label(0, 11, chart.measure.write(low), kind="quiet")], "Scale in money"
    aims = [(scale.at(level.at), level.name) for level in chart.levels if level.name]
    if chart.footer:
        aims = [(100.0 if chart.footer.endswith("→") else 0.0, chart.footer)]
    for at, name in aims:
        said = "Scale to the target"
        anchor: marks.Anchor = "middle" if 30 <= at <= 70 else "end" if at > 70 else "start"
        words = words if low and at > 50 else []
        words = [*words, marks.label(at, 11, name, anchor=anchor, kind="quiet")]
    axis, note = marks.picture(*words, height=14, said=said), charts.CUT if low else ""
    return _render(chart, scale, capital=True, axis=axis, label_width=160, note=note)


def forecast_categories(table: pd.DataFrame, period: str, *, target: float = math.nan) -> Rows:
    """Render one period of `oa.forecast_categories`.

    Each category begins where the ones before it end, on the way to the target.
    """
    chart = charts.category_reach(table, period, target=target)
    # Room for the running total beside the longest bar.
    scale = marks.fit_scale(chart, end=84)
    return _render(chart, scale, short="ink", clear=_TOTAL, capital=True, label_width=88)


def slippage(tables: Mapping[str, pd.DataFrame]) -> Rows:
    """Render the outcomes of the deals due in each period.

    The tables are those of `oa.slippage` without groups, by the name of their period.
    """
    width = max(104, 24 + 7 * max(map(len, tables), default=0))
    chart = charts.slippage_by_period(tables)
    return _render(chart, marks.Axis(1.0), height=28, thick=20, label_width=width, stacked=True)


def stage_flow(table: pd.DataFrame) -> Rows:
    """Render `oa.stage_flow` without groups or by pipeline: stage entries by outcome."""
    heads = ("Stage", "Moved on", "Median days")
    scale = marks.Axis(float(table["entries"].max() or 1))
    return _render(
        charts.stage_flow(table),
        scale,
        height=28,
        thick=20,
        heads=heads,
        label_width=112,
        figure_width=60,
        stacked=True,
    )


def win_rate(
    table: pd.DataFrame, *, overall: float = math.nan, differs: Container[object] | None = None
) -> Rows:
    """Render `oa.win_rate` or `oa.scorecard`, the highest first, with intervals.

    The rate of all is a line, and the rows in `differs` are highlighted.

    By default these are the rows that differ from the others in this table beyond chance.
    """
    known = table[table["rate"].notna()]
    top = min(1.0, 0.1 + max([*known["rate_high"], 0.2]))
    # Room for the rate beside the longest interval.
    scale = marks.Axis(top, end=86)
    ticks = marks.scale_labels([(scale.at(tick), text.percent(tick)) for tick in scale.ticks()])
    axis = marks.picture(*ticks, height=14, said=f"Scale from 0% to {text.percent(top)}")
    # Periods are rows here too.
    chart = charts.win_rate(known.rename_axis("group"), overall=overall, differs=differs)
    return _render(
        chart,
        scale,
        short="ink",
        dx=8,
        axis=axis,
        heads=("", "Won of closed"),
        figure_width=84,
    )


def backtest(table: pd.DataFrame) -> Rows:
    """Render `oa.backtest` at today's lead, the latest first.

    Range and forecast are blue, what closed is a point.
    """
    chart = charts.backtest(table)
    scale = marks.fit_scale(chart)
    ticks = [
        (scale.at(tick), chart.measure.write(tick))
        for tick in scale.ticks(3)
        if scale.at(tick) < 90
    ]
    axis = marks.picture(*marks.scale_labels(ticks), height=14, said="Scale in money")
    return _render(chart, scale, heads=("", "In range?"), axis=axis, label_width=120)


def swing(if_lost: float, if_won: float, *, said: str) -> str:
    """Render two chances from 0% to 100%: a ring if the deal is lost, a dot if it is won."""
    scale = marks.Axis(1.0, _CHANCE, 100 - _CHANCE)
    return marks.picture(
        marks.across(10, left=_CHANCE, right=100 - _CHANCE, line="rule"),
        *marks.draw_marks(
            Place("", charts.mark_swing(if_lost, if_won)), scale, height=20, thick=10
        ),
        marks.label(scale.at(if_lost), 14, text.percent(if_lost), anchor="end", dx=-8),
        marks.label(scale.at(if_won), 14, text.percent(if_won), dx=9, kind="hi"),
        marks.hint(said),
        height=20,
        said=said,
    )


def list_swings(rows: pd.DataFrame) -> tuple[str, dict[str, str]]:
    """Render the `swing` of each row by id."""
    return "", {
        str(key): swing(
            row["p_if_lost"],
            row["p_if_won"],
            said=f"{text.percent(row['p_if_lost'])} if lost, "
            f"{text.percent(row['p_if_won'])} if won",
        )
        for key, row in rows.iterrows()
    }
