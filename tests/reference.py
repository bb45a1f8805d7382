"""``python -m tests.reference``: where each name of ``docs/reference.md`` is now.

The page's order and sections are written by hand; an entry is its heading, ``oa.win_rate``, below the path of the module
that holds it, which this brings up to date.
"""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "reference.md"
_ENTRY = re.compile(r"^::: [\w.]+\n    options:\n      heading: oa\.([\w.]+)$", re.M)


def names() -> list[str]:
    """The names that the page lists, without the ``oa.``."""
    return _ENTRY.findall(PAGE.read_text())


def page() -> str:
    """The page with the path of each name as it is now."""
    return _ENTRY.sub(lambda entry: _entry(entry[1]), PAGE.read_text())


def _entry(name: str) -> str:
    found = pkgutil.resolve_name(f"opp_analytics:{name}")
    return f"::: {found.__module__}.{found.__qualname__}\n    options:\n      heading: oa.{name}"


if __name__ == "__main__":
    PAGE.write_text(page())
