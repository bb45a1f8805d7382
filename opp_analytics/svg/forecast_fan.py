"""`forecast_fan`: the way of a period's forecast to its target, with what had closed."""

from __future__ import annotations

import math

import pandas as pd

from opp_analytics import text
from opp_analytics.org import Money, money_of
from opp_analytics.svg import marks
from opp_analytics.svg.axis import Axis, axis

_TOP, _BOTTOM, _HEIGHT = 40.0, 340.0, 364.0
_LINE, _NEAR = 16.0, 18.0
"""Pixels of a line of text, and between two labels that do not touch."""
_NARROW = 280.0
"""Width of the picture on a phone, in pixels, at which the labels of the axis end before the first record."""
_DATES = 5
"""Dates below the picture, at most."""


def forecast_fan(
    table: pd.DataFrame, *, closed: pd.DataFrame | None = None, target: float | None = None
) -> str:
    """The forecast of one period at each record, with its range, what had closed, and the target.

    Parameters
    ----------
    table : DataFrame
        From `oa.forecast_fan`: one row or more.
    closed : DataFrame, optional
        The deals won in the period: ``close_date``, ``value``. Without it, closed money steps at the records.
    target : float, optional
        Money to reach; a line across the picture.
    """
    money = money_of(table)
    days = [stamp.normalize() for stamp in pd.DatetimeIndex(table.index).tz_localize(None)]
    last = table.iloc[-1]
    amounts = axis(
        [*table["high"], *table["expected"], *table["booked"], target or 0.0], start=_BOTTOM, end=_TOP
    )
    labels = [marks.width_of(money(tick)) for tick in amounts.ticks()]
    time = _Time(days[0], days[-1], 100 * max(labels) / _NARROW)
    aim = None if target is None or not math.isfinite(target) else amounts.at(target)
    period = text.period(str(last["period"]), table.attrs.get("freq"))
    said = f"Forecast of {period}, {text.day(days[0])} to {text.day(days[-1])}: {_said(last, money)}"
    plot = marks.picture(
        marks.across(_BOTTOM, line="axis"),
        *(marks.across(amounts.at(tick), line="rule") for tick in amounts.ticks()[1:]),
        _shapes(table, days, time, amounts, closed),
        *(
            marks.label(0, amounts.at(tick) - 4, money(tick), kind="quiet", halo=True)
            for tick in amounts.ticks()
            if aim is None or abs(amounts.at(tick) - aim) >= _NEAR
        ),
        *([marks.across(aim, line="target")] if aim is not None else []),
        *(
            [marks.label(0, aim - 6, f"target {money(target or 0)}", kind="ink", halo=True)]
            if aim is not None
            else []
        ),
        *_dates(days, time),
        *_weeks(table, days, time, amounts, money),
        height=_HEIGHT,
        said=said,
        group=True,
    )
    side, width = _side(last, amounts, money)
    return f'<div class="plot" style="--side:{width}px">{plot}{side}</div>'


class _Time:
    """Days to positions: the first record right of the axis labels, the last at the edge."""

    def __init__(self, first: pd.Timestamp, last: pd.Timestamp, start: float) -> None:
        self.first, self.span = first, max((last - first).days, 1)
        self.start = start if last > first else 100.0

    def at(self, day: pd.Timestamp) -> float:
        share = min(max((day - self.first).days / self.span, 0.0), 1.0)
        return self.start + share * (100 - self.start)


def _said(row: pd.Series, money: Money) -> str:
    spread = f" ({money(row['low'])} to {money(row['high'])})" if math.isfinite(row["low"]) else ""
    return f"forecast {money(row['expected'])}{spread}, closed {money(row['booked'])}"


def _shapes(
    table: pd.DataFrame, days: list[pd.Timestamp], time: _Time, amounts: Axis, closed: pd.DataFrame | None
) -> str:
    known = table["low"].notna().to_numpy()
    places = [time.at(day) for day in days]
    upper = [(x, amounts.at(y)) for x, y, k in zip(places, table["high"], known, strict=True) if k]
    lower = [(x, amounts.at(y)) for x, y, k in zip(places, table["low"], known, strict=True) if k]
    steps = _steps(table, days, time, amounts, closed)
    floor = [(steps[-1][0], _BOTTOM), (steps[0][0], _BOTTOM)]
    return marks.plane(
        *([marks.area([*upper, *reversed(lower)], fill="band")] if len(upper) > 1 else []),
        marks.area([*steps, *floor], fill="pale", soft=True),
        marks.polyline(steps, line="bar"),
        marks.polyline(
            [(x, amounts.at(y)) for x, y in zip(places, table["expected"], strict=True)], line="hi"
        ),
        height=_HEIGHT,
    )


def _steps(
    table: pd.DataFrame, days: list[pd.Timestamp], time: _Time, amounts: Axis, closed: pd.DataFrame | None
) -> list[marks.Point]:
    """Closed money as steps, from the first day drawn to the last."""
    if closed is None:
        levels = list(zip(days, table["booked"], strict=True))
    else:
        sums = closed.groupby("close_date")["value"].sum().cumsum()
        levels = list(zip(pd.DatetimeIndex(sums.index), sums.astype(float), strict=True))
    points = [(time.at(days[0]), _BOTTOM)]
    for day, level in levels:
        points += [(time.at(day), points[-1][1]), (time.at(day), amounts.at(level))]
    return [*points, (time.at(days[-1]), points[-1][1])]


def _dates(days: list[pd.Timestamp], time: _Time) -> list[str]:
    """A date below every so many records, counted from the last."""
    step = math.ceil(len(days) / _DATES)
    shown = list(reversed(days))[::step]
    return [
        marks.label(
            time.at(day),
            _HEIGHT - 6,
            text.day(day),
            anchor="middle",
            kind="ink" if day == days[-1] else "quiet",
        )
        for day in reversed(shown)
    ]


def _weeks(
    table: pd.DataFrame, days: list[pd.Timestamp], time: _Time, amounts: Axis, money: Money
) -> list[str]:
    """Each record: a point that says its figures on hover and focus."""
    places = [time.at(day) for day in days]
    half = (places[-1] - places[0]) / max(len(places) - 1, 1) / 2 or 10.0
    found = []
    for place, day, (_, row) in zip(places, days, table.iterrows(), strict=True):
        now = day == days[-1]
        point = marks.dot(place, amounts.at(row["expected"]), radius=6 if now else 2.5)
        said = f"{text.day(day)}: {_said(row, money)}"
        found.append(
            marks.focusable(
                point, left=place - half, right=min(place + half, 100.0), top=_TOP, height=_BOTTOM, said=said
            )
        )
    return found


def _side(row: pd.Series, amounts: Axis, money: Money) -> tuple[str, int]:
    """The labels of the last record, at the right, none upon another; and their width in pixels."""
    forecast = [f"forecast {money(row['expected'])}"]
    if math.isfinite(row["low"]):
        forecast.append(f"{money(row['low'])}–{money(row['high'])}")
    done = f"closed {money(row['booked'])}"
    tall = _LINE * len(forecast)
    below = min(max(amounts.at(row["booked"]) + 4, amounts.at(row["expected"]) + 4 + tall + 2), _BOTTOM - 4)
    above = min(amounts.at(row["expected"]) + 4, below - tall - 2)
    labels = [
        marks.label(0, above + _LINE * k, words, dx=12, kind="quiet" if k else "hi")
        for k, words in enumerate(forecast)
    ]
    width = 14 + round(max(map(marks.width_of, [*forecast, done])))
    side = marks.label(0, below, done, dx=12)
    # The picture says these figures already.
    return (
        f'<svg class="oa" width="100%" height="{_HEIGHT:.0f}" aria-hidden="true">{"".join(labels)}{side}</svg>',
        width,
    )
