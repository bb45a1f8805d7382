"""One small result table for each drawing, as its analysis returns it: a CSV file each in ``results``,
whose keys and notes ``tables.toml`` names."""  # noqa: E501

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics.note import TableNote

FOLDER = Path(__file__).with_name("results")
_TYPES = dict.fromkeys(("pushed", "value_cut", "no_value"), "boolean")


def _read(
    name: str, index: tuple[str, ...] = (), note: dict[str, Any] | None = None
) -> pd.DataFrame:
    table = pd.read_csv(FOLDER / f"{name}.csv", dtype=_TYPES)
    for column in {"made_at", "close_date"} & set(table):
        table[column] = pd.to_datetime(table[column])
    if index:
        table = table.set_index([*index])
    return TableNote(name, "2026-03-31").change(**(note or {})).write(table)


TABLES = {
    name: _read(name, **of)
    for name, of in tomllib.loads((FOLDER / "tables.toml").read_text()).items()
}
