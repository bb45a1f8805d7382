"""One small result table for each drawing, as its analysis returns it: a CSV file each in ``results``,
whose keys and attrs ``tables.toml`` names."""  # noqa: E501

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics import org

FOLDER = Path(__file__).with_name("results")
_STEPS = org.stage_dtype(org.STAGES)
_TYPES = {"from_stage": _STEPS, "to_stage": _STEPS} | dict.fromkeys(
    ("pushed", "value_cut", "no_value"), "boolean"
)


def _read(
    name: str, index: tuple[str, ...] = (), attrs: dict[str, Any] | None = None
) -> pd.DataFrame:
    table = pd.read_csv(FOLDER / f"{name}.csv", dtype=_TYPES)
    for column in {"made_at", "close_date"} & set(table):
        table[column] = pd.to_datetime(table[column])
    if index:
        table = table.set_index([*index])
    table.attrs = {"as_of": "2026-03-31", **(attrs or {})}  # type: ignore[dict-item]
    return table


TABLES = {
    name: _read(name, **of)
    for name, of in tomllib.loads((FOLDER / "tables.toml").read_text()).items()
}
