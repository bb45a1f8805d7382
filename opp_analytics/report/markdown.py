"""The page's first screen as Markdown, to paste into Slack or Teams."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len

from opp_analytics.report.digest import Digest, Section

__all__ = ["markdown"]

_SPECIAL = re.compile(r"([\\`*_\[\]<>~|#])")


def markdown(digest: Digest) -> str:
    """Headline, tiles as a list, people as a table of fixed width (chat has no other), and the deals to question."""
    parts = [f"**{_escaped(digest.heading)}**", f"**{_escaped(digest.sentence)}**"]
    parts += [_escaped(digest.second)] if digest.second else []
    parts += [f"**{_escaped(warning)}**" for warning in digest.warnings]
    parts.append("\n".join(_tile(*tile) for tile in digest.tiles))
    for section in digest.sections:
        parts += _section(section)
    return "\n\n".join(parts) + "\n"


def _tile(name: str, figure: str, said: str) -> str:
    return f"- {_escaped(name)}: **{_escaped(figure)}**" + (f" ({_escaped(said)})" if said else "")


def _section(section: Section) -> Iterator[str]:
    yield f"**{_escaped(section.title)}**"
    if section.note:
        yield _escaped(section.note)
    if section.rows:
        yield _fixed(section) if len(section.columns) > 1 and section.name == "People" else _listed(section)


def _fixed(section: Section) -> str:
    table = [section.columns, *section.rows]
    widths = [max(cell_len(row[place]) for row in table) for place in range(len(section.columns))]
    lines = (
        "  ".join(
            _padded(cell, width, right) for cell, width, right in zip(row, widths, section.right, strict=True)
        ).rstrip()
        for row in table
    )
    # A fence in a name would end this one.
    return "```\n" + "\n".join(lines).replace("`", "'") + "\n```"


def _padded(cell: str, width: int, right: bool) -> str:
    blanks = " " * (width - cell_len(cell))
    return blanks + cell if right else cell + blanks


def _listed(section: Section) -> str:
    lines = []
    for first, *others, why in section.rows:
        said = (f"{name.lower()} {cell}" for name, cell in zip(section.columns[1:], others, strict=False))
        lines.append(_escaped(f"{first}: {why} ({', '.join(said)})"))
    return "\n".join(f"- {line}" for line in lines)


def _escaped(words: str) -> str:
    return _SPECIAL.sub(r"\\\1", words)
