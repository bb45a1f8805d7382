"""The dropdowns of a workbook: the values of a column, and the rule that lists them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from opp_analytics.org import PIPELINE, Org, Stages
from opp_analytics.writer.plan.cells import choices

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["LONGEST_RULE", "Dropdown", "dropdowns"]

LONGEST_RULE = 255
"""Characters that Excel takes in a rule and in its message."""
_LISTS = "_lists"
"""The hidden sheet of dropdowns that a rule cannot hold."""


class Dropdown(NamedTuple):
    """The values of a dropdown, and the formula that lists them, as it is in row 2."""

    names: tuple[str, ...]
    formula: str


def dropdowns(book: Workbook, meaning: Org, columns: Sequence[str]) -> dict[str, Dropdown]:
    """The dropdown of each column with a fixed set of values.

    The values are in the cell's own rule where Excel takes them there, else in a hidden sheet. Where an org has several
    pipelines, a deal's stages are those of its own.
    """
    found = {}
    for place, (column, names) in enumerate(choices(meaning).items(), start=1):
        formula = f'"{",".join(names)}"'
        if len(formula) > LONGEST_RULE or any(sign in name for name in names for sign in ',"'):
            formula = _column(_lists(book), place, names)
        found[column] = Dropdown(names, formula)
    if meaning.stages.pipelines and PIPELINE in columns:
        found["stage"] = Dropdown(
            meaning.stages.names, _by_pipeline(_lists(book), meaning.stages, columns.index(PIPELINE) + 1)
        )
    return found


def _lists(book: Workbook) -> Worksheet:
    listed: Worksheet = book[_LISTS] if _LISTS in book.sheetnames else book.create_sheet(_LISTS)
    listed.sheet_state = "hidden"
    return listed


def _column(listed: Worksheet, place: int, names: Sequence[str], *, top: int = 1) -> str:
    """Write names below each other; the range that they fill."""
    for number, name in enumerate(names, start=top):
        cell = listed.cell(number, place)
        cell.value, cell.data_type = name, "s"
    letter = listed.cell(1, place).column_letter
    return f"{_LISTS}!${letter}${top}:${letter}${top + len(names) - 1}"


def _by_pipeline(listed: Worksheet, stages: Stages, at: int) -> str:
    """A column for each pipeline, headed by its name and number of stages, and a last one of all stages.

    The formula is the column that is headed by the pipeline of the row; the last one where the pipeline is blank or unknown.
    """
    from openpyxl.utils import get_column_letter

    left = listed.max_column + 1
    lists = [(name, stages.of(name).names) for name in stages.pipelines]
    for place, (name, names) in enumerate([*lists, (None, stages.names)], start=left):
        if name is not None:
            _column(listed, place, [name])
        listed.cell(2, place).value = len(names)
        _column(listed, place, names, top=3)
    first, last, rest = (get_column_letter(left + more) for more in (0, len(lists) - 1, len(lists)))
    which = f"IFERROR(MATCH(${get_column_letter(at)}2,{_LISTS}!${first}$1:${last}$1,0),{len(lists) + 1})"
    count = f"INDEX({_LISTS}!${first}$2:${rest}$2,{which})"
    return f"OFFSET({_LISTS}!${first}$3,0,{which}-1,{count},1)"
