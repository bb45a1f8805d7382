"""The first screen of the page without pictures: as data, chat Markdown and mail."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from types import MappingProxyType

from opp_analytics import answers, text
from opp_analytics.answers import Alert, Answer, Context, Row
from opp_analytics.errors import ConfigError, DataWarning
from opp_analytics.escaping import escape_chat, escape_markdown
from opp_analytics.files import digest as checksum
from opp_analytics.report.html import render_template
from opp_analytics.report.model import WeeklyPage, clean
from opp_analytics.schema import NO_LABEL
from opp_analytics.text import Sentence

_MOST = 8
"""Rows that a mail or a chat has room for."""
_STEPS = 4
"""Steps of a forecast that it names."""
_LONGEST, _LARGE = 150, 10_000_000
"""Letters of a subject, about what a list of messages shows; bytes of a message that many servers
refuse."""
_KINDS = {
    ".html": ("text/html", "the page"),
    ".htm": ("text/html", "the page"),
    ".xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "its workbook"),
}
"""Type and name of each attachment; the machine's own table of types differs from the next
one's."""
_DRAFT = {"X-Unsent": "1"}
# Keeps out-of-office answers away: RFC 3834, and what Exchange reads.
_AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "OOF, AutoReply"}


@dataclass(frozen=True)
class Saying:
    """A row as a sentence."""

    name: str
    """What it begins with: a deal, a team or a person."""
    words: str
    """The rest, from its first sign on."""
    strong: bool = True
    """True where the name is bold."""


@dataclass(frozen=True)
class Section:
    """An answer in words."""

    key: str
    title: str
    """The finding."""
    note: str = ""
    says: tuple[Saying, ...] = ()
    """Its rows as sentences, the most important first."""
    rest: str = ""
    """How many more rows there are, and where."""


@dataclass(frozen=True)
class Digest:
    """The page for a reader in a hurry."""

    heading: str
    alerts: tuple[Alert, ...]
    sentence: str
    second: str
    warnings: tuple[str, ...]
    tiles: tuple[tuple[str, str, str, str], ...]
    """Name, figure, how it changed, and what else is said of it."""
    sections: tuple[Section, ...]
    subject: str = ""
    """Of the mail; by default the sentence."""
    whose: str = ""
    """Whose page it is, and of which day."""
    alone: bool = False
    """True where the alerts are the news, and the sentence only adds to them."""

    def keep_alerts(self, lines: Sequence[Alert]) -> Digest:
        """Keep what a message of alerts alone says, and the page's sentence.

        It says what began, ended and was passed.
        """
        return replace(
            self,
            heading=f"Alerts · {self.whose}",
            alerts=tuple(lines),
            subject=f"{self.subject.removesuffix(self.sentence)}{lines[0]}",
            second="",
            tiles=(),
            sections=(),
            alone=True,
        )


def make_digest(page: WeeklyPage, context: Context) -> Digest:
    """Keep the page's first words and tiles; its people and deals are those of the answers."""
    tiles, since = list[tuple[str, str, str, str]](), f" since {page.since}"
    for tile in page.tiles:
        change = ""
        if tile.change:
            way = {1: "up ", -1: "down "}.get(tile.change.sign or 0, "")
            change, since = f"{way}{tile.change.text}{since}", ""
        more = f"; {tile.apart}" if tile.apart else ""
        change, note = (change + more, tile.note) if change else ("", tile.note + more)
        tiles.append((tile.name, tile.figure, change, note))
    made = [_SECTIONS[block.key](context) for block in page.blocks if block.key in _SECTIONS]
    # The list of people says more of whom the sentence names.
    is_listed = any(one.says and one.key == "people" for one in made)
    most = answers.say_most_to_go(context) if is_listed else ""
    first = answers.will_we_make_it(context)
    said = (f"{first.say(note)}." for note in first.notes)
    return Digest(
        f"{page.heading} · {page.subject}",
        page.alerts,
        page.sentence,
        clean(" ".join(words for words in said if words != most)),
        page.warnings,
        tuple(tiles),
        tuple(clean(section) for section in made),
        subject=f"{clean(context.only)}: {page.sentence}" if context.only else "",
        whose=page.subject,
    )


def _write_people(context: Context) -> Section:
    """Put teams and people in words; who has most to go is said first, what is nobody's last."""

    def rank(row: Row) -> tuple[bool, bool, float, float]:
        gap, expected = (row.values.get(name, -math.inf) for name in ("gap", "expected"))
        return row.name.value == NO_LABEL, row.kind != "team", -gap, -expected

    answer = answers.people(context)
    rows = (row for table in answer.tables for row in table.rows if row.kind != "total")
    # Below the deals of no team are those of nobody: the same ones.
    named = (row for row in rows if row.name.value != NO_LABEL or not row.depth)
    return _write_section(answer, sorted(named, key=rank))


def _write_act_today(context: Context) -> Section:
    """Put what to do today in words, the verb before the deal."""
    answer = answers.act_today(context)
    section = _write_section(answer, answer.tables[0].rows)
    verbs = map(answers.name_action, answer.tables[0].rows)
    says = zip(verbs, section.says, strict=True)
    return replace(
        section,
        says=tuple(replace(one, name=f"{verb} {one.name}") for verb, one in says),
    )


def _write_why_it_moved(context: Context) -> Section:
    """Put the largest steps in words."""
    answer = answers.why_it_moved(context)
    rows = [row for table in answer.tables for row in table.rows if row.kind == "step"]
    rows.sort(key=lambda row: -abs(row.values["change"]))
    return _write_section(answer, rows, _STEPS)


def _write_section(answer: Answer, rows: Sequence[Row], most: int = _MOST) -> Section:
    title = answer.say(answer.finding)
    if not answer.tables:
        return Section(answer.key, answer.title, f"{title}.")
    notes = " ".join(f"{answer.say(note)}." for note in answer.notes)
    says = (
        Saying(row.name.write(None), answer.say(row.says or Sentence()), row.kind != "person")
        for row in rows[:most]
    )
    rest = f"{len(rows) - most} more on the page" if len(rows) > most else ""
    return Section(answer.key, title, notes, tuple(says), rest)


_SECTIONS: dict[str, Callable[[Context], Section]] = {
    "act_today": _write_act_today,
    "people": _write_people,
    "why_it_moved": _write_why_it_moved,
}
"""The blocks that a digest has."""


@dataclass(frozen=True)
class Marks:
    """The marks by which a text sets off what matters."""

    text: Callable[[str], str]
    """Shows words as they are, and calls nobody whom they name."""
    bold: str = ""
    """Sign around what is bold."""

    def stress(self, words: str, strong: bool = True) -> str:
        """Set words in bold, or only show them as they are."""
        return f"{self.bold}{self.text(words)}{self.bold}" if strong else self.text(words)


PLAIN = Marks(escape_chat)
_LETTER = Marks(str)
MARKDOWN = Marks(escape_markdown, "**")


def write_chat(
    digest: Digest, marks: Marks = MARKDOWN, fits: Callable[[str], bool] = lambda words: True
) -> str:
    """Write alerts, headline, tiles, people and the deals to question as short lines for a phone.

    Where the text does not fit, the second sentence and the last lines are left out; of all of it
    the first alert, or the headline, is left.
    """
    parts = list(_write_parts(digest, marks))
    if not fits("\n".join(parts)):
        parts = list(_write_parts(replace(digest, second=""), marks))
    least = 1 + bool(digest.heading)
    while len(parts) > least and not fits("\n".join(parts)):
        parts.pop()
    if not fits("\n".join(parts)):
        parts = parts[least - 1 : least]
    return "\n".join(parts).strip() + "\n"


def _write_parts(digest: Digest, marks: Marks) -> Iterator[str]:
    """Write lines, with an empty one before each paragraph."""
    if digest.heading:
        yield marks.stress(digest.heading)
    lines = [f"\n{marks.stress(one.words, one.tone != 'standing')}" for one in digest.alerts]
    said = f"\n{marks.stress(digest.sentence, not digest.alone)}" if digest.sentence else ""
    yield from filter(None, [*lines, said] if digest.alone else [said, *lines])
    if digest.second:
        yield f"\n{marks.text(digest.second)}"
    for warning in digest.warnings:
        yield f"\n{marks.stress(warning)}"
    lead = "\n"
    for name, figure, change, note in digest.tiles:
        said = f", {change or note}" if change or note else ""
        yield f"{lead}- {marks.text(name)}: {marks.stress(figure)}{marks.text(said)}"
        lead = ""
    for section in filter(lambda section: section.says or section.note, digest.sections):
        yield f"\n{marks.stress(section.title)}"
        if section.note:
            yield f"\n{marks.text(section.note)}"
        lead = "\n"
        for one in section.says:
            yield f"{lead}- {marks.stress(one.name, one.strong)}{marks.text(one.words)}"
            lead = ""
        if section.rest:
            yield f"- {section.rest}"


def write_mail(
    digest: Digest, files: Mapping[str, bytes], headers: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    """Write a message with `files` attached by name; the same arguments give the same bytes.

    `headers` has From, To, Date and Message-ID; without any it is a draft, to which a mail program
    adds sender and receivers.
    """
    try:
        import css_inline
    except ImportError:
        raise ConfigError(
            "the mail needs css-inline; install it with: pip install 'opp-analytics[report]'"
        ) from None
    # A server need not take letters beyond ASCII.
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    for name, value in ((headers and {**headers, **_AUTOMATIC}) or _DRAFT).items():
        message[name] = value
    attached = text.joined(_KINDS[Path(name).suffix.lower()][1] for name in files)
    attached = (
        f"{text.capital(attached)} {'is' if len(files) == 1 else 'are'} attached." if files else ""
    )
    # Mail programs drop style sheets, so each element gets its own style.
    html = css_inline.CSSInliner(load_remote_stylesheets=False).inline(
        render_template("mail.html", digest=digest, attached=attached)
    )
    message.set_content(write_chat(digest, _LETTER) + (f"\n{attached}\n" if attached else ""))
    message.add_alternative(html, subtype="html")
    for name, content in files.items():
        maintype, _, subtype = _KINDS[Path(name).suffix.lower()][0].partition("/")
        content = re.sub(rb'<a class="own".*?</a>', b"", content) if subtype == "html" else content
        message.add_attachment(
            content, maintype=maintype, subtype=subtype, filename=text.one_line(name)
        )
    # Boundaries that no text of the message can know.
    seed = checksum(html.encode())[:16]
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=={seed}-{number}==")
    subject = _shorten(digest.subject or digest.sentence)
    # The policy's own folding doubles the blank before an encoded word.
    plain = subject.isascii() and "=?" not in subject
    folded = Header(subject, None if plain else "utf-8", header_name="Subject").encode(
        linesep="\r\n"
    )
    content = f"Subject: {folded}\r\n".encode("ascii") + message.as_bytes()
    if len(content) > _LARGE:
        DataWarning.warn(
            f"the mail has {len(content) / 1e6:.0f} MB; many mail servers refuse more than "
            f"{_LARGE / 1e6:.0f} MB"
        )
    return content


def _shorten(sentence: str) -> str:
    """Shorten a sentence to a subject, between words where it has any."""
    if len(sentence) <= _LONGEST:
        return sentence
    short = textwrap.shorten(sentence, _LONGEST, placeholder=" …")
    return short if short != "…" else f"{sentence[: _LONGEST - 1]}…"
