"""The first screen of the page without pictures: as plain data, as Markdown for a chat, and as a mail."""

from __future__ import annotations

import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from rich.cells import cell_len

from opp_analytics import text
from opp_analytics.errors import ConfigError, DataWarning
from opp_analytics.files import digest as checksum
from opp_analytics.report.html import render_template
from opp_analytics.report.model import Alert, Block, Cell, Table, WeeklyPage
from opp_analytics.text import MISSING

_SECTIONS = {"people": "People", "risk": "Deals to question"}
"""The blocks that a digest has, and their names."""
_FACTS = {"Stated": "stated ", "From history": "from history ", "Close": "close date "}
"""Words before the facts of a deal that do not speak for themselves, by column."""
_MOST_DEALS = 5
"""Deals to question that a mail or a chat has room for."""
_LONGEST, _LARGE = 150, 10_000_000
"""Letters of a subject, about what a list of messages shows; bytes of a message that many servers refuse."""
_KINDS = {
    ".html": ("text/html", "the page"),
    ".htm": ("text/html", "the page"),
    ".xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "its workbook"),
    ".pdf": ("application/pdf", "a PDF"),
}
"""Type and name of each attachment; the machine's own table of types differs from the next one's."""
_DRAFT = {"X-Unsent": "1"}
# Keeps out-of-office answers away: RFC 3834, and what Exchange reads.
_AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "OOF, AutoReply"}


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
    levels: tuple[str, ...]
    """Of each row: group, member, total, or nothing where there are no groups."""

    @property
    def items(self) -> tuple[tuple[str, str, str], ...]:
        """The first deals to question: the name of each, what is known of it, and why; none for people."""
        if self.name != _SECTIONS["risk"]:
            return ()
        return tuple((row[0], self._facts(row), row[-1]) for row in self.rows[:_MOST_DEALS])

    @property
    def more(self) -> str:
        """What `items` leaves out."""
        left = len(self.rows) - _MOST_DEALS
        return f"{left} more on the page" if self.items and left > 0 else ""

    def _facts(self, row: tuple[str, ...]) -> str:
        named = zip(self.columns[1:-1], row[1:-1], strict=True)
        # "From history, its month" is said as "from history 14% in its month".
        facts = ((*name.partition(", ")[::2], cell) for name, cell in named if cell != MISSING)
        return " · ".join(
            f"{_FACTS.get(name, '')}{cell}{when and f' in {when}'}" for name, when, cell in facts
        )


@dataclass(frozen=True)
class Digest:
    """What a reader in a hurry needs of the page."""

    heading: str
    alerts: tuple[Alert, ...]
    sentence: str
    second: str
    warnings: tuple[str, ...]
    tiles: tuple[tuple[str, str, str], ...]
    """Name, figure, and what is said of it."""
    sections: tuple[Section, ...]
    ended: tuple[str, ...] = ()
    """A sentence for each alert that no longer holds."""
    subject: str = ""
    """Of the mail; by default the sentence."""

    def keep_alerts(self, began: Sequence[str], ended: Sequence[str]) -> Digest:
        """Keep what a message of alerts alone says: what began and ended to hold, and the page's sentence."""
        return replace(
            self, alerts=tuple(map(Alert, began)), ended=tuple(ended), subject=[*began, *ended][0],
            second="", tiles=(), sections=(),
        )  # fmt: skip


def make_digest(page: WeeklyPage) -> Digest:
    """Keep the page's first words, tiles, people and deals at risk."""
    tiles = []
    for tile in page.tiles:
        change = f"{_write_cell(tile.change)} since {page.since}" if tile.change else ""
        tiles.append((tile.name, tile.figure, ", ".join(filter(None, (change, tile.note)))))
    sections = tuple(_make_section(block) for block in page.blocks if block.key in _SECTIONS)
    heading = f"{page.heading} · {page.subject}"
    return Digest(heading, page.alerts, page.sentence, page.second, page.warnings, tuple(tiles), sections)


def _make_section(block: Block) -> Section:
    """Put a block's table in words, without pictures and folded lines."""
    name, note = _SECTIONS[block.key], block.sub if block.key == "risk" else ""
    table = next((part for part in block.parts if isinstance(part, Table)), None)
    if table is None:
        return Section(name, block.title, note, (), (), (), ())
    places = [place for place, column in enumerate(table.columns) if column.kind != "pict"]
    columns = [table.columns[place] for place in places]
    lines = [
        line
        for group in table.groups
        for line in group.lines
        if line.level != "member" or line.kept or not group.folded
    ]
    rows = tuple(tuple(_write_cell(line.cells[place]) for place in places) for line in lines)
    heads, right = tuple(column.title for column in columns), tuple(column.right for column in columns)
    return Section(name, block.title, note, heads, right, rows, tuple(line.level for line in lines))


def _write_cell(cell: Cell) -> str:
    arrow = {1: "▲ ", -1: "▼ "}.get(cell.sign or 0, "")
    said = " ".join(filter(None, (cell.small, cell.by and f"by {cell.by}")))
    said = f" ({said})" if said else ""
    return f"{arrow}{cell.lead}{cell.text}{said}"


_SPECIAL = re.compile(r"[\\`*]|(?<!\w)_|_(?!\w)|<(?=[A-Za-z/!?])|\](?=\()|~(?=~)|^[#>+-]")
"""What Markdown reads as more than text; chat shows a backslash that is not needed."""


class _Marks(NamedTuple):
    """How a text sets off what matters."""

    text: Callable[[str], str]
    bold: Callable[[str], str]
    table: Callable[[str], str]


def write_markdown(digest: Digest) -> str:
    """Write alerts, headline, tiles as a list, people as a table of fixed width (chat has no other), and the deals to question."""
    return _write(digest, _MARKDOWN)


def write_plain(digest: Digest) -> str:
    """Write the same words without marks."""
    return _write(digest, _PLAIN)


def _write(digest: Digest, marks: _Marks) -> str:
    parts = [marks.bold(digest.heading)]
    parts += [
        marks.text(alert.words) if alert.new is False else marks.bold(alert.words) for alert in digest.alerts
    ]
    parts += map(marks.text, digest.ended)
    parts.append(marks.bold(digest.sentence))
    parts += [marks.text(digest.second)] if digest.second else []
    parts += [marks.bold(warning) for warning in digest.warnings]
    tiles = (
        f"- {marks.text(name)}: {marks.bold(figure)}" + (f" ({marks.text(words)})" if words else "")
        for name, figure, words in digest.tiles
    )
    parts += ["\n".join(tiles)] if digest.tiles else []
    for section in digest.sections:
        parts += _write_section(section, marks)
    return "\n\n".join(parts) + "\n"


def _write_section(section: Section, marks: _Marks) -> Iterator[str]:
    yield marks.bold(section.title)
    if section.note:
        yield marks.text(section.note)
    if section.items:
        deals = [
            f"- {marks.bold(name)}: {'. '.join(marks.text(words) for words in facts if words)}"
            for name, *facts in section.items
        ]
        yield "\n".join([*deals, *([f"- {section.more}"] if section.more else [])])
    elif section.rows:
        yield marks.table(_align(section))


def _align(section: Section) -> str:
    indents = ["  " if level == "member" else "" for level in section.levels]
    rows = [(f"{indent}{name}", *cells) for indent, (name, *cells) in zip(indents, section.rows, strict=True)]
    table = [section.columns, *rows]
    widths = [max(cell_len(row[place]) for row in table) for place in range(len(section.columns))]
    lines = []
    for row in table:
        cells = []
        for cell, width, right in zip(row, widths, section.right, strict=True):
            blanks = " " * (width - cell_len(cell))
            cells.append(blanks + cell if right else cell + blanks)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _escape(words: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", words)


# A fence in a name would end that of a table.
_MARKDOWN = _Marks(
    _escape, lambda words: f"**{_escape(words)}**", lambda table: "```\n" + table.replace("`", "'") + "\n```"
)
_PLAIN = _Marks(str, str, str)


def write_mail(
    digest: Digest, files: Mapping[str, bytes], headers: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    """Write a message with `files` attached by name; the same arguments give the same bytes.

    `headers` has From, To, Date and Message-ID; without any it is a draft, to which a mail program adds sender and receivers.
    """
    try:
        import css_inline
    except ImportError:
        raise ConfigError(
            "the mail needs css-inline; install it with: pip install 'opp-analytics[report]'"
        ) from None
    message = EmailMessage(policy=SMTP)
    for name, value in ((headers and {**headers, **_AUTOMATIC}) or _DRAFT).items():
        message[name] = value
    attached = text.joined(_KINDS[Path(name).suffix.lower()][1] for name in files)
    attached = f"{text.capital(attached)} {'is' if len(files) == 1 else 'are'} attached." if files else ""
    # Mail programs drop style sheets, so each element gets its own style.
    html = css_inline.CSSInliner(load_remote_stylesheets=False).inline(
        render_template("mail.html", digest=digest, attached=attached)
    )
    message.set_content("\n\n".join([write_plain(digest).rstrip(), *filter(None, [attached])]) + "\n")
    message.add_alternative(html, subtype="html")
    for name, content in files.items():
        maintype, _, subtype = _KINDS[Path(name).suffix.lower()][0].partition("/")
        message.add_attachment(content, maintype=maintype, subtype=subtype, filename=text.one_line(name))
    # Boundaries that no text of the message can know.
    seed = checksum(html.encode())[:16]
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=={seed}-{number}==")
    subject = _shorten(digest.subject or digest.sentence)
    # The policy's own folding doubles the blank before an encoded word.
    plain = subject.isascii() and "=?" not in subject
    folded = Header(subject, None if plain else "utf-8", header_name="Subject").encode(linesep="\r\n")
    content = f"Subject: {folded}\r\n".encode("ascii") + message.as_bytes()
    if len(content) > _LARGE:
        warnings.warn(
            f"the mail has {len(content) / 1e6:.0f} MB; many mail servers refuse more than {_LARGE / 1e6:.0f} MB",
            DataWarning,
            stacklevel=2,
        )
    return content


def _shorten(sentence: str) -> str:
    """Shorten a sentence to a subject, between words where it has any."""
    if len(sentence) <= _LONGEST:
        return sentence
    short = textwrap.shorten(sentence, _LONGEST, placeholder=" …")
    return short if short != "…" else f"{sentence[: _LONGEST - 1]}…"
