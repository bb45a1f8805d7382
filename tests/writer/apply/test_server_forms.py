"""Updates on servers that keep a form of their own of what they are sent: known as ours, and nobody
else's taken for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opp_analytics.api import Client
from opp_analytics.errors import DataWarning
from opp_analytics.loading import load
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import apply, plan, resume, runs, undo
from opp_analytics.writer.apply import engine
from tests.support import Answer, Asked, as_json, serving
from tests.writer.clients import dying
from tests.writer.frames import adding, changed, opportunities
from tests.writer.kills import held, rows_of

FORMS = {
    "o000": 1234.57,
    "o001": "Acme north",
    "o002": "Caf\u00e9",
    "o003": "two lines",
    "o004": 100.0,
}
"""What the normalizing server makes of `respelled`, by deal."""


@pytest.fixture
def before() -> pd.DataFrame:
    return opportunities().assign(notes="old")


def respelled(before: pd.DataFrame) -> pd.DataFrame:
    """Edits that the server rounds, trims, folds and composes: one cell in each of five deals."""
    after = changed(changed(before, 0, value=1234.5678), 1, name="  Acme \t north ")
    return changed(
        changed(changed(after, 2, name="Cafe\u0301"), 3, notes=" two\n lines"), 4, value=99.999
    )


@pytest.mark.parametrize(
    "faults",
    [{}, {"lose_answer_rate": 1.0}, {"cut_rate": 0.1, "lose_answer_rate": 0.3}],
    ids=["answered", "lost", "cut"],
)
def test_apply__on_a_server_that_normalizes_is_applied_and_undone(
    asking: Callable[..., Client], server: Sandbox, before: pd.DataFrame, faults: dict[str, Any]
) -> None:
    client = asking(before, retries=8)
    server.faults.set(normalize=True, **faults)
    receipt = apply(plan(before, respelled(before)), client)
    assert receipt.counts().to_dict() == {"applied": 5}, receipt.summary()
    assert receipt.table["error"].isna().all()
    assert receipt.table.set_index("unique_id")["after"].to_dict() == FORMS
    server.faults.set(lose_answer_rate=0, cut_rate=0)
    assert runs()["applied"].tolist() == [5]

    back = undo(client)
    assert back.conflicts.empty
    assert back.changes.set_index("unique_id")["before"].to_dict() == FORMS
    assert apply(back, client).complete
    assert held(client) == rows_of(before)
    forth = apply(undo(client), client)
    assert forth.complete
    assert forth.table.set_index("unique_id")["after"].to_dict() == FORMS


@pytest.mark.parametrize("write", [1, 3])
def test_resume__knows_what_a_killed_run_wrote_in_the_form_of_the_server(
    client: Client, server: Sandbox, before: pd.DataFrame, tmp_path: Path, write: int
) -> None:
    server.faults.normalize = True
    victim = dying(client, tmp_path)
    victim.die_at(write, after=True)
    with pytest.raises(SystemExit):
        apply(plan(before, respelled(before)), victim)
    assert resume(client).complete
    assert runs()["applied"].tolist() == [5]
    assert undo(client).changes.set_index("unique_id")["before"].to_dict() == FORMS
    assert apply(undo(client), client).complete
    assert held(client) == rows_of(before)


def test_plan__knows_what_a_killed_run_wrote_before_it_is_resumed(
    client: Client, server: Sandbox, before: pd.DataFrame, tmp_path: Path
) -> None:
    server.faults.normalize = True
    victim = dying(client, tmp_path)
    victim.die_at(3, after=True)
    with pytest.raises(SystemExit):
        apply(plan(before, respelled(before)), victim)
    again = plan(before, respelled(before), client=client)
    assert sorted(again.changes["status"]) == ["already"] * 3 + ["clean"] * 2
    assert apply(again, client).counts().to_dict() == {"applied": 2, "already": 3}
    assert resume(client).complete


def test_plan__knows_what_an_earlier_run_wrote_and_what_somebody_changed_since(
    client: Client, server: Sandbox, before: pd.DataFrame
) -> None:
    server.faults.normalize = True
    after = respelled(before)
    run = apply(plan(before, after), client).run_id
    again = plan(before, after, client=client)
    assert again.changes["status"].tolist() == ["already"] * 5
    assert set(apply(plan(before, after), client).table["outcome"]) == {"already"}
    loaded = load(client, refresh="full", progress=False)
    assert set(plan(loaded, after, client=client).changes["status"]) == {"already"}

    client.update("o000", value=1234.9)
    client.update("o001", name="Acme North")
    theirs = [["o000", 1234.9], ["o001", "Acme North"]]
    for found in (plan(before, after, client=client), undo(client, run)):
        conflicts = found.conflicts.sort_values("unique_id")
        assert conflicts[["unique_id", "remote"]].to_numpy().tolist() == theirs
    counts = apply(plan(before, after), client).counts().to_dict()
    assert counts == {"already": 3, "conflict": 2}
    apply(undo(client, run), client)
    assert (float(client.get("o000")["value"]), client.get("o001")["name"]) == (
        1234.9,
        "Acme North",
    )


def test_plan__goes_on_from_the_frame_that_was_sent(
    client: Client, server: Sandbox, before: pd.DataFrame
) -> None:
    server.faults.normalize = True
    after = respelled(before)
    apply(plan(before, after), client)
    onward = plan(after, changed(after, 0, value=5.0).drop(index=4), client=client)
    assert onward.changes["status"].tolist() == ["clean", "clean"]
    client.update("o004", value=99.5)
    onward = plan(after, changed(after, 0, value=5.0).drop(index=4), client=client)
    assert onward.conflicts[["unique_id", "remote"]].to_numpy().tolist() == [["o004", 99.5]]
    assert apply(onward, client, allow_delete=True).counts().to_dict() == {
        "applied": 1,
        "conflict": 1,
    }
    assert apply(undo(client), client).complete
    assert float(client.get("o000")["value"]) == 1234.57


@pytest.mark.parametrize("theirs", [1000.9, 999.0, 2000.0])
def test_apply__takes_no_value_of_others_for_a_form_of_what_was_lost(
    client: Client, server: Sandbox, before: pd.DataFrame, tmp_path: Path, theirs: float
) -> None:
    made = plan(before, changed(before, 1, value=1000.4))
    victim = dying(client, tmp_path)
    victim.die_at(1, after=True)
    with pytest.raises(SystemExit):
        apply(made, victim)
    client.update("o001", value=theirs)
    assert resume(client).table["outcome"].tolist() == ["unknown"]
    assert undo(client).changes.empty
    assert float(client.get("o001")["value"]) == theirs


def test_apply__sends_again_what_failed_over_a_value_near_it(
    asking: Callable[..., Client], server: Sandbox, before: pd.DataFrame
) -> None:
    """The other person's 1000 is our 1000.4 rounded, and was there before we wrote."""
    client = asking(before, retries=0)
    client.update("o001", value=1000.0)
    made = plan(before, changed(before, 1, value=1000.4))

    class Failing(Client):
        left = 2

        def update(self, unique_id: str, **fields: Any) -> Any:
            self.left -= 1
            server.faults.error_rate = float(self.left >= 0)
            try:
                return super().update(unique_id, **fields)
            finally:
                server.faults.error_rate = 0.0

    failing = asking(kind=Failing, retries=0)
    receipt = apply(made, failing, on_conflict="overwrite")
    assert receipt.table[["outcome", "attempts"]].to_numpy().tolist() == [["applied", 3]]
    assert float(client.get("o001")["value"]) == 1000.4
    assert apply(undo(client), client).complete
    assert float(client.get("o001")["value"]) == 1000


@pytest.mark.parametrize("lost", [0.0, 1.0])
def test_undo__of_new_deals_in_the_form_of_the_server_deletes_what_nobody_changed(
    client: Client, server: Sandbox, before: pd.DataFrame, lost: float
) -> None:
    server.faults.set(normalize=True, lose_answer_rate=lost)
    new = adding(before, " Acme  north ", "Cafe\u0301", value=10.00499, notes=" two  lines ")
    receipt = apply(plan(before, new), client)
    server.faults.lose_answer_rate = 0.0
    table = receipt.table[receipt.table["field"] != "close_date"]
    assert set(table["after"]) == {"Acme north", "Caf\u00e9", 10.0, "two lines"}
    first, second = receipt.table["unique_id"].unique()
    client.update(second, value=10.5)
    back = undo(client)
    assert back.conflicts[["unique_id", "field", "remote"]].to_numpy().tolist() == [
        [second, "value", 10.5]
    ]
    assert apply(back, client, allow_delete=True).counts().to_dict() == {
        "applied": 1,
        "conflict": 1,
    }
    assert [row["unique_id"] for row in client.list_deleted().rows] == [first]


@contextmanager
def obstinate(
    silent: Sequence[str] = (), *, echo: bool = False, **answers: Any
) -> Iterator[Client]:
    """A client of a server with one deal that takes every change, and makes of each field what
    `answers` says.

    Its answer to a change leaves out the fields in `silent`, or with `echo` repeats what was sent.
    """
    row: dict[str, Any] = {"name": "Acme", "value": 1000, "stage": "proposal", "notes": "old"}

    def respond(asked: Asked) -> Answer:
        told: dict[str, Any] = row
        if asked.method == "PUT":
            sent = json.loads(asked.body)["opportunity"]
            row.update({name: answers.get(name, value) for name, value in sent.items()})
            told = {name: value for name, value in row.items() if name not in silent} | (
                sent if echo else {}
            )
        return as_json({"data": {"id": "o1", "type": "opportunity", "attributes": told}})

    with serving(respond) as server, Client(server.url, "token", "key", timeout=0.2) as client:
        yield client


DEAL = pd.DataFrame({"unique_id": ["o1"], "name": ["Acme"], "value": [1000.0], "notes": ["old"]})


@pytest.mark.parametrize(("silent", "value"), [((), 1000.4), (("value", "name"), 2000.0)])
def test_apply__calls_a_field_that_the_server_ignores_not_kept(
    silent: tuple[str, ...], value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SHORTEST_WAIT", 0.4)
    with obstinate(value=1000, silent=silent) as client:
        receipt = apply(plan(DEAL, DEAL.assign(name="Bolt", value=value)), client)
        table = receipt.table.set_index("field")
        assert table["outcome"].to_dict() == {"name": "applied", "value": "not_kept"}
        assert table.loc["value", "error"] == "the server answered, but value is still 1,000"
        assert table["attempts"].tolist() == [1, 1]
        assert not receipt.resumable
        assert undo(client).changes["field"].tolist() == ["name"]
        assert apply(undo(client), client).complete


def test_apply__reads_back_what_an_answer_may_only_repeat() -> None:
    with obstinate(echo=True, value=1234.57, name="Acme north") as client:
        receipt = apply(plan(DEAL, DEAL.assign(name=" Acme  north", value=1234.567)), client)
        assert receipt.table[["after", "outcome"]].to_numpy().tolist() == [
            ["Acme north", "applied"],
            [1234.57, "applied"],
        ]
        assert undo(client).conflicts.empty


def test_resume__keeps_what_it_wrote_of_a_deal_in_which_somebody_changed_another_cell(
    client: Client, server: Sandbox, before: pd.DataFrame, tmp_path: Path
) -> None:
    server.faults.normalize = True
    victim = dying(client, tmp_path)
    victim.die_at(1, after=True)
    with pytest.raises(SystemExit):
        apply(
            plan(before, changed(before, 0, value=1234.5678, name="Acme  north", notes="new")),
            victim,
        )
    client.update("o000", name="Theirs")
    receipt = resume(client)
    assert receipt.table.set_index("field")["outcome"].to_dict() == {
        "value": "applied",
        "name": "unknown",
        "notes": "applied",
    }
    assert runs()["applied"].tolist() == [2]
    with pytest.warns(DataWarning, match="is unfinished"):
        back = undo(client)
    assert apply(back, client).complete
    now = client.get("o000")
    assert (now["name"], float(now["value"]), now["notes"]) == ("Theirs", 1000, "old")


def test_apply__says_what_the_server_made_of_a_value(client: Client) -> None:
    with obstinate(value=1500) as capping:
        edits = DEAL.assign(value=2000.0)
        receipt = apply(plan(DEAL, edits), capping)
        assert receipt.table[["after", "outcome", "error"]].to_numpy().tolist() == [
            [1500.0, "applied", "the server made it 1,500"]
        ]
        # Nobody else changed it, and what was asked is not there.
        assert plan(DEAL, edits, client=capping).changes["status"].tolist() == ["clean"]
        assert undo(capping).changes[["before", "after"]].to_numpy().tolist() == [[1500.0, 1000.0]]
