"""Opportunities under a CRM's own labels and words, for its import.

References
----------
- Salesforce Bulk API, Valid CSV Record Rows: an empty cell leaves the field of an updated record, #N/A empties it.
  https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_csv_valid_record_rows.htm
- Salesforce Data Loader: without the Bulk API, the setting "Insert null values" makes empty cells empty the field.
  https://developer.salesforce.com/docs/atlas.en-us.dataLoader.meta/dataLoader/loader_using_bulk_api.htm
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from opp_analytics.crm.mapping import OWN
from opp_analytics.crm.read_export import look_up_chances
from opp_analytics.crm.values import FRACTIONS
from opp_analytics.errors import DataError
from opp_analytics.org import PRESETS, VALUE_ORIGINAL, Org, list_names
from opp_analytics.schema import READ_ONLY, TEXT

_WORDS = {
    "status": {"active": "Open", "won": "Won", "lost": "Lost"},
    "category": {"commit": "Commit", "best_case": "Best Case", "pipeline": "Pipeline", "omitted": "Omitted"},
}
_CLEARS = {"salesforce": "#N/A"}
"""Text that empties a field, by the preset of a CRM that documents that an empty cell leaves it as it is."""


def find_clear_text(org: Org) -> str | None:
    """Find the text that empties a field in the CRM's import; None where no file is known to leave or empty a field."""
    return next((_CLEARS[name] for name in _find_presets(org) if name in _CLEARS), None)


def _find_presets(org: Org) -> list[str]:
    """Find the presets whose labels an org has all."""
    return [name for name, preset in PRESETS.items() if preset["columns"].keys() <= org.columns.keys()]


def find_label(name: str, org: Org) -> str | None:
    """Find the CRM's label of a column of ours; None where it has none.

    Of several, one that the org file itself names wins, else the first of the preset, which for Salesforce is the API's
    name.
    """
    labels = [theirs for theirs, ours in org.columns.items() if name in list_names(ours)]
    of_presets = {pair for preset in _find_presets(org) for pair in PRESETS[preset]["columns"].items()}
    labels.sort(key=lambda label: org.columns[label] == name and (label, name) in of_presets)
    return labels[0] if labels else None if name in (*OWN, *org.derived, VALUE_ORIGINAL) else name


def make_import_table(
    opportunities: pd.DataFrame, org: Org, fields: Sequence[str] | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Write opportunities in a CRM's words; with the CRM's label of each column, the id first unless all deals are new.

    By default all columns that the CRM has and that can be changed. A name without a label is refused, and so are two values
    for one column of the CRM.
    """
    if find_label("unique_id", org) is None:
        raise DataError(
            "the org names no column for unique_id; add one under [columns] of the org file, such as "
            '"Record ID" = "unique_id"'
        )
    names = _list_changeable(opportunities, org) if fields is None else fields
    writable = [name for name in names if name not in READ_ONLY]
    new = not opportunities.empty and opportunities["unique_id"].isna().all()
    labels = {name: find_label(name, org) for name in [*([] if new else ["unique_id"]), *writable]}
    missing = [name for name, label in labels.items() if label is None]
    if missing and fields is not None:
        raise DataError(
            f"column {missing[0]!r} has no label in the CRM, so its changes can't be imported; name one under [columns] of "
            "the org file, or undo the changes"
        )
    kept = {name: label for name, label in labels.items() if label is not None}
    rows: dict[str, pd.Series[Any]] = {}
    for label in dict.fromkeys(kept.values()):
        first, *others = (_translate(opportunities[name], label) for name in kept if kept[name] == label)
        for other in others:
            differ = first.notna() & other.notna() & (first.astype(TEXT) != other.astype(TEXT))
            if differ.any():
                one, two = (f"{column.name}={column[differ].iloc[0]!r}" for column in (first, other))
                raise DataError(
                    f"{one} and {two} of one deal can't be imported: both are {label!r} in the CRM; undo one of them"
                )
            first = first.where(first.notna(), other)
        rows[str(first.name)] = first
    return pd.DataFrame(rows), list(dict.fromkeys(kept.values()))


def _list_changeable(opportunities: pd.DataFrame, org: Org) -> list[str]:
    """List the columns; without a probability that only repeats the stages', as `read_export` fills it in."""
    names = [str(name) for name in opportunities.columns]
    if "probability" not in names or "stage" not in names:
        return names
    repeats = opportunities["probability"].equals(look_up_chances(opportunities, org))
    return [name for name in names if name != "probability" or not repeats]


def _translate(column: pd.Series[Any], label: str) -> pd.Series[Any]:
    if label.casefold() in FRACTIONS:
        return column.map(lambda percent: f"{percent / 100:g}", na_action="ignore").astype(TEXT)
    words = _WORDS.get(str(column.name))
    if words is None:
        return column
    texts = column.astype(TEXT)
    return texts.map(words).astype(TEXT).fillna(texts)
