"""The hands of the grid in Chromium: menu, sheet of keys, sorting, columns, layouts and selections, by mouse and by keyboard alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

import opp_analytics as oa
from tests.browser.axe import serious_faults
from tests.browser.gridpage import GridPage
from tests.writer.frames import opportunities

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def deals() -> pd.DataFrame:
    """Deals 0 to 7 worth 1000, 1100, …, in proposal at 40%, due Jun 30, 2026, of Ann and Bo by turns."""
    return opportunities(8).assign(owner_name=["Ann", "Bo"] * 4)


@pytest.fixture
def grid(page: Page) -> GridPage:
    return GridPage(page, oa.edit(deals(), as_of="2026-06-01"))


def titles(grid: GridPage) -> list[str]:
    return grid.page.locator("[role=columnheader] b").all_inner_texts()


def title(grid: GridPage, field: str) -> Locator:
    return grid.page.locator(f".slick-header-column[data-id={field}]")


def number(grid: GridPage, row: int) -> Locator:
    return grid.page.locator(f".slick-row[data-row='{row}'] .slick-cell.l0")


def pick(grid: GridPage, *names: str) -> None:
    """Choose from the open menu, and from those it leads to, by keyboard."""
    for name in names:
        item = grid.page.get_by_role("menuitem", name=name)
        expect(item).to_be_visible()
        for _ in range(30):
            if grid.page.evaluate("document.activeElement.firstChild.textContent").startswith(name):
                break
            grid.press("ArrowDown")
        expect(item).to_be_focused()
        grid.press("Enter")


def menu(grid: GridPage) -> Locator:
    return grid.page.get_by_role("menu")


def test_keys__are_shown_by_the_grid_as_the_docs_have_them(grid: GridPage) -> None:
    grid.click(0, "value")
    grid.press("?")
    sheet = grid.page.get_by_role("dialog", name="Keys")
    expect(sheet).to_be_visible()
    rows = [row.locator("td").all_inner_texts() for row in sheet.locator("tr:has(td)").all()]
    table = (
        (Path(__file__).parents[2] / "docs" / "grid.md").read_text().split("|---|---|\n")[1].split("\n\n")[0]
    )
    assert rows == [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert serious_faults(grid.page) == []
    grid.press("Escape")
    expect(sheet).to_have_count(0)
    assert grid.page.evaluate("document.activeElement.matches('.gs')")
    # The button does the same; in a field a question mark is itself.
    grid.button("Keys").click()
    sheet.get_by_role("button", name="Close").click()
    expect(sheet).to_have_count(0)
    grid.filter("name", "?")
    expect(grid.page.locator("[data-filter='name']")).to_have_value("?")
    assert grid.complaints == []


def test_menu__opens_by_key_and_mouse_goes_by_arrows_and_letters_and_gives_focus_back(grid: GridPage) -> None:
    page = grid.page
    for chord in ("Shift+F10", "ContextMenu"):
        grid.click(1, "owner_name")
        grid.press(chord)
        expect(page.get_by_role("menuitem", name="Cut")).to_be_focused()
        grid.press("ArrowUp")
        expect(page.get_by_role("menuitem", name="Column…")).to_be_focused()
        grid.press("ArrowDown", "End", "Home", "f")
        expect(page.get_by_role("menuitem", name="Fill down")).to_be_focused()
        grid.press("f")
        expect(page.get_by_role("menuitem", name="Fill right")).to_be_focused()
        page.wait_for_timeout(800)
        grid.type("filter o")
        expect(page.get_by_role("menuitem", name="Filter out Bo")).to_be_focused()
        assert serious_faults(page) == []
        grid.press("Escape")
        expect(menu(grid)).to_have_count(0)
        assert page.evaluate("document.activeElement.matches('.gs')")
    # A press elsewhere closes it; at the lower right corner it stays on the screen; a narrow screen, too.
    grid.cell(2, "value").click(button="right")
    expect(menu(grid)).to_be_visible()
    grid.click(3, "name")
    expect(menu(grid)).to_have_count(0)
    page.set_viewport_size({"width": 420, "height": 420})
    grid.cell(7, "name").click(button="right", position={"x": 150, "y": 8})
    box = menu(grid).bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= 420
    assert box["y"] + box["height"] <= 420
    # What does not apply is said so, and does nothing.
    expect(page.get_by_role("menuitem", name="Revert")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("menuitem", name="Revert").click(force=True)
    expect(menu(grid)).to_be_visible()
    grid.press("Escape")
    # The notebook's own menu never opens.
    page.evaluate("document.addEventListener('contextmenu', () => (window.opened = true))")
    for place in (grid.cell(1, "name"), number(grid, 1), title(grid, "name"), page.locator(".oap .stat")):
        place.click(button="right")
        grid.press("Escape")
    assert page.evaluate("window.opened") is None
    assert grid.complaints == []


def test_menu__copies_cuts_pastes_fills_filters_reverts_and_removes(grid: GridPage) -> None:
    page = grid.page
    grid.click(1, "owner_name")
    grid.press("Shift+F10")
    pick(grid, "Copy")
    expect(grid.said).to_have_text("Copied 1 cell")
    grid.select((2, "owner_name"), (4, "owner_name"))
    grid.cell(3, "owner_name").click(button="right")
    pick(grid, "Paste")
    expect(grid.said).to_contain_text("Pasted into")
    grid.holds("owner_name", "Ann", "Bo", "Bo", "Bo", "Bo", "Bo", "Ann", "Bo")
    grid.cell(3, "owner_name").click(button="right")
    pick(grid, "Revert")
    grid.holds("owner_name", "Ann", "Bo", "Ann", "Bo", "Ann", "Bo")
    grid.click(0, "value")
    grid.press("Shift+F10")
    pick(grid, "Cut")
    grid.holds("value", None, 1100)
    grid.press("Control+z")
    grid.select((0, "value"), (2, "value"))
    grid.cell(1, "value").click(button="right")
    pick(grid, "Fill down")
    grid.holds("value", 1000, 1000, 1000, 1300)
    grid.press("Control+z")
    for field, row, name, left in (
        ("owner_name", 1, "Filter by Bo", "4 of 8 deals"),
        ("owner_name", 1, "Filter out Bo", "4 of 8 deals"),
        ("value", 2, "Filter by 1,200", "1 of 8 deals"),
        ("value", 2, "Filter out 1,200", "7 of 8 deals"),
        ("close_date", 0, "Filter by Jun 30, 2026", "8 deals"),
        ("stage", 0, "Filter out proposal", "0 of 8 deals"),
        ("probability", 0, "Filter by 40%", "8 deals"),
    ):
        grid.cell(row, field).click(button="right")
        pick(grid, name)
        expect(page.locator(".oap .cnt")).to_contain_text(left)
        grid.button("Clear 1 filter").click()
        expect(page.locator(".oap .cnt")).to_have_text("8 deals")
    # By the row's number: the deal is removed and kept.
    number(grid, 3).click(button="right")
    pick(grid, "Remove 1 deal")
    expect(grid.said).to_have_text("Marked 1 deal for removal")
    number(grid, 3).click(button="right")
    pick(grid, "Keep 1 deal")
    expect(grid.said).to_have_text("Kept 1 deal")
    # A browser that keeps the clipboard to itself is said so.
    page.evaluate("() => void (navigator.clipboard.readText = () => Promise.reject(new Error('denied')))")
    grid.cell(0, "name").click(button="right")
    pick(grid, "Paste")
    expect(grid.said).to_have_text("This browser does not let a menu read the clipboard: press Ctrl+V")
    assert grid.complaints == []


def test_menu__inserts_and_duplicates_deals_where_they_are(grid: GridPage) -> None:
    grid.click(2, "value")
    grid.press("Shift+F10")
    pick(grid, "Duplicate 1 deal")
    expect(grid.said).to_have_text("Duplicated 1 deal")
    expect(grid.cell(3, "name")).to_have_text("Deal 2 (copy)")
    expect(grid.cell(3, "value")).to_have_text("1,200")
    grid.until(lambda: grid.grid.edited["unique_id"].isna().sum(), 1)
    assert grid.grid.edited.iloc[-1][["name", "owner_name", "stage"]].tolist() == [
        "Deal 2 (copy)",
        "Ann",
        "proposal",
    ]
    expect(grid.strip).to_contain_text("1 change in 1 deal")
    grid.press("Control+z")
    expect(grid.page.locator(".oap .cnt")).to_have_text("8 deals")
    number(grid, 5).click(button="right")
    pick(grid, "Insert a deal below")
    expect(grid.editor).to_be_focused()
    grid.type("Between", "Enter")
    expect(grid.cell(6, "name")).to_have_text("Between")
    grid.press("ArrowUp", "Shift+Space")
    grid.press("Shift+ArrowUp", "Shift+F10")
    pick(grid, "Duplicate 2 deals")
    expect(grid.cell(7, "name")).to_have_text("Deal 5 (copy)")
    expect(grid.cell(8, "name")).to_have_text("Between (copy)")
    assert grid.complaints == []


def test_menu__tells_what_a_cell_was_at_each_record(page: Page) -> None:
    log = pd.DataFrame(
        {
            "unique_id": ["o000", "o000", "o000", "o001"],
            "seen_at": ["2026-03-02", "2026-04-06", "2026-05-04", "2026-03-02"],
            "value": [500.0, 800.0, 1000.0, 1100.0],
            "name": "Deal",
        }
    )
    grid = GridPage(page, oa.edit(deals(), history=oa.History.from_changes(log), as_of="2026-06-01"))
    grid.click(0, "value")
    grid.type("900", "Enter", "ArrowUp")
    grid.press("Shift+F10")
    pick(grid, "History of this cell…")
    told = page.get_by_role("dialog", name="Value of Deal 0")
    expect(told).to_be_visible()
    rows = [row.locator("td").all_inner_texts() for row in told.locator("tr").all()]
    assert rows == [
        ["In this grid", "900"],
        ["May 4, 2026", "1,000"],
        ["Apr 6, 2026", "800"],
        ["Mar 2, 2026", "500"],
    ]
    assert serious_faults(page) == []
    grid.press("Escape")
    expect(told).to_have_count(0)
    grid.click(5, "value")
    grid.press("Shift+F10")
    pick(grid, "History of this cell…")
    expect(grid.said).to_have_text("No record of the history has this deal.")
    assert grid.complaints == []


def test_menu__without_a_history_says_how_to_give_one(grid: GridPage) -> None:
    grid.click(0, "value")
    grid.press("Shift+F10")
    pick(grid, "History of this cell…")
    expect(grid.said).to_contain_text("No history was given")
