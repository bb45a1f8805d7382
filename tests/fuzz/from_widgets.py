"""Odd messages for the grid and the explorer, as a broken page would send them."""

from __future__ import annotations

import logging
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.answers import CATALOG
from opp_analytics.widgets import Explorer, Grid
from opp_analytics.widgets.explorer.choice import PRESETS, Choice
from tests.fuzz import odd
from tests.fuzz.from_frames import sound
from tests.fuzz.targets import Findings, Target
from tests.widgets.asking import read
from tests.widgets.explorer.pipelines import DAYS, OWNERS, record, states

__all__ = ["EXPLORER", "GRID", "TARGETS"]

_AREA = {
    "rows": [0, 2],
    "fields": ["value", "close_date"],
    "block": [["5", "12/31/2026"], [[1, "value"], None]],
}
_LAYOUT = {
    "order": ["name", "value"],
    "hidden": ["unique_id"],
    "widths": {"value": 90},
    "frozen": 1,
    "sort": [{"field": "value", "down": True}],
    "filters": {"value": {"text": "> 5", "list": ["5", ""], "but": True}},
}
_DRAFT = "(the newest)"
"""Stands for a name that only the grid knows."""
GRID: list[dict[str, Any]] = [
    {"do": "edit", "areas": [_AREA], "label": "Pasted {cells}"},
    {
        "do": "edit",
        "areas": [{"rows": [1], "fields": ["stage"], "block": [["closed won"]]}],
        "label": "",
    },
    {
        "do": "edit",
        "areas": [{"rows": [1], "fields": ["probability"], "block": [["60"]]}],
        "label": "",
    },
    {"do": "edit", "areas": [{"rows": [0], "fields": ["name"], "block": [["Acme"]]}], "label": ""},
    {"do": "revert", "areas": [{"rows": [0, 1], "fields": ["value", "name"]}]},
    {"do": "dismiss", "areas": [{"rows": [0], "fields": ["value"]}]},
    {"do": "bulk", "rows": [0, 1], "verb": "move", "field": "close_date", "text": "+7d"},
    {"do": "bulk", "rows": [0, 1], "verb": "month_end", "field": "close_date", "text": ""},
    {"do": "bulk", "rows": [0, 1], "verb": "set", "field": "owner_name", "text": "Bo"},
    {"do": "remove", "rows": [0, 1]},
    {"do": "choose", "row": 0, "field": "value", "keep": "mine"},
    {"do": "judge", "cells": [["value", "45k"], ["stage", "won"]]},
    {"do": "operands", "cells": [["close_date", "12/31"], ["value", "20k"]]},
    {"do": "preview", "rows": [0, 1], "verb": "append", "field": "name", "text": " (2027)"},
    {"do": "duplicate", "rows": [1]},
    {"do": "history", "row": 0, "field": "value"},
    {"do": "layout", "layout": _LAYOUT},
    {
        "do": "take",
        "changes": [
            ["o1", "Acme", "value", "100", "45k"],
            ["new 1", "", "(deal)", "", "added"],
            ["new 1", "", "stage", "", "won"],
        ],
    },
    {"do": "take draft", "draft": _DRAFT},
    {"do": "drop draft", "draft": _DRAFT},
    *(
        {"do": what}
        for what in (
            "add",
            "undo",
            "redo",
            "agree",
            "state",
            "strip",
            "problems",
            "review",
            "receipt",
            "check",
        )
    ),
    *({"do": what} for what in ("apply", "undo run", "keep")),
    {"do": "part", "part": 0, "parts": 2, "text": '{"do": "undo"'},
]
_TRAITS = {
    "_layout": _LAYOUT,
    "_columns": [],
    "_height": 400,
    "_today": "2026-06-01",
    "_about": {},
    "_shown": "",
}
_STATE: dict[str, Any] = {
    "part": "Ann",
    "where": {"region": ["East"], "owner_name": ["Ann", None, OWNERS[2]]},
    "close": "this month",
    "picked": ["d00", "d01", "d02", "d05"],
    "by": "region",
    "freq": "Q",
    "since": DAYS[0],
    "start": "2026-01-01",
    "planned": True,
}
EXPLORER: list[dict[str, Any]] = [
    *({"do": "choose", "state": {"question": key, **_STATE}} for key in CATALOG),
    *({"do": "choose", "state": {"question": "deals", "close": word}} for word in PRESETS),
    {"do": "choose", "state": {"first": "2026-01-01", "last": "2026-12-31"}},
]
EXPLORER += [
    {"do": "open", "table": 0, "row": 0},
    {"do": "deal", "table": 0, "row": 0, "deal": 0},
    {"do": "pick", "text": "d01, Deal 3 'x'\nnobody"},
    {"do": "edit", "table": 0, "row": 0},
    {"do": "save"},
    {"do": "keep"},
    {"do": "part", "part": 0, "parts": 1, "text": '{"do": "save"}'},
] * 3


@st.composite
def _messages(draw: st.DrawFn, kinds: list[dict[str, Any]]) -> tuple[str, Any]:
    """A message, or a change of state, in which one or two places hold something else, or
    nothing."""
    chance = draw(st.integers(0, 39))
    if chance == 0:
        return "custom", draw(odd.json_values)
    if chance < 4:
        return "update", draw(odd.damage_json)(_TRAITS)
    sound = draw(st.sampled_from(kinds))
    if chance < 8:
        return "custom", draw(odd.damage_json)(sound | {"from": "view/1"})
    # What a kind of message holds is damaged more often than its frame.
    damaged = draw(odd.damage_json)({name: value for name, value in sound.items() if name != "do"})
    return "custom", {
        "do": sound["do"],
        "from": "view/1",
        **(damaged if isinstance(damaged, dict) else {"more": damaged}),
    }


class _Raised(logging.Handler):
    """Raises what a widget answers as an error that is not ours."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.errors.append(record.exc_info[1])


def _send(widget: Grid | Explorer, method: str, content: Any) -> list[dict[str, Any]]:
    """Give a widget a message of its page; the answers."""
    told: list[bytes] = []
    widget.send = lambda _, buffers: told.extend(buffers)
    raised, logger = _Raised(), logging.getLogger("opp_analytics")
    logger.addHandler(raised)
    try:
        if method == "custom":
            widget._receive(widget, content, [])
        elif isinstance(content, dict):
            widget.set_state(content)
    finally:
        logger.removeHandler(raised)
    for error in raised.errors:
        raise error
    return [read(each) for each in told]


def _is_part(content: Any) -> bool:
    """Whether a message is the sound first part of a large one, to which more must come."""
    return isinstance(content, dict) and content.get("do") == "part" and content.get("part") == 0


def _deals() -> pd.DataFrame:
    return sound().assign(seats=[1, 2, 3, 4, 5, 6], hot=True)


@cache
def _grid() -> Grid:
    """A grid with a history, and the draft of one that is gone."""
    history = oa.History(Path(tempfile.mkdtemp()))
    history.record(_deals(), at="2026-05-01T08:00Z")
    left = oa.edit(_deals(), as_of="2026-06-01")
    _send(left, "custom", GRID[0])
    return oa.edit(_deals(), history=history, as_of="2026-06-01")


def _picture(grid: Grid) -> Any:
    sheet = grid._sheet
    names = (
        "_cells",
        "_on_server",
        "_added",
        "_removed",
        "_created",
        "_deleted",
        "_end",
        "_past",
        "_future",
    )
    return (
        {name: repr(getattr(sheet, name)) for name in names},
        grid._columns,
        grid._data,
        grid._height,
    )


def _tell_grid(findings: Findings, given: tuple[str, Any]) -> None:
    grid = _grid()
    if isinstance(given[1], dict) and given[1].get("draft") == _DRAFT:
        given = given[0], given[1] | {"draft": grid._drafts[0]["draft"]}
    before = _picture(grid)
    with findings.call(f"grid {given}"):
        answers = _send(grid, *given)
        assert answers or given[0] == "update" or _is_part(given[1]), "silent"
        refused = [answer["error"] for answer in answers if "error" in answer]
        findings.refused += bool(refused)
        assert not any("Traceback" in error or len(error) > 2000 for error in refused), "unreadable"
        if refused:
            assert _picture(grid) == before, "half done"
    with findings.call(f"edit after {given}"):
        _probe_grid(grid)
        while grid._sheet.undo().cells or grid._sheet.step_labels[0]:
            pass
        grid._sheet.forget_steps()
        assert grid.edited.equals(_unedited()) if grid._sheet.end == 6 else grid.edited is not None
    if grid._sheet._cells or grid._sheet._end > 50 or grid._sheet._removed or not grid._kept:
        _grid.cache_clear()


@cache
def _unedited() -> pd.DataFrame:
    return oa.edit(_deals(), as_of="2026-06-01").edited


def _probe_grid(grid: Grid) -> None:
    """Edit a cell as a person does next."""
    area = {"rows": [3], "fields": ["value"], "block": [["1234.5"]]}
    *_, answer = _send(
        grid, "custom", {"do": "edit", "areas": [area], "label": "", "from": "view/2"}
    )
    assert answer.get("cells"), answer
    assert grid._sheet.value(3, "value") == 1234.5
    *_, undone = _send(grid, "custom", {"do": "undo", "from": "view/3"})
    assert undone.get("cells"), undone
    *_, strip = _send(grid, "custom", {"do": "strip", "from": "view/4"})
    assert "strip" in strip, strip


@cache
def _explorer(recorded: bool) -> Explorer:
    frames, folder = states(12), Path(tempfile.mkdtemp())
    history = record(frames, folder / "history") if recorded else None
    return oa.explore(frames[-1], history, as_of=DAYS[-1])


def _tell_explorer(findings: Findings, given_message: tuple[bool, tuple[str, Any]]) -> None:
    recorded, given = given_message
    explorer = _explorer(recorded)
    before = explorer.state, explorer._shown, explorer.code, explorer._about
    with findings.call(f"explorer {given}"):
        answers = _send(explorer, *given)
        assert answers or given[0] == "update" or _is_part(given[1]), "silent"
        refused = [answer["error"] for answer in answers if "error" in answer]
        findings.refused += bool(refused)
        if refused or given[0] == "update":
            assert (explorer.state, explorer._shown, explorer.code, explorer._about) == before, (
                "half done"
            )
    with findings.call(f"save after {given}"):
        *_, answer = _send(explorer, "custom", {"do": "save", "from": "view/2"})
        assert "html" in answer, answer
        if explorer.state != before[0]:
            explorer._choose(Choice())


_few = st.integers(0, 5).map(lambda chance: chance == 5)  # answers from a history take their time
TARGETS = {
    "grid messages": Target(_tell_grid, _messages(GRID), 60),
    "explorer messages": Target(_tell_explorer, st.tuples(_few, _messages(EXPLORER)), 60),
}
