"""Settings of an org as plain values, and the records that they become."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from opp_analytics.org.people import Person, Target
from opp_analytics.org.stages import Stage

__all__ = ["person_of", "plain", "row_of", "stage_of"]


def row_of(row: Person | Target) -> dict[str, Any]:
    """A person or a target as an org file writes it."""
    said = {name: value for name, value in row._asdict().items() if value is not None}
    return said | ({"from_date": str(said["from_date"])} if "from_date" in said else {})


def stage_of(said: Mapping[str, Any]) -> Stage:
    """The stage of checked settings."""
    return Stage(**{**said, "aliases": tuple(said.get("aliases", ()))})


def plain(given: Any) -> Any:
    """Settings as an org file would hold them."""
    if isinstance(given, pd.DataFrame):
        given = given.to_dict("records")
    if isinstance(given, Stage):
        return given.to_dict()
    if isinstance(given, Mapping):
        return {name: plain(value) for name, value in given.items() if not _is_gap(value)}
    if isinstance(given, Iterable) and not isinstance(given, str):
        return [plain(value) for value in given]
    return given


def _is_gap(value: Any) -> bool:
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def person_of(said: Mapping[str, Any]) -> Person:
    """The person of checked settings."""
    since = said.get("from_date")
    return Person(**{**said, "from_date": None if since is None else pd.Timestamp(since).date()})
