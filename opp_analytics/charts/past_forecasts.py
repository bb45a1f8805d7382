"""Charts that judge forecasts: errors, methods, stated chances, ranges that held."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.charts.data import (
    BarMark,
    ChartData,
    Curve,
    DotMark,
    EndName,
    Level,
    Measure,
    Place,
    RangeMark,
    TickMark,
    Tone,
)
from opp_analytics.charts.wording import (
    measure_column,
    measure_percent,
    name_method,
    note_intervals,
    shorten,
    write_caption,
)
from opp_analytics.org import money_of

_WEEKS = "weeks before the period's end"


def backtest(table: pd.DataFrame) -> ChartData:
    """Prepare forecast minus actual against the weeks left, the last period in blue; groups are added up."""
    if table.empty:
        return ChartData("Past forecasts", write_caption(table), "no period had ended by the last record")
    whole = table.groupby(level=["period", "made_at"]).agg({"weeks_before": "first", "error": "sum"})
    *earlier, last = dict.fromkeys(map(str, whole.index.get_level_values("period")))
    curves = []
    for period in (*earlier, last):
        part, now = whole.loc[period], period == last
        points = tuple(zip(map(float, part["weeks_before"]), map(float, part["error"]), strict=True))
        width = 2.2 if now else 0.7
        curves.append(Curve(points, "hi" if now else "mute", width, 1.6 * width))
    end, weeks = curves[-1].points[-1], whole["weeks_before"]
    gray = f"gray: {text.spelled(len(earlier), 'earlier period')}" if earlier else ""
    return ChartData(
        sentence(table), write_caption(table, text.count(len(table), "forecast"), name_method(table), gray), upright=True,
        measure=measure_column(table, "error", "forecast − actual", signed=True), curves=tuple(curves),
        across=Measure("count", _WEEKS, float(weeks.max()) + 0.3, float(weeks.min())), levels=(Level(0.0, "ink"),),
        ends=(
            EndName(*end, text.period(last, table.attrs.get("freq")), "hi"),
            EndName(float(weeks.min()), 0.0, "as booked", "ink"),
        ),
    )  # fmt: skip


def backtest_horizons(table: pd.DataFrame) -> ChartData:
    """Prepare how far forecasts missed against the weeks left, and in gray how far too high or low in all."""
    count = text.count(int(table["n"].sum()), "forecast")
    known = table[table["wape"].notna()].sort_index(ascending=False)
    if known.empty:
        nothing = "nothing was booked in the periods that have ended"
        return ChartData(sentence(table), write_caption(table, count, name_method(table)), nothing)
    places = tuple(
        Place(f"{weeks}\n{text.percent(share)}")
        for weeks, share in zip(known.index, known["interval_coverage"], strict=True)
    )
    bias, miss = (tuple((float(k), float(y)) for k, y in enumerate(known[name])) for name in ("bias", "wape"))
    ranges = note_intervals(table, "range") or "ranges"
    note = write_caption(table, count, name_method(table), "bias: too high (+) or too low (−) in all")
    return ChartData(
        sentence(table), note, places=places, upright=True, levels=(Level(0.0),),
        measure=measure_percent("share of the booked value", low=None, high=None),
        across=Measure("names", f"{_WEEKS}, and {ranges} that held"),
        curves=(Curve(bias, "mute", 1.0, 3.0), Curve(miss, "hi", 2.0, 4.5)),
        ends=(EndName(*miss[-1], "miss", "hi"), EndName(*bias[-1], "bias", "mute")),
    )  # fmt: skip


def backtest_methods(table: pd.DataFrame) -> ChartData:
    """Prepare how far each method missed, with bias and ranges held beside it; the best one in blue if it is beyond chance."""
    if not table["wape"].notna().any():
        nothing = "nothing was booked in the periods that have ended"
        return ChartData(sentence(table), write_caption(table), nothing, size=(7.5, 2.4))
    if "days_left" in table.index.names:
        return _draw_leads(table)
    places: list[Place] = []
    ranked = table.sort_values("wape", kind="stable")
    leads = len(ranked) > 1 and bool(ranked["differs"].iloc[1])
    for method, row in ranked.iterrows():
        miss = 0.0 if math.isnan(row["wape"]) else float(row["wape"])
        bar = BarMark(0, miss, "hi" if leads and not places else "mute")
        places.append(Place(text.method(method, table.attrs.get("freq")), (bar,), _judge_method(row), miss))
    same = f"each method on the same {text.count(int(table['n'].max()), 'forecast')}"
    return ChartData(
        sentence(table), write_caption(table, same), places=tuple(places), least_rows=1, size=(7.5, 2.4), name_width=42,
        measure=measure_percent("missed, as a share of the booked value", low=None, high=None),
    )  # fmt: skip


def _draw_leads(table: pd.DataFrame) -> ChartData:
    """Prepare how far each method missed against the days left; the first method in blue."""
    judged = table[table["wape"].notna()].reset_index()
    known = judged.pivot_table("wape", "method", "days_left", observed=True, sort=False).iloc[:, ::-1]
    counted = judged.groupby("days_left", observed=True)["n"].max()
    places = tuple(Place(f"{band}\n{counted[band]:,}") for band in known.columns)
    freq = table.attrs.get("freq")
    curves: list[Curve] = []
    ends = []
    for method, misses in known.iterrows():
        tone: Tone = "mute" if curves else "hi"
        points = tuple((float(k), float(y)) for k, y in enumerate(misses) if not math.isnan(y))
        curves.append(Curve(points, tone, 2.0 if tone == "hi" else 1.0, 4.5 if tone == "hi" else 3.0))
        ends.append(EndName(*points[-1], text.method(method, freq), tone))
    return ChartData(
        sentence(table), write_caption(table, "below each band: forecasts judged"), places=places, upright=True,
        measure=measure_percent("missed, as a share of the booked value", high=None),
        across=Measure("names", "days before the period's end"), curves=tuple(curves), ends=tuple(ends),
    )  # fmt: skip


def _judge_method(row: pd.Series[Any]) -> str:
    if math.isnan(row["wape"]):
        return "too little history"
    bias = text.percent(abs(row["bias"]))
    lean = "" if bias in ("0%", "<1%") else f", {bias} too {'high' if row['bias'] > 0 else 'low'} in all"
    coverage = row["interval_coverage"]
    held = "" if math.isnan(coverage) else f", {text.percent(coverage)} of ranges held"
    return f"{text.percent(row['wape'])}{lean}{held}"


def calibration(table: pd.DataFrame) -> ChartData:
    """Prepare the share won against the stated probability, with intervals and n; the diagonal is accurate."""
    judged = table[(table["n"] > 0) & table["realized"].notna()]
    note = write_caption(table, text.count(int(table["n"].sum()), "deal"), "above each range: its deals")
    if judged.empty:
        return ChartData(sentence(table), note, "no deal is old enough to judge", size=(6.0, 5.6))
    places = []
    for key, row in judged.iterrows():
        group = text.join_key(key[:-1]) if isinstance(key, tuple) else ""
        says = f"{shorten(group, 14)} ({int(row['n']):,})" if group else f"{int(row['n']):,}"
        marks = (RangeMark(row["realized_low"], row["realized_high"], "quiet"), DotMark(row["realized"]))
        places.append(Place("", marks, says, row["realized_high"] + 0.01, at=float(row["stated"])))
    places.sort(key=lambda place: place.at or 0.0)
    return ChartData(
        sentence(table), note, places=tuple(places), upright=True, size=(6.0, 5.6), says_tone="quiet",
        measure=measure_percent("won", high=1.12), across=measure_percent("stated"),
        curves=(Curve(((0.0, 0.0), (1.0, 1.0)), "quiet", 1.0, dashed=True),),
        ends=(EndName(1.0, 1.0, "as stated", "quiet"),),
    )  # fmt: skip


def track_record(table: pd.DataFrame) -> ChartData:
    """Prepare past forecasts, the latest first: range and forecast in blue, the actual as a dot."""
    money, freq, places = money_of(table), table.attrs.get("freq"), []
    for key, row in table.iloc[::-1].iterrows():
        period = text.period_name(str(key), freq, today=table.attrs["as_of"], short=True)
        ranged = pd.notna(row["held"])
        spread = f"range {money(row['low'])} to {money(row['high'])}" if ranged else "no range"
        title = f"{period}: {spread}, forecast {money(row['expected'])}, closed {money(row['actual'])}"
        band = (BarMark(row["low"], row["high"], "band", 0.5),) if ranged else ()
        marks = (*band, TickMark(row["expected"], "hi", 2 / 3), DotMark(row["actual"], "ink", 0.8))
        left = f"{text.count(int(row['days_before']), 'day')} left"
        figures = (("yes" if row["held"] else "no") if ranged else "no range",)
        places.append(
            Place(text.capital(period), marks, figures=figures, title=title, key=str(key), note=left)
        )
    return ChartData("", places=tuple(places), measure=measure_column(table, "actual", "closed"))
