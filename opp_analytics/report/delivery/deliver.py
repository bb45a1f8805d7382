"""`deliver`: each page to its receivers, once, with the outcome of each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime, make_msgid, parseaddr
from functools import partial
from pathlib import Path

import pandas as pd

from opp_analytics import arguments, text
from opp_analytics.errors import ArgumentTypeError, ConfigError, OppAnalyticsError
from opp_analytics.files import read_whole
from opp_analytics.org import Org
from opp_analytics.report.delivery.chat import CHAT_URLS, find_chats, prepare_chat
from opp_analytics.report.delivery.ledger import (
    HANDED_OVER,
    NOT_HANDED_OVER,
    UNKNOWN,
    Delivery,
    Kind,
    Ledger,
    find_told,
    now,
)
from opp_analytics.report.delivery.receivers import Receiver, Unknown, find_receivers
from opp_analytics.report.delivery.smtp import EXAMPLE, URL, Mailer, read_server
from opp_analytics.report.digest import Digest, write_mail
from opp_analytics.report.weekly import WeeklyReport
from opp_analytics.schema import TEXT

_COLUMNS = ["receiver", "audience", "channel", "state", "detail"]


@dataclass(frozen=True)
class Post:
    """The checked settings of a delivery."""

    org: Org
    ledger: Ledger
    receivers: dict[str, list[Receiver]]
    """By audience."""
    mailer: Mailer | None
    dry_run: bool

    def deliver(
        self,
        report: WeeklyReport,
        kind: Kind = "page",
        *,
        again: bool = False,
        done: bool = False,
    ) -> pd.DataFrame:
        """Send a report as `deliver` does."""
        told = self.ledger.deliveries()
        with contextlib.closing(self.mailer) if self.mailer else contextlib.nullcontext():
            rows = [
                _deliver(page, receiver, self, told, kind, again=again, done=done)
                for page in (report, *report.parts)
                for receiver in self.receivers[page.audience]
            ]
        return pd.DataFrame(rows, columns=_COLUMNS).astype(TEXT)


def deliver(
    report: WeeklyReport,
    *,
    org: Org | None = None,
    again: bool = False,
    done: bool = False,
    dry_run: bool = False,
    kind: Kind = "page",
) -> pd.DataFrame:
    """Send a weekly report by mail and chat to the receivers that the org file names.

    Each page goes to a receiver once a day.

    Parameters
    ----------
    report : WeeklyReport
        From `weekly_report`, with its pages of teams and persons.
    org : Org, optional
        The org whose ``[deliver]`` and ``email`` of ``[people]`` say who gets what; by default that
        of the report.
    again : bool
        If True, also send what was, or may have been, handed over for the report's day already.
    done : bool
        If True, keep of each message that may have been handed over that it was.
    dry_run : bool
        If True, send nothing and keep nothing; say who would get what.
    kind : {"page", "alerts"}
        What to send: the pages, or alerts alone: what began or ended to hold since the last message
        to the receiver, and the milestones passed since then. Where nothing did, nothing is sent.

    Returns
    -------
    DataFrame
        One row for each message: ``receiver`` (a mail address, or kind and checksum of a chat such
        as ``slack 3f2a9c``; a person or team without an address), ``audience`` (whose page),
        ``channel`` (mail, chat), ``state`` (handed over, not handed over, unknown, already, no
        address, nothing changed, would send), ``detail`` (why, when it was handed over, or the
        alerts that were or would be sent, a line each), all str. Unknown is what was begun without
        an answer; it stays so until `again` or `done`. ``deliveries.jsonl`` beside the page keeps
        what was sent.

    Raises
    ------
    ArgumentTypeError, ArgumentValueError
        When an argument cannot be used.
    ConfigError
        When nobody is named, or there is no sender or no mail server for them
        (``OPP_ANALYTICS_SMTP_URL``).
    DataError
        When ``deliveries.jsonl`` cannot be read or added to. A message that is not handed over is a
        row, not an error.

    Examples
    --------
    >>> oa.deliver(report, dry_run=True)  # doctest: +SKIP
    """
    if getattr(report, "digest", None) is None:
        raise ArgumentTypeError(
            f"report={report!r} is not from weekly_report; use the one that it returns"
        )
    arguments.one_of(kind, "kind", ("page", "alerts"))
    audiences = [page.audience for page in (report, *report.parts)]
    post = check_delivery(
        report.html.parent, audiences, org or report.org or Org(), dry_run=dry_run
    )
    return post.deliver(report, kind, again=again, done=done)


def check_delivery(folder: Path, audiences: Iterable[str], org: Org, *, dry_run: bool) -> Post:
    """Check all that can be known before the pages of `audiences` in a folder are sent.

    The errors are those of `deliver`.
    """
    chats = find_chats()
    if not org.deliver and not chats:
        raise ConfigError(
            f"the org file does not say who gets the report; {_EXAMPLE}, or set {CHAT_URLS} for "
            "a chat"
        )
    receivers = {audience: find_receivers(audience, org, chats) for audience in audiences}
    mails = any(
        one.address and one.channel == "mail" for group in receivers.values() for one in group
    )
    if mails and not org.deliver.get("mail_from"):
        raise ConfigError(f"the org file does not say who sends the mail; {_EXAMPLE}")
    server = read_server() if mails else None
    if mails and server is None and not dry_run:
        from opp_analytics.sandbox import write_setting

        raise ConfigError(
            f"{URL} is not set, so no mail can be sent. Set it, with your own server and "
            f"login:\n  {write_setting(URL, EXAMPLE)}"
        )
    ledger = Ledger(folder)
    ledger.check()
    return Post(org, ledger, receivers, Mailer(server) if server else None, dry_run)


_EXAMPLE = (
    'add for example [deliver] with mail_from = "forecast@example.com" and mail_to = '
    '["sales@example.com"]'
)


def _deliver(
    page: WeeklyReport,
    receiver: Receiver,
    post: Post,
    known: Sequence[Delivery],
    kind: Kind,
    *,
    again: bool,
    done: bool,
) -> tuple[str, ...]:
    def tell(state: str, detail: str = "") -> tuple[str, ...]:
        return receiver.name, receiver.audience, receiver.channel, state, detail

    if receiver.address is None:
        return tell("no address")
    assert page.digest is not None
    day = str(page.day)[:10]
    try:
        # As for somebody who was last told this.
        told = find_told(known, receiver.name, page.audience, day)
        changed, standing, keys = page.watched.follow_up(told)
        digest, said = replace(page.digest, alerts=(*changed, *standing)), ""
        if kind == "alerts":
            if not changed:
                return tell("nothing changed")
            digest = page.digest.keep_alerts(changed)
            said = "\n".join(alert.words for alert in changed)
        delivery = Delivery(
            now(), day, page.audience, receiver.name, receiver.channel, kind, "sending", keys
        )
        begin = partial(post.ledger.begin, delivery, again=again, done=done)
        before = begin(dry_run=True)
        if before is None and post.dry_run:
            unset = f"{URL} is not set" if receiver.channel == "mail" and not post.mailer else ""
            return tell("would send", "\n".join(filter(None, (unset, said))))
        # What cannot be made or reaches no server leaves no trace of sending.
        files = (page.html, page.xlsx) if kind == "page" else ()
        hand_over = _prepare(digest, files, receiver, post) if before is None else str
        before = before if post.dry_run else begin()
        if before is not None:
            return tell(*_say_before(before, post.org))
    except OppAnalyticsError as error:
        return tell(NOT_HANDED_OVER, str(error))
    why = hand_over()
    state = UNKNOWN if isinstance(why, Unknown) else NOT_HANDED_OVER if why else HANDED_OVER
    try:
        post.ledger.add(replace(delivery, at=now(), state=state))
    except OppAnalyticsError as error:
        return tell(
            NOT_HANDED_OVER if state == NOT_HANDED_OVER else UNKNOWN,
            f"{why or 'it was handed over, but that could not be kept'}: {error}",
        )
    return tell(state, why or said)


def _prepare(
    digest: Digest, files: Iterable[Path], receiver: Receiver, post: Post
) -> Callable[[], str]:
    """Make one message; give what hands it over and says why that failed, nothing if not."""
    assert receiver.address is not None
    if receiver.channel == "chat":
        return prepare_chat(receiver.address, digest)
    assert post.mailer is not None
    sender, address = post.org.deliver["mail_from"], receiver.address.reveal()
    bare = parseaddr(sender)[1]
    headers = {
        "From": sender,
        "To": address,
        "Date": format_datetime(datetime.now(UTC)),
        "Message-ID": make_msgid(domain=bare.rpartition("@")[2]),
    }
    attached = {file.name: read_whole(file) for file in files}
    message = write_mail(digest, attached, headers)
    post.mailer.open()
    return partial(post.mailer.send, message, bare, address)


def _say_before(before: Delivery, org: Org) -> tuple[str, str]:
    """Say the state of a message that an earlier run began, and when that was."""
    moment = pd.Timestamp(before.at).tz_convert(org.zone(None))
    when = f"{text.day(moment)} at {moment:%H:%M}"
    if before.state == HANDED_OVER:
        return "already", f"handed over {when}"
    return UNKNOWN, f"begun {when}, and may have arrived"
