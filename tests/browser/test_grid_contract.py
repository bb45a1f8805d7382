"""The keyboard contract of the grid, key by key in Chromium: every line of the list in docs/grid.md,
which the grid itself shows, in one session of one page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import opp_analytics as oa
from tests.browser.gridpage import GridPage
from tests.writer.frames import opportunities

pytestmark = pytest.mark.browser


class Hands:
    """One method for each line of the list, found by what it is marked with; each begins on deals
    as they were."""

    def __init__(self, grid: GridPage) -> None:
        self.grid, self.page = grid, grid.page
        self.mouse = grid.page.mouse

    @property
    def active(self) -> tuple[int, str]:
        cell = self.page.locator(".slick-cell.act")
        at = re.search(r"\bl(\d+)\b", cell.get_attribute("class") or "")
        assert at is not None
        row = int(cell.locator("..").get_attribute("data-row") or -1)
        return row, self.grid.fields[int(at[1]) - 1]

    def cells(self, number: int) -> None:
        expect(self.grid.sums).to_contain_text(f"{number} cells")

    def drag_corner(self, row: int, field: str) -> None:
        self.page.locator(".oap .fh").hover()
        self.mouse.down()
        self.grid.cell(row, field).hover(position={"x": 40, "y": 14})
        self.mouse.up()

    def move(self) -> None:
        grid = self.grid
        grid.click(3, "value")
        for keys, place in (
            (["ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft"], (3, "value")),
            (["Control+ArrowDown"], (7, "value")),
            (["Control+ArrowUp"], (0, "value")),
            (["Control+ArrowRight"], (0, grid.fields[-1])),
            (["Home"], (0, "name")),
            (["End"], (0, grid.fields[-1])),
            (["Control+End"], (7, grid.fields[-1])),
            (["Control+Home"], (0, "name")),
            (["PageDown"], (7, "name")),
            (["PageUp"], (0, "name")),
        ):
            grid.press(*keys)
            assert self.active == place, keys
        grid.click(0, "value")
        grid.press("Shift+ArrowDown", "Shift+ArrowRight")
        self.cells(4)

    def tab(self) -> None:
        grid = self.grid
        grid.click(0, "name")
        grid.press("Tab")
        assert self.active == (0, grid.fields[1])
        grid.press("Shift+Tab")
        assert self.active == (0, "name")
        grid.select((1, "value"), (2, "close_date"))
        walked = []
        for _ in range(4):
            grid.press("Tab")
            walked.append(self.active)
        assert walked == [(1, "close_date"), (2, "value"), (2, "close_date"), (1, "value")]
        self.cells(4)

    def enter(self) -> None:
        grid = self.grid
        grid.click(0, "value")
        grid.press("Enter")
        expect(grid.editor).to_have_value("1000")
        grid.press("Escape")
        grid.select((1, "value"), (2, "close_date"))
        walked = []
        for key in ("Enter", "Enter", "Enter", "Enter", "Shift+Enter"):
            grid.press(key)
            walked.append(self.active)
        down = [(2, "value"), (1, "close_date"), (2, "close_date"), (1, "value")]
        assert walked == [*down, (2, "close_date")]
        self.cells(4)

    def mouse_selects(self) -> None:
        grid = self.grid
        grid.click(0, "value")
        grid.click(3, "close_date", "Shift")
        self.cells(8)
        grid.click(5, "value", "Control")
        self.cells(9)
        grid.select((0, "value"), (2, "value"))
        self.cells(3)

    def select_whole(self) -> None:
        grid = self.grid
        for keys, number in (
            (["Shift+Space"], len(grid.fields)),
            (["Control+Space"], 8),
            (["Control+a"], 8 * len(grid.fields)),
        ):
            grid.click(0, "value")
            grid.press(*keys)
            self.cells(number)

    def escape(self) -> None:
        grid = self.grid
        grid.select((0, "value"), (1, "value"))
        grid.press("Escape")
        assert self.active == (0, "value")
        grid.press("Escape")
        expect(grid.field).not_to_be_focused()

    def type(self) -> None:
        grid = self.grid
        grid.click(0, "value")
        grid.type("7000", "Enter")
        grid.holds("value", 7000, 1100)
        # A new name that begins a known one; in small letters the known one.
        grid.click(0, "owner_name")
        grid.type("Ann", "Enter")
        grid.type("ann", "Enter")
        grid.holds("owner_name", "Ann", "Anna Berg")
        # An input method, and a dead key: neither sends the letters as keys.
        client = self.page.context.new_cdp_session(self.page)
        grid.click(2, "name")
        for text in ("ni", "にほ"):
            client.send(
                "Input.imeSetComposition",
                {"text": text, "selectionStart": len(text), "selectionEnd": len(text)},
            )
        expect(grid.editor).to_have_value("にほ")
        client.send("Input.insertText", {"text": "日本"})
        grid.press("ArrowDown")
        grid.holds("name", "日本", since=2)
        client.send("Input.dispatchKeyEvent", {"type": "keyDown", "key": "Dead"})
        client.send(
            "Input.imeSetComposition", {"text": "´", "selectionStart": 1, "selectionEnd": 1}
        )
        client.send("Input.insertText", {"text": "É"})
        grid.type("lan", "Enter")
        grid.holds("name", "Élan", since=3)
        client.detach()

    def type_and_go(self) -> None:
        grid = self.grid
        grid.click(0, "value")
        for text in ("10000", "20000", "30000"):
            grid.type(text, "ArrowDown")
        grid.holds("value", 10_000, 20_000, 30_000, 1300)
        grid.click(0, "close_date")
        grid.type("1/15/2027", "ArrowDown")
        grid.type("1/16/2027", "ArrowDown")
        grid.holds("close_date", "2027-01-15", "2027-01-16", "2026-06-30")
        grid.click(0, "stage")
        grid.type("prop", "ArrowDown")
        grid.type("neg", "ArrowDown")
        grid.holds("stage", "proposal", "negotiation", "proposal")
        for key, place in (
            ("ArrowUp", (2, "value")),
            ("ArrowRight", (3, "close_date")),
            ("ArrowLeft", (3, "stage")),
            ("Home", (3, "name")),
            ("End", (3, grid.fields[-1])),
            ("PageUp", (0, "value")),
            ("PageDown", (7, "value")),
        ):
            grid.click(3, "value")
            grid.type("5000", key)
            expect(grid.editor).to_have_count(0)
            assert self.active == place, key

    def edit(self) -> None:
        grid = self.grid
        grid.click(0, "value")
        grid.press("F2", "ArrowLeft")
        grid.type("9", "Enter")
        grid.holds("value", 10_090)
        grid.cell(1, "value").dblclick()
        grid.press("Home")
        grid.type("9", "Enter")
        grid.holds("value", 91_100, since=1)
        grid.click(2, "stage")
        grid.press("F2", "ArrowDown", "Enter")
        grid.holds("stage", "negotiation", since=2)

    def hand_arrows_over(self) -> None:
        grid = self.grid
        grid.click(0, "value")
        grid.type("50", "F2", "ArrowLeft")
        grid.type("7", "F2", "ArrowDown")
        grid.holds("value", 570)
        assert self.active == (1, "value")
        grid.click(0, "stage")
        grid.type("o", "Alt+ArrowDown", "ArrowDown", "Enter")
        grid.holds("stage", "qualification")

    def set_by_enter(self) -> None:
        grid = self.grid
        grid.click(1, "value")
        grid.type("5", "Shift+Enter")
        assert self.active == (0, "value")
        grid.type("2500", "Tab")
        grid.type("2026-07-01", "Enter")
        assert self.active == (1, "value")
        # After a paste one correction is one cell, and the next one the next.
        grid.paste("1000\n2000\n3000\n4000")
        grid.type("5555", "Enter")
        grid.type("6666", "Enter")
        grid.holds("value", 2500, 5555, 6666, 3000, 4000)
        self.cells(4)

    def set_by_tab(self) -> None:
        grid = self.grid
        grid.click(0, "value")
        grid.type("1", "Tab")
        assert self.active == (0, "close_date")
        grid.type("2026-07-02", "Shift+Tab")
        assert self.active == (0, "value")
        grid.select((1, "value"), (2, "close_date"))
        grid.type("3000", "Tab")
        grid.type("2026-07-03", "Tab")
        assert self.active == (2, "value")
        grid.holds("value", 1, 3000)
        grid.holds("close_date", "2026-07-02", "2026-07-03", "2026-06-30")

    def set_all(self) -> None:
        grid = self.grid
        grid.select((0, "value"), (2, "close_date"))
        grid.type("700", "Control+Enter")
        grid.holds("value", 700, 700, 700, 1300)
        self.cells(6)

    def leave(self) -> None:
        grid = self.grid
        grid.click(0, "value")
        grid.type("9", "Escape")
        expect(grid.said).to_have_text("Edit canceled")
        grid.holds("value", 1000)

    def calendar(self) -> None:
        grid = self.grid
        grid.click(0, "close_date")
        grid.press("F2")
        for key, day in (("ArrowRight", "2026-07-01"), ("ArrowDown", "2026-07-08")):
            grid.press(key)
            expect(grid.editor).to_have_value(day)
        grid.press("Home", "Enter")
        grid.holds("close_date", "2026-07-01")

    def break_line(self) -> None:
        grid = self.grid
        grid.click(0, "name")
        grid.type("One", "Alt+Enter")
        grid.type("Two", "Enter")
        grid.holds("name", "One\nTwo")

    def date_today(self) -> None:
        grid = self.grid
        grid.click(0, "close_date")
        grid.press("Control+;", "ArrowDown")
        grid.holds("close_date", "2026-06-01", "2026-06-30")
        grid.click(0, "name")
        grid.type("Seen ", "Control+;", "Enter")
        grid.holds("name", "Seen 2026-06-01")

    def agree(self) -> None:
        grid = self.grid
        grid.click(0, "stage")
        grid.type("closed won", "Enter")
        expect(
            grid.button("Also set Stated to 100% and Close date to Jun 1, 2026?")
        ).to_be_visible()
        grid.press("Alt+Enter")
        grid.holds("probability", 100)

    def clear(self) -> None:
        grid = self.grid
        grid.select((0, "value"), (1, "value"))
        grid.press("Delete")
        grid.holds("value", None, None, 1200)

    def cut_and_paste(self) -> None:
        grid = self.grid
        grid.select((0, "value"), (1, "value"))
        grid.press("Control+x")
        grid.click(4, "value")
        grid.press("Control+v")
        grid.holds("value", None, None, 1200, 1300, 1000, 1100)
        grid.select((4, "value"), (5, "value"))
        grid.press("Control+c")
        assert grid.clipboard() == "1000\n1100"
        # One copied cell fills; a row of titles is left out, or says where it belongs.
        grid.select((0, "value"), (1, "value"))
        grid.paste("77")
        grid.holds("value", 77, 77)
        grid.click(2, "value")
        grid.paste("Value\tClose date\n500\t2026-07-04\n600\t2026-07-05")
        expect(grid.said).to_contain_text("Pasted 4 cells, its row of titles left out")
        grid.holds("value", 500, 600, since=2)
        grid.click(2, "stage")
        grid.paste("Value\tClose date\n1\t2026-07-04\n2\t2026-07-05")
        expect(grid.said).to_contain_text("Not pasted: its titles are Value, Close date")

    def fill(self) -> None:
        grid = self.grid
        grid.select((0, "value"), (2, "value"))
        grid.press("Control+d")
        grid.holds("value", 1000, 1000, 1000)
        grid.click(0, "value")
        grid.press("Control+r")
        expect(grid.said).to_have_text("Select two or more columns to fill right")
        grid.click(1, "value")
        self.page.locator(".oap .fh").dblclick()
        grid.holds("value", *[1000] * 8)

    def drag(self) -> None:
        grid = self.grid
        grid.click(0, "close_date")
        grid.type("12/1/2026", "ArrowDown")
        grid.type("12/8/2026", "ArrowDown")
        grid.select((0, "close_date"), (1, "close_date"))
        self.drag_corner(3, "close_date")
        grid.holds("close_date", "2026-12-01", "2026-12-08", "2026-12-15", "2026-12-22")
        grid.click(4, "close_date")
        grid.type("11/30/2026", "ArrowDown")
        grid.type("12/31/2026", "ArrowDown")
        grid.select((4, "close_date"), (5, "close_date"))
        self.drag_corner(7, "close_date")
        grid.holds("close_date", "2027-01-31", "2027-02-28", since=6)
        grid.select((0, "value"), (1, "value"))
        self.drag_corner(3, "value")
        grid.holds("value", 1000, 1100, 1200, 1300)
        self.page.keyboard.down("Control")
        self.drag_corner(5, "value")
        self.page.keyboard.up("Control")
        grid.holds("value", 1000, 1100, since=4)
        grid.click(0, "probability")
        grid.type("60", "ArrowDown", "ArrowUp")
        self.drag_corner(2, "probability")
        grid.holds("probability", 60, 60, 60)

    def repeat(self) -> None:
        grid = self.grid
        grid.click(0, "value")
        grid.press("Shift+ArrowDown", "Shift+ArrowDown", "Control+Enter")
        grid.holds("value", 1000, 1000, 1000, 1300)

    def take_back(self) -> None:
        grid = self.grid
        grid.click(0, "value")
        grid.type("5000", "Enter")
        grid.press("Control+z")
        grid.holds("value", 1000)
        grid.press("Control+y")
        grid.holds("value", 5000)
        grid.press("Control+z", "Control+Shift+z")
        grid.holds("value", 5000)
        grid.click(0, "value")
        grid.press("Alt+Backspace")
        grid.holds("value", 1000)

    def find(self) -> None:
        grid = self.grid
        grid.press("Control+f")
        grid.type("Deal", "Enter", "Enter", "Shift+Enter")
        expect(self.page.locator(".fcount")).to_have_text("2 of 8 cells, 8 deals")
        grid.press("Control+h")
        expect(self.page.get_by_label("Replace with")).to_be_focused()
        grid.press("Escape")

    def remove(self) -> None:
        grid = self.grid
        grid.select((0, "value"), (1, "value"))
        for said in ("Marked 2 deals for removal", "Kept 2 deals"):
            grid.press("Control+Delete")
            expect(grid.said).to_have_text(said)

    def filter(self) -> None:
        self.grid.press("Alt+ArrowDown")
        expect(self.page.get_by_label("Filter Value")).to_be_focused()

    def menu(self) -> None:
        self.grid.press("Shift+F10")
        expect(self.page.get_by_role("menu")).to_be_visible()
        self.grid.press("Escape")

    def keys(self) -> None:
        for chord in ("?", "Control+/"):
            self.grid.press(chord)
            expect(self.page.get_by_role("dialog", name="Keys")).to_be_visible()
            self.grid.press("Escape")

    @property
    def by_line(self) -> dict[str, Callable[[], None]]:
        return {
            "Arrows, Home, End, Page Up, Page Down": self.move,
            "Tab, Shift+Tab": self.tab,
            "Enter or Shift+Enter": self.enter,
            "Click, Shift+click, Ctrl+click, drag": self.mouse_selects,
            **dict.fromkeys(("Shift+Space", "Ctrl+Space", "Ctrl+A"), self.select_whole),
            "Escape": self.escape,
            "Type": self.type,
            "Arrows, Home, End, Page Up, Page Down after that": self.type_and_go,
            "F2": self.edit,
            "F2 or Alt+Down after typing": self.hand_arrows_over,
            "Enter, Shift+Enter while editing": self.set_by_enter,
            "Tab, Shift+Tab while editing": self.set_by_tab,
            "Ctrl+Enter while editing": self.set_all,
            "Escape while editing": self.leave,
            "Arrows, Page Up, Page Down, Home, End in the calendar": self.calendar,
            "Alt+Enter while editing a text": self.break_line,
            "Ctrl+;": self.date_today,
            "Alt+Enter": self.agree,
            "Delete": self.clear,
            **dict.fromkeys(("Ctrl+X", "Ctrl+C", "Ctrl+V"), self.cut_and_paste),
            **dict.fromkeys(
                ("Ctrl+D", "Ctrl+R", "Double-click the corner of the selection"), self.fill
            ),
            "Drag the corner of the selection": self.drag,
            "Ctrl+Enter": self.repeat,
            **dict.fromkeys(("Ctrl+Z", "Ctrl+Y or Ctrl+Shift+Z", "Alt+Backspace"), self.take_back),
            **dict.fromkeys(("Ctrl+F", "Ctrl+H"), self.find),
            "Ctrl+Delete": self.remove,
            "Alt+Down": self.filter,
            "Shift+F10": self.menu,
            "? or Ctrl+/": self.keys,
        }


# Tried where titles are, and where a notebook is.
_ELSEWHERE = {
    "Click the arrow of a title, Shift+click",
    "Drag the title of a selected column",
    "Drag the border of a title, double-click it",
    "Ctrl+S",
}


def test_contract__each_line_of_the_list_does_what_it_says(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    frame = opportunities(8).assign(owner_name=["Anna Berg", "Bo"] * 4)
    grid = GridPage(page, oa.edit(oa.Org(currency="USD").apply(frame), as_of="2026-06-01"))
    table = (Path(__file__).parents[2] / "docs" / "grid.md").read_text("utf-8")
    lines = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", table.split("\n\n**Menu.**")[0], re.MULTILINE)
    listed = set(lines[1:]) - _ELSEWHERE
    hands = Hands(grid)

    def undo() -> str:
        grid.press("Control+z")
        page.wait_for_timeout(20)
        return grid.grid._sheet.step_labels[0]

    assert set(hands.by_line) == listed
    for act in dict.fromkeys(hands.by_line.values()):
        grid.click(0, "value")
        act()
        grid.click(0, "value")
        grid.until(undo, "")
    assert grid.complaints == []
