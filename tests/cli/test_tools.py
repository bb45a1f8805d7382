"""The commands for assistants, and a plan that waits for a person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import opp_analytics as oa
from opp_analytics.errors import PlanError
from tests.cli.deals import deals
from tests.cli.kinds import Account, Command


def test_skill__prints_the_file_of_the_package(command: Command) -> None:
    code, said, _ = command("skill")
    assert code == 0
    assert said.startswith("---\nname: sales-pipeline\n")


def test_serve_tools__refuses_credentials_and_needs_records(
    command: Command, account: Account, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(deals())
    code, _, err = command("serve-tools")
    assert code == 2
    assert "--read-api" in err
    for name in ("BLOCKS_API_URL", "BLOCKS_AUTH_TOKEN", "BLOCKS_API_KEY"):
        monkeypatch.delenv(name)
    code, _, err = command("serve-tools")
    assert code == 1
    assert "no records" in err


def test_apply__of_a_proposal_asks_at_a_terminal_and_keeps_who_approved(
    command: Command, account: Account, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = account(deals())
    before = oa.load(client)
    made = replace(oa.plan(before, before.assign(value=5000.0)), proposed_by="robot 1")
    file = made.save(here / "plan.json")
    for options in (["--yes"], ["--yes", "--json"], []):
        code, _, err = command("apply", "plan.json", *options)
        assert code == 2
        assert "robot 1 proposed this plan" in err
    file.write_text(file.read_text().replace('"proposed_by": "robot 1"', '"proposed_by": null'))
    assert command("apply", "plan.json", "--yes")[0] == 2
    with pytest.raises(PlanError, match="at a terminal"):
        oa.apply(oa.Plan.read(file), client)
    assert oa.runs().empty
    assert client.get("o000")["value"] == 1000
    oa.apply(replace(oa.Plan.read(file), approved_by="Ann"), client)
    (run,) = oa.runs().to_dict("records")
    assert (run["proposed_by"], run["approved_by"]) == ("robot 1", "Ann")
    assert client.get("o000")["value"] == 5000
