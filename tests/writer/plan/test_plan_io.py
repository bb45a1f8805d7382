from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opp_analytics.api import Client
from opp_analytics.errors import DataError, PlanError
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import Plan, apply, plan
from tests.writer.frames import changed, edited


def test_plan_save__read_gives_the_same_plan(before: pd.DataFrame, tmp_path: Path) -> None:
    before = before.assign(owner_name="Ada", score=[1.5, 2.0, None, 4.0, 5.0, 6.0])  # type: ignore[list-item]
    exact = changed(edited(before), 2, value=Decimal("12345678901234567.89"))
    made = plan(before, changed(exact, 3, name="Ünï <b>", score=9.25))
    back = Plan.read(made.save(tmp_path / "plan.json"))
    pd.testing.assert_frame_equal(back.changes, made.changes)
    pd.testing.assert_frame_equal(back.before, made.before)
    assert back.conflicts.columns.tolist() == made.conflicts.columns.tolist()
    assert (back.plan_id, back.made_at, back.url, back.tenant) == (made.plan_id, made.made_at, None, None)
    assert back.steps == made.steps
    assert back.summary() == made.summary()


def test_plan_save__of_a_name_with_half_of_a_character(before: pd.DataFrame, tmp_path: Path) -> None:
    new = pd.DataFrame({"name": ["A\ud800"], "value": [1]}, dtype="object")
    made = plan(before, pd.concat([before, new], ignore_index=True))
    assert made.changes["name"].tolist() == ["A?"]
    assert Plan.read(made.save(tmp_path / "plan.json")).problems["value"].tolist() == ["A\ud800"]


def test_plan_save__of_a_column_that_the_edits_added(before: pd.DataFrame, tmp_path: Path) -> None:
    after = before.assign(region="West")
    after.attrs["new_columns"] = ["region"]
    back = Plan.read(plan(before, after).save(tmp_path / "plan.json"))
    assert back.steps[0].fields == {"region": "West"}
    assert back.edited()["region"].tolist() == ["West"] * len(before)


def test_plan_save__keeps_problems(before: pd.DataFrame, tmp_path: Path) -> None:
    made = plan(before, changed(before, 1, probability=140))
    back = Plan.read(made.save(tmp_path / "plan.json"))
    pd.testing.assert_frame_equal(back.problems, made.problems)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is not a saved plan"),
        ("{}", "is not a saved plan"),
        ("[1]", "is not a saved plan"),
        ('{"format": "opp_analytics plan 9"}', "was saved by another version .*plan 9"),
        ('{"format": "opp_analytics plan 1"}', "was saved by another version .*plan 1.*plan the edits again"),
        ('{"format": "opp_analytics plan 4"}', "is damaged"),
    ],
)
def test_plan_read__refuses_what_is_not_a_plan_of_this_version(
    tmp_path: Path, content: str, reason: str
) -> None:
    file = tmp_path / "plan.json"
    file.write_text(content)
    with pytest.raises(DataError, match=rf"plan\.json {reason}"):
        Plan.read(file)
    with pytest.raises(DataError, match="does not exist; check its name and folder"):
        Plan.read(tmp_path / "none.json")


@pytest.mark.parametrize("needs", [[], None, "", {}, ["clear_nulls"]])
def test_plan_read__takes_what_a_plan_needs_from_its_operations(
    client: Client, server: Sandbox, before: pd.DataFrame, tmp_path: Path, needs: Any
) -> None:
    made = plan(before, changed(before, 1, close_date=None).drop(index=5))
    file = made.save(tmp_path / "plan.json")
    content = json.loads(file.read_text())
    assert "needs" not in content
    for step in content["steps"]:
        step["cells"] = [cell | {"status": "already", "needs": needs} for cell in step["cells"]]
    file.write_text(json.dumps(content | {"needs": needs}))
    tampered = Plan.read(file)
    assert tampered.needs == made.needs == ("clear_nulls", "allow_delete")
    asked = server.requests
    for given, refused in (({"clear_nulls": True}, "allow_delete"), ({"allow_delete": True}, "clear_nulls")):
        with pytest.raises(PlanError, match=refused):
            apply(tampered, client, **given)  # type: ignore[arg-type]
    assert server.requests == asked
    assert client.get("o005")["name"] == "Deal 5"
