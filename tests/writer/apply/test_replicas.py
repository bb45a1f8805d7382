"""Servers whose reads lag behind their writes, and clocks that differ, over real sockets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opp_analytics.api import Client, Opportunity
from opp_analytics.errors import ConnectionFailed
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import apply, journal, plan, resume, undo
from opp_analytics.writer.apply import engine, lost_creates
from opp_analytics.writer.apply.lost_creates import mark_newest
from tests.support import Answer, Asked, as_json, client_of, paged, row, serving
from tests.writer.frames import adding

pytestmark = pytest.mark.slow

LAG = 1.5


@pytest.fixture
def lagging(client: Client, server: Sandbox) -> Client:
    """A client of a server whose reads are behind its writes."""
    server.faults.replica_lag = LAG
    return client


def outcomes(receipt: Any) -> list[str]:
    listed: list[str] = receipt.table["outcome"].tolist()
    return listed


def catch_up(server: Sandbox) -> None:
    server.faults.replica_lag = 0


def test_apply__an_equal_row_is_already_there_although_the_replica_does_not_show_it(
    lagging: Client, server: Sandbox, before: pd.DataFrame
) -> None:
    edits = adding(before, "A", "B")
    first = apply(plan(before, edits), lagging)
    again = apply(plan(before, edits), lagging)
    assert (outcomes(first), outcomes(again)) == (["applied"] * 2, ["already"] * 2)
    assert again.table["unique_id"].tolist() == first.table["unique_id"].tolist()
    catch_up(server)
    assert lagging.list().total_records == 6 + 2


def test_apply__a_row_that_somebody_deleted_is_created_again_without_waiting(
    client: Client, before: pd.DataFrame
) -> None:
    edits = adding(before, "A")
    client.delete(apply(plan(before, edits), client).table["unique_id"].iloc[0])
    began = time.monotonic()
    assert outcomes(apply(plan(before, edits), client)) == ["applied"]
    assert time.monotonic() - began < engine.choose_wait(client) / 5


def test_apply__a_row_that_vanished_is_created_again_after_the_wait(
    client: Client, before: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "choose_wait", lambda client: 0.5)
    edits = adding(before, "A")
    first = apply(plan(before, edits), client).table["unique_id"].iloc[0]
    asks = client.get
    gone = type(
        "Purged",
        (),
        {"__call__": lambda self, unique_id: asks("purged" if unique_id == first else unique_id)},
    )
    monkeypatch.setattr(client, "get", gone())
    assert outcomes(apply(plan(before, edits), client)) == ["applied"]


def test_undo__of_a_fresh_update_and_deletion_writes_although_the_replica_shows_the_old_state(
    lagging: Client, server: Sandbox, before: pd.DataFrame
) -> None:
    after = before.iloc[1:].assign(value=before["value"].where(before.index != 1, 7.0))
    assert outcomes(apply(plan(before, after), lagging, allow_delete=True)) == ["applied"] * 2
    assert outcomes(apply(undo(lagging), lagging)) == ["applied"] * 2
    catch_up(server)
    assert lagging.get("o001")["value"] == 1100
    assert lagging.list().total_records == 6


def test_apply__our_own_write_that_the_replica_does_not_show_yet_is_no_conflict(
    lagging: Client, server: Sandbox, before: pd.DataFrame
) -> None:
    once, twice = (before.assign(value=before["value"] + more) for more in (1.0, 2.0))
    assert set(outcomes(apply(plan(before, once), lagging))) == {"applied"}
    assert set(outcomes(apply(plan(once, twice), lagging))) == {"applied"}
    catch_up(server)
    assert lagging.get("o000")["value"] == 1002


def test_apply__an_update_without_an_answer_has_not_failed_while_the_replica_lags(
    lagging: Client, server: Sandbox, before: pd.DataFrame
) -> None:
    server.faults.set(lose_answer_rate=1.0, replica_lag=3600)
    after = before.iloc[1:].assign(value=before["value"].where(before.index != 1, 7.0))
    receipt = apply(plan(before, after), lagging, allow_delete=True)
    told = receipt.table.set_index("unique_id")
    assert told["outcome"].to_dict() == {"o000": "unknown", "o001": "unknown"}
    assert "no answer to 5 attempts, and the server shows no change yet" in told["error"]["o001"]
    server.faults.reset()
    assert outcomes(resume(lagging)) == ["applied", "applied"]
    assert lagging.get("o001")["value"] == 7
    assert lagging.list().total_records == 5


def test_apply__a_deletion_that_a_second_one_finds_done_is_ours(
    asking: Callable[..., Client], server: Sandbox, before: pd.DataFrame
) -> None:
    class Lossy(Client):
        sent = 0

        def delete(self, unique_id: str) -> None:
            super().delete(unique_id)
            self.sent += 1
            raise ConnectionFailed("no answer")

    client = asking(before, kind=Lossy)
    server.faults.replica_lag = 3600
    assert outcomes(apply(plan(before, before.iloc[1:]), client, allow_delete=True)) == ["applied"]
    assert client.sent == 1  # type: ignore[attr-defined]


class Shifted(datetime):
    """A clock of this computer that is some hours off."""

    hours = 0

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.now(tz) + timedelta(hours=cls.hours)


def set_our_clock(monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    monkeypatch.setattr(Shifted, "hours", hours)
    for module in (journal, lost_creates):
        monkeypatch.setattr(module, "datetime", Shifted, raising=False)


@pytest.mark.parametrize("hours", [-3, 3])
def test_apply__finds_a_lost_create_whatever_our_clock_says(tmp_path: Path, hours: int) -> None:
    """Beside a row that an import stamped an hour ahead."""
    now = datetime.now(UTC) + timedelta(hours=hours)
    rows = [row(1, created_at=(now + timedelta(hours=1)).isoformat())]
    answer = paged(rows)

    def respond(asked: Asked) -> Answer:
        if asked.method == "POST":
            made = json.loads(asked.body)["opportunity"]
            rows.append(row(1 + len(rows), **made, created_at=now.isoformat()))
            return Answer(0)
        listed = answer(asked)
        return Answer(
            200, listed.body, {**listed.headers, "Date": format_datetime(now, usegmt=True)}
        )

    before = pd.DataFrame({"unique_id": pd.Series([], dtype="str")})
    with serving(respond) as server, client_of(server, tmp_path, timeout=0.2) as client:
        receipt = apply(plan(before, pd.DataFrame({"unique_id": [None], "name": ["New"]})), client)
    assert outcomes(receipt) == ["applied"]
    assert [made["name"] for made in rows] == ["Deal 1", "New"]


def test_undo__takes_the_newest_run_although_our_clock_was_set_back(
    client: Client, before: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    once, twice = (before.assign(value=before["value"] + more) for more in (1.0, 2.0))
    apply(plan(before, once), client)
    set_our_clock(monkeypatch, -3)
    apply(plan(once, twice), client)
    assert undo(client).changes["after"].tolist() == once["value"].tolist()


class Vanishing(Client):
    """A client whose process ends when a create has no answer."""

    def create(self, **fields: Any) -> Opportunity:
        try:
            return super().create(**fields)
        except ConnectionFailed:
            raise SystemExit from None


@pytest.mark.parametrize("hours", [-3, 3])
def test_resume__waits_for_a_late_commit_whatever_was_done_to_our_clock(
    asking: Callable[..., Client],
    server: Sandbox,
    before: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    hours: int,
) -> None:
    monkeypatch.setattr(engine, "SHORTEST_WAIT", 4.0)
    client = asking(before, kind=Vanishing, timeout=0.5, retries=0)
    server.faults.commit_delay = 2.5
    with pytest.raises(SystemExit):
        apply(plan(before, adding(before, "A")), client)
    set_our_clock(monkeypatch, hours)
    assert outcomes(resume(asking(timeout=0.5))) == ["applied"]
    server.faults.reset()
    assert client.list().total_records == 6 + 1


def test_resume__does_not_wait_for_what_was_sent_long_ago_by_the_server_s_clock(
    asking: Callable[..., Client], server: Sandbox, before: pd.DataFrame
) -> None:
    client = asking(before, kind=Vanishing, timeout=0.5, retries=0)
    server.faults.cut_rate = 0
    monkey = client.transport.write
    client.transport.write = lambda *_, **__: (_ for _ in ()).throw(ConnectionFailed("cut"))  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        apply(plan(before, adding(before, "A")), client)
    client.transport.write = monkey  # type: ignore[method-assign]
    server.advance(1)
    began = time.monotonic()
    assert outcomes(resume(asking())) == ["applied"]
    assert time.monotonic() - began < 15


def test_mark_newest__knows_all_ids_where_the_server_does_not_tell_the_time(tmp_path: Path) -> None:
    rows = [row(number) for number in range(2500)]
    silent: dict[str, Any] = {"Date": ""}

    def respond(asked: Asked) -> Answer:
        listed = paged(rows)(asked)
        pages = json.loads(listed.body) | {"meta": {"totalRecords": 2500, "totalPages": 3}}
        return as_json(pages, **(silent if telling is None else {"Date": telling}))

    telling: str | None = None
    with serving(respond) as server, client_of(server, tmp_path) as client:
        assert client.server_time() is None
        assert mark_newest(client) == (None, frozenset(f"opp-{number}" for number in range(2500)))
        assert client.server_time() is None
        telling = "Sun, 01 Mar 2026 10:00:00 GMT"
        since, known = mark_newest(client)
        assert abs(client.server_time() - datetime(2026, 3, 1, 10, tzinfo=UTC)) < timedelta(
            seconds=30
        )
        assert since == pd.Timestamp(max(r["created_at"] for r in rows)) - engine.OVERLAP
        assert len(known) == 100


@pytest.mark.parametrize("told", [{}, {"updated_at": "2026-03-01T10:00:00Z"}])
def test_apply__a_field_that_a_short_answer_leaves_out_is_read_until_the_replica_has_it(
    before: pd.DataFrame, tmp_path: Path, told: dict[str, str]
) -> None:
    before = before.head(1)
    held: dict[str, Any] = {
        "name": "Deal 0",
        "value": 1000,
        "stage": "proposal",
        "status": "active",
    }
    new = held | {"value": 7, "updated_at": "2026-03-01T10:00:00Z"}
    old = held | {"updated_at": "2026-02-01T10:00:00Z"}
    reads: list[Asked] = []

    def respond(asked: Asked) -> Answer:
        reads.extend([asked] if asked.method == "GET" else [])
        attributes = (told if asked.method == "PUT" else old if len(reads) < 4 else new) | {
            "unique_id": "o000"
        }
        return as_json({"data": {"id": "o000", "attributes": attributes}})

    made = plan(before.assign(**held), before.assign(**held | {"value": 7}))
    with serving(respond) as server, client_of(server, tmp_path) as client:
        assert outcomes(apply(made, client)) == ["applied"]
    assert len(reads) == 4
