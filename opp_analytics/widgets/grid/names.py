"""Names of people and accounts that a sheet knows: found in any letters, and by a slip of the keyboard."""

from __future__ import annotations

from collections.abc import Iterable

from opp_analytics.inputs import fold

_MOST_COMPARED = 5_000
"""More names than that are only found in any letters: their slips would fill the memory."""


class KnownNames:
    """The names of a column."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names: dict[str, str] = {}
        self._slips: dict[str, str] | None = None
        for name in names:
            self._names.setdefault(fold(name), name)

    def add(self, name: str) -> None:
        """Add a name."""
        self._names.setdefault(fold(name), name)
        if self._slips is not None:
            self._note_slips(name)

    def match(self, typed: str) -> str | None:
        """Find the name that is typed, whatever the case and spaces."""
        return self._names.get(fold(typed))

    def find_near(self, typed: str) -> str | None:
        """Find a name that is one letter away, has all words that are typed, or the same ones in another order."""
        if len(self._names) > _MOST_COMPARED:
            return None
        if self._slips is None:
            self._slips = {}
            for name in self._names.values():
                self._note_slips(name)
        return next((self._slips[slip] for slip in _list_slips(typed) if slip in self._slips), None)

    def _note_slips(self, name: str) -> None:
        slips, words = self._slips or {}, fold(name).split("_")
        for slip in (*_list_slips(name), *(words if len(words) > 1 else ())):
            slips.setdefault(slip, name)
        self._slips = slips


def _list_slips(name: str) -> list[str]:
    """List the spellings of a name without one letter, and its words in order: names one letter apart share one of them."""
    folded = fold(name)
    ordered = " ".join(sorted(folded.replace(",", "").split("_")))
    return [
        folded,
        ordered,
        *(folded[:at] + folded[at + 1 :] for at in range(len(folded)) if len(folded) > 4),
    ]
