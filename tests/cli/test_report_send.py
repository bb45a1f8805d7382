"""``opp-analytics report --send``: who got it, in words and in the exit code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from opp_analytics import History
from opp_analytics.report.delivery import smtp
from tests.cli.kinds import Account, Command
from tests.report.delivery.mail_server import PASSWORD, MailServer, run_server
from tests.support import row

ORG = """
[people]
rows = [{owner_name = "Ann", team = "North", email = "ann@example.com"}, {owner_name = "Zoe", team = "South"}]
[deliver]
mail_from = "forecast@example.com"
mail_to = ["vp@example.com", "cfo@example.com"]
"""  # noqa: E501
Report = Callable[..., tuple[int, str, str]]


@pytest.fixture
def report(command: Command, here: Path) -> Report:
    """Runs `report --send` on a recorded day in a folder with an org file."""
    org = here / "opp-analytics.toml"
    org.write_text(ORG)
    rows = [row(k, owner_name=("Ann", "Zoe")[k % 2], close_date="2026-01-20") for k in range(4)]
    History("opp-history").record(pd.DataFrame(rows), at="2026-01-12T08:00Z")

    def run(*options: object, more: str = "", day: str = "2026-01-12") -> tuple[int, str, str]:
        org.write_text(ORG + more)
        return command("report", "--as-of", day, "--out", "reports", "--send", *options)

    return run


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """A mail server, whose address is in the environment."""
    with run_server() as server:
        monkeypatch.setenv(smtp.URL, server.url)
        yield server


@pytest.mark.slow
def test_report_send__says_who_got_it_and_sends_it_once(report: Report, server: MailServer) -> None:
    code, out, err = report()
    assert (code, err) == (0, "")
    assert [line.split() for line in out.splitlines()[3:]] == [
        ["Sent"],
        ["receiver", "audience", "state"],
        ["vp@example.com", "everybody", "handed", "over"],
        ["cfo@example.com", "everybody", "handed", "over"],
    ]
    assert server.receivers == ["vp@example.com", "cfo@example.com"]
    code, out, err = report()
    assert (code, err) == (0, "")
    assert "\nNothing was sent\n" in out
    assert "everybody  already: handed over " in out
    assert "already: handed over for this day; --again sends it once more." in out
    assert len(server.messages) == 2
    assert report("--again")[0] == 0
    assert len(server.messages) == 4


@pytest.mark.slow
def test_report_send__names_who_failed_and_who_has_no_address(
    report: Report, server: MailServer
) -> None:
    server.refused = ["vp@example.com"]
    code, out, err = report(
        "--for-each", "team,owner_name", more='[report]\nalert_when = "open_value >= 0"'
    )
    # A failure counts for more than an alert.
    assert code == 1
    assert "open and due, at or above 0." in out
    assert "Zoe              person Zoe  no address" in out
    assert "no address: add it to [deliver.teams], or as email to [people], of the org file." in out
    assert err.startswith("Error: vp@example.com: 127.0.0.1:")
    assert "refused the receiver (550 5.1.1 vp@example.com" in err
    assert server.receivers == ["cfo@example.com", "ann@example.com"]
    assert Path("reports", "weekly-2026-01-12.html").exists()
    assert PASSWORD not in out + err
    server.refused = ()
    assert (
        report("--for-each", "team,owner_name", more='[report]\nalert_when = "open_value >= 0"')[0]
        == 3
    )
    assert server.receivers == ["cfo@example.com", "ann@example.com", "vp@example.com"]


@pytest.mark.slow
def test_report_send__ends_with_4_until_somebody_decides(
    report: Report, server: MailServer
) -> None:
    server.hangs_up = {"vp@example.com": "DATA"}
    for more in ("", '[report]\nalert_when = "open_value >= 0"'):
        code, out, err = report(more=more)
        assert code == 4
        assert "may have arrived" in err
        assert "then --done keeps that it arrived, --again sends it anew" in out
    assert report("--dry-run", "--done")[0] == 0
    assert report()[0] == 4
    assert report("--done")[0] == 0
    code, out, _ = report()
    assert (code, out.count("already: handed over")) == (0, 3)
    assert server.receivers == ["vp@example.com", "cfo@example.com"]
    assert report("--again", "--done")[0] == 2


@pytest.mark.slow
def test_report_send__of_a_dry_run_writes_and_sends_nothing(
    report: Report, server: MailServer
) -> None:
    for options in ((), ("--for-each", "team", "--keep", "1")):
        code, out, err = report("--dry-run", *options)
        assert (code, err) == (0, "")
        assert re.search("vp@example.com +everybody +would send", out)
        assert "Written" not in out
        assert not [*Path("reports").iterdir()]
    assert server.connections == 0


def test_report_send__of_alerts_alone_writes_no_page(report: Report, server: MailServer) -> None:
    more = '[report]\nalert_when = "open_value >= 0"'
    assert report("--alerts", more=more)[0] == 3
    assert server.receivers == ["vp@example.com", "cfo@example.com"]
    assert [file.name for file in Path("reports").iterdir()] == ["deliveries.jsonl"]


@pytest.mark.parametrize(
    ("more", "url", "says"),
    [
        ("", None, "OPP_ANALYTICS_SMTP_URL is not set, so no mail can be sent"),
        ("", "smtps://u:hidden", "OPP_ANALYTICS_SMTP_URL is not an address such as"),
        (
            "[deliver.teams]\nEast = ['a@x.com']",
            "smtps://u:p@h",
            "nobody under [people] is in this team",
        ),
    ],
)
def test_report_send__is_refused_before_the_page_is_made(
    report: Report, monkeypatch: pytest.MonkeyPatch, more: str, url: str | None, says: str
) -> None:
    if url:
        monkeypatch.setenv(smtp.URL, url)
    code, _, err = report(more=more)
    assert code == 1
    assert says in err
    assert "hidden" not in err
    assert not Path("reports").exists()


def test_report_send__without_anybody_to_send_to_says_what_to_add(
    command: Command, report: Report
) -> None:
    Path("opp-analytics.toml").write_text('currency = "USD"\n')
    code, _, err = command("report", "--as-of", "2026-01-12", "--out", "reports", "--send")
    assert code == 1
    assert (
        'add for example [deliver] with mail_from = "forecast@example.com" and mail_to = '
        '["sales@example.com"]'
    ) in err
    assert not Path("reports").exists()


def test_report_send__is_refused_where_nobody_knows_what_was_sent(
    report: Report, server: MailServer
) -> None:
    ledger = Path("reports", "deliveries.jsonl")
    ledger.parent.mkdir()
    ledger.write_text('{"at": "2026-\n')
    code, _, err = report()
    assert code == 1
    assert f"line 1 of {ledger} is damaged" in err
    assert (server.messages, [file.name for file in ledger.parent.iterdir()]) == ([], [ledger.name])


@pytest.mark.parametrize("option", ["--dry-run", "--again", "--done", "--alerts"])
def test_report__takes_options_of_sending_only_with_send(
    command: Command, here: Path, option: str
) -> None:
    code, _, err = command("report", option)
    assert code == 2
    assert "add --send" in err


@pytest.mark.slow
def test_report_send__of_alerts_says_what_was_told_then_what_stands(
    report: Report, server: MailServer
) -> None:
    more = '[report]\nalert_when = ["open_value >= 0", "open_count > 0"]\n'
    told = "To vp@example.com and cfo@example.com:\n"
    code, out, _ = report("--alerts", "--dry-run", more=more)
    assert (code, out.count(", now "), "…" in out, told in out) == (3, 2, False, True)
    assert ", still " not in out
    code, out, _ = report("--alerts", more=more)
    assert (code, out.count(", now "), told in out) == (3, 2, True)
    assert ", still " not in out
    History("opp-history").record(
        pd.DataFrame([row(k, close_date="2026-01-20") for k in range(4)]), at="2026-01-13T08:00Z"
    )
    code, out, _ = report("--alerts", more=more, day="2026-01-13")
    assert (code, ", now " in out, out.count(", still ")) == (3, False, 2)
    assert out.index("Nothing was sent") < out.index(", still ")
    more += "milestones = [0.00001]\n"
    assert "Nothing was sent" in report("--alerts", more=more, day="2026-01-13")[1]


@pytest.mark.parametrize("option", ["--eml", "--markdown"])
def test_report_send__of_alerts_takes_no_option_that_writes_files(
    report: Report, option: str
) -> None:
    code, _, err = report("--alerts", option)
    assert code == 2
    assert f"--alerts writes no files; leave out {option}" in " ".join(
        err.replace("│", " ").split()
    )


@pytest.mark.slow
def test_report_send__refuses_data_of_another_day_unless_the_day_is_named(
    command: Command, report: Report, server: MailServer
) -> None:
    code, _, err = command("report", "--send")
    assert code == 1
    assert "the pipeline was last seen on Jan 12, 2026" in err
    assert (
        "So nothing was sent; record the pipeline of today with opp-analytics record --history "
        "opp-history"
    ) in err
    assert not server.messages
    assert not Path("reports").exists()
    code, out, _ = command("report", "--send", "--as-of", "2026-01-12")
    assert (code, len(server.messages)) == (0, 2), out


@pytest.mark.slow
def test_report_send__without_a_record_of_today_sends_nothing(
    command: Command, report: Report, server: MailServer, account: Account
) -> None:
    account(4)
    code, _, err = command("report", "--send", "--no-record")
    assert code == 1
    assert "There is no complete record of today. So nothing was sent" in err
    assert not server.messages
    assert command("report", "--send")[0] == 0
    assert len(server.messages) == 2


@pytest.mark.slow
def test_report_send__records_once_a_day(
    command: Command, report: Report, server: MailServer
) -> None:
    now = pd.Timestamp.now("UTC").isoformat()
    pd.DataFrame([row(k, updated_at=now) for k in range(4)]).to_csv("deals.csv", index=False)
    for _ in range(2):
        assert command("report", "--from", "deals.csv", "--send")[0] == 0
    assert len(History("opp-history").records) == 2  # the first one is of January
    assert len(server.messages) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--for-each", "tem"), "--for-each 'tem' is not a column of people"),
        (
            ("--for-each", "team", "--for", "North"),
            "--for 'North' asks for one page, but one for each 'team' is asked for too",
        ),
        (("--keep", "0"), "--keep 0 must be at least 1; use for example 12"),
        (("--since", "2040-01-01"), "--since '2040-01-01' is not before"),
    ],
)
def test_report__names_its_options_in_errors(
    report: Report, words: tuple[str, ...], says: str
) -> None:
    code, _, err = report(*words)
    assert code == 1
    assert says in err
