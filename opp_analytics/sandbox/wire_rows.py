"""Opportunities of the caller as JSON rows for the server."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from opp_analytics.sandbox.errors import SandboxTypeError

__all__ = ["wire_rows"]


def wire_rows(opportunities: Any) -> Iterator[dict[str, Any]]:
    """One dict of JSON values per opportunity, with None for a missing value.

    Parameters
    ----------
    opportunities
        A DataFrame with the API's column names and any further ones, or an iterable of mappings.
    """
    if hasattr(opportunities, "columns"):
        return _of_frame(opportunities)
    return (
        {str(name): _cell(str(name), value) for name, value in row.items()}
        for row in _mappings(opportunities)
    )


def _mappings(rows: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for row in rows:
        if not isinstance(row, Mapping):
            raise SandboxTypeError(f"opportunities must be a DataFrame or mappings, not {type(row).__name__}")
        yield row


def _of_frame(frame: Any) -> Iterator[dict[str, Any]]:
    names = [str(name) for name in frame.columns]
    # By column, because a row of a frame has one dtype, which would turn integers into floats.
    columns = [
        [
            None if missing else _cell(name, value)
            for value, missing in zip(column.tolist(), column.isna().tolist(), strict=True)
        ]
        for name, column in zip(names, (frame.iloc[:, i] for i in range(len(names))), strict=True)
    ]
    for cells in zip(*columns, strict=True) if columns else ():
        yield dict(zip(names, cells, strict=True))


def _cell(name: str, value: Any) -> Any:
    """The JSON value of one cell."""
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()  # a numpy scalar
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, (float, Decimal)):
        return _number(value)
    if isinstance(value, datetime):
        # NaT is not equal to itself.
        return None if value != value else _moment(name, value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {str(k): _cell("", v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_cell("", v) for v in value]
    return None if type(value).__name__ == "NAType" else str(value)


def _number(value: float | Decimal) -> int | float | Decimal | None:
    if not math.isfinite(value):
        return None
    return int(value) if value == int(value) else value


def _moment(name: str, value: datetime) -> str:
    if name == "close_date":
        return value.date().isoformat()
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return aware.isoformat().replace("+00:00", "Z")
