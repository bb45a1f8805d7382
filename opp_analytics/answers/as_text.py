"""An answer as plain text, in columns."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial

from opp_analytics import text
from opp_analytics.answers.data import AnswerData, Figure, Lack, Row, Table
from opp_analytics.columns import find_unit, format_cell


def write_text(answer: AnswerData, most: int | None = None) -> str:
    """Write the finding, `most` rows of each table at most, and the notes."""
    lines = [answer.title, answer.sentence]
    for one in answer.figures:
        value, words = explain_figure(answer, one)
        lines.append(f"{one.name}: {value}{words and f'; {words}'}")
    for table in answer.main_tables:
        lines += ["", *_write_table(answer, table, most)]
    lines += answer.sentences
    lines += map(write_lack, answer.lacks)
    return "\n".join(lines)


def write_figure(answer: AnswerData, figure: Figure, value: float | None = None) -> str:
    """Write a figure as people read it, or another `value` of it."""
    if value is None and figure.instead:
        return figure.instead
    amount, currency = figure.value if value is None else value, answer.context.org.currency
    if find_unit(figure.column) == "money":
        return text.money(amount, currency)
    return format_cell(figure.column, amount, currency)


def explain_figure(answer: AnswerData, figure: Figure) -> tuple[str, str]:
    """Write a figure with its range, and a remark: its own, else the earlier value."""
    write, then = partial(write_figure, answer, figure), figure.then
    ends = [end for end in (figure.low, figure.high) if end is not None and math.isfinite(end)]
    value = f"{write()} ({' to '.join(map(write, ends))})" if len(ends) > 1 else write()
    is_known = then is not None and math.isfinite(then) and not figure.instead
    return value, figure.remark or (f"was {write(then)}" if is_known else "")


def write_lack(lack: Lack) -> str:
    """Say what is not known, until when, and how to get it."""
    return f"{say_lack(lack)} {lack.shell_way or lack.file_way}".rstrip()


def say_lack(lack: Lack) -> str:
    """Say what is not known, and until when; a whole sentence says so itself."""
    until = f", until {lack.until}" if lack.until else ""
    said = lack.what if lack.what[:1].isupper() else f"Not known: {lack.what}"
    return f"{said}{until}."


def write_cells(answer: AnswerData, columns: Iterable[str], row: Row) -> list[str]:
    """Write a row's values as people read them, or the words in place of one."""
    currency = answer.context.org.currency

    def write(column: str) -> str:
        words = row.words[column].write(currency) if column in row.words else ""
        if column not in row.values:
            return text.capital(words) or format_cell(column, None, currency)
        return f"{format_cell(column, row.values[column], currency)} {words}".rstrip()

    return [write(column) for column in columns]


def _write_table(answer: AnswerData, table: Table, most: int | None) -> list[str]:
    shown, columns = table.rows[:most], answer.title_columns(table)
    head = ["", *columns.values()]
    cells = [
        ["  " * row.depth + row.name.write(None), *write_cells(answer, columns, row)]
        for row in shown
    ]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    right = [False, *(find_unit(name) != "other" for name in columns)]
    lines = [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in (head, *cells)
    ]
    rest = len(table.rows) - len(shown)
    return [*lines, *([f"… and {rest:,} more"] if rest else [])]
