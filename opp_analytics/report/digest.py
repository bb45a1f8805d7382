"""The first screen of the page as plain data, for where there are no pictures: chat and mail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from opp_analytics.report.model import Cell, Line, Page, Table, Tile
from opp_analytics.text import MISSING

__all__ = ["Digest", "Section", "digest"]

_SECTIONS = {"people": "People", "risk": "Deals to question"}
"""The blocks that a digest has, and their names."""
_MOST = 5
"""Deals to question that a mail or a chat has room for."""


@dataclass(frozen=True)
class Section:
    """A table in words."""

    name: str
    title: str
    """The finding."""
    note: str
    columns: tuple[str, ...]
    right: tuple[bool, ...]
    """True for each column of numbers."""
    rows: tuple[tuple[str, ...], ...]

    @property
    def items(self) -> tuple[tuple[str, str, str], ...]:
        """The first deals to question: the name of each, what is known of it, and why; none for people."""
        if self.name != _SECTIONS["risk"]:
            return ()
        return tuple((row[0], self._facts(row), row[-1]) for row in self.rows[:_MOST])

    @property
    def more(self) -> str:
        """What `items` leaves out."""
        left = len(self.rows) - _MOST
        return f"{left} more on the page" if self.items and left > 0 else ""

    def _facts(self, row: tuple[str, ...]) -> str:
        named = zip(self.columns[1:-1], row[1:-1], strict=True)
        return ", ".join(f"{name.lower()} {cell}" for name, cell in named if cell != MISSING)


@dataclass(frozen=True)
class Digest:
    """What a reader in a hurry needs of the page."""

    heading: str
    sentence: str
    second: str
    warnings: tuple[str, ...]
    tiles: tuple[tuple[str, str, str], ...]
    """Name, figure, and what is said of it."""
    sections: tuple[Section, ...]


def digest(page: Page) -> Digest:
    """The page's first words, tiles, people and deals at risk."""
    return Digest(
        f"{page.heading} · {page.subject}",
        page.sentence,
        page.second,
        page.warnings,
        tuple((tile.name, tile.figure, _said(tile, page.since)) for tile in page.tiles),
        tuple(_sections(page)),
    )


def _said(tile: Tile, since: str) -> str:
    change = f"{_shown(tile.change)} since {since}" if tile.change else ""
    return ", ".join(filter(None, (change, tile.note)))


def _sections(page: Page) -> Iterator[Section]:
    for block in page.blocks:
        if name := _SECTIONS.get(block.key):
            tables = [part for part in block.parts if isinstance(part, Table)]
            yield _section(
                name, block.title, block.sub if block.key == "risk" else "", tables[0] if tables else None
            )


def _section(name: str, title: str, note: str, table: Table | None) -> Section:
    if table is None:
        return Section(name, title, note, (), (), ())
    places = [place for place, column in enumerate(table.columns) if column.kind != "pict"]
    columns = [table.columns[place] for place in places]
    rows = (
        tuple(_shown(line.cells[place]) for place in places)
        for group in table.groups
        for line in group.lines
        if _is_in_view(line, folded=group.folded)
    )
    return Section(
        name,
        title,
        note,
        tuple(column.title for column in columns),
        tuple(column.right for column in columns),
        tuple(rows),
    )


def _is_in_view(line: Line, *, folded: bool) -> bool:
    return line.level != "member" or line.kept or not folded


def _shown(cell: Cell) -> str:
    arrow = {1: "▲ ", -1: "▼ "}.get(cell.sign or 0, "")
    return f"{arrow}{cell.lead}{cell.text}"
