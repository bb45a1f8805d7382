"""Names of people and accounts that a sheet knows: found in any letters, and by a slip of the keyboard."""

from __future__ import annotations

from collections.abc import Iterable

from opp_analytics.inputs import fold

_MOST_COMPARED = 5_000
"""More names than that are only found in any letters: their slips would fill the memory."""
_SHORTEST = 5
"""Shorter names are others with each letter, and so are names with a number, such as Rep 1 and Rep 2."""


class KnownNames:
    """The names of a column."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names: dict[str, str] = {}
        self._slips: dict[str, str] | None = None
        for name in names:
            self._names.setdefault(fold(name), name)

    def add(self, name: str) -> None:
        """Add a name, to be found in any letters."""
        self._names.setdefault(fold(name), name)

    def match(self, typed: str) -> str | None:
        """Find the name that is typed, whatever the case and spaces."""
        return self._names.get(fold(typed))

    def find_near(self, typed: str) -> str | None:
        """Find a name that is one letter away, has all words that are typed, or the same ones in another order."""
        if len(self._names) > _MOST_COMPARED:
            return None
        if self._slips is None:
            self._slips = {}
            for folded, name in self._names.items():
                words = folded.split("_") if "_" in folded else ()
                for slip in (*_list_slips(name), *words):
                    self._slips.setdefault(slip, name)
        return next((self._slips[slip] for slip in _list_slips(typed) if slip in self._slips), None)


def _list_slips(name: str) -> list[str]:
    """List the spellings of a name without one letter, and its words in order: names one letter apart share one of them."""
    folded = fold(name)
    ordered = " ".join(sorted(folded.replace(",", "").split("_")))
    if len(folded) < _SHORTEST or any(letter.isdecimal() for letter in folded):
        return [folded, ordered]
    return [folded, ordered, *(folded[:at] + folded[at + 1 :] for at in range(len(folded)))]
