"""The stages of a pipeline, and that nothing else in the package lists them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import opp_analytics
from opp_analytics.org import STAGES, Stage, Stages

PACKAGE = Path(opp_analytics.__file__).parent


def test_stages__tell_names_in_order_and_kinds() -> None:
    mine = Stages(
        (
            Stage("Demo", "open"),
            Stage("Signed", "won"),
            Stage("Verbal", "open"),
            Stage("Dead", "lost"),
        )
    )
    assert mine.names == ("Demo", "Signed", "Verbal", "Dead")
    assert (mine.open, mine.won, mine.lost) == (("Demo", "Verbal"), ("Signed",), ("Dead",))
    assert [mine.kind_of(name) for name in ("Demo", "Signed", "Dead", "demo")] == [
        "open",
        "won",
        "lost",
        None,
    ]


def test_stages__of_the_api_are_the_documented_six() -> None:
    names = ("discovery", "qualification", "proposal", "negotiation", "closed_won", "closed_lost")
    assert names == STAGES.names
    assert (STAGES.won, STAGES.lost) == (("closed_won",), ("closed_lost",))


@pytest.mark.slow
def test_nothing_else_holds_a_stage_name() -> None:
    rooms = [
        path
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in ("org", "sandbox")
    ]
    assert len(rooms) > 100
    held = [f"{path.relative_to(PACKAGE)}: {name}" for path in rooms for name in _named(path)]
    assert held == []


def test_named__sees_a_stage_in_code_but_not_in_a_docstring(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    file.write_text(
        '"""proposal"""\nX = 1\n"""proposal"""\ndef f():\n    """closed_won"""\n    return '
        '("closed_won", "a proposal")\n'
    )
    assert list(_named(file)) == ["closed_won"]


def _named(path: Path) -> Iterator[str]:
    """Stage names among the text constants of a module that are not a statement of their own, as
    docstrings are."""
    tree = ast.parse(path.read_text())
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and node.value in STAGES.names
            and id(node) not in documentation
        ):
            yield str(node.value)


def test_of__keeps_those_of_a_pipeline() -> None:
    assert Stages(
        (Stage("Demo", "open", pipeline="New"), Stage("Quote", "open", pipeline="Renewal"))
    ).of("New").names == ("Demo",)


def test_look_up__follows_the_pipeline_of_each_deal() -> None:
    two = Stages(
        (Stage("Demo", "open", 20, pipeline="New"), Stage("Demo", "open", 60, pipeline="Renewal"))
    )
    deals = pd.DataFrame({"stage": "Demo", "pipeline": ["New", "Renewal", None]})
    found = two.look_up(
        deals, lambda stages: {stage.name: float(stage.probability or 0) for stage in stages}
    )
    assert repr(found.tolist()) == "[20.0, 60.0, nan]"


def test_match__needs_the_whole_name() -> None:
    assert STAGES.match("Closed-won") == "closed_won"
    assert STAGES.match("won") is None


def test_outcome__follows_stage_and_status() -> None:
    assert STAGES.outcome({"stage": "closed_won", "status": "active"}) == "won"
    assert STAGES.outcome({"stage": "proposal"}) == "open"


def test_is_closed__follows_the_status_too() -> None:
    assert STAGES.is_closed({"stage": "proposal", "status": "lost"}) is True
    assert STAGES.is_closed({"status": "inactive"}) is False
