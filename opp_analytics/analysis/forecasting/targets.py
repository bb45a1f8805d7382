"""Targets of a forecast: one amount, or one amount per period."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import arguments, periods
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError

Target = float | Mapping[Any, float] | None
"""The type of the argument `target`."""
Targets = dict[Any, float] | float | None
"""Checked targets: amounts by row label, or one amount for every period."""


def read_targets(target: Any, freq: str, by: list[str]) -> Targets:
    """The checked target: one number, or numbers by label."""
    if target is None:
        return None
    if not isinstance(target, (Mapping, pd.Series)):
        if isinstance(target, str) or not np.isscalar(target):
            raise ArgumentTypeError(
                f"target={target!r} is not an amount of money; use a number or a mapping by period"
            )
        return arguments.number(target, "target", low=0, example=100_000)
    return {
        _label(key, freq, by): arguments.number(amount, f"target[{key!r}]", low=0, example=100_000)
        for key, amount in target.items()
    }


def _label(key: Any, freq: str, by: list[str]) -> Any:
    groups = key[:-1] if isinstance(key, tuple) else ()
    if len(groups) != len(by):
        raise ArgumentValueError(
            f"target[{key!r}]: with by={by!r}, a key is a tuple such as {(*by, 'period')!r}"
        )
    period = str(periods.as_period(key[-1] if by else key, freq, name=f"target[{key!r}]"))
    return (*groups, period) if by else period


def add_targets(table: pd.DataFrame, targets: Targets, in_period: NDArray[np.bool_]) -> None:
    """Fill in ``target``, ``gap``, ``pipeline_coverage`` and ``attainment``."""
    if targets is None:
        return
    if isinstance(targets, dict):
        unknown = [key for key in targets if key not in table.index]
        if unknown:
            raise ArgumentValueError(
                f"target[{unknown[0]!r}] names a row that the forecast does not have; use the label of one of its rows"
            )
        table["target"] = [targets.get(key, np.nan) for key in table.index]
    else:
        table["target"] = np.where(in_period, targets, np.nan)
    table["gap"] = table["target"] - table["booked"]
    table["pipeline_coverage"] = (table["open_value"] / table["gap"]).where(table["gap"] > 0)
    table["attainment"] = (table["booked"] / table["target"]).where(table["target"] > 0)
