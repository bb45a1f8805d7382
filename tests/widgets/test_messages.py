"""The door of the widgets: every message is answered, a wrong one changes nothing, a large one
comes in parts."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

import opp_analytics as oa
from opp_analytics.widgets import Explorer, Grid
from tests.widgets.asking import ask_all, read
from tests.writer.frames import opportunities


@pytest.fixture
def grid(tmp_path, monkeypatch) -> Grid:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return oa.edit(opportunities(3), as_of="2026-06-01")


@pytest.fixture
def explorer() -> Explorer:
    return oa.explore(opportunities(3), as_of="2026-06-01")


def areas(**more: Any) -> list[dict[str, Any]]:
    return [{"rows": [0], "fields": ["value"], "block": [["5"]]} | more]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (None, "Expected `object`, got `null`"),
        ({}, "None is not one of"),
        ({"do": "delete all"}, "'delete all' is not one of"),
        ({"do": "remove"}, "Object missing required field `rows`"),
        ({"do": "remove", "rows": [0, "1"]}, "'1' is not a row of the grid - at `$.rows[1]`"),
        ({"do": "remove", "rows": [True]}, "True is not a row of the grid"),
        ({"do": "remove", "rows": [0], "sure": True}, "unknown field `sure`"),
        (
            {"do": "edit", "areas": areas(rows=[-1])},
            "-1 is not a row of the grid - at `$.areas[0].rows[0]`",
        ),
        ({"do": "edit", "areas": areas(fields=["worth"])}, "'worth' is not a column of the grid"),
        ({"do": "edit", "areas": areas(block=[])}, "length >= 1 - at `$.areas[0].block`"),
        (
            {"do": "edit", "areas": areas(block=[[7]])},
            "Expected `str | array | null`, got `int` - at `$.areas[0].block[0][0]`",
        ),
        ({"do": "edit", "areas": areas(block=[[[9, "value"]]])}, "9 is not a row of the grid"),
        ({"do": "edit", "areas": areas(block=[["x" * 100_001]])}, "length <= 100000"),
        (
            {"do": "bulk", "rows": [0], "verb": "burn", "field": "value", "text": ""},
            "Invalid enum value 'burn' - at `$.verb`",
        ),
        (
            {"do": "choose", "row": 0, "field": "value", "keep": "mine"},
            "This cell has no conflict by now.",
        ),
    ],
)
def test_grid__a_wrong_message_is_answered_and_changes_nothing(
    grid: Grid, message: Any, words: str
) -> None:
    before = grid.edited
    [answer] = ask_all(grid, message)
    assert words in answer["error"]
    assert grid.edited.equals(before)
    # The grid goes on: removing rows by their text left it raising at every later edit.
    [answer] = ask_all(grid, {"do": "edit", "areas": areas()})
    assert answer["said"].startswith("Value set to 5")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"do": "choose"}, "Object missing required field `state`"),
        ({"do": "choose", "state": {"question": "x"}}, "state['question']='x' is unknown"),
        (
            {"do": "choose", "state": {"by": "no such"}},
            "the table of deals has no column 'no such'",
        ),
        (
            {"do": "choose", "state": {"first": "soon"}},
            "“soon” is not a date or period. Try 12/31/2026",
        ),
        (
            {"do": "choose", "state": {"part": "a\ud800"}},
            "state holds half of a character; type its text again",
        ),
        ({"do": "open", "table": 0, "row": 99}, "This row is no longer there; open it again."),
        ({"do": "open", "table": -1, "row": 0}, "Expected `int` >= 0 - at `$.table`"),
        ({"do": "deal", "table": 0, "row": "a"}, "Expected `int`, got `str` - at `$.row`"),
        ({"do": "csv"}, "'csv' is not one of"),
    ],
)
def test_explorer__a_wrong_message_is_answered_and_changes_nothing(
    explorer: Explorer, message: Any, words: str
) -> None:
    before = explorer.state, explorer.code, explorer._shown
    [answer] = ask_all(explorer, message)
    assert words in answer["error"]
    assert (explorer.state, explorer.code, explorer._shown) == before
    [answer] = ask_all(explorer, {"do": "choose", "state": {"question": "stages"}})
    assert answer["chosen"]


def test_failure__of_any_kind_is_answered_logged_and_leaves_the_grid_as_it_was(
    grid: Grid, monkeypatch, caplog
) -> None:
    ask_all(grid, {"do": "edit", "areas": areas(), "from": "view/0"})

    def fail(*_: object) -> bool:
        raise RuntimeError("out of luck")

    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR, "opp_analytics"):
        broken.setattr("opp_analytics.widgets.grid.sheet.EditSheet.is_open", fail)
        [answer] = ask_all(
            grid,
            {"do": "bulk", "rows": [0, 1], "verb": "set", "field": "stage", "text": "proposal"},
        )
        assert answer.get("error") is None  # no stage changed, so nothing asked
        [answer] = ask_all(
            grid,
            {
                "do": "bulk",
                "rows": [0, 1],
                "verb": "set",
                "field": "stage",
                "text": "closed won",
                "from": "view/1",
            },
        )
    assert answer == {
        "to": "view/1",
        "error": (
            "This failed in Python (RuntimeError: out of luck). Nothing was changed. The log has "
            "the traceback."
        ),
    }
    assert "in fail" in caplog.text
    assert grid.changes["field"].tolist() == ["value"]
    [answer] = ask_all(grid, {"do": "undo"})
    assert answer["said"] == "Undone: Value set to 5"


def test_failure__by_an_interrupt_is_answered_and_goes_on(grid: Grid, monkeypatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("opp_analytics.widgets.grid.sheet.EditSheet.edit", interrupt)
    told: list[bytes] = []
    grid.send = lambda _, buffers: told.extend(buffers)
    with pytest.raises(KeyboardInterrupt):
        grid._receive(grid, {"do": "edit", "areas": areas()}, [])
    assert "KeyboardInterrupt" in read(told[0])["error"]


def test_failure__of_an_answer_that_no_browser_reads_is_one_in_words(
    grid: Grid, monkeypatch
) -> None:
    monkeypatch.setattr(
        "opp_analytics.widgets.grid.sheet.GridColumn.encode", lambda *_: float("nan")
    )
    [answer] = ask_all(grid, {"do": "edit", "areas": areas()})
    assert "Nothing was changed" in answer["error"]
    assert grid.changes.empty


def test_state__that_the_page_sets_goes_through_the_door_only(
    grid: Grid, explorer: Explorer
) -> None:
    for widget, trait in (
        (grid, "_layout"),
        (grid, "_height"),
        (grid, "_columns"),
        (explorer, "_shown"),
    ):
        before = getattr(widget, trait)
        widget._handle_msg(
            {
                "content": {"data": {"method": "update", "state": {trait: {"order": 5}}}},
                "buffers": [],
            }
        )
        assert getattr(widget, trait) == before
    layout = {
        "order": ["name", "value"],
        "hidden": [],
        "widths": {"value": 90},
        "filters": {},
    }
    asked = {"do": "layout", "layout": {**layout, "sort": None}}
    assert ask_all(grid, asked) == [{"to": None, "kept": True}]
    assert grid.state == layout


def parts(message: dict[str, Any], size: int = 40) -> list[dict[str, Any]]:
    """A message as the page sends it when it is large."""
    text = json.dumps(message, ensure_ascii=False)
    texts = [text[at : at + size] for at in range(0, len(text), size)]
    more = {"do": "part", "parts": len(texts), "from": message["from"]}
    return [{"part": part, "text": each, **more} for part, each in enumerate(texts)]


def test_parts__are_joined_to_one_edit_with_one_undo(grid: Grid) -> None:
    block = [["Ä 😀", "10"], ["two\nlines", "20"], ["c", "x"]]
    area = {"rows": [0, 1, 2], "fields": ["name", "value"], "block": block}
    message = {"do": "edit", "areas": [area], "label": "Pasted {cells}", "from": "view/7"}
    *first, last = parts(message)
    assert [ask_all(grid, each) for each in first] == [[] for _ in first]
    assert grid.changes.empty
    [answer] = ask_all(grid, last)
    assert answer["to"] == "view/7"
    assert answer["said"].startswith("Pasted 5 cells · 1 refused")
    assert grid.edited["name"].tolist() == ["Ä 😀", "two\nlines", "c"]
    [answer] = ask_all(grid, {"do": "undo"})
    assert answer["undo"] == ""
    assert grid.changes.empty


def test_parts__one_that_is_missing_is_told_and_nothing_of_it_is_done(grid: Grid) -> None:
    sent = parts({"do": "edit", "areas": areas(), "label": "x" * 100, "from": "view/1"})
    inner = parts({"do": "part", "part": 0, "parts": 2, "text": "{", "from": "view/0"}, 1000)
    assert "not one of" in ask_all(grid, inner[0])[0]["error"]
    lost = "A part of a large edit was lost on the way, so nothing of it was done. Do it again."
    assert ask_all(grid, sent[0]) == []
    # In the middle, and then all that come late.
    assert [ask_all(grid, each) for each in sent[2:]] == [[{"to": "view/1", "error": lost}]] * len(
        sent[2:]
    )
    # At the end: the next message of the view shows it. Another view's does not.
    for each in sent[:-1]:
        assert ask_all(grid, each) == []
    assert [each["to"] for each in ask_all(grid, {"do": "state", "from": "other/1"})] == ["other/1"]
    told = ask_all(grid, {"do": "state", "from": "view/2"})
    assert told[0] == {"to": "view/1", "error": lost}
    assert told[1]["to"] == "view/2"
    assert grid.changes.empty
    for each in sent[:-1]:
        ask_all(grid, each)
    assert ask_all(grid, sent[-1])[0]["counts"]["changes"] == 1


def test_review__of_nothing_is_answered_in_words(grid: Grid) -> None:
    [answer] = ask_all(grid, {"do": "review"})
    assert answer["drawer"]["nothing"] == "Nothing is changed, so there is nothing to review."
    ask_all(grid, {"do": "edit", "areas": areas(block=[["x"]])})
    [answer] = ask_all(grid, {"do": "review"})
    assert (answer["drawer"]["nothing"], answer["drawer"]["problem_count"]) == ("", 1)


def test_operands__of_a_range_are_read_in_a_grid_without_deals() -> None:
    [answer] = ask_all(
        oa.edit(opportunities(1).iloc[:0]),
        {"do": "operands", "cells": [["value", "10k"], ["value", "20k"]]},
    )
    assert answer["judged"] == [[[10_000.0, 10_000.0], ""], [[20_000.0, 20_000.0], ""]]
