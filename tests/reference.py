"""``python -m tests.reference``: where each name of ``docs/reference.md`` is now, the drawings, and
the columns of the result tables.

The page's order and sections are written by hand; an entry is its heading, ``oa.win_rate``, below
the path of the module that holds it, which this brings up to date, as it does the drawings, whose
docstrings are made when they are imported, and the list of columns at the end.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
from pathlib import Path

from opp_analytics import charts, plots
from opp_analytics.columns import COLUMNS

LISTS = [name for name in plots.__all__ if getattr(charts, name).__module__.endswith(".listed")]
"""Drawings of tables that are lists, alike in looks: a sentence of the gallery shows them."""
PAGE = Path(__file__).parent.parent / "docs" / "reference.md"
_COLUMNS = (
    "## Columns of the result tables\n\nA column that ends in `_before`, `_after` or `_change` "
    "has the unit of the one it compares.\n\n"
)
_ENTRY = re.compile(r"^::: [\w.]+\n    options: \{heading: oa\.([\w.]+)", re.M)
_DRAWN = re.compile(r"^## Drawings\n.*?(?=^## )", re.M | re.S)
_DRAWINGS = """## Drawings

Each draws `table`, which is the result of the function with the same name or some of its rows, on `ax`, matplotlib Axes that are by
default those of a new figure. It returns the Axes; save them with `.figure.savefig(path)`. A `table` that is not such a result raises
ArgumentTypeError or MissingColumnError."""  # noqa: E501


def names() -> list[str]:
    """The names that the page lists, without the ``oa.``."""
    text = PAGE.read_text()
    return [*_ENTRY.findall(text), *re.findall(r"^\| `oa\.(plots\.\w+)` ", text, re.M)]


def page() -> str:
    """The page with the path of each name as it is now, and every result column."""
    by_hand = PAGE.read_text().partition(_COLUMNS)[0]
    drawn = _DRAWN.sub(lambda _: _drawings(), by_hand)
    return _ENTRY.sub(lambda entry: _entry(entry[1]), drawn) + _COLUMNS + _columns()


def _drawings() -> str:
    lines = ["| drawing | what it shows |", "|---|---|"]
    for name in plots.__all__:
        shown = inspect.getdoc(getattr(plots, name)).partition("Parameters")[0].partition(": ")[2]
        words = " ".join(shown.replace("``", "`").split())
        picture = "" if name in LISTS else f" [Picture](gallery.md#{name})"
        lines.append(f"| `oa.plots.{name}` | {words[0].upper()}{words[1:]}{picture} |")
    return "\n\n".join([_DRAWINGS, "\n".join(lines)]) + "\n\n"


def _columns() -> str:
    lines = ["| column | unit | meaning |", "|---|---|---|"]
    for name, column in sorted(COLUMNS.items()):
        unit = column.unit if column.unit != "other" else ""
        lines.append(f"| `{name}` | {unit} | {column.meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def _entry(name: str) -> str:
    found = pkgutil.resolve_name(f"opp_analytics:{name}")
    return f"::: {found.__module__}.{found.__qualname__}\n    options: {{heading: oa.{name}"


if __name__ == "__main__":
    PAGE.write_text(page())
