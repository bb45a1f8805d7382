"""The plain data of an answer; surfaces show this and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from opp_analytics import text
from opp_analytics.answers.context import Context, Part
from opp_analytics.charts import ChartData
from opp_analytics.columns import find_rank, title_columns
from opp_analytics.note import TableNote
from opp_analytics.text import Piece, Sentence


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: its values by column, and words beside or in place of one."""

    id: str
    name: Piece
    values: Mapping[str, Any]
    """Numbers, dates and texts; what is not known is absent."""
    words: Mapping[str, Sentence] = field(default_factory=dict)
    kind: str = "deal"
    """What it is: deal, person, team, period, record, step, flag, category, source, rest (sums up
    rows below it), more (sums up what is not listed) or total."""
    depth: int = 0
    folded: bool = False
    """True where there is room for some rows only, and this one is not among them."""
    part: Part | None = None
    """The person or team that it is of."""
    says: Sentence | None = None
    """The row in words after its name, for mail and chat."""
    marked: str = ""
    """The column whose value stands out."""


@dataclass(frozen=True)
class Table:
    """Rows and their columns; what a row opens to adds up to it in the column `adds`."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    adds: str = ""
    heads: Mapping[str, str] = field(default_factory=dict)
    """Headings of columns that say more here than in every table, such as whose period it is."""
    finding: Sentence = field(default_factory=Sentence)
    """What it says where an answer has several."""
    note: Sentence = field(default_factory=Sentence)
    """What there is to know about it."""
    rank: int = 2
    """Who has room for it: 2 page, panel and terminal, 3 a sheet and JSON alone."""


class Figure(NamedTuple):
    """A number that leads: its value now and then, its range, and what it is measured by."""

    name: str
    column: str
    value: float
    row: str = ""
    """Id of the row that it is of."""
    words: str = ""
    """What there is to know about it."""
    instead: str = ""
    """A word in its place, where it is no number or says nothing."""
    then: float | None = None
    low: float | None = None
    high: float | None = None
    mark: float | None = None
    confidence: float | None = None
    """Level of the range."""
    apart: str = ""
    """What is won but dated later: it is in no value, and in no change."""

    @property
    def remark(self) -> str:
        """All that there is to know about it."""
        return "; ".join(filter(None, [self.words, self.apart]))


class RowPictures(NamedTuple):
    """A picture in each row of the first table, by a function of `opp_analytics.svg`."""

    kind: str
    columns: tuple[str, ...]
    """What it draws; the function takes these columns of all rows, then the others."""
    args: tuple[Any, ...] = ()
    options: Mapping[str, Any] = {}


class Lack(NamedTuple):
    """A missing fact, until when it is missing, and the way to get it."""

    what: str
    until: str = ""
    python_way: str = ""
    """An argument or call, for a notebook."""
    shell_way: str = ""
    """An option or command, for the terminal and the page."""
    file_way: str = ""
    """A line of the org file, for both."""


def lack_records(what: str, until: str = "") -> Lack:
    """Say what needs records, until when, and how to make one."""
    return Lack(what, until, "history.record(deals)", "opp-analytics record")


def read_known(row: Any, columns: Iterable[str]) -> dict[str, Any]:
    """Read the values of a row that are known, of a Series or a dict."""
    return {name: row[name] for name in columns if not pd.isna(row.get(name))}


def is_news(change: float, amount: float) -> bool:
    """Tell a change from the noise of a forecast: less than a ten-thousandth of its amount."""
    return bool(round(change, 2)) and abs(change) >= abs(amount) / 10_000


def make_periods(context: Context, table: pd.DataFrame, columns: Iterable[str]) -> tuple[Row, ...]:
    """Make the rows of a table by period, with what is known of some columns."""
    rows = zip(table.index, table.to_dict("records"), strict=True)
    return tuple(make_period(context, str(label), read_known(row, columns)) for label, row in rows)


def make_notes(*words: str) -> tuple[Sentence, ...]:
    """Make notes of all that has something to say."""
    return tuple(Sentence.of(said.removesuffix(".")) for said in words if said)


def make_period(context: Context, label: str, values: Mapping[str, Any]) -> Row:
    """Make the row of a period."""
    return Row(label, Piece("text", text.capital(context.name_of(label))), values, kind="period")


@dataclass(frozen=True)
class AnswerData:
    """The data of an answer; `Answer` also shows it."""

    key: str
    context: Context = field(repr=False)
    title: str
    finding: Sentence
    method: str = ""
    """The forecast's method where chances are in it."""
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    chart: ChartData | RowPictures | None = None
    """A picture, the rows of which have the ids of the answer's rows."""
    notes: tuple[Sentence, ...] = ()
    lacks: tuple[Lack, ...] = ()
    call: str = ""
    """What `code` says of any ``{day}``, ``{freq}`` and ``{period}``."""

    @property
    def code(self) -> str:
        """A line that gives the numbers in Python, from ``deals``, ``history`` and ``org``."""
        context = self.context
        day = str(context.day.date())
        return self.call.format(day=day, freq=context.freq, period=context.label)

    @property
    def sentence(self) -> str:
        """The finding in words, and the day of the data where that is not the day asked for."""
        seen, said = self.context.known_day, f"{self.say(self.finding)}."
        is_late = seen < self.context.day
        return f"As last seen on {text.day(seen, year=True)}: {said}" if is_late else said

    @property
    def subject(self) -> str:
        """The title, whose deals it speaks of, and how many were chosen, dated from when on."""
        context, said = self.context, [self.title]
        said += [context.part.name] if context.part else []
        if context.ids is not None:
            chosen = context.opportunities
            dated = chosen["close_date"].dropna()
            days = dict.fromkeys(map(context.write_day, (dated.min(), dated.max())))
            when = f", dated {' to '.join(days)}" if len(dated) else ""
            said.append(f"{len(chosen):,} of {text.count(len(context.whole))}{when}")
        return " · ".join(said)

    def say(self, words: Sentence) -> str:
        """Write a sentence of this answer, its `words`, in the org's currency."""
        said, first = words.write(self.context.org.currency), words.pieces[:1]
        return said if first and first[0].kind in ("name", "deal") else text.capital(said)

    @property
    def sentences(self) -> list[str]:
        """The notes as sentences."""
        return [f"{self.say(note)}." for note in self.notes]

    @property
    def main_tables(self) -> list[Table]:
        """The tables that a page, a panel or a terminal has room for."""
        return [table for table in self.tables if table.rank <= 2]

    def title_columns(self, table: Table, rank: int = 2) -> dict[str, str]:
        """Head the columns of a table that have room: up to a `rank`, 3 for a sheet.

        Columns of somebody's own are for the sheet, but whose a deal is.
        """
        titled = zip(table.columns, title_columns(table.columns, table.heads), strict=True)
        return {
            name: title
            for name, title in titled
            if name == self.context.person or find_rank(name, own=3) <= rank
        }

    def to_frame(self, table: Table | None = None) -> pd.DataFrame:
        """Make a DataFrame of a table, by default the first: ``id``, ``name`` and its columns.

        Where there is no value, its words are in the cell.
        """
        table = table or self.tables[0]
        rows = [
            {"id": row.id, "name": row.name.write(None)}
            | {name: row.values.get(name) for name in table.columns}
            | {name: self.say(said) for name, said in row.words.items() if name not in row.values}
            for row in table.rows
        ]
        context = self.context
        note = TableNote(self.key, str(context.day.date()), context.freq, org=context.org.facts)
        return note.write(pd.DataFrame(rows, columns=["id", "name", *table.columns]))
