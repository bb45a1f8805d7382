"""The calls in force for each row of people, and for the page's subject."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics.org import calls_known
from opp_analytics.schema import ALL, NO_LABEL, TEXT

Number = tuple[str, str]
"""Whose number a call is: the column and the name of a person or a team; ("", "") for the whole."""


def find_calls(calls: pd.DataFrame, people: pd.DataFrame, day: pd.Timestamp, subject: Number) -> pd.DataFrame:
    """Find the call in force on a day for each row of people; totals of all rows are the `subject`'s.

    ``call`` is the owner's own, else the last one that somebody else made; without either, for a group, the sum of its
    people's, if everyone with a target, a win or a deal due has one. ``caller`` is missing for a sum. ``override``,
    ``overrider``: what somebody else says of a number that its owner calls.
    """
    own: dict[Number, tuple[float, str]] = {}
    others: dict[Number, tuple[float, str]] = {}
    known = calls_known(calls, day).sort_values("made_on", kind="stable")
    for caller, owner, team, commit in known[["caller", "owner_name", "team", "commit"]].itertuples(
        index=False
    ):
        named = [
            (column, name) for column, name in (("owner_name", owner), ("team", team)) if not pd.isna(name)
        ]
        (own if caller == owner else others)[named[0] if named else ("", "")] = (commit, caller)
    keys = [key if isinstance(key, tuple) else (key,) for key in people.index]
    rows: dict[tuple[Any, ...], tuple[float, str | None, float, str | None]] = {}
    for key in keys:
        named = [
            (str(column), name) for column, name in zip(people.index.names, key, strict=True) if name != ALL
        ]
        number = named[-1] if named else subject
        said = [one[number] for one in (own, others) if number in one]
        first, second, *_ = [*said, (math.nan, None), (math.nan, None)]
        rows[key] = (*first, *second)
    active = (people["target"] > 0) | (people["open_count"] > 0) | (people["booked"] != 0)
    asked = [
        key for key, one in zip(keys, active, strict=True) if one and ALL not in key and key[-1] != NO_LABEL
    ]
    for key in keys:
        if ALL in key and math.isnan(rows[key][0]):
            parts = [rows[one][0] for one in asked if one[: key.index(ALL)] == key[: key.index(ALL)]]
            rows[key] = (math.fsum(parts) if parts else math.nan, None, math.nan, None)
    columns: dict[str, Any] = {"call": "float64", "caller": TEXT, "override": "float64", "overrider": TEXT}
    return pd.DataFrame([rows[key] for key in keys], people.index, list(columns)).astype(columns)
