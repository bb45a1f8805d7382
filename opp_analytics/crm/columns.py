"""Labels of an export, and the names that they have here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from opp_analytics.crm.mapping import Mapped

__all__ = ["Names", "match_labels"]

_PREFIXES = ("deal_", "opportunity_")
"""What Pipedrive, and Salesforce's custom report types, put before a label: ``Deal - Title``."""


def _key(label: str) -> str:
    """A label without capitals, spaces and punctuation."""
    return re.sub(r"[^0-9a-z]+", "_", label.casefold()).strip("_")


class Names:
    """What a label may be called here.

    Parameters
    ----------
    columns : mapping
        Theirs to ours.
    own : iterable of str
        Names of ours, which are known as they are.

    Examples
    --------
    >>> names = Names({"Amount": "value"}, ["stage"])
    >>> [names.find(label) for label in ("Amount", "Deal - amount", "stage", "Age")]
    [('value', False), ('value', True), ('stage', False), None]
    """

    def __init__(self, columns: Mapping[str, str], own: Iterable[str]) -> None:
        self._exact = {**{name: name for name in own}, **columns}
        self._alike = {_key(label): ours for label, ours in self._exact.items()}

    def find(self, label: str) -> tuple[str, bool] | None:
        """Our name of a label, and whether it was guessed; None for a label that is not known."""
        if label in self._exact:
            return self._exact[label], False
        key = _key(label)
        for tried in (key, *(key.removeprefix(prefix) for prefix in _PREFIXES)):
            if tried in self._alike:
                return self._alike[tried], True
        return None

    def know(self, label: str) -> bool:
        """Whether a label names a column of ours."""
        return bool(label) and self.find(label) is not None


def match_labels(labels: Sequence[str], names: Names) -> list[Mapped]:
    """Each label with our name, and how it was found; a label that is not known keeps its own name.

    A guess gives way to a label that needs none. A column without a label is dropped.
    """
    found = [names.find(label) if label else None for label in labels]
    sure = {name for name, guessed in filter(None, found) if not guessed}
    lines = []
    for place, (label, named) in enumerate(zip(labels, found, strict=True)):
        if not label:
            lines.append(Mapped(f"(column {place + 1})", "", "dropped", "it has no label"))
        elif named is None or (named[1] and named[0] in sure):
            lines.append(Mapped(label, label, "kept"))
        else:
            lines.append(Mapped(label, named[0], "guessed" if named[1] else "mapped"))
    return lines
