"""The forecasts of a report, by team and person.

A page shows all or part of them, now and at past records.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from opp_analytics import analysis, text
from opp_analytics.analysis import DateMoves, DueCohort, StageEntries, find_calls
from opp_analytics.answers.context import AHEAD, Context, Part, keep
from opp_analytics.arguments import MethodName
from opp_analytics.arrays import Places, Series
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.history import History, whole_of
from opp_analytics.note import note_of
from opp_analytics.org import Org, find_called_period, find_teams
from opp_analytics.periods import as_date, as_instant, to_dates
from opp_analytics.schema import ALL, HALF_CENT, TEXT, is_among, mark_named

_Made = TypeVar("_Made")
_Groups = TypeVar("_Groups", DueCohort, DateMoves, StageEntries)
_WEEK, _NEAR = pd.Timedelta(days=7), pd.Timedelta(days=3)
"""Compare with the record from a week ago, give or take 3 days."""
_TREND = 9
"""Weeks of the trend: two months, so that it begins before the month does; a longer period is shown
whole."""
_RANGE = ["expected", "low", "high"]
_FAN = ["booked", "expected", "low", "median", "high"]
_CATEGORIES = ["commit_total", "best_case_total"]
_ZEROS = ["booked", "open_count", "open_value", "expected"]
"""Columns of a person that are 0 without deals."""
_JUDGED = 12
"""Past forecasts of a part to judge, a year of months."""


@dataclass(frozen=True)
class Earlier:
    """The record to compare with."""

    moment: pd.Timestamp
    """Its instant."""
    day: pd.Timestamp
    """Its date."""
    forecast: pd.DataFrame
    """`oa.forecast` as of that day."""
    people: pd.Series[float]
    """Expected money by person, in the groups of today; empty if nobody is named."""
    moved: pd.Series[float]
    """What people brought to a group, or took along, who changed groups since."""

    def figure(self, period: str, column: str) -> float:
        """Look up a figure of the page's subject, as it was then."""
        return float(self.forecast[column].to_dict()[period])


def first_record(context: Context) -> pd.Timestamp:
    """Day of the first record of all."""
    assert context.history is not None
    return as_date(whole_of(context.history).records["recorded_at"].iloc[0], tz=context.tz)


@keep
def require_history(context: Context) -> History:
    """Read the history up to the day of the question, by which it has a record."""
    if context.history is None or context.records.empty:
        raise NotEnoughHistory("no record of the pipeline up to this day")
    # A page made late is the page made then.
    is_late = len(context.records) < len(whole_of(context.history).records)
    last = context.records["recorded_at"].iloc[-1]
    return context.history.until(last) if is_late else context.history


def require_whole_history(context: Context) -> History:
    """Read that of the whole, which a part's page asks for all parts at once."""
    return require_history(replace(context, history=context.whole_history, part=None, ids=None))


def read_part(
    context: Context, read: Callable[..., _Groups], *key: Any, by: Sequence[str] = ()
) -> _Groups:
    """Read the history once for all parts, each `apart`, and keep that of the question.

    Their groups are told by `by`; the key is what is asked beyond the context.
    """
    history, part = require_history(context), context.part
    if part is None:
        return read(history, by=by, apart=False)
    whole, groups = require_whole_history(context), [part.column, *by]
    of_all = context.keep(partial(read, whole, by=groups, apart=True), *key, *groups)
    return of_all.keep_group(part.name, history)


def _forecast(
    context: Context,
    moment: pd.Timestamp | None,
    method: MethodName,
    periods: int | tuple[str, ...],
    ranged: str = "",
    teams_on: pd.Timestamp | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecast the whole by team and person, now or at a record.

    Keep the rows of the page's subject by period, and those that `_keep_people` reads.

    People have a range and a chance in the period `ranged` only: each takes as long as those of
    the whole.
    """
    levels, part = list(context.levels), context.part
    depth = levels.index(part.column) + 1 if part else 0

    def is_shown(labels: Sequence[str], period: str) -> bool:
        mine = part is None or (len(labels) >= depth and labels[depth - 1] == part.name)
        return mine and (len(labels) == depth or period == ranged)

    whole = partial(_forecast_whole, context, moment, method, periods, teams_on)
    # What a forecast was made from takes 80 MB at 100,000 deals; without parts it is asked once.
    key = "forecast", context.levels, moment, method, periods, teams_on
    leveled, once = context.keep(whole, *key) if context.has_parts else whole()
    table = leveled.show(is_shown)
    if not levels:
        return table, table.iloc[:0]
    own, groups = _keep_part(table.iloc[once], part, levels)
    giants = leveled.find_giants(depth, part.name if part else "")
    return note_of(own).change(giants=giants).write(own), groups


def _forecast_whole(
    context: Context,
    moment: pd.Timestamp | None,
    method: MethodName,
    periods: int | tuple[str, ...],
    teams_on: pd.Timestamp | None,
) -> tuple[analysis.LeveledForecast, Places]:
    """Forecast the whole, and place its rows without those that `_count_once` drops."""
    levels, now = list(context.levels), moment is None
    made = analysis.LeveledForecast.of(
        context.whole if moment is None else read_record(context, moment),
        as_of=context.day if moment is None else as_date(moment, tz=context.tz),
        periods=periods if now else list(periods),  # type: ignore[arg-type]
        only=not now,
        method=analysis.read_method(method),
        by=levels or None,
        totals=bool(levels),
        freq=context.freq,
        history=context.whole_history if now else convert_history(context),
        target=context.target,
        confidence=context.confidence,
        tz=context.tz,
        teams_on=teams_on,
    )
    return made, _count_once(made.plain)


def convert_history(context: Context) -> History:
    """The whole's history at the rates of the last record."""
    history = context.whole_history
    assert history is not None
    return context.keep(
        lambda: history.at_rates_of(context.records["recorded_at"].iloc[-1]), "rated"
    )


def read_record(context: Context, moment: pd.Timestamp) -> pd.DataFrame:
    """Read all deals of a record."""
    # The same in months and in quarters.
    key = "record", moment
    if key not in context.kept:
        context.kept[key] = convert_history(context).as_of(moment)
    record: pd.DataFrame = context.kept[key]
    return record


@keep
def earlier_record(context: Context) -> tuple[pd.Timestamp, pd.DataFrame]:
    """The record to compare with: its time, and all deals then."""
    moment = find_earlier_record(context)
    return moment, read_record(context, moment)


def _forecast_at(
    context: Context,
    moment: pd.Timestamp,
    *periods: str,
    in_teams_of: pd.Timestamp | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecast periods as of a record, from all deals then."""
    return _forecast(context, moment, method(context), periods, teams_on=in_teams_of)


@keep
def _now(context: Context) -> tuple[pd.DataFrame, pd.DataFrame]:
    now = _forecast(context, None, context.method, context.reach, ranged=context.label)
    return now[0], _keep_people(context, now[1])


def forecast(context: Context) -> pd.DataFrame:
    """`oa.forecast` of the page's subject, with rows for the current period and those ahead."""
    return _now(context)[0]


def forecast_alone(context: Context) -> pd.DataFrame:
    """`forecast` without the ranges of people, which take the longest."""
    return _forecast(context, None, context.method, context.reach)[0]


def stated(context: Context) -> bool:
    """True if only stated chances are used, which give no chance of hitting a target."""
    return method(context) == "stated"


def by_rate(context: Context) -> bool:
    """True if the forecast is the run rate, which looks at no open deal."""
    return method(context) == "run_rate"


@keep
def current(context: Context) -> pd.Series[Any]:
    """The forecast's row of the current period."""
    return forecast(context).loc[[context.label]].iloc[0]


@keep
def lead(context: Context) -> pd.Period:
    """Period that leads the page: the current one, or the next once it is decided."""
    return pd.Period(analysis.find_lead(forecast(context))[1], context.freq)


def lead_name(context: Context) -> str:
    """The period of `lead` in a sentence."""
    return context.name_of(str(lead(context)))


@keep
def ahead(context: Context) -> pd.DataFrame:
    """The forecast's rows of the periods ahead."""
    names = [str(context.period + step) for step in range(1, AHEAD + 1)]
    return forecast(context)[forecast(context).index.isin(names)]


@keep
def people(context: Context) -> pd.DataFrame:
    """`oa.forecast` of the current period by team and person, with "(all)" rows.

    Empty where nobody is named.
    """
    return _keep_period(context, _now(context)[1], context.period)


def _keep_period(context: Context, people: pd.DataFrame, period: pd.Period) -> pd.DataFrame:
    if not context.by:
        return people
    return people[people.index.get_level_values("period") == str(period)].droplevel("period")


def persons(context: Context) -> pd.DataFrame:
    """The rows of `people` for individuals, by name; what is nobody's is not among them."""
    return _keep_persons(context, people(context))


@keep
def leading_persons(context: Context) -> pd.DataFrame:
    """Those of the period that leads.

    A range and a chance are known in the current one only.
    """
    return _keep_persons(context, _keep_period(context, _now(context)[1], lead(context)))


def _keep_persons(context: Context, people: pd.DataFrame) -> pd.DataFrame:
    totals = [ALL in text.split_key(label) for label in people.index]
    rows = people.loc[~np.array(totals, dtype=bool) & mark_named(people.index)]
    return rows.droplevel(list(range(rows.index.nlevels - 1))) if rows.index.nlevels > 1 else rows


@keep
def calls(context: Context) -> pd.DataFrame:
    """The calls in force on the as-of day, by row of `people`.

    Empty where nobody called the current period.
    """
    found = _find_calls(context, context.day)
    return found if found["call"].notna().any() else found.iloc[:0]


@keep
def compared_people(context: Context) -> pd.DataFrame:
    """`people` with commit, best case, calls then and now, and the ``change`` of each forecast.

    Those who had a deal at the earlier record and have none now are added. ``moved`` is what came
    or went with people who changed groups, ``later`` what went with deals that were won but are
    dated later: they are in no change.
    """
    table = people(context).assign(
        **calls(context).reindex(people(context).index), **_list_categories(context)
    )
    if no_changes(context) or math.isnan(earlier(context).figure(context.label, "expected")):
        return table.assign(change=np.nan, call_then=np.nan, moved=0.0, later=0.0)
    then, moved, day = earlier(context).people, earlier(context).moved, earlier(context).day
    table = table.assign(call_then=_find_calls(context, day)["call"].reindex(table.index))
    gone = then.index.difference(table.index, sort=False)
    rows = table.reindex(table.index.append(gone))
    rows.loc[gone, [*_ZEROS, *_CATEGORIES]] = 0.0
    later = _sum_by_level(context, won_later(context).groupby([*context.by])[["later"]].sum(), rows)
    change = rows["expected"] - then.reindex(rows.index).fillna(0.0) - later["later"]
    moved = moved.reindex(rows.index).fillna(0.0)
    return rows.assign(change=change, moved=moved, later=later["later"])


@keep
def won_later(context: Context) -> pd.DataFrame:
    """Deals won since the earlier record but dated after the current period.

    ``later`` is what the period's forecast gave up with each: less than 0, and no fall.
    """
    none = context.deals.head(0).assign(later=0.0)
    if context.won_later.empty or no_changes(context):
        return none
    try:
        moved = explained_change(context).list_deals()
    except NotEnoughHistory:
        return none
    taken = moved[moved["movement"] == "won_later"].set_index("unique_id")["expected"]
    won = context.won_later
    return won.assign(later=won["unique_id"].map(taken)).dropna(subset="later")


def say_won_later(context: Context) -> str:
    """Say what a change of the forecast leaves out: it was won, but is dated later."""
    taken = won_later(context)["later"].sum()
    if abs(taken) < HALF_CENT:
        return ""
    return f"{context.money(abs(taken))} won but dated later"


def _list_categories(context: Context) -> pd.DataFrame:
    """Closed money with commit, and with best case, by row of `people`."""
    by = [*context.by]
    table = analysis.forecast_categories(context.opportunities, by=by, **context.options)
    now = table[table.index.get_level_values("period") == context.label][_CATEGORIES].droplevel(
        "period"
    )
    return _sum_by_level(context, now, people(context))


def _sum_by_level(context: Context, table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Sum a table by `Context.by` for each row of `people`, totals too; 0 without any."""
    by, none = [*context.by], dict.fromkeys(table.columns, 0.0)
    levels = [table.groupby(by[:depth], sort=False).sum() for depth in range(1, len(by) + 1)]
    sums = {text.split_key(key): row for level in levels for key, row in level.iterrows()}
    sums[()] = table.sum()
    keys = [[one for one in text.split_key(key) if one != ALL] for key in rows.index]
    found = [dict(sums.get(tuple(key), none)) for key in keys]
    return pd.DataFrame(found, rows.index, table.columns)


@keep
def trace_call(context: Context) -> pd.Series[float]:
    """The call of the page's subject from each day on, NaN once withdrawn.

    Of one caller, or the sums of the level below.
    """
    days = sorted(_called_now(context)["made_on"].unique())
    found = [
        _find_calls(context, day)[["call", "caller"]].reindex([whole(context)]) for day in days
    ]
    if not found:
        return pd.Series(dtype="float64")
    table = pd.concat(found).set_axis(days)
    whose = table["caller"].fillna("").where(table["call"].notna()).ffill()
    # A sum says nothing of the later call of somebody for all.
    return table["call"][whose.eq(whose.iloc[-1])[::-1].cummin()[::-1]]


def whole(context: Context) -> Any:
    """Label of the page's subject among `people`."""
    return (ALL,) * len(context.by) if len(context.by) > 1 else ALL


@keep
def _called_now(context: Context) -> pd.DataFrame:
    calls = context.calls
    org, labels = Org.of(calls), calls["period"].unique()
    now = [
        label for label in labels if find_called_period(label, context.freq, org) == context.period
    ]
    return calls[calls["period"].isin(now)]


def _find_calls(context: Context, day: pd.Timestamp) -> pd.DataFrame:
    part = context.part
    return find_calls(
        _called_now(context), people(context), day, (part.column, part.name) if part else ("", "")
    )


def method(context: Context) -> MethodName:
    """The forecast's method: the one asked for, or the one that "auto" chose."""
    found: MethodName = note_of(forecast(context)).method
    return found


def say_method(context: Context, *, explain: bool = False) -> str:
    """Say in one sentence how the forecast was made; with `explain`, why."""
    return analysis.describe_method(forecast(context), explain=explain)


@keep
def earlier(context: Context) -> Earlier:
    """The record to compare with, and the forecast as of it, by today's method."""
    moment, _ = earlier_record(context)
    day = as_date(moment, tz=context.tz)
    try:
        periods = dict.fromkeys([context.label, str(lead(context))])
        whole, groups = _forecast_at(context, moment, *periods)
        regrouped = groups = _keep_people(context, groups)
        if find_teams(context.org.people, day) != find_teams(context.org.people, context.known_day):
            then = _forecast_at(context, moment, *periods, in_teams_of=context.known_day)
            regrouped = _keep_people(context, then[1])
    except NotEnoughHistory:
        raise NotEnoughHistory(
            f"the method changed: {text.label(method(context))} had too few records on "
            f"{context.write_day(day)}, so that day’s forecast cannot be compared"
        ) from None
    expected, before = (
        _keep_period(context, table, context.period)["expected"] for table in (regrouped, groups)
    )
    return Earlier(moment, day, whole, expected, expected.sub(before, fill_value=0.0))


@keep
def no_changes(context: Context) -> str:
    """The reason that nothing can be compared; empty if it can."""
    try:
        _ = earlier(context)
    except NotEnoughHistory as reason:
        return str(reason)
    return ""


@keep
def pacing(context: Context) -> pd.DataFrame:
    """`oa.pacing` by day."""
    return analysis.pacing(context.opportunities, by_day=True, **context.options)


@keep
def fan(context: Context) -> pd.DataFrame:
    """`oa.forecast_fan` of the current period, one record per week.

    The record compared with is among them; the page's forecast is the last.

    A record that cannot be forecast from by the page's method has what had closed alone.
    """
    moments = _choose_weekly(context)
    known = _fan_of_part(context, moments) if context.part else _fan_of_whole(context, moments)
    table = known.reindex(moments)[_FAN].astype("float64")
    if not no_changes(context):
        compared = earlier(context)
        row = compared.forecast.loc[context.label, _FAN]
        table.loc[compared.moment] = row.astype("float64")
    return _end_fan(context, table)


@keep
def fan_today(context: Context) -> pd.DataFrame:
    """`fan` without records: today's forecast alone."""
    none = pd.DatetimeIndex([], tz="UTC")
    return _end_fan(context, pd.DataFrame(index=none, columns=_FAN, dtype="float64"))


def _end_fan(context: Context, table: pd.DataFrame) -> pd.DataFrame:
    """Add the page's forecast, and what had closed where that is not known."""
    table.loc[context.until] = current(context)[_FAN].astype("float64")
    days = to_dates(pd.Series(table.index), tz=context.tz).set_axis(table.index)
    won = context.won_now
    closed = [won["value"][won["close_date"] <= day].sum() for day in days]
    left = (context.period.end_time - days).dt.days // 7
    shown = table.assign(
        booked=table["booked"].fillna(pd.Series(closed, table.index)),
        period=context.label,
        weeks_before=left,
        target=current(context)["target"],
    ).rename_axis("made_at")
    note = note_of(forecast(context)).change(
        kind="forecast_fan", day=str(context.day.date()), tz=context.tz
    )
    return note.write(shown)


def _choose_weekly(context: Context) -> pd.DatetimeIndex:
    """Choose each week's last record before today, counted back from it.

    Of its week the one that the page compares with.
    """
    moments = context.records["recorded_at"]
    today = context.known_day
    weeks = ((today - to_dates(moments, tz=context.tz)).dt.days + 1) // 7
    compared = moments == (None if no_changes(context) else earlier(context).moment)
    week, begun = weeks[compared].max(), (today - context.period.start_time).days // 7 + 1
    longest = max(_TREND - 1, begun, weeks[compared].max())
    kept = ~weeks.duplicated(keep="last") & (weeks != week) & weeks.between(1, longest)
    if not (kept | compared).any():
        if (first := first_record(context)) > today - _WEEK:
            raise NotEnoughHistory(
                f"the first record is from {context.write_day(first)}; the trend starts a week "
                "later"
            )
        raise NotEnoughHistory(
            f"no record in the {longest + 1} weeks before {context.write_day(today)}"
        )
    return pd.DatetimeIndex(moments[kept | compared])


def _fan_of_whole(context: Context, moments: pd.DatetimeIndex) -> pd.DataFrame:
    try:
        return analysis.forecast_fan(
            require_history(context),
            at=moments,
            period=context.label,
            method=method(context),
            confidence=context.confidence,
            **context.options,
        )
    except NotEnoughHistory:
        return pd.DataFrame(columns=_FAN)


def _fan_of_part(context: Context, moments: pd.DatetimeIndex) -> pd.DataFrame:
    """Take the part's rows from forecasts of the whole, record by record."""
    rows, period = {}, context.label
    for moment in moments:
        try:
            rows[moment] = _forecast_at(context, moment, period)[0].loc[period, _FAN]
        except NotEnoughHistory:
            continue
    return pd.DataFrame.from_dict(rows, orient="index", columns=_FAN, dtype="float64")


@keep
def change(context: Context) -> pd.DataFrame:
    """`oa.forecast_change` of the current period, from the earlier record to the last one."""
    table = explained_change(context).sum_up()
    return note_of(table).change(causes=_find_causes(context)).write(table)


def _find_causes(context: Context) -> dict[str, str]:
    """Say the new stage of the deals whose chance added and took most.

    The keys are "up" and "down". A deal that is in the same stage is not said.
    """
    moved = explained_change(context).list_deals()
    moved = moved[moved["movement"] == "chance"]
    then, now = (
        frame.set_index("unique_id")["stage"]
        for frame in (earlier_record(context)[1], context.whole)
    )
    causes = {}
    for way, sign in (("up", 1), ("down", -1)):
        for name in moved["unique_id"][sign * moved["expected"] > 0].head(1):
            if (
                pd.notna(became := now.get(name))
                and pd.notna(was := then.get(name))
                and was != became
            ):
                causes[way] = f"now in {text.stage(became)}"
    return causes


@keep
def explained_change(context: Context) -> analysis.ForecastChange:
    """The steps of the forecast from the earlier record to the last one."""
    part = context.part
    (start, then), last = earlier_record(context), context.records["recorded_at"].iloc[-1]
    if last <= start:
        raise NotEnoughHistory(
            f"nothing was recorded after {context.write_day(as_date(start, tz=context.tz))}, so "
            "the deals that moved are not known"
        )
    if math.isnan(earlier(context).figure(context.label, "expected")):
        day = context.write_day(earlier(context).day)
        raise NotEnoughHistory(f"on {day} it was too early to forecast {context.name}")
    asked: dict[str, Any] = {
        "start": start,
        "end": as_instant(context.known_day, tz=context.tz, end=True),
        "period": context.label,
        "by": list(context.levels) if part else None,
        "freq": context.freq,
        "method": context.method,
        "tz": context.tz,
        "opening": then,
    }
    change = context.keep(
        lambda: analysis.explain_change(convert_history(context), **asked),
        "change",
        asked["by"] and context.levels,
    )
    return change.keep_group(part.column, part.name) if part else change


def _deal_forecast(context: Context) -> analysis.DealForecast:
    return forecast_by(context, leading_levels(context))


def forecast_by(context: Context, by: list[str] | None) -> analysis.DealForecast:
    """Forecast the whole by groups, so that single deals can be asked about."""
    return context.keep(
        lambda: analysis.DealForecast.of(
            context.whole,
            # The run rate looks at no single deal.
            method=analysis.read_method("auto" if context.method == "run_rate" else context.method),
            by=by,
            history=context.whole_history,
            target=context.target,
            periods=context.reach,
            **context.options,
        ),
        "deals",
        tuple(by or ()),
    )


def leading_levels(context: Context) -> list[str] | None:
    """Find the columns that lead to the part; None for the whole."""
    levels, part = context.levels, context.part
    return list(levels[: levels.index(part.column) + 1]) if part else None


@keep
def forecast_deals(context: Context) -> pd.DataFrame:
    """`oa.forecast_deals` of the whole, for the target of the period that leads.

    On a part's page, the part's rows.
    """
    part, made = context.part, _deal_forecast(context)
    table = context.keep(
        lambda: made.list_deals(lead(context)), "deals", made.question.by, lead(context)
    )
    table = table[(table[part.column] == part.name).to_numpy(dtype=bool)] if part else table
    known = context.opportunities["unique_id"]
    return table if context.ids is None else table[is_among(table["unique_id"], known)]


def explain(context: Context, rows: pd.DataFrame) -> pd.DataFrame:
    """Index rows of `forecast_deals` by id, with ``why``: each chance in words.

    ``why`` says what adds up to the chance; it is missing for chances that are not learned.
    """
    said = map(analysis.explain_chances, _deal_forecast(context).list_reasons(rows))
    found, words = rows.set_index("unique_id"), pd.concat([pd.Series(dtype=TEXT), *said])
    chances = zip(found["period"], found["chance"], found["win_chance"], strict=True)
    # The two are learned apart, so that of a long period may be the larger one.
    known = [
        f"{text.percent(own)} in {context.name_of(str(period))}"
        f"{f', {text.percent(ever)} in all' if ever >= own else ''}: "
        for period, own, ever in chances
    ]
    return found.assign(why=pd.Series(known, found.index, dtype=TEXT) + words.reindex(found.index))


def earlier_chances(context: Context) -> pd.Series[float]:
    """Learned chances of the current period as of the earlier record, by id.

    They are of deals open then; empty without any.
    """

    def find() -> pd.Series[float]:
        then = _forecast_deals_then(context, periods=[context.label], only=True)
        is_learned = then.made.method.label == "learned"
        return then.find_chances(context.period) if is_learned else none

    none = pd.Series(dtype="float64")
    try:
        return context.keep(find, "chances then")
    except NotEnoughHistory:
        return none


@keep
def chances(context: Context) -> Series:
    """Each open deal's own chance from history, by id.

    None where the method takes it from elsewhere.
    """
    return own_chances(context)["chance"].dropna()


def list_chances(context: Context, period: str = "") -> dict[str, float]:
    """List chances from history by id: of a period, by default of each deal's own."""

    def make() -> dict[str, float]:
        own = chances(context)
        known = deals_of(context, period)["chance"].dropna() if period and len(own) else own
        return {str(key): float(chance) for key, chance in known.items()}

    return context.keep(make, "chances", context.part, context.ids, period)


def deals_then(context: Context) -> pd.DataFrame:
    """`oa.forecast_deals` as of the earlier record."""
    return context.keep(
        lambda: _forecast_deals_then(context, periods=context.reach).list_deals(), "deals then"
    )


def _forecast_deals_then(context: Context, **asked: Any) -> analysis.DealForecast:
    return analysis.DealForecast.of(
        earlier_record(context)[1],
        method=analysis.read_method("auto" if by_rate(context) else method(context)),
        history=convert_history(context),
        **context.options | {"as_of": earlier(context).day} | asked,
    )


@keep
def own_chances(context: Context) -> pd.DataFrame:
    """Each open deal's own row of `forecast_deals`, by id, explained."""
    return explain(context, analysis.select_own_chances(forecast_deals(context)))


def name_history(context: Context, period: str = "") -> str:
    """Head the chances from history of a period, by default of each deal's own.

    Empty where the method uses none.
    """
    when = context.name_of(period, short=True) if period else f"its {context.noun}"
    return f"Chance in {when}" if len(chances(context)) else ""


@keep
def weigh_deals(context: Context) -> pd.DataFrame:
    """Amount each of `Context.deals` adds to the current and the next periods.

    The periods are columns.

    It is the value of one won in the period, value × chance of an open one; else missing. The
    run rate looks at no single deal.
    """
    deals, columns = context.deals, {}
    for period in [context.label, *ahead(context).index]:
        weighted = deals_of(context, period)["weighted"]
        weighted = weighted.head(0) if by_rate(context) else weighted
        won = (deals["period"] == period) & (deals["outcome"] == "won")
        columns[period] = (
            deals["value"].where(won, deals["unique_id"].map(weighted)).astype("float64")
        )
    return pd.DataFrame(columns)


def deals_of(context: Context, period: str) -> pd.DataFrame:
    """The rows of `forecast_deals` for a period, by id."""
    return _by_period(context).get(period, _by_period(context)[""])


@keep
def _by_period(context: Context) -> dict[str, pd.DataFrame]:
    table = forecast_deals(context).set_index("unique_id")
    return {
        "": table.head(0),
        **{str(period): rows for period, rows in table.groupby("period")},
    }


@keep
def past_ranges(context: Context) -> pd.DataFrame:
    """`oa.backtest` at today's lead, by period.

    Recorded values may be refused.
    """
    history = require_history(context)
    whole = context.whole_history or history
    asked = context.options | {"as_of": context.known_day}
    table = context.keep(
        lambda: analysis.backtest(whole, methods=method(context), lead="now", **asked),
        "past",
        method(context),
    )
    table = table.droplevel("method").reset_index("made_at")
    return _keep_part_of_past(context, table) if context.part else table


def _keep_part_of_past(context: Context, table: pd.DataFrame) -> pd.DataFrame:
    """Replace the whole's past forecasts with the part's.

    The part's are rows of forecasts by team and person.
    """
    kept = table.tail(_JUDGED).copy()
    whole = (_forecast_at(context, at, str(period))[0] for period, at in kept["made_at"].items())
    rows = [then.loc[str(period), _RANGE] for period, then in zip(kept.index, whole, strict=True)]
    kept[_RANGE] = np.array(rows, dtype="float64").reshape(-1, len(_RANGE))
    kept["actual"] = forecast(context)["booked"].reindex(kept.index, fill_value=0.0)
    kept["error"] = kept["expected"] - kept["actual"]
    judged = kept.assign(held=analysis.judge_ranges(kept))
    return note_of(table).change(n=len(judged)).write(judged)


@keep
def past_coverage(context: Context) -> pd.DataFrame:
    """Usual coverage of ended periods that hit their target, and of those that missed.

    Their coverage is taken with as many days left as the current period has.
    """
    part, history = context.part, context.whole_history
    unknown = pd.DataFrame({"median": [], "n": []})
    if history is None or context.records.empty or not forecast(context)["target"].notna().any():
        return unknown
    by = leading_levels(context)
    try:
        then = context.keep(
            lambda: analysis.list_past_coverage(history, context.label, by=by, **context.options),
            "coverage",
            tuple(by or ()),
        )
    except (NotEnoughHistory, DataError):
        return unknown
    then = then[then[part.column] == part.name] if part else then
    return analysis.find_usual_coverage(then, forecast(context))


def say_usual_coverage(context: Context) -> str:
    """Say the usual coverage of ended periods that hit their target, and of those that missed.

    Empty unless both are known and differ: else they say nothing of a coverage between them.
    """
    usual = past_coverage(context)
    if len(usual) < 2:
        return ""
    (_, missed), (_, hit) = usual.sort_index().iterrows()
    periods = text.count(int(hit["n"]), context.noun)
    low, high = text.times(missed["median"]), text.times(hit["median"])
    said = f"usual when hit {high} ({periods}), when missed {low} ({missed['n']:.0f})"
    return said if low != high else ""


def find_earlier_record(context: Context) -> pd.Timestamp:
    """Find the record to compare with: the last by `since`, else nearest to 7 days ago.

    Where there are no two records to compare, or none near that day, the error says when there will
    be one.
    """
    moments = context.records["recorded_at"]
    if moments.empty:
        raise NotEnoughHistory("no record of the pipeline up to this day")
    # Before an import knows close dates, no deal is due.
    dated = require_history(context).begins.get("close_date", moments.iloc[0])
    moments = moments[moments >= dated]
    days = to_dates(moments, tz=context.tz)
    if context.since is not None:
        by_then = moments[days <= context.since]
        if by_then.empty:
            raise NotEnoughHistory(
                f"no record by {text.day(context.since, year=True)}; the first one is from "
                f"{text.day(days.iloc[0], year=True)}"
            )
        return pd.Timestamp(by_then.iloc[-1])
    # Skip the last day's records: they are what is being compared.
    today = context.known_day
    past = days < today
    if not past.any():
        raise NotEnoughHistory(
            f"the first record is from {text.day(days.iloc[0])}; a comparison is possible from "
            f"{text.day(days.iloc[0] + _WEEK - _NEAR)} on"
        )
    days, moments = days[past], moments[past]
    off = (days - (today - _WEEK)).abs()
    if off.min() > _NEAR:
        later = [day + _WEEK for day in [*days, today] if day + _WEEK > today]
        nearest = as_date(moments[off == off.min()].iloc[-1], tz=context.tz)
        raise NotEnoughHistory(
            f"no record from a week ago; the nearest is from {text.day(nearest, year=True)}, "
            f"and a comparison is possible from {text.day(min(later))} on"
        )
    # On a tie take the earlier day, which covers the whole week, and its last record.
    near = days[off == off.min()].iloc[0]
    return pd.Timestamp(moments[days == near].iloc[-1])


def _keep_part(
    table: pd.DataFrame, part: Part | None, levels: Sequence[Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the rows of the whole or of a part, by period, and all that are below it.

    The table is `oa.forecast` by `levels`, with totals.
    """
    if part is None:
        return table[_is_total(table, levels)].droplevel(list(levels)), table
    place = levels.index(part.column)
    above, members = list(levels[:place]), list(levels[place + 1 :])
    mine = table[table.index.get_level_values(part.column) == part.name]
    mine = mine.droplevel(above) if above else mine
    whole = mine[_is_total(mine, members)] if members else mine
    whole = whole.droplevel([part.column, *members])
    if whole.empty:  # A part that had no deal yet.
        labels = table.index.get_level_values("period").unique()
        aimed = ["target", "p_target", "gap", "pipeline_coverage", "needed_pipeline", "attainment"]
        unknown = dict.fromkeys(["low", "median", "high", *aimed], np.nan)
        whole = pd.DataFrame(0.0, index=labels, columns=table.columns).assign(**unknown)
    if whole.index.has_duplicates:
        whole = _add_up_teams(whole)
    # What was left out is counted in the whole, not in the part.
    return note_of(table).change(left_out={}).write(whole), mine


def _add_up_teams(rows: pd.DataFrame) -> pd.DataFrame:
    """Add up the rows by period of a person who changed teams in one.

    Each team has a part of the target; the chance of the whole target is known once all is closed.
    """
    whole = rows.groupby(level="period", sort=False).sum(min_count=1)
    whole["to_date"] = whole["to_date"] > 0
    twice = whole.index.isin(rows.index[rows.index.duplicated()])
    compared = analysis.compare_with_target(whole)
    certain = (compared["gap"] <= 0).astype("float64").where(whole["low"] == whole["high"])
    chance = certain.where(whole["target"].notna())
    return compared.assign(p_target=whole["p_target"].mask(twice, chance))


def _keep_people(context: Context, rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of the people of a page, with "(all)"; of a person's page the person twice."""
    part = context.part
    if part is None:
        return rows
    if rows.index.nlevels > 2:
        people = rows.droplevel(part.column)
    else:
        people = pd.concat([rows, rows.rename(index={part.name: ALL}, level=part.column)])
    return note_of(rows).change(left_out={}).write(people)


def _count_once(table: pd.DataFrame) -> Places:
    """Place the rows without those of people in teams that they left before a period."""
    who = table.index.droplevel([*range(table.index.nlevels - 2)])
    idle = (table[_ZEROS] == 0).all(axis=1).to_numpy() & table["target"].isna().to_numpy()
    left = idle & (who.isin(who[~idle]) | who.duplicated())
    return np.flatnonzero(~left | (who.get_level_values(0) == ALL))


def _is_total(table: pd.DataFrame, levels: Sequence[Any]) -> Any:
    return np.logical_and.reduce([table.index.get_level_values(name) == ALL for name in levels])
