"""`tear_sheet`: everything that a history proves, on one sheet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from opp_analytics import analysis, charts, text
from opp_analytics.charts import ChartData
from opp_analytics.errors import ArgumentTypeError, OppAnalyticsError
from opp_analytics.history import History
from opp_analytics.org import Org
from opp_analytics.periods import Freq, When, as_date, as_instant, check_freq
from opp_analytics.plots.render import (
    COLORS,
    Picture,
    add_axes,
    fit_size,
    match_dark,
    render,
    size_text,
)

_WIDTH, _HEADER = 15.0, 0.9
"""Inches of the sheet, and of its header's height."""
_WEEKS, _HORIZON = 13, 60
"""Weeks of what moved and slipped; days after which a stated probability is judged."""
_LACKING = (_WIDTH / 2, 2.0)
"""Size of a panel without data."""
_MOST_ROWS = 15
"""Rows of a panel, so that a large team leaves room for the others."""
_Make = Callable[[], ChartData]


def tear_sheet(
    history: History,
    *,
    as_of: When | None = None,
    org: Org | None = None,
    target: Any = None,
    freq: Freq = "M",
    by: str = "owner_name",
) -> Figure:
    """Draw everything that a history proves on one sheet: the forecast, how past ones turned out, what moves, and who wins.

    Each panel has the drawing of an analysis under its finding. One that cannot be drawn yet says
    what it needs.

    Parameters
    ----------
    history : History
        The records.
    as_of : date or str, optional
        Day of the sheet; that of the last record by default.
    org : Org, optional
        What the deals mean, with targets and calls; the history's own by default.
    target : float, mapping or DataFrame, optional
        As in `oa.forecast`; the org's by default.
    freq : str
        Period alias.
    by : str
        Column of the groups that are compared.

    Returns
    -------
    Figure
        A notebook shows it at the end of a cell; save it with ``.savefig(path)``, as PDF too.

    Raises
    ------
    ArgumentTypeError, ArgumentValueError
        When an argument is not what it should be.
    NotEnoughHistory
        When `as_of` is before the first record.

    See Also
    --------
    opp_analytics.weekly_report : the page for a team.

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "b", "a"],
    ...         "seen_at": ["2026-01-05", "2026-01-12", "2026-01-12"],
    ...         "value": [100.0, 50.0, 120.0],
    ...         "stage": ["proposal", "discovery", "closed_won"],
    ...     }
    ... )
    >>> sheet = tear_sheet(History.from_changes(log))
    >>> sheet.savefig("proof.png")  # doctest: +SKIP
    """
    if not isinstance(history, History):
        raise ArgumentTypeError(
            f"history is a {type(history).__name__}, not a History; open one with oa.History(path)"
        )
    history, freq = history if org is None else history.read_by(org), check_freq(freq)
    records, zone = history.records["recorded_at"], Org.of(history).zone(None)
    until = None if as_of is None else as_instant(as_of, tz=zone, end=True, name="as_of")
    if records.empty:
        need = "no record yet: run `opp-analytics record` daily"
        return _lay_out(
            [ChartData(name, empty=need, size=_LACKING) for name in _NAMES], "Tear sheet", need
        )
    now = history.recorded_before(until or records.iloc[-1])
    day, known, deals = as_date(as_of or now, tz=zone), records[records <= now], history.as_of(now)
    span = text.days(as_date(known.iloc[0], tz=zone), as_date(now, tz=zone))
    basis = f"{text.count(len(deals))} in {text.count(len(known), 'record')}, {span}"
    makes = _list_panels(history, deals, now, day, target, freq, by)
    panels = [_prepare(name, make) for name, make in zip(_NAMES, makes, strict=True)]
    return _lay_out(panels, f"Tear sheet, {text.day(day, year=True)}", basis)


def _list_panels(
    history: History,
    deals: pd.DataFrame,
    now: pd.Timestamp,
    day: pd.Timestamp,
    target: Any,
    freq: Freq,
    by: str,
) -> tuple[_Make, ...]:
    """List what prepares each panel, in the order of a reader's questions."""
    first, period = history.records["recorded_at"].iloc[0], str(pd.Period(day, freq))
    when: dict[str, Any] = {"as_of": day, "freq": freq}
    recent: dict[str, Any] = {"start": max(first, now - pd.Timedelta(weeks=_WEEKS)), "end": now}
    week: dict[str, Any] = {"start": max(first, now - pd.Timedelta(weeks=1)), "end": now}

    def create() -> pd.DataFrame:
        table = analysis.pipeline_created(history, freq=freq, by=by)
        return table[table.index.get_level_values("period") <= period]

    def call() -> analysis.CallSamples:
        return analysis.CallSamples.of(history, "tear_sheet", freq=freq, as_of=day)

    return (
        lambda: charts.forecast(
            analysis.forecast(deals, **when, history=history, target=target, periods=7)
        ),
        lambda: charts.forecast_fan(analysis.forecast_fan(history, period=period, **when)),
        lambda: charts.pacing(analysis.pacing(deals, **when, by_day=True)),
        lambda: charts.track_record(analysis.track_record(history, **when)),
        lambda: charts.forecast_change(
            analysis.forecast_change(history, **week, period=period, freq=freq)
        ),
        lambda: charts.backtest_methods(analysis.backtest_methods(history, **when)),
        lambda: charts.backtest_horizons(
            analysis.backtest_horizons(analysis.backtest(history, **when))
        ),
        lambda: charts.calibration(analysis.calibration(history, horizon_days=_HORIZON, as_of=day)),
        lambda: charts.waterfall(analysis.waterfall(history, **recent)),
        lambda: charts.slippage(analysis.slippage(history, **recent)),
        lambda: charts.stage_flow(analysis.stage_flow(history, **recent)),
        lambda: charts.close_date_moves(analysis.close_date_moves(history, **recent)),
        lambda: charts.pipeline_created(create()),
        lambda: charts.win_rate(
            analysis.win_rate(deals, freq=freq, as_of=day, start=day - pd.DateOffset(years=1))
        ),
        lambda: charts.scorecard(analysis.scorecard(deals, history, **when, by=by)),
        lambda: charts.velocity(analysis.velocity(deals, as_of=day, by=by)),
        lambda: charts.time_to_win(analysis.time_to_win(deals, as_of=day, by=by)),
        lambda: charts.call_accuracy(analysis.judge_callers(call())),
        lambda: charts.forecast_value_added(analysis.compare_sources(call(), None)),
    )


_NAMES = (
    "Forecast",
    "This period’s forecast so far",
    "Pacing",
    "Past ranges",
    "Why the forecast moved",
    "Methods compared",
    "Error by weeks left",
    "Stated probabilities",
    "What moved the pipeline",
    "What became of deals due",
    "Stage flow",
    "Close dates",
    "Pipeline created",
    "Win rate",
    "Scorecard",
    "Velocity",
    "Time to win",
    "Calls",
    "Whose number is better",
)
"""Titles of panels without data."""


def _prepare(name: str, make: _Make) -> ChartData:
    """Prepare a panel; where the history is too short, or lacks a column, the panel says so."""
    try:
        chart = make()
    except OppAnalyticsError as error:
        return ChartData(name, empty=str(error), size=_LACKING)
    rest = 0 if chart.upright else len(chart.places) - _MOST_ROWS
    if rest > 0:
        note = f"{chart.note} · {text.count(rest, 'row')} not shown"
        return replace(chart, places=chart.places[:_MOST_ROWS], note=note)
    return chart


def _lay_out(panels: list[ChartData], title: str, basis: str) -> Figure:
    """Draw the first panel over the whole width, the others in pairs."""
    rows = [panels[:1], *(panels[k : k + 2] for k in range(1, len(panels), 2))]
    heights = [_HEADER, *(max(fit_size(chart)[1] for chart in row) for row in rows)]
    sheet, size = Picture((_WIDTH, sum(heights))), size_text()
    head, *strips = sheet.subfigures(len(heights), 1, squeeze=False, height_ratios=heights).flat
    style: dict[str, Any] = {"va": "top", "parse_math": False}
    head.text(0.01, 0.85, title, fontsize=2 * size, fontweight="bold", color=COLORS["ink"], **style)
    head.text(0.01, 0.35, basis, fontsize=1.2 * size, color=COLORS["quiet"], **style)
    match_dark(head)
    for row, strip in zip(rows, strips, strict=True):
        halves = strip.subfigures(1, 2, squeeze=False).flat if row[0] is not panels[0] else [strip]
        for chart, place in zip(row, halves, strict=False):
            render(chart, add_axes(place))
    return sheet
