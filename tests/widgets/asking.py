"""A widget as its page meets it: messages in, answers out, and what is shown."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pandas as pd

import opp_analytics as oa
from opp_analytics.widgets import Explorer, Grid


def ask_all(widget: Grid | Explorer, message: Any) -> list[dict[str, Any]]:
    """All that a widget answers to a message of its page."""
    told: list[bytes] = []
    widget.send = lambda _, buffers: told.extend(buffers)
    widget._handle_msg(
        {"content": {"data": {"method": "custom", "content": message}}, "buffers": []}
    )
    return [read(each) for each in told]


def ask(widget: Grid | Explorer, **asked: Any) -> dict[str, Any]:
    """The one answer to a message."""
    [answer] = ask_all(widget, asked)
    return answer


def read(packed: bytes) -> dict[str, Any]:
    """What a widget sent, as a browser reads it: NaN is no JSON."""
    content: dict[str, Any] = json.loads(zlib.decompress(packed), parse_constant=_refuse)
    return content


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON: no browser reads it")


def read_panel(explorer: Explorer) -> dict[str, Any]:
    """What an explorer's page shows."""
    return read(explorer._shown)


def choose(explorer: Explorer, **state: Any) -> dict[str, Any]:
    """What an explorer's page shows once it has asked for a state."""
    answer = ask(explorer, do="choose", state=state)
    assert "error" not in answer, answer
    return read_panel(explorer)


def run_code(
    explorer: Explorer, opportunities: pd.DataFrame, history: oa.History | None = None, **more: Any
) -> dict[str, Any]:
    """What an explorer's copied code makes, by name."""
    given = {"explorer": explorer, "opportunities": opportunities, "history": history, **more}
    names = {"oa": oa, **given}
    exec(explorer.code, names)
    return names


def put(grid: Grid, *cells: tuple[int, str, str | None]) -> dict[str, Any]:
    """The answer to the last of some cells typed one by one."""
    for row, field, typed in cells:
        areas = [{"rows": [row], "fields": [field], "block": [[typed]]}]
        answer = ask(grid, do="edit", areas=areas)
    return answer
