"""`read_versions`: the versions of a history's deals, read from the engine once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from opp_analytics.analysis.forecasting.past_versions import OWNER, UNDATED_DAY, Numbers, Versions
from opp_analytics.analysis.shared.history_query import add_outcome, check_history, name_groups
from opp_analytics.org import LOST, OPEN, OUTCOMES, PIPELINE, WON, Org
from opp_analytics.schema import NO_LABEL

if TYPE_CHECKING:
    from opp_analytics.history import History

_EXACT_UP_TO = 20_000
"""Opportunities up to which every amount is kept; above, amounts within a factor of √2 are counted together."""
Labels = tuple[Numbers, list[str]]
"""A number for each row, and the label behind each number."""


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
    columns, known = history.table.columns, history.records
    owned = [OWNER] if OWNER in columns else []
    placed = [PIPELINE] if len(meaning.stages.pipelines) > 1 and PIPELINE in columns else []
    read = [*owned, *placed, *by]
    names = name_groups(read)
    rows = add_outcome(history.table, meaning, "created_at", by=read)
    kept = ["unique_id", "seen_at", "outcome", "stage", "close_date", "cents", "created_at", *names]
    found = history.collect_arrow(rows.select(*kept))
    moments = known["recorded_at"].drop_duplicates().sort_values().dt.tz_localize(None).to_numpy()
    deal = _coded(found["unique_id"])[0].astype(np.int64)
    seen = np.searchsorted(moments, _instants(found["seen_at"])).astype(np.int32)
    order, until = _in_time(deal, seen, len(moments))
    outcome = _outcomes(found["outcome"])
    order = order[(np.isin(outcome, (OPEN, WON, LOST)) & (until > seen))[order]]
    of = {
        column: _coded(found[name].take(order), sort=True) for column, name in zip(read, names, strict=True)
    }
    name = _coded(found["stage"].take(order), sort=True)
    stage, stages = _together([name, *(of[column] for column in placed)], len(order))
    owner, owners = of[OWNER] if owned else (np.zeros(len(order), dtype=np.intp), [""])
    group, groups = _together([of[column] for column in by], len(order))
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


def _in_time(deal: Numbers, seen: Numbers, records: int) -> tuple[Numbers, Numbers]:
    """The order of rows by deal and time, and the first record that no longer shows each row."""
    order = np.lexsort((seen, deal))
    until = np.full(len(order), records, dtype=np.int32)
    follows = np.flatnonzero(deal[order[1:]] == deal[order[:-1]])
    until[order[follows]] = seen[order[follows + 1]]
    return order, until


def _outcomes(names: pa.ChunkedArray) -> Numbers:
    """The code of each outcome; −1 for a deal that is gone."""
    number, held = _coded(names)
    codes = np.array([OUTCOMES.index(name) if name in OUTCOMES else -1 for name in held], dtype=np.int8)
    return codes[number] if len(number) else number


def _coded(texts: pa.ChunkedArray, *, sort: bool = False) -> Labels:
    """A number for each text, and the texts; a missing one is "(none)"."""
    encoded = texts.fill_null(NO_LABEL).combine_chunks().dictionary_encode()
    codes, names = encoded.indices.to_numpy().astype(np.intp), encoded.dictionary.to_pylist()
    if not sort:
        return codes, names
    order = sorted(range(len(names)), key=names.__getitem__)
    place = np.empty(len(names), dtype=np.intp)
    place[order] = np.arange(len(names))
    return place[codes], [names[k] for k in order]


def _together(labels: Sequence[Labels], rows: int) -> tuple[Numbers, list[tuple[str, ...]]]:
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
