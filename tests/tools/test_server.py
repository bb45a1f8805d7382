"""A session of the SDK's own client with the server, and hostile ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from opp_analytics import tools
from opp_analytics.answers import CATALOG
from opp_analytics.tools import Calculator, Pipeline
from opp_analytics.tools.calculator import TOOLS
from opp_analytics.tools.server import make_server
from tests.tools.world import DEALS, HISTORY

pytest.importorskip("mcp")


def test_skill__lists_every_question_that_has_a_tool() -> None:
    skill = (Path(tools.__file__).parent / "SKILL.md").read_text()
    keys = [key for key, one in CATALOG.items() if one.has_tool]
    assert [key for key in keys if f"| `{key}` | `opp-analytics " not in skill] == []


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
    assert names == [*TOOLS]
    assert len(json.loads(found.content[0].text)["rows"]) == 1
    assert wrong.is_error
    assert failed.is_error
    assert failed.content[0].text == "failed; the log of the server has the reason"


@pytest.mark.slow
@pytest.mark.posix
def test_campaign__nothing_is_written_without_the_word_and_nothing_twice() -> None:
    """See `tests.tools.campaign`, in a process of its own because it forks."""
    command = [sys.executable, "-m", "tests.tools.campaign", "10", "3"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "1 approved: written 0, not refused 0, lost 0, long 0, raw 0, secrets 0, controls 0" in (
        said.stdout
    ), said.stdout + said.stderr
