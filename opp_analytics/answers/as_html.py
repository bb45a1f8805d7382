"""An answer as a fragment of HTML for a notebook: plain tables that take the page's own style."""

from __future__ import annotations

from html import escape

from opp_analytics.answers.as_text import write_cells
from opp_analytics.answers.data import AnswerData, Table
from opp_analytics.columns import find_unit

_MOST = 60
"""Rows of a table, as many as pandas shows."""


def write_html(answer: AnswerData) -> str:
    """Write the finding, the tables and the notes; every word is escaped."""
    notes = [*(answer.say(note) for note in answer.notes), *(one.what for one in answer.lacks)]
    said = "".join(f"<p>{escape(note)}.</p>" for note in notes)
    tables = "".join(_write_table(answer, table) for table in answer.tables)
    return f"<h4>{escape(answer.title)}</h4><p><b>{escape(answer.sentence)}</b></p>{tables}{said}"


def _write_table(answer: AnswerData, table: Table) -> str:
    columns = answer.title_columns(table)
    sides = ["right" if find_unit(name) != "other" else "left" for name in columns]

    def line(tag: str, cells: list[str]) -> str:
        written = zip(cells, ["left", *sides], strict=True)
        return "".join(
            f'<{tag} style="text-align:{side}">{escape(cell)}</{tag}>' for cell, side in written
        )

    head = line("th", ["", *columns.values()])
    rows = "".join(
        f"<tr>{line('td', [row.name.write(None), *write_cells(answer, columns, row)])}</tr>"
        for row in table.rows[:_MOST]
    )
    rest = len(table.rows) - _MOST
    more = f"<p>… and {rest:,} more</p>" if rest > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}"
