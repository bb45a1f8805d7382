"""A week of days: each receiver is told once when something begins to hold, and once when it
ends."""

from __future__ import annotations

import datetime
import functools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.report import check_report, write_report
from opp_analytics.report.delivery import deliver as delivery
from opp_analytics.report.digest import Digest
from tests.report import states

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::opp_analytics.errors.DataWarning"),
]

HARROWDENE, OAKHURST, CAMBERWICK = "2b9bd4b9", "6c502796", "85c15111"
DAYS: dict[str, dict[str, dict[str, Any]]] = {
    "2026-11-19": {HARROWDENE: {"close_date": "2026-11-27"}},
    "2026-11-20": {HARROWDENE: {"close_date": "2026-12-10"}},
    "2026-11-21": {OAKHURST: {"probability": 41}},
    "2026-11-22": {},
    "2026-11-23": {
        HARROWDENE: {"close_date": "2026-11-27"},
        CAMBERWICK: {
            "stage": "closed_won",
            "status": "won",
            "close_date": "2026-11-23",
            "probability": 100,
        },
    },
    "2026-11-24": {
        OAKHURST: {
            "stage": "closed_won",
            "status": "won",
            "close_date": "2026-11-24",
            "probability": 100,
        }
    },
    "2026-11-25": {},
}
"""What changes on each day, by the begin of a deal's id."""
REPORT = {
    "alert_when": "open_value < $50,000",
    "alert_deals_when": "probability < 50% and value > 50k",
    "milestones": [0.5, 0.9],
    "blocks": ["months"],
}
BEGUN = "November has $47K open and due, now below $50K."
FELL = (
    "Oakhurst Care: Data migration (Dmitri Volkov): probability is 41%, now below 50%; $79K due "
    "Feb 8, 2027."
)
ENDED = "November has $79K open and due; no longer below $50K."
PASSED = "November passed 50% of target: $203K of $400K closed."
WON = "Oakhurst Care: Data migration (Dmitri Volkov) was won: $79K."


@dataclass
class Mailbox:
    """What receivers got; those who are away refuse."""

    got: list[tuple[str, list[str]]] = field(default_factory=list)
    away: set[str] = field(default_factory=set)

    def take(self, digest: Digest, files: Any, receiver: Any, post: Any) -> str:
        if receiver.name in self.away:
            return "the server does not answer"
        self.got.append((receiver.name, [alert.words for alert in digest.alerts]))
        return ""

    def open(self) -> dict[str, list[str]]:
        """What each receiver got since it was opened last."""
        got, self.got = dict(self.got), []
        return got


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[pd.DataFrame, oa.History]]:
    """The pipeline of each day, recorded that morning."""
    state = states.as_of(datetime.date(2026, 11, 18), since=1)
    assert state.history is not None
    frame = state.opportunities.astype({"stage": "str", "status": "str"})
    frame.attrs = {}
    found = {}
    for day, changes in DAYS.items():
        for begin, cells in changes.items():
            for name, cell in cells.items():
                typed = pd.Timestamp(cell) if name == "close_date" else cell
                frame.loc[frame["unique_id"].str.startswith(begin), name] = typed
        state.history.record(frame, at=f"{day}T06:00:00Z")
        found[day] = (state.history.as_of(f"{day}T23:59:59Z"), state.history)
    return found


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    box = Mailbox()
    monkeypatch.setattr(
        delivery, "_prepare", lambda *message: functools.partial(box.take, *message)
    )
    monkeypatch.setenv("OPP_ANALYTICS_SMTP_URL", "smtp://127.0.0.1:25")
    return box


ORG = oa.Org(
    currency="USD",
    report=REPORT,
    people=[{"owner_name": "Dmitri Volkov", "team": "West", "email": "dmitri@example.com"}],
    deliver={"mail_from": "forecast@example.com", "mail_to": ["ann@example.com", "bo@example.com"]},
)


def make(
    week: dict[str, Any], day: str, folder: Path, only: str | None = None, *, files: bool = False
) -> oa.WeeklyReport:
    frame, history = week[day]
    ready = check_report(
        frame,
        history.read_by(ORG),
        as_of=day,
        org=ORG,
        target=400_000,
        # No alert here is about the forecast.
        method="stated",
        out=folder,
        only=only,
    )
    return write_report(ready, files=files)


def test_deliver__tells_each_receiver_once_what_began_and_what_ended(
    week: dict[str, Any], mailbox: Mailbox, tmp_path: Path
) -> None:
    def send(day: str, kind: Any = "alerts", **asked: Any) -> list[str]:
        report = make(week, day, tmp_path, files=kind == "page")
        assert report.alerts  # so that the command ends with 3 each day
        return oa.deliver(report, kind=kind, **asked)["state"].tolist()

    ann, bo = "ann@example.com", "bo@example.com"
    assert send("2026-11-19", "page") == ["handed over", "handed over"]
    premium, migration = (
        "Calderstone Bank: Premium support (Amara Okafor)",
        "Brightloom Media: Data migration (Farid Haddad)",
    )
    standing = [f"Two deals still below 50%: {premium} and {migration}."]
    # To who is told for the first time all is new.
    first = [
        f"{premium}: probability is 35%, now below 50%; $81K was due Oct 29.",
        f"{migration}: probability is 40%, now below 50%; $60K was due Nov 7.",
    ]
    assert mailbox.open() == {ann: first, bo: first}

    mailbox.away = {bo}
    assert send("2026-11-20", dry_run=True) == ["would send", "would send"]
    assert send("2026-11-20") == ["handed over", "not handed over"]
    assert mailbox.open() == {ann: [BEGUN]}
    mailbox.away = set()
    assert send("2026-11-21") == ["handed over", "handed over"]
    assert mailbox.open() == {ann: [FELL], bo: [BEGUN.replace("$47K", "$35K"), FELL]}
    assert send("2026-11-22") == ["nothing changed", "nothing changed"]
    assert send("2026-11-22", again=True) == ["nothing changed", "nothing changed"]
    assert send("2026-11-23") == ["handed over", "handed over"]
    assert mailbox.open() == {ann: [ENDED, PASSED], bo: [ENDED, PASSED]}
    assert send("2026-11-24", "page") == ["handed over", "handed over"]
    assert mailbox.open() == {ann: [WON, *standing], bo: [WON, *standing]}
    assert send("2026-11-25") == ["nothing changed", "nothing changed"]
    lines = [json.loads(line) for line in (tmp_path / "deliveries.jsonl").read_text().splitlines()]
    assert [line["state"] for line in lines if line["receiver"] == bo] == [
        "sending",
        "handed over",
        "sending",
        "not handed over",
        "sending",
        "handed over",
        "sending",
        "handed over",
        "sending",
        "handed over",
    ]


def test_deliver__tells_a_receiver_that_comes_later_what_holds_and_a_person_their_own_deals(
    week: dict[str, Any], mailbox: Mailbox, tmp_path: Path
) -> None:
    for day in ("2026-11-20", "2026-11-21", "2026-11-24"):
        oa.deliver(make(week, day, tmp_path, only="Dmitri Volkov"), kind="alerts")
    mine = [line for _, lines in mailbox.got for line in lines]
    assert [line for line in mine if "Oakhurst" in line] == [
        line.replace(" (Dmitri Volkov)", "") for line in (FELL, WON)
    ]
    assert not [
        line for line in mine if "Calderstone" in line or "Brightloom" in line or "$400K" in line
    ]
    mailbox.open()
    oa.deliver(make(week, "2026-11-23", tmp_path), kind="alerts")
    later = mailbox.open()["ann@example.com"]
    assert FELL in later
    assert PASSED in later
    assert not [line for line in later if line.startswith("Over")]
