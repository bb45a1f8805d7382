"""Edits that outlive Python, as a person meets them: offered, taken in, copied with ids, and typed
while Python goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import opp_analytics as oa
from tests.browser.axe import serious_faults
from tests.browser.gridpage import GridPage
from tests.widgets.asking import put
from tests.writer.frames import opportunities

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def _leave_draft(*cells: tuple[int, str, str]) -> None:
    """A grid that is gone, with these edits."""
    put(oa.edit(opportunities(), as_of="2026-06-01"), *cells)


def test_draft__is_offered_in_the_strip_from_the_first_drawing(
    page: Page, screenshots: Path
) -> None:
    _leave_draft((0, "value", "2500"), (1, "probability", "140"))
    _leave_draft((2, "value", "2700"))
    grid = GridPage(page, oa.edit(opportunities(), as_of="2026-06-01"))
    expect(grid.strip).to_contain_text("1 edit to 1 deal from today")
    expect(grid.strip).to_contain_text("1 more")
    # The offer hides neither what this grid has changed nor its forecast.
    expect(grid.strip).to_contain_text("No changes yet")
    expect(grid.strip).to_contain_text("forecast Jun")
    page.screenshot(path=screenshots / "grid-draft.png")
    assert serious_faults(page) == []
    # Later: the strip is as always, with a way back to the question.
    grid.button("Later").click()
    expect(grid.strip).to_contain_text("No changes yet")
    grid.button("2 drafts kept").click()
    grid.button("Take them in").click()
    expect(grid.said).to_have_text("Took in 1 cell")
    expect(grid.field).to_be_focused()
    expect(grid.cell(2, "value")).to_have_text("2,700")
    expect(grid.strip).to_contain_text("2 edits to 2 deals from today")
    grid.button("Take them in").click()
    expect(grid.strip).to_contain_text("2 changes in 2 deals")
    expect(grid.strip).to_contain_text("1 problem")
    grid.press("Control+z")
    expect(grid.strip).to_contain_text("1 change in 1 deal")
    assert grid.complaints == []


def test_draft__is_dropped_by_keyboard(page: Page, state: Path) -> None:
    _leave_draft((0, "value", "2500"))
    grid = GridPage(page, oa.edit(opportunities(), as_of="2026-06-01"))
    grid.button("Drop them").focus()
    grid.press("Enter")
    expect(grid.strip).to_contain_text("No changes yet")
    expect(grid.field).to_be_focused()
    assert list(state.rglob("drafts/*/*.jsonl")) == []


def test_changes__are_copied_with_ids(page: Page) -> None:
    grid = GridPage(page, oa.edit(opportunities(), as_of="2026-06-01"))
    grid.click(0, "value")
    grid.type("2500", "Enter")
    grid.click(1, "probability")
    grid.type("140", "Enter")
    grid.click(2, "close_date")
    grid.type("2026-12-31", "Enter")
    grid.button("Add deal").click()
    expect(grid.editor).to_be_visible()
    grid.type("Brand new", "Enter")
    grid.press("Escape")
    expect(grid.cell(0, "name")).to_have_text("Brand new")
    grid.click(4, "name")
    grid.press("Control+Delete")
    expect(grid.strip).to_contain_text("4 changes")
    grid.button("Copy changes").click()
    expect(grid.said).to_have_text("Copied the changes")
    block = grid.clipboard()
    assert block.splitlines()[0] == "unique_id\tname\tfield\tbefore\tafter"
    assert set(block.splitlines()[1:]) == {
        "o000\tDeal 0\tvalue\t1000\t2500",
        "o001\tDeal 1\tprobability\t40%\t140",
        "o002\tDeal 2\tclose_date\t2026-06-30\t2026-12-31",
        "new 1\tBrand new\t(deal)\t\tadded",
        "new 1\tBrand new\tname\t\tBrand new",
        "o004\tDeal 4\t(deal)\t\tremoved",
    }
    assert grid.complaints == []


def test_editor__keeps_what_is_typed_while_python_goes(page: Page, screenshots: Path) -> None:
    grid = GridPage(page, oa.edit(opportunities(), as_of="2026-06-01"))
    grid.click(0, "value")
    grid.type("2500", "Enter")
    expect(grid.said).to_contain_text("2,500")
    grid.click(1, "name")
    page.evaluate("window.silent = true")
    grid.type("Half a na")
    page.evaluate("window.hostedModel.fire('comm:close')")
    expect(grid.strip).to_contain_text("What was typed last is on this page only")
    grid.type("me", "Enter", "Tab")
    expect(grid.editor).to_have_value("Half a name")
    expect(grid.strip).to_contain_text("Python is gone")
    page.screenshot(path=screenshots / "grid-typed-python-gone.png")
    grid.button("Copy changes").last.click()
    expect(grid.said).to_have_text("Copied the changes")
    assert grid.clipboard().splitlines()[1:] == [
        "o000\tDeal 0\tvalue\t1000\t2500",
        "o001\tDeal 1\tname\tDeal 1\tHalf a name",
    ]
    expect(grid.editor).to_have_value("Half a name")
    # The next grid offers what Python had, and takes the rest.
    grid.editor.press("Escape")
    expect(grid.strip).to_contain_text("The edits are kept: run the cell again, and take them in.")
    assert oa.edit(opportunities()).drafts["edits"].tolist() == [1]
