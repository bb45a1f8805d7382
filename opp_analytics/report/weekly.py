"""The weekly report: checked inputs, tables, blocks, then one HTML page and one workbook."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics import arguments
from opp_analytics.arguments import MethodName
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, DataError, DataWarning
from opp_analytics.files import check_writable, say_failure, write_whole
from opp_analytics.history import History
from opp_analytics.org import Org
from opp_analytics.periods import Freq, When
from opp_analytics.progress import Progress, progress_bar
from opp_analytics.report.alerts import Watched, judge_alerts
from opp_analytics.report.compose import choose_blocks, compose
from opp_analytics.report.digest import Digest, make_digest, write_chat, write_mail
from opp_analytics.report.html import WHOLE, find_browser, print_pdf, read_audience, read_logo, render_page
from opp_analytics.report.inputs import Asked, Inputs, read_inputs
from opp_analytics.report.model import Alert, WeeklyPage
from opp_analytics.report.sheets import figures, sheets
from opp_analytics.report.tables import Tables

_LONGEST = 80
"""Characters of a part's name in that of its page."""


@dataclass(frozen=True)
class WeeklyReport:
    """The files of a weekly report; iterating gives the paths of those that were written."""

    html: Path
    """Path of the page."""
    xlsx: Path
    """Path of the workbook with its tables."""
    eml: Path | None = None
    """Path of the mail."""
    markdown: Path | None = None
    """Path of the text for a chat."""
    pdf: Path | None = None
    """Path of the page as a PDF."""
    alerts: tuple[Alert, ...] = ()
    """What the org file asks to be told of and holds, the new ones first; ``str(alert)`` is its sentence."""
    milestones: tuple[Alert, ...] = ()
    """The ``milestones`` of the org file that the current period has passed, the highest first; they are news, no alerts."""
    watched: Watched = field(default=Watched(), repr=False, compare=False)
    """The same, and what to say of what no longer holds."""
    sentences: tuple[str, ...] = ()
    """The page's headline, and the sentence below it where there is one."""
    audience: str = WHOLE
    """Whose page it is: ``"everybody"``, ``"team North"``, ``"person Ada Lee"``."""
    day: pd.Timestamp | None = None
    """The day of the report."""
    digest: Digest | None = field(default=None, repr=False)
    parts: tuple[WeeklyReport, ...] = ()
    """The reports of teams, then of people, that ``for_each`` asks for."""
    org: Org | None = field(default=None, repr=False)

    def __iter__(self) -> Iterator[Path]:
        return iter([file for file in (self.html, self.xlsx, self.eml, self.markdown, self.pdf) if file])


def weekly_report(
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    as_of: When,
    out: str | PathLike[str],
    org: Org | None = None,
    target: Any = None,
    freq: Freq | None = None,
    by: str | Sequence[str] | None = None,
    method: MethodName = "auto",
    since: When | None = None,
    own_writes: pd.DataFrame | None = None,
    only: str | None = None,
    eml: bool = False,
    markdown: bool = False,
    pdf: bool = False,
    progress: Progress = None,
) -> WeeklyReport:
    """Write the weekly report: one self-contained HTML page, a workbook with its tables, and a mail, text or PDF on request.

    Parameters
    ----------
    opportunities : DataFrame
        All opportunities on `as_of`, from `load`, `History.as_of` or `read_export`; if a load may be incomplete, the page says
        so in red.
    history : History, optional
        Past records, for changes, the trend, slippage and past ranges; records after `as_of` are not read. Without it the
        page says what will appear.
    as_of : date-like
        The day of the report. When no load, record or ``updated_at`` is that recent, the page says so in red and a
        `DataWarning` is raised.
    out : path
        The ``.html`` file, or a folder, for ``weekly-<as_of>.html`` or, with `only`, ``weekly-<as_of>-person-<name>.html``.
        The workbook is written beside it. A file that holds the page of somebody else is not replaced.
    org : Org, optional
        What the organization means, with its people, targets and ``[report]`` settings; by default the org of the frame.
    target : float, mapping or DataFrame, optional
        As for `forecast`; by default the org's targets.
    freq : str, optional
        Period alias of the forecast: "M", "Q", a fiscal "Q-JAN", …; by default that of the org's ``[report]``, else "M".
    by : str or list of str, optional
        Columns of the table of people, the widest group first; by default those of the org's ``[report]``, else ``team``
        and ``owner_name`` as far as the frame has them.
    method : str
        As for `forecast`; the chances of single deals are then learned or stated under "run_rate" too.
    since : date-like, optional
        Changes are counted from the last record by this day; by default from the record nearest to a week before.
    own_writes : DataFrame, optional
        Batch writes of this package, from `own_writes`, as for `audit`.
    only : str, optional
        Name of a person or a team, in any capitals, or a first name that only one has: the page of those deals, for a person
        with what to win first.
    eml : bool
        If True, also write a mail (``.eml``): the first screen as text and HTML, with the other files attached. It has no
        sender and no recipients.
    markdown : bool
        If True, also write the first screen as Markdown (``.md``) for a chat: short lines that a phone shows.
    pdf : bool
        If True, also write the page as a ``.pdf``, by a Chromium, Chrome or Edge of this machine.
    progress : bool or function, optional
        True shows a bar, False none; by default it is shown on a terminal and in a notebook when the report takes more than
        two seconds. A function is told the steps done and their number.

    Returns
    -------
    WeeklyReport
        ``html``, ``xlsx``, ``eml``, ``markdown``, ``pdf``: the paths of the files, None for what was not asked for. The
        same inputs give the same bytes, a PDF aside. ``alerts``: each ``alert_when`` of the org's ``[report]``
        that holds for the current period; the page, mail and text begin with them. ``str(alert)`` is its sentence,
        ``alert.new`` True if it did not hold at the record that changes are counted from (None without one), ``alert.key``
        the same text each day. The new ones come first.

    Raises
    ------
    ArgumentTypeError, DataError, MissingColumnError
        When an argument, an alert or the frame cannot be used, or a file cannot be written.
    ConfigError
        When a library of the ``[report]`` extra is not installed, or there is no browser for the PDF.

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
    ready = check_report(
        opportunities, history, out=out, eml=eml, markdown=markdown, pdf=pdf, as_of=as_of, org=org, target=target, freq=freq,
        by=by, method=method, since=since, own_writes=own_writes, only=only,
    )  # fmt: skip
    return write_report(ready, progress)


def write_report(ready: ReadyReport, progress: Progress = None) -> WeeklyReport:
    """Write a report that `check_report` has checked."""
    inputs, paths, look = ready.inputs, ready.paths, ready.inputs.settings
    file = paths["html"]
    if inputs.unseen:
        warnings.warn(inputs.unseen, DataWarning, stacklevel=3)
    tables = Tables(inputs)
    names = choose_blocks(tables, look.get("blocks") or ())
    steps = len(names) + 2
    with progress_bar(progress, desc="Weekly report", unit="step", total=steps, delay=2) as bar:
        watched = judge_alerts(tables)
        bar.update()
        shown: dict[str, Any] = {"title": look.get("title"), "blocks": names}
        page = compose(tables, workbook=paths["xlsx"].name, done=bar.update, **shown)
        page = replace(page, alerts=tuple(alert.shorten(page.sentence) for alert in watched.lines))
        html = render_page(page, audience=ready.audience, accent=look.get("accent"), logo=ready.logo)
        content = {"html": html.encode(), "xlsx": _write_workbook(page, tables)}
        bar.update()
    digest = make_digest(page)
    if "pdf" in paths:
        content["pdf"] = print_pdf(content["html"], browser=ready.browser)
    if "eml" in paths:
        content["eml"] = write_mail(digest, {paths[kind].name: part for kind, part in content.items()})
    if "markdown" in paths:
        content["markdown"] = write_chat(digest).encode()
    with say_failure(f"cannot create the folder {file.parent}"):
        file.parent.mkdir(parents=True, exist_ok=True)
    # The page last: where a workbook is open in Excel, the old ones stay as they are.
    for kind, path in reversed(paths.items()):
        with _say_unwritable(path):
            write_whole(path, content[kind])
    return WeeklyReport(
        **paths,
        alerts=watched.alerts,
        milestones=watched.milestones,
        watched=watched,
        sentences=tuple(filter(None, (page.sentence, page.second))),
        audience=ready.audience,
        day=inputs.today,
        digest=digest,
        parts=(),
        org=inputs.org,
    )


def _write_workbook(page: WeeklyPage, tables: Tables) -> bytes:
    # Here: its library is an extra, and takes long to import.
    from opp_analytics.report.workbook import write_workbook

    said = (*(alert.words for alert in page.alerts), *page.warnings, page.sentence, page.second)
    return write_workbook(
        list(sheets(tables)),
        figures(tables),
        title=page.title,
        sentences=filter(None, said),
        since=page.since,
        currency=tables.inputs.currency,
        as_of=tables.inputs.today.to_pydatetime(),
    )


@dataclass(frozen=True)
class ReadyReport:
    """What a report is made from and written to, checked."""

    inputs: Inputs
    logo: str | None
    """The picture before the page's title as a ``data:`` address."""
    paths: dict[str, Path]
    """By field of `WeeklyReport`, the page first."""
    browser: str
    """The browser that prints the PDF; empty without one."""
    audience: str


def check_report(
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    out: str | PathLike[str],
    eml: bool = False,
    markdown: bool = False,
    pdf: bool = False,
    **asked: Any,
) -> ReadyReport:
    """Check all that `weekly_report` is asked for, with its arguments and errors; nothing is written."""
    inputs = read_inputs(opportunities, history, Asked(**asked))
    logo = read_logo(inputs.settings)
    browser = find_browser() if pdf else ""
    audience = inputs.part.audience if inputs.part else WHOLE
    file = _find_page(out, inputs.today, audience)
    paths = {"html": file, "xlsx": file.with_suffix(".xlsx")}
    wanted = {"eml": (eml, ".eml"), "markdown": (markdown, ".md"), "pdf": (pdf, ".pdf")}
    paths |= {kind: file.with_suffix(ending) for kind, (asked_for, ending) in wanted.items() if asked_for}
    for path in paths.values():
        with _say_unwritable(path):
            check_writable(path)
    # Both share the files beside the page.
    for page in (file.with_suffix(".html"), file.with_suffix(".htm")):
        whose = read_audience(page)
        if whose not in (None, audience):
            raise DataError(
                f"{page} is the page of {whose}; name another file for that of {audience}, or remove it"
            )
    return ReadyReport(inputs, logo, paths, browser, audience)


def _find_page(out: str | PathLike[str], today: pd.Timestamp, audience: str) -> Path:
    """Find the path of the page; in a folder, a part's page is named after it."""
    if not isinstance(out, (str, PathLike)):
        raise ArgumentTypeError(f"out={out!r} is not a path; use an .html file or a folder")
    path = arguments.path(out, "out")
    with _say_unwritable(path):
        is_folder = path.is_dir() or not path.suffix
        above = next(folder for folder in (path, *path.parents) if folder.exists())
    if is_folder:
        whose = re.sub(r"\W+", "-", audience.casefold())[:_LONGEST].strip("-")
        path = path / f"weekly-{today:%Y-%m-%d}{'' if audience == WHOLE else f'-{whose}'}.html"
    if path.suffix.lower() not in (".html", ".htm"):
        raise ArgumentValueError(f"out={str(path)!r} ends in {path.suffix!r}; use an .html file or a folder")
    if not above.is_dir() and above != path:
        raise DataError(f"cannot create the folder {path.parent}: {above} is a file; name another one")
    return path


def _say_unwritable(file: Path) -> AbstractContextManager[None]:
    return say_failure(f"cannot write {file}", "; is it open in Excel?" if file.suffix == ".xlsx" else "")
