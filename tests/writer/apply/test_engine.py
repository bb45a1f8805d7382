"""What a careful person asks of bulk edits, over real sockets: kills, faults, other people, a full
disk, a lost token."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opp_analytics.api import Client
from opp_analytics.errors import ConnectionFailed, ServerError
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import Plan, Receipt, apply, plan, resume, runs, undo
from opp_analytics.writer.apply import engine
from tests.writer.clients import Expiring, Meddled
from tests.writer.frames import adding, opportunities
from tests.writer.kills import (
    Round,
    five_hundred,
    held,
    mixed,
    press_ctrl_c_twice,
    respelled,
    rows_of,
    wait_for_silence,
    wanted,
)

pytestmark = pytest.mark.posix


@pytest.fixture
def round_(server: Sandbox, tmp_path: Path) -> Iterator[Round]:
    """The plan of 500 changes, to be applied by processes of their own."""
    made = Round(server, tmp_path, five_hundred())
    yield made
    made.close()


@pytest.mark.slow
def test_resume__after_kill_9_every_change_is_made_exactly_once(round_: Round) -> None:
    assert round_.killed(round_.apply(), 120)
    assert round_.held() not in (rows_of(round_.plan.before), wanted(round_.plan))
    assert " applied" in round_.finish("resume")
    round_.check(wanted(round_.plan), "killed after 120 requests")


@pytest.mark.slow
def test_resume__after_kill_9_on_a_server_that_normalizes_and_undone(
    server: Sandbox, tmp_path: Path
) -> None:
    round_ = Round(server, tmp_path, respelled())
    server.faults.normalize = True
    assert round_.killed(round_.apply(), 120)
    round_.finish("resume")
    round_.check(wanted(round_.plan, normalized=True), "killed on a server that normalizes")
    assert apply(undo(round_.client), round_.client, allow_delete=True).complete
    round_.check(rows_of(round_.plan.before), "undone")
    round_.close()


@pytest.mark.slow
def test_resume__after_kill_9_and_lost_answers_no_create_is_made_twice(
    server: Sandbox, tmp_path: Path
) -> None:
    """Killed while its creates are without an answer, and resumed on a server that still answers
    none."""
    before, names = opportunities(), [f"New {n % 16}" for n in range(20)]
    round_ = Round(server, tmp_path, plan(before, adding(before, *names, value=7.25)))
    server.faults.set(lose_answer_rate=1.0, commit_delay=4)
    assert round_.killed(round_.script(round_.file), 8)
    for _ in range(3):
        said, complaint = round_.script().communicate()
        assert "failed" not in said, complaint
        if "applied" in said and "unknown" not in said and "pending" not in said:
            break
    server.faults.reset()
    made = Counter(row["name"] for row in round_.client.list(page_size=100).rows)
    assert made - Counter(before["name"]) == Counter(names), said
    assert resume(round_.client).table.empty
    round_.close()


def begun(made: Plan, client: Client) -> Receipt:
    """The first receipt; an apply that cannot even look at the server raises, and has sent and
    noted nothing."""
    for _ in range(10):
        try:
            return apply(made, client, allow_delete=True)
        except (ConnectionFailed, ServerError):
            assert runs().empty
    raise AssertionError("the server could not be read ten times in a row")


@pytest.mark.slow
def test_apply__under_faults_every_change_is_made_exactly_once(
    asking: Callable[..., Client],
    server: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "SHORTEST_WAIT", 1.0)
    made = mixed()
    client = asking(made.before, retries=3, timeout=1)
    server.faults.set(error_rate=0.3, lose_answer_rate=0.3, cut_rate=0.3, rate_limit=60)
    receipt = begun(made, client)
    for _ in range(20):
        if receipt.complete:
            break
        receipt = resume(client)
    server.faults.reset()
    assert receipt.complete, receipt.summary()
    assert held(client) == wanted(made)
    assert runs()[["applied", "changes"]].to_numpy().tolist() == [[60, 60]]


@pytest.mark.slow
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
    theirs.wait_for_requests(process, 10)
    own = apply(mine, theirs.client).table.set_index("unique_id")["outcome"]
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
        written = {
            value for value, outcome in zip((1.0, 2.0), told, strict=True) if outcome == "applied"
        }
        assert values[unique_id] in written


@pytest.mark.slow
def test_apply__on_a_full_disk_sends_nothing_that_is_not_written_down(round_: Round) -> None:
    process = round_.apply(shell='ulimit -f 700; exec "$@"')
    said, complaint = process.communicate()
    assert process.returncode == 4
    assert "Traceback" not in complaint
    assert " applied" in said
    assert " pending" in said
    assert "stopped: cannot use the journal" in said
    assert round_.held() not in (rows_of(round_.plan.before), wanted(round_.plan))
    round_.finish("resume")
    round_.check(wanted(round_.plan), "after the disk was freed")


def test_apply__a_token_that_expires_midway_leaves_the_rest_to_resume(
    asking: Callable[..., Client],
) -> None:
    made = mixed()
    client, renewed = asking(made.before, kind=Expiring, concurrency=2), asking()
    assert isinstance(client, Expiring)
    client.expire_at(8)
    receipt = apply(made, client, allow_delete=True)
    assert set(receipt.table["outcome"]) == {"applied", "pending"}
    assert "401" in str(receipt.stopped)
    rest = resume(renewed)
    assert rest.complete
    assert len(rest.table) == (receipt.table["outcome"] == "pending").sum()
    assert held(renewed) == wanted(made)


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
    assert "deleted on the server since then" in gone["error"].iloc[0]
    assert receipt.counts().to_dict() == {"applied": 5, "conflict": 1}
    assert [row["unique_id"] for row in other.list_deleted().rows] == ["o002"]


PAUSES, THINKS = {"rate_limit": 0.01}, {"commit_delay": 100}
"""A server that asks for pauses of a minute, or is silent."""
SOON = 10.0
"""The promise is two seconds; five times that, on a busy machine."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "faults"),
    [
        ("command line", PAUSES),
        ("function", THINKS),
    ],
)
def test_apply__ctrl_c_ends_soon_and_tells_what_was_done(
    round_: Round, server: Sandbox, how: str, faults: dict[str, Any]
) -> None:
    process = round_.apply() if how == "command line" else round_.script(round_.file, timeout=30)
    round_.wait_for_requests(process, 60)
    server.faults.set(**faults)
    round_.wait_for_silence(process)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    said, complaint = process.communicate()
    assert time.monotonic() - began < SOON
    server.faults.reset()
    assert "Traceback" not in complaint
    assert "stopped: interrupted" in said
    # Who is told to come back later cannot read back what was answered.
    assert (" applied" in said) == ("rate_limit" not in faults)
    assert " pending" in said
    assert " unknown" in said
    assert "resume" in said
    assert round_.held() != wanted(round_.plan)
    assert "applied" in round_.finish("resume")
    round_.check(wanted(round_.plan), "interrupted and resumed")


def ctrl_c_when_silent(server: Sandbox) -> threading.Thread:
    """A thread that presses Ctrl-C once the server has seen a request, and nothing more reaches
    it."""
    asked, main = server.requests, threading.main_thread().ident

    def interrupt() -> None:
        wait_for_silence(server, asked)
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)

    stopping = threading.Thread(target=interrupt)
    stopping.start()
    return stopping


@pytest.mark.slow
def test_apply__what_ctrl_c_ended_is_not_sent_later(
    asking: Callable[..., Client], server: Sandbox, tmp_path: Path
) -> None:
    """In one process, as in a notebook: a thread asleep in a pause must not send once somebody has
    resumed the run."""
    made = mixed()
    client = asking(made.before)
    server.faults.rate_limit = 0.4

    stopping = ctrl_c_when_silent(server)
    receipt = apply(made, client, allow_delete=True)
    stopping.join()
    assert receipt.stopped == "interrupted"
    assert set(receipt.table["outcome"]) <= {"applied", "pending"}
    for thread in [thread for thread in threading.enumerate() if thread.name == "apply"]:
        thread.join(SOON)
        assert not thread.is_alive()
    server.faults.reset()
    assert resume(client).complete
    assert held(client) == wanted(made)


def test_apply__ctrl_c_before_the_first_write_says_that_nothing_was_sent(
    asking: Callable[..., Client], server: Sandbox
) -> None:
    made = mixed()
    client = asking(made.before)
    server.faults.latency = 60

    stopping = ctrl_c_when_silent(server)
    with pytest.raises(KeyboardInterrupt, match="stopped; nothing was sent"):
        apply(made, client, allow_delete=True)
    stopping.join()
    server.faults.reset()
    assert runs().empty
    assert apply(made, client, allow_delete=True).complete


def test_apply__a_second_ctrl_c_names_the_run_and_sends_nothing_more(
    client: Client, server: Sandbox, before: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plan(before, before.assign(value=7.0))
    press_ctrl_c_twice(monkeypatch)
    with pytest.raises(KeyboardInterrupt) as stopped:
        apply(made, client)
    run_id = runs()["run_id"].iloc[0]
    said = (
        f"stopped at once; run {run_id} may be unfinished. To finish it: resume(client, {run_id!r})"
    )
    assert str(stopped.value) == said
    for thread in [thread for thread in threading.enumerate() if thread.name == "apply"]:
        thread.join(SOON)
    asked = server.requests
    assert runs()["state"].tolist() == ["unfinished"]
    press_ctrl_c_twice(monkeypatch)
    with pytest.raises(KeyboardInterrupt, match=f"run {run_id} may be unfinished"):
        resume(client)
    assert server.requests > asked
    resume(client, run_id)
    assert runs()["state"].tolist() == ["finished"]
    assert held(client) == wanted(made)


def test_apply__100_of_200_failing_leaves_100_applied_and_100_explained(
    asking: Callable[..., Client],
) -> None:
    before = opportunities(200)
    client = asking(before)
    values = before["value"].where(before.index % 2 == 0, 1e16).where(before.index % 2 == 1, 5.0)
    receipt = apply(plan(before, before.assign(value=values)), client)
    assert receipt.counts().to_dict() == {"applied": 100, "failed": 100}
    failed = receipt.table[receipt.table["outcome"] == "failed"]
    assert failed["error"].str.contains("10^15", regex=False).all()
    rows = pd.DataFrame(client.list(page_size=1000).rows).sort_values(
        "unique_id", ignore_index=True
    )
    assert (
        rows["value"].astype(float).tolist()
        == before["value"].where(before.index % 2 == 1, 5.0).tolist()
    )
    assert "resume" not in receipt.summary()
    assert resume(client).table.empty


def test_apply__stops_at_the_first_conflict_when_asked(asking: Callable[..., Client]) -> None:
    before = opportunities(40)
    client = asking(before, concurrency=1)
    client.update("o003", value=6.0)
    receipt = apply(plan(before, before.assign(value=5.0)), client, on_conflict="stop")
    counts = receipt.counts().to_dict()
    assert counts["conflict"] == 1
    assert "o003" in str(receipt.stopped)
    assert counts["pending"] > 20
    rest = resume(client)
    assert (rest.table["outcome"] == "applied").all()
    assert len(rest.table) == counts["pending"]


def test_apply__notices_what_somebody_changes_during_the_run(asking: Callable[..., Client]) -> None:
    before = opportunities(100)
    other, client = asking(before), asking(kind=Meddled, concurrency=1)
    assert isinstance(client, Meddled)
    client.meddle = lambda unique_id: (
        other.update("o098", value=7.0) if unique_id == "o050" else None
    )
    receipt = apply(plan(before, before.assign(value=1.0)), client)
    assert receipt.table.loc[receipt.table["outcome"] == "conflict", "unique_id"].tolist() == [
        "o098"
    ]
    values = {row["unique_id"]: float(row["value"]) for row in other.list(page_size=1000).rows}
    assert values == {
        unique_id: 7.0 if unique_id == "o098" else 1.0 for unique_id in before["unique_id"]
    }


@pytest.mark.slow
def test_apply__tells_a_log_what_it_writes_and_no_text_of_a_customer(
    asking: Callable[..., Client],
    before: pd.DataFrame,
    server: Sandbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = before.assign(name=[f"Customer {n}" for n in range(6)])
    client = asking(before, retries=0, timeout=1)
    after = before.assign(stage="negotiation").drop(index=5)
    with caplog.at_level(logging.DEBUG, "opp_analytics"):
        server.faults.lose_answer_rate = 1.0
        receipt = apply(plan(before, adding(after, "Customer new")), client, allow_delete=True)
        server.faults.reset()
    told = [
        (r.levelname, r.getMessage())
        for r in caplog.records
        if r.name.startswith("opp_analytics.writer")
    ]
    run = receipt.run_id
    at_info = [message for level, message in told if level != "DEBUG"]
    assert at_info[0] == f"run {run}: 7 to write, 0 to look for"
    assert any(line.startswith(f"run {run} ended: ") for line in at_info)
    assert ("DEBUG", f"run {run}: delete o005: applied") in told
    assert "Customer" not in "".join(
        r.getMessage() for r in caplog.records if r.levelno > logging.DEBUG
    )


@pytest.mark.slow
def test_campaign__after_kills_the_server_holds_what_the_receipts_say() -> None:
    """See `tests.writer.campaign`, in a process of its own because it forks."""
    command = [sys.executable, "-m", "tests.writer.campaign", "16", "4"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "copies 0, lost 0, overwritten 0, differs 0" in said.stdout, said.stdout + said.stderr
