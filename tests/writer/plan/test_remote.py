"""Ctrl-C while `plan` or `undo` read the server, in processes of their own."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import apply, plan, runs, undo
from tests.writer.frames import opportunities
from tests.writer.kills import Round, held, wait_for_silence

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")

STALLS = {
    "in pauses of a minute": {"rate_limit": 0.01},
    "in dripping answers": {"drip": 2},
    "while the server thinks": {"latency": 100},
}
SOON = 10.0
"""The promise is two seconds; five times that, on a busy machine."""
SINGLE_READS, ALL_PAGES = 6, 30


@pytest.mark.parametrize("faults", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("rows", [SINGLE_READS, ALL_PAGES])
@pytest.mark.parametrize("command", ["plan", "undo"])
def test_reading__ends_soon_on_ctrl_c_and_says_that_nothing_was_sent(
    server: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    rows: int,
    faults: dict[str, Any],
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    before = opportunities(rows)
    after = before.assign(value=before["value"] + 1)
    round_ = Round(server, tmp_path, plan(before, after))
    unedited, edited, out = (tmp_path / name for name in ("before.parquet", "after.parquet", "out.json"))
    before.to_parquet(unedited)
    after.to_parquet(edited)
    if command == "undo":
        run = apply(round_.plan, round_.client).run_id
    rows_before = held(round_.client)

    server.faults.set(**faults)
    if "rate_limit" in faults:
        round_.client.list()  # The one answer that the server still gives.
    asked = server.requests
    files = (unedited, edited) if command == "plan" else (run,)
    process = round_.start(command, *map(str, files), "--out", str(out))
    wait_for_silence(server, asked)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    said, complaint = process.communicate()
    assert time.monotonic() - began < SOON
    assert process.returncode == 130
    assert (said, complaint) == ("", "Stopped; nothing was sent.\n")

    server.faults.reset()
    assert not out.exists()
    assert held(round_.client) == rows_before
    if command == "undo":
        assert runs()["applied"].tolist() == [rows]
        assert apply(undo(round_.client), round_.client).complete
    round_.close()
