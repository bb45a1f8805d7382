"""The parts of a page: blocks of tables, row charts and cards, as plain data.

Page, mail and chat render them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, ClassVar, Literal, TypeVar

from opp_analytics import text
from opp_analytics.answers import Alert, Part
from opp_analytics.svg import Rows
from opp_analytics.text import MISSING

_Part = TypeVar("_Part")


@dataclass(frozen=True)
class Cell:
    """A cell of a table, or a change beside a figure."""

    text: str
    tone: Literal["", "quiet", "strong", "hi"] = ""
    sign: int | None = None
    """Direction of a change, −1, 0 or 1; None for what is no change."""
    lead: str = ""
    """Bold words before the text."""
    beside: tuple[Cell, ...] = ()
    """A second, quiet line, piece by piece."""
    picture: str = ""
    """SVG in place of the text."""
    name: bool = False
    """True for a name from the data, which may run in either direction."""
    link: str = ""
    """Address of the deal in the CRM."""
    part: Part | None = None
    """The person or team that it names."""


@dataclass(frozen=True)
class Deal:
    """A deal in a list."""

    name: str
    owner: str
    stage: str
    close: str
    stated: str
    """The chance that its owner states, or its outcome."""
    history: str
    """The chance that past deals give it."""
    amounts: tuple[str, ...]
    """The amounts that its list adds up."""
    link: str = ""


@dataclass(frozen=True)
class Deals:
    """The deals behind a figure, the largest first; chances that none of them has are no column."""

    caption: str
    deals: tuple[Deal, ...]
    note: str = ""
    """What to know about all of them."""
    amounts: tuple[str, ...] = ("Value",)
    """What the amounts are."""
    sums: tuple[tuple[str, str], ...] = ()
    """Further parts of the last amount, and its total: what each is, and how much."""
    history: str = ""
    """Heading of the chances from history."""

    @property
    def chances(self) -> list[tuple[str, str]]:
        """The fields of chances that a deal of the list has, and their headings."""
        known = [("stated", "Stated"), ("history", self.history)]
        return [
            one
            for one in known
            if any(getattr(deal, one[0]) not in ("", MISSING) for deal in self.deals)
        ]


@dataclass(frozen=True)
class PageColumn:
    """A column of a table."""

    title: str
    right: bool = True
    phone: Literal["cell", "full", "two"] = "cell"
    """Place in a stacked row of a phone: a third of its width, all of it, or two thirds."""
    kind: str = ""
    """Class of its cells."""
    picture: str = ""
    """SVG in place of the title, such as a scale."""


@dataclass(frozen=True)
class Line:
    """A row of a table."""

    cells: tuple[Cell, ...]
    level: Literal["", "group", "member", "total"] = ""
    opens: Deals | None = None
    kept: bool = False
    """True for a member that stays in view when its group is folded."""


@dataclass(frozen=True)
class Group:
    """Rows of a table that belong together; the first may fold the others."""

    lines: tuple[Line, ...]
    folded: bool = False


@dataclass(frozen=True)
class PageTable:
    """A table."""

    part: ClassVar[str] = "table"
    columns: tuple[PageColumn, ...]
    groups: tuple[Group, ...]
    kind: str = ""
    """Class of the table."""
    caption: str = ""
    """Its name for a screen reader, where the block's title does not name it."""

    @property
    def sorts(self) -> bool:
        """True where a reader may want another order.

        Months keep theirs, and so do ranks that a picture shows.
        """
        return self.kind in ("people", "at_risk", "pushed")


@dataclass(frozen=True)
class Chart:
    """A picture."""

    part: ClassVar[str] = "chart"
    html: str


@dataclass(frozen=True)
class Opening:
    """A row chart whose rows open to their deals."""

    part: ClassVar[str] = "rows"
    rows: Rows
    deals: tuple[Deals | None, ...]


@dataclass(frozen=True)
class Task:
    """A line of a card: a deal to win, or a person."""

    name: Cell
    value: str
    stated: str
    history: str
    todo: str
    """What to do with it."""
    why: str = ""
    """What adds up to its chance."""


@dataclass(frozen=True)
class Goal:
    """One person's goal, and the deals to reach it."""

    name: str
    state: str
    """Closed of target, and how likely."""
    advice: str
    tasks: tuple[Task, ...]
    call: str = ""
    """The person's call beside the forecast."""


@dataclass(frozen=True)
class Goals:
    """Cards of people side by side."""

    part: ClassVar[str] = "goals"
    goals: tuple[Goal, ...]
    history: str = ""
    """Heading of the chances from history; empty where there are none."""


@dataclass(frozen=True)
class Note:
    """A line of text."""

    part: ClassVar[str] = "note"
    text: str
    command: str = ""
    """A command to run, within the text at ``{}``."""


@dataclass(frozen=True)
class Fold:
    """A line that opens to the deals behind a picture."""

    part: ClassVar[str] = "fold"
    title: str
    deals: Deals


@dataclass(frozen=True)
class Terms:
    """A fold of definitions or remarks."""

    part: ClassVar[str] = "terms"
    title: str
    terms: tuple[tuple[str, str], ...] = ()
    """Words, each with its meaning."""
    remarks: tuple[str, ...] = ()


BlockPart = PageTable | Chart | Opening | Goals | Note | Fold | Terms


@dataclass(frozen=True)
class Block:
    """A block of the page: its finding, what is shown, and the parts."""

    key: str
    title: str
    sub: str = ""
    parts: tuple[BlockPart, ...] = ()
    nav: str = ""
    """Its name in the contents; empty for none."""
    folded: Literal["", "closed", "open"] = ""
    """How it is behind its finding; empty for a block in full view."""


def say_only(key: str, title: str, words: str, nav: str = "") -> Block:
    """Make a block of one line of text."""
    return Block(key, title, parts=(Note(words),), nav=nav)


@dataclass(frozen=True)
class Tile:
    """A figure of the first screen."""

    name: str
    figure: str
    change: Cell | None = None
    note: str = ""
    picture: str = ""
    opens: Deals | None = None
    apart: str = ""
    """What of the note is said beside a change."""


@dataclass(frozen=True)
class WeeklyPage:
    """The whole page."""

    title: str
    """Of the browser's tab."""
    heading: str
    """What the page is, in one or two words."""
    subject: str
    """Whose page it is, and of which day."""
    sentence: str
    second: str
    warnings: tuple[str, ...]
    tiles: tuple[Tile, ...]
    since: str
    """The day that changes are counted from, empty without changes."""
    blocks: tuple[Block, ...]
    source: str
    """The line at the foot."""
    alerts: tuple[Alert, ...] = ()
    """The new ones first."""


def clean(part: _Part) -> _Part:
    """Clean every text of a page or a mail: one line, no control signs, names set off."""
    cleaned: Any = part
    if isinstance(part, str):
        cleaned = text.isolate(text.one_line(part))
    elif isinstance(part, tuple):
        found = tuple(map(clean, part))
        cleaned = type(part)(*found) if hasattr(part, "_fields") else found
    elif is_dataclass(part) and not isinstance(part, (type, Part)):
        cleaned = replace(
            part, **{field.name: clean(getattr(part, field.name)) for field in fields(part)}
        )
    return cleaned  # type: ignore[no-any-return]
