"""The deals known at one time, as arrays, read from a frame or from a record of a history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from opp_analytics import periods, schema, text
from opp_analytics.analysis.shared import history_query
from opp_analytics.analysis.shared.groups import Groups, combine, make_column_key, read
from opp_analytics.arrays import Codes, Counts, Flags, Floats, Integers, Series
from opp_analytics.errors import DataError
from opp_analytics.history import History, ibis
from opp_analytics.org import (
    CONFLICT,
    DISQUALIFIED,
    LOST,
    OPEN,
    OUTCOMES,
    PIPELINE,
    UNKNOWN,
    WON,
    Org,
    find_known_day,
    outcome_codes,
    shows_nothing_later,
)
from opp_analytics.schema import NO_LABEL, TEXT, label_groups

Labels = tuple[str, ...]

OWNER = "owner_name"
"""Column with the deal's owner."""
NEVER = 2**30
"""Day of a missing date, and closing day of an open deal: later than any real day, and one of 32
bits."""
SETTLED_DAYS = 15
"""A period is final this many days after it ends, when late entries are in (docs/definitions.md,
Forecast)."""
NEAR_DAYS = 3
"""Days that a record may be off the lead asked for; at 3, weekly records always have one."""
_INFLOW_DAYS = 28
"""Days in which deals created count as what comes in: four weeks of any weekday."""
_FEWEST_ALIKE = 8
"""Created deals from which half of them on one day are an import."""
_NEAR_LEADS, _BEYOND = (2, 7, 14, 28, 45, 75), 7
"""Days before a period's end at which its past forecasts are compared, and days beyond its length
that still are its own."""
_QUARTERS = ("Q-MAR", "Q-JAN", "Q-FEB")
"""Quarters by the month that they end in, modulo 3."""
_OVERDUE, _UNSCHEDULED, _FIRST = -2, -1, 10**6
"""Row numbers of overdue and unscheduled deals, and of the period with ordinal 0: no period gets a
negative one."""


@dataclass(frozen=True)
class Moment:
    """The deals known at one time, one per row; a day is a number of days since 1970."""

    day: int
    outcome: Codes
    """Code of `OUTCOMES`."""
    due: Integers
    """Close date; `NEVER` without one."""
    created: Integers
    value: Floats
    """Money; NaN where it is missing."""
    stage: Integers
    """Place in `stages`."""
    owner: Integers
    """Place in `owners`."""
    group: Integers
    """Place in `index`; −1 for a deal in no group."""
    stages: Sequence[Labels]
    """Names, each with its pipeline in an org that has several."""
    owners: Sequence[str]
    index: pd.Index[Any] | None
    """Label of each group; None for the one group of a question without `by`."""
    columns: Mapping[str, DealColumn]
    """Chance columns by name."""
    list_ids: Callable[[], Any]
    """Lists the ids of the deals, for messages."""
    final: bool = True
    """True if nothing after the day is known; every win is then booked."""

    @classmethod
    def of(
        cls,
        opportunities: Any,
        *,
        today: pd.Timestamp,
        tz: str,
        by: Sequence[str] = (),
        columns: Sequence[str] = (),
        final: bool | None = None,
        part: bool = False,
    ) -> Moment:
        """Read the deals of a frame, known by `today`, or the day that it was seen if earlier.

        `final` is True if the frame shows nothing later than `today`; None decides by when it was
        loaded or recorded. Set `part` for part of a pipeline already checked; its stages may all be
        unknown.
        """
        present: Any = opportunities.columns if isinstance(opportunities, pd.DataFrame) else []
        optional = ["probability", "created_at", OWNER, PIPELINE, *columns]
        there = [name for name in dict.fromkeys(optional) if name in present]
        frame = read(
            opportunities, "stage", "value", "close_date", *there, by=list(by), any_stage=part
        )
        today = find_known_day(opportunities, today, tz)
        outcome, size = outcome_codes(frame), len(frame)
        placed = [PIPELINE] if PIPELINE in frame else []
        parts = [_texts(frame["stage"]), *(label_groups(frame[name]) for name in placed)]
        stage, stages = _number_labels(parts)
        owner, owners = _number_labels([label_groups(frame[OWNER])] if OWNER in frame else [])
        ids = frame["unique_id"] if "unique_id" in frame else frame.index
        made = cls(
            day_number(today),
            outcome,
            days_or_never(frame["close_date"]),
            days_or_never(periods.to_dates(frame["created_at"], tz=tz))
            if "created_at" in frame
            else np.full(size, NEVER, dtype=np.int32),
            frame["value"].to_numpy(dtype=np.float64),
            stage if len(stage) else np.zeros(size, dtype=np.int8),
            owner if OWNER in frame else np.full(size, -1, dtype=np.int8),
            np.zeros(size, dtype=np.int32),
            stages,
            [labels[0] for labels in owners] if OWNER in frame else [],
            None,
            {
                name: DealColumn.of(frame[name])
                for name in there
                if name in ("probability", *columns)
            },
            lambda: ids,
            shows_nothing_later(opportunities, today, tz) if final is None else final,
        )
        if not by:
            return made
        combined = combine([make_column_key(frame[name]) for name in by], size)
        return replace(made, group=combined.codes, index=combined.index)

    def keep_alive(self) -> Moment:
        """Keep the groups with a won or an open deal."""
        if self.index is None:
            return self
        alive = np.unique(self.group[(self.outcome == OPEN) | (self.outcome == WON)])
        alive = alive[alive >= 0]
        number = np.full(len(self.index) + 1, -1)
        number[alive] = np.arange(len(alive))
        return replace(self, group=number[self.group], index=self.index[alive])

    def with_groups(self, further: Sequence[Labels]) -> Moment:
        """Add groups without deals, and sort all groups by label."""
        if self.index is None:
            return self
        names = self.labels
        added = [labels for labels in dict.fromkeys(further) if labels not in names]
        if not added:
            return self
        every = [*names, *added]
        order = sorted(
            range(len(every)), key=lambda k: tuple((part == NO_LABEL, part) for part in every[k])
        )
        number = np.empty(len(every), dtype=np.intp)
        number[order] = np.arange(len(every))
        labels = [every[k] for k in order]
        return replace(
            self,
            group=np.append(number, -1)[self.group],
            index=label_index(labels, self.index.names),
        )

    def by_first(self, count: int) -> Moment:
        """Group by the first `count` columns of `by` only."""
        if self.index is None or count == self.index.nlevels:
            return self
        if not count:
            return replace(self, group=np.zeros_like(self.group), index=None)
        levels = [self.index.get_level_values(k) for k in range(count)]
        whole = levels[0] if count == 1 else pd.MultiIndex.from_arrays(levels)
        index = whole.unique()
        return replace(self, group=np.append(index.get_indexer(whole), -1)[self.group], index=index)

    @property
    def today(self) -> pd.Timestamp:
        """The day as a date."""
        return pd.Timestamp(self.day, unit="D")

    @property
    def size(self) -> int:
        """Number of groups."""
        return 1 if self.index is None else len(self.index)

    @cached_property
    def labels(self) -> list[Labels]:
        """Labels of each group; an empty tuple without `by`."""
        if self.index is None:
            return [()]
        return [tuple(map(str, text.split_key(key))) for key in self.index]

    @cached_property
    def open(self) -> Flags:
        """True for open deals."""
        return np.asarray(self.outcome == OPEN)

    @cached_property
    def booked(self) -> Flags:
        """True for deals won by the day."""
        by_then = self.due < NEVER if self.final else self.due <= self.day
        return np.asarray((self.outcome == WON) & by_then)

    @cached_property
    def wins(self) -> Integers:
        """Rows of the wins with a date by the day."""
        return np.flatnonzero((self.outcome == WON) & (self.due <= self.day))

    @cached_property
    def win_days(self) -> Integers:
        """Close dates of `wins`."""
        return self.due[self.wins]

    @property
    def dated_later(self) -> Flags:
        """True for deals with a close date after the day."""
        return (self.due > self.day) & (self.due < NEVER)

    @cached_property
    def won_later(self) -> Flags:
        """True for deals won by the day with a later close date."""
        return self.booked & self.dated_later

    def due_in(self, period: pd.Period) -> Flags:
        """Mark the open deals due in a period, from the day on."""
        first = max(first_day(period), self.day)
        return self.open & (self.due >= first) & (self.due <= last_day(period))

    def booked_in(self, period: pd.Period) -> Floats:
        """Sum the money booked in a period, by group."""
        return self.sum(self.value, self.booked & self.dated_in(period))

    def dated_in(self, period: pd.Period) -> Flags:
        """Mark the deals with a close date in a period."""
        return (self.due >= first_day(period)) & (self.due <= last_day(period))

    def sum(self, amounts: Floats, mask: Flags) -> Floats:
        """Sum amounts by group; missing ones count 0."""
        return Groups(self.group, self.index).sum(amounts, mask)

    def periods(self, freq: str, wanted: Sequence[pd.Period] = ()) -> list[pd.Period]:
        """List the wanted periods and those of won and open deals, in order."""
        rows = self.rows(freq)[self.open | self.booked]
        listed = {pd.Period(ordinal=int(k) - _FIRST, freq=freq) for k in np.unique(rows[rows >= 0])}
        return sorted(listed | set(wanted))

    def rows(self, freq: str) -> Integers:
        """Find each deal's row in a table by period; negative if it is overdue or has no date."""
        days, which = np.unique(self.due, return_inverse=True)
        dated = days < NEVER
        dates = pd.DatetimeIndex(days[dated].astype("datetime64[D]").astype("datetime64[us]"))
        row = np.full(len(days), _UNSCHEDULED, dtype=np.int64)
        row[dated] = dates.to_period(freq).asi8 + _FIRST
        overdue = self.open & (self.due < self.day)
        return np.where(overdue, _OVERDUE, row[which])

    @property
    def left_out(self) -> dict[str, int]:
        """Deals left out of a forecast, counted by reason."""
        counted = {
            "conflict": self.outcome == CONFLICT,
            "disqualified": self.outcome == DISQUALIFIED,
            "unknown": self.outcome == UNKNOWN,
            "won_without_date": (self.outcome == WON) & (self.due == NEVER),
            "won_after": (self.outcome == WON) & self.dated_later & ~self.booked,
        }
        return {reason: int(mask.sum()) for reason, mask in counted.items()}


def row_numbers(wanted: Sequence[pd.Period]) -> Integers:
    """Number the rows of a table by period: overdue, unscheduled, then the periods."""
    return np.array([_OVERDUE, _UNSCHEDULED, *(int(period.ordinal) + _FIRST for period in wanted)])


@dataclass(frozen=True)
class DealColumn:
    """A column of chances; NaN where one is missing."""

    name: str
    numbers: Floats
    """Percents or fractions; those of many versions in as few bits as they need."""
    percent: bool
    """True if the data are percents."""

    @classmethod
    def of(cls, column: Series) -> DealColumn:
        """Read a column of a frame."""
        flags = pd.api.types.is_bool_dtype(column.dtype)
        return cls.read(str(column.name), _read_numbers(column), flags=flags)

    @classmethod
    def read(cls, name: str, numbers: Floats, *, flags: bool) -> DealColumn:
        """Tell percents from fractions: ``probability`` has percents.

        In other columns the numbers decide.
        """
        return cls(
            name, numbers, name == "probability" or (not flags and _are_percents(name, numbers))
        )

    @property
    def fractions(self) -> Floats:
        """The chances as fractions."""
        numbers = self.numbers.astype(np.float64, copy=False)
        return numbers / 100 if self.percent else numbers

    def check(self, mask: Flags, list_ids: Callable[[], Any]) -> None:
        """Refuse chances outside 0–1 in the rows of `mask`, and name the deals."""
        fractions = self.fractions
        bad = np.flatnonzero(mask & ((fractions < 0) | (fractions > 1)))
        if not len(bad):
            return
        named, scale = np.asarray(list_ids()), 100 if self.percent else 1
        shown = text.joined([f"{named[k]} ({fractions[k] * scale:g})" for k in bad], most=5)
        unit = "percents 0–100" if self.percent else "fractions 0–1, or whole percents"
        raise DataError(
            f"{self.name} holds {unit}; out of range in "
            f"{text.count(len(bad), 'open opportunity')}: {shown}. Correct or drop them"
        )


def _read_numbers(column: Series) -> Floats:
    try:
        return column.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"probability={str(column.name)!r}: the column does not contain numbers; use a "
            "column of fractions 0–1 or whole percents"
        ) from error


def _are_percents(name: str, numbers: Floats) -> bool:
    """Return True if the numbers are percents; closed deals count too."""
    stated = numbers[~np.isnan(numbers)]
    # A single 1.2 among fractions is an error, not a sign of percents.
    if not len(stated) or not (stated == np.rint(stated)).all() or stated.max() <= 0:
        return False
    if stated.max() > 1:
        return True
    raise DataError(
        f"probability={name!r}: the column holds only 0 and 1, which may be fractions or percents; "
        f"for fractions use frame[{name!r}].astype(bool), for percents multiply it by 100"
    )


@dataclass(frozen=True)
class Records:
    """The records of a history, the last of each day, and the periods around them."""

    moments: pd.DatetimeIndex
    """Instants, increasing."""
    days: Counts
    """Calendar day of each; unique."""
    freq: str
    year_start: int
    """First month of the fiscal year."""
    gaps: frozenset[pd.Period] = frozenset()
    """Months in which too few stages or planned dates are known; see `History.coverage`."""

    @classmethod
    def of(
        cls,
        records: pd.DataFrame,
        freq: str,
        tz: str,
        year_start: int = 1,
        gaps: Iterable[pd.Period] = (),
    ) -> Records:
        """Keep the last record of each day, in the time zone of the business."""
        moments = records["recorded_at"].drop_duplicates().sort_values(ignore_index=True)
        days = day_numbers(periods.to_dates(moments, tz=tz))
        last = np.append(days[1:] != days[:-1], [True] * (len(days) > 0)).astype(bool)
        return cls(pd.DatetimeIndex(moments[last]), days[last], freq, year_start, frozenset(gaps))

    def find_newest(self, day: int) -> int:
        """Find the last record by a day; −1 if none."""
        return int(np.searchsorted(self.days, day, side="right")) - 1

    def period(self, day: int) -> pd.Period:
        """Find the period of a day."""
        return pd.Period(pd.Timestamp(day, unit="D"), self.freq)

    def ended(self, day: int) -> list[pd.Period]:
        """List the periods since the first record whose final result had been recorded by a day."""
        newest = self.find_newest(day)
        return [
            period for period, settled, final in self._final if settled <= day and final <= newest
        ]

    @cached_property
    def _final(self) -> list[tuple[pd.Period, int, int]]:
        """Each period with a final result, the day from which it counts, and its record."""
        finals: list[tuple[pd.Period, int, int]] = []
        if not len(self.days):
            return finals
        period = self.period(int(self.days[0]))
        while (final := self.find_final(period)) >= 0:
            finals.append((period, last_day(period) + SETTLED_DAYS, final))
            period += 1
        return finals

    def find_final(self, period: pd.Period) -> int:
        """Find the record with a period's final result; −1 if none.

        It is the last one in the 15 days after the end, else the next.
        """
        end = last_day(period)
        record = self.find_newest(end + SETTLED_DAYS)
        if record >= 0 and self.days[record] > end:
            return record
        return record + 1 if record + 1 < len(self.days) else -1

    @cached_property
    def rolling(self) -> list[Records]:
        """These; of quarters also those with quarters that end in the other months."""
        if self.freq[0] != "Q":
            return [self]
        own = self.period(0).end_time.month % 3
        others = [freq for k, freq in enumerate(_QUARTERS) if k != own]
        return [self, *(replace(self, freq=freq) for freq in others)]

    @property
    def monthly(self) -> bool:
        """True if the periods are months."""
        return self.freq[0] == "M"

    def closes_quarter(self, period: pd.Period) -> bool:
        """Tell whether a month ends a quarter of the fiscal year."""
        return self.monthly and (period.month - self.year_start) % 3 == 2

    def find_at_lead(self, period: pd.Period, lead: int) -> int:
        """Find the record nearest to `lead` days before a period's end; −1 if none.

        It is within 3 days of that day, and not after the end.
        """
        end = last_day(period)
        wanted = end - lead
        first = int(np.searchsorted(self.days, wanted - NEAR_DAYS))
        near = self.days[
            first : int(np.searchsorted(self.days, min(wanted + NEAR_DAYS, end), side="right"))
        ]
        if not len(near):
            return -1
        off = np.abs(near - wanted)
        # On a tie, take the later day.
        return first + int(np.flatnonzero(off == off.min())[-1])

    def shows_deals(self, record: int) -> bool:
        """Tell whether enough stages and planned dates of open deals are known in a record."""
        return pd.Period(pd.Timestamp(int(self.days[record]), unit="D"), "M") not in self.gaps

    def find_to_learn(self, period: pd.Period, lead: int) -> int:
        """Find the record `lead` days before an ended period's end, if it can be used.

        −1 if there is none, or if too little is known in its month or the period's.
        """
        record = self.find_at_lead(period, lead)
        return record if record >= 0 and self.shows_deals(record) and self.knows(period) else -1

    def knows(self, period: pd.Period) -> bool:
        """Tell whether enough is known of the deals closed in the months of a period."""
        return not self.gaps or self.gaps.isdisjoint(
            pd.period_range(period.start_time, period.end_time, freq="M")
        )


@dataclass(frozen=True)
class Versions:
    """Versions of deals that a record shows as open, won or lost, by deal and time.

    There may be tens of millions: columns take as few bits as their numbers need.
    """

    records: Records
    first: Integers
    """First version of each deal."""
    seen: Integers
    """First record with the version."""
    until: Integers
    """First record after its last."""
    every: Moment
    """All versions, as if they were deals of one moment; its ids are one for each deal."""

    def at(self, record: int) -> Moment:
        """Take the deals as of a record, in all groups of the history."""
        whole, rows = self.every, np.flatnonzero((self.seen <= record) & (self.until > record))
        taken = {name: getattr(whole, name)[rows] for name in _PER_DEAL}
        columns = {
            name: replace(column, numbers=column.numbers[rows])
            for name, column in whole.columns.items()
        }
        return replace(
            whole,
            day=int(self.records.days[record]),
            columns=columns,
            list_ids=lambda: whole.list_ids().iloc[self.find_deals(rows)],
            **taken,
        )

    def find_deals(self, rows: Integers) -> Integers:
        """Find the number of each version's deal."""
        return np.searchsorted(self.first, rows, side="right") - 1

    def place_open(self, record: int) -> Integers:
        """Find the places in `by_value` of the deals open as of a record."""
        if record not in self._places:
            seen, until = self._open
            places = np.flatnonzero((seen <= record) & (until > record))
            self._places[record] = places.astype(self.by_value.dtype)
        return self._places[record]

    def count_created(self, record: int) -> float:
        """Count the deals known at a record that were created in the 28 days up to it.

        NaN where that does not say how many came: at the first record, without creation days, or
        where over half of at least 8 share one day, as in an import.
        """
        if record not in self._inflows:
            day = int(self.records.days[record])
            rows, days = self._created
            ends = np.searchsorted(days, [day - _INFLOW_DAYS + 1, day + 1, NEVER])
            there = (self.seen[rows] <= record) & (self.until[rows] > record)
            found = days[ends[0] : ends[1]][there[ends[0] : ends[1]]]
            alike = np.unique(found, return_counts=True)[1].max(initial=0)
            bulk = len(found) >= _FEWEST_ALIKE and alike > len(found) / 2
            unknown = not record or bulk or not there[: ends[2]].any()
            self._inflows[record] = float("nan") if unknown else len(found)
        return self._inflows[record]

    def wins(self, record: int, period: pd.Period) -> Integers:
        """Find the wins dated in a period, as of a record."""
        bounds = np.array([first_day(period), last_day(period) + 1], dtype=self._won_days.dtype)
        ends = np.searchsorted(self._won_days, bounds)
        rows = self._won[ends[0] : ends[1]]
        return rows[(self.seen[rows] <= record) & (self.until[rows] > record)]

    def sum_wins(self, record: int, period: pd.Period) -> Floats:
        """Sum the wins dated in a period, as of a record, by group."""
        rows, every = np.sort(self.wins(record, period)), self.every
        return Groups(every.group[rows], every.index).sum(
            every.value[rows], np.ones(len(rows), dtype=bool)
        )

    def earlier(self, rows: Integers, record: int) -> Integers:
        """Find each row's deal at `record`; −1 if it was neither open nor won then.

        The version found is at most as late as the row.
        """
        then, first = rows, self.first[self.find_deals(rows)]
        while (later := (self.seen[then] > record) & (then > first)).any():
            then = then - later
        shown = (
            (self.seen[then] <= record)
            & (self.until[then] > record)
            & (self.every.outcome[then] != LOST)
        )
        return np.where(shown, then, -1)

    @cached_property
    def by_value(self) -> Integers:
        """The rows of open deals, the smallest first."""
        rows = np.flatnonzero(self.every.open).astype(_fit(len(self.seen)))
        return rows[np.argsort(self.every.value[rows], kind="stable")]

    @cached_property
    def values(self) -> Floats:
        """The values of `by_value`, increasing."""
        return self.every.value[self.by_value]

    @cached_property
    def value_place(self) -> Integers:
        """The place of each open deal's row in `by_value`."""
        places = np.zeros(len(self.seen), dtype=self.by_value.dtype)
        places[self.by_value] = np.arange(len(self.by_value))
        return places

    @cached_property
    def _open(self) -> tuple[Integers, Integers]:
        return self.seen[self.by_value], self.until[self.by_value]

    @cached_property
    def _created(self) -> tuple[Integers, Integers]:
        rows = np.argsort(self.every.created, kind="stable")
        return rows, self.every.created[rows]

    @cached_property
    def _inflows(self) -> dict[int, float]:
        return {}

    @cached_property
    def _places(self) -> dict[int, Integers]:
        return {}

    @cached_property
    def _won(self) -> Integers:
        rows = np.flatnonzero(self.every.outcome == WON)
        return rows[np.argsort(self.every.due[rows], kind="stable")]

    @cached_property
    def _won_days(self) -> Integers:
        return self.every.due[self._won]


_PER_DEAL = ("outcome", "due", "created", "value", "stage", "owner", "group")


def read_versions(
    history: History,
    records: Records,
    *,
    tz: str,
    org: Org,
    by: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> Versions:
    """Read the versions of a history's deals in one pass, as the records show them.

    The last read serves coarser groups.

    `records` are all or the first records of the history; later changes are ignored.
    """
    history_query.check_history(history, "the learned forecast", *by)
    key = ("versions", org.stages, tz, records.moments.asi8.tobytes())
    last: list[tuple[list[str], set[str], Versions]] = history.remember(key, list)
    for names, chances, versions in last:
        if names[: len(by)] == list(by) and set(columns) <= chances:
            return replace(versions, records=records, every=versions.every.by_first(len(by)))
    made = _read(history, records, tz, org, by, columns)
    last[:] = [(list(by), set(columns), made)]
    return made


def _read(
    history: History, records: Records, tz: str, org: Org, by: Sequence[str], columns: Sequence[str]
) -> Versions:
    history = history.at_rates_of(records.moments[-1])
    history_query.check_one_currency(history, org)
    present = history.table.columns
    owned = [OWNER] if OWNER in present else []
    placed = [PIPELINE] if len(org.stages.pipelines) > 1 and PIPELINE in present else []
    chances = [name for name in dict.fromkeys(columns) if name in present]
    labeled = list(dict.fromkeys([*owned, *placed, *by]))
    texts = dict(
        zip(["stage", *labeled], ["stage", *history_query.name_groups(labeled)], strict=True)
    )
    rows = history_query.add_outcome(history.table, org, "created_at", *chances, by=labeled)
    shown = _select_shown(rows, records.moments).select(
        "unique_id", *_SHOWN, *chances, *texts.values()
    )
    arrays = _Columns(tz, len(records.moments), texts, chances)
    for batch in history.stream_arrow(shown.order_by(["unique_id", "_seen"])):
        arrays.add(pa.Table.from_batches([batch]))
    coded = {name: arrays.take_texts(name) for name in texts}
    stage, stages = _combine_codes([coded["stage"], *(coded[name] for name in placed)])
    owner, owners = coded[OWNER] if owned else (np.full(len(stage), -1, dtype=np.int8), [])
    group, groups = (
        _combine_codes([coded[name] for name in by])
        if by
        else (np.zeros(len(stage), np.int32), [()])
    )
    seen, until = arrays.take("seen"), arrays.take("until")
    every = Moment(
        0,
        arrays.take("outcome"),
        arrays.take("due"),
        arrays.take("created"),
        arrays.take("value"),
        stage,
        owner,
        group.astype(np.int32, copy=False),
        stages,
        owners,
        label_index(groups, by) if by else None,
        {
            name: DealColumn.read(
                name, arrays.take((name, "chance")), flags=rows[name].type().is_boolean()
            )
            for name in chances
        },
        lambda: history.collect(shown.select("unique_id").distinct().order_by("unique_id"))[
            "unique_id"
        ],
    )
    return Versions(records, np.concatenate(arrays.first), seen, until, every)


_SHOWN = ("_seen", "_until", "_outcome", "close_date", "created_at", "cents")


def _select_shown(rows: ibis.Table, moments: pd.DatetimeIndex) -> ibis.Table:
    """Select the versions that a record shows as open, won or lost.

    ``_seen`` is the first record with a version, ``_until`` the first one after its last.
    """
    rows = rows.filter(rows["seen_at"] <= history_query.instant(moments[-1]))
    found = history_query.count_before(rows, moments, "_seen")
    codes = ((OUTCOMES[code], code) for code in (OPEN, WON, LOST))
    found = found.mutate(_outcome=found["outcome"].cases(*codes, else_=-1))
    own = ibis.window(group_by="unique_id", order_by="seen_at")
    found = found.mutate(_until=found["_seen"].lead().over(own).fill_null(len(moments)))
    return found.filter(found["_outcome"] >= 0, found["_until"] > found["_seen"])


class _Columns:
    """The columns of versions in order of deal and time, gathered from batches.

    Taking one frees it.
    """

    def __init__(
        self, tz: str, records: int, texts: Mapping[str, str], chances: Sequence[str]
    ) -> None:
        self._tz, self._texts, self._chances = tz, texts, chances
        self._record = _fit(records)
        self._rows = 0
        self._held: dict[Any, NDArray[Any]] = {}
        self._numbers: dict[str, dict[str, int]] = {name: {} for name in texts}
        self._last: str | None = None
        self.first = [np.zeros(0, dtype=np.intp)]
        """First version of each deal, by batch."""

    def add(self, batch: pa.Table) -> None:
        """Add the versions that follow."""
        if not len(batch):
            return
        ids = batch["unique_id"].fill_null(NO_LABEL).combine_chunks()
        begins = np.append(ids[0].as_py() != self._last, pc.not_equal(ids[1:], ids[:-1]))
        self.first.append(np.flatnonzero(begins) + self._rows)
        self._last = ids[-1].as_py()
        created = pd.Series(
            batch["created_at"].cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us")).to_numpy()
        ).dt.tz_localize("UTC")
        columns: dict[Any, NDArray[Any]] = {
            "seen": batch["_seen"].to_numpy().astype(self._record),
            "until": batch["_until"].to_numpy().astype(self._record),
            "outcome": batch["_outcome"].to_numpy().astype(np.int8),
            "due": batch["close_date"]
            .cast(pa.date32())
            .cast(pa.int32())
            .fill_null(NEVER)
            .to_numpy()
            .copy(),
            "created": days_or_never(periods.to_dates(created, tz=self._tz)),
            "value": batch["cents"].to_numpy() / 100,
            **{(name, "text"): self._number(name, batch[key]) for name, key in self._texts.items()},
            **{
                (name, "chance"): _narrow(_read_numbers(batch[name].to_pandas().rename(name)))
                for name in self._chances
            },
        }
        for name, column in columns.items():
            stored = self._held.get(name, np.zeros(0, dtype=column.dtype))
            self._held[name] = stored = stored.astype(
                np.promote_types(stored.dtype, column.dtype), copy=False
            )
            # In place: parts that are joined in the end would take as much again.
            stored.resize(self._rows + len(batch), refcheck=False)
            stored[self._rows :] = column
        self._rows += len(batch)

    def _number(self, name: str, texts: pa.ChunkedArray) -> Integers:
        encoded = texts.fill_null(NO_LABEL).combine_chunks().dictionary_encode()
        numbers = self._numbers[name]
        places = [numbers.setdefault(text, len(numbers)) for text in encoded.dictionary.to_pylist()]
        return np.asarray(np.array(places, dtype=_fit(len(numbers)))[encoded.indices.to_numpy()])

    def take(self, name: Any) -> NDArray[Any]:
        """Take a column of numbers."""
        return self._held.pop(name, np.zeros(0, dtype=np.int32))

    def take_texts(self, name: str) -> tuple[Integers, list[str]]:
        """Take a column of texts, numbered in sorted order; a missing one is "(none)"."""
        known, names = self._numbers[name], sorted(self._numbers[name])
        place = np.empty(len(names), dtype=_fit(len(names)))
        place[[known[text] for text in names]] = np.arange(len(names))
        return place[self.take((name, "text"))], names


def _fit(numbers: int) -> np.dtype[Any]:
    """Find the type with the fewest bits for so many numbers from 0 on, their count and −1."""
    kind: np.dtype[Any] = np.min_scalar_type(-numbers - 2)
    return kind


def _narrow(numbers: Floats) -> NDArray[Any]:
    """Keep numbers in the fewest bits that hold each of them exactly: whole percents in 16."""
    for kind in (np.float16, np.float32):
        with np.errstate(over="ignore"):
            narrow = numbers.astype(kind)
        if np.array_equal(narrow, numbers, equal_nan=True):
            return narrow
    return numbers


def _combine_codes(labels: Sequence[tuple[Integers, list[str]]]) -> tuple[Integers, list[Labels]]:
    """Number the combinations of labels that occur."""
    if len(labels) == 1:
        codes, names = labels[0]
        return codes, [(name,) for name in names]
    sizes = [len(names) + 1 for _, names in labels]
    group, combinations = pd.factorize(
        np.ravel_multi_index([codes for codes, _ in labels], sizes), sort=True
    )
    parts = np.unravel_index(combinations, sizes)
    texts = [[names[k] for k in part] for part, (_, names) in zip(parts, labels, strict=True)]
    rows = list(zip(*texts, strict=True))
    return group.astype(_fit(len(rows))), rows


def _number_labels(columns: Sequence[pd.Series[str]]) -> tuple[Integers, list[Labels]]:
    """Number the combinations of labels in the columns of a frame."""
    if not columns or not len(columns[0]):
        return np.zeros(0, dtype=np.intp), []
    index = pd.Index(columns[0]) if len(columns) == 1 else pd.MultiIndex.from_arrays(columns)
    codes, distinct = pd.factorize(index)
    return codes.astype(_fit(len(distinct))), list(map(text.split_key, distinct))


def _texts(column: Series) -> pd.Series[str]:
    return column.astype(TEXT).fillna(NO_LABEL)


def label_index(labels: Sequence[Labels], names: Sequence[Any]) -> pd.Index[Any]:
    """Make the index of groups from their labels."""
    if len(names) == 1:
        return pd.Index([label[0] for label in labels], name=names[0], dtype=schema.TEXT)
    return pd.MultiIndex.from_tuples(labels, names=list(names))


def days_or_never(dates: Series) -> NDArray[np.int32]:
    """Turn dates into day numbers; missing is `NEVER`."""
    missing = dates.isna().to_numpy()
    return np.where(missing, NEVER, day_numbers(dates.fillna(pd.Timestamp(0)))).astype(np.int32)


def day_numbers(dates: pd.Series[pd.Timestamp]) -> Counts:
    """Turn dates into day numbers."""
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)


def day_number(date: pd.Timestamp) -> int:
    """Turn a date into a day number."""
    return int(np.datetime64(date, "D").astype(np.int64))


@lru_cache(maxsize=4096)
def first_day(period: pd.Period) -> int:
    """Find the first day of a period."""
    return day_number(period.start_time)


@lru_cache(maxsize=4096)
def last_day(period: pd.Period) -> int:
    """Find the last day of a period."""
    return day_number(period.end_time)


def list_near_leads(period: pd.Period, lead: int) -> list[int]:
    """List the leads at which past forecasts are compared with one made `lead` days out.

    Leads are days before the end of the period.
    """
    most = last_day(period) - first_day(period) + 1 + _BEYOND
    return list(dict.fromkeys([*(days for days in _NEAR_LEADS if days <= most), lead]))
