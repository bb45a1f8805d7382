"""The tools' answers are those of the Python call, in few words, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import opp_analytics as oa
from opp_analytics.answers import CATALOG
from opp_analytics.errors import OppAnalyticsError
from opp_analytics.tools import Calculator, Pipeline, count_tokens
from opp_analytics.tools.calculator import MOST_TOKENS, TOOLS
from opp_analytics.tools.server import INSTRUCTIONS
from tests.tools.world import DEALS, HISTORY

OWNER = str(DEALS["owner_name"].iloc[0])
FORTY = [
    (key, given)
    for key in CATALOG
    if key in TOOLS
    for given in (
        {},
        {"part": OWNER},
        {"freq": "Q"},
        {"as_of": "2026-08-20"},
    )
    if set(given) - {"as_of"} <= set(TOOLS[key].takes)
]


@pytest.fixture
def calculator(tmp_path: Path) -> Calculator:
    return Calculator(lambda _: Pipeline(DEALS, HISTORY, None), tmp_path / "plans")


@pytest.mark.slow
@pytest.mark.parametrize(("key", "given"), FORTY)
def test_answer__is_the_python_call_s(
    key: str, given: dict[str, Any], calculator: Calculator
) -> None:
    said = calculator.answer(key, given, "a test")
    found = json.loads(said)
    whole = oa.ask(key, DEALS, HISTORY, **given).to_dict(most=max(len(found["rows"]), 1))
    for name in ("sentence", "as_of", "range", "figures", "rows", "rows_total", "method"):
        assert found[name] == json.loads(json.dumps(whole[name], default=str))
    assert found["as_of"]
    assert count_tokens(said) <= MOST_TOKENS


def test_tools__take_few_words() -> None:
    listed = [
        {"name": name, "description": tool.words, "inputSchema": tool.schema}
        for name, tool in TOOLS.items()
    ]
    assert count_tokens(json.dumps(listed, separators=(",", ":")) + INSTRUCTIONS) <= 1500


def test_find_and_deal__list_ids_and_one_deal(calculator: Calculator) -> None:
    found = json.loads(calculator.answer("find", {"text": OWNER, "most": 2}, "a test"))
    assert len(found["rows"]) == 2
    assert found["more_after"] == found["rows"][-1]["id"]
    row = json.loads(calculator.answer("deal", {"id": found["rows"][0]["id"]}, "a test"))["rows"][0]
    assert row["value"] == found["rows"][0]["value"]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("apply", {}),
        ("find", {}),
        ("find", {"text": "x" * 10_000}),
        ("find", {"text": ["x"]}),
        ("find", {"text": "a", "most": 0}),
        ("find", {"text": "a", "after": "nobody"}),
        ("coverage", {"yes": True}),
        ("coverage", {"as_of": "yesterday"}),
        ("deal", {"id": "'; DROP TABLE run"}),
        ("propose_edits", {"edits": []}),
        ("propose_edits", {"edits": [{"id": "x", "field": "value", "value": 1}]}),
        ("propose_edits", {"edits": [{"id": "x"}]}),
        ("propose_edits", {"edits": [7]}),
        ("propose_edits", {"edits": [{"id": ["x"], "field": "value", "value": 1}]}),
        ("propose_edits", {"edits": [{"id": "x", "field": "value", "value": 1}] * 500}),
    ],
)
def test_answer__refuses_what_no_tool_takes(
    name: str, given: dict[str, Any], calculator: Calculator
) -> None:
    with pytest.raises(OppAnalyticsError):
        calculator.answer(name, given, "a test")
    assert not calculator.plans.exists()


def test_propose_edits__saves_a_plan_that_is_marked_and_keeps_the_mark(
    calculator: Calculator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    key = str(DEALS["unique_id"].iloc[0])
    bad = {"id": key, "field": "value", "value": "lots"}
    refused = json.loads(calculator.answer("propose_edits", {"edits": [bad]}, "robot 1"))
    assert refused["plan"] is None
    assert refused["problems"]["rows_total"] == 1
    edit = {"id": key, "field": "value", "value": 12_345.0}
    said = json.loads(calculator.answer("propose_edits", {"edits": [edit]}, "robot 1"))
    assert said["impact"]["question"] == "impact"
    file = Path(said["plan"])
    assert oa.Plan.read(file).proposed_by == "robot 1"
    # Without its mark, with other values or another id it is the same proposal.
    unmarked = file.read_text().replace('"proposed_by": "robot 1"', '"proposed_by": null')
    plan_id = oa.Plan.read(file).plan_id
    for content in (unmarked, unmarked.replace("12345", "9"), unmarked.replace(plan_id, "other")):
        file.write_text(content)
        assert oa.Plan.read(file).proposed_by == "robot 1"
