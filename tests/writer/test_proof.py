"""What a careful person asks of bulk edits, over real sockets: kills, faults, other people, a full disk, a lost token."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opp_analytics.api import Client, Secret
from opp_analytics.errors import ConnectionFailed, ServerError
from opp_analytics.org import conform
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import Plan, Receipt, apply, plan, resume, runs, undo
from tests.writer.conftest import opportunities
from tests.writer.kills import Round, five_hundred, rows_of, wanted
from tests.writer.test_planning import changed

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")


@pytest.fixture
def asking(server: Sandbox, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Makes clients of one new tenant that holds the opportunities given first."""
    clients: list[Client] = []
    tenant: list[Any] = []

    def make(before: pd.DataFrame | None = None, kind: type[Client] = Client, **options: Any) -> Client:
        tenant[:] = tenant or [server.add_tenant(before)]
        clients.append(kind(server.url, *tenant[0], cache_dir=tmp_path / f"cache{len(clients)}", **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def round_(server: Sandbox, tmp_path: Path) -> Iterator[Round]:
    """The plan of 500 changes, to be applied by processes of their own."""
    made = Round(server, tmp_path, five_hundred())
    yield made
    made.close()


def mixed() -> Plan:
    """60 changes: 24 cells of 20 opportunities, 10 created with three cells each, some of them alike, 6 deleted."""
    before = opportunities(30)
    after = before.iloc[:24].assign(value=before["value"].where(before.index >= 20, before["value"] + 0.5))
    after.loc[:3, "probability"] = 55
    new = pd.DataFrame({"name": ["Same"] * 4 + list("ABCDEF"), "value": 7.25, "close_date": "2027-01-31"})
    return plan(before, conform(pd.concat([after, conform(new)], ignore_index=True)))


def held(client: Client) -> Any:
    """What the server holds: name, value and close date of every opportunity, with how often each occurs."""
    return rows_of(conform(pd.DataFrame(client.list(page_size=1000).rows)))


@pytest.mark.parametrize("requests", [40, 180])
def test_resume__after_kill_9_every_change_is_made_exactly_once(round_: Round, requests: int) -> None:
    assert round_.killed(round_.apply(), requests)
    assert round_.held() not in (rows_of(round_.plan.before), wanted(round_.plan))
    assert " applied" in round_.finish("resume")
    round_.check(wanted(round_.plan), f"killed after {requests} requests")


def begun(made: Plan, client: Client) -> Receipt:
    """The first receipt; an apply that cannot even look at the server raises, and has sent and noted nothing."""
    for _ in range(10):
        try:
            return apply(made, client, allow_delete=True)
        except (ConnectionFailed, ServerError):
            assert runs().empty
    raise AssertionError("the server could not be read ten times in a row")


STORM = {"rate_limit": 60}
FAULTS = {
    "errors": {"error_rate": 0.3},
    "lost answers": {"lose_answer_rate": 0.3},
    "cut connections": {"cut_rate": 0.3},
    "429 storm": STORM,
    "all together": {"error_rate": 0.3, "lose_answer_rate": 0.3, "cut_rate": 0.3, **STORM},
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_apply__under_faults_every_change_is_made_exactly_once(
    asking: Callable[..., Client], server: Sandbox, faults: dict[str, Any]
) -> None:
    made = mixed()
    client = asking(made.before, retries=3)
    server.faults.set(**faults)
    receipt = begun(made, client)
    for _ in range(20):
        if receipt.complete:
            break
        receipt = resume(client)
    server.faults.reset()
    assert receipt.complete, receipt.summary()
    assert held(client) == wanted(made)
    assert runs()[["applied", "changes"]].to_numpy().tolist() == [[60, 60]]


def test_apply__in_a_429_storm_all_connections_wait_together(
    asking: Callable[..., Client], server: Sandbox
) -> None:
    made = mixed()
    client = asking(made.before)
    server.faults.rate_limit = 30
    asked = server.requests
    receipt = apply(made, client, allow_delete=True)
    server.faults.reset()
    assert (receipt.table["outcome"] == "applied").all()
    assert (receipt.table["attempts"] == 1).all()
    # 36 writes, 26 reads and the two lists of newest opportunities; of each pause at most one refusal per connection.
    assert server.requests - asked <= 64 + 8 * 4


def test_apply__two_people_at_once_each_know_what_became_of_their_changes(
    server: Sandbox, tmp_path: Path
) -> None:
    before = opportunities(120)
    mine = plan(before, before.assign(value=before["value"].where(before.index >= 80, 1.0)))
    after = before.assign(value=before["value"].where(before.index < 60, 2.0))
    theirs = Round(server, tmp_path, plan(before, after.assign(stage="negotiation")))
    file = tmp_path / "receipt.csv"
    server.faults.latency = 0.01
    process = theirs.start("apply", str(theirs.file), "--yes", "--receipt", str(file))
    seen = server.requests
    while process.poll() is None and server.requests < seen + 10:
        time.sleep(0.001)
    own = apply(mine, theirs.client, reread="each").table.set_index("unique_id")["outcome"]
    assert "Traceback" not in process.communicate()[1]
    other = pd.read_csv(file).set_index(["unique_id", "field"])["outcome"]
    rows = pd.DataFrame(theirs.client.list(page_size=1000).rows).set_index("unique_id")
    values = rows["value"].astype(float)
    for unique_id in before["unique_id"]:
        told = own.get(unique_id), other.get((unique_id, "value"))
        staged = other[unique_id, "stage"]
        assert staged == ("skipped" if told[1] == "conflict" else "applied")
        assert (rows.loc[unique_id, "stage"] == "negotiation") == (staged == "applied")
        # Where both read before either wrote, both were told "applied", and the later one stands.
        written = {value for value, outcome in zip((1.0, 2.0), told, strict=True) if outcome == "applied"}
        assert values[unique_id] in written


def test_apply__on_a_full_disk_sends_nothing_that_is_not_written_down(round_: Round) -> None:
    process = round_.apply(shell='ulimit -f 700; exec "$@"')
    said, complaint = process.communicate()
    assert process.returncode == 1
    assert "Traceback" not in complaint
    assert " applied" in said
    assert " pending" in said
    assert "stopped: the journal" in said
    assert round_.held() not in (rows_of(round_.plan.before), wanted(round_.plan))
    round_.finish("resume")
    round_.check(wanted(round_.plan), "after the disk was freed")


def test_apply__a_token_that_expires_midway_leaves_the_rest_to_resume(
    asking: Callable[..., Client], server: Sandbox
) -> None:
    made = mixed()
    client, renewed = asking(made.before, concurrency=2), asking()
    server.faults.latency = 0.01
    seen = server.requests

    def expire() -> None:
        while server.requests < seen + 30:
            time.sleep(0.001)
        object.__setattr__(client.settings, "token", Secret("expired"))

    expiring = threading.Thread(target=expire)
    expiring.start()
    receipt = apply(made, client, allow_delete=True)
    expiring.join()
    server.faults.reset()
    assert set(receipt.table["outcome"]) == {"applied", "pending"}
    assert "401" in str(receipt.stopped)
    rest = resume(renewed)
    assert rest.complete
    assert len(rest.table) == (receipt.table["outcome"] == "pending").sum()
    assert held(renewed) == wanted(made)


class Meddled(Client):
    """A client behind whose back somebody acts between its reading of an opportunity and its writing."""

    def get(self, unique_id: str) -> dict[str, Any]:
        record = super().get(unique_id)
        self.meddle(unique_id)
        return record

    def meddle(self, unique_id: str) -> None:
        """What happens in between."""


def test_apply__keeps_another_field_that_changes_between_read_and_write(
    asking: Callable[..., Client], before: pd.DataFrame
) -> None:
    other, client = asking(before), asking(kind=Meddled)
    client.meddle = lambda unique_id: other.update(unique_id, name="Renamed")  # type: ignore[attr-defined]
    assert apply(plan(before, before.assign(value=1.0)), client).complete
    rows = other.list(page_size=100).rows
    assert {(row["name"], float(row["value"])) for row in rows} == {("Renamed", 1.0)}


def test_apply__a_row_deleted_between_read_and_write_stays_deleted(
    asking: Callable[..., Client], before: pd.DataFrame
) -> None:
    other, client = asking(before), asking(kind=Meddled)
    client.meddle = lambda unique_id: other.delete(unique_id) if unique_id == "o002" else None  # type: ignore[attr-defined]
    receipt = apply(plan(before, before.assign(value=1.0)), client)
    gone = receipt.table[receipt.table["unique_id"] == "o002"]
    assert gone["outcome"].tolist() == ["conflict"]
    assert "deleted on the server meanwhile" in gone["error"].iloc[0]
    assert receipt.counts().to_dict() == {"applied": 5, "conflict": 1}
    assert [row["unique_id"] for row in other.list_deleted().rows] == ["o002"]


def test_apply__ctrl_c_ends_after_the_calls_in_flight(round_: Round, server: Sandbox) -> None:
    server.faults.latency = 0.02
    process = round_.apply()
    round_.signal_after(process, 100, signal.SIGINT)
    said, complaint = process.communicate()
    server.faults.reset()
    assert process.returncode == 1
    assert "Traceback" not in complaint
    assert "stopped: interrupted; the calls in flight were finished" in said
    assert "opp-analytics resume" in said
    assert " unknown" not in said
    assert round_.held() != wanted(round_.plan)
    assert "applied" in round_.finish("resume")
    round_.check(wanted(round_.plan), "interrupted and resumed")


def test_apply__500_of_1000_failing_leaves_500_applied_and_500_explained(
    asking: Callable[..., Client],
) -> None:
    before = opportunities(1000)
    client = asking(before)
    values = before["value"].where(before.index % 2 == 0, 1e16).where(before.index % 2 == 1, 5.0)
    receipt = apply(plan(before, before.assign(value=values)), client)
    assert receipt.counts().to_dict() == {"applied": 500, "failed": 500}
    failed = receipt.table[receipt.table["outcome"] == "failed"]
    assert failed["error"].str.contains("10^15", regex=False).all()
    rows = pd.DataFrame(client.list(page_size=1000).rows).sort_values("unique_id", ignore_index=True)
    assert rows["value"].astype(float).tolist() == before["value"].where(before.index % 2 == 1, 5.0).tolist()
    assert "resume" not in receipt.summary()
    assert resume(client).table.empty


@pytest.mark.parametrize("option", [{"on_conflict": "stop"}, {"on_failure": "stop"}])
def test_apply__stops_at_the_first_conflict_or_failure_when_asked(
    asking: Callable[..., Client], option: dict[str, Any]
) -> None:
    before = opportunities(40)
    client = asking(before, concurrency=1)
    after = before.assign(value=5.0)
    if "on_conflict" in option:
        client.update("o003", value=6.0)
    else:
        after = changed(after, 3, value=1e16)
    receipt = apply(plan(before, after), client, **option)
    counts = receipt.counts().to_dict()
    assert counts.get("conflict", 0) + counts.get("failed", 0) == 1
    assert "o003" in str(receipt.stopped)
    assert counts["pending"] > 20
    rest = resume(client)
    assert (rest.table["outcome"] == "applied").all()
    assert len(rest.table) == counts["pending"]


def test_undo__goes_back_all_the_way_and_undone_goes_forth_again(asking: Callable[..., Client]) -> None:
    made = mixed()
    client = asking(made.before)
    first = apply(made, client, allow_delete=True)
    assert apply(undo(client, first.run_id), client, allow_delete=True).complete
    assert held(client) == rows_of(made.before)
    again = undo(client)
    assert len(again.changes) == 24 + 10 + 6
    assert apply(again, client, allow_delete=True).complete
    assert held(client) == wanted(made)
