"""The money that a forecast is held against: one amount, or one by period."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import periods
from opp_analytics.errors import ArgumentTypeError, DataError

Target = float | Mapping[Any, float] | None
"""What a caller may give."""
Targets = dict[Any, float] | float | None
"""The same, checked: amounts by the label of a row, or one for every period."""


def read_targets(target: Any, freq: str, names: list[str]) -> Targets:
    """The target as one number or as numbers by label, checked."""
    periods.check_freq(freq)
    if target is None:
        return None
    if not isinstance(target, (Mapping, pd.Series)):
        return _amount(target, "target")
    labelled = {_label(key): _amount(amount, f"target[{key!r}]") for key, amount in target.items()}
    for key in labelled:
        label = key[-1] if isinstance(key, tuple) else key
        if names and (not isinstance(key, tuple) or len(key) != len(names) + 1):
            raise DataError(f"target[{key!r}]: with by={names!r} a key is {(*names, 'period')!r}")
        try:
            known = str(pd.Period(str(label), freq)) == str(label)
        except (ValueError, TypeError):
            known = False
        if not known:
            raise DataError(
                f"target[{key!r}]: {label!r} is no period of freq={freq!r}, such as {pd.Period('2026-03', freq)}"
            )
    return labelled


def _label(key: Any) -> Any:
    return (
        tuple(str(part) if isinstance(part, pd.Period) else part for part in key)
        if isinstance(key, tuple)
        else str(key)
    )


def _amount(amount: Any, name: str) -> float:
    if isinstance(amount, (bool, str)) or not np.isscalar(amount) or not np.isreal(amount):
        raise ArgumentTypeError(
            f"{name}={amount!r} is not an amount of money; use a number or a mapping by period"
        )
    money = float(amount)  # type: ignore[arg-type]
    if not np.isfinite(money):
        raise DataError(f"{name}={amount!r} is not a finite amount of money")
    if money < 0:
        raise DataError(f"{name}={amount!r} is negative, so every outcome would reach it; give 0 or more")
    return money


def add_targets(table: pd.DataFrame, targets: Targets, in_period: NDArray[np.bool_]) -> None:
    """Fill in ``target``, ``gap``, ``pipeline_coverage`` and ``attainment``; no row has a target of its own where `targets` is one number for all."""
    if targets is None:
        return
    if isinstance(targets, dict):
        unknown = [key for key in targets if key not in table.index]
        if unknown:
            raise DataError(f"target[{unknown[0]!r}] names a row that the forecast does not have")
        table["target"] = [targets.get(key, np.nan) for key in table.index]
    else:
        table["target"] = np.where(in_period, targets, np.nan)
    gap = table["target"] - table["booked"]
    table["pipeline_coverage"] = (table["open_value"] / gap).where(gap > 0)
