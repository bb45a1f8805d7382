"""The rows of a sheet as the XML of an xlsx file: a fifth of what a cell object for each value takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from typing import Any

import pandas as pd

from opp_analytics import text

__all__ = ["MOST_LETTERS", "clean", "formula_cell", "rows_xml", "text_cell", "values_of"]

MOST_LETTERS = 32_767
"""Characters that a cell can hold."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that a workbook cannot contain."""
_DAY_0 = datetime(1899, 12, 30)
"""The day from which Excel counts."""
_DAY = 86_400_000_000
"""Microseconds."""
_LABELS = (
    "outcome", "movement", "check", "field", "method", "stage", "stage_after", "from_category", "to_category",
)  # fmt: skip
"""Columns of labels, which people read without underscores."""


def rows_xml(cells: Sequence[Sequence[str]], letters: Sequence[str], *, first: int) -> Iterator[bytes]:
    """Rows from the cells of their columns, from the row `first` on.

    Parameters
    ----------
    cells : list of list of str
        For each column its cells, from `values_of`, `text_cell` or `formula_cell`.
    letters : list of str
        The columns' letters.
    """
    for number, row in enumerate(zip(*cells, strict=True), start=first):
        inner = "".join([f'<c r="{letter}{number}"{cell}' for letter, cell in zip(letters, row, strict=True)])
        yield f'<row r="{number}">{inner}</row>'.encode()


def values_of(values: pd.Series[Any], kind: str, style: int) -> list[str]:
    """The cells of a column, without their place."""
    known = values.notna().tolist()
    empty = f' s="{style}" />'
    if kind == "text":
        shown = values.map(lambda value: text.label(str(value))) if values.name in _LABELS else values
        made: dict[str, str] = {}
        found = []
        for words, there in zip(shown.tolist(), known, strict=True):
            cell = made.get(words) if there else empty
            if cell is None:
                cell = made[words] = text_cell(str(words), style)
            found.append(cell)
        return found
    before, after = f' s="{style}"><v>', "</v></c>"
    if kind == "flag":
        before = f' s="{style}" t="b"><v>'
        numbers: list[Any] = [
            int(value) if there else 0 for value, there in zip(values.tolist(), known, strict=True)
        ]
    elif kind in ("date", "instant"):
        naive = values.dt.tz_localize(None) if values.dt.tz is not None else values
        passed = (naive.astype("datetime64[us]") - _DAY_0) / pd.Timedelta(_DAY, unit="us")
        numbers = passed.tolist()
    else:
        amounts = values.astype("float64")
        known, numbers = (amounts.abs() < float("inf")).tolist(), amounts.tolist()
    return [
        f"{before}{repr(number).removesuffix('.0')}{after}" if there else empty
        for number, there in zip(numbers, known, strict=True)
    ]


def text_cell(words: str, style: int) -> str:
    """A cell of text: never a formula or an error, whatever its first character."""
    shown = escape(clean(words), quote=False)
    keep = ' xml:space="preserve"' if shown != shown.strip() or "\n" in shown else ""
    return f' s="{style}" t="inlineStr"><is><t{keep}>{shown}</t></is></c>'


def formula_cell(formula: str, style: int) -> str:
    """A cell of a formula of ours, without its equals sign."""
    return f' s="{style}"><f>{escape(formula, quote=False)}</f><v /></c>'


def clean(words: str) -> str:
    """A text as far as a cell can hold it."""
    return _CONTROL.sub("�", words)[:MOST_LETTERS]
