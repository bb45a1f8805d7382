"""The weekly review by keyboard alone: from the team's deals to a written plan, and back."""

from __future__ import annotations

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

import opp_analytics as oa
from tests.browser.hosting import show
from tests.browser.keys import Keys
from tests.support import row

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_meeting__goes_through_its_twelve_steps_by_keyboard(page: Page, tenant) -> None:
    owners = ["Ann", "Ann", "Ann", "Bo"]
    rows = [row(number, owner_name=owner) for number, owner in enumerate(owners)]
    client = tenant(pd.DataFrame(rows))
    explorer = oa.explore(oa.load(client, progress=False), client=client, as_of="2026-06-20")
    show(page, explorer)
    keys, panel = Keys(page), page.locator(".oap-explorer").first
    grid, title = page.locator(".oap:not(.oap-explorer)"), panel.locator(".sub")
    drawer, planned = grid.locator(".drw"), panel.locator(".planned")

    # 1 to 3: the question, whose deals, and this month.
    keys.tab_to("Question")
    keys.type("Which deals are")
    expect(title).to_have_text("Deals")
    keys.tab_to("Whose deals")
    keys.type("Ann")
    expect(title).to_have_text("Deals · Ann")
    keys.tab_to("Close date")
    keys.press("Enter")
    keys.tab_to("This month")
    keys.press("Enter")
    expect(title).to_have_text("Deals · Ann · 3 of 4 deals, dated Jun 30")
    assert explorer.state["part"] == "Ann"
    # 4: a deal's story.
    keys.tab_to("Deal 0")
    keys.press("Enter")
    expect(panel.locator(".inside")).to_contain_text("No record has this deal yet")
    keys.press("Escape")
    # 5: what is kept for next week.
    keys.tab_to("Views", "Shift+Tab")
    keys.press("Enter")
    keys.type("Ann, this month", "Enter")
    expect(page.get_by_role("dialog", name="Views")).to_contain_text("Ann, this month")
    keys.press("Escape")
    # 6 and 7: two dates and a stage in the grid, and the strip below it.
    keys.tab_to("Edit these deals")
    keys.press("Enter")
    expect(grid.locator(".cnt")).to_have_text("Show all · 3 of 4 deals")
    expect(grid.locator(".kf")).to_be_focused()
    titles = grid.locator(".slick-header-column").all_inner_texts()
    titles = [words.split("\n")[0].strip() for words in titles]
    keys.press("Control+Home", *["ArrowRight"] * (titles.index("Close date") - 1))
    keys.type("7/15/2026", "ArrowDown")
    keys.type("7/31/2026", "Enter")
    keys.press("Control+Home", *["ArrowRight"] * (titles.index("Stage") - 1))
    keys.press("ArrowDown", "ArrowDown")
    keys.type("negotiation", "Enter")
    expect(grid.locator(".plan")).to_contain_text("3 changes in 3 deals")
    # 8: what the plan changes, with what leaves the month.
    keys.press("Escape")
    keys.tab_to("Back to the explorer", "Shift+Tab")
    keys.press("Enter")
    keys.tab_to("Back to the grid")
    keys.press("Shift+Tab", "Space")
    for left in ("No longer here: ", "(now due Jul 15)", "(now due Jul 31)"):
        expect(panel.locator(".fig")).to_contain_text(left)
    # 9: the answer as a page.
    keys.tab_to("Save…")
    with page.expect_download() as saved:
        keys.press("Enter")
    assert "now due Jul 15" in saved.value.path().read_text()
    # 10 to 12: reviewed, written, taken back.
    keys.tab_to("Back to the grid", "Shift+Tab")
    keys.press("Enter")
    keys.tab_to("Review plan")
    keys.press("Enter")
    keys.tab_to("Check against the server")
    keys.press("Enter")
    expect(drawer.get_by_role("button", name="Apply 3 changes…")).to_be_focused()
    keys.press("Enter")
    keys.tab_to("Write 3 changes")
    keys.press("Enter")
    expect(drawer).to_contain_text("Receipt: 3 of 3 changes written")
    keys.tab_to("Undo this run")
    keys.press("Enter", "Enter")
    expect(drawer).to_contain_text("Undone: 3 changes taken back")
    expect(planned).to_contain_text("No planned changes yet")
    dates = oa.load(client, progress=False)["close_date"]
    assert (dates == pd.Timestamp("2026-06-30")).all()
