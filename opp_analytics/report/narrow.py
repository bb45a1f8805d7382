"""The deals, the history and the targets of one person or team."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import schema, text
from opp_analytics.errors import ArgumentValueError
from opp_analytics.history import History
from opp_analytics.org import Org, place_targets

__all__ = ["narrowed"]

_COLUMNS = ("owner_name", "team")
_NAMED = 8


def narrowed(
    opportunities: pd.DataFrame, history: History | None, target: Any, only: str, org: Org
) -> tuple[pd.DataFrame, History | None, Any]:
    """What belongs to one person or team, by its name.

    Raises
    ------
    ArgumentValueError
        When nobody has that name; the message names those there are.
    """
    if isinstance(target, pd.DataFrame):
        target = place_targets(target, org)
    column = next(
        (name for name in _COLUMNS if name in opportunities and only in set(opportunities[name])), None
    )
    if column is None and isinstance(target, pd.DataFrame):
        column = next((name for name in _COLUMNS if name in target and only in set(target[name])), None)
    if column is None:
        raise ArgumentValueError(f"only={only!r} is nobody's name; use one of {_known(opportunities)}")
    # Without attrs, a filter would lose what the stages mean.
    deals = opportunities[(opportunities[column].astype(schema.TEXT) == only).to_numpy(dtype=bool)]
    deals.attrs = opportunities.attrs
    mine = target[(target[column] == only).to_numpy(dtype=bool)] if _has(target, column) else target
    return deals, None if history is None else history.where(**{column: only}), mine


def _has(target: Any, column: str) -> bool:
    return isinstance(target, pd.DataFrame) and column in target


def _known(opportunities: pd.DataFrame) -> str:
    names = [
        str(name)
        for column in _COLUMNS
        if column in opportunities
        for name in opportunities[column].dropna().unique()
    ]
    return text.joined(sorted(set(names)), most=_NAMED, last="or") or "the column owner_name"
