"""``python -m tests.reference``: the drawings and the columns of ``docs/reference.md``.

The page's sections and their names are written by hand. This brings up to date the drawings, whose
docstrings are made when they are imported, and the list of columns at the end.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from opp_analytics import charts, plots
from opp_analytics.columns import COLUMNS

LISTS = [name for name in plots.__all__ if getattr(charts, name).__module__.endswith(".listed")]
"""Drawings of tables that are lists, alike in looks: a sentence of the gallery shows them."""
PAGE = Path(__file__).parent.parent / "docs" / "reference.md"
_COLUMNS = (
    "## Columns of the result tables\n\nA column that ends in `_before`, `_after` or `_change` "
    "has the unit of the one it compares; `_low` and `_high` are the ends of its interval or range."
    "\n\n"
)
_MODULE = re.compile(r"^::: opp_analytics\.(\w+)\.\1$", re.M)
_MEMBERS = re.compile(r"^::: opp_analytics\n    options: \{members: \[([^]]+)", re.M)
_DRAWN = re.compile(r"^## Drawings\n.*?(?=^## )", re.M | re.S)
_DRAWINGS = """## Drawings

Each draws `table`, which is the result of the function with the same name or some of its rows, on `ax`, matplotlib Axes that are by
default those of a new figure. It returns the Axes; save them with `.figure.savefig(path)`. A `table` that is not such a result raises
ArgumentTypeError or MissingColumnError."""  # noqa: E501


def names() -> list[str]:
    """The names that the page lists, without the ``oa.``."""
    text = PAGE.read_text()
    listed = [name for names in _MEMBERS.findall(text) for name in names.split(", ")]
    return [*_MODULE.findall(text), *listed, *re.findall(r"^\| `oa\.(plots\.\w+)` ", text, re.M)]


def page() -> str:
    """The page with the drawings and result columns as they are now."""
    by_hand = PAGE.read_text().partition(_COLUMNS)[0]
    return _DRAWN.sub(lambda _: _drawings(), by_hand) + _COLUMNS + _columns()


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
        if re.match(r"(Upper|Lower) end of (its|the) ", column.meaning):
            continue
        unit = column.unit if column.unit != "other" else ""
        lines.append(f"| `{name}` | {unit} | {column.meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
