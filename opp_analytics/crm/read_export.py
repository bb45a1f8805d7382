"""`read_export`: the opportunities of another CRM's export."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from opp_analytics.crm.columns import Names, match_labels
from opp_analytics.crm.field_history import every_name, shape_of
from opp_analytics.crm.mapping import Reading, mapping_table
from opp_analytics.crm.opportunities import OWN, opportunities_of
from opp_analytics.crm.places import place_of
from opp_analytics.crm.tables.source import Source, table_at
from opp_analytics.crm.tables.table import without_footer
from opp_analytics.crm.typed import typed
from opp_analytics.errors import ArgumentTypeError, DataError
from opp_analytics.org import Org
from opp_analytics.progress import note

__all__ = ["Export", "export_of", "read_export"]


@dataclass(frozen=True, kw_only=True)
class Export(Reading):
    """An export that was read."""

    opportunities: pd.DataFrame
    """The opportunities, as `read_export` returns them."""


def read_export(
    source: Source,
    org: Org,
    *,
    day_first: bool | None = None,
    encoding: str | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Read the opportunities of another CRM's export, or of a file that this package wrote.

    Parameters
    ----------
    source : path or DataFrame
        A CSV file, an ``.xlsx`` workbook or a Parquet file, or a frame of its rows: a report of opportunities or deals,
        or a data export, as Salesforce, HubSpot and Pipedrive write them. Titles above and footers below the table,
        byte order marks, quoted line breaks, Windows-1252, ``$120,000.00``, ``80%`` and ``11/25/2026`` are read.
    org : Org
        What the columns and stages mean: ``Org.salesforce()``, ``Org.hubspot()``, ``Org.pipedrive()``, or your own.
    day_first : bool, optional
        Whether ``03/04/2027`` is April 3. By default the file's other rows tell; where none does, it is refused.
    encoding : str, optional
        Encoding of a CSV file, where the one found is wrong.
    progress : bool, optional
        If True, print what was mapped, guessed and dropped; if False, don't. Default: in a notebook or terminal.

    Returns
    -------
    DataFrame
        Opportunities, with ``attrs["org"]``. Columns that the org does not name follow under their own labels.
        ``probability`` is rounded to whole percents; without such a column, it is that of the stage in the org. A deal in
        a stage that the org does not know gets a ``status`` from the CRM's own marks of won and lost, where it has any; the
        ``close_date`` of a closed deal is the day it was closed where the CRM writes that apart.

    Raises
    ------
    DataError
        When the file is of another kind or holds no table, or a cell can't be read: the first ones are named by row, column
        and value. Nothing is read in part.
    MissingColumnError
        When there is no column for ``unique_id`` or ``stage``.

    See Also
    --------
    Org.salesforce, Org.hubspot, Org.pipedrive, History.from_changes

    Examples
    --------
    >>> report = pd.DataFrame({
    ...     "Opportunity ID": ["001M000000qfPyS"], "Stage": ["Closed Won"], "Amount": ["$120,000.00"],
    ...     "Close Date": ["11/25/2026"], "Probability (%)": ["100%"]})
    >>> read_export(report, Org.salesforce(currency="USD"))[["unique_id", "value", "close_date"]]
                unique_id     value close_date
    0  001M000000qfPySIAU  120000.0 2026-11-25
    """
    export = export_of(source, org, day_first=day_first, encoding=encoding)
    note(progress, export.said())
    return export.opportunities


def export_of(
    source: Source, org: Org, *, day_first: bool | None = None, encoding: str | None = None
) -> Export:
    """Read an export, and tell what became of its columns; see `read_export`."""
    if not isinstance(org, Org):
        raise ArgumentTypeError(
            f"org is a {type(org).__name__}, not an Org; use for example org=oa.Org.salesforce()"
        )
    table = table_at(source, every_name(org.columns, OWN).know, encoding)
    if shape_of(table.labels, org.columns) != "opportunities":
        raise DataError(
            f"{table.file} is a field history; begin a history with it: oa.History.from_changes(file, org=org), or "
            "opp-analytics import-crm FILE --history FOLDER"
        )
    matched = match_labels(table.labels, Names(org.columns, OWN))
    table = without_footer(table, place_of("unique_id", matched, table))
    place_of("stage", matched, table)
    read = typed(table, matched, org, day_first=day_first)
    frame, lines, left_out = opportunities_of(read, org, table)
    return Export(
        opportunities=frame,
        mapping=mapping_table([*read.lines, *lines]),
        read_as=table.read_as,
        left_out=(*table.left_out, *left_out),
    )
