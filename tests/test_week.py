"""A week of scheduled runs on the sandbox's clock, as a scheduler starts them: who got what on which
day."""  # noqa: E501

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from tests.pages import ROOT
from tests.report.delivery.mail_server import MailServer, run_server
from tests.support import Asked, as_json, serving

pytestmark = [pytest.mark.slow, pytest.mark.posix]

MONDAY = dt.date(2026, 11, 23)
PEOPLE = {
    "Amara Okafor": "East",
    "Bruno Keller": "East",
    "Chiara Rossi": "East",
    "Dmitri Volkov": "East",
    "Elif Demir": "West",
    "Farid Haddad": "West",
    "Grace Lindqvist": "West",
}
WITHOUT = "Farid Haddad"
"""Who has no address."""
SALES, FINANCE, EAST, CHAT = "sales@example.com", "cfo@example.com", "east@example.com", "chat"
BIG, RECORDS = 20_000_000, 4
SEED = 5
"""With it the simulated team leaves the deal of the alert alone."""
ORG = f"""\
timezone = "UTC"
currency = "USD"

[people]
file = "people.csv"

[targets]
rows = [{{period = "2026-11", target = "500k"}}, {{period = "2026-12", target = "500k"}}]

[deliver]
mail_from = "Forecast <forecast@example.com>"
mail_to = ["{SALES}", "{FINANCE}"]

[deliver.teams]
East = ["{EAST}"]

[report]
alert_when = "open_value > {BIG}"
"""


def address(name: str) -> str:
    return f"{name.split()[0].lower()}@example.com"


PERSONS = {address(name) for name in PEOPLE if name != WITHOUT}


@dataclass
class Week:
    """A team's folder, the API, a mail server and a chat."""

    folder: Path
    api: oa.sandbox.Sandbox
    mail: MailServer
    chat: list[Asked]
    settings: dict[str, str]
    deal: str
    """Its value makes the alert."""

    def run(self, *options: str) -> tuple[int, str]:
        """Run `report --send` at the sandbox's moment: exit code, and what it complained of."""
        words = ["report", "--send", "--for-each", "team,owner_name", *options]
        done = subprocess.run(
            [sys.executable, "-m", "tests.clocked", *words],
            cwd=self.folder,
            env=self.settings
            | {
                "CLOCK": self.api.now.isoformat(),
                "PYTHONPATH": str(ROOT),
                "PATH": os.environ["PATH"],
                "XDG_CACHE_HOME": str(self.folder.parent / "cache"),
                "XDG_STATE_HOME": str(self.folder.parent / "state"),
            },
            capture_output=True,
            text=True,
        )
        said = [line for line in done.stderr.splitlines() if not line.startswith("Note:")]
        return done.returncode, "\n".join(said)

    def got(self) -> dict[str, str]:
        """Take what arrived since the last question: by receiver, the subject or the title; nobody
        got two."""
        arrived = [(receiver, str(message["Subject"])) for receiver, message in self.mail.messages]
        arrived += [(CHAT, json.loads(asked.body)["title"]) for asked in self.chat]
        self.mail.messages.clear()
        self.chat.clear()
        assert len(dict(arrived)) == len(arrived), "somebody got two"
        return dict(arrived)

    def set_value(self, value: float) -> None:
        with oa.Client(self.api.url, self.api.token, self.api.api_key) as client:
            client.update(self.deal, value=value)


@pytest.fixture
def week(tmp_path: Path) -> Iterator[Week]:
    folder = tmp_path / "sales"
    folder.mkdir()
    (folder / "opp-analytics.toml").write_text(ORG)
    people = pd.DataFrame(
        [(name, team, "" if name == WITHOUT else address(name)) for name, team in PEOPLE.items()],
        columns=["owner_name", "team", "email"],
    )
    people.to_csv(folder / "people.csv", index=False)
    with (
        oa.sandbox.start(
            weeks=14, today=MONDAY - dt.timedelta(weeks=RECORDS), deals_per_week=4, seed=SEED
        ) as api,
        run_server(login=False) as mail,
        serving(lambda asked: as_json({})) as chat,
    ):
        history = oa.History(folder / "opp-history", org=oa.Org.read(folder / "opp-analytics.toml"))
        with oa.Client(api.url, api.token, api.api_key, cache_dir=tmp_path / "cache") as client:
            for _ in range(RECORDS):
                history.record(oa.load(client, refresh="full", progress=False), at=api.now)
                api.advance(7)
            deal = client.create(
                fields={"owner_name": "Amara Okafor"},
                name="Oak",
                stage="proposal",
                value=1000,
                close_date="2026-11-30",
            )
        settings = {
            "BLOCKS_API_URL": api.url,
            "BLOCKS_AUTH_TOKEN": api.token,
            "BLOCKS_API_KEY": api.api_key,
            "OPP_ANALYTICS_SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
            "OPP_ANALYTICS_CHAT_URLS": chat.url.replace("http", "json"),
        }
        yield Week(folder, api, mail, chat.asked, settings, str(deal["unique_id"]))


def test_week__everybody_gets_what_is_theirs_once(week: Week) -> None:
    everybody = {SALES, FINANCE, CHAT}
    pages = {*everybody, EAST, *PERSONS}
    concerned = {EAST, address("Amara Okafor")}
    reports = week.folder / "reports"

    # Monday: the page for each. No alert holds.
    assert week.run("--keep", "1") == (0, "")
    got = week.got()
    assert got.keys() == pages
    assert got[SALES] == got[FINANCE]
    first = sorted(file.name for file in reports.glob("weekly-2026-11-23*"))
    assert len([name for name in first if name.endswith(".html")]) == 1 + 2 + len(PEOPLE)
    (reports / "weekly-2026-11-23-notes.html").write_text("ours")

    # Tuesday: the API is down.
    week.api.advance(1)
    url = week.settings["BLOCKS_API_URL"]
    week.settings["BLOCKS_API_URL"] = "http://127.0.0.1:9"
    code, said = week.run("--alerts")
    assert code == 1
    assert "127.0.0.1:9" in said
    assert week.got() == {}
    week.settings["BLOCKS_API_URL"] = url

    # Wednesday: an alert begins, and the mail server does not take one receiver.
    week.api.advance(1)
    week.set_value(2.0 * BIG)
    week.mail.refused = {FINANCE}
    code, said = week.run("--alerts")
    assert code == 1
    assert FINANCE in said
    got = week.got()
    assert got.keys() == {SALES, CHAT, *concerned}
    assert "$20M" in got[SALES]

    # Thursday: it holds, which the others know.
    week.api.advance(1)
    week.mail.refused = ()
    assert week.run("--alerts") == (3, "")
    assert week.got().keys() == {FINANCE}

    # Friday: it is over.
    week.api.advance(1)
    week.set_value(1000)
    assert week.run("--alerts") == (0, "")
    assert week.got().keys() == {*everybody, *concerned}
    assert not list(reports.glob("weekly-2026-11-2[4-9]*")), "alerts need no page"

    # The weekend.
    for _ in range(2):
        week.api.advance(1)
        assert week.run("--alerts") == (0, "")
        assert week.got() == {}

    # Monday: the next page; the files of last week go, and what is not ours stays. One team cannot
    # be reached, until an hour later.
    week.api.advance(1)
    week.mail.refused = {EAST}
    assert week.run("--keep", "1")[0] == 1
    assert week.got().keys() == pages - {EAST}
    assert sorted(file.name for file in reports.glob("weekly-2026-11-23*")) == [
        "weekly-2026-11-23-notes.html"
    ]
    second = sorted(file.name for file in reports.glob("weekly-2026-11-30*"))
    assert second == [name.replace("11-23", "11-30") for name in first]
    week.mail.refused = ()
    for receivers in ({EAST}, set[str]()):
        assert week.run("--keep", "1") == (0, "")
        assert week.got().keys() == receivers
    assert len(oa.History(week.folder / "opp-history").records) == RECORDS + 7
