"""The weekly report: checked inputs, tables, blocks, then one HTML page and one workbook."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from opp_analytics import arguments
from opp_analytics.analysis import Method
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, DataError, DataWarning
from opp_analytics.files import write_whole
from opp_analytics.history import History
from opp_analytics.org import Org
from opp_analytics.periods import When
from opp_analytics.report.compose import compose
from opp_analytics.report.html import html
from opp_analytics.report.inputs import read_inputs
from opp_analytics.report.look import read_look
from opp_analytics.report.model import Page
from opp_analytics.report.tables import Tables
from opp_analytics.report.workbook.sheets import figures, sheets
from opp_analytics.report.workbook.write import workbook_bytes

__all__ = ["WeeklyReport", "weekly_report"]


class WeeklyReport(NamedTuple):
    """The two files of a weekly report."""

    html: Path
    """Path of the page."""
    xlsx: Path
    """Path of the workbook with its tables."""


def weekly_report(
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    as_of: When,
    out: str | PathLike[str],
    org: Org | None = None,
    target: Any = None,
    freq: str | None = None,
    by: str | Sequence[str] | None = None,
    method: str | Method = "auto",
    since: When | None = None,
    own_writes: pd.DataFrame | None = None,
    only: str | None = None,
) -> WeeklyReport:
    """Write the weekly report: one self-contained HTML page, and a workbook with its tables.

    Parameters
    ----------
    opportunities : DataFrame
        All opportunities on `as_of`, from `load` or `History.as_of`; without a certificate of a complete load the page
        carries a warning in red.
    history : History, optional
        Past records, for changes, the trend, slippage and past ranges; records after `as_of` are not read. Without it the
        page says what will appear.
    as_of : date-like
        The day of the report. When no load, record or ``updated_at`` is that recent, the page says so in red and a
        `DataWarning` is raised.
    out : path
        The ``.html`` file, or a folder, for ``weekly-<as_of>.html``. The workbook is written beside it.
    org : Org, optional
        What the organization means, with its people, targets and ``[report]`` settings; by default the org of the frame.
    target : float, mapping or DataFrame, optional
        As for `forecast`; by default the org's targets.
    freq : str, optional
        Period alias of the forecast: "M", "Q", a fiscal "Q-JAN", …; by default that of the org's ``[report]``, else "M".
    by : str or list of str, optional
        Columns of the table of people, the widest group first; by default those of the org's ``[report]``, else ``team``
        and ``owner_name`` as far as the frame has them.
    method : str or Method
        As for `forecast`; "auto" is that of the org's ``[report]``, where it has one.
    since : date-like, optional
        Changes are counted from the last record by this day; by default from the record nearest to a week before.
    own_writes : DataFrame, optional
        Batch writes of this package, from `own_writes`, as for `audit`.
    only : str, optional
        Name of a person or a team: the page of that person's or team's deals, with the call sheets first.

    Returns
    -------
    WeeklyReport
        ``html``, ``xlsx``: the paths of the two files. The same inputs give the same bytes.

    Raises
    ------
    ArgumentTypeError, DataError, MissingColumnError
        When an argument or the frame cannot be used, or a file cannot be written.
    ConfigError
        When jinja2 or openpyxl is not installed.

    Examples
    --------
    >>> import tempfile
    >>> import opp_analytics as oa
    >>> with oa.sandbox.start(weeks=4) as server:
    ...     opportunities = oa.load(oa.Client(server.url, server.token, server.api_key), progress=False)
    >>> files = weekly_report(opportunities, as_of="2026-11-23", target=500_000, out=tempfile.mkdtemp())
    >>> files.html.name, files.xlsx.name
    ('weekly-2026-11-23.html', 'weekly-2026-11-23.xlsx')
    """
    inputs = read_inputs(
        opportunities,
        history,
        as_of=as_of,
        org=org,
        target=target,
        freq=freq,
        by=by,
        method=method,
        since=since,
        own_writes=own_writes,
        only=only,
    )
    page, book = _files(out, inputs.today)
    if inputs.unseen:
        warnings.warn(inputs.unseen, DataWarning, stacklevel=2)
    tables = Tables(inputs)
    look = read_look(inputs.settings)
    said = compose(tables, workbook=book.name, title=look.title, blocks=look.blocks)
    content = {page: html(said, accent=look.accent, logo=look.logo).encode(), book: _workbook(said, tables)}
    for file, written in content.items():
        _write(file, written)
    return WeeklyReport(page, book)


def _workbook(page: Page, tables: Tables) -> bytes:
    return workbook_bytes(
        list(sheets(tables)),
        figures(tables),
        title=page.title,
        sentences=filter(None, (*page.warnings, page.sentence, page.second)),
        since=page.since,
        currency=tables.inputs.currency,
        as_of=tables.inputs.today.to_pydatetime(),
    )


def _files(out: str | PathLike[str], today: pd.Timestamp) -> tuple[Path, Path]:
    """Paths of page and workbook; creates the folder before anything is computed."""
    if not isinstance(out, (str, PathLike)):
        raise ArgumentTypeError(f"out={out!r} is not a path; use an .html file or a folder")
    path = arguments.path(out, "out")
    try:
        if path.is_dir() or not path.suffix:
            path = path / f"weekly-{today:%Y-%m-%d}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot create the folder {path.parent}: {error.strerror or error}") from None
    if path.suffix.lower() not in (".html", ".htm"):
        raise ArgumentValueError(f"out={str(path)!r} ends in {path.suffix!r}; use an .html file or a folder")
    return path, path.with_suffix(".xlsx")


def _write(file: Path, content: bytes) -> None:
    try:
        write_whole(file, content)
    except OSError as error:
        hint = "; is it open in Excel?" if file.suffix == ".xlsx" else ""
        raise DataError(f"cannot write {file}: {error.strerror or error}{hint}") from None
