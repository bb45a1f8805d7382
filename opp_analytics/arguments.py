"""Argument checks: one function for each kind of argument, with one wording for each refusal."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, MissingColumnError
from opp_analytics.schema import to_plain
from opp_analytics.text import joined

MethodName = Literal["auto", "learned", "run_rate", "stated", "stage"]
"""A forecast method."""
StageRates = Mapping[str, float] | pd.DataFrame | None
"""Chances by stage, or a table of `stage_rates`."""
RivalName = Literal[
    "weighted",
    "category_weights",
    "three_periods",
    "stage_projection",
    "stage_projection_4",
    "last_period",
    "year_ago",
]
"""A formula of others that `backtest` compares forecasts with."""
_CONVERSIONS = {
    ("polars", "DataFrame"): "to_pandas()",
    ("polars", "LazyFrame"): "collect().to_pandas()",
    ("pyarrow", "Table"): "to_pandas()",
}
"""Frames of other libraries, by library and class, and the call that makes them pandas frames."""


def number(
    value: Any,
    name: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    example: float,
) -> float:
    """Check a finite number, not below `low` and not above `high`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        raise ArgumentTypeError.of(name, value, "is not a number", f"use for example {example!r}")
    wrong = "is not a finite number"
    with suppress(OverflowError):  # a whole number beyond what a float holds
        if math.isfinite(value):
            above = f"is above {high:,.10g}" if value > high else ""
            wrong = f"is below {low:g}" if value < low else above
    if wrong:
        raise ArgumentValueError.of(name, value, wrong, f"use for example {example!r}")
    return float(value)


def share(value: Any, name: str = "confidence", *, example: float = 0.95) -> float:
    """Check a number between 0 and 1, without its ends."""
    checked = number(value, name, example=example)
    if not 0 < checked < 1:
        raise ArgumentValueError.of(
            name, value, "is not between 0 and 1", f"use for example {example!r}"
        )
    return checked


def whole(value: Any, name: str, *, low: int = 1, high: int | None = None, example: int) -> int:
    """Check a whole number from `low` to `high`."""
    way_out = f"use for example {example!r}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise ArgumentTypeError.of(name, value, "is not a whole number", way_out)
    if value < low or (high is not None and value > high):
        allowed = f"at least {low:,}" if high is None else f"between {low:,} and {high:,}"
        raise ArgumentValueError.of(name, value, f"must be {allowed}", way_out)
    return int(value)


def one_of(value: Any, name: str, options: Collection[str]) -> str:
    """Check that a value is one of the known options."""
    known = f"use one of {', '.join(map(repr, options))}"
    if not isinstance(value, str):
        raise ArgumentTypeError.of(name, value, "is not text", known)
    if value not in options:
        raise ArgumentValueError.of(name, value, "is unknown", known)
    return value


def path(value: Any, name: str = "path") -> Path:
    """Check a path that a file system can be asked about; ``~`` is the home folder."""
    try:
        found = Path(value).expanduser()
        wrong = "holds a NUL, which no path can" if b"\x00" in os.fsencode(found) else ""
    except TypeError:
        raise ArgumentTypeError.of(
            name, value, "is not a path", "use for example 'deals.csv'"
        ) from None
    except (UnicodeError, RuntimeError) as error:
        wrong = f"is not a possible path ({error})"
    if wrong:
        raise ArgumentValueError.of(name, value, wrong, "use another one")
    return found


def text(value: Any, name: str, *, example: str) -> str:
    """Check a text that is not blank."""
    if not isinstance(value, str):
        raise ArgumentTypeError.of(name, value, "is not text", f"use for example {example!r}")
    if not value.strip():
        raise ArgumentValueError.of(name, value, "is blank", f"use for example {example!r}")
    return value


def texts(value: Any, name: str) -> list[str]:
    """Check one column's name, or several distinct ones, and list them; none of None."""
    names = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not all(isinstance(text, str) for text in names):
        raise ArgumentTypeError.of(
            name, value, "is not text", "use the name of a column or a list of names"
        )
    if len(set(names)) < len(names):
        raise ArgumentValueError.of(name, value, "names the same column twice", "keep one of them")
    return list(names)


class ArrowStream(Protocol):
    """A frame of any library that hands over Arrow: Polars, PyArrow, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand over the rows as a stream of Arrow's C interface."""


def as_frame(value: Any) -> Any:
    """Turn a frame of another library that hands over Arrow into pandas, at the dtypes of a load.

    Leave anything else.
    """
    if isinstance(value, pd.DataFrame) or not hasattr(value, "__arrow_c_stream__"):
        return value
    return to_plain(pa.table(value))


def refuse_foreign(value: Any, name: str) -> None:
    """Refuse a frame of another library, with the line that converts it; accept anything else."""
    # By name: the other library need not be installed.
    library, kind = type(value).__module__.partition(".")[0], type(value).__name__
    if (library, kind) in _CONVERSIONS:
        raise ArgumentTypeError(
            f"{name} is a {library} {kind}; convert it: {name} = "
            f"{name}.{_CONVERSIONS[library, kind]}"
        )


def refuse_groups(table: pd.DataFrame) -> None:
    """Refuse a table by groups where only one of them can be shown."""
    if table.index.nlevels > 1 and len(table):
        level, key = str(table.index.names[0]), table.index[0][0]
        raise ArgumentValueError(
            f"the table has groups by {level}, and this shows one at a time; pick one, for example "
            f"with table.xs({key!r}, level={level!r})"
        )


def frame(value: Any, name: str, *columns: str, made_by: str) -> pd.DataFrame:
    """Check a frame that has all of `columns`."""
    refuse_foreign(value, name)
    if not isinstance(value, pd.DataFrame):
        raise ArgumentTypeError(f"{name} is a {type(value).__name__}; pass the result of {made_by}")
    missing = [column for column in columns if column not in value.columns]
    if missing:
        raise MissingColumnError(
            f"{name} has no column {joined(missing)}; pass the result of {made_by}. It has "
            f"{', '.join(map(str, value.columns))}"
        )
    return value
