"""Creates whose answer never came, over real sockets, against servers that behave as real ones do."""

from __future__ import annotations

import time
from collections.abc import Callable

import pandas as pd
import pytest

from opp_analytics.api import Client
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import Plan, apply, plan, resume
from opp_analytics.writer.apply import lost_creates
from opp_analytics.writer.apply.lost_creates import settling_seconds
from tests.writer.frames import opportunities

EMPTY = pd.DataFrame({"unique_id": pd.Series([], dtype="str")})


def creating(**columns: list[object]) -> Plan:
    rows = len(next(iter(columns.values())))
    return plan(EMPTY, pd.DataFrame({"unique_id": [None] * rows, **columns}))


def copies(client: Client) -> int:
    """Opportunities beyond the six that were there."""
    return (client.list().total_records or 0) - 6


def impatient(asking: Callable[..., Client], **options: object) -> Client:
    return asking(opportunities(), **{"timeout": 1, "retries": 0} | options)


def test_settling_seconds__are_15_or_twice_the_timeout(asking: Callable[..., Client]) -> None:
    assert settling_seconds(asking(opportunities(), timeout=3)) == 15
    assert settling_seconds(asking(timeout=30)) == 60


def test_apply__a_create_whose_answer_never_came_is_looked_up(client: Client, server: Sandbox) -> None:
    server.faults.lose_answer_rate = 1.0
    receipt = apply(creating(name=["A", "A", "B"], value=[1.0, 1.0, 2.0]), client)
    server.faults.reset()
    assert receipt.table["outcome"].unique().tolist() == ["applied"]
    assert receipt.table["unique_id"].nunique() == 3
    assert receipt.table["attempts"].eq(1).all()
    assert copies(client) == 3


def test_apply__finds_a_lost_create_that_the_server_normalized(client: Client, server: Sandbox) -> None:
    names: list[object] = ["  Cafe\u0301   north ", "Acme", "Bolt"]
    server.faults.set(lose_answer_rate=1.0, normalize=True)
    receipt = apply(
        creating(name=names, value=[10.005, 99.999, None], stage=["discovery", None, None]), client
    )
    server.faults.reset()
    assert set(receipt.table["outcome"]) == {"applied"}
    assert copies(client) == 3


@pytest.mark.parametrize("lost", [0.0, 1.0])
def test_apply__waits_for_a_server_that_commits_3_s_after_the_timeout(
    asking: Callable[..., Client], server: Sandbox, lost: float
) -> None:
    client = impatient(asking)
    server.faults.set(commit_delay=4, lose_answer_rate=lost)
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
    monkeypatch.setattr(lost_creates, "SHORTEST_WAIT", 4.0)
    client = impatient(asking, retries=3)
    server.faults.set(lose_answer_rate=1.0, clock_skew=2, normalize=True)
    receipt = apply(
        creating(name=[f" Deal  {n % 9}" for n in range(20)], value=[n + 0.125 for n in range(20)]), client
    )
    assert set(receipt.table["outcome"]) == {"applied"}
    server.faults.reset()
    held = pd.DataFrame(client.list(page_size=100).rows)
    assert copies(client) == 20
    assert held["name"].str.startswith("Deal").all()


def test_apply__never_makes_two_of_twenty_that_are_committed_late_and_answered_never(
    asking: Callable[..., Client], server: Sandbox
) -> None:
    client = impatient(asking)
    server.faults.set(commit_delay=4, lose_answer_rate=1.0, normalize=True)
    receipt = apply(creating(name=[f"New  {n}" for n in range(20)], value=[n / 8 for n in range(20)]), client)
    server.faults.reset()
    assert set(receipt.table["outcome"]) <= {"applied", "unknown"}
    assert receipt.table["attempts"].eq(1).all()
    held = pd.DataFrame(client.list(page_size=100).rows)["name"]
    assert held.is_unique
    assert len(held) == 6 + 20


def test_apply__sends_a_create_once_more_only_when_nothing_new_can_be_it(
    asking: Callable[..., Client], server: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_creates, "SHORTEST_WAIT", 1.0)
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
    assert "1 new opportunity may be it; look for 'New' with value 5" in str(receipt.table["error"].iloc[0])
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
    monkeypatch.setattr(lost_creates, "SHORTEST_WAIT", 1.0)
    client = impatient(asking, timeout=0.5)
    began = time.monotonic()
    asks, answers = client.create, iter([{"error_rate": 1.0}, {}])

    def refused_once(**fields: object) -> object:
        server.faults.set(**next(answers))  # type: ignore[arg-type]
        try:
            return asks(**fields)  # type: ignore[arg-type]
        finally:
            server.faults.reset()

    monkeypatch.setattr(client, "create", refused_once)
    receipt = apply(creating(name=["New"], value=[5]), client)
    assert receipt.table[["outcome", "attempts"]].to_numpy().tolist() == [["applied", 2]] * 2
    assert time.monotonic() - began >= 1
    assert copies(client) == 1
