"""Names of columns, folders and deals mean themselves wherever they go."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from markdown_it import MarkdownIt

import opp_analytics as oa
from opp_analytics import org
from opp_analytics.escaping import escape_markdown
from opp_analytics.writer import write_guarded
from tests.support import row

NAMES = ["self", "_place", "=x", "-cmd|' /C calc'!A0", "*", "[x]", "{x}", "%s", "'", '"', "select"]
NAMES += ["x\ny", "<b>", "[bold]", "![a](http://e/x.png)", "\\", "a,b", "index", "axis", "count"]
FOLDERS = ["Sales [2026]", "a*b", "a?b", "x'y", "{a,b}", "%41", "$HOME", "-out", "x=1", "a\\b"]


def wide() -> pd.DataFrame:
    """Three deals with a column of each name."""
    frame = pd.DataFrame([row(n) for n in range(3)])
    for number, name in enumerate(NAMES):
        frame[name] = [f"a{number}", f"=b{number}", f"c{number}"]
    return org.conform(frame)


@pytest.mark.posix
@pytest.mark.parametrize("name", FOLDERS)
def test_history__reads_its_own_folder_and_no_other(tmp_path: Path, name: str) -> None:
    for other in ("Sales 2", "axb", "a", "b"):
        oa.History(tmp_path / other).record(org.conform(pd.DataFrame([row(9)])), at="2026-01-12")
    frame = wide()
    for day in ("2026-01-12", "2026-01-13"):
        oa.History(tmp_path / name).record(frame, at=day)
        frame = frame.copy()
        frame[NAMES] = "changed"
    history = oa.History(tmp_path / name)
    pd.testing.assert_frame_equal(
        history.as_of("2026-01-12T12:00Z")[NAMES], wide()[NAMES], check_column_type=False
    )
    assert (history.as_of("2026-01-13T12:00Z")[NAMES] == "changed").all(axis=None)
    assert history.check().empty


def test_files__give_back_columns_of_any_name(tmp_path: Path) -> None:
    frame = wide()
    again = oa.read_csv(oa.to_csv(frame, tmp_path / "deals.csv"), frame)
    _, workbook = oa.read_excel(oa.to_excel(frame, tmp_path / "deals.xlsx"))
    for read in (again, workbook):
        assert read[NAMES].to_numpy().tolist() == frame[NAMES].to_numpy().tolist()
        assert oa.plan(frame, read).changes.empty
    shown = write_guarded(frame[NAMES])
    assert shown is not None
    assert "'=b0" in shown
    assert "'-cmd" in shown


@pytest.mark.parametrize(
    "name",
    [
        "![x](http://e/p.png)",
        "[a](javascript:alert)",
        "<script>alert(1)</script>",
        "<http://e>",
        "[x]: http://e/p.png",
        "`code` **bold** _it_ ~~gone~~",
        "# head",
        "\\<img src=x>",
    ],
)
def test_escape_markdown__leaves_only_text(name: str) -> None:
    (block, *_), text = MarkdownIt().parse(escape_markdown(name))[1:2], ""
    assert block.children is not None
    for token in block.children:
        assert token.type in ("text", "text_special"), token
        text += token.content
    assert text == name
