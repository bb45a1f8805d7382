"""What a page says, read back from its file."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder

_VOID = {"meta", "link", "br", "img"}
_DRAWN = ("svg", "style", "title")


class _Tree(HTMLParser):
    """An HTML document as a tree."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.builder = TreeBuilder()
        self.feed(text)
        self.root = self.builder.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        if tag in _VOID:
            self.builder.end(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        self.builder.end(tag)

    def handle_endtag(self, tag: str) -> None:
        self.builder.end(tag)

    def handle_data(self, data: str) -> None:
        self.builder.data(data)


@dataclass(frozen=True)
class Read:
    """A page."""

    root: Element

    @property
    def sentence(self) -> str:
        """The first words."""
        return words(one(self.root, "h1"))

    @property
    def second(self) -> str:
        """The second sentence, or nothing."""
        found = by_class(self.root, "lede")
        return words(found[0]) if found else ""

    @property
    def warnings(self) -> list[str]:
        """The warnings at the top."""
        return [words(found) for found in by_class(self.root, "alarm")]

    @property
    def tiles(self) -> dict[str, tuple[str, str, str]]:
        """Figure, change and note of each tile."""
        return {
            words(by_class(tile, "k")[0]): (
                words(by_class(tile, "v")[0]),
                words(by_class(tile, "d")[0]),
                words(by_class(tile, "n")[0]),
            )
            for tile in by_class(self.root, "tile")
        }

    @property
    def keys(self) -> list[str]:
        """The blocks, in order."""
        return [found.get("id", "") for found in self.root.iter("section")]

    def block(self, key: str) -> Element:
        """A block."""
        return next(found for found in self.root.iter("section") if found.get("id") == key)

    def title(self, key: str) -> str:
        """The finding of a block."""
        return words(one(self.block(key), "h2"))

    def note(self, key: str) -> str:
        """The line that a block without anything to show says."""
        return words(by_class(self.block(key), "none")[0])

    def table(self, key: str, place: int = 0) -> list[list[str]]:
        """The rows of a block's table, without those that list deals; the headings first."""
        found = [table for table in self.block(key).iter("table") if "st" in classes(table)][place]
        rows = [row for row in found.iter("tr") if "deals" not in classes(row)]
        inner = {id(row) for lists in by_class(found, "dl") for row in lists.iter("tr")}
        return [[words(cell) for cell in row] for row in rows if id(row) not in inner]

    def rows(self, key: str) -> list[list[str]]:
        """The rows of a block's row chart: label and figures; the headings first where it has
        some."""
        return [
            [words(cell) for cell in row if "pic" not in classes(cell)]
            for row in by_class(self.block(key), "row")
        ]

    def deals(self, key: str, caption: str) -> list[list[str]]:
        """A list of deals of a block."""
        for found in by_class(self.block(key), "dl"):
            if words(one(found, "caption")) == caption:
                return [[words(cell) for cell in row] for row in one(found, "tbody").iter("tr")]
        raise LookupError(caption)


def read(file: Path | str) -> Read:
    """A page from its file, or from its text."""
    text = file.read_text("utf-8") if isinstance(file, Path) else file
    return Read(_Tree(text).root)


def classes(element: Element) -> list[str]:
    """The classes of an element."""
    return element.get("class", "").split()


def by_class(element: Element, name: str) -> list[Element]:
    """The elements of a class."""
    return [found for found in element.iter() if name in classes(found)]


def one(element: Element, tag: str) -> Element:
    """The first element of a kind."""
    return next(element.iter(tag))


def words(element: Element) -> str:
    """The text of an element, without what is drawn."""
    return " ".join("".join(_text(element)).split())


def _text(element: Element) -> list[str]:
    if element.tag in _DRAWN:
        return []
    found = [element.text or ""]
    for child in element:
        found += [*_text(child), child.tail or ""]
    return found


def list_lines(table: Any) -> dict[str, list[str]]:
    """The texts of a block's table by the first cell of each line, without pictures."""
    return {
        line.cells[0].text: [
            cell.text
            for column, cell in zip(table.columns[1:], line.cells[1:], strict=True)
            if column.title
        ]
        for group in table.groups
        for line in group.lines
    }
