"""The deals, the history and the targets of one person or team."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from opp_analytics import schema, text
from opp_analytics.errors import ArgumentValueError
from opp_analytics.history import History
from opp_analytics.org import Org, place_targets

__all__ = ["Part", "narrowed"]

_COLUMNS = ("owner_name", "team")
_NAMED = 8


@dataclass(frozen=True)
class Part:
    """One person or team, with the deals, the history and the targets that belong to it, and the whole of each."""

    column: str
    name: str
    opportunities: pd.DataFrame
    history: History | None
    target: Any
    whole: pd.DataFrame
    whole_history: History | None
    whole_target: Any

    def levels(self, by: Sequence[str]) -> tuple[str, ...]:
        """The groups in which the whole is forecast, so that this one has a row as on the page of the whole."""
        if self.column not in by:
            return (self.column, *by)
        above = by[: by.index(self.column)]
        groups = self.opportunities[list(above)].drop_duplicates()
        # Somebody in two teams has two rows there; here both are one.
        return tuple(by) if len(groups) == 1 else tuple(by[len(above) :])

    def members(self, by: Sequence[str]) -> tuple[str, ...]:
        """The groups inside a team; of a person the person alone."""
        levels = self.levels(by)
        return levels[levels.index(self.column) + 1 :] or (self.column,)


def narrowed(opportunities: pd.DataFrame, history: History | None, target: Any, only: str, org: Org) -> Part:
    """One person or team of a frame, with what belongs to it.

    Raises
    ------
    ArgumentValueError
        When nobody or several have that name; the message names those there are.
    """
    asked = target
    if isinstance(target, pd.DataFrame):
        target = place_targets(target, org)
    tables = [table for table in (opportunities, target) if isinstance(table, pd.DataFrame)]
    column, name = _found(only, tables)
    # Without attrs, a filter would lose what the stages mean.
    deals = opportunities[(opportunities[column].astype(schema.TEXT) == name).to_numpy(dtype=bool)]
    deals.attrs = opportunities.attrs
    mine = target[(target[column] == name).to_numpy(dtype=bool)] if _has(target, column) else target
    return Part(
        column,
        name,
        deals,
        None if history is None else history.where(**{column: name}),
        mine,
        opportunities,
        history,
        asked,
    )


def _found(only: str, tables: Sequence[pd.DataFrame]) -> tuple[str, str]:
    """The column and the whole name: as written, in other capitals, or the only one that begins so."""
    known = [
        (column, str(name))
        for column in _COLUMNS
        for table in tables
        if column in table
        for name in sorted(table[column].dropna().astype(schema.TEXT).unique())
    ]
    exact = [pair for pair in known if pair[1] == only]
    asked = only.strip().casefold()
    found = [pair for pair in dict.fromkeys(known) if pair[1].casefold() == asked]
    found = found or [pair for pair in dict.fromkeys(known) if pair[1].casefold().startswith(f"{asked} ")]
    if exact or len(found) == 1:
        return (exact or found)[0]
    if found:
        several = text.joined([repr(name) for _, name in found], most=_NAMED)
        raise ArgumentValueError(f"only={only!r} fits {several}; use the whole name")
    names = text.joined(sorted({name for _, name in known}), most=_NAMED, last="or")
    raise ArgumentValueError(f"only={only!r} is nobody's name; use one of {names or 'the column owner_name'}")


def _has(target: Any, column: str) -> bool:
    return isinstance(target, pd.DataFrame) and column in target
