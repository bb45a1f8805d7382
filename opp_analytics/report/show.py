"""`show`: a result table with its numbers as people read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pandas as pd

from opp_analytics import arguments, text
from opp_analytics.columns import format_cell, make_formatter
from opp_analytics.errors import ArgumentTypeError, ConfigError
from opp_analytics.note import note_of
from opp_analytics.org import Org

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler


def show(table: pd.DataFrame) -> Styler:
    """Show a result table in a notebook, with values as people read them.

    Money has full digits and the currency, rates are percents, a missing cell is a dash.

    Parameters
    ----------
    table : DataFrame
        Result of an analysis, or opportunities. Its numbers stay as they are; only what is shown
        changes.

    Returns
    -------
    Styler
        Numbers on the right, periods and movements of the index in words. Text is shown as text,
        never as HTML.

    Raises
    ------
    ArgumentTypeError
        When it is not a DataFrame.
    ConfigError
        When jinja2 is not installed.

    Examples
    --------
    >>> shown = show(pd.DataFrame({"rate": [0.285]}, index=pd.Index(["2026-03"], name="period")))
    >>> "29%" in shown.to_html(), "Mar 2026" in shown.to_html()
    (True, True)
    """
    arguments.refuse_foreign(table, "table")
    if not isinstance(table, pd.DataFrame):
        raise ArgumentTypeError(
            f"show takes a result table, not {type(table).__name__}; give it a DataFrame, for "
            "example oa.win_rate(...)"
        )
    try:
        from pandas.io.formats.style import Styler
    except ImportError as error:
        raise ConfigError("show needs jinja2: pip install 'opp-analytics[report]'") from error
    # Tables of the same columns share their rules, and a rerun gives the same HTML.
    styler = Styler(table, uuid=f"{crc32(str(table.dtypes).encode()):08x}", cell_ids=False)
    money = Org.of(table).currency
    cells: dict[Any, Any] = {
        label: make_formatter(str(label[-1] if isinstance(label, tuple) else label), values, money)
        for label, values in table.items()
    }
    numeric = [
        place for place, dtype in enumerate(table.dtypes) if pd.api.types.is_numeric_dtype(dtype)
    ]
    styler = styler.format(cells, escape="html").format_index(escape="html", axis=1)
    for level, name in enumerate(table.index.names):
        styler = styler.format_index(
            _label(str(name), note_of(table).freq), level=level, escape="html"
        )
    # A notebook's own style has everything on the right.
    left = {"selector": "th, td", "props": "text-align: left"}
    right = [{"selector": f".col{place}", "props": "text-align: right"} for place in numeric]
    return styler.set_table_styles([left, *right])  # type: ignore[list-item]


def _label(level: str, freq: str | None) -> Callable[[Any], str]:
    if level == "period":
        return lambda value: text.printable(text.period(str(value), freq))
    return lambda value: format_cell(level, value, None)
