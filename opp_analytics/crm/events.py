"""The changed fields of a field history under our names, their old and new values at their types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from opp_analytics.crm.mapping import FLAGS, Mapped, Names, match_labels, name_opportunities
from opp_analytics.crm.recognize import CREATED, UTC_LABELS, name_events
from opp_analytics.crm.values import ColumnReader, is_time
from opp_analytics.inputs import Cells, as_ids, as_texts
from opp_analytics.org import Org
from opp_analytics.table_files import FileTable
from opp_analytics.text import count

_NAMES = ("unique_id", "changed_at", "field", "old_value", "new_value", "formatted")
_NOT_KEPT = ("unique_id", "updated_at", "won_at", "lost_at", "closed_at", "won_value", *FLAGS)
"""Fields that follow from others, or say nothing about the deal."""


@dataclass(frozen=True)
class Events:
    """Changed fields in the order in which they changed, and the creations among them."""

    changes: pd.DataFrame
    """``unique_id``, ``changed_at`` (instant), ``field`` (ours), ``old_value``, ``new_value`` (at their types)."""
    births: pd.DataFrame
    """``unique_id``, ``changed_at``: each creation, in order; an id that was used twice has two."""
    lines: list[Mapped]
    """Columns, fields and values that were mapped, guessed and dropped."""


def read_events(table: FileTable, org: Org, **written: Any) -> Events:
    """Read a file with a row for each changed field, `written` as `ColumnReader.of` takes it."""
    matched = match_labels(table.labels, Names(name_events(org.columns, table.labels), _NAMES))
    places = {line.ours: place for place, line in reversed(list(enumerate(matched))) if line.how != "dropped"}
    cells = {name: table.cells[places[name]] for name in _NAMES if name in places}
    label = {name: table.labels[place] for name, place in places.items()}
    at = Cells.of(cells["changed_at"], label["changed_at"])
    names, lines = _name_fields(as_texts(cells["field"]), org)
    raw = pd.DataFrame(
        {
            "unique_id": as_ids(cells["unique_id"]),
            "field": names,
            "old_value": cells.get("old_value", pd.Series(None, index=names.index, dtype="object")),
            "new_value": _prefer_formatted(cells, names),
        }
    )
    sides = {
        (str(ours), side): Cells.of(group[side], label.get(side, side))
        for ours, group in raw.groupby("field")
        if is_time(str(ours)) or ours == "value"
        for side in ("old_value", "new_value")
    }
    typed = [("changed_at", at), *((ours, column) for (ours, _), column in sides.items())]
    zone = "UTC" if label["changed_at"] in UTC_LABELS else org.zone(None)
    reader = ColumnReader.of(table, typed, org, zone, **written)
    instants = reader.read("changed_at", at, label["changed_at"])
    values = [_read_values(reader, str(ours), group, sides, label) for ours, group in raw.groupby("field")]
    reader.settle(table.file)
    changes = pd.concat(values).sort_index() if values else raw.iloc[:0]
    changes.insert(1, "changed_at", instants.reindex(changes.index))
    known = [line for line in matched if line.ours in _NAMES and line.how != "dropped"]
    # Both sides of a change may have a line about one value; the first of them stays.
    first: dict[tuple[str, str], Mapped] = {}
    for line in reader.lines:
        first.setdefault((line.theirs, line.ours), line)
    return _split(_sort(changes), [*known, *lines, *first.values()])


def _name_fields(fields: pd.Series[Any], org: Org) -> tuple[pd.Series[Any], list[Mapped]]:
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


def _prefer_formatted(cells: dict[str, pd.Series[Any]], names: pd.Series[Any]) -> pd.Series[Any]:
    """Take the name of a new stage or owner where the log has it beside the id."""
    new = cells["new_value"]
    shown = cells.get("formatted")
    if shown is None:
        return new
    return new.astype("object").where(~(names.isin(["stage", "owner_name"]) & shown.notna()), shown)


def _read_values(
    reader: ColumnReader, ours: str, group: pd.DataFrame, sides: dict[Any, Cells], label: dict[str, str]
) -> pd.DataFrame:
    """Read the old and new values of one field at its type."""
    read = {
        side: reader.read(ours, sides.get((ours, side), group[side]), label.get(side, side))
        for side in ("old_value", "new_value")
    }
    typed = {side: column.astype("object").where(column.notna(), None) for side, column in read.items()}
    return group.assign(**typed)


def _sort(changes: pd.DataFrame) -> pd.DataFrame:
    """Sort the changes by time; those of one instant keep the order of the file, which may begin with the newest."""
    at = changes["changed_at"]
    newest_first = len(at) > 1 and at.iloc[0] > at.iloc[-1]
    ordered = changes.iloc[::-1] if newest_first else changes
    return ordered.sort_values("changed_at", kind="stable", ignore_index=True)


def _split(changes: pd.DataFrame, lines: list[Mapped]) -> Events:
    """Split creations from changes; drop the owner's id that Salesforce writes beside the name."""
    sides = changes[["old_value", "new_value"]].map(_is_user_id).any(axis="columns")
    changes = changes[~((changes["field"] == "owner_name") & sides)]
    births = changes[changes["field"] == "created_at"]
    stamps = births["new_value"].map(lambda cell: cell if isinstance(cell, pd.Timestamp) else pd.NaT)
    instants = pd.to_datetime(stamps, utc=True).astype("datetime64[us, UTC]").fillna(births["changed_at"])
    born = births[["unique_id"]].assign(changed_at=instants).drop_duplicates().sort_values("changed_at")
    return Events(changes[changes["field"] != "created_at"].reset_index(drop=True), born, lines)


def _is_user_id(cell: Any) -> bool:
    return isinstance(cell, str) and cell.startswith("005") and len(cell) in (15, 18) and cell.isalnum()
