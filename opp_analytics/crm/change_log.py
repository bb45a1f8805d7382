"""A field history of another CRM as a change log, for `History.from_changes`.

Its deals are matched with the deals of an export.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics.arrays import Series
from opp_analytics.crm import unrecorded
from opp_analytics.crm.find_shape import (
    CREATED,
    LOGS,
    UTC_LABELS,
    choose_key,
    find_name,
    find_shape,
    name_any,
    name_events,
    name_snapshots,
)
from opp_analytics.crm.guess_columns import find_column
from opp_analytics.crm.mapping import (
    FLAGS,
    OWN,
    Mapped,
    Names,
    Reading,
    match_labels,
    name_opportunities,
    tabulate,
)
from opp_analytics.crm.read_export import look_up_chances
from opp_analytics.crm.values import ColumnReader, is_time, read_columns
from opp_analytics.errors import DataError, MissingColumnError
from opp_analytics.inputs import Cells, as_ids, as_texts
from opp_analytics.org import CURRENCY, DEFAULT, Columns, Org, list_names
from opp_analytics.periods import to_dates
from opp_analytics.schema import TEXT, Json, is_among
from opp_analytics.table_files import FileTable, TableSource, drop_footer, quote_labels, read_table
from opp_analytics.text import count, joined, label

_FIXED = ("name", "account_id", "account_name", "owner_name", "owner_id", "pipeline")
"""Columns of the deals that count as never changed, where the log does not track them."""
_TAKEN = (*_FIXED[3:], "value")
"""Columns of the deals that may well have changed."""
_OUTCOME = ("stage", "status")
_LONG = ["unique_id", "changed_at", "field", "new_value"]
_JUST_BEFORE = pd.Timedelta(seconds=1)
"""A deal with an old value existed before its first known change; logs are exact to the second."""


@dataclass(frozen=True, kw_only=True)
class ChangeLog(Reading):
    """A change log made from a field history."""

    changes: pd.DataFrame
    """In the long or the wide form of `History.from_changes`."""
    problems: tuple[Mapping[str, str], ...] = ()
    """Deals with a gap: ``unique_id``, ``problem``."""


def read_changes(
    source: TableSource,
    org: Org = DEFAULT,
    *,
    opportunities: pd.DataFrame | None = None,
    encoding: str | None = None,
    **written: Any,
) -> ChangeLog:
    """Read a field history as a change log, `written` as `ColumnReader.of` takes it.

    `opportunities` are the deals as they are now. They tell when each deal was created, its name
    and account, and the values of tracked fields that never changed. If a deal is closed there but
    not in the history, it is open until its close date, in the stage `NOT_RECORDED`.
    """
    table = read_table(source, name_any(org.columns).know, encoding)
    shape = find_shape(table.labels, org.columns)
    if shape not in LOGS:
        raise DataError(
            f"{table.file} is not a field history: it has {quote_labels(table.labels)}. A history "
            "has the columns of Salesforce's OpportunityFieldHistory, HubSpot's property history "
            "or Pipedrive's change log, or unique_id, changed_at, field, new_value; name others "
            "under [columns] of the org file"
        )
    names = (name_events if shape == "events" else name_snapshots)(org.columns, table.labels)
    names = choose_key(names, org.columns, table.labels)
    matched = match_labels(table.labels, Names(names, (*OWN, "seen_at", "seen_after", "operation")))
    label = matched[find_column("unique_id", matched, table)].theirs
    key = table.labels.index(label)
    table = drop_footer(table, key)
    pairs = _pair_names(table, key, org)
    by_name = find_name(org.columns, [label]) and "unique_id" not in list_names(
        org.columns.get(label, "")
    )
    if by_name and opportunities is None:
        raise MissingColumnError(
            f'{table.file} has no opportunity ID, only names ("{label}"). Give the export of the '
            "deals too: names that are "
            "unique there are matched. Or add the ID to the history's report"
        )
    if shape == "events":
        events = read_events(table, org, names, **written)
    else:
        rows, lines = _read_snapshots(table, matched, org, written)
        if opportunities is None and "seen_at" in table.labels:
            # A log of our own is whole.
            return ChangeLog(
                changes=rows.drop(columns=list(FLAGS), errors="ignore"),
                mapping=tabulate(lines),
                read_as=table.read_as,
                left_out=table.left_out,
            )
        events = _list_changes(rows, lines)
    # The cells of a long file take as much memory as its changes.
    table = replace(table, cells=table.cells[[]])
    every = pd.concat([events.changes["unique_id"], events.births["unique_id"]])
    last = events.changes.drop_duplicates(["unique_id", "field"], keep="last")
    deleted = last.loc[last["new_value"].eq("deleted") & last["field"].eq("operation"), "unique_id"]
    # No export has the deals that are known to be deleted.
    asked = is_among(pairs["unique_id"], every) & ~is_among(pairs["unique_id"], deleted)
    meeting = _meet(pairs[asked], opportunities, table.file)
    events = replace(
        events, changes=meeting.rename(events.changes), births=meeting.rename(events.births)
    )
    known = _index_deals(opportunities)
    known = known[~is_among(known.index, deleted)]
    changes, closings = _log_events(events, org, known, meeting.absent)
    left_out = _note_untracked(changes["field"].unique(), events, known)
    return ChangeLog(
        changes=changes,
        problems=tuple(_find_unborn(events, opportunities)),
        mapping=tabulate(events.lines),
        read_as=table.read_as,
        left_out=(*table.left_out, *meeting.left_out, *left_out),
        notes=(*meeting.notes, *closings.notes),
    )


@dataclass(frozen=True)
class _Meeting:
    """The ids of a history beside those of the deals' export."""

    names: Mapping[str, str]
    """Ids of the history to ids of the export, where the two spell a deal differently."""
    absent: Sequence[str] = ()
    """The deals of the history that the export lacks, by ids of the history."""
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def rename(self, log: pd.DataFrame) -> pd.DataFrame:
        """Put a log under the export's ids."""
        if not self.names:
            return log
        ids = log["unique_id"]
        return log.assign(unique_id=ids.map(self.names).astype(TEXT).fillna(ids))


def _pair_names(table: FileTable, key: int, org: Org) -> pd.DataFrame:
    """Pair a history's ids with the deals' names, if any: ``unique_id``, ``name``."""
    label = find_name(org.columns, table.labels)
    pairs = pd.DataFrame({"unique_id": as_ids(table.cells[key])})
    if label is not None:
        pairs["name"] = as_texts(table.cells[table.labels.index(label)])
    return pairs.drop_duplicates()


def _meet(pairs: pd.DataFrame, opportunities: pd.DataFrame | None, file: str) -> _Meeting:
    """Match a history's deals with the export's, by id or else by name.

    Count the deals without a match.
    """
    if opportunities is None:
        return _Meeting({})
    ids, known = pairs["unique_id"], set(opportunities["unique_id"].tolist())
    names = match_ids(ids, opportunities["unique_id"])
    how = "spelled otherwise in the history were matched by id"
    if "name" in pairs and "name" in opportunities and are_others(ids.replace(names), known):
        names, how = match_names(pairs, opportunities), "of the history were matched by name"
    lacking = refuse_other_deals(
        [names.get(one, one) for one in ids.unique().tolist()],
        known,
        names=(file, "the deals' export"),
        way_out="Give the export of the same CRM, with the ids that its history has",
    )
    missing = (
        f"{count(len(lacking))} in the history but not in the deals' export, perhaps deleted: "
        "unknown from the day after the last line on, in no sum and no rate"
    )
    one = next(iter(names), "")
    matched = f"{count(len(names))} {how}, such as {one!r} with {names.get(one)!r}"
    return _Meeting(names, lacking, (missing,) if lacking else (), (matched,) if names else ())


def _log_events(
    events: Events, org: Org, known: pd.DataFrame, absent: Sequence[str]
) -> tuple[pd.DataFrame, unrecorded.Closings]:
    """Make the long log: each deal's first values, each change, then the history's gaps.

    The `absent` deals are in no export.
    """
    changes = events.changes.sort_values("changed_at", kind="stable", ignore_index=True)
    first = changes.drop_duplicates(["unique_id", "field"])
    created = events.births.drop_duplicates("unique_id").set_index("unique_id")["changed_at"]
    begin = _find_beginnings(changes, first, created, known)
    last = changes.drop_duplicates(["unique_id", "field"], keep="last").set_index("unique_id")
    lines = pd.DataFrame({name: last.loc[last["field"] == name, "new_value"] for name in _OUTCOME})
    lines["at"] = last[last["field"].isin(_OUTCOME)].groupby("unique_id")["changed_at"].max()
    closings = unrecorded.find_closings(known, lines, begin, changes["changed_at"].max(), org)
    initial = [
        first.assign(new_value=first["old_value"]).dropna(subset="new_value"),
        unrecorded.withhold(_log_unchanged(first, known, org), closings),
        _log_creations(begin, known, org),
    ]
    born = pd.concat(initial, ignore_index=True)[["unique_id", "field", "new_value"]]
    born.insert(1, "changed_at", begin.reindex(born["unique_id"]).to_numpy())
    born["changed_at"] = pd.to_datetime(born["changed_at"], utc=True).astype("datetime64[us, UTC]")
    again = events.births[events.births.duplicated("unique_id")]
    reborn = again.assign(field="created_at", new_value=again["changed_at"].astype("object"))
    added = unrecorded.log_unrecorded(closings, known, events.changes, begin)
    parts = [born[_LONG], changes[_LONG], added]
    told = [part[part["field"].isin(["stage", "probability"])] for part in parts]
    # pandas 2 warns of empty ones.
    chances = pd.concat([part for part in told if len(part)] or told[:1])
    stages = unrecorded.log_first_stages(chances, begin)
    last_at = last.groupby("unique_id")["changed_at"].max().combine_first(begin)
    parts += unrecorded.log_forgotten(last_at, absent, closings, org)
    parts += [stages, reborn[_LONG], _log_chances(pd.concat([chances, stages]), known, org)]
    # A column at a time: a long log is held three times over while a frame is sorted.
    times = pd.concat([part["changed_at"] for part in parts])
    order = np.argsort(times.to_numpy("datetime64[us]"), kind="stable")
    whole = {name: pd.concat([part[name] for part in parts]).array[order] for name in _LONG}
    return pd.DataFrame(whole), closings


def _log_chances(log: pd.DataFrame, known: pd.DataFrame, org: Org) -> pd.DataFrame:
    """Log each stage's probability where the history tracks none.

    An export without probabilities is read in the same way.
    """
    stages = log[log["field"] == "stage"]
    deals = pd.DataFrame({"stage": stages["new_value"].astype(TEXT).array})
    if "pipeline" in known:
        deals["pipeline"] = known["pipeline"].reindex(stages["unique_id"]).array
    chances = look_up_chances(deals, org)
    if (log["field"] == "probability").any() or (
        "probability" not in known and chances.isna().all()
    ):
        return log.iloc[:0]
    values = chances.astype("object").where(chances.notna(), None)
    return stages.assign(field="probability", new_value=values.array)


def _index_deals(opportunities: pd.DataFrame | None) -> pd.DataFrame:
    if opportunities is None:
        return pd.DataFrame(index=pd.Index([], dtype=TEXT, name="unique_id"))
    known = Org.of(opportunities).bare(opportunities).set_index("unique_id")
    if "created_at" in known:
        created = pd.to_datetime(known["created_at"], utc=True)
        known["created_at"] = created.astype("datetime64[us, UTC]")
    return known


def _find_beginnings(
    changes: pd.DataFrame, first: pd.DataFrame, created: Series, known: pd.DataFrame
) -> Series:
    """Find when each deal begins: at creation, else at or just before its first change."""
    earliest = changes.groupby("unique_id")["changed_at"].min()
    had_values = first.loc[first["old_value"].notna(), "unique_id"]
    otherwise = earliest.where(~is_among(earliest.index, had_values), earliest - _JUST_BEFORE)
    index = earliest.index.union(created.index).union(known.index).rename("unique_id")
    begin = created.reindex(index)
    if "created_at" in known:
        begin = begin.fillna(known["created_at"].reindex(index))
    begin = begin.fillna(otherwise.reindex(index)).fillna(changes["changed_at"].min())
    # A day without a time is the start of the day, and a creation later than a change is that of
    # another clock.
    late = begin > earliest.reindex(index)
    return begin.mask(late, otherwise.reindex(index)).astype("datetime64[us, UTC]")


def _log_creations(begin: Series, known: pd.DataFrame, org: Org) -> pd.DataFrame:
    """Log when each deal was created.

    Where the export gives the same day, take its time, so that the next record shows no change.
    """
    at = begin
    if "created_at" in known:
        exported = known["created_at"].reindex(begin.index).astype(begin.dtype)
        zone = org.zone(None)
        at = begin.where(to_dates(exported, tz=zone) != to_dates(begin, tz=zone), exported)
    named = at.astype("object").rename("new_value").rename_axis("unique_id")
    return named.reset_index().assign(field="created_at")


def _log_unchanged(first: pd.DataFrame, known: pd.DataFrame, org: Org) -> pd.DataFrame:
    """Log the current values of fields that never changed.

    These are tracked fields without a change, names, and currencies, where they decide what a value
    is.
    """
    logged = []
    fixed = [*_FIXED, *([CURRENCY] if org.converts else [])]
    for name in dict.fromkeys([*first["field"].unique(), *fixed]):
        if name in known:
            values = known[name].dropna().astype("object")
            values = values[~is_among(values.index, first.loc[first["field"] == name, "unique_id"])]
            logged.append(values.rename("new_value").reset_index().assign(field=name))
    return pd.concat(logged) if logged else first.iloc[:0]


def _date_closings(changes: pd.DataFrame, org: Org) -> pd.DataFrame:
    """Log a close date on each win and loss, and the expected one again on a reopening.

    For a CRM that marks won and lost by a status and keeps the expected date apart, as Pipedrive
    does.
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


def _find_unborn(events: Events, opportunities: pd.DataFrame | None) -> list[Mapping[str, str]]:
    """Find the deals without a creation, in the log and in the deals' export."""
    # A log without old values holds the first ones, and so the creation.
    first = events.changes.drop_duplicates(["unique_id", "field"])
    ids = first.loc[first["old_value"].notna(), "unique_id"].drop_duplicates()
    born = is_among(ids, events.births["unique_id"])
    if opportunities is not None and "created_at" in opportunities:
        born |= is_among(ids, opportunities.dropna(subset="created_at")["unique_id"])
    problem = "no creation, so the history begins with the first change"
    problem += "" if opportunities is not None else "; the deals' export has it"
    return [{"unique_id": key, "problem": problem} for key in ids[~born]]


def _note_untracked(fields: Iterable[str], events: Events, known: pd.DataFrame) -> tuple[str, ...]:
    """Note the columns without a change in the history.

    Their current value is taken for all of the past, or their past is unknown.
    """
    tracked = set(events.changes["field"].unique())
    taken = [name for name in fields if name in _TAKEN and name in known and name not in tracked]
    lost = [name for name in ("stage", "close_date") if name in known and name not in tracked]
    return tuple(
        f"past values of {joined(map(label, names))}, which the history does not track: {said}"
        for names, said in ((taken, "today's are used"), (lost, "only today's are known"))
        if names
    )


def _read_snapshots(
    table: FileTable, matched: list[Mapped], org: Org, written: Json
) -> tuple[pd.DataFrame, list[Mapped]]:
    """Read the wide log: the main fields of a deal from each change on."""
    at = matched[find_column("seen_at", matched, table)].theirs
    if at != "seen_at":
        # Of another CRM's log only what is known here; of our own, everything.
        matched = [
            replace(line, ours="", how="dropped") if line.how == "kept" else line
            for line in matched
        ]
    zone = "UTC" if at in UTC_LABELS else org.zone(None)
    columns, lines, _ = read_columns(table, matched, org, zone=zone, **written)
    return pd.DataFrame(columns), lines


def _list_changes(rows: pd.DataFrame, lines: list[Mapped]) -> Events:
    """List the changes of a wide log, each deal's first values among them."""
    rows = rows.sort_values("seen_at", kind="stable", ignore_index=True)
    if "operation" in rows:
        rows["operation"] = rows["operation"].where(rows["operation"] == "deleted")
    before = rows.groupby("unique_id").shift()
    keys = {"unique_id": rows["unique_id"], "changed_at": rows["seen_at"]}
    parts = [_log_deletions(pd.DataFrame(keys), rows.get("is_deleted"))]
    for name in rows.columns.difference([*_NOT_KEPT, "seen_at", "seen_after", "created_at"]):
        now, then = (frame[name].astype("object") for frame in (rows, before))
        same = (now == then) | (now.isna() & then.isna())
        parts.append(
            pd.DataFrame({**keys, "field": name, "old_value": then, "new_value": now})[~same]
        )
    begun = rows.get("created_at", rows["seen_at"].where(rows["seen_at"].isna()))
    births = pd.DataFrame({**keys, "changed_at": begun}).dropna().drop_duplicates("unique_id")
    return Events(pd.concat(parts).sort_values("changed_at", kind="stable"), births, lines)


def _log_deletions(lines: pd.DataFrame, marks: Series | None) -> pd.DataFrame:
    """Log the end of each deal with a line marked deleted, just after its last line.

    `lines` have ``unique_id`` and ``changed_at``.
    """
    last = lines.groupby("unique_id")["changed_at"].max()
    gone = last.index[is_among(last.index, lines["unique_id"][[] if marks is None else marks])]
    return pd.DataFrame(
        {
            "unique_id": pd.Series(gone, dtype=TEXT),
            "changed_at": (last[gone] + _JUST_BEFORE).astype(last.dtype).array,
            "field": pd.Series("operation", range(len(gone)), TEXT),
            "old_value": None,
            "new_value": "deleted",
        }
    )


# Changed fields

_USER_ID = re.compile(r"005\w{12}(\w{3})?", re.ASCII)
_NAMES = ("unique_id", "changed_at", "field", "old_value", "new_value", "formatted", "is_deleted")
_NOT_KEPT = ("unique_id", "updated_at", "won_at", "lost_at", "closed_at", "won_value", *FLAGS)
"""Fields that follow from others, or say nothing about the deal."""


@dataclass(frozen=True)
class Events:
    """Changed fields in the order in which they changed, and the creations among them."""

    changes: pd.DataFrame
    """``unique_id``, ``changed_at`` (instant), ``field`` (ours), ``old_value``, ``new_value`` (at
    their types)."""
    births: pd.DataFrame
    """``unique_id``, ``changed_at``: each creation, in order; an id that was used twice has two."""
    lines: list[Mapped]
    """Columns, fields and values that were mapped, guessed and dropped."""


def read_events(table: FileTable, org: Org, columns: Columns, **written: Any) -> Events:
    """Read a file with a row for each changed field, `written` as `ColumnReader.of` takes it."""
    matched = match_labels(table.labels, Names(columns, _NAMES))
    places = {
        line.ours: place
        for place, line in reversed(list(enumerate(matched)))
        if line.how != "dropped"
    }
    cells = {name: table.cells[places[name]] for name in _NAMES if name in places}
    label = {name: table.labels[place] for name, place in places.items()}
    at = Cells.of(cells["changed_at"], label["changed_at"])
    names, lines = _name_fields(as_texts(cells["field"]), org)
    sides = {
        "old_value": cells.get("old_value", pd.Series(None, index=names.index, dtype="object")),
        "new_value": _prefer_formatted(cells, names),
    }
    rows = {str(ours): places for ours, places in names.groupby(names).indices.items()}
    typed = [("changed_at", at)]
    parts: dict[tuple[str, str], Series | Cells] = {}
    for ours, side in product(rows, sides):
        part = sides[side].iloc[rows[ours]]
        parts[ours, side] = part
        if is_time(ours) or ours == "value":
            typed.append((ours, Cells.of(part, label.get(side, side))))
            parts[ours, side] = typed[-1][1]
    zone = "UTC" if label["changed_at"] in UTC_LABELS else org.zone(None)
    reader = ColumnReader.of(table, typed, org, zone, **written)
    instants = reader.read("changed_at", at, label["changed_at"])
    changes = pd.DataFrame(
        {"unique_id": as_ids(cells["unique_id"]), "changed_at": instants, "field": names}
    )
    kept, found = (
        names.notna().to_numpy(copy=True),
        {side: np.full(len(names), None) for side in sides},
    )
    for (ours, side), column in parts.items():
        # An object for each distinct cell, shared by its rows.
        codes, values = pd.factorize(reader.read(ours, column, label.get(side, side)))
        distinct = np.array([*values.astype("object"), None], dtype="object")
        found[side][rows[ours]] = distinct[codes]
        if ours == "owner_name":
            # Salesforce writes the owner's id beside the name.
            kept[rows[ours]] &= ~np.array(
                [bool(_USER_ID.fullmatch(str(cell))) for cell in distinct]
            )[codes]
    marks = cells.get("is_deleted")
    if marks is not None:
        marks = reader.read("is_deleted", marks, label["is_deleted"])
    reader.settle(table.file)
    changes = changes.assign(
        **{side: pd.Series(cell, changes.index, "object") for side, cell in found.items()}
    )
    order = _sort(instants, kept)
    is_birth = (names == "created_at").to_numpy()[order]
    births = _date_births(changes.iloc[order[is_birth]])
    known = [line for line in matched if line.ours in _NAMES and line.how != "dropped"]
    # Both sides of a change may have a line about one value; the first of them stays.
    first: dict[tuple[str, str], Mapped] = {}
    for line in reader.lines:
        first.setdefault((line.theirs, line.ours), line)
    lines = [*known, *lines, *first.values()]
    gone = _log_deletions(changes, marks)
    changes = changes.iloc[order[~is_birth]]
    changes = pd.concat([changes, _date_closings(changes.reset_index(drop=True), org), gone])
    return Events(changes.reset_index(drop=True), births, lines)


def _name_fields(fields: Series, org: Org) -> tuple[Series, list[Mapped]]:
    """Name each changed field; missing where it is not kept."""
    tally = fields.value_counts()
    known = name_opportunities(org.columns)
    names: dict[str, str | None] = {}
    lines = []
    for theirs, times in tally.items():
        label = str(theirs)
        named = known.find(label)
        if label.casefold().rstrip(".") in CREATED:
            named = (["created_at"], False)
        kept = [ours for ours in named[0] if ours not in _NOT_KEPT] if named else []
        names[label] = kept[0] if kept else None
        how = "dropped" if not kept else "guessed" if named is not None and named[1] else "mapped"
        note = f"field, {count(int(times), 'change')}"
        note += "" if named is not None else "; name it under [columns] of the org file to keep it"
        lines.append(Mapped(label, names[label] or "", how, note))  # type: ignore[arg-type]
    return fields.map(names), lines


def _prefer_formatted(cells: dict[str, Series], names: Series) -> Series:
    """Take the name of a new stage or owner where the log has it beside the id."""
    new = cells["new_value"]
    shown = cells.get("formatted")
    if shown is None:
        return new
    return new.astype("object").where(~(names.isin(["stage", "owner_name"]) & shown.notna()), shown)


def _sort(instants: Series, kept: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Sort the kept rows by time.

    Those of one instant keep the order of the file, which may begin with the newest.
    """
    at, rows = instants.to_numpy("datetime64[us]"), np.flatnonzero(kept)
    if len(rows) and at[rows[0]] > at[rows[-1]]:
        rows = rows[::-1]
    return rows[np.argsort(at[rows], kind="stable")]


def _date_births(births: pd.DataFrame) -> pd.DataFrame:
    """Date each creation by the time in its cell, else by the time of its line; in order."""
    stamps = births["new_value"].map(
        lambda cell: cell if isinstance(cell, pd.Timestamp) else pd.NaT
    )
    instants = (
        pd.to_datetime(stamps, utc=True).astype("datetime64[us, UTC]").fillna(births["changed_at"])
    )
    return (
        births[["unique_id"]]
        .assign(changed_at=instants)
        .drop_duplicates()
        .sort_values("changed_at")
    )


_LEAST_SHARE = 0.5
"""Least share of the history's deals that an export of the same deals has."""
_SHORT = 15
"""Characters of a Salesforce id in a report; its API has three more."""
_NAMED = 3
"""Ids of each side in a message."""


def normalize_ids(ids: Series) -> Series:
    """Reduce ids to what reports and spreadsheets leave of them.

    They have no zeros in front, no blanks, no ``.0``, and not Salesforce's longer form.
    """
    bare = ids.astype(TEXT).str.strip().str.replace(r"^0*(\d+?)(?:\.0+)?$", r"\1", regex=True)
    short = bare.str.slice(stop=_SHORT)
    return short.where((bare.str.len() == _SHORT + 3) & (as_ids(short) == bare), bare)


def match_ids(theirs: Series, known: Series) -> dict[str, str]:
    """Match ids of a history to an export that spells them in another way."""
    ours, every = (pd.Series(ids.dropna().unique(), dtype=TEXT) for ids in (known, theirs))
    same = is_among(every, ours)
    taken, found = {one: one for one in every[same]}, dict[str, str]()
    # Capitals tell some ids of Salesforce apart, so they count first.
    for fold in (normalize_ids, lambda ids: normalize_ids(ids).str.casefold()):
        left = every[~same & ~is_among(every, list(found))]
        found |= _match_keys(left, fold(left), ours, fold(ours), taken) if len(left) else {}
    return found


def match_names(pairs: pd.DataFrame, opportunities: pd.DataFrame) -> dict[str, str]:
    """Match a history's deals to an export's deals of the same names.

    `pairs` has the ``unique_id`` and ``name`` of each deal of the history.
    """
    theirs, ours = (
        frame[["unique_id", "name"]]
        .dropna()
        .assign(name=frame["name"].astype(TEXT).str.strip())
        .drop_duplicates()
        for frame in (pairs, opportunities)
    )
    return _match_keys(theirs["unique_id"], theirs["name"], ours["unique_id"], ours["name"], {})


def _match_keys(
    theirs: Series,
    keys: Series,
    ours: Series,
    our_keys: Series,
    taken: dict[str, str],
) -> dict[str, str]:
    """Match ids by their keys, one to one; any other match is refused.

    `taken` leads from ids of the export to the ids of the same deals in the history.
    """
    alike: dict[str, list[str]] = {}
    for one, key in zip(ours, our_keys, strict=True):
        alike.setdefault(key, []).append(one)
    found: dict[str, str] = {}
    for one, key in zip(theirs, keys, strict=True):
        if not (same := alike.get(key, [])):
            continue
        wrong = ""
        if len(same) > 1:
            wrong = f"{one!r} of the history may be {joined(map(repr, same), most=3, last='or')}"
        elif same[0] in taken:
            wrong = f"{taken[same[0]]!r} and {one!r} of the history may both be {same[0]!r}"
        if wrong:
            raise DataError(f"{wrong} of the export; give both the same opportunity ID")
        found[one], taken[same[0]] = same[0], one
    return found


def are_others(theirs: Iterable[str], known: Set[str]) -> bool:
    """Return True if fewer than half of the deals are known ones."""
    every = set(theirs)
    return len(every & known) < _LEAST_SHARE * len(every)


def refuse_other_deals(
    theirs: Iterable[str], known: Set[str], *, names: tuple[str, str], way_out: str
) -> list[str]:
    """Refuse two sources of deals when the second has fewer than half of the first.

    Return the deals that the second lacks.
    """
    every = list(dict.fromkeys(theirs))
    lacking = [one for one in every if one not in known]
    met = len(every) - len(lacking)
    if are_others(every, known):
        others = known - set(every)
        shown = [joined(map(repr, sorted(ids)[:_NAMED])) or "none" for ids in (lacking, others)]
        raise DataError(
            f"only {met:,} of the {count(len(every))} of {names[0]} are in {names[1]}, so these "
            f"are other deals: {names[0]} has {shown[0]}, {names[1]} has {shown[1]}. {way_out}"
        )
    return lacking
