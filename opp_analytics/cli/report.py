"""The `report` command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.certificate import Certificate
from opp_analytics.cli.console import complain, heading, note, say, show, write_command
from opp_analytics.cli.source import (
    HISTORY_FOLDER,
    Freq,
    FromFile,
    HistoryFolder,
    Method,
    OrgFile,
    Target,
    find_org,
    open_history,
    parse_amount,
    read_source,
    reads_cells,
    say_age,
)
from opp_analytics.errors import DataError
from opp_analytics.periods import as_date, as_instant, check_freq

if TYPE_CHECKING:
    from opp_analytics.report import WeeklyReport


@reads_cells
def report_command(
    file: Annotated[
        Path,
        typer.Option("--out", help="An .html file or a folder; the .xlsx is written beside it."),
    ] = Path("reports"),
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Date of the report, as 2026-03-31; a past date is read from the history.",
            show_default="the day of the data; with --send, today",
        ),
    ] = None,
    target: Target = None,
    freq: Freq = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help=(
                "Column that says whose a deal is; repeat it for groups within groups, the "
                "widest first."
            ),
            show_default="team, owner_name",
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option("--for", help="Only this person's or team's deals; what to win comes first."),
    ] = None,
    for_each: Annotated[
        str | None,
        typer.Option(
            "--for-each",
            help=("Also a page for each team and person: team, owner_name or both, with a comma."),
        ),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            help="Days of which the folder keeps pages; older ones of such runs are removed."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="Day that changes are counted from, as 2026-03-24.",
            show_default="about a week before",
        ),
    ] = None,
    method: Method = "auto",
    folder: HistoryFolder = HISTORY_FOLDER,
    source_file: FromFile = None,
    org_file: OrgFile = None,
    eml: Annotated[
        bool, typer.Option("--eml", help="Also write a mail, with the page attached.")
    ] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Also write the first screen as text for a chat.")
    ] = False,
    record: Annotated[
        bool,
        typer.Option(
            help="Also record today's load or file, so that the next report shows what changed."
        ),
    ] = True,
    send: Annotated[
        bool,
        typer.Option(
            "--send", help="Send the page to those whom \\[deliver] of the org file names."
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="With --send: write and send nothing; say who would get it."
        ),
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="With --send: also to those who got it, or may have."),
    ] = False,
    done: Annotated[
        bool,
        typer.Option("--done", help="With --send: what may have arrived did, and is kept so."),
    ] = False,
    alerts: Annotated[
        bool,
        typer.Option(
            "--alerts", help="With --send: only what began or ended to hold since the last message."
        ),
    ] = False,
    *,
    written: Mapping[str, Any],
) -> None:
    """Write the weekly page and its workbook.

    They answer: will we make it, what changed, what must each person win, what needs a fix?
    """
    from opp_analytics.report import check_delivery, check_report, write_report

    sending = {"--dry-run": dry_run, "--again": again, "--done": done, "--alerts": alerts}
    _refuse({} if send else sending, "{} is about sending; add --send")
    _refuse({"--done": again and done}, "{} keeps that it arrived; leave out --again")
    _refuse(
        {"--eml": eml, "--markdown": markdown} if alerts else {},
        "--alerts writes no files; leave out {}",
    )
    org = find_org(org_file)
    zone = (org or oa.Org()).zone(None)
    today = as_date(datetime.now(UTC), tz=zone)
    day = as_date(as_of, tz=zone) if as_of is not None else today if send else None
    if source_file is None and day is not None and day < today:
        open_history(folder, org)
    source = read_source(source_file, org_file, written, asked=as_of, recorded=folder)
    org, opportunities = source.org, source.opportunities
    # Who sends waits for the record of somebody else rather than going without.
    history = oa.History(folder, org=org, lock_timeout=600.0 if send else 30.0)
    day = source.day if day is None else day
    if as_of is None:
        say_age(opportunities, day, "--as-of")
    files = not (alerts or dry_run)
    check = partial(
        check_report,
        opportunities,
        out=file,
        target=parse_amount(target, org),
        freq=None if freq is None else check_freq(freq),
        by=by,
        since=since,
        only=only,
        for_each=None if for_each is None else [name.strip() for name in for_each.split(",")],
        keep=keep,
        listed=send and files,
        method=method,
        eml=eml,
        markdown=markdown,
        as_of=day,
        org=org,
        own_writes=source.own_writes(),
    )
    # One record a day: who sends may ask every hour.
    recorded = (
        record
        and (as_of is None or day >= today)
        and not (send and _is_recorded(history, today, zone))
    )
    # Before a record the history may lack a column that it then has.
    known = len(history.records) > 0 and set(opportunities.columns) <= set(history.table.columns)
    ready = check(history if known or not recorded else None)
    post = None
    if send:
        audiences, place = (
            [page.audience for page in ready.pages],
            ready.pages[0].paths["html"].parent,
        )
        post = check_delivery(place, audiences, ready.context.org, dry_run=dry_run)
    if recorded:
        seen_at = None if day >= today else as_instant(day, tz=zone, end=True)
        _record(opportunities, history, seen_at)
        ready = ready if known else check(history)
    load, late = ready.context.load, ready.context.unseen or ready.context.old
    if not _is_recorded(history, today, zone) or (load is not None and not load.complete):
        late = late or "There is no complete record of today."
    if post and as_of is None and late:
        first = write_command("record", "--history", folder)
        raise DataError(
            f"{late} So nothing was sent; record the pipeline of today with {first}, or name the "
            "day that it is of by --as-of"
        )
    page = write_report(ready, files=files)
    parts = (
        f", with {text.count(len(page.parts), 'page')} of teams and people" if page.parts else ""
    )
    if files:
        say(f"Written to {text.joined(map(str, page))}{parts}.")
    told, code = None, 0
    if post:
        sent = post.deliver(page, "alerts" if alerts else "page", again=again, done=done)
        code = _say_sent(sent, alerts=alerts)
        told = sent.loc[sent["state"].isin(_TOLD), "detail"].tolist() if alerts else None
    say_alerts(page, told=told, code=code)


def _refuse(options: Mapping[str, bool], why: str) -> None:
    for option, given in options.items():
        if given:
            raise typer.BadParameter(why.format(option), param_hint=option)


_CODES = {"unknown": 4, "not handed over": 1}
"""Exit codes by state; the highest counts."""
_TOLD = ("handed over", "would send")
"""What the messages are to whom alerts were told."""


def _say_sent(outcome: pd.DataFrame, *, alerts: bool) -> int:
    """Say who got a report, who did not, and what alerts they were told; give the exit code."""
    state, detail = outcome["state"], outcome["detail"]
    told = alerts & state.isin(_TOLD)
    shown = detail.where(state.isin(["already", "would send"]) & ~told, "")
    heading("Sent" if (state == _TOLD[0]).any() else "Nothing was sent")
    table = outcome.assign(state=state.where(shown == "", state + ": " + shown))
    show(table[["receiver", "audience", "state"]], index=False, most=len(outcome))
    for said, group in outcome[told].groupby("detail", sort=False):
        note(f"To {text.joined(group['receiver'], most=5)}:")
        say(str(said))
    for why, failed in outcome[state.isin(_CODES)].groupby("detail", sort=False):
        complain(f"{text.joined(failed['receiver'], most=5)}: {why}")
    for one, words in _EXPLAINED.items():
        if (state == one).any():
            note(f"{one}: {words}")
    return max((_CODES.get(one, 0) for one in state), default=0)


_EXPLAINED = {
    "already": "handed over for this day; --again sends it once more.",
    "unknown": "ask who should have it; then --done keeps that it arrived, --again sends it anew.",
    "no address": "add it to [deliver.teams], or as email to [people], of the org file.",
}


def say_alerts(page: WeeklyReport, *, told: Sequence[str] | None = None, code: int = 0) -> None:
    """Say the alerts, or those that stand beside what was `told`.

    End with a `code` that is not 0, else with 3 if an alert holds.
    """
    from opp_analytics.report import fold_alerts

    lines = (*page.alerts, *(one for one in page.milestones[:1] if one.new))
    if told is not None:
        said = "\n".join(told)
        lines = tuple(replace(one, new=False) for one in page.alerts if one.sentence not in said)
    for alert in fold_alerts(lines):
        say(str(alert) if told is None and not alert.new else alert.words)
    if code or page.alerts:
        raise typer.Exit(code or 3)


def _is_recorded(history: oa.History, today: pd.Timestamp, zone: str) -> bool:
    moments = history.records["recorded_at"]
    return len(moments) > 0 and as_date(moments.iloc[-1], tz=zone) >= today


def _record(opportunities: pd.DataFrame, history: oa.History, seen_at: pd.Timestamp | None) -> None:
    """Record a file, or a load that is complete, unless the last record is newer.

    A file that was `seen_at` an earlier time is of then.
    """
    if "recorded_at" in opportunities.attrs:  # it is a record
        return
    certificate = Certificate.of(opportunities)
    if certificate is not None and (certificate.fetched_at is None or not certificate.complete):
        return
    moment = seen_at if certificate is None else certificate.fetched_at
    moments = history.records["recorded_at"]
    if moment is None or moments.empty or moments.iloc[-1] < moment:
        history.record(opportunities, at=seen_at if certificate is None else None)
