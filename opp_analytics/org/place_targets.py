"""`place_targets`: the targets of people under the team and region that each is in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.errors import ArgumentValueError
from opp_analytics.org.org import Org, get_org
from opp_analytics.org.people import ALWAYS, list_derived, list_stays
from opp_analytics.schema import NO_LABEL
from opp_analytics.text import compose

_DAY = pd.Timedelta(days=1)


def find_org_of_targets(targets: pd.DataFrame, org: Org) -> Org:
    """Find the org with the people of a targets table: its own if it has any, else `org`."""
    own = get_org(targets)
    return own if own is not None and len(own.people) else org


def place_targets(
    targets: pd.DataFrame, org: Org, day: pd.Timestamp | None = None, freq: str = "D"
) -> pd.DataFrame:
    """Add the team and region of people, and the region of teams, to targets.

    A team has a region if its people share one.

    Targets from the period of `day` on, of the length `freq`, are in each person's team of that
    day. In earlier ones the target of a person who moves is split by days; what is for days in no
    team, or for nobody among the people, is under "(none)", as those deals are. A row that names a
    team keeps it.

    A row that was split has the index of its whole. Without people, it is the table itself.
    """
    meant = find_org_of_targets(targets, org)
    people = meant.people
    columns = list_derived(people)
    if not columns or not {"owner_name", "team"} & set(targets.columns):
        return targets
    names = [*map(str, targets.columns), *(name for name in columns if name not in targets)]
    rows = targets.rename(columns=str).astype("object").reindex(columns=["owner_name", *names])
    rows = rows.loc[:, ~rows.columns.duplicated()].set_axis(range(len(targets)))
    rows["owner_name"] = rows["owner_name"].map(compose, na_action="ignore")
    days = [_find_days(str(label), meant) for label in rows["period"]]
    whole = rows.join(pd.DataFrame(days, columns=["begin", "end"], dtype="datetime64[us]"))
    if day is not None:
        running = whole["end"] >= pd.Period(day, freq).start_time
        whole = whole.assign(**{one: whole[one].mask(running, day) for one in ("begin", "end")})
    stays = _list_stays(people)
    is_number = whole["target"].map(lambda target: isinstance(target, (int, float)))
    is_split = whole["owner_name"].isin(stays["owner_name"]) & whole["begin"].notna() & is_number
    if "team" in whole:
        is_split &= whole["team"].isna()
    parts = whole[is_split].drop(columns=columns).rename_axis("row").reset_index()
    parts = parts.merge(stays[["owner_name", *columns, "from_date", "until"]], on="owner_name")
    first: Any = np.maximum(parts["from_date"], parts["begin"])
    last: Any = np.minimum(parts["until"], parts["end"] + _DAY)
    inside = (last - first).dt.days
    share = inside / ((parts["end"] - parts["begin"]).dt.days + 1)
    parts = parts.assign(target=parts["target"] * share)[inside > 0].set_index("row")
    kept = [whole[~is_split][rows.columns], parts[rows.columns].astype("object")]
    placed: pd.DataFrame = pd.concat(kept).sort_index(kind="stable")
    if "region" in columns and "team" in placed:
        shared = placed["team"].map(_share_regions(people))
        placed["region"] = placed["region"].mask(placed["region"].isna(), shared)
    persons = placed["owner_name"].notna()
    for name in columns:
        placed[name] = placed[name].mask(persons & placed[name].isna(), NO_LABEL)
    placed = placed[names].astype("object").set_axis(targets.index[placed.index])
    placed = placed.where(placed.notna(), None)
    placed.attrs = dict(targets.attrs)
    return placed


def _list_stays(people: pd.DataFrame) -> pd.DataFrame:
    """List the stays of people, with one in no team and region before a first one that is dated."""
    stays = list_stays(people)
    first = stays.drop_duplicates("owner_name")
    dated = first[first["from_date"] > ALWAYS]
    before = dated.assign(until=dated["from_date"], from_date=ALWAYS, team=None, region=None)
    return pd.concat([before.astype(stays.dtypes), stays]) if len(before) else stays


def _share_regions(people: pd.DataFrame) -> dict[str, str]:
    """Find the region of each team whose people share one."""
    shared = people.dropna(subset="team").groupby("team")["region"].unique()
    return {
        str(team): str(regions[0])
        for team, regions in shared.items()
        if len(regions) == 1 and not pd.isna(regions[0])
    }


def _find_days(label: str, org: Org) -> tuple[Any, Any]:
    """Find the first and last day of a period.

    Missing ones for a bad label, which the reader of the targets refuses.
    """
    try:
        return org.period_days(label)
    except ArgumentValueError:
        return pd.NaT, pd.NaT
