"""Ids of a field history or a history beside those of an export: other spellings of one id, and other deals."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

import pandas as pd

from opp_analytics.errors import DataError
from opp_analytics.inputs import as_ids
from opp_analytics.schema import TEXT
from opp_analytics.text import count, joined

_LEAST_SHARE = 0.5
"""Share of the deals that must be in the export: with fewer, its deals are others."""
_SHORT = 15
"""Characters of a Salesforce id in a report; its API has three more."""
_NAMED = 3
"""Ids of each side in a message."""


def normalize_ids(ids: pd.Series[Any]) -> pd.Series[Any]:
    """Reduce ids to what reports and spreadsheets leave of them: no zeros in front, blanks, ``.0`` or longer form of Salesforce."""
    bare = ids.astype(TEXT).str.strip().str.replace(r"^0*(\d+?)(?:\.0+)?$", r"\1", regex=True)
    short = bare.str.slice(stop=_SHORT)
    return short.where((bare.str.len() == _SHORT + 3) & (as_ids(short) == bare), bare)


def match_ids(theirs: pd.Series[Any], known: pd.Series[Any]) -> dict[str, str]:
    """Match the ids of a history that an export lacks to those that it spells in another way.

    An id that may be several, and several that may be one, are refused.
    """
    known = pd.Series(known.dropna().unique(), dtype=TEXT)
    ours, every = set(known.tolist()), theirs.dropna().unique().tolist()
    taken = {one: one for one in every if one in ours}
    missing = pd.Series([one for one in every if one not in ours], dtype=TEXT)
    found: dict[str, str] = {}
    # Capitals tell some ids of Salesforce apart, so they count first.
    for fold in (normalize_ids, lambda ids: normalize_ids(ids).str.casefold()) if len(missing) else ():
        alike: dict[str, list[str]] = {}
        for one, key in zip(known, fold(known), strict=True):
            alike.setdefault(key, []).append(one)
        for one, key in zip(missing, fold(missing), strict=True):
            same = alike.get(key, []) if one not in found else []
            if len(same) > 1:
                raise DataError(
                    f"the id {one!r} of the history may be {joined(map(repr, same), most=_NAMED, last='or')} of the export; "
                    "write it as the export does"
                )
            if same and same[0] in taken:
                raise DataError(
                    f"the ids {taken[same[0]]!r} and {one!r} of the history may both be {same[0]!r} of the export; write them as "
                    "the export does"
                )
            if same:
                found[one], taken[same[0]] = same[0], one
    return found


def match_names(pairs: pd.DataFrame, opportunities: pd.DataFrame) -> dict[str, str]:
    """Match the deals of a history, each ``unique_id`` with its ``name``, to those of an export with the same names.

    A name of several deals is refused.
    """
    theirs, ours = (
        frame[["unique_id", "name"]]
        .dropna()
        .assign(name=frame["name"].astype(TEXT).str.strip())
        .drop_duplicates()
        for frame in (pairs, opportunities)
    )
    tallies = [frame["name"].value_counts() for frame in (theirs, ours)]
    shared = [name for name in tallies[0].index if name in tallies[1].index]
    twice = [name for name in shared if max(tally[name] for tally in tallies) > 1]
    if twice:
        said = [
            f"{name!r} ({tallies[0][name]} in the history, {tallies[1][name]} in the export)"
            for name in twice
        ]
        raise DataError(
            f"the history and the export share no ids, and {count(len(twice), 'name')} of several deals cannot match them: "
            f"{joined(said, most=_NAMED)}. Add the opportunity ID to both"
        )
    ids = ours.set_index("name")["unique_id"]
    return {
        one: ids[name]
        for one, name in zip(theirs["unique_id"], theirs["name"], strict=True)
        if name in ids.index
    }


def are_others(theirs: Iterable[str], known: Set[str]) -> bool:
    """Return True if fewer than half of the deals are known ones."""
    every = set(theirs)
    return len(every & known) < _LEAST_SHARE * len(every)


def refuse_other_deals(
    theirs: Iterable[str], known: Set[str], *, names: tuple[str, str], way_out: str
) -> int:
    """Refuse two sources of deals when the second has fewer than half of the first; return how many it lacks."""
    every = list(dict.fromkeys(theirs))
    lacking = [one for one in every if one not in known]
    met = len(every) - len(lacking)
    if are_others(every, known):
        others = known - set(every)
        shown = [joined(map(repr, sorted(ids)[:_NAMED])) or "none" for ids in (lacking, others)]
        raise DataError(
            f"only {met:,} of the {count(len(every))} of {names[0]} are in {names[1]}, so these are other deals: {names[0]} "
            f"has {shown[0]}, {names[1]} has {shown[1]}. {way_out}"
        )
    return len(lacking)
