"""`deliver`: each page to its receivers, once, with the outcome of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from opp_analytics.org import Org, read_folder_org
from opp_analytics.report.delivery.chat import find_chats, send_chat
from opp_analytics.report.delivery.ledger import Delivery, Kind, Ledger, find_last, now
from opp_analytics.report.delivery.receivers import find_receivers
from opp_analytics.report.delivery.smtp import send_mail
from opp_analytics.report.weekly import WeeklyReport
from opp_analytics.schema import TEXT

_SEND = {"mail": send_mail, "chat": send_chat}


class Outcome(NamedTuple):
    """What became of one message."""

    receiver: str
    audience: str
    channel: str
    state: str
    detail: str


def deliver(
    report: WeeklyReport,
    *,
    org: Org | None = None,
    again: bool = False,
    dry_run: bool = False,
    kind: Kind = "page",
) -> pd.DataFrame:
    """Send a weekly report to its receivers by mail and chat, once for each day."""
    org = org or read_folder_org() or Org()
    ledger = Ledger(report.html.parent)
    rows = list(_deliver(report, org, ledger, kind, again, dry_run))
    return pd.DataFrame(rows, columns=list(Outcome._fields), dtype="object").astype(TEXT)


def _deliver(
    report: WeeklyReport, org: Org, ledger: Ledger, kind: Kind, again: bool, dry_run: bool
) -> Iterator[Outcome]:
    ledger.check()
    for receiver in find_receivers(report.audience, org, find_chats()):
        told = (receiver.name, receiver.audience, receiver.channel)
        if receiver.address is None:
            yield Outcome(*told, "no address", "")
            continue
        day = "" if report.day is None else str(report.day.date())
        delivery = Delivery(
            now(),
            day,
            receiver.audience,
            receiver.name,
            receiver.channel,
            kind,
            "sending",
            tuple(alert.key for alert in report.alerts),
        )
        if dry_run:
            before = find_last(ledger.deliveries(), delivery)
            held = before is not None and before.state != "failed" and not again
            yield Outcome(*told, "already" if held else "would send", "")
            continue
        if ledger.begin(delivery, again=again):
            yield Outcome(*told, "already", "")
            continue
        why = _SEND[receiver.channel](receiver, report, kind)
        ledger.add(replace(delivery, at=now(), state="failed" if why else "sent"))
        yield Outcome(*told, "failed" if why else "sent", why)
