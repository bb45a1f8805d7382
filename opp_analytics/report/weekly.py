"""The weekly report: a context, blocks, then one HTML page and one workbook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from opp_analytics import arguments, text
from opp_analytics.answers import (
    Alert,
    Context,
    Part,
    Watched,
    check_for_each,
    judge_alerts,
    list_all,
    read_context,
)
from opp_analytics.arguments import MethodName
from opp_analytics.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    DataError,
    DataWarning,
    OppAnalyticsError,
)
from opp_analytics.files import check_writable, say_failure, write_whole
from opp_analytics.history import History, hold
from opp_analytics.org import Org
from opp_analytics.periods import Freq, When
from opp_analytics.progress import Progress, pause_collector, progress_bar
from opp_analytics.report.compose import compose
from opp_analytics.report.delivery.folder import check_folder, keep_folder, name_parts
from opp_analytics.report.digest import Digest, make_digest, write_chat, write_mail
from opp_analytics.report.html import (
    WHOLE,
    read_audience,
    render_page,
)
from opp_analytics.report.model import WeeklyPage
from opp_analytics.report.sheets import sheets, summarize
from opp_analytics.writer import write_guarded


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
    deals: Path | None = None
    """Path of the table of all deals, where the workbook only sums up some of the open ones."""
    watched: Watched = field(default_factory=Watched, repr=False, compare=False)
    """What the org file asks to be told of, judged."""
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

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """The alerts of the org file that hold, the new ones first.

        ``str(alert)`` is its sentence.
        """
        return self.watched.alerts

    @property
    def milestones(self) -> tuple[Alert, ...]:
        """The ``milestones`` of the org file that the current period has passed, the highest first.

        They are news, no alerts.
        """
        return self.watched.milestones

    def __iter__(self) -> Iterator[Path]:
        files = (self.html, self.xlsx, self.eml, self.markdown, self.deals)
        return iter([file for file in files if file])


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
    for_each: str | Sequence[str] | None = None,
    keep: int | None = None,
    eml: bool = False,
    markdown: bool = False,
    progress: Progress = None,
) -> WeeklyReport:
    """Write the weekly report: a self-contained HTML page and a workbook with its tables.

    A mail or a text for chats on request.

    Parameters
    ----------
    opportunities : DataFrame
        All opportunities on `as_of`, from `load`, `History.as_of` or `read_export`; if a load may
        be incomplete, the page says so in red.
    history : History, optional
        Past records, for changes, the trend, slippage and past ranges; records after `as_of` are
        not read. Without it the page says what will appear.
    as_of : date or str
        The day of the report. When no load, record or ``updated_at`` is that recent, the page says
        so in red and a `DataWarning` is raised.
    out : path
        The ``.html`` file, or a folder, for ``weekly-<as_of>.html`` or, with `only`,
        ``weekly-<as_of>-person-<name>.html``. The workbook is written beside it. A file that holds
        the page of somebody else is not replaced. With `for_each` or `keep`, a folder also gets
        ``latest.html``, a copy of the newest page of everybody, and ``deliveries.jsonl``, which
        says what each run wrote.
    org : Org, optional
        What the organization means, with its people, targets and ``[report]`` settings; by default
        the org of the frame.
    target : float, mapping or DataFrame, optional
        As for `forecast`; by default the org's targets.
    freq : str, optional
        Period alias of the forecast: "M", "Q", a fiscal "Q-JAN", …; by default that of the org's
        ``[report]``, else "M".
    by : str or list of str, optional
        Columns of the table of people, the widest group first; by default those of the org's
        ``[report]``, else ``team`` and ``owner_name`` as far as the frame has them.
    method : str
        As for `forecast`; the chances of single deals are then learned or stated under "run_rate"
        too.
    since : date or str, optional
        Changes are counted from the last record by this day; by default from the record nearest to
        a week before.
    own_writes : DataFrame, optional
        Batch writes of this package, from `own_writes`, as for `audit`.
    only : str, optional
        Name of a person or a team, in any capitals, or a first name that only one has: the page of
        those deals, for a person with what to win first.
    for_each : str or list of str, optional
        "team", "owner_name" or both: a page and workbook (a mail and text where asked for)
        also for each team and person with an open deal, or one won, a target or a call for the
        current period. Each is that of `only`; names in the table of people lead to them. What the
        records teach is learned once for all.
    keep : int, optional
        Days of which the folder keeps the pages, 1 or more: those that earlier runs with `for_each`
        or `keep` wrote for all but the newest are removed.
    eml : bool
        If True, also write a mail (``.eml``): the first screen as text and HTML, with the other
        files attached. It has no sender and no recipients.
    markdown : bool
        If True, also write the first screen as Markdown (``.md``) for a chat: short lines that a
        phone shows.
    progress : bool or function, optional
        True shows a bar, False none; by default it is shown on a terminal and in a notebook when
        the report takes more than two seconds. A function is told the pages done, and their number.

    Returns
    -------
    WeeklyReport
        ``html``, ``xlsx``, ``eml``, ``markdown``: the paths of the files, None for what
        was not asked for. ``deals``: that of ``<page>-deals.csv`` with every deal, where more than
        5,000 are open and the workbook sums up the smaller ones; else None. The same context gives
        the same bytes. ``parts``: the same for each page of `for_each`. ``alerts``: each
        ``alert_when`` of the org's ``[report]`` that holds for the current period, and each
        ``alert_deals_when`` by deal; the page, mail and text begin with them.
        ``str(alert)`` is its sentence, ``alert.new`` True if it did not hold at the record
        that changes are counted from (None without one), ``alert.key`` the same text each day,
        ``alert.deal`` the deal's name and owner. The new ones come first. ``milestones``: the same
        of the ``milestones`` that the period has passed, the highest first.

    Raises
    ------
    ArgumentTypeError, DataError, MissingColumnError
        When an argument, an alert or the frame cannot be used, or a file cannot be written.
    ConfigError
        When a library of the ``[report]`` extra is not installed.

    Examples
    --------
    >>> import datetime, tempfile
    >>> import opp_analytics as oa
    >>> with oa.sandbox.start(weeks=4, today=datetime.date(2026, 11, 23)) as server:
    ...     opportunities = oa.load(
    ...         oa.Client(server.url, server.token, server.api_key), progress=False
    ...     )
    >>> files = weekly_report(
    ...     opportunities, as_of="2026-11-23", target=500_000, out=tempfile.mkdtemp()
    ... )
    >>> files.html.name, files.xlsx.name
    ('weekly-2026-11-23.html', 'weekly-2026-11-23.xlsx')
    """
    ready = check_report(
        opportunities,
        history,
        out=out,
        eml=eml,
        markdown=markdown,
        as_of=as_of,
        org=org,
        target=target,
        freq=freq,
        by=by,
        method=method,
        since=since,
        own_writes=own_writes,
        only=only,
        for_each=for_each,
        keep=keep,
    )
    return write_report(ready, progress)


def write_report(
    ready: ReadyReport, progress: Progress = None, *, files: bool = True
) -> WeeklyReport:
    """Write a report that `check_report` has checked.

    Nothing is written before all is made, and the page of the whole comes last.

    Without `files`, nothing is written; the report can be sent as alerts.
    """
    first, *others = ready.pages
    context = replace(ready.context, has_parts=bool(others))
    if context.unseen:
        DataWarning.warn(context.unseen)
    total = len(ready.pages)
    with (
        progress_bar(progress, desc="Weekly report", unit="page", total=total, delay=2) as bar,
        hold(context.whole_history),
        DataWarning.once(),
    ):
        made = []
        for page in ready.pages:
            part = None if page is first else page.part
            mine = context.narrow(part) if part else context
            try:
                made.append(_make(ready, page, mine, files))
            except OppAnalyticsError as error:
                if part:
                    error.where = f"the page of {page.audience}: {error.where}".removesuffix(": ")
                raise
            bar.update()
    (report, _), *rest = made
    with say_failure(f"cannot create the folder {report.html.parent}"):
        report.html.parent.mkdir(parents=True, exist_ok=True)
    # The page last: where a workbook is open in Excel, the old ones stay as they are.
    for path, written in reversed([file for _, contents in made for file in contents.items()]):
        with _say_unwritable(path):
            write_whole(path, written)
    report = replace(report, parts=tuple(part for part, _ in rest))
    if ready.folder and files:
        keep_folder(
            ready.folder,
            str(context.day.date()),
            [file for one in (report, *report.parts) for file in one],
            keep=ready.keep,
        )
    return report


@pause_collector()
def _make(
    ready: ReadyReport,
    page: ReadyPage,
    context: Context,
    files: bool,
) -> tuple[WeeklyReport, dict[Path, bytes]]:
    """Make a report, and the content of its `files`, the page first."""
    paths, look = page.paths, ready.context.org.report
    watched = judge_alerts(context)
    # Alerts, which are all that is sent without files, need only the first words.
    blocks = look.get("blocks") or None if files else ()
    all_deals = list_all(context) if files else None
    if all_deals is not None:
        beside = paths["html"].with_name(f"{paths['html'].stem}-deals.csv")
        with _say_unwritable(beside):
            check_writable(beside)
        paths = {**paths, "deals": beside}
    data = [paths[kind].name for kind in ("xlsx", "deals") if kind in paths]
    composed = compose(context, workbook=text.joined(data), title=look.get("title"), blocks=blocks)
    first = tuple(alert.follow(composed.sentence) for alert in watched.lines[:1])
    composed = replace(composed, alerts=(*first, *watched.lines[1:]))
    digest = make_digest(composed, context)
    report = WeeklyReport(
        **paths,
        watched=watched,
        sentences=tuple(filter(None, (composed.sentence, composed.second))),
        audience=page.audience,
        day=context.day,
        digest=digest,
        parts=(),
        org=context.org,
    )
    if not files:
        return report, {}
    links = {
        other.part: quote(other.paths["html"].name)
        for other in ready.pages[1:]
        if other.part and (context.part is None or context.part.column != "owner_name")
    }
    html = render_page(composed, audience=page.audience, links=links)
    all_named = paths["deals"].name if "deals" in paths else ""
    content = {"html": html.encode(), "xlsx": _write_workbook(composed, context, all_named)}
    if "eml" in paths:
        content["eml"] = write_mail(
            digest, {paths[kind].name: part for kind, part in content.items()}
        )
    if "markdown" in paths:
        content["markdown"] = write_chat(digest).encode()
    if all_deals is not None:
        content["deals"] = (write_guarded(all_deals) or "").encode("utf-8-sig")
    return report, {path: content[kind] for kind, path in paths.items()}


def _write_workbook(page: WeeklyPage, context: Context, all_deals: str) -> bytes:
    # Here: its library is an extra, and takes long to import.
    from opp_analytics.report.workbook import write_workbook

    return write_workbook(
        summarize(page, context),
        list(sheets(context, all_deals)),
        currency=context.org.currency,
        day_first=bool(Org.of(context.opportunities).day_first),
        as_of=context.day.to_pydatetime(),
    )


@dataclass(frozen=True)
class ReadyPage:
    """A page to make: whose, and its files."""

    part: Part | None
    paths: dict[str, Path]
    """By field of `WeeklyReport`, the page first."""

    @property
    def audience(self) -> str:
        """Whose page it is."""
        return self.part.audience if self.part else WHOLE


@dataclass(frozen=True)
class ReadyReport:
    """The checked inputs and files of a report."""

    context: Context
    pages: tuple[ReadyPage, ...]
    """The report's own, then those of its parts."""
    folder: Path | None
    """The folder whose newest page and ledger are kept."""
    keep: int | None
    """Days of which it keeps the pages; None for all."""


def check_report(
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    out: str | PathLike[str],
    for_each: str | Sequence[str] | None = None,
    keep: int | None = None,
    listed: bool = False,
    eml: bool = False,
    markdown: bool = False,
    **asked: Any,
) -> ReadyReport:
    """Check all that `weekly_report` is asked for, with its arguments and errors.

    Nothing is written.

    A folder is `listed` with `for_each` and `keep`, and where pages are sent.
    """
    context = read_context(opportunities, history, **asked)
    parts = check_for_each(for_each, context)
    days = None if keep is None else arguments.whole(keep, "keep", low=1, example=12)
    file, is_folder = _find_page(out, context.day)
    if keep is not None and not is_folder:
        raise ArgumentValueError.of("out", str(out), "is a file, and keep needs a folder")
    folder = file.parent if is_folder and (listed or parts or keep is not None) else None
    if folder:
        check_folder(folder)
    endings = {"html": file.suffix, "xlsx": ".xlsx"}
    wanted = {"eml": (eml, ".eml"), "markdown": (markdown, ".md")}
    endings |= {kind: ending for kind, (asked_for, ending) in wanted.items() if asked_for}
    # Those who have no page today keep their numbers.
    names = name_parts({*context.list_known(), *parts}) if parts or context.part else {}
    pages = []
    for part in (context.part, *parts):
        own = part in parts or (part and is_folder)
        stem = file.with_name(f"{file.stem}-{names[part]}{file.suffix}") if part and own else file
        page = ReadyPage(part, {kind: stem.with_suffix(ending) for kind, ending in endings.items()})
        _check_page(page)
        pages.append(page)
    return ReadyReport(context, tuple(pages), folder, days)


def _check_page(page: ReadyPage) -> None:
    """Check that its files can be written, and that they are not those of another page."""
    for path in page.paths.values():
        with _say_unwritable(path):
            check_writable(path)
    file = page.paths["html"]
    # Both share the files beside the page.
    for other in (file.with_suffix(".html"), file.with_suffix(".htm")):
        whose = read_audience(other) or page.audience
        if whose != page.audience:
            raise DataError(
                f"{other} is the page of {whose}; name another file for that of {page.audience}, "
                "or remove it"
            )


def _find_page(out: str | PathLike[str], today: pd.Timestamp) -> tuple[Path, bool]:
    """Find the path of the whole's page, and whether only a folder was named."""
    if not isinstance(out, (str, PathLike)):
        raise ArgumentTypeError.of("out", out, "is not a path", "use an .html file or a folder")
    path = arguments.path(out, "out")
    with _say_unwritable(path):
        is_folder = path.is_dir() or not path.suffix
        above = next(folder for folder in (path, *path.parents) if folder.exists())
    if is_folder:
        path = path / f"weekly-{today:%Y-%m-%d}.html"
    if path.suffix.lower() not in (".html", ".htm"):
        raise ArgumentValueError.of(
            "out", str(path), f"ends in {path.suffix!r}", "use an .html file or a folder"
        )
    if not above.is_dir() and above != path:
        raise DataError(
            f"cannot create the folder {path.parent}: {above} is a file; name another one"
        )
    return path, is_folder


def _say_unwritable(file: Path) -> AbstractContextManager[None]:
    return say_failure(
        f"cannot write {file}", "; is it open in Excel?" if file.suffix == ".xlsx" else ""
    )
