"""A choice in the explorer: view, filters, grouping, window."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from opp_analytics.arguments import one_of
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError

FILTERS = {
    "pipeline": ("owners", "stages", "value", "close", "text"),
    "win_rates": ("owners", "value", "text"),
    "forecast": ("owners", "stages", "value", "text"),
    "changes": ("owners", "stages", "value", "close", "text"),
    "slippage": ("owners", "stages", "value", "text"),
}
"""Filters with an effect in each view; one set in another view stays, unused."""
VIEWS = tuple(FILTERS)
_BY = {
    "pipeline": "stage",
    "win_rates": "owner_name",
    "forecast": "M",
    "changes": "movement",
    "slippage": "all",
}
"""Usual grouping of each view."""


@dataclass(frozen=True)
class Choice:
    """A choice; without filters it is all deals."""

    view: str = "pipeline"
    owners: tuple[str | None, ...] = ()
    stages: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    """Bounds of the value, both included."""
    first: str | None = None
    last: str | None = None
    """Bounds of the close date, ISO, both included."""
    text: str = ""
    """Part of the deal's name."""
    by: str = ""
    """Grouping of the view; its usual one when empty."""
    start: str | None = None
    end: str | None = None
    """Moments of two records, ISO; None is the usual one."""
    due: str | None = None
    """Period of the close date for changes, such as 2026-12."""
    target: float | None = None
    """Target of a period for the forecast."""

    @classmethod
    def of(cls, state: Mapping[str, Any] | None) -> Choice:
        """Read the choice in a state; entries it lacks are the usual ones.

        >>> Choice.of({"view": "changes", "owners": ["Ann"]}).grouping
        'movement'
        """
        if state is None:
            return cls()
        if not isinstance(state, Mapping):
            raise ArgumentTypeError(f"state={state!r} is not a mapping; use the .state of an explorer")
        entries = {field.name for field in fields(cls)}
        unknown = sorted(set(map(str, state)) - entries)
        if unknown:
            raise ArgumentValueError(
                f"state has an unknown entry {unknown[0]!r}; it may have {', '.join(sorted(entries))}"
            )
        choice = replace(cls(), **{name: _check_entry(name, value) for name, value in state.items()})
        one_of(choice.view, "state['view']", VIEWS)
        return choice

    @property
    def state(self) -> dict[str, Any]:
        """The choice as plain JSON."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }

    @property
    def grouping(self) -> str:
        """The view's grouping."""
        return self.by or _BY[self.view]

    def has(self, name: str) -> bool:
        """Tell whether a filter is set and has an effect in the view."""
        return name in FILTERS[self.view] and self.sets(name)

    def sets(self, name: str) -> bool:
        """Tell whether a filter is set."""
        match name:
            case "value":
                return self.low is not None or self.high is not None
            case "close":
                return self.first is not None or self.last is not None
            case _:
                return bool(getattr(self, name))


def _check_entry(name: str, value: Any) -> Any:
    if name in ("owners", "stages"):
        if isinstance(value, str) or not isinstance(value, (list, tuple)):
            raise ArgumentTypeError(f"state[{name!r}]={value!r} is not a list of names")
        return tuple(None if each is None else str(each) for each in value)
    if name in ("low", "high", "target"):
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value)
        ):
            raise ArgumentTypeError(f"state[{name!r}]={value!r} is not a number")
        return value
    if value is not None and not isinstance(value, str):
        raise ArgumentTypeError(f"state[{name!r}]={value!r} is not text")
    return value or ("" if name in ("text", "by", "view") else None)
