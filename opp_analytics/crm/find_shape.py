"""The content of a file and its product, by the labels.

Field histories come in these shapes.

Salesforce: the object OpportunityFieldHistory (a row for each changed field) and its report
"Opportunity Field History", the object OpportunityHistory (a row with the main fields at each
change of one) and its report "Opportunity History". HubSpot: the property history, from its export
or its API. Pipedrive: the change log of a deal, from its API.

References
----------
- Salesforce Object Reference, OpportunityFieldHistory and OpportunityHistory:
  https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_opportunityfieldhistory.htm
- HubSpot, Export property history:
  https://knowledge.hubspot.com/properties/export-property-history, and the fields value, timestamp,
  sourceType of https://developers.hubspot.com/docs/api/crm/deals
- Pipedrive, GET /v1/deals/{id}/changelog: https://developers.pipedrive.com/docs/api/v1/Deals
- HubSpot, Use stage calculated properties:
  https://knowledge.hubspot.com/properties/stage-calculated-properties
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from opp_analytics.crm.mapping import (
    CLOSINGS,
    DELETIONS,
    LABELS,
    OWN,
    Names,
)
from opp_analytics.org import (
    COLUMN_WORDS,
    LIKELY,
    PRESETS,
    TABLE_LABELS,
    Columns,
    Org,
    find_periods,
    get_org,
    list_names,
    list_spellings,
    map_labels,
    name_table,
    spell,
)
from opp_analytics.table_files import FileTable, TableSource, read_table
from opp_analytics.text import joined

EVENTS = map_labels(**LABELS["events"]) | DELETIONS
"""Labels of a file with a row for each changed field."""
SNAPSHOTS = map_labels(**LABELS["snapshots"])
"""Labels of a file with a row for each change, which holds the main fields from then on."""
UTC_LABELS = LABELS["utc"].split("|")
"""Times of an API are in UTC where they name no zone; those of a report are in the zone of who made
it."""
_NAMED = set(LABELS["named"].split("|"))
CREATED = LABELS["created"].split("|")
"""Fields whose change is the creation of the deal."""
_HISTORY = ("unique_id", "changed_at", "field", "old_value", "new_value")


def name_events(columns: Columns, labels: Sequence[str] = ()) -> Columns:
    """Name the labels of a file of changed fields: theirs to ours; the org's own names win."""
    own = {
        theirs: [name for name in list_names(ours) if name in _HISTORY]
        for theirs, ours in columns.items()
    }
    own = {theirs: ours for theirs, ours in own.items() if ours and theirs not in EVENTS}
    named = {"name": "field"} if set(labels) >= _NAMED else {}
    return {**EVENTS, **own, **named}


def choose_key(names: Columns, columns: Columns, labels: Sequence[str]) -> Columns:
    """Take a deal's id rather than that of a line, and without either the deals' names."""
    of_deals = {theirs: ours for theirs, ours in names.items() if spell(theirs) != "id"}
    if "unique_id" in Names(of_deals, ("unique_id",)).find_all(labels):
        return of_deals
    if "unique_id" in Names(names, ()).find_all(labels):
        return names
    name = find_name(columns, labels)
    return names if name is None else {**names, name: "unique_id"}


def find_name(columns: Columns, labels: Sequence[str]) -> str | None:
    """Find the label of the deals' names."""
    names = Names(
        {theirs: ours for theirs, ours in columns.items() if "name" in list_names(ours)}, ("name",)
    )
    return next(filter(names.know, labels), None)


def name_snapshots(columns: Columns, labels: Sequence[str]) -> Columns:
    """Name the labels of a file of the main fields at each change.

    A report's ``Stage`` is today's and is not read.
    """
    names = {**columns, **SNAPSHOTS}
    if "To Stage" in labels:
        names = {
            theirs: ours
            for theirs, ours in names.items()
            if ours != "stage" or theirs == "To Stage"
        }
    return {**DELETIONS, **names}


LOGS = ("events", "snapshots")
"""The shapes of a field history."""


def find_shape(labels: Sequence[str], columns: Columns) -> str:
    """Find a file's shape by its labels: ``opportunities``, a log, a table or ``unknown``.

    A log is one of `LOGS`, a table one of `TABLE_LABELS`.
    """
    found = Names(name_events(columns, labels), _HISTORY).find_all(labels)
    # An export too may have a name, a property, a value and a date.
    by_name = "old_value" in found or "stage" not in Names(columns, ("stage",)).find_all(labels)
    if {"changed_at", "field", "new_value"} <= found and (
        "unique_id" in found or (by_name and find_name(columns, labels))
    ):
        return "events"
    stated = {"opportunityid", "stagename", "createddate"} <= set(map(spell, labels))
    if stated or {"To Stage", "seen_at"} & set(labels):
        return "snapshots"
    every = _merge_presets(columns)
    deals = Names(every, OWN).find_all(labels)
    likely = Names({**_LIKELY, **every}, OWN).find_all(labels)
    # A due date is rather an activity's; a stage is a deal's by any name, as are three together.
    is_deal = "stage" in likely or {"name", "value", "close_date"} <= likely
    if not (deals & {"stage", "close_date"} or is_deal):
        for kind, wanted in TABLE_LABELS.items():
            named_here = set(name_table(kind, labels, columns).values())
            if kind == "targets" and len(find_periods(labels)) > 1:
                named_here |= {"period", "target"}
            if all(named_here & set(names) for names in wanted):
                return kind
    enough = len(likely) >= (2 if "stage" in likely else _ENOUGH)
    return "opportunities" if enough and likely & {"stage", "value", "close_date"} else "unknown"


_LIKELY = {
    label: ours
    for ours, labels in LIKELY.items()
    for label in reversed(labels)
    if ours in OWN and ours != "unique_id"
}


def name_any(columns: Columns) -> Names:
    """Name the labels of any export, and those that deals are likely to have."""
    known = {**_LIKELY, **CLOSINGS, **name_events(columns), **SNAPSHOTS, **columns}
    return Names(known, (*OWN, *_HISTORY, "seen_at"))


_ENOUGH = 3
"""Labels of a preset that tell its product; with fewer, ``Amount`` and ``Stage`` of any file would
do."""


@dataclass(frozen=True)
class Recognized:
    """Shape and product of a file, and its cells, which are not read at their types yet."""

    shape: str
    """As `find_shape` finds it."""
    preset: str | None
    """The preset whose labels it has; None if none fits."""
    table: FileTable = field(repr=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """The file's own labels."""
        return self.table.labels

    @property
    def doubt(self) -> str:
        """The presets that fit equally, of which none is taken, in words.

        Empty where there are no two.
        """
        fitting = list_presets(self.labels)
        several = (
            (
                f"the labels fit {joined(fitting)} equally: choose one with --org, or with preset "
                "= in the org file"
            )
            if len(fitting) > 1
            else ""
        )
        return several if self.preset is None else ""


def recognize(
    source: TableSource, org: Org | None = None, *, encoding: str | None = None
) -> Recognized:
    """Recognize a file by its labels.

    Without `org`, the preset is guessed.
    """
    columns = {} if org is None else org.columns
    names = name_every(columns)
    words = {spell(word) for listed in COLUMN_WORDS.values() for word in listed}
    table = read_table(
        source,
        lambda label: names.know(label) or not words.isdisjoint(list_spellings(label)),
        encoding,
    )
    preset = guess_preset(table.labels) if org is None else None
    known = columns if preset is None else PRESETS[preset]["columns"]
    return Recognized(find_shape(table.labels, known), preset, table)


def name_every(columns: Columns) -> Names:
    """Name the labels of every preset's exports, and those of these columns."""
    return name_any(_merge_presets(columns))


def _merge_presets(columns: Columns) -> Columns:
    every = {
        theirs: ours for preset in PRESETS.values() for theirs, ours in preset["columns"].items()
    }
    return {**every, **{name: name for name in OWN}, **columns}


def guess_org(source: TableSource) -> Org:
    """Guess a file's org: the stored one, else its labels' preset, else the API's stages."""
    table = read_table(source, name_every({}).know)
    preset = guess_preset(table.labels)
    return get_org(table) or Org(preset=preset)


def guess_preset(labels: Sequence[str]) -> str | None:
    """Guess the preset of a file by its labels; None if none fits, or several fit equally."""
    fitting = list_presets(labels)
    return fitting[0] if len(fitting) == 1 else None


def list_presets(labels: Sequence[str]) -> list[str]:
    """List the presets that name the most labels of a file, and most of the labels that are read.

    The file must have words of the preset's own among its labels.

    A hand-kept sheet too has Name, Stage and Amount: a label counts as a product's own by the share
    of the presets with it.
    """
    if {"unique_id", "stage"} <= set(labels):
        return []  # Our own columns, some of which are Pipedrive's too.
    fits = {}
    every = Names({**_LIKELY, **_merge_presets({})}, OWN)
    read = {label for label in labels if every.know(label)}
    for name, known in _PRESET_LABELS.items():
        hits = known & set(labels)
        own = sum(
            1 / sum(label in others for others in _PRESET_LABELS.values())
            for label in hits - _PLAIN
        )
        # Of a file of another product, a preset names a few columns.
        fits[name] = (len(hits), round(own, 6)) if 2 * len(hits) > len(read) else (0, 0.0)
    best = max(fits.values())
    return [
        name for name, fit in fits.items() if fit == best and best[0] >= _ENOUGH and best[1] >= 1
    ]


_PRESET_LABELS = {
    name: {*preset["columns"], *LABELS["products"].get(name, ())}
    for name, preset in PRESETS.items()
}
_PLAIN = frozenset(LABELS["plain"].split("|"))
"""Labels that people use in sheets of their own."""
