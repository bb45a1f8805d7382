"""`place_targets`: the targets of people under the team and region that each is in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from opp_analytics.errors import ArgumentValueError
from opp_analytics.org.org import Org, get_org
from opp_analytics.org.people import ALWAYS, list_derived, list_stays
from opp_analytics.schema import NO_LABEL

_Days = tuple[pd.Timestamp, pd.Timestamp]
"""First and last day of a period."""
_Moves = list[tuple[pd.Timestamp, dict[str, str | None]]]
"""The days since which a person is in a team and region, in order, each with these."""


def find_org_of_targets(targets: pd.DataFrame, org: Org) -> Org:
    """Find the org with the people of a targets table: its own if it has any, else `org`."""
    own = get_org(targets)
    return own if own is not None and len(own.people) else org


def place_targets(targets: pd.DataFrame, org: Org) -> pd.DataFrame:
    """Add the team and region of people, and the region of teams, to targets.

    A team has a region if its people share one.

    The target of a person who moves within its period is split by days; what is for days in no
    team, or for nobody among the people, is under "(none)", as those deals are. A row that names a
    team keeps it.

    A row that was split has the index of its whole. Without people, it is the table itself.
    """
    meant = find_org_of_targets(targets, org)
    people = meant.people
    columns = list_derived(people)
    if not columns or not {"owner_name", "team"} & set(targets.columns):
        return targets
    moves = _list_moves(people, columns)
    regions = _share_regions(people)
    days = {label: _days(str(label), meant) for label in targets["period"].unique()}
    index, rows = [], []
    for place, record in zip(targets.index, targets.to_dict("records"), strict=True):
        row = {
            str(name): None if pd.api.types.is_scalar(cell) and pd.isna(cell) else cell
            for name, cell in record.items()
        }
        for part in _split(row, moves, days[record["period"]]):
            if "region" in columns and part.get("region") is None:
                part["region"] = regions.get(str(part.get("team")))
            if part.get("owner_name") is not None:
                part |= {name: NO_LABEL for name in columns if part.get(name) is None}
            rows.append(part)
            index.append(place)
    further = [name for name in columns if name not in targets.columns]
    placed = pd.DataFrame(
        rows, index=index, columns=[*map(str, targets.columns), *further], dtype="object"
    )
    placed.attrs = dict(targets.attrs)
    return placed


def _list_moves(people: pd.DataFrame, columns: Sequence[str]) -> dict[str, _Moves]:
    found: dict[str, _Moves] = {}
    for record in list_stays(people).to_dict("records"):
        place = {name: None if pd.isna(record[name]) else str(record[name]) for name in columns}
        before = found.setdefault(str(record["owner_name"]), [])
        if not before and record["from_date"] > ALWAYS:
            before.append((ALWAYS, dict.fromkeys(columns)))
        before.append((record["from_date"], place))
    return found


def _share_regions(people: pd.DataFrame) -> dict[str, str]:
    """Find the region of each team whose people share one."""
    shared = people.dropna(subset="team").groupby("team")["region"].unique()
    return {
        str(team): str(regions[0])
        for team, regions in shared.items()
        if len(regions) == 1 and not pd.isna(regions[0])
    }


def _days(label: str, org: Org) -> _Days | None:
    """Find the first and last day of a period.

    None for a bad label, which the reader of the targets refuses.
    """
    try:
        return org.period_days(label)
    except ArgumentValueError:
        return None


def _split(
    row: dict[str, Any], moves: dict[str, _Moves], days: _Days | None
) -> list[dict[str, Any]]:
    """Split a target by the days that its person is in each team and region."""
    own = moves.get(str(row.get("owner_name")), [])
    if row.get("team") is not None or not own or days is None:
        return [row]
    begin, end = days[0], days[1] + pd.Timedelta(days=1)
    parts: list[tuple[dict[str, str | None], int]] = []
    for (since, place), until in zip(own, [*(later for later, _ in own[1:]), end], strict=True):
        inside = (min(until, end) - max(since, begin)).days
        if inside > 0:
            parts.append((place, inside))
    if len(parts) == 1 or not isinstance(row["target"], (int, float)):
        return [{**row, **parts[-1][0]}]
    whole = (end - begin).days
    shares = [row["target"] * inside / whole for _, inside in parts[:-1]]
    shares.append(row["target"] - sum(shares))
    return [
        {**row, **place, "target": share} for (place, _), share in zip(parts, shares, strict=True)
    ]
