"""The weekly report: facts, then sections, then one HTML page and one workbook."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from opp_analytics import org, periods, schema
from opp_analytics.errors import ArgumentTypeError, DataError, DataWarning
from opp_analytics.history import History
from opp_analytics.periods import When
from opp_analytics.report.exhibits import Report
from opp_analytics.report.facts import Facts
from opp_analytics.report.headline import behind_headline, headline
from opp_analytics.report.page import html
from opp_analytics.report.past import changes, slippage
from opp_analytics.report.present import findings, forecast, funnel, win_rates
from opp_analytics.report.trust import certificate, meaning, sources
from opp_analytics.report.workbook import write_workbook

__all__ = ["WeeklyReport", "compose", "weekly_report"]

_OWNER = "owner_name"


class WeeklyReport(NamedTuple):
    """The two files of a weekly report."""

    html: Path
    """The page."""
    xlsx: Path
    """The workbook with the tables behind it."""


def weekly_report(
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    as_of: When,
    out: str | PathLike[str],
    target: float | Mapping[Any, float] | None = None,
    freq: str = "M",
    by: str | None = None,
    probability: Any = "stated",
    own_writes: pd.DataFrame | None = None,
    currency: str | None = None,
    tz: str = "UTC",
) -> WeeklyReport:
    """The page to send on Monday: one self-contained HTML file, and a workbook with the tables behind it.

    Parameters
    ----------
    opportunities : DataFrame
        All of them as they stand on `as_of`, as `load` or `History.as_of` returns them; the page says so in red when
        its load certificate does not vouch for it.
    history : History, optional
        Past records, for what changed and what slipped. Without it, or with fewer than two records, the page says what
        will appear there. Records after `as_of` are not read.
    as_of : date-like
        The day of the report. One on which nobody has looked at the pipeline yet (no load, record or ``updated_at`` is as
        new) is said in red, and by a `DataWarning`.
    out : path
        The ``.html`` file, or a folder, which then gets ``weekly-<as_of>.html``. The workbook stands beside it.
    target : float or mapping, optional
        Money to reach in each period, or a mapping from period label to money.
    freq : str
        Period alias of the forecast: "M", "Q", a fiscal "Q-JAN", …
    by : str, optional
        Column to group win rates by and to show with each deal; default: ``owner_name`` where there is one.
    probability : str or mapping
        As for `forecast`.
    own_writes : DataFrame, optional
        As for `audit`, such as `own_writes` returns.
    currency : str, optional
        Label of money; default: the setting ``BLOCKS_CURRENCY``, else none.
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
        When jinja2 or xlsxwriter is not installed.

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
    facts = Facts(
        opportunities=frame,
        origin={str(name): value for name, value in opportunities.attrs.items()},
        history=_checked(history),
        today=today,
        freq=periods.check_freq(freq),
        target=target,
        probability=probability,
        by=by or (_OWNER if _OWNER in frame.columns else None),
        own_writes=own_writes,
        tz=tz,
    )
    if facts.unseen:
        warnings.warn(facts.unseen, DataWarning, stacklevel=2)
    report = compose(facts, (org.currency() or "") if currency is None else currency)
    _write(page, html(report, book.name).encode())
    write_workbook(report, book)
    return WeeklyReport(page, book)


def compose(facts: Facts, currency: str) -> Report:
    """All that the report says, before it is written anywhere."""
    said, figures = headline(facts, currency)
    state, alarm = certificate(facts)
    parts = (forecast, changes, slippage, funnel, win_rates, findings, meaning, sources)
    return Report(
        title=f"Weekly pipeline report, {facts.today:%Y-%m-%d}",
        as_of=facts.today,
        currency=currency,
        said=said,
        warnings=tuple(filter(None, (state if alarm else "", facts.unseen))),
        figures=figures,
        sections=tuple(part(facts) for part in parts),
        behind=behind_headline(facts),
        deals=facts.deals,
    )


def _checked(history: History | None) -> History | None:
    if history is not None and not isinstance(history, History):
        raise ArgumentTypeError(
            f"history={type(history).__name__} is not a History; open one with History(folder)"
        )
    return history


def _files(out: str | PathLike[str], today: pd.Timestamp) -> tuple[Path, Path]:
    """Page and workbook; the folder is made before anything is computed."""
    if not isinstance(out, (str, PathLike)):
        raise ArgumentTypeError(f"out={out!r} is not the path of a file or folder")
    path = Path(out).expanduser()
    if path.is_dir() or not path.suffix:
        path = path / f"weekly-{today:%Y-%m-%d}.html"
    if path.suffix.lower() not in (".html", ".htm"):
        raise DataError(f"out={str(path)!r} ends in {path.suffix!r}; name an .html file or a folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the folder {path.parent}: {error.strerror or error}") from None
    return path, path.with_suffix(".xlsx")


def _write(file: Path, content: bytes) -> None:
    """All or nothing."""
    staged = file.with_name(f".{file.name}.part")
    try:
        staged.write_bytes(content)
        staged.replace(file)
    except OSError as error:
        raise DataError(f"cannot write {file}: {error.strerror or error}") from None
    finally:
        staged.unlink(missing_ok=True)
