"""Each page to its receivers, once a day, whatever fails in between."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import files
from opp_analytics.errors import ArgumentTypeError, ConfigError, DataError
from opp_analytics.report.delivery import ledger, smtp
from tests.report.delivery.mail_server import PASSWORD, MailServer, run_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """A server with a login, whose address is in the environment."""
    with run_server() as server:
        monkeypatch.setenv(smtp.URL, server.url)
        yield server


def rows_of(outcome: pd.DataFrame) -> dict[str, str]:
    assert list(outcome.columns) == ["receiver", "audience", "channel", "state", "detail"]
    return dict(zip(outcome["receiver"], outcome["state"], strict=True))


def lines_of(report: oa.WeeklyReport) -> list[dict[str, object]]:
    return [
        json.loads(line)
        for line in (report.html.parent / "deliveries.jsonl").read_text().splitlines()
    ]


def test_deliver__sends_each_receiver_a_message_with_the_files(
    server: MailServer, report: oa.WeeklyReport
) -> None:
    sent = oa.deliver(report)
    assert sent["state"].tolist() == ["handed over", "handed over"]
    assert set(sent["channel"]) == {"mail"}
    assert set(sent["audience"]) == {"everybody"}
    assert (server.connections, server.logins) == (1, 1)
    assert all(message.as_bytes().isascii() for _, message in server.messages)
    for (receiver, message), expected in zip(
        server.messages, ["vp@example.com", "cfo@example.com"], strict=True
    ):
        assert receiver == message["To"] == expected
        assert message["From"] == "Prévision <forecast@sales.example.com>"
        assert message["Subject"] == "March will likely reach $180K."
        assert message["Message-ID"].endswith("@sales.example.com>")
        assert message["Date"].datetime.tzinfo is not None
        assert (message["Cc"], message["Bcc"], message["X-Unsent"]) == (None, None, None)
        names = [part.get_filename() for part in message.iter_attachments()]
        assert names == ["weekly-2026-11-23.html", "weekly-2026-11-23.xlsx"]
        assert [*message.iter_attachments()][1].get_content() == b"the workbook"
    assert len({message["Message-ID"] for _, message in server.messages}) == 2


def test_deliver__keeps_what_was_sent_and_sends_it_once_a_day(
    server: MailServer, report: oa.WeeklyReport
) -> None:
    assert rows_of(oa.deliver(report)) == {
        "vp@example.com": "handed over",
        "cfo@example.com": "handed over",
    }
    first = lines_of(report)
    assert [line["state"] for line in first] == ["sending", "handed over", "sending", "handed over"]
    assert first[1] | {"at": "", "crc32": 0} == {
        "at": "",
        "day": "2026-11-23",
        "audience": "everybody",
        "receiver": "vp@example.com",
        "channel": "mail",
        "kind": "page",
        "state": "handed over",
        "alerts": ["2026-11 p_target < 0.5"],
        "crc32": 0,
    }
    second = oa.deliver(report)
    assert set(second["state"]) == {"already"}
    at = pd.Timestamp(str(first[1]["at"])).tz_convert("America/Chicago")
    assert second["detail"][0] == f"handed over {at:%b} {at.day} at {at:%H:%M}"
    # Whatever the path of the page.
    other = report.html.rename(report.html.with_name("another.html"))
    assert set(oa.deliver(replace(report, html=other))["state"]) == {"already"}
    assert lines_of(report) == first
    assert len(server.messages) == 2
    assert set(oa.deliver(replace(report, html=other), again=True)["state"]) == {"handed over"}
    assert set(
        oa.deliver(replace(report, html=other, day=pd.Timestamp("2026-11-30")))["state"]
    ) == {"handed over"}
    assert len(server.messages) == 6


def test_deliver__sends_a_dry_run_nowhere_and_keeps_nothing(
    server: MailServer, report: oa.WeeklyReport
) -> None:
    for _ in range(2):
        assert set(oa.deliver(report, dry_run=True)["state"]) == {"would send"}
        assert sorted(file.name for file in report.html.parent.iterdir()) == [
            report.html.name,
            report.xlsx.name,
        ]
    assert server.connections == 0
    oa.deliver(report)
    assert set(oa.deliver(report, dry_run=True)["state"]) == {"already"}
    assert set(oa.deliver(report, dry_run=True, again=True)["state"]) == {"would send"}
    assert len(server.messages) == 2


def test_deliver__sends_to_others_where_one_fails_and_again_to_that_one(
    server: MailServer, report: oa.WeeklyReport
) -> None:
    server.refused = ["vp@example.com"]
    outcome = oa.deliver(report)
    assert rows_of(outcome) == {
        "vp@example.com": "not handed over",
        "cfo@example.com": "handed over",
    }
    assert "refused the receiver (550 5.1.1" in outcome["detail"][0]
    assert [line["state"] for line in lines_of(report)] == [
        "sending",
        "not handed over",
        "sending",
        "handed over",
    ]
    server.refused = ()
    assert rows_of(oa.deliver(report)) == {
        "vp@example.com": "handed over",
        "cfo@example.com": "already",
    }


def test_deliver__sends_parts_to_their_own_and_names_who_has_no_address(
    server: MailServer, report: oa.WeeklyReport
) -> None:
    parts = tuple(
        replace(report, audience=whose)
        for whose in ("team North", "team South", "person Ada Lee", "person Bo")
    )
    outcome = oa.deliver(replace(report, parts=parts))
    assert outcome[["receiver", "audience", "state"]].values.tolist()[2:] == [
        ["north@example.com", "team North", "handed over"],
        ["South", "team South", "no address"],
        ["ada@example.com", "person Ada Lee", "handed over"],
        ["Bo", "person Bo", "no address"],
    ]
    assert server.receivers == [
        "vp@example.com",
        "cfo@example.com",
        "north@example.com",
        "ada@example.com",
    ]
    assert server.logins == 1


KILLED = """
import os, sys
import opp_analytics as oa
from tests.report.delivery.test_deliver import made
import opp_analytics.report.delivery.smtp as smtp
smtp.Mailer.send = lambda *_: os.kill(os.getpid(), 9)
oa.deliver(made(sys.argv[1]))
"""


def made(folder: str) -> oa.WeeklyReport:
    """The report of a folder, for another process."""
    from tests.report.digests import digest

    org = oa.Org(
        deliver={"mail_from": "f@example.com", "mail_to": ["vp@example.com", "cfo@example.com"]}
    )
    page = Path(folder) / "weekly-2026-11-23.html"
    return oa.WeeklyReport(
        page, page.with_suffix(".xlsx"), day=pd.Timestamp("2026-11-23"), digest=digest(), org=org
    )


@pytest.mark.posix
@pytest.mark.slow
def test_deliver__that_was_killed_sends_nothing_twice(
    server: MailServer, report: oa.WeeklyReport
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, report.html.parent], env=os.environ, check=False
    )
    assert killed.returncode == -9
    assert [line["state"] for line in lines_of(report)] == ["sending"]
    # Its lock is gone with it.
    first = {"vp@example.com": "unknown", "cfo@example.com": "handed over"}
    assert rows_of(oa.deliver(report)) == first
    assert rows_of(oa.deliver(report)) == first | {"cfo@example.com": "already"}


def test_deliver__says_that_a_message_was_sent_though_that_could_not_be_kept(
    server: MailServer, report: oa.WeeklyReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = files.append_line

    def fill(file: Path, line: bytes) -> None:
        if b'"handed over"' in line:
            raise OSError(28, "No space left on device")
        append(file, line)

    monkeypatch.setattr(ledger, "append_line", fill)
    outcome = oa.deliver(report)
    assert set(outcome["state"]) == {"unknown"}
    assert outcome["detail"][0].startswith(
        "it was handed over, but that could not be kept: cannot write "
    )
    monkeypatch.setattr(ledger, "append_line", append)
    assert set(oa.deliver(report)["state"]) == {"unknown"}
    assert set(oa.deliver(report, dry_run=True, done=True)["state"]) == {"already"}
    assert {line["state"] for line in lines_of(report)} == {"sending"}
    assert set(oa.deliver(report, done=True)["state"]) == {"already"}
    assert set(oa.deliver(report)["state"]) == {"already"}
    assert len(server.messages) == 2


def test_deliver__of_a_message_that_cannot_be_made_leaves_no_trace(
    server: MailServer, report: oa.WeeklyReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = report.xlsx.read_bytes()
    report.xlsx.unlink()
    assert set(oa.deliver(report)["state"]) == {"not handed over"}
    report.xlsx.write_bytes(content)
    monkeypatch.setenv(smtp.URL, "smtp://127.0.0.1:9")
    assert set(oa.deliver(report)["state"]) == {"not handed over"}
    assert (server.connections, (report.html.parent / "deliveries.jsonl").exists()) == (0, False)


def test_deliver__that_cannot_keep_what_it_begins_sends_nothing(
    server: MailServer, report: oa.WeeklyReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ledger, "append_line", fill)
    assert set(oa.deliver(report)["state"]) == {"not handed over"}
    assert server.messages == []


def test_deliver__refuses_what_can_be_known_before(
    report: oa.WeeklyReport, org: oa.Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        ConfigError, match=r"does not say who gets the report; add for example \[deliver\]"
    ):
        oa.deliver(report, org=oa.Org(people=[{"owner_name": "Ada", "email": "a@x.com"}]))
    with pytest.raises(ConfigError, match="does not say who sends the mail"):
        oa.deliver(
            replace(report, audience="person Ada"),
            org=oa.Org(
                people=[{"owner_name": "Ada", "email": "a@x.com"}],
                deliver={"mail_to": []},
            ),
        )
    with pytest.raises(
        ConfigError,
        match=r"OPP_ANALYTICS_SMTP_URL is not set.*\n.*=.?smtps://user:password@mail",
    ):
        oa.deliver(report)
    with pytest.raises(ArgumentTypeError, match="is not from weekly_report"):
        oa.deliver(oa.WeeklyReport(report.html, report.xlsx))
    monkeypatch.setenv(smtp.URL, "smtps://u:p@mail.example.com")
    (report.html.parent / "deliveries.jsonl").write_text("{")
    with pytest.raises(DataError, match=r"line 1 of .*deliveries\.jsonl is damaged"):
        oa.deliver(report)


def test_deliver__shows_the_password_nowhere(
    server: MailServer,
    report: oa.WeeklyReport,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    server.refused = ["vp@example.com"]
    outcome = oa.deliver(report)
    files = [file for file in report.html.parent.rglob("*") if file.is_file()]
    assert "deliveries.jsonl" in {file.name for file in files}
    said = capfd.readouterr()
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("mail")]
    texts = [outcome.to_csv(), repr(report), repr(report.org), said.out, said.err, *ours]
    texts += [file.read_bytes().decode("utf-8", "replace") for file in files]
    texts += [message.as_string() for _, message in server.messages]
    assert not any(
        secret in one for secret in (PASSWORD, quote(PASSWORD, safe="")) for one in texts
    )


def test_attrs_of_frames__have_no_addresses(org: oa.Org) -> None:
    deals = org.apply(pd.DataFrame({"unique_id": ["a"], "owner_name": ["Ada Lee"]}))
    assert "team" in deals
    assert not any(
        "@" in one for one in (json.dumps(deals.attrs["org"]), repr(deals.attrs), deals.to_csv())
    )
