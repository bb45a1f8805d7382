"""The hands of the grid in Chromium: menu, sheet of keys, sorting, columns and selections,
by mouse and by keyboard alone."""

from __future__ import annotations

import re
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
    """Deals 0 to 7 worth 1000, 1100, …, in proposal at 40%, due Jun 30, 2026, of Ann and Bo by
    turns."""
    return opportunities(8).assign(owner_name=["Ann", "Bo"] * 4)


@pytest.fixture
def grid(page: Page) -> GridPage:
    return GridPage(page, oa.edit(deals(), as_of="2026-06-01"))


def titles(grid: GridPage) -> list[str]:
    return grid.page.locator("[role=columnheader] b").all_inner_texts()


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
        (Path(__file__).parents[2] / "docs" / "grid.md")
        .read_text()
        .split("|---|---|\n")[1]
        .split("\n\n")[0]
    )
    assert rows == [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()
    ]
    assert serious_faults(grid.page) == []
    grid.press("Escape")
    expect(sheet).to_have_count(0)
    assert grid.page.evaluate("document.activeElement.matches('.kf')")
    # The button does the same; in a field a question mark is itself.
    grid.button("Keys").click()
    sheet.get_by_role("button", name="Close").click()
    expect(sheet).to_have_count(0)
    grid.filter("name", "?")
    expect(grid.page.locator("[data-filter='name']")).to_have_value("?")
    assert grid.complaints == []


def test_menu__opens_by_key_and_mouse_goes_by_arrows_and_letters_and_gives_focus_back(
    grid: GridPage,
) -> None:
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
        assert page.evaluate("document.activeElement.matches('.kf')")
    # A press elsewhere closes it; at the lower right corner it stays on the screen; a narrow
    # screen, too.
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
    for place in (
        grid.cell(1, "name"),
        number(grid, 1),
        grid.title("name"),
        page.locator(".oap .stat"),
    ):
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
    grid.cell(1, "owner_name").click(button="right")
    pick(grid, "Filter by Bo")
    expect(page.locator(".oap .cnt")).to_contain_text("4 of 8 deals")
    grid.button("Clear 1 filter").click()
    # By the row's number: the deal is removed and kept.
    number(grid, 3).click(button="right")
    pick(grid, "Remove 1 deal")
    expect(grid.said).to_have_text("Marked 1 deal for removal")
    number(grid, 3).click(button="right")
    pick(grid, "Keep 1 deal")
    expect(grid.said).to_have_text("Kept 1 deal")
    # A browser that keeps the clipboard to itself is said so.
    page.evaluate(
        "() => void (navigator.clipboard.readText = () => Promise.reject(new Error('denied')))"
    )
    grid.cell(0, "name").click(button="right")
    pick(grid, "Paste")
    expect(grid.said).to_have_text(
        "This browser does not let a menu read the clipboard: press Ctrl+V"
    )
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


def sorts(grid: GridPage) -> dict[str, str]:
    """The arrows in sight, by column."""
    heads = grid.page.locator(".slick-header-column.sorted").all()
    return {head.get_attribute("data-id") or "": head.locator(".so").inner_text() for head in heads}


def test_sort__takes_several_keys_and_off_by_mouse_and_keyboard_and_never_after_an_edit(
    grid: GridPage,
) -> None:
    def arrow(field: str, *modifiers: str) -> None:
        grid.title(field).hover()
        grid.title(field).locator(".so").click(modifiers=modifiers)  # type: ignore[arg-type]

    usual = [f"Deal {n}" for n in range(8)]
    arrow("owner_name")
    assert sorts(grid) == {"owner_name": "↑"}
    expect(grid.title("owner_name")).to_have_attribute("aria-sort", "ascending")
    arrow("value", "Shift")
    arrow("value", "Shift")
    assert sorts(grid) == {"owner_name": "↑1", "value": "↓2"}
    expect(grid.said).to_have_text("Sorted by Owner, then Value down")
    assert grid.column("name") == [f"Deal {n}" for n in (6, 4, 2, 0, 7, 5, 3, 1)]
    # An edit moves nothing; nor does its undo.
    grid.click(0, "owner_name")
    grid.type("Bo", "Enter")
    grid.holds("owner_name", "Ann", "Bo", "Ann", "Bo", "Ann", "Bo", "Bo", "Bo")
    assert grid.column("name")[0] == "Deal 6"
    grid.press("Control+z")
    # The third time takes a key off; without Shift it is the only one.
    arrow("value", "Shift")
    assert sorts(grid) == {"owner_name": "↑"}
    arrow("value")
    arrow("value")
    assert sorts(grid) == {"value": "↓"}
    arrow("value")
    assert sorts(grid) == {}
    assert grid.column("name") == usual
    # By keyboard: the menu of a column that is selected, and of a cell's column.
    grid.click(0, "owner_name")
    grid.press("Control+Space", "Shift+F10")
    expect(menu(grid)).to_have_attribute("aria-label", "Column Owner")
    assert serious_faults(grid.page) == []
    pick(grid, "Sort Z to A")
    grid.click(0, "value")
    grid.press("Shift+F10")
    pick(grid, "Column…", "Then sort low to high")
    assert sorts(grid) == {"owner_name": "↓1", "value": "↑2"}
    assert grid.column("name")[:2] == ["Deal 1", "Deal 3"]
    grid.press("Shift+F10")
    pick(grid, "Column…", "Do not sort")
    assert sorts(grid) == {"owner_name": "↓"}
    grid.click(0, "owner_name")
    grid.press("Shift+F10")
    pick(grid, "Column…", "Do not sort")
    assert sorts(grid) == {}
    assert grid.column("name") == usual
    assert grid.complaints == []


def test_columns__are_dragged_fitted_frozen_hidden_and_moved_by_keyboard(grid: GridPage) -> None:
    page = grid.page
    first = titles(grid)

    def drag(field: str, to: str) -> None:
        grid.title(field).locator("b").hover()
        b = grid.title(to).bounding_box()
        assert b is not None
        page.mouse.down()
        page.mouse.move(b["x"] + b["width"] - 12, b["y"] + 10, steps=4)
        page.mouse.up()

    # A title that is not selected selects as it is dragged; a selected one moves.
    drag("stage", "close_date")
    expect(grid.sums).to_contain_text("24 cells")
    assert titles(grid) == first
    grid.take("stage")
    expect(grid.sums).to_contain_text("8 cells")
    drag("stage", "close_date")
    assert titles(grid) == ["Deal", "Owner", "Value", "Close date", "Stage", "Stated", "Status"]
    expect(grid.title("stage")).to_have_class(has_class("selc"))
    grid.until(
        lambda: grid.grid.state["order"][:5], ["name", "owner_name", "value", "close_date", "stage"]
    )
    # Several at once, and none before the first column.
    grid.take("value")
    grid.take("close_date", "Shift")
    drag("value", "stage")
    assert titles(grid)[1:5] == ["Owner", "Stage", "Value", "Close date"]
    # Double click on a border fits; the edge drags as before.
    border = grid.title("status").locator(".slick-resizable-handle")
    box = border.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 3, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 8, steps=3)
    page.mouse.up()
    wide = grid.title("status").evaluate("node => node.offsetWidth")
    grid.title("status").locator(".slick-resizable-handle").dblclick()
    assert grid.title("status").evaluate("node => node.offsetWidth") < wide
    # The same by keyboard: move, freeze, fit, hide.
    grid.click(0, "value")
    grid.press("Shift+F10")
    pick(grid, "Column…", "Move left")
    expect(grid.said).to_have_text("Value is column 3 of 7")
    assert titles(grid)[1:4] == ["Owner", "Value", "Stage"]
    grid.press("Shift+F10")
    pick(grid, "Move right")
    assert titles(grid) == first
    frozen = lambda: page.locator(".slick-header-left [role=columnheader] b").all_inner_texts()  # noqa: E731
    assert frozen() == ["Deal"]
    grid.click(0, "owner_name")
    grid.press("Shift+F10")
    pick(grid, "Column…", "Freeze up to here")
    expect(grid.said).to_have_text("2 columns frozen")
    assert frozen() == ["Deal", "Owner"]
    assert titles(grid) == first
    grid.select((0, "name"), (2, "stage"))
    expect(grid.sums).to_contain_text("9 cells")
    grid.click(0, "value")
    grid.type("5", "Enter")
    expect(grid.cell(0, "value")).to_have_text("5")
    assert serious_faults(page) == []
    page.evaluate("() => { window.close(); return window.again(); }")
    expect(grid.title("owner_name")).to_be_visible()
    assert frozen() == ["Deal", "Owner"]
    grid.click(0, "owner_name")
    grid.press("Shift+F10")
    pick(grid, "Column…", "Freeze only the first column")
    assert frozen() == ["Deal"]
    grid.press("Shift+F10")
    pick(grid, "Column…", "Hide")
    assert "Owner" not in titles(grid)
    expect(grid.said).to_have_text("Owner is hidden; see Columns")
    # Too much to freeze: as many as leave half of the grid to the others.
    page.set_viewport_size({"width": 700, "height": 760})
    grid.fields = ["name", "stage", "value", "close_date", "probability", "status"]
    grid.click(0, "close_date")
    grid.press("Shift+F10")
    pick(grid, "Column…", "Freeze up to here")
    expect(grid.said).to_contain_text("can be frozen")
    assert len(frozen()) < 4
    grid.press("Escape")
    page.set_viewport_size({"width": 1240, "height": 760})
    grid.button("Columns").click()
    page.get_by_role("button", name="Default").click()
    assert titles(grid) == first
    assert grid.complaints == []


def has_class(name: str) -> re.Pattern[str]:
    return re.compile(rf"\b{name}\b")


def test_selections__by_drag_and_space_deselected_and_copied_as_several(grid: GridPage) -> None:
    page, columns = grid.page, len(grid.fields)
    cells = lambda n: expect(grid.sums).to_contain_text(f"{n} cells")  # noqa: E731
    # Rows by dragging their numbers, columns by dragging titles; Shift and Ctrl.
    number(grid, 1).hover()
    page.mouse.down()
    number(grid, 3).hover()
    page.mouse.up()
    cells(3 * columns)
    number(grid, 5).click(modifiers=["Control"])
    cells(4 * columns)
    number(grid, 2).click(modifiers=["Control"])
    cells(3 * columns)
    grid.press("Control+c")
    assert [line.split("\t")[0] for line in grid.clipboard().splitlines()] == [
        "Deal 1",
        "Deal 3",
        "Deal 5",
    ]
    number(grid, 6).click()
    number(grid, 4).click(modifiers=["Shift"])
    cells(3 * columns)
    # By keyboard.
    grid.click(2, "value")
    grid.press("Shift+Space")
    cells(columns)
    grid.press("Shift+ArrowDown")
    cells(2 * columns)
    grid.click(2, "value")
    grid.press("Control+Space")
    cells(8)
    grid.press("Shift+ArrowLeft")
    cells(16)
    grid.click(2, "value")
    grid.press("Shift+ArrowDown", "Shift+Space", "Control+d")
    expect(grid.said).to_contain_text("Filled down")
    grid.press("Control+z")
    # Ctrl+click takes a cell out again, and what is typed leaves it alone.
    grid.select((0, "value"), (2, "value"))
    grid.click(1, "value", "Control")
    cells(2)
    grid.type("7", "Control+Enter")
    grid.holds("value", 7, 1100, 7, 1300)
    # Ranges with the same columns, with the same rows, and with neither.
    grid.select((0, "name"), (1, "name"))
    grid.click(3, "name", "Control")
    grid.press("Control+c")
    expect(grid.said).to_have_text("Copied 3 cells")
    assert grid.clipboard() == "Deal 0\nDeal 1\nDeal 3"
    grid.click(0, "value")
    grid.click(0, "name", "Control")
    grid.press("Control+c")
    assert grid.clipboard() == "Deal 0\t7"
    grid.click(0, "value")
    grid.click(1, "name", "Control")
    grid.press("Control+x")
    expect(grid.said).to_have_text(
        "Not copied: the ranges have neither the same rows nor the same columns"
    )
    assert grid.clipboard() == "Deal 0\t7"
    grid.holds("value", 7)
    assert grid.complaints == []


def test_fill__right_by_key_and_down_to_the_end_by_a_double_click(page: Page) -> None:
    frame = deals().assign(
        seats=pd.array([5, None, None, None, None, None, None, None], "Int64"), units=3
    )
    frame.loc[6, "probability"] = None
    grid = GridPage(page, oa.edit(frame, as_of="2026-06-01"))
    grid.select((0, "seats"), (1, "units"))
    grid.press("Control+r")
    grid.holds("units", 5, None, 3)
    grid.press("Control+z")
    grid.click(0, "seats")
    grid.press("Control+r")
    expect(grid.said).to_have_text("Select two or more columns to fill right")
    # The column beside ends at the last row; another one at an empty cell.
    page.locator(".oap .fh").dblclick()
    expect(grid.said).to_have_text("Filled 7 cells")
    grid.holds("seats", *[5] * 8)
    expect(grid.editor).to_have_count(0)
    grid.press("Control+z")
    grid.click(0, "status")
    grid.type("inactive", "Enter", "ArrowUp", "Shift+F10")
    pick(grid, "Fill to the end")
    expect(grid.said).to_have_text("Filled 5 cells")
    grid.holds("status", *["inactive"] * 6, "active", "active")
    assert grid.complaints == []


def test_find__matches_case_and_whole_cells_and_previews_with_the_deals(grid: GridPage) -> None:
    page = grid.page
    grid.click(0, "name")
    grid.type("deal", "Enter")
    grid.press("Control+h")
    grid.type("Deal")
    found = page.locator(".fcount")
    expect(found).to_have_text("1 of 8 cells, 8 deals")
    page.get_by_role("button", name="Match case").click()
    expect(found).to_have_text("1 of 7 cells, 7 deals")
    page.get_by_role("button", name="Match case").click()
    page.get_by_role("button", name="Whole cell").click()
    expect(found).to_have_text("1 of 1 cell, 1 deal")
    page.get_by_label("Find", exact=True).fill("Ann")
    page.get_by_label("Replace with").fill("Anna")
    expect(page.locator(".prev")).to_contain_text("deal Owner Ann → Anna")
    expect(page.locator(".prev")).to_contain_text("Deal 2 Owner Ann → Anna")
    assert serious_faults(page) == []
    page.get_by_role("button", name="Replace all 4").click()
    grid.holds("owner_name", "Anna", "Bo", "Anna")
    # Opened again with something to find, Ctrl+H goes to what replaces it.
    grid.press("Control+h")
    expect(page.get_by_label("Replace with")).to_be_focused()
    assert grid.complaints == []


def test_editor__of_a_text_keeps_its_lines_and_begins_new_ones(page: Page) -> None:
    frame = deals()
    frame.loc[0, "name"] = "First line\nsecond line"
    grid = GridPage(page, oa.edit(frame, as_of="2026-06-01"))
    grid.click(0, "name")
    grid.press("F2", "End")
    grid.type("!", "Enter")
    grid.holds("name", "First line\nsecond line!")
    grid.press("F2", "End", "Alt+Enter")
    grid.type("new", "Enter")
    grid.holds("name", "First line\nsecond line!", "Deal 1\nnew")
    # A text that is opened and left as it was is no change.
    grid.click(1, "name")
    grid.press("Control+z", "Control+z")
    grid.click(0, "name")
    grid.press("Enter", "Enter")
    expect(grid.strip).to_contain_text("No changes yet")
    assert grid.complaints == []


def test_two_grids__on_one_page_have_names_of_their_own(grid: GridPage) -> None:
    grid.page.evaluate(
        """() => {
          const here = document.querySelector("#here");
          const other = document.createElement("div");
          here.before(other);
          other.append(...here.childNodes);
          return window.again();
        }"""
    )
    # A grid is named once its rows are there.
    for nth, name in enumerate(["Deals", "Deals 2"]):
        expect(grid.page.get_by_role("grid").nth(nth)).to_have_attribute("aria-label", name)
    expect(grid.page.get_by_role("grid")).to_have_count(2)
    expect(grid.page.get_by_role("region", name="Editing grid 2")).to_have_count(1)
    assert serious_faults(grid.page, "main") == []


def test_toolbar__stays_on_one_line_and_keeps_what_has_no_room_behind_more(grid: GridPage) -> None:
    page = grid.page
    bar = page.locator(".oap .bar")
    more = bar.get_by_role("button", name="More")
    expect(more).to_be_hidden()
    for width, hidden in (
        (800, ["Changed only (0)", "Remove 1 deal", "Bulk edit", "Copy changes"]),
        (400, ["Columns"]),
    ):
        page.set_viewport_size({"width": width, "height": 700})
        assert bar.evaluate("bar => [bar.offsetHeight, bar.scrollWidth - bar.clientWidth]") == [
            44,
            0,
        ]
        more.click()
        offered = [
            text.split("\t")[0].split("\n")[0]
            for text in menu(grid).locator(".mi").all_inner_texts()
        ]
        assert offered[0] == hidden[0]
        assert set(hidden) <= set(offered)
        assert serious_faults(page) == []
        grid.press("Escape")
        expect(more).to_be_focused()
    # What it leads to opens at it, and gives it focus back.
    more.click()
    page.get_by_role("menuitem", name="Bulk edit").click()
    expect(page.get_by_role("dialog", name="Bulk edit")).to_be_visible()
    grid.press("Escape")
    expect(more).to_be_focused()
    more.click()
    page.get_by_role("menuitemcheckbox", name="Changed only").click()
    more.click()
    expect(page.get_by_role("menuitemcheckbox", name="Changed only")).to_have_attribute(
        "aria-checked", "true"
    )
    assert grid.complaints == []


@pytest.mark.parametrize("field", ["owner_name", "close_date"])
def test_titles__are_whole_beside_the_arrow_that_sorts(grid: GridPage, field: str) -> None:
    head = grid.title(field)
    apart = """head => {
        const [text, arrow] = ["b", ".so"].map((each) => head.querySelector(each).getBoundingClientRect());
        const inside = head.getBoundingClientRect();
        return (text.right <= arrow.left || arrow.right <= text.left) && text.left >= inside.left && text.right <= inside.right;
    }"""
    head.hover()
    assert head.evaluate(apart)
    head.locator(".so").click()
    assert head.evaluate(apart)


def test_clipboard__works_after_a_filter_and_sort_and_after_a_copy_that_was_refused(
    grid: GridPage,
) -> None:
    grid.page.locator("[data-filter='name']").click()
    grid.type("Deal", "Enter")
    expect(grid.said).to_have_text("8 deals match")
    grid.title("value").hover()
    grid.title("value").get_by_role("button").click()
    expect(grid.said).to_have_text("Sorted by Value")
    grid.click(0, "value")
    grid.paste("5000")
    expect(grid.cell(0, "value")).to_have_text("5,000")
    grid.press("Control+x")
    expect(grid.cell(0, "value")).to_have_text("")
    assert grid.clipboard() == "5000"
    # A text that is selected in a filter is copied itself.
    grid.page.locator("[data-filter='name']").click()
    grid.press("Control+a", "Control+c")
    assert grid.clipboard() == "Deal"
    # Ranges that make no block are not copied, and the next copy is one again.
    grid.click(1, "value")
    grid.click(4, "probability", "Control")
    grid.press("Control+c")
    expect(grid.said).to_contain_text("Not copied")
    grid.click(2, "value")
    grid.press("Control+c")
    expect(grid.said).to_have_text("Copied 1 cell")
    grid.click(3, "value")
    grid.press("Control+v")
    expect(grid.cell(3, "value")).to_have_text("1,200")
    assert grid.complaints == []


def test_editor__of_a_text_or_amount_begins_at_its_end_and_of_a_date_or_list_on_all_of_it(
    grid: GridPage,
) -> None:
    grid.click(0, "value")
    grid.press("F2")
    grid.type("5", "Enter")
    grid.holds("value", 10_005)
    grid.press("Enter")
    grid.type("5", "Enter")
    grid.holds("value", 10_005, 11_005)
    grid.cell(0, "name").dblclick()
    grid.type("!", "Enter")
    grid.holds("name", "Deal 0!")
    grid.click(0, "close_date")
    grid.press("F2")
    grid.type("Jul 1", "Enter")
    grid.holds("close_date", "2026-07-01")
    grid.click(0, "owner_name")
    grid.press("F2")
    grid.type("Bo", "Enter")
    grid.holds("owner_name", "Bo")
    assert grid.complaints == []


_CUT = """bar => {
  const box = bar.getBoundingClientRect();
  const cut = ({ left, right, width, height }) => left < box.left - 1 || right > box.right + 1 || width < 24 || height < 24;
  const shown = [...bar.querySelectorAll(":scope > .btn, :scope > .cnt, :scope > input, :scope > select")].filter((node) => node.offsetWidth);
  return [Math.round(bar.offsetHeight), shown.filter((node) => cut(node.getBoundingClientRect())).map((node) => node.innerText)];
}"""


def test_close__ends_what_still_waits(grid: GridPage) -> None:
    page = grid.page
    grid.click(0, "value")
    grid.press("Delete")
    box = page.locator("[data-filter='name']")
    box.focus()
    asked = page.evaluate(
        """async box => {
        box.value = "deal";
        box.dispatchEvent(new Event("input", { bubbles: true }));
        const { send } = window.hostedModel;
        let asked = 0;
        window.hostedModel.send = () => { asked += 1; };
        window.close();
        await new Promise((resolve) => setTimeout(resolve, 800));
        window.hostedModel.send = send;
        return asked;
    }""",
        box.element_handle(),
    )
    assert asked == 0
    assert grid.complaints == []


def test_message__of_a_cell_leaves_titles_and_the_selected_range_in_sight(grid: GridPage) -> None:
    box = grid.page.locator(".oap .msg")
    for first, last in ((0, 0), (0, 2), (3, 5)):
        grid.select((first, "stage"), (last, "stage"))
        grid.type("negotiation", "Control+Enter")
        expect(grid.cell(last, "stage")).to_have_text("negotiation")
        grid.page.mouse.move(2, 2)
        expect(box).to_have_count(0)
        for row in (first, last):
            grid.cell(row, "stage").hover(position={"x": 30, "y": 12})
            expect(box).to_contain_text("was")
            shown, top, bottom = (
                each.bounding_box()
                for each in (box, grid.cell(first, "stage"), grid.cell(last, "stage"))
            )
            head = grid.page.locator("[data-filter='stage']").bounding_box()
            assert shown is not None
            assert top is not None
            assert bottom is not None
            assert head is not None
            assert shown["y"] >= head["y"] + head["height"]
            assert (
                shown["y"] + shown["height"] <= top["y"]
                or shown["y"] >= bottom["y"] + bottom["height"]
            )
            grid.page.mouse.move(2, 2)
            expect(box).to_have_count(0)
    assert grid.complaints == []


def test_bulk__begins_on_the_column_that_is_selected(grid: GridPage) -> None:
    grid.select((1, "value"), (3, "value"))
    grid.button("Bulk edit").click()
    expect(grid.page.get_by_label("Column", exact=True)).to_have_value("value")
    grid.press("Escape")
    grid.select((1, "name"), (3, "value"))
    grid.button("Bulk edit").click()
    expect(grid.page.get_by_label("Column", exact=True)).to_have_value("stage")
    assert grid.complaints == []
