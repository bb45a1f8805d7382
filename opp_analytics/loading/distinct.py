"""Whether the rows of a sweep are distinct, told from eight bytes an id: a million ids as text take a hundred times that."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import pandas as pd
import pyarrow as pa

__all__ = ["Distinct", "drop_repeated"]


class Distinct:
    """The ids of a sweep as 64-bit hashes.

    Equal hashes only raise a doubt, which `drop_repeated` settles; different ones are proof.
    """

    def __init__(self) -> None:
        self._pages: list[np.ndarray] = []
        self._first_ids: set[str] = set()
        self._all: set[int] | None = None

    def add(self, ids: Sequence[str], *, past_end: bool) -> bool:
        """Add a page's ids; False when it brings nothing new.

        A page is looked at closely when it begins as an earlier one did, or comes after the announced last one.
        """
        if not ids:
            return False
        hashes = np.fromiter(map(hash, ids), np.int64, len(ids))
        if self._all is None and (past_end or ids[0] in self._first_ids):
            self._all = set(self._hashes().tolist())
        if self._all is not None:
            known = len(self._all)
            self._all.update(hashes.tolist())
            if len(self._all) == known:
                return False
        self._first_ids.add(ids[0])
        self._pages.append(hashes)
        return True

    def proven(self) -> bool:
        """True when no two ids are equal."""
        hashes = np.sort(self._hashes())
        return not (hashes[1:] == hashes[:-1]).any()

    def _hashes(self) -> np.ndarray:
        return np.concatenate([np.empty(0, np.int64), *self._pages])


def drop_repeated(tables: Sequence[pa.Table]) -> list[pa.Table]:
    """The tables without rows whose ``unique_id`` came before, and without tables that have no other rows."""
    ids = pd.Series(
        [unique_id for table in tables for unique_id in table["unique_id"].to_pylist()], dtype=object
    )
    first = ~ids.duplicated().to_numpy()
    ends = accumulate(map(len, tables))
    kept = (
        table.filter(pa.array(first[end - len(table) : end])) for table, end in zip(tables, ends, strict=True)
    )
    return [table for table in kept if len(table)]
