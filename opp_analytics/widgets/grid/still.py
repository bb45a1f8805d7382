"""The grid where no widget runs, as on a code host: its first rows as a plain table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from opp_analytics import schema, text
from opp_analytics.widgets.grid.columns import Column, shown

__all__ = ["still"]

_MOST = 10


def still(opportunities: pd.DataFrame, columns: Sequence[Column]) -> str:
    """The first rows in the grid's columns as HTML; everything in it is text."""
    seen = [column for column in columns if not column.hidden and column.field in opportunities]
    first = opportunities.head(_MOST)
    cells = {
        place: [_cell(column, value) for value in first[column.field]] for place, column in enumerate(seen)
    }
    table = pd.DataFrame(cells, columns=range(len(seen)), dtype="object")
    table.columns = pd.Index([text.printable(column.title) for column in seen])
    page = table.to_html(index=False, border=0, na_rep="")
    rest = len(opportunities) - len(first)
    return page + (f"<p>… and {text.count(rest, 'more deal')}</p>" if rest else "")


def _cell(column: Column, value: object) -> str:
    return "" if schema.is_blank(value) else text.printable(shown(column, value))
