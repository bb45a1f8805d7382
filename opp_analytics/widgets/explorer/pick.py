"""Which deals a choice picks, from a frame and from a history, and the lines of code that pick the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd

from opp_analytics.history import History
from opp_analytics.widgets.explorer.choice import Choice

__all__ = ["Picker"]

_KEPT = 8
"""Records and scoped histories kept at hand."""


@dataclass(frozen=True)
class _Filter:
    """One filter: its mask, and the code of the mask, in which {0} is the frame's name."""

    mask: Callable[[pd.DataFrame], pd.Series[bool]]
    code: str


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(float(number))


def _among(column: str, names: tuple[Any, ...]) -> _Filter:
    named = [name for name in names if name is not None]
    if None not in names:
        return _Filter(lambda f: f[column].isin(named), f'{{0}}["{column}"].isin({named!r})')
    return _Filter(
        lambda f: f[column].isin(named) | f[column].isna(),
        f'{{0}}["{column}"].isin({named!r}) | {{0}}["{column}"].isna()',
    )


def _bound(column: str, sign: str, value: Any, shown: str) -> _Filter:
    if sign == ">=":
        return _Filter(lambda f: f[column] >= value, f'{{0}}["{column}"] >= {shown}')
    return _Filter(lambda f: f[column] <= value, f'{{0}}["{column}"] <= {shown}')


def _filters(choice: Choice) -> list[_Filter]:
    """The filters that act, but for the owner."""
    found = []
    if choice.has("stages"):
        found.append(_among("stage", choice.stages))
    if choice.has("value"):
        for sign, bound in ((">=", choice.low), ("<=", choice.high)):
            if bound is not None and math.isfinite(bound):
                found.append(_bound("value", sign, bound, _plain(bound)))
    if choice.has("close"):
        for sign, day in ((">=", choice.first), ("<=", choice.last)):
            if day is not None:
                found.append(_bound("close_date", sign, pd.Timestamp(day), repr(day)))
    if choice.has("text"):
        part = choice.text
        found.append(
            _Filter(
                lambda f: f["name"].str.contains(part, case=False, regex=False, na=False),
                f'{{0}}["name"].str.contains({part!r}, case=False, regex=False, na=False)',
            )
        )
    return found


class Picker:
    """Picks the deals of choices.

    Parameters
    ----------
    opportunities : DataFrame
        The opportunities as they are now.
    history : History or None
        Their past.
    """

    def __init__(self, opportunities: pd.DataFrame, history: History | None) -> None:
        self.opportunities, self.history = opportunities, history
        moments = [] if history is None else list(history.records["recorded_at"])
        self.moments = {moment.isoformat(): moment for moment in moments}
        if history is not None:
            self.known = lru_cache(_KEPT)(history.as_of)
            self._scoped = lru_cache(_KEPT)(lambda owners, ids: _where(history, owners, ids))
            self._changes: pd.DataFrame | None = None

    @property
    def latest(self) -> str | None:
        """The last record."""
        return next(reversed(self.moments), None)

    def frame(self, choice: Choice, moment: str | None) -> pd.DataFrame:
        """The picked deals as of a record; as they are now at the last one."""
        frame = self._at(moment)
        for each in self._of_frame(choice):
            frame = frame[each.mask(frame)]
        return frame

    def frame_code(self, choice: Choice, moment: str | None, name: str = "deals") -> list[str]:
        """The lines that pick the same."""
        now = moment not in self.moments or moment == self.latest
        lines = [f"{name} = opportunities" if now else f'{name} = history.as_of("{moment}")']
        return lines + [f"{name} = {name}[{each.code.format(name)}]" for each in self._of_frame(choice)]

    def scoped(self, choice: Choice) -> History | None:
        """The history of the picked deals: the owner as at the time, other filters once, at the window's start.

        None when no deal is picked.
        """
        assert self.history is not None
        owners = choice.owners if choice.has("owners") else ()
        filters = _filters(choice)
        if not filters:
            return self._scoped(owners, None) if owners else self.history
        first = self._first(choice)
        for each in filters:
            first = first[each.mask(first)]
        return self._scoped(owners, tuple(first["unique_id"])) if len(first) else None

    def history_code(self, choice: Choice) -> list[str]:
        """The lines that pick the same, as ``chosen``."""
        owners = [f"owner_name={list(choice.owners)!r}"] if choice.has("owners") else []
        filters = _filters(choice)
        if not filters:
            return [f"chosen = history.where({owners[0]})" if owners else "chosen = history"]
        lines = [f'first = history.as_of("{choice.start}")']
        if choice.view == "changes":
            lines = [
                "new = history.changes().query(\"operation == 'new'\")",
                f'first = pd.concat([history.as_of("{choice.start}"), new]).drop_duplicates("unique_id")',
            ]
        lines += [f"first = first[{each.code.format('first')}]" for each in filters]
        picked = ", ".join([*owners, 'unique_id=first["unique_id"].tolist()'])
        return [*lines, f"chosen = history.where({picked})"]

    def _at(self, moment: str | None) -> pd.DataFrame:
        if moment not in self.moments or moment == self.latest:
            return self.opportunities
        return self.known(moment)

    def _of_frame(self, choice: Choice) -> list[_Filter]:
        owner = [_among("owner_name", choice.owners)] if choice.has("owners") else []
        return owner + _filters(choice)

    def _first(self, choice: Choice) -> pd.DataFrame:
        """Deals as they were at the window's start; for changes those created later as first recorded."""
        assert self.history is not None
        first = self.known(choice.start)
        if choice.view != "changes":
            return first
        if self._changes is None:
            self._changes = self.history.changes().query("operation == 'new'")
        return pd.concat([first, self._changes]).drop_duplicates("unique_id")


def _where(history: History, owners: tuple[Any, ...], ids: tuple[str, ...] | None) -> History:
    columns: dict[str, Any] = {}
    if owners:
        columns["owner_name"] = list(owners)
    if ids is not None:
        columns["unique_id"] = list(ids)
    return history.where(**columns)
