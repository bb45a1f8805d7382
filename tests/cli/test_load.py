"""The `load` and `record` commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from tests.cli.kinds import Account, Command
from tests.support import Answer, Asked, paged, row, serving


@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx"])
def test_load__writes_a_file_that_reads_back(
    command: Command, account: Account, tmp_path: Path, ending: str
) -> None:
    account(pd.DataFrame([row(1, name='=HYPERLINK("http://x")'), row(2, value=None)]))
    file = tmp_path / f"pipeline.{ending}"
    code, out, _ = command("load", "--out", file)
    assert code == 0
    assert "2 opportunities" in out
    assert "complete" in out
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "xlsx": pd.read_excel}[ending](file)
    assert sorted(read["unique_id"]) == ["opp-1", "opp-2"]
    formula = '=HYPERLINK("http://x")'
    assert (f"'{formula}" if ending == "csv" else formula) in read["name"].tolist()
    assert read["value"].isna().sum() == 1
    assert [f.name for f in tmp_path.glob("*pipeline*")] == [file.name]


def test_load__without_a_file_shows_the_stages(command: Command, account: Account) -> None:
    account(pd.DataFrame([row(1), row(2, stage="discovery", value=250)]))
    code, out, _ = command("load")
    assert code == 0
    assert [line.split() for line in out.splitlines() if "Discovery" in line] == [
        ["Discovery", "1", "250"]
    ]


def test_load__refreshes_when_told(command: Command, account: Account) -> None:
    client = account(2)
    assert "2 opportunities" in command("load")[1]
    client.create(
        name="Late",
        account_id="a",
        value=1,
        stage="proposal",
        close_date="2026-06-30",
        probability=10,
    )
    assert "2 opportunities" in command("load")[1]
    assert "3 opportunities" in command("load", "--refresh", "changes")[1]
    client.create(
        name="Later",
        account_id="a",
        value=1,
        stage="proposal",
        close_date="2026-06-30",
        probability=10,
    )
    assert "4 opportunities" in command("load", "--refresh", "full")[1]


@pytest.mark.posix
def test_load__on_ctrl_c_in_a_pause_says_what_it_keeps_and_goes_on_from_there(
    tmp_path: Path,
) -> None:
    honest = paged([row(n, created_at=f"2026-01-01T00:00:00.{n:06d}Z") for n in range(200)])
    refusing, paused = threading.Event(), threading.Event()
    refusing.set()

    def respond(asked: Asked) -> Answer:
        asked.query["records"] = str(min(5, int(asked.query["records"])))
        # The second page is asked for once the first one was read.
        if refusing.is_set() and asked.query["page"] != "1":
            paused.set()
            return Answer(429, b"", {"Retry-After": "100"})
        return honest(asked)

    def start() -> subprocess.Popen[str]:
        settings = {
            "BLOCKS_API_URL": server.url,
            "BLOCKS_AUTH_TOKEN": "tok-123",
            "BLOCKS_API_KEY": "key-456",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "opp_analytics", "load"],
            env={
                **os.environ,
                **settings,
                "PYTHONPATH": str(Path(oa.__file__).parents[1]),
                "COLUMNS": "200",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    with serving(respond) as server:
        process = start()
        assert paused.wait(60)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        took = time.monotonic() - began
        assert (process.returncode, out) == (130, "")
        assert err == (
            "Load stopped after 1 page, 5 of 200 opportunities; they are kept, "
            "and the next load goes on from there unless something has changed.\n"
        )
        # The promise is two seconds.
        assert took < 10, took
        refusing.clear()
        server.asked.clear()
        out, err = start().communicate(timeout=60)
        swept = sorted(
            int(a.query["page"]) for a in server.asked if a.query.get("sort") == "created_at"
        )
    assert "200 opportunities" in out
    assert swept == list(range(2, 42))


def test_record__adds_what_changed(command: Command, account: Account, tmp_path: Path) -> None:
    client = account(3)
    folder = tmp_path / "history"
    code, out, _ = command("record", "--history", folder)
    assert code == 0
    assert "Recorded 3 opportunities, 3 changed" in out
    client.update("opp-1", value=5)
    _, out, _ = command("record", "--history", folder)
    assert "Recorded 3 opportunities, 1 changed" in out
    assert "(record 2)" in out
