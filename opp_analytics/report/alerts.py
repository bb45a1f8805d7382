"""Alerts: conditions on the forecast that an org file asks to be told of."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.columns import format_cell
from opp_analytics.errors import ArgumentValueError, ConfigError, DataWarning

__all__ = ["alerts"]


def alerts(
    conditions: str | Sequence[str] | None, row: pd.Series[Any], *, period: str, currency: str | None
) -> Iterator[str]:
    """The sentence of each condition that holds; a condition on a figure that is not known is warned of.

    Parameters
    ----------
    conditions : str or list of str
        ``alert_when`` of the org file: comparisons of the forecast's columns, such as ``p_target < 0.5``.
    row : Series
        The forecast's row of the current period.
    period : str
        Its name for people.
    currency : str, optional
        Currency of its money.

    Raises
    ------
    ArgumentValueError
        When a condition names no column of the forecast, or is no condition.
    ConfigError
        When simpleeval is not installed.
    """
    for condition in [conditions] if isinstance(conditions, str) else conditions or ():
        holds, read = _judge(condition, row)
        unknown = [name for name, value in read.items() if math.isnan(value)]
        if unknown:
            warnings.warn(
                f"alert_when={condition!r} cannot be judged for {period}: {text.joined(unknown)} is not known",
                DataWarning,
                stacklevel=2,
            )
        elif holds:
            figures = text.joined(
                f"{name} is {format_cell(name, value, currency)}" for name, value in read.items()
            )
            yield f"Alert for {period}: {condition} ({figures})."


def _judge(condition: str, row: pd.Series[Any]) -> tuple[bool, dict[str, float]]:
    """Whether the condition holds, and the figures that it reads."""
    try:
        import simpleeval
    except ImportError:
        raise ConfigError(
            "alert_when needs simpleeval; install it with: pip install 'opp-analytics[report]'"
        ) from None
    read: dict[str, float] = {}

    def figure(node: Any) -> float:
        if node.id not in row.index:
            raise ArgumentValueError(
                f"alert_when={condition!r}: the forecast has no column {node.id!r}; use some of {text.joined(row.index)}"
            )
        return read.setdefault(node.id, float(row[node.id]))

    try:
        holds = simpleeval.SimpleEval(names=figure, functions={}).eval(condition)
    except (
        simpleeval.InvalidExpression,
        SyntaxError,
        TypeError,
        ValueError,
        ArithmeticError,
        RecursionError,
    ) as error:
        if isinstance(error, ArgumentValueError):
            raise
        raise _no_condition(condition) from None
    if not isinstance(holds, bool) or not read:
        raise _no_condition(condition)
    return holds, read


def _no_condition(condition: str) -> ArgumentValueError:
    return ArgumentValueError(
        f"alert_when={condition!r} is not a condition; compare columns of the forecast, for example p_target < 0.5"
    )
