"""A plan made earlier, carried out when the server holds something else."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opp_analytics.api import Client
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import Plan, apply, plan, runs, undo
from tests.writer.frames import edited, opportunities
from tests.writer.kills import Round, held, wait_for_silence


def test_plan__with_a_client_names_conflicts_and_recovers_from_the_trash(
    client: Client, before: pd.DataFrame
) -> None:
    client.update("o000", stage="discovery")
    client.update("o001", value=1234.56)
    client.delete("o003")
    made = plan(before.drop(index=3), edited(before), client=client)
    statuses = made.changes.set_index("unique_id")["status"]
    assert statuses["o000"].tolist() == ["conflict", "clean"]
    assert statuses["o001"] == "already"
    assert made.conflicts[["unique_id", "field", "remote"]].to_numpy().tolist() == [
        ["o000", "stage", "discovery"]
    ]
    assert made.changes.loc[made.changes["operation"] == "recover", "unique_id"].tolist() == [
        "o003"
    ]
    assert made.problems.empty
    apply(made, client, allow_delete=True)
    assert client.get("o003")["name"] == "Deal 3"


LATER = "2026-09-30"


def later(before: pd.DataFrame) -> pd.DataFrame:
    return before.assign(close_date=pd.Timestamp(LATER))


def dates(client: Client) -> list[str]:
    return [client.get(f"o{n:03d}")["close_date"] for n in range(6)]


def test_apply__leaves_a_deal_alone_that_was_closed_since_then(
    client: Client, before: pd.DataFrame, tmp_path: Path
) -> None:
    saved = plan(before, later(before)).save(tmp_path / "plan.json")
    client.update("o001", stage="closed_won", status="won")
    client.update("o002", status="lost")
    client.update("o003", stage="negotiation")
    receipt = apply(Plan.read(saved), client)
    assert dates(client) == [LATER, "2026-06-30", "2026-06-30", LATER, LATER, LATER]
    table = receipt.table.set_index("unique_id")
    assert table.loc[["o001", "o002"], ["outcome", "error"]].to_numpy().tolist() == [
        ["conflict", "won on the server since then"],
        ["conflict", "lost on the server since then"],
    ]
    assert apply(Plan.read(saved), client, on_conflict="overwrite").complete
    assert dates(client) == [LATER] * 6


def test_plan__sees_a_deal_that_was_closed_or_reopened_since_then(client: Client) -> None:
    before = opportunities().assign(stage=["closed_lost", *["proposal"] * 5])
    client.update("o001", stage="closed_won")
    client.update("o004", value=7, stage="closed_lost")
    made = plan(before, later(before).assign(value=5.0), client=client)
    found = made.conflicts.set_index(["unique_id", "field"])["reason"]
    won, lost = (f"{how} on the server since then" for how in ("won", "lost"))
    assert found.to_dict() == {
        ("o000", "value"): "reopened on the server since then",
        ("o000", "close_date"): "reopened on the server since then",
        ("o001", "value"): won,
        ("o001", "close_date"): won,
        ("o004", "value"): "changed on the server since then",
        ("o004", "close_date"): lost,
    }
    assert set(made.changes.loc[made.changes["status"] == "conflict", "unique_id"]) == {
        "o000",
        "o001",
        "o004",
    }
    assert (
        "6 cells in conflict (changed on the server since then, lost on the server since then, "
        "reopened on the server since then, won on the server since then)" in made.summary()
    )


def test_undo__leaves_a_deal_alone_that_was_closed_since(
    client: Client, before: pd.DataFrame
) -> None:
    apply(plan(before, later(before)), client)
    client.update("o001", stage="closed_won")
    back = undo(client)
    assert back.conflicts[["unique_id", "reason"]].to_numpy().tolist() == [
        ["o001", "won on the server since then"]
    ]
    apply(back, client)
    assert dates(client) == ["2026-06-30", LATER, *["2026-06-30"] * 4]


def test_undo__goes_back_where_a_closed_deal_was_overwritten(
    client: Client, before: pd.DataFrame
) -> None:
    made = plan(before, later(before))
    client.update("o001", stage="closed_won")
    apply(made, client, on_conflict="overwrite")
    back = undo(client)
    assert back.conflicts.empty
    apply(back, client)
    assert dates(client) == ["2026-06-30"] * 6


PAUSES, THINKS = {"rate_limit": 0.01}, {"latency": 100}
"""A server that asks for pauses of a minute, or is silent."""
SOON = 10.0
"""The promise is two seconds; five times that, on a busy machine."""
SINGLE_READS, ALL_PAGES = 6, 30


@pytest.mark.slow
@pytest.mark.posix
@pytest.mark.parametrize(
    ("command", "rows", "faults"),
    [
        ("plan", SINGLE_READS, THINKS),
        ("undo", ALL_PAGES, PAUSES),
    ],
)
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
    unedited, edited, out = (
        tmp_path / name for name in ("before.parquet", "after.parquet", "out.json")
    )
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
