"""Runs of a plan whose answers are odd, and journals with an odd cell."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch
from urllib.parse import urlencode

import pandas as pd
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.writer.apply import engine
from tests.fuzz import odd
from tests.fuzz.from_servers import HEADERS, odd_server, practice_server, singles
from tests.fuzz.targets import Findings, Target
from tests.scratch import scratch_folder
from tests.support import Answer, Asked, row

__all__ = ["TARGETS"]


class Spoil(NamedTuple):
    """What becomes of one answer."""

    number: int
    """Of the answer, from 1."""
    sent: bool
    """True if the sandbox gets the request."""
    kind: str
    change: Callable[[Answer], Answer]

    @property
    def lies(self) -> bool:
        """True if the answer may say that something else happened than what did."""
        return not self.sent or self.kind not in ("no ids", "cut", "deep", "none")


class Relay:
    """Hands each request to the sandbox, and spoils the answers of some."""

    def __init__(self) -> None:
        self.spoils: list[Spoil] = []
        self.asked = 0
        odd_server().answer = self

    def __call__(self, asked: Asked) -> Answer:
        self.asked += 1
        spoil = next((spoil for spoil in self.spoils if spoil.number == self.asked), None)
        if spoil is None:
            return _send(asked)
        return spoil.change(_send(asked) if spoil.sent else Answer(200, b"{}"))

    @contextmanager
    def spoiling(self, spoils: list[Spoil]) -> Iterator[None]:
        """Spoil some of the answers to the calls inside."""
        self.asked, self.spoils = 0, spoils
        try:
            yield
        finally:
            self.spoils = []


def _send(asked: Asked) -> Answer:
    url = f"{practice_server().url}{asked.path}?{urlencode(asked.query)}"
    kept = {
        name: value
        for name, value in asked.headers.items()
        if name.lower() in ("authorization", "appid", "content-type")
    }
    try:
        request = urllib.request.Request(url, asked.body or None, kept, method=asked.method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return Answer(answer.status, answer.read(), {"Date": answer.headers["Date"]})
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read())


_NO_IDS = [True, False, None, "", [], ["a"], {}, {"id": "a"}]
_OTHER_IDS = [7, 0, -1, 10**30, 1.5, " ", "\ud800", "x" * 3000]


def _put_ids(value: Any, put: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: put if key in ("id", "unique_id") else _put_ids(inner, put)
            for key, inner in value.items()
        }
    return [_put_ids(inner, put) for inner in value] if isinstance(value, list) else value


def _change_json(change: Callable[[Any], Any]) -> Callable[[Answer], Answer]:
    def spoil(answer: Answer) -> Answer:
        body = json.dumps(change(json.loads(answer.body or "{}"))).replace("Infinity", "1e400")
        return Answer(answer.status, body.encode(), answer.headers)

    return spoil


_CHANGES: dict[str, st.SearchStrategy[Callable[[Answer], Answer]]] = {
    "no ids": st.sampled_from(_NO_IDS).map(lambda put: _change_json(partial(_put_ids, put=put))),
    "other ids": st.sampled_from(_OTHER_IDS).map(
        lambda put: _change_json(partial(_put_ids, put=put))
    ),
    "cells": odd.damage_json.map(_change_json),
    "bytes": odd.damage_bytes().map(
        lambda damage: lambda one: Answer(one.status, damage(one.body), one.headers)
    ),
    "headers": HEADERS.map(
        lambda headers: lambda one: Answer(one.status, one.body, one.headers | headers)
    ),
    "cut": st.integers(0, 200).map(
        lambda size: lambda one: Answer(one.status, one.body, one.headers, size)
    ),
    "deep": st.just(lambda one: Answer(one.status, b'{"data":' + b"[" * 50_000, one.headers)),
    "other": singles().map(lambda other: lambda _: other),
    "none": st.just(lambda _: Answer(0)),
}
_spoils = st.lists(
    st.sampled_from([*_CHANGES, "cells", "no ids"]).flatmap(
        lambda kind: st.builds(
            Spoil, st.integers(1, 12), st.booleans(), st.just(kind), _CHANGES[kind]
        )
    ),
    max_size=3,
    unique_by=lambda one: one.number,
)


_BRIEF: dict[str, Any] = {"choose_wait": lambda client: 0.05, "FIRST_LOOK": 0.01}


@contextmanager
def _run_surroundings(folder: Path) -> Iterator[oa.Client]:
    """A client with a tenant of four deals and a journal of its own, which waits for lost creates
    briefly."""
    tenant = practice_server().add_tenant(pd.DataFrame([row(n) for n in range(4)]))
    client = odd_server().client(folder / "pages", *tenant, concurrency=1)
    with (
        patch.dict(os.environ, XDG_STATE_HOME=str(folder / "state")),
        patch.multiple(engine, **_BRIEF),
        client,
    ):
        yield client


def _make_plan(client: oa.Client) -> oa.Plan:
    """An update, a clear, a delete and a create."""
    before = oa.load(client, progress=False)
    after = before.astype({"value": "object"}).iloc[:3]
    after.loc[0, "value"] = 7.5
    after.loc[1, "account_id"] = None
    return oa.plan(
        before,
        pd.concat([after, pd.DataFrame([{"name": "Made", "value": 3, "stage": "proposal"}])]),
    )


_ALL: dict[str, Any] = {"clear_nulls": True, "allow_delete": True, "progress": False}


def _write(findings: Findings, given: tuple[list[Spoil], list[Spoil], list[Spoil]]) -> None:
    """Apply, resume and undo with odd answers.

    With sound answers nothing may be left to do. Unless the server lied, no create was carried out
    twice, and undo leads back to what was.
    """
    to_apply, to_resume, to_undo = given
    lies = any(spoil.lies for spoil in to_apply + to_resume)
    relay = Relay()
    with tempfile.TemporaryDirectory() as folder, _run_surroundings(Path(folder)) as client:
        plan = _make_plan(client)
        with relay.spoiling(to_apply), findings.call(f"apply with {to_apply}"):
            oa.apply(plan, client, **_ALL)
        with relay.spoiling(to_resume), findings.call(f"resume with {to_resume} after {to_apply}"):
            oa.resume(client, progress=False)
        with findings.call(f"sound answers after {given}"):
            oa.resume(client, unknown="send", progress=False)
            left = oa.runs()[["pending", "unknown"]].sum().sum()
            assert not left, f"{left} changes are left after an honest resume"
            deals = client.list(1, 100).rows
            made = [deal["name"] for deal in deals].count("Made")
            assert lies or made <= 1, "a create was carried out twice"
        with relay.spoiling(to_undo), findings.call(f"undo with {to_undo}"):
            oa.undo(client)
        with findings.call(f"undo of all after {given}"):
            oa.apply(oa.undo(client), client, **_ALL)
            then, now = (
                _sort_rows(frame)
                for frame in (plan.before, oa.load(client, progress=False, max_age=0))
            )
            assert lies or then == now, (then, now)


def _sort_rows(frame: pd.DataFrame) -> list[Any]:
    rows = frame[["unique_id", "name", "value", "account_id"]].sort_values("unique_id")
    return rows.astype("object").where(rows.notna(), None).to_numpy().tolist()


def _apply_damaged(findings: Findings, damage: Callable[[Any], Any]) -> None:
    """Apply a saved plan that somebody changed."""
    Relay()
    with tempfile.TemporaryDirectory() as folder, _run_surroundings(Path(folder)) as client:
        file = _make_plan(client).save(Path(folder) / "plan.json")
        content = damage(json.loads(file.read_text()))
        file.write_text(json.dumps(content))
        with findings.call(f"apply of {str(content)[:1200]}"):
            oa.apply(oa.Plan.read(file), client, **_ALL)


# Journals


@cache
def _sound_journal() -> tuple[Path, tuple[str, str]]:
    """A folder with the journal of a finished and an unfinished run, and the tenant."""
    folder = scratch_folder("opp-fuzz-journal-")
    relay = Relay()
    with _run_surroundings(folder) as client:
        oa.apply(_make_plan(client), client, **_ALL)
        before = oa.load(client, progress=False, max_age=0)
        more = pd.DataFrame([{"name": "Lost", "value": 3, "stage": "proposal"}])
        plan = oa.plan(before, pd.concat([before.assign(value=99.0), more]))
        with relay.spoiling(
            [Spoil(number, True, "other", lambda _: Answer(500)) for number in range(3, 30)]
        ):
            oa.apply(plan, client, **_ALL)
        (file,) = (folder / "state").rglob("*.sqlite3")
        with closing(sqlite3.connect(file)) as journal:
            journal.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return file, (client.settings.token.reveal(), client.settings.api_key.reveal())


_CELLS = st.one_of(
    odd.texts,
    st.binary(max_size=6),
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.sampled_from(
        [
            "[]",
            "{}",
            "null",
            "1",
            '"x"',
            "[[1]]",
            '{"value": "x"}',
            '{"value": [1]}',
            "[" * 9000,
            '{"close_date": 1e400}',
            "1e400",
            "NaN",
        ]
    ),
)


def _read_odd_journal(findings: Findings, given: list[tuple[float, float, Any]]) -> None:
    file, tenant = _sound_journal()
    relay = Relay()
    with tempfile.TemporaryDirectory() as folder, _run_surroundings(Path(folder)):
        # Of the tenant whose journal it is, which changes little by little.
        client = odd_server().client(Path(folder) / "pages", *tenant, concurrency=1)
        copy = Path(folder) / "state" / file.relative_to(file.parents[2])
        copy.parent.mkdir(parents=True, mode=0o700)
        copy.write_bytes(file.read_bytes())
        with closing(sqlite3.connect(copy)) as journal:
            changed = [_put_cell(journal, *one) for one in given]
            journal.commit()
        asked: dict[str, Callable[[], Any]] = {
            "runs": oa.runs,
            "own_writes": lambda: oa.own_writes(client),
            "resume": lambda: oa.resume(client, progress=False),
            "undo": lambda: oa.undo(client).summary(),
            "apply": lambda: oa.apply(_make_plan(client), client, **_ALL),
        }
        for question, ask in asked.items():
            with relay.spoiling([]), findings.call(f"journal with {changed}: {question}"):
                ask()


def _put_cell(journal: sqlite3.Connection, which: float, line: float, put: Any) -> str:
    """Put a value into one cell of all tables; a name of the cell."""
    columns = [
        (table, column)
        for table in ("run", "step", "change")
        for _, column, *_ in journal.execute(f"PRAGMA table_info({table})")
    ]
    table, column = columns[int(which * len(columns))]
    keys = [name for _, name, *_, key in journal.execute(f"PRAGMA table_info({table})") if key]
    rows = journal.execute(f"SELECT {', '.join(keys)} FROM {table}").fetchall()
    place = rows[int(line * len(rows))]
    where = " AND ".join(f"{key} IS ?" for key in keys)
    try:
        journal.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (put, *place))
    except (sqlite3.Error, UnicodeError) as error:  # no such cell can be
        return str(error)
    return f"{table}.{column} = {put!r}"


TARGETS = {
    "runs": Target(_write, st.tuples(_spoils, _spoils, _spoils), 12),
    "damaged plans": Target(_apply_damaged, odd.damage_json, 12),
    "journal cells": Target(
        _read_odd_journal,
        st.lists(st.tuples(odd.which, odd.which, _CELLS), min_size=1, max_size=2),
        15,
    ),
}
