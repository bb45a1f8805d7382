"""Creates whose answer never came, over real sockets, against servers that behave as real ones
do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opp_analytics.api import Client, Opportunity
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import Plan, Receipt, apply, plan, resume, runs
from opp_analytics.writer.apply import engine
from tests.writer.clients import dying
from tests.writer.frames import adding, opportunities

pytestmark = pytest.mark.slow

EMPTY = pd.DataFrame({"unique_id": pd.Series([], dtype="str")})


def creating(**columns: list[object]) -> Plan:
    rows = len(next(iter(columns.values())))
    return plan(EMPTY, pd.DataFrame({"unique_id": [None] * rows, **columns}))


def copies(client: Client) -> int:
    """Opportunities beyond the six that were there."""
    return (client.list().total_records or 0) - 6


def impatient(asking: Callable[..., Client], **options: object) -> Client:
    return asking(opportunities(), **{"timeout": 1, "retries": 0} | options)


def test_apply__a_create_whose_answer_never_came_is_looked_up(
    client: Client, server: Sandbox
) -> None:
    server.faults.lose_answer_rate = 1.0
    receipt = apply(creating(name=["A", "A", "B"], value=[1.0, 1.0, 2.0]), client)
    server.faults.reset()
    assert receipt.table["outcome"].unique().tolist() == ["applied"]
    assert receipt.table["unique_id"].nunique() == 3
    assert receipt.table["attempts"].eq(1).all()
    assert copies(client) == 3


def test_apply__waits_for_a_server_that_commits_3_s_after_the_timeout(
    asking: Callable[..., Client], server: Sandbox
) -> None:
    client = impatient(asking)
    server.faults.set(commit_delay=4, lose_answer_rate=1.0)
    receipt = apply(creating(name=["Late", "Other"], value=[5, 6]), client)
    server.faults.reset()
    assert set(receipt.table["outcome"]) == {"applied"}
    assert receipt.table["attempts"].eq(1).all()
    assert copies(client) == 2


@pytest.mark.parametrize("skew", [-2, 2])
def test_apply__finds_lost_creates_of_nodes_whose_clocks_differ(
    client: Client, server: Sandbox, skew: float
) -> None:
    server.faults.set(clock_skew=skew)
    for number in range(3):
        client.create(name=f"By somebody {number}")
    server.faults.lose_answer_rate = 1.0
    receipt = apply(creating(name=["A", "A", "B", "C"], value=[1, 1, 2, 3]), client)
    server.faults.reset()
    assert set(receipt.table["outcome"]) == {"applied"}
    assert copies(client) == 3 + 4


def test_apply__never_makes_two_when_all_answers_are_lost(
    asking: Callable[..., Client], server: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SHORTEST_WAIT", 4.0)
    client = impatient(asking, retries=3)
    server.faults.set(lose_answer_rate=1.0, clock_skew=2, normalize=True)
    receipt = apply(
        creating(name=[f" Deal  {n % 9}" for n in range(20)], value=[n + 0.125 for n in range(20)]),
        client,
    )
    assert set(receipt.table["outcome"]) == {"applied"}
    server.faults.reset()
    held = pd.DataFrame(client.list(page_size=100).rows)
    assert copies(client) == 20
    assert held["name"].str.startswith("Deal").all()


def test_apply__sends_a_create_once_more_only_when_nothing_new_can_be_it(
    asking: Callable[..., Client], server: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SHORTEST_WAIT", 1.0)
    client, other = impatient(asking, timeout=0.5), asking()
    made = creating(name=["New"], value=[5])
    asks, sent = client.create, []

    def lose(**fields: object) -> object:
        sent.append(fields)
        if len(sent) == 1:
            server.faults.cut_rate = 1.0
        try:
            return asks(**fields)  # type: ignore[arg-type]
        finally:
            server.faults.reset()
            if busy and len(sent) == 1:
                other.create(name="Somebody else's")

    monkeypatch.setattr(client, "create", lose)
    busy = True
    receipt = apply(made, client)
    assert receipt.table["outcome"].unique().tolist() == ["unknown"]
    assert "1 new opportunity may be it; look for 'New' with value 5" in str(
        receipt.table["error"].iloc[0]
    )
    assert copies(client) == 1
    assert resume(client).table["outcome"].unique().tolist() == ["unknown"]
    assert len(sent) == 1
    assert resume(client, unknown="send").complete
    assert (len(sent), copies(client)) == (2, 2)

    busy = False
    sent.clear()
    again = apply(creating(name=["Second"], value=[6]), client)
    assert again.table["outcome"].unique().tolist() == ["applied"]
    assert (len(sent), copies(client)) == (2, 3)


def test_apply__takes_a_500_as_no_answer_and_a_429_as_one(
    asking: Callable[..., Client], server: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SHORTEST_WAIT", 1.0)
    client = impatient(asking, timeout=0.5)
    began = time.monotonic()
    asks, answers = client.create, iter([{"error_rate": 1.0}, {}])

    def refused_once(**fields: object) -> object:
        server.faults.set(**next(answers))
        try:
            return asks(**fields)  # type: ignore[arg-type]
        finally:
            server.faults.reset()

    monkeypatch.setattr(client, "create", refused_once)
    receipt = apply(creating(name=["New"], value=[5]), client)
    assert receipt.table[["outcome", "attempts"]].to_numpy().tolist() == [["applied", 2]] * 2
    assert time.monotonic() - began >= 1
    assert copies(client) == 1


def told(receipt: Receipt) -> list[list[str]]:
    """Name and outcome of each row."""
    return receipt.table[["name", "outcome"]].to_numpy().tolist()


@pytest.mark.parametrize("carried_out", [True, False])
def test_apply__settles_first_what_a_killed_run_left(
    client: Client,
    before: pd.DataFrame,
    tmp_path: Path,
    carried_out: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "SHORTEST_WAIT", 0.5)
    victim = dying(client, tmp_path)
    victim.timeout = client.timeout = 0.2
    victim.die_at(2, after=carried_out)
    edits = adding(before, "A", "A")
    with pytest.raises(SystemExit):
        apply(plan(before, edits), victim)
    assert copies(client) == 1 + carried_out
    receipt = apply(plan(before, edits), client)
    assert receipt.complete
    assert told(receipt) == [["A", "already"]] * 2
    assert receipt.table["unique_id"].nunique() == 2
    assert resume(client).complete
    assert copies(client) == 2
    assert runs()["state"].eq("finished").all()


class Doubtful(Client):
    """A client whose first create is cut off on its way, while somebody else creates another
    opportunity."""

    def begin(self, server: Sandbox, other: Client) -> None:
        self.server, self.other, self.sent, self.one_at_a_time = server, other, 0, threading.Lock()

    def create(self, **fields: Any) -> Opportunity:
        with self.one_at_a_time:
            return self._create(**fields)

    def _create(self, **fields: Any) -> Opportunity:
        self.sent += 1
        if self.sent > 1:
            return super().create(**fields)
        self.server.faults.cut_rate = 1.0
        try:
            return super().create(**fields)
        finally:
            self.server.faults.reset()
            self.other.create(name="Somebody else's")


@pytest.fixture
def doubtful(asking: Callable[..., Client], server: Sandbox, before: pd.DataFrame) -> Doubtful:
    client = asking(before, kind=Doubtful, timeout=0.5, retries=0)
    assert isinstance(client, Doubtful)
    client.begin(server, asking())
    return client


def test_apply__leaves_unknown_what_an_earlier_run_may_have_created(
    doubtful: Doubtful, before: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SHORTEST_WAIT", 1.0)
    edits = adding(before, "A", "B")
    first = apply(plan(before, edits), doubtful)
    assert told(first) == [["A", "unknown"], ["B", "applied"]]
    for _ in range(2):
        again = apply(plan(before, edits), doubtful)
        assert told(again) == [["A", "unknown"], ["B", "already"]]
        assert "1 new opportunity may be it; look for 'A'" in str(again.table["error"].iloc[0])
        assert "unknown='send'" in again.summary()
        assert told(resume(doubtful)) == [["A", "unknown"]]
    assert doubtful.sent == 2
    assert told(resume(doubtful, unknown="send")) == [["A", "already"]]
    assert doubtful.sent == 3
    while (rest := resume(doubtful)).run_id is not None:
        assert told(rest) == [["A", "already"]]
    assert (doubtful.sent, copies(doubtful)) == (3, 3)


def test_apply__again_sends_what_an_earlier_run_may_have_created(
    doubtful: Doubtful, before: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SHORTEST_WAIT", 1.0)
    edits = adding(before, "A")
    first = apply(plan(before, edits), doubtful)
    assert told(first) == [["A", "unknown"]]
    assert told(apply(plan(before, edits), doubtful, again=True)) == [["A", "applied"]]
    # Still the first run's own, which `send` means beside the other one.
    assert told(resume(doubtful, first.run_id, unknown="send")) == [["A", "applied"]]
    assert copies(doubtful) == 3


def test_apply__waits_for_a_run_that_is_still_creating_an_equal_one(
    asking: Callable[..., Client], before: pd.DataFrame
) -> None:
    edits, receipts = adding(before, "A"), []

    class Slow(Client):
        def create(self, **fields: Any) -> Opportunity:
            other = asking()
            self.second = threading.Thread(
                target=lambda: receipts.append(apply(plan(before, edits), other, progress=False))
            )
            self.second.start()
            while len(runs()) < 2:
                self.second.join(0.01)
            return super().create(**fields)

    slow = asking(before, kind=Slow)
    assert isinstance(slow, Slow)
    assert told(apply(plan(before, edits), slow)) == [["A", "applied"]]
    slow.second.join()
    assert told(receipts[0]) == [["A", "already"]]
    assert copies(slow) == 1


def test_apply__leaves_unknown_what_a_run_that_does_not_end_is_creating(
    asking: Callable[..., Client], before: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SHORTEST_WAIT", 0.5)
    edits, receipts = adding(before, "A"), []

    class Stuck(Client):
        def create(self, **fields: Any) -> Opportunity:
            receipts.append(apply(plan(before, edits), asking(timeout=0.1)))
            return super().create(**fields)

    stuck = asking(before, kind=Stuck)
    assert told(apply(plan(before, edits), stuck)) == [["A", "applied"]]
    assert told(receipts[0]) == [["A", "unknown"]]
    assert "is still creating an equal one" in str(receipts[0].table["error"].iloc[0])
    assert told(resume(stuck)) == [["A", "already"]]
    assert copies(stuck) == 1
