"""The page's first screen as text: Markdown to paste into Slack or Teams, and plain words for a mail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from rich.cells import cell_len

from opp_analytics.report.digest import Digest, Section

__all__ = ["markdown", "plain"]

_SPECIAL = re.compile(r"[\\`*]|(?<!\w)_|_(?!\w)|<(?=[A-Za-z/!?])|\](?=\()|~(?=~)|^[#>+-]")
"""What Markdown reads as more than text; chat shows a backslash that is not needed."""


class _Marks(NamedTuple):
    """How a text sets off what matters."""

    text: Callable[[str], str]
    bold: Callable[[str], str]
    table: Callable[[str], str]


def markdown(digest: Digest) -> str:
    """Headline, tiles as a list, people as a table of fixed width (chat has no other), and the deals to question."""
    return _said(digest, _MARKDOWN)


def plain(digest: Digest) -> str:
    """The same words without marks."""
    return _said(digest, _PLAIN)


def _said(digest: Digest, marks: _Marks) -> str:
    parts = [marks.bold(digest.heading), marks.bold(digest.sentence)]
    parts += [marks.text(digest.second)] if digest.second else []
    parts += [marks.bold(warning) for warning in digest.warnings]
    parts.append("\n".join(_tile(*tile, marks) for tile in digest.tiles))
    for section in digest.sections:
        parts += _section(section, marks)
    return "\n\n".join(parts) + "\n"


def _tile(name: str, figure: str, said: str, marks: _Marks) -> str:
    return f"- {marks.text(name)}: {marks.bold(figure)}" + (f" ({marks.text(said)})" if said else "")


def _section(section: Section, marks: _Marks) -> Iterator[str]:
    yield marks.bold(section.title)
    if section.note:
        yield marks.text(section.note)
    if section.items:
        deals = [
            f"- {marks.bold(name)}: {'. '.join(marks.text(words) for words in said if words)}"
            for name, *said in section.items
        ]
        yield "\n".join([*deals, *([f"- {section.more}"] if section.more else [])])
    elif section.rows:
        yield marks.table(_columns(section))


def _columns(section: Section) -> str:
    table = [section.columns, *section.rows]
    widths = [max(cell_len(row[place]) for row in table) for place in range(len(section.columns))]
    return "\n".join(
        "  ".join(
            _padded(cell, width, right) for cell, width, right in zip(row, widths, section.right, strict=True)
        ).rstrip()
        for row in table
    )


def _padded(cell: str, width: int, right: bool) -> str:
    blanks = " " * (width - cell_len(cell))
    return blanks + cell if right else cell + blanks


def _escaped(words: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", words)


def _fenced(table: str) -> str:
    # A fence in a name would end this one.
    return "```\n" + table.replace("`", "'") + "\n```"


_MARKDOWN = _Marks(_escaped, lambda words: f"**{_escaped(words)}**", _fenced)
_PLAIN = _Marks(str, str, str)
