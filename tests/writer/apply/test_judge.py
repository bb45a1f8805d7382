"""What became of what was sent is decided by what the server holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from opp_analytics.api import Client, Opportunity
from opp_analytics.errors import ConnectionFailed, DataWarning
from opp_analytics.org import Org
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import Receipt, apply, plan, resume, undo
from opp_analytics.writer.apply import engine
from tests.writer.frames import adding, changed, opportunities
from tests.writer.kills import held, rows_of


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "choose_wait", lambda client: 0.4)


@pytest.fixture
def before() -> pd.DataFrame:
    return opportunities().assign(notes="old")


def cells(receipt: Receipt) -> dict[str, tuple[Any, str]]:
    """By field, what the server holds and the outcome."""
    table = receipt.table
    return dict(
        zip(table["field"], zip(table["after"], table["outcome"], strict=True), strict=True)
    )


LONG = "Renewal of the NORTHERN plants for 2027"
SHAPED = {
    "name": ("renewal of the northern plants", "applied"),
    "value": (1235, "applied"),
    "close_date": (pd.Timestamp("2026-12-31"), "applied"),
    "stage": ("negotiation", "applied"),
    "probability": (35, "applied"),
}


@pytest.mark.parametrize("faults", [{}, {"echo": True}, {"lose_answer_rate": 1.0}])
def test_apply__tells_the_form_that_the_server_holds_and_undoes_it(
    client: Client, server: Sandbox, before: pd.DataFrame, faults: dict[str, Any]
) -> None:
    edits = changed(before, 0, name=LONG, value=1234.56, stage="negotiation", probability=80)
    made = plan(before, changed(edits, 0, close_date=pd.Timestamp("2026-12-30")))
    server.faults.set(reshape=True, **faults)
    receipt = apply(made, client)
    assert cells(receipt) == SHAPED, receipt.summary()
    assert "the server made it 35%" in receipt.table["error"].tolist()
    server.faults.reset()
    back = undo(client, receipt.run_id)
    assert back.conflicts.empty
    assert apply(back, client).complete
    assert held(client) == rows_of(before)


@pytest.mark.parametrize("echo", [True, False])
def test_apply__says_what_the_server_did_not_keep(
    client: Client, server: Sandbox, before: pd.DataFrame, echo: bool
) -> None:
    server.faults.set(reshape=True, echo=echo)
    made = plan(before, changed(before, 0, value=5.0, notes="new"))
    receipt = apply(made, client)
    assert cells(receipt) == {"value": (5, "applied"), "notes": ("new", "not_kept")}
    assert not receipt.complete
    assert not receipt.resumable
    assert undo(client).changes["field"].tolist() == ["value"]
    assert cells(apply(made, client)) == {"value": (5, "already"), "notes": ("new", "not_kept")}


def test_apply__says_what_the_server_did_not_keep_of_a_new_deal(
    client: Client, server: Sandbox, before: pd.DataFrame
) -> None:
    server.faults.set(reshape=True, echo=True)
    receipt = apply(plan(before, adding(before, "NEW", value=7.4, notes="x")), client)
    told = {"name": ("new", "applied"), "value": (7, "applied"), "notes": ("x", "not_kept")}
    assert cells(receipt) == told
    server.faults.reset()
    assert apply(undo(client), client, allow_delete=True).complete
    assert held(client) == rows_of(before)


def test_apply__claims_no_deal_that_the_server_had(
    client: Client, server: Sandbox, before: pd.DataFrame
) -> None:
    server.faults.duplicates = True
    receipt = apply(plan(before, adding(before, "Deal 1", value=1100.0)), client)
    assert receipt.table["outcome"].unique().tolist() == ["unknown"]
    advice = "the server answered with o001, which it had before; look for 'Deal 1'"
    assert receipt.table["error"].str.startswith(advice).all()
    again = resume(client, receipt.run_id)
    assert again.table["error"].str.startswith(advice).all()
    assert undo(client).changes.empty
    assert held(client) == rows_of(before)


def test_apply__takes_an_answer_for_one_new_deal_only(
    asking: Callable[..., Client], before: pd.DataFrame
) -> None:
    class Repeating(Client):
        """A proxy that answers the second create with the first answer, and makes it."""

        first: Opportunity | None = None

        def create(self, **fields: Any) -> Opportunity:
            answer = super().create(**fields)
            self.first = self.first or answer
            return self.first

    client = asking(before, kind=Repeating)
    receipt = apply(plan(before, adding(before, "Same", "Same", value=1.0)), client)
    assert set(receipt.table["outcome"]) == {"applied"}
    assert receipt.table["unique_id"].nunique() == 2
    assert apply(undo(client), client, allow_delete=True).complete
    assert held(client) == rows_of(before)


def test_undo__deletes_no_new_deal_in_which_somebody_filled_a_field(
    client: Client, before: pd.DataFrame
) -> None:
    made = apply(plan(before, adding(before, "A", "B")), client).table["unique_id"]
    client.update(made.iloc[0], fields={"next_step": "call on Monday"})
    back = undo(client)
    found = back.conflicts[["unique_id", "field", "remote"]].to_numpy().tolist()
    assert found == [[made.iloc[0], "next_step", "call on Monday"]]
    counts = apply(back, client, allow_delete=True).counts().to_dict()
    assert counts == {"applied": 1, "conflict": 1}


def test_plan__deletes_no_deal_in_which_somebody_filled_a_field_but_what_automations_fill(
    client: Client, before: pd.DataFrame
) -> None:
    loaded = before.assign(updated_at=pd.Timestamp(client.get("o000")["updated_at"]))
    client.update("o000", fields={"last_call": "2026-12-01"})
    made = plan(loaded, loaded.iloc[1:], client=client)
    assert made.conflicts["field"].tolist() == ["last_call"]
    client.org = Org(ignore=["last_call"])
    assert plan(loaded, loaded.iloc[1:], client=client).conflicts.empty


class Late(Client):
    """A client whose first update has no answer, and behind whose back somebody acts then."""

    then: Callable[[], object] = staticmethod(lambda: None)
    commits = True
    sent = 0

    def update(self, unique_id: str, **fields: Any) -> Opportunity:
        self.sent += 1
        if self.sent > 1:
            return super().update(unique_id, **fields)
        if self.commits:
            super().update(unique_id, **fields)
        self.then()
        raise ConnectionFailed("no answer")


def test_apply__what_commits_late_beside_an_edit_of_somebody_is_found(
    asking: Callable[..., Client], before: pd.DataFrame
) -> None:
    other, client = asking(before), asking(kind=Late)
    assert isinstance(client, Late)
    client.commits = False
    client.then = lambda: other.update("o000", name="Theirs")
    made = plan(before, changed(before, 0, value=5.0, name="Ours"))
    told = apply(made, client)
    # The request made none of its changes in time: nothing of ours is there.
    assert cells(told) == {"value": (5.0, "skipped"), "name": ("Ours", "conflict")}
    assert client.sent == 1
    assert (other.get("o000")["name"], other.get("o000")["value"]) == ("Theirs", 1000)


def test_apply__what_somebody_changed_after_a_lost_answer_is_neither_ours_nor_a_conflict(
    asking: Callable[..., Client], before: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_SOON", -1.0)
    other, client = asking(before), asking(kind=Late)
    assert isinstance(client, Late)
    client.then = lambda: other.update("o000", name="Theirs")
    receipt = apply(plan(before, changed(before, 0, value=5.0, name="Ours")), client)
    assert cells(receipt) == {"value": (5.0, "applied"), "name": ("Ours", "unknown")}
    assert receipt.resumable
    assert cells(resume(client)) == cells(receipt)
    with pytest.warns(DataWarning, match="is unfinished"):
        back = undo(client)
    assert back.changes["field"].tolist() == ["value"]
    assert other.get("o000")["name"] == "Theirs"
    assert cells(resume(client, receipt.run_id, unknown="send"))["name"] == ("Ours", "applied")
    assert other.get("o000")["name"] == "Ours"


def test_apply__what_somebody_changed_after_us_is_overwritten_and_stays(
    asking: Callable[..., Client], before: pd.DataFrame
) -> None:
    other = asking(before)

    class Followed(Client):
        def update(self, unique_id: str, **fields: Any) -> Opportunity:
            answer = super().update(unique_id, **fields)
            other.update(unique_id, name="Theirs")
            return answer

    client = asking(kind=Followed)
    receipt = apply(plan(before, changed(before, 0, value=5.0, name="Ours")), client)
    assert cells(receipt) == {"value": (5.0, "applied"), "name": ("Ours", "overwritten")}
    assert "somebody made it Theirs since" in receipt.summary()
    assert not receipt.resumable
    back = undo(other)
    assert back.conflicts[["field", "remote"]].to_numpy().tolist() == [["name", "Theirs"]]
    apply(back, other)
    now = other.get("o000")
    assert (now["name"], now["value"]) == ("Theirs", 1000)


def test_apply__an_old_value_on_a_lagging_replica_is_unknown_until_it_shows_the_new_one(
    client: Client, server: Sandbox, before: pd.DataFrame
) -> None:
    server.faults.replica_lag = 3600
    receipt = apply(plan(before, changed(before, 0, value=5.0)), client)
    assert cells(receipt) == {"value": (5.0, "unknown")}
    server.faults.reset()
    assert cells(resume(client)) == {"value": (5.0, "applied")}
