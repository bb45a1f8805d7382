"""The weekly report: tables, then sections, then one HTML page and one workbook."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from opp_analytics import arguments, org, periods, schema, text
from opp_analytics.analysis import Method
from opp_analytics.certificate import Certificate
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, DataError, DataWarning
from opp_analytics.files import write_whole
from opp_analytics.history import History
from opp_analytics.periods import When
from opp_analytics.report.exhibits import Report
from opp_analytics.report.headline import behind_headline, headline
from opp_analytics.report.movement_sections import changes, slippage
from opp_analytics.report.page import html
from opp_analytics.report.pipeline_sections import findings, forecast, funnel, win_rates
from opp_analytics.report.tables import Tables
from opp_analytics.report.trust import certificate, meaning, sources
from opp_analytics.report.workbook import write_workbook

__all__ = ["WeeklyReport", "compose", "weekly_report"]

_OWNER = "owner_name"


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
    target: float | Mapping[Any, float] | None = None,
    freq: str = "M",
    by: str | None = None,
    method: str | Method = "stated",
    own_writes: pd.DataFrame | None = None,
    tz: str = "UTC",
) -> WeeklyReport:
    """Write the weekly report: one self-contained HTML page, and a workbook with its tables.

    Parameters
    ----------
    opportunities : DataFrame
        All opportunities on `as_of`, from `load` or `History.as_of`; without a certificate of a complete load the page
        carries a warning in red.
    history : History, optional
        Past records, for changes and slippage; records after `as_of` are not read. With fewer than two
        records, the page says what will appear later.
    as_of : date-like
        The day of the report. When no load, record or ``updated_at`` is that recent, the page says so in red and a
        `DataWarning` is raised.
    out : path
        The ``.html`` file, or a folder, for ``weekly-<as_of>.html``. The workbook is written beside it.
    target : float or mapping, optional
        Money to reach in each period, or a mapping from period label to money.
    freq : str
        Period alias of the forecast: "M", "Q", a fiscal "Q-JAN", …
    by : str, optional
        Column to group win rates by and to show with each deal; by default ``owner_name``, where present.
    method : str or Method
        As for `forecast`.
    own_writes : DataFrame, optional
        Batch writes of this package, from `own_writes`, as for `audit`.
    tz : str
        Business time zone.

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
    frame = org.require(opportunities, *schema.COLUMNS, *([by] if by else []), unique=True)
    today = periods.as_date(as_of, tz=tz)
    page, book = _files(out, today)
    tables = Tables(
        opportunities=frame,
        origin={str(name): value for name, value in opportunities.attrs.items()},
        load=Certificate.of(opportunities),
        history=_checked(history),
        today=today,
        freq=periods.check_freq(freq),
        target=target,
        method=method,
        by=by or (_OWNER if _OWNER in frame.columns else None),
        own_writes=own_writes,
        tz=tz,
        currency=org.currency_code(),
    )
    if tables.unseen:
        warnings.warn(tables.unseen, DataWarning, stacklevel=2)
    report = compose(tables)
    _write(page, html(report, book.name).encode())
    write_workbook(report, book)
    return WeeklyReport(page, book)


def compose(tables: Tables) -> Report:
    """The contents of the report, before anything is written."""
    said, figures = headline(tables)
    state, alarm = certificate(tables)
    parts = (forecast, changes, slippage, funnel, win_rates, findings, meaning, sources)
    return Report(
        title=f"Weekly pipeline report, {text.day(tables.today, year=True)}",
        as_of=tables.today,
        currency=tables.currency,
        said=said,
        warnings=tuple(filter(None, (state if alarm else "", tables.unseen))),
        figures=figures,
        sections=tuple(part(tables) for part in parts),
        behind=behind_headline(tables),
        deals=tables.deals,
    )


def _checked(history: History | None) -> History | None:
    if history is not None and not isinstance(history, History):
        raise ArgumentTypeError(f"history is a {type(history).__name__}; open a history with History(path)")
    return history


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
        raise DataError(f"cannot write {file}: {error.strerror or error}") from None
