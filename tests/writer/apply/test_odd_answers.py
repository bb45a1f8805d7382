"""One odd answer to any call of a run: the run goes on, says what became of each step, and can be
finished."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opp_analytics import org
from opp_analytics.api import Client
from opp_analytics.errors import OppAnalyticsError
from opp_analytics.writer import Plan, Receipt, apply, own_writes, plan, resume, runs, undo
from opp_analytics.writer.apply import engine
from tests.support import Answer, Asked, as_json, client_of, paged, row, serving

pytestmark = pytest.mark.slow

READS = ("list", "read", "trash")
CALLS = (*READS, "post", "put", "delete", "recover")
CELLS = (True, [], {"a": 1}, "", "odd", 1.5, 10**400, None, "2026-99-99", "\0")


class Stock:
    """Four opportunities that can be written to; one answer to one kind of call is made odd."""

    def __init__(self) -> None:
        self.rows = {f"o{n}": row(n, unique_id=f"o{n}") for n in range(4)}
        self.trash: dict[str, Any] = {}
        self.odd: tuple[str, Callable[[Answer], Answer]] | None = None
        self.writes = 0

    def __call__(self, asked: Asked) -> Answer:
        *_, place, last = asked.path.rstrip("/").split("/")
        call = {"POST": "post", "PUT": "put", "DELETE": "delete"}.get(asked.method, "read")
        if call == "read" and last in ("opportunities", "show"):
            call = "list" if last == "opportunities" else "trash"
            answer = paged([*self.rows.values()], [*self.trash.values()])(asked)
        elif last == "recover":
            call, answer = last, self.change(last, place, b"{}")
        else:
            answer = self.change(call, last, asked.body)
        if self.odd is not None and self.odd[0] == call:
            odd, self.odd = self.odd[1], None
            return odd(answer)
        return answer

    def change(self, call: str, unique_id: str, body: bytes) -> Answer:
        self.writes += call != "read"
        stamp = f"2026-03-01T00:00:{self.writes:02d}Z"
        if call == "post":
            unique_id = f"n{self.writes}"
            self.rows[unique_id] = row(9, unique_id=unique_id, created_at=stamp)
        elif call == "recover":
            self.rows |= {unique_id: self.trash.pop(unique_id)} if unique_id in self.trash else {}
        if unique_id not in self.rows:
            return as_json({"errors": [{"detail": "no such opportunity"}]}, 404)
        if call == "delete":
            self.trash[unique_id] = self.rows.pop(unique_id)
            return Answer(204)
        fields = json.loads(body)["opportunity"] if call in ("post", "put") else {}
        self.rows[unique_id] |= fields | ({} if call == "read" else {"updated_at": stamp})
        return as_json({"data": {"id": unique_id, "attributes": self.rows[unique_id]}})


def replaced(
    body: bytes, status: int = 200, kind: str = "application/json"
) -> Callable[[Answer], Answer]:
    return lambda answer: Answer(status, body, {"Content-Type": kind})


def with_cell(name: str, cell: Any) -> Callable[[Answer], Answer]:
    """The answer, in which every opportunity has an odd cell."""

    def alter(answer: Answer) -> Answer:
        if not answer.body:
            return answer
        document = json.loads(answer.body)
        data = document.get("data") or []
        for resource in data if isinstance(data, list) else [data]:
            resource["attributes"][name] = cell
        return as_json(document, answer.status)

    return alter


ODD: dict[str, Callable[[Answer], Answer]] = {
    **{
        f"body {body!r}": replaced(body)
        for body in (b"", b"null", b"[]", b'{"data": {}}', b'{"data": []}')
    },
    "another": replaced(b'{"data": {"id": "other", "attributes": {}}}'),
    "page": replaced(b"<html>", kind="text/html"),
    **{f"status {code}": replaced(b"{}", code) for code in (204, 304, 404, 409, 503)},
    "nothing": lambda answer: Answer(0),
    **{
        f"{name} {cell!r:.20}": with_cell(name, cell)
        for turn, name in enumerate(("unique_id", "created_at", "updated_at", "value", "stage"))
        for cell in CELLS[turn::5]
    },
}


def edits() -> Plan:
    before = org.conform(
        pd.DataFrame([row(n, unique_id=f"o{n}") for n in range(4)], dtype="object")
    )
    after = before.iloc[:3].assign(value=[5.0, *before["value"][1:3]])
    return plan(
        before,
        pd.concat([after, pd.DataFrame({"name": ["New"], "value": [7.0]})], ignore_index=True),
    )


def finish(receipt: Receipt, client: Client) -> None:
    """Resume until nothing is left, and check what is said on the way."""
    for _ in range(3):
        told = receipt.table
        assert told["error"].notna()[told["outcome"].isin(["failed", "unknown", "conflict"])].all()
        created = told[(told["operation"] == "create") & (told["outcome"] == "applied")]
        assert created["unique_id"].notna().all()
        assert receipt.summary()
        if not receipt.resumable:
            break
        receipt = resume(client, progress=False)
    assert not receipt.resumable, receipt.summary()
    assert runs()["state"].eq("finished").all()
    own_writes(client)


@pytest.mark.parametrize("call", CALLS)
def test_apply__goes_on_after_any_odd_answer_to_a(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing that it was sent is carried out later.
    monkeypatch.setattr(engine, "choose_wait", lambda client: 0.05)
    monkeypatch.setattr(engine, "FIRST_LOOK", 0.01)
    chosen = [*ODD.items()]
    # What is only read is decoded by the same lines, so these share the answers.
    if call in READS:
        chosen = chosen[READS.index(call) :: len(READS)]
    for number, (name, odd) in enumerate(chosen):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / f"state {number}"))
        stock = Stock()
        with (
            serving(stock) as server,
            client_of(server, tmp_path, retries=0, timeout=0.5) as client,
        ):
            undoes = call in ("recover", "trash")
            if undoes:
                finish(apply(edits(), client, allow_delete=True), client)
            stock.odd = call, odd
            try:
                receipt = apply(undo(client) if undoes else edits(), client, allow_delete=True)
            except OppAnalyticsError:  # before the first write
                assert stock.writes == 3 * undoes
                receipt = apply(undo(client) if undoes else edits(), client, allow_delete=True)
            stock.odd = None
            finish(receipt, client)
            copies = [held for held in stock.rows.values() if held["name"] == "New"]
            refused = receipt.table["outcome"].isin(["failed", "conflict"]).any()
            assert len(copies) == (0 if undoes else 1) or (refused and len(copies) < 2), name
            undo(client)
