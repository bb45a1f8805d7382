"""The answer to a question, which shows itself as JSON, as text and in a notebook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from opp_analytics import schema, text
from opp_analytics.answers.as_html import write_html, write_page
from opp_analytics.answers.as_json import to_dict
from opp_analytics.answers.as_text import write_figure, write_text
from opp_analytics.answers.context import Context
from opp_analytics.answers.data import AnswerData, Row, Table, is_news
from opp_analytics.columns import find_unit, write_label
from opp_analytics.text import Piece, Sentence

_NAMED = 5
"""Deals that are no longer listed, as many as a line names."""
_MOVES = ("close_date", "stage", "owner_name")
"""Columns that say where a deal went."""


@dataclass(frozen=True)
class Answer(AnswerData):
    """A question answered for a context; `ask` gives it, and a notebook shows it."""

    opener: Callable[[Row], Answer | None] | None = field(default=None, repr=False)
    """Answers what is behind a row."""
    _opened: dict[int, tuple[Row, Answer | None]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """By the row's identity: page and workbook open the same rows."""

    def opens(self, row: Row) -> Answer | None:
        """Answer what is behind a `row`; None where nothing is."""
        if self.opener is None:
            return None
        if id(row) not in self._opened:
            self._opened[id(row)] = row, self.opener(row)
        return self._opened[id(row)][1]

    def beside(self, then: Answer) -> Answer:
        """Say beside each figure and row what planned changes add to it, `then` without them."""
        was = {one[:2]: one for one in then.figures}
        figures = []
        for one in self.figures:
            before = was.get(one[:2], one)
            figure = one._replace(then=None)
            if write_figure(self, before) != write_figure(self, one):
                words = f"without the changes {write_figure(self, before)}"
                figure = one._replace(then=before.value, words=words)
            figures.append(figure)
        tables, gone = self.tables, _list_gone(self.context, then.context)
        if tables and then.tables:
            table, rows = _add_change(tables[0], then.tables[0])
            tables, gone = (table, *tables[1:]), rows | gone
        said = Sentence.join([*gone.values()][:_NAMED], ", ").pieces
        more = f", and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
        notes = [Sentence.of("no longer here: ", *said, more)] if gone else []
        return replace(self, figures=tuple(figures), tables=tables, notes=(*self.notes, *notes))

    def to_html(self) -> str:
        """Write a page that holds the answer, with its picture."""
        return write_page(self)

    def to_dict(self, *, most: int | None = None, after: str | None = None) -> dict[str, Any]:
        """Write plain JSON with exact numbers.

        Of the first table at `most` so many rows, those `after` the row of that id.
        """
        return to_dict(self, most, after)

    def write(self, *, most: int | None = None) -> str:
        """Write plain text, with `most` rows of each table at most."""
        return write_text(self, most)

    def _repr_html_(self) -> str:
        return write_html(self)


def _add_change(now: Table, then: Table) -> tuple[Table, dict[str, Sentence]]:
    """Add to each row of money what it is more than `then`; name the rows that are gone by id."""
    name = "planned_change"
    money = [name for name in now.columns if find_unit(name) == "money"]
    measure = now.adds or (money[0] if money else "")
    if not measure:
        return now, {}
    was = {row.id: row for row in then.rows}
    rows = []
    for row in now.rows:
        before = was.pop(row.id, None)
        amounts = [one.values.get(measure, 0.0) for one in (row, *([before] if before else []))]
        change = round(amounts[0] - sum(amounts[1:]), 2)
        told = is_news(change, 0.0 if row.kind == "deal" else amounts[-1])
        rows.append(replace(row, values={**row.values, name: change}) if told else row)
    gone = {
        one.id: Sentence.of(one.name, " ", Piece("money", one.values[measure]))
        for one in was.values()
        if one.values.get(measure)
    }
    return replace(now, columns=(*now.columns, name), rows=tuple(rows)), gone


def _list_gone(now: Context, then: Context) -> dict[str, Sentence]:
    """Name the deals that no filter chooses any more, by id, with what they are by now."""
    mine = schema.is_among(then.opportunities["unique_id"], now.opportunities["unique_id"])
    left, whole = then.opportunities[~mine], now.whole.set_index("unique_id")
    gone = {}
    for deal in left.to_dict("records"):
        name, value = Piece("name", deal["name"]), Piece("money", deal["value"])
        what = "removed"
        if deal["unique_id"] in whole.index:
            after = whole.loc[deal["unique_id"]]
            changed = [each for each in _MOVES if str(after.get(each)) != str(deal.get(each))]
            what = text.joined([_say_now(now, each, after[each]) for each in changed])
        gone[str(deal["unique_id"])] = Sentence.of(name, " ", value, f" ({what})")
    return gone


def _say_now(context: Context, column: str, value: Any) -> str:
    if schema.is_blank(value):
        return f"no {text.label(column)}"
    if column == "close_date":
        return f"now due {context.write_day(value)}"
    return f"now {write_label(column, value)}"
