"""A session of the SDK's own client with the server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opp_analytics.tools import Calculator, Pipeline
from opp_analytics.tools.server import make_server
from tests.tools.world import DEALS, HISTORY

pytest.importorskip("mcp")


def test_session__lists_tools_answers_and_says_failed(tmp_path: Path) -> None:
    import anyio
    from mcp import Client

    def read(as_of: str | None) -> Pipeline:
        if as_of == "2000-01-01":
            raise RuntimeError("a secret of the inside")
        return Pipeline(DEALS, HISTORY, None)

    async def talk() -> list[Any]:
        async with Client(make_server(Calculator(read, tmp_path))) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            found = await client.call_tool("find", {"text": "", "most": 1})
            wrong = await client.call_tool("find", {"text": 7})
            failed = await client.call_tool("find", {"text": "", "as_of": "2000-01-01"})
            return [names, found, wrong, failed]

    names, found, wrong, failed = anyio.run(talk)
    assert len(names) == 13
    assert len(json.loads(found.content[0].text)["rows"]) == 1
    assert wrong.is_error
    assert failed.is_error
    assert failed.content[0].text == "failed; the log of the server has the reason"
