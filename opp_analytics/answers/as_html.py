"""An answer as HTML: a fragment for a notebook, or a page of its own; with its picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import pandas as pd

from opp_analytics import svg
from opp_analytics.answers.as_text import write_cells, write_figure
from opp_analytics.answers.data import AnswerData, RowPictures, Table
from opp_analytics.charts import ChartData
from opp_analytics.columns import find_unit

_MOST = 60
"""Rows of a table, as many as pandas shows."""
_LOOK = """
.oa-answer { font: 13px/20px system-ui, sans-serif; background: var(--bg); color: var(--ink); }
.oa-answer :is(table, .rows, .plot) { margin: 12px 0; max-width: 1040px; }
.oa-answer table { border-collapse: collapse; }
.oa-answer :is(th, td) { padding: 2px 12px 2px 0; vertical-align: top; }
.oa-answer th { vertical-align: bottom; }
.oa-answer :is(th, td):first-child { min-width: 140px; }
.oa-answer .drawn { min-width: 160px; }
.oa-answer td[style$="right"] { white-space: nowrap; }
"""


def write_html(answer: AnswerData) -> str:
    """Write the finding, the figures, the picture, the tables and the notes; words are escaped."""
    notes = [*(answer.say(note) for note in answer.notes), *(one.what for one in answer.lacks)]
    said = "".join(f"<p>{escape(note)}.</p>" for note in notes)
    pictures = [draw_rows(answer), *[("", {})] * len(answer.main_tables)]
    tables = "".join(
        _write_table(answer, table, *drawn)
        for table, drawn in zip(answer.main_tables, pictures, strict=False)
    )
    figures = " · ".join(
        f"{escape(one.name)} <b>{escape(write_figure(answer, one))}</b>" for one in answer.figures
    )
    drawn = draw(answer)
    picture = drawn if isinstance(drawn, str) else drawn.html()
    # The pictures' rules hold inside of the answer only.
    style = f"<style>{_LOOK}.oa-answer{{{svg.stylesheet().replace(':root', '&')}}}</style>"
    return (
        f'{style}<div class="oa-answer"><h4>{escape(answer.subject)}</h4>'
        f"<p><b>{escape(answer.sentence)}</b></p>{figures and f'<p>{figures}</p>'}"
        f"{picture}{tables}{said}</div>"
    )


def write_page(*answers: AnswerData) -> str:
    """Write a page that holds nothing but answers, and asks for nothing else."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{escape(answers[0].subject)}</title>{''.join(map(write_html, answers))}</html>"
    )


def draw(answer: AnswerData) -> Any:
    """Draw the picture of an answer: `svg.Rows`, or text; empty without one for all rows."""
    return svg.draw(answer.chart) if answer.tables and isinstance(answer.chart, ChartData) else ""


def draw_rows(answer: AnswerData) -> tuple[str, dict[str, str]]:
    """Draw the scale of the first table, and the picture of each row by id; empty without any."""
    if not answer.tables or not isinstance(answer.chart, RowPictures):
        return "", {}
    kind, columns, args, options = answer.chart
    rows = answer.tables[0].rows
    known = [{"name": row.name.write(None), **row.values} for row in rows]
    frame = pd.DataFrame(known, index=[row.id for row in rows], columns=["name", *columns])
    axis, pictures = getattr(svg, kind)(frame, *args, **options)
    return axis, pictures


def _write_table(answer: AnswerData, table: Table, axis: str, pictures: Mapping[str, str]) -> str:
    columns = answer.title_columns(table)
    sides = ["right" if find_unit(name) != "other" else "left" for name in columns]

    def line(tag: str, name: str, picture: str, cells: Iterable[str], depth: int = 0) -> str:
        drawn = f'<{tag} class="drawn"><div class="pic">{picture}</div></{tag}>' if pictures else ""
        written = "".join(
            f'<{tag} style="text-align:{side}">{escape(cell)}</{tag}>'
            for side, cell in zip(sides, cells, strict=True)
        )
        indent = f"text-align:left;padding-left:{depth}em"
        return f'<tr><{tag} style="{indent}">{escape(name)}</{tag}>{drawn}{written}</tr>'

    head = line("th", "", axis, columns.values())
    rows = "".join(
        line(
            "td",
            row.name.write(None),
            pictures.get(row.id, ""),
            write_cells(answer, columns, row),
            row.depth,
        )
        for row in table.rows[:_MOST]
    )
    rest = len(table.rows) - _MOST
    more = f"<p>… and {rest:,} more</p>" if rest > 0 else ""
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>{more}"
