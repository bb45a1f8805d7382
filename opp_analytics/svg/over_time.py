"""A forecast as pictures: over time with its target, one row as a bullet or a line of a table.

And the pipeline created.
"""

from __future__ import annotations

import math
from itertools import groupby, pairwise

import pandas as pd

from opp_analytics import charts, text
from opp_analytics.arrays import Series
from opp_analytics.charts import ChartData, Curve, EndName
from opp_analytics.org import Money
from opp_analytics.svg import marks
from opp_analytics.svg.marks import Axis, axis, draw_marks

_TOP, _BOTTOM, _HEIGHT = 40.0, 340.0, 364.0
_LINE, _NEAR = 16.0, 18.0
"""Pixels of a line of text, and between two labels that do not touch."""
_NARROW = 280.0
"""Width of the picture on a phone, in pixels. There, the labels of the axis still end before the
first record."""
_DATES, _APART = 5, 18.0
"""Dates of records below the picture, at most; and percent between two that do not touch on a
phone."""
_BASE, _COLUMNS_HEIGHT, _COLUMNS_TOP = 150.0, 172.0, 32.0
_LABELS = 4
"""Names of periods below the columns, at most."""
_FEWEST = 8
"""The picture has room for at least so many columns, so that a few are not slabs."""


def draw_fan(chart: ChartData) -> str:
    """Draw `charts.forecast_fan`: the forecast at each record, with its range.

    Also what had closed, the call, the target, and how earlier periods closed.
    """
    expected, booked = chart.curves[:2]
    called = [point for curve in chart.curves if curve.dashed for point in curve.points]
    earlier = [curve for curve in chart.curves if curve.tone == "mute"]
    points = [*called, *(point for curve in (expected, booked, *earlier) for point in curve.points)]
    reached = [*(y for _, y in points), *(high for _, _, high in chart.ribbons[0].points)]
    amounts = axis([*reached, *(level.at for level in chart.levels)], start=_BOTTOM, end=_TOP)
    money, ticks = chart.measure.write, amounts.ticks()
    days = [math.floor(x) for x, _ in expected.points]
    # Closed money may begin before the first record. Its first day is right of the axis labels, the
    # last record at the edge.
    begin = min([days[0], *(math.floor(x) for x, _ in booked.points[:1])])
    right = 100 * max(marks.measure_text(money(tick)) for tick in ticks) / _NARROW
    time = Axis(max(days[-1], begin + 1), right if days[-1] > begin else 100.0, first=begin)
    aims = [(amounts.at(level.at), level) for level in chart.levels]
    said = f"Forecast, {_write_day(days[0])} to {chart.places[-1].title}"
    plot = marks.picture(
        marks.across(_BOTTOM, line="axis"),
        *(marks.across(amounts.at(tick), line="rule") for tick in ticks[1:]),
        _draw_shapes(chart, called, earlier, time, amounts),
        *(
            marks.label(0, amounts.at(tick) - 4, money(tick), kind="quiet", halo=True)
            for tick in ticks
            if all(abs(amounts.at(tick) - aim) >= _NEAR for aim, _ in aims)
        ),
        *(marks.across(aim, line="target") for aim, _ in aims),
        *(marks.label(0, aim - 6, level.name, kind="ink", halo=True) for aim, level in aims),
        *_write_dates(days, time),
        *_draw_records(chart, time, amounts),
        *(
            marks.dot(100, amounts.at(y), radius=2.5, fill="bar")
            for _, y in called[-1:]
            if math.isfinite(y)
        ),
        height=_HEIGHT,
        said=said,
        group=True,
    )
    side, width = _write_ends(chart.ends, amounts)
    return _put_beside(plot, side, _HEIGHT, width)


def _put_beside(plot: str, side: list[str], height: float, width: int) -> str:
    """Put labels at the right of a picture, which says them to a screen reader itself."""
    return (
        f'<div class="plot" style="--side:{width}px">{plot}<svg class="oa" width="100%" '
        f'height="{height:.0f}" aria-hidden="true">{"".join(side)}</svg></div>'
    )


def _write_day(day: int) -> str:
    return text.day(pd.Timestamp(day, unit="D"))


def _draw_call(called: list[marks.Point], time: Axis, amounts: Axis) -> list[str]:
    """Draw the call as dashed steps up to the last record; nothing while there is none."""
    spans = pairwise([*called, (math.inf, math.nan)])
    steps = [
        (time.at(x), amounts.at(level)) for (day, level), (until, _) in spans for x in (day, until)
    ]
    parts = groupby(steps, lambda step: math.isnan(step[1]))
    return [marks.polyline(part, line="bar", dashed=True) for gone, part in parts if not gone]


def _draw_shapes(
    chart: ChartData, called: list[marks.Point], earlier: list[Curve], time: Axis, amounts: Axis
) -> str:
    expected, booked = chart.curves[:2]
    known = [point for point in chart.ribbons[0].points if math.isfinite(point[1])]
    upper = [(time.at(x), amounts.at(high)) for x, _, high in known]
    lower = [(time.at(x), amounts.at(low)) for x, low, _ in known]
    steps = _step(booked, expected, time, amounts)
    floor = [(steps[-1][0], _BOTTOM), (steps[0][0], _BOTTOM)]
    return marks.plane(
        *([marks.area([*upper, *reversed(lower)], fill="band")] if len(upper) > 1 else []),
        marks.area([*steps, *floor], fill="pale", soft=True),
        *(marks.polyline(_step(past, expected, time, amounts), line="thin") for past in earlier),
        marks.polyline(steps, line="bar"),
        marks.polyline(
            [(time.at(x), amounts.at(y)) for x, y in expected.points if math.isfinite(y)], line="hi"
        ),
        *_draw_call(called, time, amounts),
        height=_HEIGHT,
    )


def _step(booked: Curve, expected: Curve, time: Axis, amounts: Axis) -> list[marks.Point]:
    """Draw closed money as steps, from the start of the picture to the last record."""
    points = [(time.start, _BOTTOM)]
    for day, level in booked.points:
        points += [(time.at(day), points[-1][1]), (time.at(day), amounts.at(level))]
    return [*points, (time.at(expected.points[-1][0]), points[-1][1])]


def _write_dates(days: list[int], time: Axis) -> list[str]:
    """Write a date below every nth record, counted from the last.

    A start before the first of these records gets a date too.
    """
    shown = days[::-1][:: math.ceil(len(days) / _DATES)][::-1]
    if time.first < days[0] and (
        far := [day for day in shown if time.at(day) - time.start >= _APART]
    ):
        shown = [int(time.first), *far]
    kinds: dict[int, marks.Kind] = {days[-1]: "ink"}
    return [
        marks.label(
            time.at(day),
            _HEIGHT - 6,
            _write_day(day),
            anchor="middle",
            kind=kinds.get(day, "quiet"),
        )
        for day in shown
    ]


def _draw_records(chart: ChartData, time: Axis, amounts: Axis) -> list[str]:
    """Draw each record as a point that says its figures on hover and focus."""
    points = chart.curves[0].points
    places = [time.at(x) for x, _ in points]
    half = (places[-1] - places[0]) / max(len(places) - 1, 1) / 2 or 10.0
    return [
        marks.focusable(
            marks.dot(
                x, amounts.at(y), radius=6 if math.floor(day) == math.floor(points[-1][0]) else 2.5
            )
            if math.isfinite(y)
            else "",
            left=x - half,
            right=min(x + half, 100.0),
            top=_TOP,
            height=_BOTTOM,
            said=record.title,
        )
        for x, (day, y), record in zip(places, points, chart.places, strict=True)
    ]


def _write_ends(ends: tuple[EndName, ...], amounts: Axis) -> tuple[list[str], int]:
    """Write the last record's figures, none over another, and measure their pixel width."""
    spread = [end.name for end in ends if end.tone == "quiet"]
    kinds: dict[str, marks.Kind] = {"hi": "hi", "bar": "", "mute": ""}
    blocks = [
        (end, kinds[end.tone], spread if end.tone == "hi" else [])
        for end in ends
        if end.tone in kinds
    ]
    blocks.sort(key=lambda block: -block[0].y)
    tall = [_LINE * (1 + len(further)) + 2 for _, _, further in blocks]
    lows = charts.keep_apart([amounts.at(end.y) + 4 for end, _, _ in blocks], tall, _BOTTOM - 4)
    side = []
    for low, (end, kind, further) in zip(lows, blocks, strict=True):
        side.append(marks.label(0, low, end.name, dx=12, kind=kind))
        side += [marks.label(0, low + _LINE, words, dx=12, kind="quiet") for words in further]
    names = [name for end, _, further in blocks for name in (end.name, *further)]
    return side, 14 + round(max(map(marks.measure_text, names)))


def draw_columns(chart: ChartData) -> str:
    """Draw a column for each place, with a level across them; the last one says its amount."""
    count, money = len(chart.places), chart.measure.write
    ends = [*(place.end for place in chart.places), *(level.at for level in chart.levels)]
    scale = axis(ends, start=_BASE, end=_COLUMNS_TOP)
    slot = 100 / max(count, _FEWEST)
    first, width = 100 - slot * count, slot * 0.72
    step = math.ceil(max(count, _FEWEST) / _LABELS)
    drawn = [marks.across(_BASE, line="axis")]
    for k, place in enumerate(chart.places):
        left, y = first + k * slot, scale.at(place.end)
        fill: marks.Fill = "hi" if k == count - 1 else "mute"
        column = marks.bar(left, left + width, y=y, height=_BASE - y, fill=fill)
        drawn.append(
            marks.focusable(
                column,
                left=left,
                right=left + slot,
                height=_BASE,
                top=16,
                said=place.title,
            )
        )
        if k % step == 0 and count - k >= step / 2:
            name = place.name.partition("\n")[0].partition(",")[0]
            drawn.append(marks.label(left, _COLUMNS_HEIGHT - 6, name, kind="quiet"))
    drawn += [marks.across(scale.at(level.at), line="bar") for level in chart.levels]
    if chart.places:
        last = chart.places[-1]
        x, y = 100 - slot + width / 2, scale.at(last.end) - 6
        drawn.append(marks.label(x, y, last.says, anchor="middle", kind="hi", halo=True))
    mean = "".join(f", {level.name} {money(level.at)}" for level in chart.levels)
    said = f"{text.capital(chart.measure.title)}, {text.count(count, 'period')}{mean}"
    plot = marks.picture(*drawn, height=_COLUMNS_HEIGHT, said=said, group=True)
    side = []
    for level in chart.levels:
        y = scale.at(level.at)
        side.append(marks.label(0, y + 4, money(level.at), dx=6, kind="ink"))
        side.append(marks.label(0, y + 18, level.name, dx=6, kind="quiet"))
    return _put_beside(plot, side, _COLUMNS_HEIGHT, 76)


MULTIPLES = 2.6
"""End of the scale of `progress`, in multiples of the target."""
_THREE = 120.0
"""Pixels at which the three labels of `progress_axis` do not touch."""
_HALF = 50.0
"""Percent of a bar above which words fit in it, on the side that the target does not cross."""
_FAR = 40.0
"""Percent between two labels of the bullet that do not touch, at its smallest width."""


def bullet(row: Series, money: Money) -> str:
    """Render a row of `oa.forecast` in one bar: closed, range, forecast, target.

    The row is the current period.
    """
    place = charts.bullet(row, money)
    scale = marks.axis([row["high"], row["expected"], row["target"], row["booked"]])
    drawn = [
        marks.bar(0, 100, y=16, height=16, fill="pale"),
        *draw_marks(place, scale, height=32, thick=16, middle=24),
    ]
    if math.isfinite(row["target"]):
        drawn.append(_hold(scale.at(row["target"]), 6, f"target {money(row['target'])}", "ink"))
    (spread,) = place.figures
    drawn.append(marks.label(0, 52, place.says, room=marks.measure_text(place.says + spread) + 8))
    drawn.append(marks.label(100, 52, spread, anchor="end", kind="hi"))
    return marks.picture(*drawn, height=56, said=place.title)


def _hold(x: float, y: float, words: str, kind: marks.Kind) -> str:
    """Write a label over its mark, moved where it would leave the picture."""
    if x > 100 - _FAR / 2:
        return marks.label(100, y, words, anchor="end", kind=kind)
    if x < _FAR / 2:
        return marks.label(0, y, words, kind=kind)
    return marks.label(x, y, words, anchor="middle", kind=kind)


def progress(row: Series, money: Money, *, top: float | None = None) -> str:
    """Render a row of people or teams: closed as a bar, range as a band, forecast as a dot.

    The row is scaled to its own target, which is drawn, unless `top` is the end of a scale that
    rows share.
    """
    place = charts.progress(row, money, aimed=top is None)
    scale = marks.fit_scale(ChartData((place,))) if top is None else Axis(top)
    if top is None and row["target"] > 0:
        scale = Axis(MULTIPLES * row["target"])
    drawn = draw_marks(place, scale, height=22, thick=8)
    return marks.picture(
        marks.across(11, line="rule"), *drawn, marks.hint(place.title), height=22, said=place.title
    )


def progress_axis() -> str:
    """Render the scale of `progress`: nothing, the target, twice the target."""
    at = Axis(MULTIPLES).at
    return marks.picture(
        marks.label(0, 11, "0", kind="quiet", room=_THREE),
        marks.label(at(1), 11, "target", anchor="middle", kind="quiet"),
        marks.label(at(2), 11, "2×", anchor="middle", kind="quiet", room=_THREE),
        height=14,
        said="Scale: multiples of the target",
    )


def list_progress(rows: pd.DataFrame, money: Money, *, aimed: bool) -> tuple[str, dict[str, str]]:
    """Render the scale of `progress`, and the picture of each row by id.

    Rows that are not `aimed` at targets share a scale without the last row, which sums them up.
    """
    top = None
    if not aimed:
        rows = rows.iloc[:-1]
        top = 1.05 * max(rows[["high", "expected"]].max().max(), 1.0)
    return progress_axis() if aimed else "", {
        str(key): progress(row, money, top=top) for key, row in rows.iterrows()
    }


def month(row: Series, scale: Axis, money: Money, *, name: str, by_rate: bool = False) -> str:
    """Render one coming period on a shared scale, with its target.

    Shown are open deals due, usual new business, forecast and range.
    """
    place = charts.month(row, money, name=name, by_rate=by_rate)
    drawn = draw_marks(place, scale, height=32, thick=16)
    if place.says:
        end = scale.at(place.end)
        if end <= _HALF:
            drawn.append(marks.label(end, 20, place.says, dx=8, kind="quiet", halo=True))
        elif row["target"] and scale.at(row["target"]) < _HALF:
            drawn.append(marks.label(end, 20, place.says, anchor="end", dx=-8, kind="on"))
        else:
            drawn.append(marks.label(0, 20, place.says, dx=8, kind="on"))
    return marks.picture(*drawn, height=32, said=place.title)


def month_axis(scale: Axis, target: float, money: Money) -> str:
    """Render the scale of `month`: nothing and the target, or round amounts without one."""
    if math.isfinite(target):
        words = f"target {money(target)}"
        room = marks.measure_room(scale.at(target), words, 8)
        zero = marks.label(0, 11, "0", kind="quiet", room=room)
        goal = _hold(scale.at(target), 11, words, "quiet")
        return marks.picture(zero, goal, height=14, said="Scale to the target")
    ticks = marks.scale_labels([(scale.at(tick), money(tick)) for tick in scale.ticks(2)])
    return marks.picture(*ticks, height=14, said="Scale in money")


def list_months(
    rows: pd.DataFrame, money: Money, *, by_rate: bool = False
) -> tuple[str, dict[str, str]]:
    """Render the scale of `month`, and the picture of each row by id, which has its ``name``.

    Nothing has no scale.
    """
    amounts = rows[["high", "expected", "target"]].to_numpy("float64")
    scale = axis(amounts.flat)
    shown = month_axis(scale, float(rows["target"].max()), money) if (amounts > 0).any() else ""
    return shown, {
        str(key): month(row, scale, money, name=row["name"], by_rate=by_rate)
        for key, row in rows.iterrows()
    }
