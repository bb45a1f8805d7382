"""The HTML page: the report in its template, with all data escaped."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.errors import ConfigError
from opp_analytics.report.exhibits import Exhibit, Report, column
from opp_analytics.report.formats import NUMERIC, shown

__all__ = ["html"]

_MOST = 100
"""Largest number of deals shown for a row; the workbook has the rest."""
_NAMES = ("movement", "outcome", "stage", "stage_after", "check", "field")
"""Columns of names in which underscores are shown as spaces."""


def html(report: Report, workbook: str) -> str:
    """The page as one self-contained HTML document.

    Parameters
    ----------
    report : Report
        What it says.
    workbook : str
        Name of the workbook file.

    Raises
    ------
    ConfigError
        When jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise ConfigError(
            "the report needs jinja2; install it with: pip install 'opp-analytics[report]'"
        ) from None
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("opp_analytics.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("weekly.html").render(
        report=report,
        workbook=workbook,
        grid=_grid,
        openings=partial(_openings, currency=report.currency),
        day=text.day,
    )


def _grid(exhibit: Exhibit) -> dict[str, Any]:
    rows = exhibit.shown
    return _cells(rows, exhibit.columns, len(rows), "")


def _cells(table: pd.DataFrame, names: tuple[str, ...], most: int, elsewhere: str) -> dict[str, Any]:
    """Headings and cells, each with its CSS class, and a note on hidden rows."""
    heads = [column(name) for name in names]
    kinds = [head.kind for head in heads]
    classes = ["number" if kind in NUMERIC else "date" if kind == "date" else "" for kind in kinds]
    part = table.head(most)
    columns = [
        part[name] if name in part else pd.Series(None, index=part.index, dtype=object) for name in names
    ]
    rows = [
        [
            (_words(shown(value, kind), name), align)
            for value, kind, align, name in zip(row, kinds, classes, names, strict=True)
        ]
        for row in zip(*columns, strict=True)
    ]
    hidden = len(table) - len(part)
    return {
        "heads": list(zip((head.title for head in heads), classes, strict=True)),
        "rows": rows,
        "more": f"+ {text.count(hidden, 'more row')} in {elsewhere}" if hidden else "",
    }


def _words(written: str, name: str) -> str:
    return text.label(written) if name in _NAMES else written


def _openings(exhibit: Exhibit, currency: str | None) -> list[dict[str, Any]]:
    """For each table row with deals: its label, its number of deals, and the deals."""
    deals = exhibit.deals
    if deals is None:
        return []
    groups = dict(list(deals.frame.groupby(deals.row, sort=False)))
    money = next((name for name in ("value", "value_change") if name in deals.columns), None)
    found = []
    for label in exhibit.shown[exhibit.columns[0]]:
        group = groups.get(label)
        if group is None:
            continue
        valued = money and group[money].notna().any()
        total = f", {text.money(group[money].sum(), currency)}" if valued else ""
        found.append(
            {
                "label": _words(str(label), exhibit.columns[0]),
                "summary": f"{text.count(group['unique_id'].nunique())}{total}",
                "grid": _cells(group, deals.columns, _MOST, f"the workbook, sheet “{deals.sheet}”"),
            }
        )
    return found
