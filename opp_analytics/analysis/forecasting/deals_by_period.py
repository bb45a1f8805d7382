"""The deals of a forecast, row by row, and the rows of its table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import periods, schema
from opp_analytics.analysis.forecasting.past_points import Records
from opp_analytics.analysis.forecasting.past_versions import OWNER
from opp_analytics.analysis.shared.groups import Groups, combine, divide, make_column_key, read
from opp_analytics.certificate import Certificate
from opp_analytics.org import CONFLICT, DISQUALIFIED, LOST, OPEN, PIPELINE, UNKNOWN, WON, Org, outcome_codes

if TYPE_CHECKING:
    from opp_analytics.analysis.shared.replay import Replay
    from opp_analytics.history import History

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Deals:
    """The deals of a forecast as known at its day."""

    frame: pd.DataFrame
    """Conformed."""
    outcome: NDArray[np.int8]
    today: pd.Timestamp
    freq: str
    tz: str
    org: Org
    group: NDArray[np.intp]
    """Group of each deal."""
    groups: pd.Index[Any] | None
    """Label of each group; None for the one group of a forecast without `by`."""
    seen_by_then: bool
    """True if the frame shows nothing later than the day, so that a win dated later in its period is a win."""

    @cached_property
    def open(self) -> Flags:
        """True for open deals."""
        return np.asarray(self.outcome == OPEN, dtype=bool)

    @cached_property
    def booked(self) -> Flags:
        """True for deals won by the day."""
        date = self.frame["close_date"]
        by_then = date.notna() if self.seen_by_then else date <= self.today
        return np.asarray((self.outcome == WON) & by_then.to_numpy(), dtype=bool)

    @cached_property
    def later(self) -> Flags:
        """True for deals won after the day."""
        late = (self.frame["close_date"] > self.today).to_numpy()
        return np.asarray((self.outcome == WON) & late & ~self.booked, dtype=bool)

    @cached_property
    def value(self) -> Floats:
        """Money of each deal, NaN where missing."""
        return self.frame["value"].to_numpy(dtype=np.float64)

    @cached_property
    def period(self) -> NDArray[np.int64]:
        """Number of the period of each deal's date; −2 for an overdue open deal, −1 for one without a date."""
        date = self.frame["close_date"]
        dated = date.notna().to_numpy()
        ordinal = date.fillna(self.today).dt.to_period(self.freq).astype("int64").to_numpy()
        overdue = self.open & (date < self.today).to_numpy()
        return np.where(overdue, OVERDUE_SLOT, np.where(dated, ordinal + _OFFSET, UNSCHEDULED_SLOT))

    @property
    def current(self) -> pd.Period:
        """The period of the day."""
        return pd.Period(self.today, self.freq)

    @property
    def size(self) -> int:
        """Number of groups."""
        return 1 if self.groups is None else len(self.groups)

    def due_in(self, period: pd.Period) -> Flags:
        """The open deals due in a period, from the day on."""
        return np.asarray(self.open & (self.period == slot(period)), dtype=bool)

    def sum(self, amounts: Floats, mask: Flags) -> Floats:
        """Sum of amounts by group; missing ones count 0."""
        return Groups(self.group, self.groups).sum(amounts, mask)

    def expected(self, chance: Floats) -> Floats:
        """Σ value · chance of the open deals, by group; a deal without a chance counts 0."""
        return self.sum(self.value * chance, self.open)

    def booked_in(self, period: pd.Period) -> Floats:
        """Money booked in a period, by group."""
        return self.sum(self.value, self.booked & (self.period == slot(period)))

    def records_of(self, history: History | Replay) -> Records:
        """The records of a history, with the periods of the forecast."""
        return Records.of(history.records, self.freq, self.tz, self.org.fiscal_year_start)

    def periods(self, wanted: Iterable[str]) -> list[pd.Period]:
        """The periods with a row: those of won and open deals, and wanted ones."""
        found = self.period[self.open | self.booked | self.later]
        held = {pd.Period(ordinal=int(k) - _OFFSET, freq=self.freq) for k in np.unique(found[found >= 0])}
        return sorted(held | {pd.Period(label, self.freq) for label in wanted})

    def with_groups(self, further: Sequence[tuple[str, ...]]) -> Deals:
        """The deals with a row for further groups, in the order of the labels."""
        if self.groups is None:
            return self
        names = [as_labels(key) for key in self.groups]
        added = [labels for labels in dict.fromkeys(further) if labels not in names]
        if not added:
            return self
        every = [*names, *added]
        order = sorted(
            range(len(every)), key=lambda k: tuple((part == schema.NO_LABEL, part) for part in every[k])
        )
        place = np.empty(len(every), dtype=np.intp)
        place[order] = np.arange(len(every))
        labels = [every[k] for k in order]
        index: pd.Index[Any] = pd.MultiIndex.from_tuples(labels, names=self.groups.names)
        if self.groups.nlevels == 1:
            index = pd.Index([label[0] for label in labels], name=self.groups.name, dtype=schema.TEXT)
        return replace(self, group=np.append(place, -1)[self.group], groups=index)

    @property
    def labels(self) -> list[tuple[str, ...]]:
        """The labels of each group; those of the whole are empty."""
        return [()] if self.groups is None else [as_labels(key) for key in self.groups]

    @property
    def left_out(self) -> dict[str, int]:
        """Deals that are no part of the forecast, by reason."""
        undated = self.frame["close_date"].isna().to_numpy()
        return {
            "conflict": int((self.outcome == CONFLICT).sum()),
            "disqualified": int((self.outcome == DISQUALIFIED).sum()),
            "unknown": int((self.outcome == UNKNOWN).sum()),
            "won_without_date": int(((self.outcome == WON) & undated).sum()),
        }


_OFFSET = 10**6
"""Added to a period's number, so that none is negative."""
OVERDUE_SLOT, UNSCHEDULED_SLOT = -2, -1


def slot(period: pd.Period) -> int:
    """The number of a period in `Deals.period`."""
    return int(period.ordinal) + _OFFSET


def as_labels(key: Any) -> tuple[str, ...]:
    """The labels of a group as texts."""
    return tuple(str(part) for part in (key if isinstance(key, tuple) else (key,)))


def read_deals(
    opportunities: pd.DataFrame,
    columns: Sequence[str],
    *,
    today: pd.Timestamp,
    freq: str,
    by: Sequence[str],
    tz: str,
    unique: bool = False,
    known_then: bool = False,
    some: bool = False,
) -> Deals:
    """The deals of a frame, with the columns of the method where the frame has them.

    Parameters
    ----------
    known_then : bool
        True if the frame shows nothing later than `today`.
    some : bool
        True for some rows of a pipeline whose stages were looked at as a whole: none of theirs may be known.

    Raises
    ------
    MissingColumnError, DataError
        When a column that every forecast reads is missing, or a value does not fit.
    """
    known = opportunities.columns if isinstance(opportunities, pd.DataFrame) else []
    optional = [
        name
        for name in dict.fromkeys(["probability", "created_at", OWNER, PIPELINE, *columns])
        if name in known
    ]
    frame = read(
        opportunities, "stage", "value", "close_date", *optional, by=list(by), unique=unique, any_stage=some
    )
    outcome = outcome_codes(frame)
    group, groups = np.zeros(len(frame), dtype=np.intp), None
    if by:
        combined = combine([make_column_key(frame[name]) for name in by], len(frame))
        assert combined.index is not None
        # A group has rows if it holds a won or an open deal.
        held = np.unique(combined.codes[(outcome == OPEN) | (outcome == WON)])
        place = np.full(combined.size + 1, -1)
        place[held] = np.arange(len(held))
        group, groups = place[combined.codes].astype(np.intp), combined.index[held]
    return Deals(
        frame,
        outcome,
        today,
        freq,
        tz,
        Org.of(frame),
        group,
        groups,
        known_then or _seen_by(opportunities, today, tz),
    )


def _seen_by(opportunities: pd.DataFrame, today: pd.Timestamp, tz: str) -> bool:
    """True if the frame's moment, that of its load or of its record, is on the day or before."""
    moment = Certificate.moment_of(opportunities)
    return moment is not None and periods.as_date(moment, tz=tz) <= today


def value_rates(deals: Deals) -> Floats:
    """Share of the money of closed deals that was won, by group; NaN where nothing closed by the day."""
    lost = (deals.outcome == LOST) & ~(deals.frame["close_date"] > deals.today).to_numpy()
    won = deals.sum(deals.value, deals.booked)
    whole = won + deals.sum(deals.value, lost)
    return divide(won, np.maximum(whole, 0))
