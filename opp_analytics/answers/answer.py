"""The answer to a question, which shows itself as JSON, as text and in a notebook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from opp_analytics.answers.as_html import write_html, write_page
from opp_analytics.answers.as_json import to_dict
from opp_analytics.answers.as_text import write_figure, write_text
from opp_analytics.answers.data import AnswerData, Row, Table
from opp_analytics.columns import find_unit
from opp_analytics.text import Piece, Sentence


@dataclass(frozen=True)
class Answer(AnswerData):
    """A question answered for a context; `ask` gives it, and a notebook shows it."""

    opener: Callable[[Row], Answer | None] | None = field(default=None, repr=False)
    """Answers what is behind a row."""

    def opens(self, row: Row) -> Answer | None:
        """Answer what is behind a `row`; None where nothing is."""
        return None if self.opener is None else self.opener(row)

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
        tables, notes = self.tables[:1], self.notes
        if self.tables and then.tables:
            table, gone = _add_change(self.tables[0], then.tables[0])
            tables, notes = (table,), (*notes, *gone)
        return replace(
            self, figures=tuple(figures), tables=(*tables, *self.tables[1:]), notes=notes
        )

    def to_html(self) -> str:
        """Write a page that holds the answer, with its picture."""
        return write_page(self)

    def to_dict(self, *, most: int | None = None, after: str | None = None) -> dict[str, Any]:
        """Write plain JSON with exact numbers.

        Of the first table at `most` so many rows, those `after` the row of that id.
        """
        return to_dict(self, most, after)

    def write(self, *, most: int | None = None) -> str:
        """Write plain text; of each table at `most` so many rows."""
        return write_text(self, most)

    def _repr_html_(self) -> str:
        return write_html(self)


def _add_change(now: Table, then: Table) -> tuple[Table, list[Sentence]]:
    """Add to each row of money what it is more than `then`; say which rows are gone."""
    name = "planned_change"
    money = [name for name in now.columns if find_unit(name) == "money"]
    measure = now.adds or (money[0] if money else "")
    if not measure:
        return now, []
    was = {row.id: row for row in then.rows}
    rows = []
    for row in now.rows:
        before = was.pop(row.id, None)
        amounts = [one.values.get(measure, 0.0) for one in (row, *([before] if before else []))]
        change = round(amounts[0] - sum(amounts[1:]), 2)
        rows.append(replace(row, values={**row.values, name: change}) if change else row)
    gone = [
        Sentence.of(one.name, " ", Piece("money", one.values[measure]))
        for one in was.values()
        if one.values.get(measure)
    ]
    said = [Sentence.of("no longer listed: ", *Sentence.join(gone, ", ").pieces)] if gone else []
    return replace(now, columns=(*now.columns, name), rows=tuple(rows)), said
