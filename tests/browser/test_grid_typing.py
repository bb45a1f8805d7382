"""What is typed and pasted into the grid in Chromium: blocks, days, names, closed deals, bulk
changes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

import opp_analytics as oa
from tests.browser.axe import serious_faults
from tests.browser.gridpage import GridPage
from tests.writer.frames import opportunities

pytestmark = pytest.mark.browser


@pytest.fixture
def grid(page: Page, tmp_path, monkeypatch) -> GridPage:
    """Deals 0 to 7 worth 1000, 1100, …, in proposal at 40%, due Jun 30, 2026, of Amara Okafor and
    Bo Chen by turns, in dollars."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    frame = opportunities(8).assign(owner_name=["Amara Okafor", "Bo Chen"] * 4)
    return GridPage(page, oa.edit(oa.Org(currency="USD").apply(frame), as_of="2026-06-01"))


def test_paste__below_the_last_deal_adds_deals_and_to_the_right_says_what_fell_outside(
    grid: GridPage,
) -> None:
    grid.click(7, "name")
    grid.paste("Last\tAmara Okafor\nNinth\tbo chen\n\tBo Chen\n\n\n")
    expect(grid.said).to_contain_text("Pasted 5 cells, 2 new deals · 1 new deal without a name")
    expect(grid.cell(8, "name")).to_have_text("Ninth")
    expect(grid.cell(8, "owner_name")).to_have_text("Bo Chen")
    expect(grid.cell(9, "name")).to_have_text("New deal")
    grid.until(lambda: len(grid.grid.edited), 10)
    expect(grid.strip).to_contain_text("3 changes in 2 deals")
    expect(grid.strip).to_contain_text("1 problem")
    grid.press("Control+z")
    expect(grid.page.locator(".oap .cnt")).to_have_text("8 deals")
    expect(grid.button("Undo")).to_be_disabled()
    grid.press("Control+y")
    expect(grid.page.locator(".oap .cnt")).to_have_text("10 deals")
    grid.press("Control+z")
    # Shown deals only, and no new ones, while a filter hides some.
    grid.filter("owner_name", "= bo chen")
    grid.click(2, "value")
    grid.paste("1\n2\n3\n4")
    expect(grid.said).to_contain_text("Pasted 2 cells, 2 cells outside the filtered deals")
    grid.holds("value", 1000, 1100, 1200, 1300, 1400, 1, 1600, 2)
    assert grid.complaints == []


def test_paste__lists_every_reason_with_its_cells(
    grid: GridPage,
) -> None:
    page = grid.page
    grid.click(0, "value")
    grid.paste("45k\t12/31/2026\n€45,000\t46022\nlots\tsoon")
    expect(grid.said).to_contain_text("Pasted 2 cells · 4 refused:")
    grid.button("All reasons").click()
    listed = page.get_by_role("dialog", name="Problems")
    for why in (
        "Is in €, not in USD; convert it first · 1 cell",
        "Is not an amount; try 45000, $45,000 or 45k · 1 cell",
    ):
        expect(listed).to_contain_text(why)
    assert serious_faults(page) == []
    listed.get_by_role("button", name="Deal 2, Value").click()
    expect(page.locator(".msg")).to_contain_text("“lots” is not an amount.")
    # The strip leads there, too.
    grid.button("4 problems").click()
    expect(listed).to_be_visible()
    grid.press("Escape")
    grid.holder.focus()
    grid.press("Control+z")
    expect(grid.strip).to_contain_text("No changes yet")
    assert grid.complaints == []


def test_closed_won__offers_the_chance_and_todays_date_and_never_sets_them_silently(
    grid: GridPage,
) -> None:
    grid.click(0, "stage")
    grid.type("closed won", "Enter")
    offer = grid.button("Also set Stated to 100% and Close date to Jun 1, 2026?")
    expect(offer).to_be_visible()
    grid.holds("probability", 40)
    grid.button("Review plan").click()
    expect(grid.drawer).to_contain_text("keeps Stated 40% and Close date Jun 30, 2026")
    grid.press("Escape", "Alt+Enter")
    expect(grid.cell(0, "probability")).to_have_text("100%")
    expect(grid.cell(0, "close_date")).to_have_text("Jun 1, 2026")
    expect(offer).not_to_be_visible()
    assert grid.complaints == []


def test_bulk__begins_on_the_stage_shows_the_first_deals_and_moves_dates(grid: GridPage) -> None:
    page = grid.page
    grid.click(0, "name")
    grid.button("Bulk edit").click()
    panel = page.get_by_role("dialog", name="Bulk edit")
    column, verb, value = (
        page.get_by_label(name, exact=True) for name in ("Column", "What to do", "Value")
    )
    expect(column).to_have_value("stage")
    expect(column).to_be_focused()
    assert "name" not in column.locator("option").evaluate_all(
        "all => all.map((each) => each.value)"
    )
    expect(page.get_by_role("button", name="Do it")).to_be_disabled()
    column.select_option("value")
    value.fill("5k")
    expect(panel).to_contain_text("Deal 0: 1,000 → 5,000")
    expect(panel).to_contain_text("… and 5 more cells")
    expect(panel).to_contain_text("8 of 8 deals would change")
    assert serious_faults(page) == []
    grid.holds("value", 1000)
    value.press("Enter")
    expect(grid.said).to_have_text("Set Value in 8 deals")
    grid.holds("value", 5000, 5000)
    grid.holder.focus()
    grid.press("Control+z")
    expect(grid.button("Undo")).to_be_disabled()
    grid.button("Bulk edit").click()
    column.select_option("close_date")
    verb.select_option("move")
    value.fill("+ 30d")
    expect(panel).to_contain_text("Deal 0: Jun 30, 2026 → Jul 30, 2026")
    verb.select_option("month_end")
    expect(panel).to_contain_text("0 of 8 deals would change")
    assert grid.complaints == []


def test_calendar__is_walked_by_keys_and_the_field_takes_days_counted_from_today(
    grid: GridPage,
) -> None:
    grid.click(0, "close_date")
    grid.press("F2")
    for key, day in (
        ("ArrowRight", "2026-07-01"),
        ("ArrowLeft", "2026-06-30"),
        ("ArrowDown", "2026-07-07"),
        ("ArrowUp", "2026-06-30"),
        ("PageDown", "2026-07-30"),
        ("Home", "2026-07-01"),
        ("End", "2026-07-31"),
        ("PageUp", "2026-06-30"),
    ):
        grid.press(key)
        expect(grid.editor).to_have_value(day)
    expect(grid.said).to_have_text("Jun 30, 2026")
    expect(grid.page.locator(".cal")).to_contain_text("Arrows: day, week. Page keys: month.")
    # Once somebody types, the arrows are the text's.
    grid.press("Control+a")
    grid.type("2026-07-01", "ArrowLeft", "Backspace")
    grid.type("2", "Enter")
    grid.holds("close_date", "2026-07-21")
    grid.click(1, "close_date")
    grid.type("eom", "Enter")
    grid.type("+2w", "Enter")
    grid.type("May 3, 2026", "Enter")
    expect(grid.said).to_contain_text("May 3, 2026 is unlikely for an open deal")
    grid.holds("close_date", "2026-06-30", "2026-06-15", "2026-05-03", since=1)
    assert grid.complaints == []
