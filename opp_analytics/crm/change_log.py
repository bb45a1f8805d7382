"""A field history of another CRM as a change log of ours, for `History.from_changes`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from opp_analytics.crm.columns import Names, match_labels
from opp_analytics.crm.events import Events, events_of
from opp_analytics.crm.field_history import UTC_LABELS, event_names, snapshot_names
from opp_analytics.crm.mapping import Mapped, Reading, mapping_table
from opp_analytics.crm.opportunities import OWN
from opp_analytics.crm.places import place_of
from opp_analytics.crm.tables.table import Table, without_footer
from opp_analytics.crm.typed import typed
from opp_analytics.crm.values.reader import FLAGS
from opp_analytics.crm.values.wordings import as_ids
from opp_analytics.org import Org
from opp_analytics.periods import to_dates
from opp_analytics.schema import TEXT
from opp_analytics.text import count, joined

__all__ = ["ChangeLog", "change_log_of"]

_FIXED = ("name", "account_id", "account_name", "owner_name", "owner_id", "pipeline")
"""Columns of the deals that are taken to have been the same all the time, where the log does not track them."""
_LONG = ["unique_id", "changed_at", "field", "new_value"]
_JUST_BEFORE = pd.Timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class ChangeLog(Reading):
    """A change log of ours that was made from a field history."""

    changes: pd.DataFrame
    """In the long or the wide form of `History.from_changes`."""
    problems: tuple[Mapping[str, str], ...] = ()
    """Deals of which something is not known: ``unique_id``, ``problem``."""


def change_log_of(
    table: Table,
    shape: str,
    org: Org,
    *,
    opportunities: pd.DataFrame | None = None,
    ids: Mapping[str, str] | None = None,
    day_first: bool | None = None,
) -> ChangeLog:
    """A field history as a change log.

    Parameters
    ----------
    table : Table
        The file, with its footer.
    shape : str
        What it holds: "events" or "snapshots", from `shape_of`.
    org : Org
        What its columns, fields and stages mean.
    opportunities : DataFrame, optional
        The deals as they are now, from `read_export`: they tell when each deal was created, its name and account, and the
        values of the tracked fields that never changed.
    ids : mapping, optional
        Ids of the file to ids of ours, where the history goes on with another system's records.
    day_first : bool, optional
        Whether ``03/04/2027`` is April 3; by default the file's other rows decide.
    """
    names = event_names(org.columns) if shape == "events" else snapshot_names(org.columns, table.labels)
    matched = match_labels(table.labels, Names(names, (*OWN, "seen_at", "seen_after", "operation")))
    table = without_footer(table, place_of("unique_id", matched, table))
    problems: list[Mapping[str, str]] = []
    notes: tuple[str, ...] = ()
    if shape == "events":
        events = events_of(table, org, day_first=day_first)
        changes, lines = _from_events(events, org, opportunities), events.lines
        problems = _unborn(events, opportunities)
        notes = (
            *_only_here(events, opportunities),
            *_as_now(changes["field"].unique(), events, opportunities),
        )
    else:
        changes, lines = _from_snapshots(table, matched, org, opportunities, day_first)
    if ids is not None:
        changes, told = _with_ids(changes, ids)
        notes += told
    return ChangeLog(
        changes=changes,
        problems=tuple(problems),
        mapping=mapping_table(lines),
        read_as=table.read_as,
        left_out=(*table.left_out, *notes),
    )


def _from_events(events: Events, org: Org, opportunities: pd.DataFrame | None) -> pd.DataFrame:
    """The long log: what each deal was at first, then each change."""
    changes = pd.concat([events.changes, _closing_dates(events.changes, org)]).sort_values(
        "changed_at", kind="stable", ignore_index=True
    )
    first = changes.drop_duplicates(["unique_id", "field"])
    known = _current(opportunities)
    created = events.births.drop_duplicates("unique_id").set_index("unique_id")["changed_at"]
    begin = _beginnings(changes, first, created, known)
    initial = [
        first.assign(new_value=first["old_value"]).dropna(subset="new_value"),
        _unchanged(first, known),
        _creations(begin, known, org),
    ]
    born = pd.concat(initial, ignore_index=True)[["unique_id", "field", "new_value"]]
    born.insert(1, "changed_at", begin.reindex(born["unique_id"]).to_numpy())
    born["changed_at"] = pd.to_datetime(born["changed_at"], utc=True).astype("datetime64[us, UTC]")
    again = events.births[events.births.duplicated("unique_id")]
    reborn = again.assign(field="created_at", new_value=again["changed_at"].astype("object"))
    return pd.concat([born[_LONG], changes[_LONG], reborn[_LONG]], ignore_index=True)


def _current(opportunities: pd.DataFrame | None) -> pd.DataFrame:
    if opportunities is None:
        return pd.DataFrame(index=pd.Index([], dtype=TEXT, name="unique_id"))
    return opportunities.set_index("unique_id")


def _beginnings(
    changes: pd.DataFrame, first: pd.DataFrame, created: pd.Series[Any], known: pd.DataFrame
) -> pd.Series[Any]:
    """The instant from which each deal is known: its creation, else its first change, or just before that."""
    earliest = changes.groupby("unique_id")["changed_at"].min()
    had_values = first.loc[first["old_value"].notna(), "unique_id"].unique()
    otherwise = earliest.where(~earliest.index.isin(had_values), earliest - _JUST_BEFORE)
    index = earliest.index.union(created.index).union(known.index).rename("unique_id")
    begin = created.reindex(index)
    if "created_at" in known:
        begin = begin.fillna(known["created_at"].reindex(index))
    begin = begin.fillna(otherwise.reindex(index)).fillna(changes["changed_at"].min())
    # A day without a time is the start of the day, and a creation later than a change is that of another clock.
    late = begin > earliest.reindex(index)
    return begin.mask(late, otherwise.reindex(index)).astype("datetime64[us, UTC]")


def _creations(begin: pd.Series[Any], known: pd.DataFrame, org: Org) -> pd.DataFrame:
    """When each deal was created: as the deals' export says, so that the next record of it is no change."""
    at = begin
    if "created_at" in known:
        exported = known["created_at"].reindex(begin.index).astype(begin.dtype)
        zone = org.zone(None)
        at = begin.where(to_dates(exported, tz=zone) != to_dates(begin, tz=zone), exported)
    named = at.astype("object").rename("new_value").rename_axis("unique_id")
    return named.reset_index().assign(field="created_at")


def _unchanged(first: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The values now of what never changed: tracked fields without a change, and names."""
    seen = pd.MultiIndex.from_frame(first[["unique_id", "field"]])
    columns = [name for name in dict.fromkeys([*first["field"], *_FIXED]) if name in known]
    cells = [
        pd.DataFrame(
            {"unique_id": known.index, "field": name, "new_value": known[name].astype("object").array}
        )
        for name in columns
    ]
    if not cells:
        return first.iloc[:0]
    every = pd.concat(cells, ignore_index=True).dropna(subset="new_value")
    return every[~pd.MultiIndex.from_frame(every[["unique_id", "field"]]).isin(seen)]


def _closing_dates(changes: pd.DataFrame, org: Org) -> pd.DataFrame:
    """A close date on the day of each win and loss, and the expected one again when the deal is reopened.

    For a CRM that marks won and lost by a status and keeps the expected date apart, as Pipedrive does.
    """
    statuses = changes[changes["field"] == "status"]
    if statuses.empty:
        return changes.iloc[:0]
    days = to_dates(statuses["changed_at"], tz=org.zone(None))
    closed = statuses["new_value"].isin(["won", "lost"])
    expected = changes[changes["field"] == "close_date"]
    last = pd.merge_asof(
        statuses[["unique_id", "changed_at"]].assign(place=statuses.index),
        expected[["unique_id", "changed_at", "new_value"]],
        on="changed_at",
        by="unique_id",
    ).set_index("place")["new_value"]
    dates = days.astype("object").where(closed, last.reindex(statuses.index))
    reopened = (statuses["new_value"] == "active") & statuses["old_value"].isin(["won", "lost"])
    return statuses.assign(field="close_date", old_value=None, new_value=dates)[closed | reopened]


def _unborn(events: Events, opportunities: pd.DataFrame | None) -> list[Mapping[str, str]]:
    """The deals whose creation neither the log nor the deals tell."""
    # A log without old values holds the first ones, and so the creation.
    first = events.changes.drop_duplicates(["unique_id", "field"])
    ids = first.loc[first["old_value"].notna(), "unique_id"].drop_duplicates()
    born = ids.isin(events.births["unique_id"])
    if opportunities is not None and "created_at" in opportunities:
        born |= ids.isin(opportunities.dropna(subset="created_at")["unique_id"])
    said = "no creation (begins with its first change; give the deals' export too)"
    return [{"unique_id": key, "problem": said} for key in ids[~born]]


def _only_here(events: Events, opportunities: pd.DataFrame | None) -> tuple[str, ...]:
    if opportunities is None:
        return ()
    ids = events.changes["unique_id"].drop_duplicates()
    gone = int((~ids.isin(opportunities["unique_id"])).sum())
    return (f"{count(gone)} in the history but not in the deals' export, perhaps deleted",) if gone else ()


def _as_now(fields: Iterable[str], events: Events, opportunities: pd.DataFrame | None) -> tuple[str, ...]:
    """The untracked columns that take their value of now for all of the past, in words."""
    tracked = set(events.changes["field"])
    taken = [name for name in fields if name in _FIXED[3:] and name not in tracked]
    if opportunities is None or not taken:
        return ()
    return (f"past values of {joined(taken)}, which the history does not track: those of now are taken",)


def _from_snapshots(
    table: Table, matched: list[Mapped], org: Org, opportunities: pd.DataFrame | None, day_first: bool | None
) -> tuple[pd.DataFrame, list[Mapped]]:
    """The wide log: the main fields of a deal from each change on."""
    at = table.labels[place_of("seen_at", matched, table)]
    if at != "seen_at":
        # Of another CRM's log only what is known here; of our own, everything.
        matched = [replace(line, ours="", how="dropped") if line.how == "kept" else line for line in matched]
    read = typed(table, matched, org, day_first=day_first, zone="UTC" if at in UTC_LABELS else org.zone(None))
    log = pd.DataFrame({name: column for name, column in read.columns.items() if name not in FLAGS})
    known = _current(opportunities)
    silent = known[~known.index.isin(log["unique_id"])]
    if "created_at" in known and len(silent):
        still = silent.reset_index().rename(columns={"created_at": "seen_at"}).dropna(subset="seen_at")
        log = pd.concat([still[[name for name in log if name in still]], log], ignore_index=True)
    fixed = {name: log["unique_id"].map(known[name]) for name in _FIXED if name in known and name not in log}
    if "created_at" not in log:
        begun = log.groupby("unique_id")["seen_at"].transform("min")
        fixed["created_at"] = begun
        if "created_at" in known:
            fixed["created_at"] = log["unique_id"].map(known["created_at"]).fillna(begun)
    return log.assign(**fixed), read.lines


def _with_ids(changes: pd.DataFrame, ids: Mapping[str, str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The log under other ids; a deal without one keeps its own."""
    table = pd.Series(dict(ids), dtype=TEXT)
    table.index = pd.Index(as_ids(pd.Series(table.index, dtype=TEXT)))
    found = changes["unique_id"].map(table)
    left = int(changes.loc[found.isna(), "unique_id"].nunique())
    told = (f"{count(left)} without an id in the mapping, which keep their own",) if left else ()
    return changes.assign(unique_id=found.fillna(changes["unique_id"])), told
