"""Argument checks: one function for each kind of argument, with one wording for each refusal."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, MissingColumnError
from opp_analytics.text import joined

MethodName = Literal["auto", "learned", "run_rate", "stated", "stage"]
"""A forecast method."""
StageRates = Mapping[str, float] | pd.DataFrame | None
"""Chances by stage, or a table of `stage_rates`."""
RivalName = Literal[
    "weighted", "three_periods", "stage_projection", "stage_projection_4", "last_period", "year_ago"
]
"""A formula of others that `backtest` compares forecasts with."""
_CONVERSIONS = {
    ("polars", "DataFrame"): "to_pandas()",
    ("polars", "LazyFrame"): "collect().to_pandas()",
    ("pyarrow", "Table"): "to_pandas()",
}
"""Frames of other libraries, by library and class, and the call that makes them pandas frames."""


def number(value: Any, name: str, *, low: float | None = None, example: float) -> float:
    """Check a finite number, not below `low`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        raise ArgumentTypeError(
            f"{name}={value!r} is not a number; use for example {name}={example!r}"
        )
    try:
        finite = math.isfinite(value)
    except OverflowError:  # a whole number beyond what a float holds
        finite = False
    if not finite:
        raise ArgumentValueError(
            f"{name}={value!r} is not a finite number; use for example {name}={example!r}"
        )
    if low is not None and value < low:
        raise ArgumentValueError(
            f"{name}={value!r} is below {low:g}; use for example {name}={example!r}"
        )
    return float(value)


def between(value: Any, name: str, *, example: float, low: float = 0.0, high: float = 1.0) -> float:
    """Check a number inside an open interval."""
    checked = number(value, name, example=example)
    if not low < checked < high:
        raise ArgumentValueError(
            f"{name}={value!r} is not between {low:g} and {high:g}; use for example "
            f"{name}={example!r}"
        )
    return checked


def whole(value: Any, name: str, *, low: int = 1, high: int | None = None, example: int) -> int:
    """Check a whole number from `low` to `high`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise ArgumentTypeError(
            f"{name}={value!r} is not a whole number; use for example {name}={example!r}"
        )
    if value < low or (high is not None and value > high):
        allowed = f"at least {low:,}" if high is None else f"between {low:,} and {high:,}"
        raise ArgumentValueError(
            f"{name}={value!r} must be {allowed}; use for example {name}={example!r}"
        )
    return int(value)


def one_of(value: Any, name: str, options: Collection[str]) -> str:
    """Check that a value is one of the known options."""
    known = ", ".join(map(repr, options))
    if not isinstance(value, str):
        raise ArgumentTypeError(f"{name}={value!r} is not text; use one of {known}")
    if value not in options:
        raise ArgumentValueError(f"unknown {name}={value!r}; use one of {known}")
    return value


def path(value: Any, name: str = "path") -> Path:
    """Check a path that a file system can be asked about; ``~`` is the home folder."""
    try:
        found = Path(value).expanduser()
        wrong = b"\x00" in os.fsencode(found)
    except TypeError:
        raise ArgumentTypeError(
            f"{name}={value!r} is not a path; use for example {name}='deals.csv'"
        ) from None
    except (UnicodeError, RuntimeError) as error:
        raise ArgumentValueError(
            f"{name}={value!r} is not a possible path ({error}); use another one"
        ) from None
    if wrong:
        raise ArgumentValueError(
            f"{name}={value!r} holds a NUL, which no path can; use another one"
        )
    return found


def text(value: Any, name: str, *, example: str) -> str:
    """Check a text that is not blank."""
    if not isinstance(value, str):
        raise ArgumentTypeError(f"{name}={value!r} is not text; use for example {name}={example!r}")
    if not value.strip():
        raise ArgumentValueError(f"{name}={value!r} is blank; use for example {name}={example!r}")
    return value


def texts(value: Any, name: str, *, of: str) -> list[str]:
    """Check one name, or several distinct ones, and list them; None gives an empty list."""
    names = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not all(isinstance(text, str) for text in names):
        raise ArgumentTypeError(
            f"{name}={value!r} is not text; use the name of a {of} or a list of names"
        )
    if len(set(names)) < len(names):
        raise ArgumentValueError(f"{name}={value!r} names the same {of} twice; keep one of them")
    return list(names)


def refuse_foreign(value: Any, name: str) -> None:
    """Refuse a frame of another library, with the line that converts it; accept anything else."""
    # By name: the other library need not be installed.
    library, kind = type(value).__module__.partition(".")[0], type(value).__name__
    if (library, kind) in _CONVERSIONS:
        raise ArgumentTypeError(
            f"{name} is a {library} {kind}; convert it: {name} = "
            f"{name}.{_CONVERSIONS[library, kind]}"
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
