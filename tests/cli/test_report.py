"""``opp-analytics report``: from the API to two files, remembering what it saw."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from opp_analytics import History
from tests.cli.kinds import Account, Command
from tests.report import reading
from tests.support import row

pytestmark = pytest.mark.slow


def test_report__writes_both_files_and_remembers_what_it_saw(
    command: Command, account: Account, tmp_path: Path
) -> None:
    account(pd.DataFrame([row(k) for k in range(5)]))
    asked = [
        "report",
        "--out",
        tmp_path / "week.html",
        "--target",
        "9000",
        "--history",
        tmp_path / "history",
    ]
    code, out, err = command(*asked)
    assert (code, err) == (0, "")
    assert f"Written to {tmp_path / 'week.html'} and {tmp_path / 'week.xlsx'}" in out
    assert "No record of the pipeline" not in (tmp_path / "week.html").read_text()
    assert len(History(tmp_path / "history").records) == 1
    # The same cached load is no second record.
    assert command(*asked)[0] == 0
    assert len(History(tmp_path / "history").records) == 1


def test_report__leaves_the_history_alone_when_told(
    command: Command, account: Account, tmp_path: Path
) -> None:
    account(3)
    assert (
        command("report", "--out", tmp_path, "--history", tmp_path / "history", "--no-record")[0]
        == 0
    )
    assert History(tmp_path / "history").records.empty


def test_report__of_a_past_day_is_read_from_the_history_without_asking_the_api(
    command: Command, tmp_path: Path
) -> None:
    history = History(tmp_path / "history")
    for day, value in (("2026-01-05", 100), ("2026-01-12", 250)):
        history.record(pd.DataFrame([row(1, value=value)]), at=f"{day}T08:00Z")
    code, _, err = command(
        "report",
        "--as-of",
        "2026-01-12",
        "--out",
        tmp_path / "a.html",
        "--history",
        tmp_path / "history",
    )
    assert (code, err) == (0, "")
    page = reading.read(tmp_path / "a.html")
    assert "Open pipeline is 250." in reading.words(page.block("notes"))


def test_report__of_a_day_before_the_history_says_so(command: Command, tmp_path: Path) -> None:
    code, _, err = command(
        "report", "--as-of", "2026-01-12", "--out", tmp_path, "--history", tmp_path / "none"
    )
    assert code == 1
    assert "holds no records; make one every day with: opp-analytics record" in err


def test_report__reads_the_org_file_of_the_folder(
    command: Command, account: Account, here: Path
) -> None:
    account(pd.DataFrame([row(k, owner_name="Zoe") for k in range(3)]))
    settings = """currency = "EUR"
[report]
title = "Monday"
blocks = ["people", "data_to_fix"]
freq = "Q"
"""
    (here / "opp-analytics.toml").write_text(settings)
    code, _, err = command("report", "--out", "a.html", "--no-record")
    assert (code, err) == (0, "")
    page = reading.read(here / "a.html")
    assert page.keys == ["people", "data_to_fix"]
    assert reading.words(reading.one(page.root, "b")) == "Monday"
    assert page.tiles["Closed won"][0] == "€0"


def test_report__also_writes_mail_and_text_and_an_alert_exits_with_3(
    command: Command, account: Account, tmp_path: Path
) -> None:
    account(3)
    org = tmp_path / "org.toml"
    org.write_text('currency = "USD"\n[report]\nalert_when = ["booked < 1e9", "booked > 1e9"]\n')
    asked = [
        "report",
        "--out",
        tmp_path / "week.html",
        "--history",
        tmp_path / "history",
        "--org",
        org,
    ]
    code, out, err = command(*asked, "--eml", "--markdown")
    assert (code, err) == (3, "")
    assert out.splitlines()[-1].endswith(" has $0 closed, below $1B.")
    assert all((tmp_path / f"week.{kind}").stat().st_size for kind in ("html", "xlsx", "eml", "md"))
    org.write_text('[report]\nalert_when = "booked > 1e9"\n')
    assert command(*asked)[0] == 0
