"""The commands for assistants, and a plan that waits for a person."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import opp_analytics as oa
from opp_analytics.errors import PlanError
from tests.cli.deals import deals
from tests.cli.kinds import Account, Command
from tests.tools.terminal import Answer, converse


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


def at_terminal(answer: Answer, *words: str) -> tuple[int, str]:
    """Run a command at a terminal of its own; its exit code and what it shows."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "opp_analytics", *words]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as child:
        os.close(theirs)
        shown = converse(ours, answer)
        os.close(ours)
    return child.returncode, shown


@pytest.mark.slow
@pytest.mark.posix
def test_apply__of_a_proposal_is_approved_by_the_word_of_this_terminal_alone(
    account: Account, here: Path
) -> None:
    client = account(deals())
    before = oa.load(client)
    made = replace(oa.plan(before, before.assign(value=5000.0)), proposed_by="robot 1")
    made.save(here / "plan.json")
    words = ["apply", "plan.json", "--yes"]
    shown = []

    def keep(word: str) -> str:
        shown.append(word)
        return "yes"

    code, said = at_terminal(keep, *words)
    assert (code, oa.runs().empty) == (1, True)
    assert "robot 1 proposed this" in said
    assert "Nothing was sent." in said
    assert at_terminal(lambda _: shown[0], *words)[0] == 1
    assert client.get("o000")["value"] == 1000
    assert at_terminal(lambda word: word, *words)[0] == 0
    assert client.get("o000")["value"] == 5000
    (run,) = oa.runs().to_dict("records")
    assert run["proposed_by"] == "robot 1"
    assert run["approved_by"]
