"""The grid in Chromium, by mouse and keyboard, wired to its Python side without a notebook between them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

import opp_analytics as oa
from opp_analytics.org import empty
from opp_analytics.widgets import Grid
from tests.browser.hosting import show
from tests.writer.frames import opportunities

pytestmark = pytest.mark.browser


class Sheet:
    """What a person sees of the grid, and where things are."""

    def __init__(self, page: Page, grid: Grid) -> None:
        self.page, self.grid = page, grid
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        show(page, grid)

    @property
    def rows(self) -> Locator:
        return self.page.locator(".tabulator-row")

    @property
    def status(self) -> Locator:
        return self.page.get_by_role("status")

    @property
    def current(self) -> Locator:
        return self.page.locator(".opp-current")

    def cell(self, row: int, field: str) -> Locator:
        return self.rows.nth(row).locator(f"[tabulator-field={field}]")

    def column(self, field: str) -> list[str]:
        return self.page.locator(f".tabulator-cell[tabulator-field={field}]").all_inner_texts()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def filter(self, field: str, text: str) -> None:
        box = self.page.get_by_label(f"filter {field}")
        box.click()
        box.fill("")
        self.page.keyboard.type(text)

    def paste(self, text: str) -> None:
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self.press("Control+v")


@pytest.fixture
def sheet(page: Page) -> Sheet:
    """Deals 0 to 5 worth 1000, 1100, …, in proposal at 40%, due 2026-06-30."""
    return Sheet(page, oa.edit(opportunities(), as_of="2026-06-01"))


def test_keyboard__is_enough_to_move_edit_sort_undo_and_leave(sheet):
    sheet.page.get_by_role("button", name="Add row").focus()
    for _ in range(5 + 2 * len(sheet.grid._columns)):
        if sheet.page.evaluate("document.activeElement.className") == "tabulator-tableholder":
            break
        sheet.press("Tab")
    sheet.press("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown")
    expect(sheet.current).to_have_text("value of Deal 1: 1,100")
    sheet.press("F2", "End", "5", "Enter")
    expect(sheet.cell(1, "value")).to_have_text("11,005")
    expect(sheet.current).to_have_text("value of Deal 2: 1,200")
    sheet.press("Tab")
    expect(sheet.current).to_have_text("stage of Deal 2: proposal")
    sheet.press("Shift+Tab")
    sheet.press("9", "Escape")
    expect(sheet.cell(2, "value")).to_have_text("1,200")
    sheet.press("Alt+ArrowDown")
    expect(sheet.cell(0, "value")).to_have_text("11,005")
    sheet.press("Control+z")
    expect(sheet.status).to_have_text("undone: 1 cell")
    expect(sheet.cell(0, "value")).to_have_text("1,100")
    for _ in range(len(sheet.grid._columns)):
        sheet.press("Tab")
    assert sheet.page.evaluate("document.activeElement.closest('.tabulator')") is None
    sheet.cell(0, "name").click()
    sheet.press("Escape")
    expect(sheet.page.get_by_role("button", name="Show plan")).to_be_focused()
    assert sheet.grid.changes.empty
    assert sheet.complaints == []


def test_roles_and_names__tell_a_screen_reader_what_is_there(sheet):
    expect(sheet.page.locator(".opp-grid")).to_match_aria_snapshot("""
        - toolbar "Editing":
          - button "Add row"
          - button "Remove rows"
          - button "Fill down"
          - button "Undo"
          - button "Show plan"
          - status: 6 rows
        - text: "unique_id of Deal 0: o000 · locked"
        - grid "Opportunities":
          - rowgroup:
            - row:
              - columnheader "value":
                - searchbox "filter value"
          - rowgroup:
            - row:
              - gridcell "Deal 0"
              - gridcell "1,000"
        """)


def test_editors__are_a_date_picker_dropdowns_and_a_number_from_0_to_100(sheet):
    sheet.cell(0, "close_date").dblclick()
    date = sheet.page.locator("input.opp-editor")
    expect(date).to_have_attribute("type", "date")
    expect(date).to_have_value("2026-06-30")
    sheet.press("Escape")
    for field, offered in (
        ("stage", oa.edit(opportunities(1))._columns[4]["options"]),
        ("status", ("active", "inactive", "won", "lost")),
    ):
        sheet.cell(0, field).dblclick()
        choices = sheet.page.locator("select.opp-editor option")
        assert choices.all_inner_texts()[1:] == list(offered)
        sheet.press("Escape")
    sheet.cell(0, "probability").dblclick()
    number = sheet.page.locator("input.opp-editor")
    assert [number.get_attribute(name) for name in ("type", "min", "max")] == ["number", "0", "100"]
    expect(number).to_have_accessible_name("probability, 40")
    sheet.press("Escape")
    sheet.cell(0, "unique_id").dblclick()
    expect(sheet.page.locator(".opp-editor")).to_have_count(0)
    expect(sheet.current).to_have_text("unique_id of Deal 0: o000 · locked")


def test_choice__by_mouse_is_final_and_by_first_letter_opens(sheet):
    sheet.cell(0, "stage").dblclick()
    sheet.page.locator("select.opp-editor").dispatch_event("pointerdown")
    sheet.page.locator("select.opp-editor").select_option("closed_won")
    expect(sheet.cell(0, "stage")).to_have_text("closed_won")
    sheet.cell(1, "stage").click()
    sheet.press("n", "Enter")
    expect(sheet.cell(1, "stage")).to_have_text("negotiation")
    assert sheet.grid.edited["stage"].tolist()[:2] == ["closed_won", "negotiation"]


def test_refused__keeps_the_old_value_says_why_and_clears_when_fixed(sheet):
    sheet.cell(2, "value").click()
    sheet.page.keyboard.type("lots")
    sheet.press("Enter")
    reason = "'lots' is not a number; write it as 12000.5"
    expect(sheet.status).to_have_text(f"value of Deal 2: {reason}")
    expect(sheet.cell(2, "value")).to_have_text("1,200")
    expect(sheet.cell(2, "value")).to_have_attribute("aria-invalid", "true")
    expect(sheet.cell(2, "value")).to_have_attribute("title", reason)
    sheet.press("ArrowUp")
    expect(sheet.current).to_contain_text(f"refused: {reason}")
    sheet.page.keyboard.type("1250")
    sheet.press("Enter")
    expect(sheet.cell(2, "value")).to_have_attribute("aria-invalid", "false")
    expect(sheet.cell(2, "value")).to_have_attribute("title", "was 1,200")


def test_paste__goes_right_and_down_from_the_cell_over_what_is_shown(sheet):
    sheet.filter("name", "Deal")
    sheet.cell(4, "value").click()
    sheet.paste('5,000\tnegotiation\n"6000"\tclosed_won\nnot there\t\n')
    expect(sheet.status).to_have_text("4 cells changed")
    assert sheet.grid.edited["value"].tolist() == [1000, 1100, 1200, 1300, 5000, 6000]
    sheet.cell(0, "name").click()
    sheet.press("Shift+ArrowDown", "Shift+ArrowDown")
    sheet.paste("Same")
    expect(sheet.status).to_have_text("3 cells changed")
    assert sheet.grid.edited["name"].tolist() == ["Same"] * 3 + ["Deal 3", "Deal 4", "Deal 5"]


def test_copy_and_cut__give_a_spreadsheet_the_block(sheet):
    sheet.cell(0, "name").click()
    sheet.cell(1, "value").click(modifiers=["Shift"])
    sheet.press("Control+c")
    copied = "Deal 0\tacc-1\t1000\nDeal 1\tacc-1\t1100"
    assert sheet.page.evaluate("navigator.clipboard.readText()") == copied
    sheet.cell(0, "close_date").click()
    sheet.press("Control+x")
    expect(sheet.cell(0, "close_date")).to_have_text("")
    assert sheet.grid.edited["close_date"].isna().tolist() == [True] + [False] * 5


def test_filter_and_fill_down__touch_only_the_rows_on_show(sheet):
    sheet.filter("value", ">= 1300")
    expect(sheet.status).to_have_text("3 of 6 rows")
    sheet.cell(0, "probability").click()
    sheet.page.keyboard.type("75")
    sheet.press("Enter", "ArrowUp", "Shift+ArrowDown", "Shift+ArrowDown")
    sheet.page.get_by_role("button", name="Fill down").click()
    expect(sheet.status).to_have_text("2 cells changed")
    assert sheet.grid.edited["probability"].tolist() == [40, 40, 40, 75, 75, 75]


@pytest.mark.parametrize(
    ("field", "text", "left"),
    [
        ("value", "1100..1300", 3),
        ("value", "< 1,100", 1),
        ("close_date", "<= 2026-06", 6),
        ("close_date", "> 2026-06", 0),
        ("name", "deal 3", 1),
        ("stage", "prop", 6),
    ],
)
def test_filter__reads_comparisons_ranges_and_texts(sheet, field, text, left):
    sheet.filter(field, text)
    expect(sheet.status).to_have_text("6 rows" if left == 6 else f"{left} of 6 rows")
    expect(sheet.rows).to_have_count(left)


def test_rows__are_added_and_removed_and_come_back(sheet):
    sheet.page.get_by_role("button", name="Add row").click()
    expect(sheet.rows).to_have_count(7)
    expect(sheet.cell(0, "name")).to_have_attribute("aria-invalid", "true")
    sheet.page.keyboard.type("Brand new")
    sheet.press("Tab", "Tab")
    sheet.page.keyboard.type("900")
    sheet.press("Enter")
    expect(sheet.cell(0, "value")).to_have_text("900")
    sheet.cell(2, "name").click()
    sheet.page.get_by_role("button", name="Remove rows").click()
    expect(sheet.rows.nth(2)).to_contain_class("opp-removed")
    sheet.page.get_by_role("button", name="Show plan").click()
    plan = sheet.page.get_by_role("region", name="Plan and impact")
    expect(plan).to_contain_text("1 create (2 cells), 1 delete")
    expect(plan).to_contain_text("allow_delete=True")
    assert sheet.grid.edited["name"].tolist() == [
        "Deal 0",
        "Deal 2",
        "Deal 3",
        "Deal 4",
        "Deal 5",
        "Brand new",
    ]
    for _ in range(4):
        sheet.page.get_by_role("button", name="Undo").click()
    expect(sheet.rows).to_have_count(6)
    expect(sheet.page.locator(".opp-removed")).to_have_count(0)
    assert sheet.grid.changes.empty


def test_rows__can_be_added_to_none(page):
    grid = oa.edit(empty())
    sheet = Sheet(page, grid)
    page.get_by_role("button", name="Add row").click()
    expect(sheet.rows).to_have_count(1)
    page.keyboard.type("First")
    sheet.press("Enter")
    expect(sheet.cell(0, "name")).to_have_text("First")
    assert grid.edited["name"].tolist() == ["First"]
    assert sheet.complaints == []


def test_names__are_text_never_markup(page):
    hostile = "<img src=x onerror=\"document.title='broken into'\">"
    frame = opportunities(2).assign(name=[hostile, "Deal 1"], **{hostile: "a"})
    sheet = Sheet(page, oa.edit(frame, as_of="2026-06-01"))
    assert sheet.column("name")[0] == hostile
    sheet.cell(0, "name").click()
    sheet.cell(0, "value").dblclick()
    sheet.page.keyboard.type("77")
    sheet.press("Enter")
    page.get_by_role("button", name="Show plan").click()
    expect(page.get_by_role("region", name="Plan and impact")).to_contain_text(hostile)
    expect(page.locator("img")).to_have_count(0)
    assert page.title() == ""


def test_sort__keeps_edits_with_their_rows(sheet):
    sheet.cell(5, "value").click()
    sheet.page.keyboard.type("1")
    sheet.press("Enter", "ArrowUp")
    sheet.press("Alt+ArrowUp")
    expect(sheet.cell(0, "name")).to_have_text("Deal 5")
    expect(sheet.cell(0, "value")).to_contain_class("opp-changed")
    sheet.cell(1, "value").click()
    sheet.page.keyboard.type("2")
    sheet.press("Enter")
    expect(sheet.cell(1, "value")).to_have_text("2")
    assert sheet.grid.changes["unique_id"].tolist() == ["o000", "o005"]


def test_dark__and_light_are_both_readable(page, screenshots):
    Sheet(page, oa.edit(opportunities(30), as_of="2026-06-01"))
    page.add_style_tag(
        content=":root {--jp-layout-color1: #111; --jp-layout-color2: #222; --jp-border-color2: #444;"
        "--jp-ui-font-color1: #eee; --jp-ui-font-color2: #bbb} body {background: #111}"
    )
    ink, paper = (
        page.locator(".tabulator-cell[tabulator-field=name]").first.evaluate(
            f"cell => getComputedStyle(cell).{what}"
        )
        for what in ("color", "borderRightColor")
    )
    assert ink == "rgb(238, 238, 238)"
    assert paper == "rgb(68, 68, 68)"
    page.screenshot(path=screenshots / "grid-dark.png")


def test_hundred_thousand_rows__open_scroll_and_edit_at_the_far_end(page, screenshots):
    grid = oa.edit(opportunities(100_000))
    sheet = Sheet(page, grid)
    sheet.cell(0, "value").click()
    sheet.press("Control+ArrowDown")
    expect(sheet.current).to_have_text("value of Deal 99999: 10,000,900")
    assert page.locator(".tabulator-row").count() < 200
    page.keyboard.type("5")
    sheet.press("Enter")
    expect(sheet.status).to_have_text("1 cell changed")
    sheet.filter("name", "Deal 9999")
    expect(sheet.status).to_have_text("11 of 100,000 rows")
    expect(sheet.current).to_contain_text("Deal 9999:")
    assert page.locator(".tabulator-tableholder").evaluate("holder => holder.scrollTop") == 0
    assert sheet.column("value")[-1] == "5"
    assert grid.edited["value"].iloc[-1] == 5
    page.screenshot(path=screenshots / "grid-100000-rows.png")
    assert sheet.complaints == []
