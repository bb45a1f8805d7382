"""`opp-analytics audit`, from findings to fixed deals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.writer import Plan
from tests.cli.kinds import Account, Command
from tests.support import row

WRONG = [
    row(1, stage="closed_won", status="active", probability=60, close_date="2026-03-01"),
    row(2, value=-5, close_date="2026-03-01"),
    row(3, close_date="2026-03-20", updated_at="2026-03-05T10:00:00Z"),
]


def test_audit__lists_findings_and_money_by_check(command: Command, account: Account, tmp_path: Path) -> None:
    account(pd.DataFrame(WRONG))
    file = tmp_path / "findings.csv"
    code, out, err = command("audit", "--as-of", "2026-03-10", "--out", file)
    assert (code, err) == (0, "")
    for text in ("status_behind_stage", "won_probability", "value_not_positive", "overdue", "Deal 2"):
        assert text in out
    assert "2 suggested fixes" in out
    written = pd.read_csv(file)
    assert set(written["unique_id"]) == {"opp-1", "opp-2"}
    # Whose deal it is stands beside the id, as the frame has it.
    assert list(written.columns[:3]) == ["unique_id", "name", "stage"]
    assert set(written["name"]) == {"Deal 1", "Deal 2"}


def test_audit__keeps_each_finding_on_one_line(
    command: Command, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    long = {
        "name": "Consolidated Consolidation Holdings, renewal and upsell of everything",
        "owner_name": "Ann",
    }
    account(pd.DataFrame([fields | long for fields in WRONG]))
    file = tmp_path / "findings.csv"
    _, out, _ = command("audit", "--as-of", "2026-03-10", "--out", file)
    lines = [line for line in out.split("Findings", 1)[1].splitlines() if "Consol" in line]
    written = pd.read_csv(file)
    assert len(lines) == len(written) > 3
    assert all("…" in line and len(line) <= 80 for line in lines)
    assert list(written.columns[:4]) == ["unique_id", "name", "owner_name", "stage"]
    assert set(written["owner_name"]) == {"Ann"}


def test_audit__fixes_through_a_plan(command: Command, account: Account, tmp_path: Path) -> None:
    client = account(pd.DataFrame(WRONG))
    file = tmp_path / "plan.json"
    _, out, _ = command("audit", "--as-of", "2026-03-10", "--fix", file)
    assert "2 changes planned" in out
    assert len(Plan.read(file)) == 2
    code, out, _ = command("apply", file, "--yes")
    assert code == 0
    changed = client.get("opp-1")
    assert (changed["status"], changed["probability"]) == ("won", 100)
    # Our own write is no sign of life, and what was fixed is found no more.
    _, out, _ = command("audit", "--as-of", "2026-03-10")
    assert "status_behind_stage" not in out


def test_audit__takes_no_write_to_another_server_for_one_to_this(
    command: Command, account: Account, tenant: Callable[..., oa.Client]
) -> None:
    rows = pd.DataFrame([row(4, close_date="2030-03-20", updated_at="2026-01-05T10:00:00Z")])
    elsewhere = tenant(rows)
    before = oa.load(elsewhere, progress=False)
    oa.apply(oa.plan(before, before.assign(value=7.0)), elsewhere)
    moment = oa.own_writes(elsewhere)["updated_after"].iloc[0]
    day = f"{moment + pd.Timedelta('1D'):%Y-%m-%d}"
    # Its owner touched the deal here in the very moment in which we wrote to its namesake there.
    here = account(rows.assign(updated_at=moment.isoformat()))
    assert "stale" not in command("audit", "--as-of", day)[1]
    held = oa.load(here, progress=False)
    everywhere = oa.own_writes(elsewhere).drop(columns="tenant")
    assert "stale" in set(oa.audit(held, as_of=day, own_writes=everywhere)["check"])


def test_audit__says_when_nothing_is_found(command: Command, account: Account) -> None:
    account(pd.DataFrame([WRONG[2]]))
    _, out, _ = command("audit", "--as-of", "2026-01-10")
    assert "Nothing found" in out


@pytest.mark.parametrize(("option", "ending"), [("--out", ".csv"), ("--fix", ".json")])
def test_audit__refuses_an_unknown_ending_before_asking(
    command: Command, tmp_path: Path, option: str, ending: str
) -> None:
    code, _, err = command("audit", option, tmp_path / "file.doc")
    assert code == 1
    assert f"use {ending}" in err
