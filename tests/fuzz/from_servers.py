"""Odd answers for everything that reads the API."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import opp_analytics as oa
from tests.fuzz import odd
from tests.fuzz.targets import Findings, Target
from tests.support import Answer, Asked, FakeServer, paged, row, serving

__all__ = ["TARGETS", "OddServer", "odd_server"]

_open = ExitStack()
"""The servers; they end with the process."""


class OddServer:
    """A server that answers as the current input says."""

    def __init__(self) -> None:
        self.answer: Callable[[Asked], Answer] = paged([])
        self.server: FakeServer = _open.enter_context(serving(lambda asked: self.answer(asked)))

    def client(
        self, folder: Path, token: str = "tok", api_key: str = "key", **options: Any
    ) -> oa.Client:
        """A client with a cache of its own."""
        return oa.Client(
            self.server.url, token, api_key, cache_dir=folder, retries=0, timeout=2, **options
        )


@cache
def odd_server() -> OddServer:
    """The one that all targets share."""
    return OddServer()


def close_servers() -> None:
    """End them."""
    _open.close()
    odd_server.cache_clear()


_attribute = st.one_of(odd.json_values, st.sampled_from([[], {}, [[1]], "\ud800"]))


@st.composite
def _listings(draw: st.DrawFn) -> bytes:
    """A page of up to four rows: a cell or two odd, or the whole document damaged."""
    rows = [row(n) for n in range(draw(st.integers(0, 4)))]
    for _ in range(draw(st.integers(0, 2))):
        if rows:
            held = draw(st.sampled_from(rows))
            held[draw(st.sampled_from([*held, "further", "id", ""]))] = draw(_attribute)
    document: Any = {
        "data": [{"id": r.get("unique_id"), "type": "opportunity", "attributes": r} for r in rows],
        "meta": {"totalRecords": draw(st.one_of(*[st.just(len(rows))] * 4, odd.json_values))},
    }
    if draw(st.integers(0, 3)) == 0:
        document = draw(odd.damage_json)(document)
    content = json.dumps(document).replace("Infinity", "1e400").encode()
    return draw(odd.damage_bytes())(content) if draw(st.integers(0, 9)) == 0 else content


_HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Location",
            "Retry-After",
            "ETag",
            "Date",
            "Content-Type",
            "Content-Encoding",
            "Last-Modified",
            "Set-Cookie",
            "Cache-Control",
            "Content-Length",
            "Transfer-Encoding",
        ]
    ),
    st.sampled_from(
        [
            "",
            "x",
            "http://[bad",
            "//",
            "-1",
            "1e400",
            "0",
            "Thu, 99 Foo 9999 99:99:99 GMT",
            "gzip",
            "application/json; charset=nonsense",
            "\xff",
            "max-age=99999999999999999999",
            "http://127.0.0.1:1/\ud800".encode("ascii", "replace").decode(),
            "a=b; Expires=never",
            "br",
            '"',
        ]
    ),
    max_size=2,
)
_STATUS = st.sampled_from(
    [
        200,
        200,
        200,
        200,
        201,
        204,
        206,
        301,
        302,
        304,
        307,
        400,
        401,
        403,
        404,
        405,
        409,
        422,
        429,
        500,
        503,
        599,
        999,
    ]
)


def _answers() -> st.SearchStrategy[Answer]:
    return st.builds(
        Answer, _STATUS, _listings(), _HEADERS, st.one_of(st.none(), st.none(), st.integers(0, 50))
    )


def _once_each(answers: list[Answer]) -> Callable[[Asked], Answer]:
    """The answers one after the other, then an empty page."""
    waiting = list(answers)
    return lambda asked: (
        waiting.pop(0) if waiting else Answer(200, b'{"data": [], "meta": {"totalRecords": 0}}')
    )


def _load(findings: Findings, given: tuple[bytes, list[Answer], dict[str, Any]]) -> None:
    body, answers, options = given
    server = odd_server()
    server.answer = _once_each(answers) if answers else lambda asked: Answer(200, body)
    with (
        tempfile.TemporaryDirectory() as folder,
        findings.call(f"load({options}) of {answers or body[:500]!r}"),
    ):
        oa.load(server.client(Path(folder)), progress=False, **options)


_CALLS: dict[str, Callable[[oa.Client], Any]] = {
    "list": lambda client: client.list(),
    "get": lambda client: client.get("a"),
    "create": lambda client: client.create(name="a"),
    "update": lambda client: client.update("a", value=1),
    "delete": lambda client: client.delete("a"),
    "recover": lambda client: client.recover("a"),
    "search": lambda client: client.search("a"),
    "list_deleted": lambda client: client.list_deleted(),
}


@st.composite
def _singles(draw: st.DrawFn) -> Answer:
    document = {
        "data": {
            "id": "a",
            "type": "opportunity",
            "attributes": row(1),
            "relationships": {"account": {"data": {"id": "A"}}},
        }
    }
    problem = {
        "errors": [
            {
                "status": "422",
                "code": "invalid",
                "title": "No",
                "detail": "no",
                "source": {"pointer": "/opportunity/x"},
            }
        ]
    }
    content = json.dumps(draw(odd.damage_json)(draw(st.sampled_from([document, problem])))).encode()
    return Answer(draw(_STATUS), content, draw(_HEADERS))


def _call(findings: Findings, given: tuple[str, Answer]) -> None:
    name, answer = given
    server = odd_server()
    server.answer = lambda asked: answer
    with (
        tempfile.TemporaryDirectory() as folder,
        findings.call(f"{name} answered {answer!r}"[:1500]),
    ):
        _CALLS[name](server.client(Path(folder)))


_OPTIONS = st.sampled_from(
    [{}, {"deleted": True}, {"limit": 3}, {"page_size": 2}, {"refresh": "changes"}]
)

TARGETS = {
    "load": Target(
        _load,
        st.tuples(_listings(), st.one_of(st.just([]), st.lists(_answers(), max_size=4)), _OPTIONS),
        150,
    ),
    "client": Target(_call, st.tuples(st.sampled_from(list(_CALLS)), _singles()), 200),
}
