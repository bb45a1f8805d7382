"""`forecast_change` and `forecast_change_deals`: why a period's forecast moved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import schema, text
from opp_analytics.analysis.forecasting.method import Method, choose, read_method
from opp_analytics.analysis.forecasting.moment import OWNER, Moment
from opp_analytics.analysis.forecasting.question import ForecastQuestion, Outlooks, answer
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.history_query import Span, find_span, instant, name_groups
from opp_analytics.analysis.shared.tables import annotate, fill_rows, index_by_groups, sort_groups
from opp_analytics.arguments import MethodName, StageRates
from opp_analytics.arrays import Floats, Series
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import TRANSFERRED, TRANSFERRED_IN, History
from opp_analytics.org import WON, outcomes
from opp_analytics.periods import Freq, When, as_date, as_instant, as_period, check_freq
from opp_analytics.schema import Json

Frame = pd.DataFrame

DEAL_STEPS = (
    "removed",
    "won",
    "won_later",
    "lost",
    "reopened",
    "new",
    "pulled_in",
    "pushed_out",
    "value",
    "owner",
    "transferred",
    "chance",
)
"""Steps that explain a deal's change in the forecast, in the order taken."""
FORECAST_STEPS = ("then", *DEAL_STEPS, "new_business", "now")
"""PeriodRows of `forecast_change`, in order."""
_LEAST = 1e-9
"""Smaller amounts are float rounding, not steps."""
_COUNTS = ("deals", "up_deals", "down_deals")
_SUMS = ("expected", "value", "up", "down", *_COUNTS)
"""Columns of the table that are 0 in a row without deals."""


def forecast_change(
    history: History,
    *,
    start: When,
    end: When,
    period: str,
    freq: Freq = "M",
    by: By = None,
    method: MethodName = "auto",
    stage_rates: StageRates = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Explain why the forecast of a period moved between two moments, in expected money.

    Parameters
    ----------
    history : History
        Reads ``stage``, ``status``, ``value``, ``close_date``, ``owner_name``, what the method
        reads, and `by`.
    start, end : date or str
        The two moments. A naive date means the start of its day for `start`, the end of its day for
        `end`.
    period : str
        Label of the period, such as "2026-11" or "2026Q4".
    freq : str
        Period length: a pandas alias.
    by : str or list of str, optional
        Columns to group by, with their values at each moment. A deal that changes group leaves the
        old and enters the new one in row ``transferred``; its earlier steps stay in the old group,
        its chance is in the new one.
    method, stage_rates
        As for `forecast`, chosen at `end` and used at both moments.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``movement`` (str; below the columns of `by`), the rows of `FORECAST_STEPS`.
        ``expected`` (float64, money, signed), ``value`` (float64, money: full value of the deals,
        as last known), ``deals`` (int64), ``largest`` (str: name or id of the deal that moved most;
        missing without one). Then what the step's deals added and what others took: ``up``,
        ``down`` (float64, money, signed), ``up_deals``, ``down_deals`` (int64), ``up_largest``,
        ``down_largest`` (str: as ``largest``, or what is before its colon where no other deal that
        did the same has it) and ``up_most``, ``down_most`` (float64, money: what that deal alone
        added or took). Note: ``period``, ``freq``, ``method``, ``why``, ``then_at``, ``now_at``.

    Raises
    ------
    NotEnoughHistory
        When `start` is before the first record, no record is between `start` and `end`, the method
        cannot be used at `start` (the message says when it can), or the period was too far ahead.
    ArgumentError, MissingColumnError
        When an argument is of the wrong kind or out of range, or the history has no column of `by`.

    See Also
    --------
    forecast_change_deals : The deals behind each row.
    waterfall : What moved the open pipeline, at full value.

    Notes
    -----
    then + all movements = now; both ends are the ``expected`` of `forecast`. Each step changes one
    fact of a deal (outcome and its date, date, value, owner) and prices it by the method as fitted
    at `start`: a win adds the money that its chance had not yet counted; one that is dated after
    the period, won_later, is counted in a later one. A date moved into the rest of the period is
    pulled_in, one moved out pushed_out, any other by its direction. The last step is chance: the
    stage moved, time passed, or the method learned. Under run_rate open deals have no chance, and
    the rest is new business.

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "b", "a", "b"],
    ...         "seen_at": ["2026-03-02", "2026-03-02", "2026-03-09", "2026-03-09"],
    ...         "stage": ["proposal", "proposal", "closed_won", "proposal"],
    ...         "value": [100.0, 50.0, 100.0, 50.0],
    ...         "close_date": ["2026-03-20", "2026-03-20", "2026-03-06", "2026-04-20"],
    ...         "probability": 40,
    ...     }
    ... )
    >>> table = forecast_change(
    ...     History.from_changes(log),
    ...     start="2026-03-03",
    ...     end="2026-03-09",
    ...     period="2026-03",
    ...     method="stated",
    ... )
    >>> table.loc[table["expected"] != 0, "expected"].to_dict()
    {'then': 60.0, 'won': 60.0, 'pushed_out': -20.0, 'now': 100.0}
    """
    asks = (start, end, period, freq, by, method, stage_rates, tz)
    return explain_change(history, *asks, asked_by="forecast_change").sum_up()


def forecast_change_deals(
    history: History,
    *,
    start: When,
    end: When,
    period: str,
    freq: Freq = "M",
    by: By = None,
    method: MethodName = "auto",
    stage_rates: StageRates = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """List the deals behind `forecast_change`, with the money each added or took.

    Parameters
    ----------
    history, start, end, period, freq, by, method, stage_rates, tz
        As for `forecast_change`.

    Returns
    -------
    DataFrame
        One row per opportunity and movement that changed expected money, largest first (with `by`,
        within each group; groups are the index): ``unique_id``, ``name``, ``movement`` (str: one of
        `DEAL_STEPS`), ``expected`` (float64, money, signed), ``value`` (float64, money: the deal's
        full value, as last known). If nothing moved, no rows.

    Raises
    ------
    NotEnoughHistory, ArgumentError, MissingColumnError
        As for `forecast_change`, which sums these rows.

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "b", "a"],
    ...         "seen_at": ["2026-03-02", "2026-03-02", "2026-03-09"],
    ...         "stage": ["proposal", "proposal", "closed_won"],
    ...         "value": [100.0, 50.0, 100.0],
    ...         "close_date": "2026-03-20",
    ...         "probability": 40,
    ...     }
    ... )
    >>> deals = forecast_change_deals(
    ...     History.from_changes(log),
    ...     start="2026-03-03",
    ...     end="2026-03-09",
    ...     period="2026-03",
    ...     method="stated",
    ... )
    >>> deals[["unique_id", "movement", "expected"]].to_numpy().tolist()
    [['a', 'won', 60.0]]
    """
    asks = (start, end, period, freq, by, method, stage_rates, tz)
    return explain_change(history, *asks, asked_by="forecast_change_deals").list_deals()


@dataclass(frozen=True)
class ForecastChange:
    """A forecast at two moments, and every step between them."""

    history: History
    rows: Frame
    """Columns of the groups, ``unique_id`` (missing for new business), name, movement, expected,
    value."""
    groups: list[str]
    notes: Json
    """For the note of a table."""

    def sum_up(self) -> pd.DataFrame:
        """Make the table of `forecast_change`."""
        names = self.rows["name"].fillna(self.rows["unique_id"])
        moved = self.rows["expected"].abs().where(self.rows["unique_id"].notna())
        rows = self.rows.assign(moved=moved, name=names, short=_shorten_names(self.rows, names))
        rows = rows.sort_values(["moved", "unique_id"], ascending=[False, True], kind="stable")
        keys = [*name_groups(self.groups), "movement"]
        summed = rows.groupby(keys).agg(
            expected=("expected", "sum"),
            value=("value", "sum"),
            deals=("unique_id", "nunique"),
            largest=("name", "first"),
        )
        for way, sign in (("up", 1), ("down", -1)):
            part = rows[rows["moved"].notna() & (sign * rows["expected"] > 0)].groupby(keys)
            side = part.agg(
                of=("expected", "sum"),
                deals=("unique_id", "nunique"),
                largest=("short", "first"),
                most=("expected", "first"),
            )
            summed = summed.join(side.add_prefix(f"{way}_").rename(columns={f"{way}_of": way}))
        table = fill_rows(summed.reset_index(), self.groups, "movement", FORECAST_STEPS)
        table = table.fillna(dict.fromkeys(_SUMS, 0.0)).astype(dict.fromkeys(_COUNTS, "int64"))
        n = int(rows.loc[rows["movement"] == "now", "unique_id"].nunique())
        return annotate(
            table,
            "forecast_change",
            made_from=self.history,
            n=n,
            **self.notes,
            most=_find_most(rows),
        )

    def keep_group(self, column: str, name: str) -> ForecastChange:
        """Keep one group of a column, without groups.

        A deal passed between parts of it changes nothing.
        """
        mine = self.rows[self.rows[name_groups(self.groups)[self.groups.index(column)]] == name]
        kept = mine.groupby(
            ["unique_id", "movement"], sort=False, dropna=False, as_index=False
        ).agg(name=("name", "first"), expected=("expected", "sum"), value=("value", "first"))
        worth = kept["unique_id"].isna() | (kept["expected"].abs() > _LEAST)
        return replace(self, rows=kept[worth], groups=[])

    def list_deals(self) -> pd.DataFrame:
        """Make the table of `forecast_change_deals`."""
        moved = _keep_deals(self.rows)
        moved = moved.assign(rank=-moved["expected"].abs().round(6))
        moved = moved.sort_values(["rank", "unique_id"], kind="stable")
        moved = sort_groups(moved, name_groups(self.groups))
        table = moved[["unique_id", "name", "movement", "expected", "value"]]
        indexed = index_by_groups(table.reset_index(drop=True), moved, self.groups)
        return annotate(
            indexed,
            "forecast_change_deals",
            made_from=self.history,
            n=table["unique_id"].nunique(),
            **self.notes,
        )


def _keep_deals(rows: Frame) -> Frame:
    """Keep the steps of deals."""
    return rows[rows["movement"].isin(DEAL_STEPS) & rows["unique_id"].notna()]


def _find_most(rows: Frame) -> Json:
    """Find the deal whose steps together moved the forecast most, and its largest step.

    `rows` have the largest ones first.
    """
    moved = _keep_deals(rows)
    if moved.empty:
        return {}
    sums = moved.groupby("unique_id", sort=False)["expected"].sum()
    first = moved[moved["unique_id"] == sums.abs().idxmax()].iloc[0]
    most = sums[first["unique_id"]]
    return {"name": first["short"], "expected": most, "movement": first["movement"]}


def _shorten_names(rows: Frame, names: Series) -> Series:
    """Shorten each name to the part before its colon, unless that is ambiguous.

    It is ambiguous if another deal that moved alike has the same part.
    """
    heads = names.str.replace("(?s): .*", "", regex=True)
    same = rows["unique_id"].groupby([rows["movement"], rows["expected"] > 0, heads])
    return heads.where(same.transform("nunique") == 1, names)


@dataclass(frozen=True)
class _Priced:
    """A period's forecast at one moment, which can price any version of a deal."""

    question: ForecastQuestion
    found: Outlooks
    opportunities: Frame
    """The deals that have a price at either moment."""

    @property
    def period(self) -> pd.Period:
        """The period."""
        return self.question.periods[0]

    @property
    def new_business(self) -> list[tuple[tuple[str, ...], float]]:
        """Labels of each group, and its expected new business."""
        amounts = self.found.outlooks[self.period].new_business.tolist()
        return list(zip(self.found.moment.labels, amounts, strict=True))

    def price(self, opportunities: Frame) -> Floats:
        """Price each row: value if booked in the period, else what the method counts, else 0.

        An unknown value or chance counts as 0.
        """
        moment = replace(self.question, by=()).read(opportunities, final=True, part=True)
        booked = moment.booked & moment.dated_in(self.period)
        over = self.question.is_over(self.period, self.found.moment)
        adds = np.zeros(len(booked)) if over else self.found.fitted.weigh(moment, self.period)
        return np.nan_to_num(np.where(booked, moment.value, adds))


def explain_change(
    history: History,
    start: When,
    end: When,
    period: str,
    freq: Freq = "M",
    by: By = None,
    method: MethodName = "auto",
    stage_rates: StageRates = None,
    tz: str | None = None,
    *,
    opening: Frame | None = None,
    asked_by: str = "forecast_change",
) -> ForecastChange:
    """Forecast a period at two moments by one method, and price each deal's changes.

    `opening` is the record at `start`, if read.
    """
    meant, groups = read_method(method, stage_rates=stage_rates), check_by(by, level="movement")
    asked = find_span(
        history, start, end, asked_by=asked_by, by=groups, tz=tz, within_one_record=True
    )
    period = str(as_period(period, asked.org.freq(check_freq(freq))))
    moments = (
        as_instant(start, tz=asked.tz, name="start"),
        as_instant(end, tz=asked.tz, end=True, name="end"),
    )
    rated = history.at_rates_of(asked.closing)
    records = [rated.as_of(moments[0]) if opening is None else opening, rated.as_of(moments[1])]
    earlier, later = (
        ForecastQuestion.of(
            record,
            as_of=at,
            method=meant,
            only=True,
            by=groups,
            periods=[period],
            freq=freq,
            history=rated,
            tz=asked.tz,
        )
        for record, at in zip(records, moments, strict=True)
    )
    known = earlier.read(records[0]), later.read(records[1])
    regrouped = replace(later, today=earlier.today, records=earlier.records)
    moved = regrouped.read(records[0]) if regrouped.moves(earlier, records[0]) else None
    records = _keep_priced(records, known, later.periods[0])
    now = _Priced(later, answer(later, known[1]), later.place(records[1]))
    used = replace(now.found.method, why="")
    earlier = replace(earlier, method=used)
    then = _Priced(earlier, answer(earlier, known[0]), earlier.place(records[0]))
    for priced, moment in zip((then, now), moments, strict=True):
        if np.isnan([amount for _, amount in priced.new_business]).any():
            day = text.day(as_date(moment, tz=asked.tz), year=True)
            raise NotEnoughHistory.of(
                "period",
                period,
                f"had no forecast on {day}: too far ahead for the method {used.name!r}",
                "choose an earlier period or a later start",
            )
    first, last = (_index_deals(priced.opportunities, groups) for priced in (then, now))
    parts = [_make_end("then", first, then), _make_end("now", last, now)]
    if moved is not None:
        # People who changed teams take along what was expected of them at the start.
        regrouped = replace(regrouped, method=used)
        placed = _Priced(regrouped, answer(regrouped, moved), regrouped.place(records[0]))
        came, places = _index_deals(placed.opportunities, groups), [*range(len(groups))]
        stayed = (first[places].to_numpy() == came[places].to_numpy()).all(axis=1)
        parts += [
            _make_end("transferred", first[~stayed], then, -1.0),
            _make_end("transferred", came[~stayed], placed),
        ]
        first, then = came, placed
    handed_over = _list_handed_over(rated, asked)
    parts += [
        *_walk_deals(first, last, then, now, handed_over),
        _list_new_business("new_business", then, -1.0),
        _list_new_business("new_business", now, 1.0),
    ]
    keys = name_groups(groups)
    filled = [part for part in parts if len(part)] or parts[:1]
    rows = pd.concat(
        [part.rename(columns=dict(enumerate(keys))) for part in filled], ignore_index=True
    )
    notes = {
        "as_of": as_date(moments[1], tz=asked.tz),
        "period": str(now.period),
        "freq": now.period.freqstr,
        "method": now.found.method.label,
        "why": now.found.method.why,
        "tz": asked.tz,
        "then_at": moments[0].isoformat(),
        "now_at": moments[1].isoformat(),
        **asked.notes(),
    }
    known_then = then.found.moment, then.question.freq, then.question.records
    if now.found.method.why and (unasked := choose(Method("auto"), *known_then).name) != used.name:
        notes["method_then"] = unasked
    rows = rows.astype({"unique_id": schema.TEXT, "name": schema.TEXT})
    return ForecastChange(history, rows, groups, notes)


def _keep_priced(records: list[Frame], known: tuple[Moment, ...], period: pd.Period) -> list[Frame]:
    """Keep the deals that are open, or won in the period, at either moment.

    All others have no price.
    """
    priced = [one.open | ((one.outcome == WON) & one.dated_in(period)) for one in known]
    ids = pd.concat(
        [record["unique_id"][mask] for record, mask in zip(records, priced, strict=True)]
    )
    return [record[schema.is_among(record["unique_id"], ids)] for record in records]


def _index_deals(frame: Frame, groups: list[str]) -> Frame:
    """Index a record's deals by id: groups in columns 0, 1, …, and categories as text."""
    org = {key: frame.attrs[key] for key in ("org",) if key in frame.attrs}
    labels = {k: schema.label_groups(frame[name]) for k, name in enumerate(groups)}
    kinds = dict.fromkeys(frame.select_dtypes("category").columns, schema.TEXT)
    plain = pd.DataFrame(frame).astype(kinds).assign(name=frame.get("name"))
    plain = pd.concat([plain, pd.DataFrame(labels, index=frame.index)], axis=1)
    plain = plain.set_index("unique_id", drop=False).rename_axis(None)
    plain.attrs = org  # type: ignore[assignment]
    return plain


def _make_end(movement: str, frame: Frame, priced: _Priced, sign: float = 1.0) -> Frame:
    """List the forecast at one moment: its deals, and new business."""
    deals = _list_steps(frame, frame, sign * priced.price(frame), movement)
    return pd.concat([deals, _list_new_business(movement, priced, sign)])


def _list_new_business(movement: str, priced: _Priced, sign: float) -> Frame:
    rows = [
        {**dict(enumerate(labels)), "movement": movement, "expected": sign * amount}
        for labels, amount in priced.new_business
    ]
    return pd.DataFrame(rows).assign(unique_id=None, name=None, value=np.nan)


def _list_handed_over(history: History, asked: Span) -> set[str]:
    """List the deals that entered or left a part of a history when a column changed.

    The column is the owner or another one that defines the part.
    """
    if not history.is_part:
        return set()
    log = history.table
    log = log.filter(
        log["seen_at"] > instant(asked.opening), log["seen_at"] <= instant(asked.closing)
    )
    moved = log.filter(log["operation"].isin([TRANSFERRED, TRANSFERRED_IN])).select("unique_id")
    return set(history.collect(moved)["unique_id"])


def _walk_deals(
    first: Frame, last: Frame, then: _Priced, now: _Priced, handed_over: set[str]
) -> list[Frame]:
    """Price every step of every deal."""
    place = last.index.get_indexer(first.index)
    stayed = place >= 0
    gone, before, after = first[~stayed], first[stayed], last.iloc[place[stayed]]
    new = last[~np.isin(np.arange(len(last)), place)]
    left = np.where(gone["unique_id"].isin(handed_over), "transferred", "removed")
    came = np.where(new["unique_id"].isin(handed_over), "transferred", "new")
    added = then.price(new)
    return [
        _list_steps(gone, gone, -then.price(gone), left),
        _list_steps(new, new, added, came),
        _list_steps(new, new, now.price(new) - added, "chance"),
        *_walk_stayed(before, after, then, now),
    ]


def _walk_stayed(before: Frame, after: Frame, then: _Priced, now: _Priced) -> list[Frame]:
    """Price the changes of deals in both records, one fact at a time.

    Chances are those of the first moment.
    """
    every, left = after, now.price(after)
    then_worth, changed = then.price(before), _find_changed(before, after)
    before, after = before[changed], after[changed]
    label = _name_outcome_steps(before, after, then.period)
    grouping = [name for name in list[Any](before.columns) if isinstance(name, int)]
    ownership = [name for name in (OWNER, *grouping) if name in before.columns]
    closed = [name for name in before.columns if name not in ("value", *ownership)]
    # A deal that closes or reopens takes its new date along.
    outcome = _overlay(before, after, closed, label != "")
    dated = _overlay(outcome, after, ["close_date"])
    valued = _overlay(dated, after, ["value"])
    owned = _overlay(valued, after, ownership)
    prices = [then.price(frame) for frame in (before, outcome, dated, valued, owned)]
    moved = np.diff(prices, axis=0)
    passed_on = (before[grouping].to_numpy() != after[grouping].to_numpy()).any(axis=1)
    inward = _moved_in(outcome["close_date"], dated["close_date"], then)
    then_worth[changed] = prices[4]
    left -= then_worth
    return [
        _list_steps(before, after, moved[0], label),
        _list_steps(before, after, moved[1], np.where(inward, "pulled_in", "pushed_out")),
        _list_steps(before, after, moved[2], "value"),
        _list_steps(before, after, np.where(passed_on, -prices[3], 0.0), "transferred"),
        _list_steps(after, after, np.where(passed_on, prices[4], 0.0), "transferred"),
        _list_steps(after, after, np.where(passed_on, 0.0, moved[3]), "owner"),
        _list_steps(every, every, left, "chance"),
    ]


def _find_changed(before: Frame, after: Frame) -> NDArray[np.bool_]:
    """Find the deals of which any column differs; of many deals, few change within a week."""
    found = np.zeros(len(before), dtype=bool)
    for name in before.columns.intersection(after.columns):
        was, became = (frame[name].array for frame in (before, after))
        found |= np.asarray(pd.Series(was != became).fillna(True), dtype=bool) & ~(
            pd.isna(was) & pd.isna(became)
        )
    return found


def _moved_in(before: Series, after: Series, then: _Priced) -> NDArray[np.bool_]:
    """Mark the dates that moved into the rest of the period, or moved earlier.

    An earlier date counts only if it does not cross the bounds of that time.
    """
    first = max(then.found.moment.today, then.period.start_time.normalize())
    was, became = (
        dates.between(first, then.period.end_time.normalize()) for dates in (before, after)
    )
    earlier = (after < before) | (before.isna() & after.notna())
    return np.asarray(np.where(was == became, earlier, became), dtype=bool)


def _name_outcome_steps(before: Frame, after: Frame, period: pd.Period) -> NDArray[np.str_]:
    """Name the step of each deal whose outcome changed, or whose win is dated later now.

    Empty for the others.
    """
    steps = {"open": "reopened", "won": "won", "lost": "lost"}
    was, became = (
        outcomes(frame).map(steps).fillna("removed").to_numpy(dtype=str)
        for frame in (before, after)
    )
    later = (became == "won") & (after["close_date"] > period.end_time).to_numpy()
    moved = (was != became) | (later & (before["close_date"] <= period.end_time).to_numpy())
    found: NDArray[np.str_] = np.where(moved, np.where(later, "won_later", became), "")
    return found


def _overlay(
    frame: Frame, other: Frame, columns: list[Any], where: NDArray[np.bool_] | bool = True
) -> Frame:
    """Take columns from another frame, in the rows where `where` is true."""
    mask = np.broadcast_to(where, len(frame))
    taken = {
        name: frame[name].where(~mask, other[name]) for name in columns if name in other.columns
    }
    made = pd.DataFrame(
        {name: taken.get(name, frame[name]) for name in frame.columns}, index=frame.index
    )
    made.attrs = frame.attrs
    return made


def _list_steps(
    group_of: Frame, latest: Frame, expected: Floats, movement: NDArray[Any] | str
) -> Frame:
    """List the nonzero steps, with the groups of one frame and the values of another."""
    columns: dict[Any, Any] = {
        name: group_of[name].to_numpy()
        for name in list[Any](group_of.columns)
        if isinstance(name, int)
    }
    columns |= {name: latest[name].to_numpy() for name in ("unique_id", "name")}
    columns |= {"movement": movement, "expected": expected}
    table = pd.DataFrame(columns).assign(value=latest["value"].to_numpy(dtype=np.float64))
    return table[np.abs(expected) > _LEAST]
