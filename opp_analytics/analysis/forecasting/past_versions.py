"""Every version of every deal as numbers: read from the engine once, and all past points are counted from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from opp_analytics.analysis.shared.history_query import check_history, group_names, with_outcome
from opp_analytics.org import LOST, OPEN, OUTCOMES, WON, Org
from opp_analytics.schema import NO_LABEL

if TYPE_CHECKING:
    from opp_analytics.history import History

Numbers = NDArray[Any]
OWNER = "owner_name"
"""The column that tells whose deal it is."""
UNDATED_DAY = np.iinfo(np.int32).max
"""The day of a deal without a date."""
_EXACT_UP_TO = 20_000
"""Opportunities up to which every amount is kept; above, amounts within a factor of √2 are counted together."""


@dataclass(frozen=True)
class Versions:
    """The versions in which deals were open, won or lost, by deal and time; a record is the number of its moment."""

    deal: Numbers
    seen: Numbers
    """The first record that shows it."""
    until: Numbers
    """The first record that no longer shows it."""
    outcome: Numbers
    """Code of `OUTCOMES`."""
    day: Numbers
    """Close date as a number of days."""
    cents: Numbers
    created: NDArray[np.datetime64]
    stage: Numbers
    owner: Numbers
    group: Numbers
    stages: list[str]
    owners: list[str]
    groups: list[tuple[str, ...]]
    exact: bool
    """False where amounts that are alike are counted together."""

    @cached_property
    def open(self) -> OpenVersions:
        """The open ones, each with the number of its kind."""
        rows = np.flatnonzero(self.outcome == OPEN)
        rows = rows[np.argsort(self.seen[rows], kind="stable")]
        keys = self.stage[rows], self.owner[rows], self.group[rows]
        kind = np.ravel_multi_index(keys, (len(self.stages) + 1, len(self.owners) + 1, len(self.groups) + 1))
        size, sizes = pd.factorize(self._size(self.cents[rows]), sort=True)
        cell, cells = pd.factorize(kind * len(sizes) + size, sort=True)
        first = np.zeros(len(cells), dtype=np.intp)
        first[cell] = np.arange(len(rows))
        return OpenVersions(
            self.seen[rows],
            self.until[rows],
            self.day[rows],
            self.cents[rows].astype(np.float64),
            cell,
            cells // max(len(sizes), 1),
            *(key[first].astype(np.int32) for key in keys),
        )

    def _size(self, cents: Numbers) -> Numbers:
        """What is counted together: amounts that are equal, or alike."""
        if self.exact:
            return cents
        size: Numbers = np.floor(np.log2(np.maximum(np.abs(cents), 1)) * 2).astype(np.int64)
        return np.asarray(np.where(cents < 0, -size - 1, size))

    @cached_property
    def won(self) -> Numbers:
        """The rows of wins, by date."""
        rows = np.flatnonzero(self.outcome == WON)
        return rows[np.argsort(self.day[rows], kind="stable")]

    def wins(self, record: int, first: int, last: int) -> Numbers:
        """The rows of the wins dated in a period, as a record shows them."""
        ends = np.searchsorted(self._won_days, [first, last + 1])
        rows = self.won[ends[0] : ends[1]]
        return rows[(self.seen[rows] <= record) & (self.until[rows] > record)]

    @cached_property
    def _won_days(self) -> Numbers:
        return self.day[self.won]

    def then(self, rows: Numbers, record: int) -> Numbers:
        """The row that a record shows of the deal of each row; −1 where it is neither open nor won there."""
        deals = self.deal[rows]
        place = np.searchsorted(self._key, deals * _RECORDS + record, side="right") - 1
        shown = (self.deal[place] == deals) & (self.until[place] > record) & (self.outcome[place] != LOST)
        return np.where((place >= 0) & shown, place, -1)

    @cached_property
    def _key(self) -> Numbers:
        return self.deal * _RECORDS + self.seen


@dataclass(frozen=True)
class OpenVersions:
    """The versions in which deals were open, oldest first."""

    seen: Numbers
    until: Numbers
    day: Numbers
    cents: NDArray[np.float64]
    cell: Numbers
    """Number of its stage, owner, group and size together; the next six tell what each is."""
    kind: Numbers
    """Of a cell: number of its stage, owner and group together."""
    stage: Numbers
    owner: Numbers
    group: Numbers

    def at(self, record: int) -> Numbers:
        """The rows that a record shows."""
        seen = int(np.searchsorted(self.seen, record, side="right"))
        return np.flatnonzero(self.until[:seen] > record)


_RECORDS = 2**31
"""More than any number of records."""


def read_versions(history: History, meaning: Org, by: Sequence[str] = ()) -> Versions:
    """The versions of a history's deals, with the owner and the groups of `by` in each; read once for the same records.

    Raises
    ------
    ArgumentTypeError, NotEnoughHistory, MissingColumnError
        When `history` is not a `History`, has no record, or lacks a column of `by`.
    """
    check_history(history, "the learned forecast", *by)
    found: Versions = history.remember(
        ("versions", meaning.stages, tuple(by)), lambda: _read(history, meaning, by)
    )
    return found


def _read(history: History, meaning: Org, by: Sequence[str]) -> Versions:
    table, known = history.table, history.records
    owned = [OWNER] if OWNER in table.columns else []
    names = group_names([*owned, *by])
    rows = with_outcome(table, meaning, "created_at", by=[*owned, *by])
    kept = ["unique_id", "seen_at", "outcome", "stage", "close_date", "cents", "created_at", *names]
    found = history.collect_arrow(rows.select(*kept))
    moments = known["recorded_at"].drop_duplicates().sort_values().dt.tz_localize(None).to_numpy()
    deal = _coded(found["unique_id"])[0].astype(np.int64)
    seen = np.searchsorted(moments, _instants(found["seen_at"])).astype(np.int32)
    order = np.lexsort((seen, deal))
    until = np.full(len(order), len(moments), dtype=np.int32)
    follows = np.flatnonzero(deal[order[1:]] == deal[order[:-1]])
    until[order[follows]] = seen[order[follows + 1]]
    outcome, outcomes = _coded(found["outcome"])
    codes = np.array([OUTCOMES.index(name) if name in OUTCOMES else -1 for name in outcomes], dtype=np.int8)
    outcome = codes[outcome] if len(outcome) else outcome
    order = order[(np.isin(outcome, (OPEN, WON, LOST)) & (until > seen))[order]]
    stage, stages = _coded(found["stage"].take(order), sort=True)
    labels = [_coded(found[name].take(order), sort=True) for name in names]
    owner, owners = labels[0] if owned else (np.zeros(len(order), dtype=np.intp), [""])
    group, groups = _together(labels[len(owned) :], len(order))
    return Versions(
        deal[order],
        seen[order],
        until[order],
        outcome[order],
        _days(found["close_date"])[order],
        found["cents"].to_numpy()[order],
        _instants(found["created_at"])[order],
        stage,
        owner,
        group,
        stages,
        owners,
        groups,
        exact=bool(known["rows"].max() <= _EXACT_UP_TO),
    )


def _coded(texts: pa.ChunkedArray, *, sort: bool = False) -> tuple[Numbers, list[str]]:
    """A number for each text, and the texts; a missing one is "(none)"."""
    encoded = texts.fill_null(NO_LABEL).combine_chunks().dictionary_encode()
    codes, names = encoded.indices.to_numpy().astype(np.intp), encoded.dictionary.to_pylist()
    if not sort:
        return codes, names
    order = sorted(range(len(names)), key=names.__getitem__)
    place = np.empty(len(names), dtype=np.intp)
    place[order] = np.arange(len(names))
    return place[codes], [names[k] for k in order]


def _together(
    labels: Sequence[tuple[Numbers, list[str]]], rows: int
) -> tuple[Numbers, list[tuple[str, ...]]]:
    """A number for each combination of labels, and the combinations."""
    if not labels:
        return np.zeros(rows, dtype=np.intp), [()]
    whole = np.ravel_multi_index([codes for codes, _ in labels], [len(names) + 1 for _, names in labels])
    group, held = pd.factorize(whole, sort=True)
    parts = np.unravel_index(held, [len(names) + 1 for _, names in labels])
    return group, list(
        zip(*([names[k] for k in part] for part, (_, names) in zip(parts, labels, strict=True)), strict=True)
    )


def _instants(column: pa.ChunkedArray) -> NDArray[np.datetime64]:
    return np.asarray(column.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us")).to_numpy())


def _days(column: pa.ChunkedArray) -> Numbers:
    return np.asarray(column.cast(pa.date32()).cast(pa.int32()).fill_null(UNDATED_DAY).to_numpy())
