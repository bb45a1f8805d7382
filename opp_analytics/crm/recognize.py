"""What a file holds, and which product wrote it, by its labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opp_analytics.crm.field_history import every_name, shape_of
from opp_analytics.crm.opportunities import OWN
from opp_analytics.crm.tables.source import Source, table_at
from opp_analytics.org import PRESETS, Org

__all__ = ["Recognized", "guess_org", "recognize"]

_ENOUGH = 3
"""Labels of a preset that tell its product."""


@dataclass(frozen=True)
class Recognized:
    """A file, before it is read."""

    shape: str
    """"opportunities", or a field history: "events" or "snapshots"."""
    preset: str | None
    """The preset whose labels it has; None where no product is told."""


def recognize(source: Source, org: Org | None = None, *, encoding: str | None = None) -> Recognized:
    """What a file holds.

    Parameters
    ----------
    source : path or DataFrame
        The file.
    org : Org, optional
        What its columns mean; without it, the preset is guessed from the labels.
    encoding : str, optional
        Encoding of a CSV file.

    Examples
    --------
    >>> import pandas as pd
    >>> recognize(pd.DataFrame(columns=["Record ID", "Deal Name", "Deal Stage", "Amount"]))
    Recognized(shape='opportunities', preset='hubspot')
    """
    columns = {} if org is None else org.columns
    every = {theirs: ours for preset in PRESETS.values() for theirs, ours in preset["columns"].items()}
    labels = table_at(source, every_name({**every, **columns}, OWN).know, encoding).labels
    preset = _preset_of(labels) if org is None else None
    known = columns if preset is None else PRESETS[preset]["columns"]
    return Recognized(shape_of(labels, known), preset)


def guess_org(source: Source, *, encoding: str | None = None) -> Org:
    """The org of the preset whose labels a file has; the API's own where no product is told."""
    preset = recognize(source, encoding=encoding).preset
    return Org() if preset is None else Org(preset=preset)


def _preset_of(labels: Sequence[str]) -> str | None:
    if {"unique_id", "stage"} <= set(labels):
        return None  # Our own columns, some of which are Pipedrive's too.
    tally = {
        name: sum(label in preset["columns"] or _history_of(name, label) for label in labels)
        for name, preset in PRESETS.items()
    }
    best = max(tally, key=lambda name: tally[name])
    return best if tally[best] >= _ENOUGH else None


_HISTORY_LABELS = {
    "salesforce": ("OpportunityId", "Field", "OldValue", "NewValue", "Field / Event", "Old Value", "New Value", "Edit Date"),
    "hubspot": ("dealId", "property", "timestamp", "sourceType"),
    "pipedrive": ("deal_id", "field_key", "changed_field_key", "change_time", "log_time", "item_id", "actor_user_id"),
}  # fmt: skip


def _history_of(preset: str, label: str) -> bool:
    return label in _HISTORY_LABELS[preset]
