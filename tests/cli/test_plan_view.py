"""Plans and receipts in the words of the command line, and nothing of Python; the other way round in Python."""

from __future__ import annotations

import re

import pytest

from opp_analytics.api import Client
from opp_analytics.cli.plan_view import SHELL
from opp_analytics.errors import PlanError
from opp_analytics.writer import Plan, Receipt, check_plan, plan
from opp_analytics.writer.steps import EditedCell, Result, RunStep, Step
from tests.cli.deals import deals
from tests.cli.kinds import Account, Command

PYTHON_WORDS = re.compile(r"\w=\w|\w\(|\(client|\s\.(?:table|conflicts|problems)\b")
SHELL_WORDS = re.compile(r"--\w|opp-analytics")


def failing() -> Receipt:
    """A receipt with a line for everything that a person can do next."""
    outcomes = ["unknown", "already", *["failed"] * 6]
    step = Step("create", None, (EditedCell("name", None, "Acme"),), "Acme")
    entries = [RunStep(n, step, Result((outcome,), ("no answer",))) for n, outcome in enumerate(outcomes)]
    return Receipt(entries, run_id="r1", stopped="interrupted")


def test_receipt__says_what_to_type_next() -> None:
    said, typed = failing().summary(), failing().summary(words=SHELL)
    assert "to finish it: resume(client, 'r1')\n" in said
    assert "resume(client, 'r1', unknown='send')" in said
    assert "create them once more: again=True" in said
    assert "and 2 more, see .table" in said
    assert not SHELL_WORDS.search(said)
    assert re.search(r"to finish it: \S*opp-analytics resume r1\n", typed)
    assert "opp-analytics resume r1 --unknown send" in typed
    assert "create them once more: --again" in typed
    assert "and 2 more, see --receipt" in typed
    assert not PYTHON_WORDS.search(typed)


def in_conflict(client: Client) -> Plan:
    """A plan that clears a cell, deletes a deal, and meets a change on the server."""
    before = deals()
    client.update("o000", value=7)
    after = before.assign(value=before["value"] + 1, close_date=before["close_date"].where(before.index > 0))
    return plan(before, after.drop(index=5), client=client)


@pytest.mark.parametrize(
    ("clear_nulls", "python", "shell"),
    [(False, "clear_nulls=True", "--clear-nulls"), (True, "allow_delete=True", "--allow-delete")],
)
def test_plan__says_what_it_needs(account: Account, clear_nulls: bool, python: str, shell: str) -> None:
    client = account(deals())
    made = in_conflict(client)
    said, typed = made.summary(), made.summary(words=SHELL)
    assert f"needs {python}" in said
    assert said.endswith("see .conflicts")
    assert not SHELL_WORDS.search(said)
    assert f"needs {shell}" in typed
    assert typed.endswith("listed below")
    assert not PYTHON_WORDS.search(typed)
    with pytest.raises(PlanError, match=f"pass {python} to allow it"):
        check_plan(made, client, clear_nulls=clear_nulls, allow_delete=not clear_nulls)
    with pytest.raises(PlanError, match=f"pass {shell} to allow it"):
        check_plan(made, client, clear_nulls=clear_nulls, allow_delete=not clear_nulls, words=SHELL)


def test_plan__says_where_the_other_problems_are(account: Account) -> None:
    before = deals(12)
    made = plan(before, before.assign(probability=140))
    assert made.summary().endswith("and 2 more, see .problems")
    with pytest.raises(PlanError) as refused:
        check_plan(made, account(deals()), clear_nulls=False, allow_delete=False, words=SHELL)
    assert str(refused.value).endswith("and 2 more, all in the plan's file")


def test_resume__takes_what_to_do_with_unknown_outcomes(command: Command) -> None:
    assert command("resume", "--unknown", "guess")[0] == 2
    assert "--unknown" in command("resume", "--help")[1]
