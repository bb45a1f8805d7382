"""Names of people and accounts that a sheet knows: found in any letters, and by a slip of the keyboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opp_analytics.inputs import fold

_MOST_COMPARED = 5_000
"""More names than that are only found in any letters: their slips would fill the memory."""
_SHORTEST = 5
"""Shorter names are others with each letter, and so are names with a number, such as Rep 1 and Rep 2."""


def index_names(names: Iterable[str]) -> dict[str, str]:
    """Lead from each name, folded, to the first that is written so."""
    index: dict[str, str] = {}
    for name in names:
        index.setdefault(fold(name), name)
    return index


def index_slips(names: Mapping[str, str]) -> dict[str, str]:
    """Lead from slips of the keyboard and single words to names of an index."""
    slips: dict[str, str] = {}
    for folded, name in names.items() if len(names) <= _MOST_COMPARED else ():
        for slip in (*list_slips(name), *(folded.split("_") if "_" in folded else ())):
            slips.setdefault(slip, name)
    return slips


def list_slips(name: str) -> list[str]:
    """List the spellings of a name without one letter, and its words in order: names one letter apart share one of them."""
    folded = fold(name)
    ordered = " ".join(sorted(folded.replace(",", "").split("_")))
    if len(folded) < _SHORTEST or any(letter.isdecimal() for letter in folded):
        return [folded, ordered]
    return [folded, ordered, *(folded[:at] + folded[at + 1 :] for at in range(len(folded)))]
