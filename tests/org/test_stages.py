"""The stages of a pipeline, and that nothing else in the package lists them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

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
    assert [mine.kinds.get(name) for name in ("Demo", "Signed", "Dead", "demo")] == [
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
