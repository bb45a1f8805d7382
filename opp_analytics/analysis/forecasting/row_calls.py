"""The calls in force for each row of a forecast by people, and for its total."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.org import Org, calls_known, find_teams
from opp_analytics.schema import ALL, NO_LABEL, TEXT

_NOTHING = (math.nan, None)


def find_calls(
    calls: pd.DataFrame, people: pd.DataFrame, day: pd.Timestamp, subject: tuple[str, str] | None
) -> pd.DataFrame:
    """Find the call in force on a day for each row of people.

    Totals of all rows are those of the `subject`, a column and a name in it.

    Without a subject the total is of some people, whose calls are added up. ``call`` is the owner's
    own, else the last one that somebody else made; without either, for a group, the sum of what the
    level below shows, if nobody there with a target, a win or a deal due lacks one; a team's call
    counts in place of its people's. ``caller`` is missing for a sum. ``override``, ``overrider``:
    what somebody else says of a number that its owner calls. Who moved has a call in the team of
    that day.
    """
    said: dict[tuple[str, str], dict[bool, tuple[float, str]]] = {}
    numbers = (
        calls_known(calls, day)
        .sort_values("made_on", kind="stable")
        .fillna({"owner_name": "", "team": ""})
    )
    for caller, owner, team, commit in numbers[
        ["caller", "owner_name", "team", "commit"]
    ].itertuples(index=False):
        number = ("owner_name", owner) if owner else ("team", team) if team else ("", "")
        said.setdefault(number, {})[caller != owner] = commit, caller
    names = list(people.index.names)
    teams = find_teams(Org.of(calls).people, day) if names[-1] == "owner_name" else {}
    team_of = teams if "team" in names else {}
    # Where teams are no rows, those that have a call.
    called = {name: made[True][0] for (column, name), made in said.items() if column == "team"}
    called = called if names == ["owner_name"] and subject == ("", "") else {}
    keys = list(map(text.split_key, people.index))
    active = (people["target"] > 0) | (people["open_count"] > 0) | (people["booked"] != 0)
    rows: dict[Any, tuple[Any, ...]] = {}
    asked = []
    for key, counts in zip(keys, active, strict=True):
        labels = dict(zip(names, key, strict=True))
        home = tuple((labels | {"team": team_of[key[-1]]}).values()) if key[-1] in team_of else key
        if home != key and home in keys:
            rows[key] = _NOTHING * 2
            continue
        named: list[Any] = [(column, name) for column, name in labels.items() if name != ALL]
        whose = named[-1] if named else subject
        found = said.get(whose, {}) if whose else {}
        rows[key] = (*found.get(False, ()), *found.get(True, ()), *_NOTHING, *_NOTHING)[:4]
        if ALL not in key and key[-1] != NO_LABEL and (counts or not math.isnan(rows[key][0])):
            asked.append(key)
    for key in sorted(filter(lambda key: ALL in key, keys), key=lambda key: key.count(ALL)):
        level = key.index(ALL)
        below = [
            one
            for one in asked
            if (*one[:level], *one[level + 1 :]) == (*key[:level], *key[level + 1 :])
        ]
        parts = [rows[one][0] for one in below if teams.get(one[-1]) not in called]
        there = {teams.get(one[-1]) for one in below}
        parts += [commit for team, commit in called.items() if team in there]
        if math.isnan(rows[key][0]):
            rows[key] = (math.fsum(parts) if parts else math.nan, None, *_NOTHING)
        if parts or not math.isnan(rows[key][0]):
            asked.append(key)
    columns: dict[str, Any] = {
        "call": "float64",
        "caller": TEXT,
        "override": "float64",
        "overrider": TEXT,
    }
    return pd.DataFrame(list(rows.values()), people.index, list(columns)).astype(columns)
