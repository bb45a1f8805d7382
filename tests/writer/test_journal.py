from __future__ import annotations

import random
import re
import sqlite3
import stat
import threading
import warnings
from collections.abc import Callable
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opp_analytics.api import Client, Opportunity, state_folder
from opp_analytics.errors import JournalError, OppAnalyticsError, PlanError
from opp_analytics.loading import load
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import (
    Receipt,
    apply,
    own_writes,
    plan,
    resume,
    runs,
    undo,
)
from opp_analytics.writer.cells import from_text, to_text
from opp_analytics.writer.journal import Journal, locate_journal, lock_plan, read_journal
from opp_analytics.writer.steps import EditedCell, Step
from tests.writer.frames import adding, opportunities
from tests.writer.kills import Round


@pytest.mark.posix
def test_apply__keeps_the_journal_private_and_names_a_damaged_one(
    client: Client, before: pd.DataFrame
) -> None:
    made = plan(before, before.assign(value=1.0))
    receipt = apply(made, client)
    (file,) = (state_folder() / "journals").glob("*.sqlite3")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with sqlite3.connect(file) as db:
        assert db.execute("SELECT run_id FROM run WHERE ended_at IS NOT NULL").fetchall() == [
            (receipt.run_id,)
        ]
    db.close()
    assert client.settings.token.reveal().encode() not in file.read_bytes()
    file.write_bytes(b"not a database" * 100)
    for beside in file.parent.glob("*.sqlite3-*"):
        beside.unlink()
    with pytest.raises(JournalError, match=r"cannot use the journal .*\.sqlite3"):
        apply(plan(before, before.assign(value=2.0)), client)
    assert client.get("o000")["value"] == 1


def flip(whole: bytes, dice: random.Random) -> bytes:
    """Flip a few bits where there is content, half of them so that no text is left."""
    flipped = bytearray(whole)
    filled = [place for place, byte in enumerate(whole) if byte]
    for place in dice.sample(filled, dice.choice([1, 1, 3, 20])):
        flipped[place] ^= dice.choice([0x80, 1 << dice.randrange(8)])
    return bytes(flipped)


@pytest.fixture
def damaged(
    asking: Callable[..., Client], before: pd.DataFrame, server: Sandbox
) -> Callable[..., dict[str, Exception | None]]:
    """Damages a journal by SQL, or flips bits of it, and gives what each reader then raises.

    None is where one answers. The journal has a run of updates, a create and a deletion, and one
    that can be resumed.
    """
    client = asking(before, retries=0)
    apply(plan(before, adding(before, "New").iloc[1:].assign(value=7.0)), client, allow_delete=True)
    held = load(client, refresh="full", progress=False)
    # From here on nothing is sent, so that nothing is waited for.
    server.faults.error_rate = 1.0
    apply(plan(held, held.assign(probability=55)), client)
    path = locate_journal(client.settings.tenant)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    made = plan(held, adding(held, "Newer"))
    readers: dict[str, Callable[[], object]] = {
        "runs": runs,
        "own_writes": lambda: own_writes(client),
        "undo": lambda: undo(client),
        "resume": lambda: resume(client),
        "apply": lambda: apply(made, client),
    }

    def damage(statement: str | random.Random) -> dict[str, Exception | None]:
        raised: dict[str, Exception | None] = {}
        for name, read in readers.items():
            for beside in path.parent.glob(f"{path.name}-*"):
                beside.unlink()
            path.write_bytes(whole)
            if isinstance(statement, str):
                with closing(sqlite3.connect(path)) as db:
                    db.execute("PRAGMA ignore_check_constraints = 1")
                    db.executescript(statement)
            else:
                path.write_bytes(flip(whole, statement))
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    read()
            except Exception as error:
                # The frames of a traceback hold the journal open.
                error.__context__ = None
                raised[name] = error.with_traceback(None)
            else:
                raised[name] = None
        return raised

    return damage


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DROP TABLE run", "rows are missing"),
        ("DELETE FROM step WHERE number = 0", "rows are missing"),
        ("UPDATE change SET outcome = 'done'", "CHECK constraint failed in change"),
        ("UPDATE step SET operation = 'merge'", "CHECK constraint failed in step"),
        ("UPDATE run SET started_at = 'now'", "CHECK constraint failed in run"),
        ("UPDATE change SET after = '{\"a'", "CHECK constraint failed in change"),
    ],
)
def test_journal__that_is_damaged_names_the_file_and_what_to_do(
    damaged: Callable[..., dict[str, Exception | None]], statement: str, what: str
) -> None:
    (file,) = (state_folder() / "journals").glob("*.sqlite3")
    for reader, error in damaged(statement).items():
        assert isinstance(error, JournalError), (reader, error)
        assert what in str(error)
        assert str(file) in str(error)
        assert " away: its runs can then no longer be resumed or undone" in str(error)


def test_journal__of_text_that_cannot_be_decoded_names_the_file(
    damaged: Callable[..., dict[str, Exception | None]],
) -> None:
    raised = damaged("UPDATE change SET field = CAST(x'80' AS TEXT)")
    for reader in ("undo", "resume"):
        error = raised[reader]
        assert isinstance(error, JournalError), (reader, error)
        assert "ould not decode" in str(error)
        assert str(state_folder() / "journals") in str(error)


def test_journal__of_flipped_bits_is_read_or_named(
    damaged: Callable[..., dict[str, Exception | None]],
) -> None:
    dice = random.Random(6)
    raised = [error for _ in range(12) for error in damaged(dice).values()]
    named = [error for error in raised if isinstance(error, JournalError)]
    assert [error for error in raised if not isinstance(error, OppAnalyticsError | None)] == []
    assert all(str(state_folder() / "journals") in str(error) for error in named)


def test_journal__of_another_format_is_refused_by_name(
    client: Client, before: pd.DataFrame
) -> None:
    made = plan(before, before.assign(value=1.0))
    apply(made, client)
    (file,) = (state_folder() / "journals").glob("*.sqlite3")
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version = 1")
    for use in (
        lambda: apply(made, client),
        lambda: resume(client),
        lambda: own_writes(client),
        runs,
    ):
        with pytest.raises(JournalError, match=rf"{file}.*format 1, not 8.*move the file away"):
            use()
    file.rename(file.with_suffix(".old"))
    assert runs().empty
    assert apply(made, client).table["outcome"].eq("already").all()


def others_write_the_folder(file: Path) -> Path:
    file.parent.chmod(0o770)
    return file.parent


def it_is_a_link(file: Path) -> Path:
    file.rename(file.with_suffix(".old"))
    file.symlink_to(file.with_suffix(".old"))
    return file


@pytest.mark.posix
@pytest.mark.parametrize("spoil", [others_write_the_folder, it_is_a_link])
def test_journal__that_others_can_change_is_refused(
    client: Client,
    server: Sandbox,
    before: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path], Path],
) -> None:
    made = plan(before, before.assign(value=1.0))
    apply(made, client)
    (file,) = (state_folder() / "journals").glob("*.sqlite3")
    named, asked = spoil(file), server.requests
    again = plan(before, before.assign(value=2.0))
    for use in (
        lambda: apply(again, client),
        lambda: resume(client),
        lambda: undo(client),
        lambda: own_writes(client),
        runs,
    ):
        with pytest.raises(
            JournalError, match=rf"others could change it: {named} .*SHARED_JOURNAL=1"
        ):
            use()
    assert server.requests == asked
    monkeypatch.setenv("OPP_ANALYTICS_SHARED_JOURNAL", "1")
    assert len(runs()) == 1
    assert len(apply(again, client).table) == len(before)


@pytest.mark.parametrize("plan_id", ["../../../here", "x" * 300])
def test_lock_plan__stays_in_its_folder_whatever_a_plan_calls_itself(
    plan_id: str, tmp_path: Path
) -> None:
    folder = state_folder() / "journals"
    folder.mkdir(parents=True)
    with lock_plan("tenant", plan_id):
        (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
        assert file.parent == folder
        assert re.fullmatch(r"tenant-[0-9a-f]+\.lock", file.name)
        with pytest.raises(PlanError, match="applying this plan"), lock_plan("tenant", plan_id):
            pass


def test_journal__that_failed_once_takes_nothing_more() -> None:
    with Journal("tenant") as journal:
        journal.do(lambda db: db.execute("CREATE TABLE seen (number INTEGER)"))
        journal.note(lambda db: db.execute("INSERT INTO nowhere VALUES (1)"))
        for _ in range(2):
            with pytest.raises(JournalError, match="no such table: nowhere"):
                journal.do(lambda db: db.execute("INSERT INTO seen VALUES (1)"))
    assert read_journal(locate_journal("tenant"), "SELECT number FROM seen") == []


def told(receipt: Receipt) -> list[tuple[str, str]]:
    """Name and outcome of each new opportunity."""
    named = receipt.table[receipt.table["field"] == "name"]
    return list(named[["name", "outcome"]].itertuples(index=False, name=None))


def names(client: Client) -> list[str]:
    """The names that the server holds, but those of the six deals that were there."""
    return sorted(
        n for row in client.list(page_size=1000).rows if not (n := row["name"]).startswith("Deal")
    )


def test_apply__of_the_same_edits_planned_again_creates_nothing(
    client: Client, before: pd.DataFrame
) -> None:
    edits = adding(before, "A", "B", value=5, close_date="2027-01-31")
    first = apply(plan(before, edits), client)
    again = apply(plan(before, edits), client)
    assert told(again) == [("A", "already"), ("B", "already")]
    assert again.table["unique_id"].tolist() == first.table["unique_id"].tolist()
    assert again.table["attempts"].eq(0).all()
    assert again.complete
    assert "again=True" in again.summary()
    assert "again" not in first.summary()
    assert names(client) == ["A", "B"]


def test_apply__of_two_equal_rows_makes_two_and_of_a_third_one_more(
    client: Client, before: pd.DataFrame
) -> None:
    assert told(apply(plan(before, adding(before, "A", "A")), client)) == [("A", "applied")] * 2
    three = apply(plan(before, adding(before, "A", "A", "A")), client)
    assert sorted(told(three)) == [("A", "already"), ("A", "already"), ("A", "applied")]
    assert three.table["unique_id"].nunique() == 3
    assert names(client) == ["A"] * 3


def test_apply__makes_one_more_of_a_deal_that_exists(client: Client, before: pd.DataFrame) -> None:
    apply(plan(before, adding(before, "A")), client)
    loaded = load(client, refresh="full", progress=False)
    assert told(apply(plan(loaded, adding(loaded, "A")), client)) == [("A", "applied")]
    assert names(client) == ["A", "A"]
    # The same plan once more: it holds the first, and the second stands for its row.
    assert told(apply(plan(loaded, adding(loaded, "A")), client)) == [("A", "already")]
    assert names(client) == ["A", "A"]


@pytest.mark.parametrize("same", [True, False], ids=["same plan", "planned again"])
def test_apply__after_an_undo_or_a_deletion_creates_again(
    client: Client, before: pd.DataFrame, same: bool
) -> None:
    made = plan(before, adding(before, "A", "B"))

    def once_more() -> Receipt:
        return apply(made if same else plan(before, adding(before, "A", "B")), client)

    apply(made, client)
    assert apply(undo(client), client, allow_delete=True).complete
    assert names(client) == []
    second = once_more()
    assert told(second) == [("A", "applied"), ("B", "applied")]
    client.delete(second.table["unique_id"].iloc[0])
    assert told(once_more()) == [("A", "applied"), ("B", "already")]
    assert names(client) == ["A", "B"]


def test_apply__again_means_it(client: Client, before: pd.DataFrame) -> None:
    made = plan(before, adding(before, "A"))
    for _ in range(2):
        assert told(apply(made, client, again=True)) == [("A", "applied")]
    assert names(client) == ["A", "A"]
    assert told(apply(made, client)) == [("A", "already")]


def test_apply__looks_for_no_earlier_one_without_the_server(
    client: Client, server: Sandbox, before: pd.DataFrame
) -> None:
    """A server that does not say whether the earlier one still exists leaves the row to resume."""
    made = plan(before, adding(before, "A"))
    apply(made, client)
    settings = client.settings

    class Blind(Client):
        def get(self, unique_id: str) -> Opportunity:
            server.faults.cut_rate = 1.0
            try:
                return super().get(unique_id)
            finally:
                server.faults.reset()

    with Blind(settings.url, settings.token, settings.api_key, retries=0) as blind:
        receipt = apply(plan(before, adding(before, "A")), blind)
    assert told(receipt) == [("A", "failed")]
    assert told(resume(client)) == [("A", "already")]
    assert names(client) == ["A"]


@pytest.mark.slow
def test_apply__after_kills_what_is_planned_again_is_made_once(
    server: Sandbox, tmp_path: Path
) -> None:
    """Killed twice in the middle of its creates, planned and applied again, and the first runs
    resumed at the end."""
    kills = 2
    before = opportunities()
    new = [f"New {n % 30}" for n in range(60)]
    made = [plan(before, adding(before, *new, value=7.25)) for _ in range(kills + 1)]
    round_ = Round(server, tmp_path, made[0])
    files = [plan.save(tmp_path / f"{n}.json") for n, plan in enumerate(made)]
    server.faults.latency = 0.005
    for number in range(kills):
        assert round_.killed(round_.script(files[number]), 20)
    server.faults.reset()
    said, complaint = round_.script(files[-1]).communicate()
    assert names(round_.client) == sorted(new), said + complaint
    assert "unknown" not in said
    assert "pending" not in said
    for _ in range(kills):
        said, complaint = round_.script().communicate()
        assert not complaint
        assert names(round_.client) == sorted(new), said
    assert resume(round_.client).table.empty
    round_.close()


@pytest.mark.slow
def test_apply__by_two_processes_at_once_makes_each_once(server: Sandbox, tmp_path: Path) -> None:
    before = opportunities()
    new = [f"New {n % 12}" for n in range(24)]
    round_ = Round(server, tmp_path, plan(before, adding(before, *new)))
    files = [plan(before, adding(before, *new)).save(tmp_path / f"{n}.json") for n in range(3)]
    server.faults.latency = 0.03
    running = [round_.start("apply", str(file), "--yes") for file in files]
    said = [process.communicate() for process in running]
    server.faults.reset()
    assert [process.returncode for process in running] == [0] * 3, said
    assert names(round_.client) == sorted(new)
    assert sum(
        int(out.split(" applied")[0].split()[-1]) for out, _ in said if " applied" in out
    ) == len(new)
    round_.close()


CELLS: dict[str, st.SearchStrategy[Any]] = {
    "name": st.text(min_size=1),
    "value": st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(-(10**12), 10**12, places=3),
    "close_date": st.dates(date(1900, 1, 1), date(2100, 1, 1)).map(pd.Timestamp),
    "probability": st.integers(0, 100),
    "tags": st.text() | st.integers() | st.booleans() | st.dates() | st.none(),
}


def create(fields: dict[str, Any]) -> Step:
    return Step(
        "create", None, tuple(EditedCell(field, None, value) for field, value in fields.items())
    )


@given(st.fixed_dictionaries({}, optional=CELLS), st.randoms())
def test_identity__survives_files_and_order(fields: dict[str, Any], dice: random.Random) -> None:
    stored = [(field, from_text(field, to_text(field, value))) for field, value in fields.items()]
    dice.shuffle(stored)
    assert create(dict(stored)).identity == create(fields).identity


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ({"value": 5}, {"value": Decimal("5.0")}, True),
        ({"name": "Caf\u00e9"}, {"name": "Cafe\u0301 "}, True),
        ({"name": "A", "value": None}, {"name": "A"}, True),
        ({"name": "A"}, {"name": "a"}, False),
        ({"notes": "5"}, {"notes": 5}, False),
        ({"name": "A", "notes": "B"}, {"name": "B", "notes": "A"}, False),
    ],
)
def test_identity__is_that_of_what_is_sent(
    one: dict[str, Any], other: dict[str, Any], equal: bool
) -> None:
    assert (create(one).identity == create(other).identity) == equal


def test_journal__closes_only_between_two_writes() -> None:
    """A thread that Ctrl-C left behind writes, or is told that the run has ended; SQLite crashes
    otherwise."""
    begun, done, closed_before = threading.Event(), threading.Event(), []
    journal = Journal("tenant")

    def write(_: Any) -> None:
        begun.set()
        closed_before.append(done.wait(0.1))

    def close() -> None:
        journal.close()
        done.set()

    writing = threading.Thread(target=journal.do, args=(write,))
    writing.start()
    begun.wait(5)
    ending = threading.Thread(target=close)
    ending.start()
    writing.join(5)
    ending.join(5)
    assert (closed_before, done.is_set()) == ([False], True)
    with pytest.raises(JournalError, match="the run has ended"):
        journal.do(lambda _: None)
