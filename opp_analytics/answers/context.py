"""The deals, day and settings of a question, read and checked once for all surfaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial, wraps
from typing import Any, TypeVar

import pandas as pd

from opp_analytics import analysis, schema, text
from opp_analytics.arguments import MethodName, share, texts
from opp_analytics.certificate import Certificate
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.history import DELETED, TRANSFERRED, History
from opp_analytics.org import (
    Org,
    check_org,
    find_known_day,
    find_old_date,
    find_teams,
    get_org,
    mask_in_force,
    merge_orgs,
    outcomes,
    place_targets,
    place_teams,
    require,
)
from opp_analytics.periods import (
    Freq,
    When,
    as_date,
    as_instant,
    as_period,
    check_freq,
    labels,
)
from opp_analytics.schema import BUCKETS, NO_LABEL, is_among

_Made = TypeVar("_Made")
_OWNER, _TEAM = "owner_name", "team"
_READ = ("unique_id", "stage", "value", "close_date")
_NAMED = 8
"""Names that a message has room for."""
AHEAD = 3
"""Periods ahead on the page."""


@dataclass(frozen=True)
class Part:
    """One person or team."""

    column: str
    name: str

    @property
    def audience(self) -> str:
        """Whose page it is, such as ``person Ann Lee``."""
        return f"{'person' if self.column == _OWNER else text.label(self.column)} {self.name}"


@dataclass(frozen=True)
class Context:
    """The opportunities of a question, the day they were seen, and its settings."""

    opportunities: pd.DataFrame
    history: History | None
    whole: pd.DataFrame
    """All deals, of which `opportunities` are the page's."""
    whole_history: History | None
    origin: Mapping[str, Any]
    """Attrs of the frame."""
    load: Certificate | None
    """Its load certificate."""
    day: pd.Timestamp
    """The as-of day."""
    freq: Freq
    target: Any
    """Targets of the whole."""
    method: MethodName
    by: tuple[str, ...]
    """Columns of the table of people, the widest group first."""
    since: pd.Timestamp | None
    """The day to compare with; None for a week before."""
    own_writes: pd.DataFrame | None
    has_names: bool
    """False if the deals have no names, so that their ids are shown."""
    tz: str
    org: Org
    calls: pd.DataFrame
    """The org's calls for the page's numbers, made by the as-of day."""
    part: Part | None
    """The person or team whose page it is."""
    levels: tuple[str, ...]
    """Columns by which the whole is forecast: those of `by`, on the page of a part below those that
    lead to it."""
    chosen: pd.Period | None = None
    """The period asked about; None for the one that holds the as-of day."""
    start: pd.Timestamp | None = None
    """First close date of win rates and scorecards; None for this quarter and the three before."""
    confidence: float = 0.8
    """Level of the forecast's range."""
    ids: frozenset[str] | None = None
    """Ids of the deals asked about, of those of the page; None for all."""
    unedited: Context | None = field(default=None, repr=False, compare=False)
    """The same without edits, where the opportunities are edited."""
    has_parts: bool = False
    """Whether pages of parts follow, which take their rows from the forecasts of the whole."""
    kept: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    """What was made once; `keep` reads it."""

    def keep(self, make: Callable[[], _Made], *key: Any) -> _Made:
        """Make once for all parts; the key is all that was asked, and what `key` adds."""
        options = (self.day, self.freq, self.since, self.method, self.chosen, self.start)
        place = (*options, self.confidence, *key)
        if place not in self.kept:
            self.kept[place] = make()
        made: _Made = self.kept[place]
        return made

    @property
    def only(self) -> str | None:
        """The person or team whose page it is."""
        return self.part.name if self.part else None

    @property
    def options(self) -> dict[str, Any]:
        """Options of an analysis on the as-of day."""
        return {"as_of": self.day, "freq": self.freq, "tz": self.tz}

    @property
    def period(self) -> pd.Period:
        """The period asked about, by default that of the as-of day."""
        return self.chosen or pd.Period(self.day, self.freq)

    @property
    def reach(self) -> int:
        """Number of periods to forecast, from that of the as-of day on."""
        return max(AHEAD, (self.period - pd.Period(self.day, self.freq)).n) + 1

    @property
    def label(self) -> str:
        """Label of `period` in tables."""
        return str(self.period)

    @property
    def noun(self) -> str:
        """The word for a period: month, quarter, week or year."""
        return text.noun(self.freq)

    @property
    def who(self) -> str:
        """The word for one of the people."""
        return "rep" if self.person == _OWNER else text.label(self.person or "person")

    @property
    def person(self) -> str | None:
        """The column of a deal's owner."""
        return self.by[-1] if self.by else None

    @property
    def name(self) -> str:
        """The current period in a sentence."""
        return self.name_of(self.label)

    def name_of(self, label: str, **style: bool) -> str:
        """Name a period in a sentence."""
        return text.period_name(label, self.freq, today=self.day, **style)

    def money(self, value: Any, **style: bool) -> str:
        """Write an amount for reading."""
        return text.money(value, self.org.currency, **style)

    def write_day(self, date: Any) -> str:
        """Write a date, with its year where that is another one."""
        stamp: Any = pd.Timestamp(date)
        return text.day(stamp, year=not pd.isna(stamp) and stamp.year != self.day.year)

    @property
    def seen_at(self) -> pd.Timestamp | None:
        """The moment of the data; None where nothing tells it."""
        moment = Certificate.moment_of(self.whole)
        return None if moment is None else pd.Timestamp(moment)

    @cached_property
    def until(self) -> pd.Timestamp:
        """The last instant of the as-of day."""
        midnight = (self.day + pd.Timedelta(days=1)).tz_localize(self.tz).tz_convert("UTC")
        return midnight - pd.Timedelta(microseconds=1)

    @cached_property
    def records(self) -> pd.DataFrame:
        """The history's records up to the as-of day."""
        if self.history is None:
            return pd.DataFrame({"recorded_at": pd.Series(dtype="datetime64[us, UTC]")})
        # A part has those of the whole, but counts its own rows in them.
        records = (self.whole_history or self.history).records
        return records[records["recorded_at"] <= self.until].reset_index(drop=True)

    @cached_property
    def old(self) -> str:
        """Warning if a file's data are over a month older than the as-of day, or empty."""
        newest = None if Certificate.moment_of(self.whole) else find_old_date(self.whole, self.day)
        if newest is None:
            return ""
        return (
            f"As of {text.day(self.day, year=True)}, but the newest date in the data is "
            f"{text.day(newest, year=True)}; did you mean --as-of {newest:%Y-%m-%d}?"
        )

    @cached_property
    def unseen(self) -> str:
        """Warning if the as-of day is not among those that the pipeline was seen on, or empty."""
        if self.seen_at is not None and self.seen_at > self.until:
            return (
                f"As of {text.day(self.day, year=True)}, but no record is of that day and the "
                f"pipeline was read on {text.day(as_date(self.seen_at, tz=self.tz), year=True)}: "
                "these numbers hold later changes."
            )
        looks: list[Any] = [
            self.load.fetched_at if self.load else None,
            self.origin.get("recorded_at"),
        ]
        if self.whole_history is not None and len(self.whole_history.records):
            looks.append(self.whole_history.records["recorded_at"].max())
        looks = [look for look in looks if look is not None]
        if not looks:
            return ""  # The page says elsewhere that nothing certifies the frame.
        if "updated_at" in self.opportunities and self.opportunities["updated_at"].notna().any():
            looks.append(self.opportunities["updated_at"].max())
        last = max(as_date(look, tz=self.tz) for look in looks)
        if last >= self.day:
            return ""
        return (
            f"As of {text.day(self.day, year=True)}, but the pipeline was last seen on "
            f"{text.day(last, year=True)}: these numbers miss later changes."
        )

    @cached_property
    def known_day(self) -> pd.Timestamp:
        """The last day that the deals tell of: the as-of day, or that of their moment."""
        return find_known_day(self.whole, self.day, self.tz)

    @cached_property
    def deals(self) -> pd.DataFrame:
        """Opportunities of the page, with ``outcome`` and ``period``, the largest first.

        The period is that of the forecast.
        """
        frame = self.opportunities
        outcome = outcomes(frame).astype(schema.TEXT)
        date = frame["close_date"]
        is_open, won = outcome == "open", outcome == "won"
        # A win dated later counts, as in the forecast, unless the frame shows what was won since.
        counts = won & outcomes(frame, as_of=self.day, tz=self.tz).eq("won")
        period = labels(date.where((is_open & (date >= self.known_day)) | counts), self.freq)
        period = period.mask(is_open & (date < self.known_day), BUCKETS[0])
        period = period.mask(is_open & date.isna(), BUCKETS[1])
        stage = frame["stage"].astype(schema.TEXT).fillna(NO_LABEL)
        frame = frame.assign(outcome=outcome, period=period, stage=stage)
        for name in self.by:
            frame[name] = schema.label_groups(frame[name])
        return frame.sort_values(["value", "unique_id"], ascending=[False, True], ignore_index=True)

    @cached_property
    def targets_in_teams(self) -> Any:
        """The targets, with the team of each person where they are a table."""
        return (
            place_targets(self.target, self.org, self.known_day, self.freq)
            if isinstance(self.target, pd.DataFrame)
            else self.target
        )

    def list_known(self) -> list[Part]:
        """List the people, then the teams, that any deal or target names."""
        return _list_parts(
            [one for one in (self.whole, self.targets_in_teams) if isinstance(one, pd.DataFrame)]
        )

    def list_now(self, columns: Sequence[str]) -> list[Part]:
        """List the active parts by these columns, the teams first.

        A part is active with an open deal, or with one won, a target or a call for the current
        period.
        """
        deals, period = self.deals, self.period
        tables = [deals[(deals["outcome"] == "open") | (deals["period"] == str(period))]]
        for table in (self.targets_in_teams, self.calls[self.calls["in_force"]]):
            if isinstance(table, pd.DataFrame):
                days = (
                    (label, *self.org.period_days(str(label))) for label in table["period"].unique()
                )
                # The targets of months count in their quarter, too.
                within = [
                    label
                    for label, first, last in days
                    if first >= period.start_time and last <= period.end_time
                ]
                tables.append(table[table["period"].isin(within)])
        found = _list_parts(tables)
        return [
            part
            for column in (_TEAM, _OWNER)
            if column in columns
            for part in found
            if part.column == column
        ]

    def narrow(self, part: Part) -> Context:
        """Narrow what is of the whole to one part."""
        mine = self.whole[
            (self.whole[part.column].astype(schema.TEXT) == part.name).to_numpy(dtype=bool)
        ]
        now = mine["close_date"].isna() | (mine["close_date"] >= self.period.start_time)
        levels = _find_levels(mine[now], part, self.by)
        return replace(
            self,
            opportunities=mine,
            history=self._narrow_history(part),
            calls=self._keep_calls(mine, part),
            part=part,
            levels=levels,
            # Of a team the groups inside it; of a person the person alone.
            by=levels[levels.index(part.column) + 1 :] or (part.column,),
        )

    def narrow_to(self, name: str, argument: str = "only") -> Context:
        """Narrow to the part of this name, an argument; an amount of a period is its target."""
        part = _find_part(name, self.list_known(), argument)
        ahead = [str(self.period + step) for step in range(AHEAD + 1)]
        return replace(
            self.narrow(part), target=_give_target(self.target, self.targets_in_teams, part, ahead)
        )

    def choose(self, ids: Iterable[str]) -> Context:
        """Ask about some of the deals by their ids; their chances stay those of the whole."""
        chosen = list(map(str, ids))
        mine = is_among(self.opportunities["unique_id"], chosen)
        return replace(self, opportunities=self.opportunities[mine], ids=frozenset(chosen))

    def edited(self, opportunities: pd.DataFrame) -> Context:
        """Ask the same of edited opportunities, of the whole; the records stay as they are.

        New ones need no id.
        """
        ids = opportunities.get("unique_id", pd.Series(dtype=schema.TEXT)).astype("object")
        new = [f"new {place}" for place in range(1, len(ids) + 1)]
        frame = opportunities.assign(unique_id=ids.where(ids.notna(), new))
        # Whoever changes hands changes teams.
        frame = self.org.apply(frame) if len(self.org.people) else frame
        frame = place_teams(frame, self.known_day, self.freq)
        frame = require(frame, *_READ, *self.levels, unique=True)
        frame = frame if "name" in frame else frame.assign(name=frame["unique_id"])
        return replace(self, opportunities=frame, whole=frame, kept={}, unedited=self)

    def _narrow_history(self, part: Part) -> History | None:
        """Narrow the history; None for somebody new, of whom it has no deal."""
        try:
            return None if self.history is None else self.history.where(**{part.column: part.name})
        except ArgumentValueError:
            return None

    def _keep_calls(self, mine: pd.DataFrame, part: Part) -> pd.DataFrame:
        """Keep the calls for a part's number, and for the people who are in it on the as-of day."""
        calls = self.calls
        if calls.empty:
            return calls
        kept = calls[part.column] == part.name
        if part.column == _TEAM:
            owners = mine.get(_OWNER, pd.Series(dtype=schema.TEXT)).dropna()
            team_of = {
                **dict.fromkeys(owners, part.name),
                **find_teams(self.org.people, self.day),
            }
            kept |= calls[_OWNER].isin(
                [name for name, team in team_of.items() if team == part.name]
            )
        return calls[kept]

    def find_last_groups(self, ids: pd.Series[Any]) -> pd.DataFrame:
        """Find the groups that deals were in when the history last saw them there.

        The index is their ``unique_id``.
        """
        if self.history is None:
            return pd.DataFrame(columns=list(self.by))
        log = self.history.table
        rows = log.filter(
            log["unique_id"].isin(list(ids)), ~log["operation"].isin([DELETED, TRANSFERRED])
        )
        known = [name for name in self.by if name in log.columns]
        found = self.history.collect(rows.select("unique_id", "seen_at", *known))
        seen = found[found["seen_at"] <= self.until].sort_values("seen_at")
        last: pd.DataFrame = seen.drop_duplicates("unique_id", keep="last").set_index("unique_id")
        return last.reindex(columns=list(self.by))

    def select(self, outcome: str, period: str) -> pd.DataFrame:
        """Select the deals won in a period, or open and due in it."""
        return self.deals[(self.deals["outcome"] == outcome) & (self.deals["period"] == period)]

    @property
    def won_now(self) -> pd.DataFrame:
        """The deals closed in the current period."""
        return self.select("won", self.label)

    @property
    def won_later(self) -> pd.DataFrame:
        """The deals won by the day that are dated after the current period."""
        return self.deals[
            (self.deals["outcome"] == "won")
            & (self.deals["close_date"] > self.period.end_time)
            & self.deals["period"].notna()
        ]


def keep(make: Callable[[Context], _Made]) -> Callable[[Context], _Made]:
    """Make a function's result once for each context and part."""

    @wraps(make)
    def read(context: Context) -> _Made:
        key = make.__module__, make.__name__, context.part, context.ids
        return context.keep(partial(make, context), *key)

    return read


def read_context(
    opportunities: pd.DataFrame,
    history: History | None,
    *,
    as_of: When,
    org: Org | None = None,
    target: Any = None,
    freq: Freq | None = None,
    by: str | Sequence[str] | None = None,
    method: MethodName = "auto",
    since: When | None = None,
    period: str | None = None,
    start: When | None = None,
    confidence: float = 0.8,
    own_writes: pd.DataFrame | None = None,
    only: str | None = None,
) -> Context:
    """Check the arguments of `weekly_report`; defaults come from the org."""
    if history is not None and not isinstance(history, History):
        raise ArgumentTypeError(
            f"history is a {type(history).__name__}; open a history with History(path)"
        )
    own = check_org(org)
    frame = require(opportunities, *_READ, unique=True)
    org = own or Org.of(frame)
    zone = org.zone(None)
    day = as_date(as_of, tz=zone)
    if history is not None and (declared := own or get_org(frame)) is not None:
        both = merge_orgs(declared, history.org, names=("the page's org", "the history's"))
        history = history.read_by(both or declared)
    if history is not None:
        analysis.check_same_deals(frame, history)
        if (record := _read_record_of(frame, history, day, zone)) is not None:
            opportunities, frame = record, require(record, *_READ, unique=True)
    has_names = "name" in frame
    if not has_names:
        frame = frame.assign(name=frame["unique_id"])
    # Sums are the same to the last digit in whatever order the deals come.
    frame = frame.sort_values("unique_id", ignore_index=True)
    if own is not None:
        frame = own.apply(frame)
    target = org.targets if target is None and len(org.targets) else target
    levels = texts(by or org.report.get("by"), "by") or _default_levels(frame, history)
    require(frame, *levels)
    freq = org.freq(check_freq(freq or org.report.get("freq", "M")))
    frame = place_teams(frame, find_known_day(frame, day, zone), freq)
    analysis.read_method(method)
    if not isinstance(target, (pd.DataFrame, pd.Series, Mapping)):
        analysis.read_moneys(target, freq, ())
    made = org.calls[org.calls["made_on"] <= day]
    whole = Context(
        opportunities=frame,
        history=history,
        whole=frame,
        whole_history=history,
        origin={str(name): value for name, value in opportunities.attrs.items()},
        load=Certificate.of(opportunities),
        day=day,
        freq=freq,
        target=target,
        method=method,
        by=tuple(levels),
        since=None if since is None else _check_since(since, day, zone),
        chosen=None if period is None else _check_period(period, day, freq),
        start=None if start is None else as_date(start, tz=zone, name="start"),
        confidence=share(confidence, example=0.8),
        own_writes=own_writes,
        has_names=has_names,
        tz=zone,
        org=org,
        calls=made.assign(in_force=mask_in_force(made)),
        part=None,
        levels=tuple(levels),
    )
    return whole if only is None else whole.narrow_to(only)


def _read_record_of(
    opportunities: pd.DataFrame, history: History, day: pd.Timestamp, zone: str
) -> pd.DataFrame | None:
    """Read the record of an earlier day, so that a page made late is the page made then.

    None where the deals were not read later, or no record is that early.
    """
    moment, until = Certificate.moment_of(opportunities), as_instant(day, tz=zone, end=True)
    is_later = moment is not None and pd.Timestamp(moment) > until
    is_recorded = bool((history.records["recorded_at"] <= until).any())
    return history.as_of(until) if is_later and is_recorded else None


def check_for_each(for_each: str | Sequence[str] | None, context: Context) -> list[Part]:
    """Check the columns that ask for pages of their own, and list the parts that get one."""
    columns = texts(for_each, "for_each")
    for column in columns:
        if column not in (_TEAM, _OWNER):
            raise ArgumentValueError.of(
                "for_each",
                column,
                "is not a column of people",
                "use 'team', 'owner_name' or both",
            )
    if columns and context.part:
        raise ArgumentValueError.of(
            "only",
            context.only,
            f"asks for one page, but one for each {columns[0]!r} is asked for too",
            python_way="leave out only= or for_each=",
            shell_way="leave out --for or --for-each",
        )
    parts = context.list_now(columns)
    for column in columns:
        if not any(part.column == column for part in parts):
            raise ArgumentValueError.of(
                "for_each",
                column,
                f"finds nobody: no deal that is open or was won in {context.name}, no target and "
                f"no call names one in {column!r}",
                "see [people] and [columns] in the org file",
            )
    return parts


def _check_since(since: When, today: pd.Timestamp, tz: str) -> pd.Timestamp:
    day = as_date(since, tz=tz, name="since")
    if day >= today:
        raise ArgumentValueError.of(
            "since",
            str(day.date()),
            f"is not before the day of the report, {today.date()}",
            "use an earlier day",
        )
    return day


def _check_period(asked: str, today: pd.Timestamp, freq: Freq) -> pd.Period:
    period = as_period(asked, freq, name="period")
    if period.end_time < today:
        raise ArgumentValueError.of(
            "period",
            asked,
            f"is over on {today.date()}",
            "ask as of a day in it, with as_of",
            shell_way="ask as of a day in it, with --as-of",
        )
    return period


def _default_levels(frame: pd.DataFrame, history: History | None) -> list[str]:
    """Choose teams and the people in them, as far as the frame and the history name them."""
    if _OWNER not in frame.columns:
        return []
    known = frame.columns if history is None else history.table.columns
    return [_TEAM, _OWNER] if _TEAM in frame.columns and _TEAM in known else [_OWNER]


def _find_levels(mine: pd.DataFrame, part: Part, by: Sequence[str]) -> tuple[str, ...]:
    """Choose the groups by which to forecast the whole.

    The part then has the row that it has on the page of the whole.
    """
    if part.column not in by:
        return (part.column, *by)
    above = by[: by.index(part.column)]
    # Somebody with deals of two teams has two rows there; here both are one.
    return tuple(by) if len(mine[list(above)].drop_duplicates()) <= 1 else tuple(by[len(above) :])


def _list_parts(tables: Sequence[pd.DataFrame]) -> list[Part]:
    """List the people, then the teams, that tables name; each once."""
    parts = (
        Part(column, text.compose(name))
        for column in (_OWNER, _TEAM)
        for table in tables
        if column in table
        for name in sorted(table[column].dropna().astype(schema.TEXT).unique())
        if name != schema.NO_LABEL
    )
    return list(dict.fromkeys(parts))


def _find_part(only: str, known: Sequence[Part], argument: str) -> Part:
    """Find a person or team: as written, in other capitals, or the only one that begins so."""
    only = text.compose(only.strip())
    asked = only.casefold()
    exact = [part for part in known if part.name == only]
    found = [part for part in known if part.name.casefold() == asked]
    found = found or [part for part in known if part.name.casefold().startswith(f"{asked} ")]
    if exact or len(found) == 1:
        return (exact or found)[0]
    if found:
        several = text.joined([repr(part.name) for part in found], most=_NAMED)
        raise ArgumentValueError.of(argument, only, f"fits {several}", "use the whole name")
    names = text.joined(sorted({part.name for part in known}), most=_NAMED, last="or")
    raise ArgumentValueError.of(
        argument, only, "is nobody's name", f"use one of {names or 'the column owner_name'}"
    )


def _give_target(target: Any, placed: Any, part: Part, periods: Sequence[str]) -> Any:
    """Keep the targets of the whole; give an amount for all of a period to the part.

    `placed` has the team of each person; a single number is meant for each of `periods`.
    """
    whose = {part.column: part.name}
    if isinstance(target, pd.DataFrame):
        return target if part.column in placed else target.assign(**whose)
    if isinstance(target, Mapping):
        if any(isinstance(key, tuple) for key in target):
            return target
        return pd.DataFrame({"period": list(target), "target": list(target.values()), **whose})
    return (
        target
        if target is None
        else pd.DataFrame({"period": list(periods), "target": target, **whose})
    )
