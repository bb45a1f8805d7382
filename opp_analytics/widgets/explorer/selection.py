"""Which deals a choice selects, from the frame and from the history, with the lines of code that select the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from opp_analytics.history import History
from opp_analytics.widgets.explorer.choice import Choice


@dataclass(frozen=True)
class _Filter:
    """A condition on one column; its mask and its code are made from this."""

    column: str
    test: str
    """in, contains, >= or <=."""
    operand: Any

    def mask(self, frame: pd.DataFrame) -> Any:
        """Mark the rows that meet the condition."""
        cells = frame[self.column]
        if self.test == "in":
            among = cells.isin(self._names)
            return among | cells.isna() if None in self.operand else among
        if self.test == "contains":
            return cells.str.contains(self.operand, case=False, regex=False, na=False)
        return cells >= self.operand if self.test == ">=" else cells <= self.operand

    def write_code(self, frame: str) -> str:
        """Write the mask as code, for a frame with this name."""
        cells = f'{frame}["{self.column}"]'
        if self.test == "in":
            blank = f" | {cells}.isna()" if None in self.operand else ""
            return f"{cells}.isin({self._names!r}){blank}"
        if self.test == "contains":
            return f"{cells}.str.contains({self.operand!r}, case=False, regex=False, na=False)"
        return f"{cells} {self.test} {self.operand!r}"

    @property
    def _names(self) -> list[str]:
        return [name for name in self.operand if name is not None]


def _plain(bound: float) -> float | int:
    """Drop the ".0" of a whole number, which nobody types."""
    return int(bound) if float(bound).is_integer() else bound


def _owner_filter(choice: Choice) -> list[_Filter]:
    return [_Filter("owner_name", "in", choice.owners)] if choice.has("owners") else []


def _deal_filters(choice: Choice) -> list[_Filter]:
    """List the filters in effect, except the owner's."""
    filters = [_Filter("stage", "in", choice.stages)] if choice.has("stages") else []
    if choice.has("value"):
        bounds = ((">=", choice.low), ("<=", choice.high))
        filters += [_Filter("value", test, _plain(bound)) for test, bound in bounds if bound is not None]
    if choice.has("close"):
        days = ((">=", choice.first), ("<=", choice.last))
        filters += [_Filter("close_date", test, day) for test, day in days if day is not None]
    if choice.has("text"):
        filters.append(_Filter("name", "contains", choice.text))
    return filters


class DealSelector:
    """Selects the deals of choices, from the opportunities as they are now and their history."""

    def __init__(self, opportunities: pd.DataFrame, history: History | None) -> None:
        self.opportunities, self.history = opportunities, history
        recorded = [] if history is None else list(history.records["recorded_at"])
        self.moments = {moment.isoformat(): moment for moment in recorded}
        """Times of the records, by their ISO text."""

    def select(self, choice: Choice, moment: str | None) -> pd.DataFrame:
        """Select deals as of a record; at the last one, or without a history, as they are now."""
        frame = self.opportunities if self._is_now(moment) else self._recorded(moment)
        for each in _owner_filter(choice) + _deal_filters(choice):
            frame = frame[each.mask(frame)]
        return frame

    def write_code(self, choice: Choice) -> list[str]:
        """Write the lines that select ``deals`` at the window's end."""
        now = self._is_now(choice.end)
        lines = ["deals = opportunities" if now else f'deals = history.as_of("{choice.end}")']
        filters = _owner_filter(choice) + _deal_filters(choice)
        return lines + [f"deals = deals[{each.write_code('deals')}]" for each in filters]

    def select_history(self, choice: Choice) -> History | None:
        """Select the history of deals: an owner's while they had them, other filters once, at the window's start.

        None when no deal is selected.
        """
        assert self.history is not None
        history, columns = self.history, _owner_columns(choice)
        filters = _deal_filters(choice)
        if filters:
            first = self._first(choice)
            for each in filters:
                first = first[each.mask(first)]
            if first.empty:
                return None
            columns["unique_id"] = first["unique_id"].tolist()
        if not columns:
            return history
        key = ("explored part", *((name, tuple(values)) for name, values in columns.items()))
        part: History = history.remember(key, lambda: history.where(**columns))
        return part

    def write_history_code(self, choice: Choice) -> list[str]:
        """Write the lines that select the same history, as ``chosen``."""
        owners = [f"{name}={values!r}" for name, values in _owner_columns(choice).items()]
        filters = _deal_filters(choice)
        if not filters:
            return [f"chosen = history.where({owners[0]})" if owners else "chosen = history"]
        lines = [f'first = history.as_of("{choice.start}")']
        if choice.view == "changes":
            lines = [
                "new = history.changes().query(\"operation == 'new'\")",
                f'first = pd.concat([history.as_of("{choice.start}"), new]).drop_duplicates("unique_id")',
            ]
        lines += [f"first = first[{each.write_code('first')}]" for each in filters]
        columns = ", ".join([*owners, 'unique_id=first["unique_id"].tolist()'])
        return [*lines, f"chosen = history.where({columns})"]

    def _is_now(self, moment: str | None) -> bool:
        return moment not in self.moments or moment == next(reversed(self.moments))

    def _recorded(self, moment: str | None) -> pd.DataFrame:
        assert self.history is not None
        history = self.history
        frame: pd.DataFrame = history.remember(
            ("explored record", moment), lambda: history.as_of(str(moment))
        )
        return frame

    def _first(self, choice: Choice) -> pd.DataFrame:
        """Take deals as they were at the window's start; for changes, later ones as first recorded."""
        first = self._recorded(choice.start)
        if choice.view != "changes":
            return first
        assert self.history is not None
        history = self.history
        new = history.remember(("explored new",), lambda: history.changes().query("operation == 'new'"))
        both: pd.DataFrame = pd.concat([first, new])
        return both.drop_duplicates("unique_id")


def _owner_columns(choice: Choice) -> dict[str, list[str | None]]:
    return {"owner_name": list(choice.owners)} if choice.has("owners") else {}
