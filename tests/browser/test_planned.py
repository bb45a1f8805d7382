"""From the explorer to the grid and back, by mouse and by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

import opp_analytics as oa
from tests.browser.axe import serious_faults
from tests.browser.hosting import show
from tests.browser.keys import Keys
from tests.widgets.asking import choose
from tests.widgets.teams import TODAY, make_org, recorded_team
from tests.writer.frames import opportunities

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def explorer(page: Page) -> oa.widgets.Explorer:
    """Eight deals of Ann and Bo, six in proposal and two in discovery."""
    deals = opportunities(8).assign(owner_name=["Ann", "Bo"] * 4)
    deals["stage"] = ["proposal"] * 6 + ["discovery"] * 2
    made = oa.explore(deals, as_of="2026-06-01")
    show(page, made)
    return made


def _grid(page: Page) -> Locator:
    return page.locator(".oap:not(.oap-explorer)")


def test_deals_of_a_mark__are_edited_and_the_view_shows_the_plan(
    page: Page, explorer: oa.widgets.Explorer, screenshots: Path
) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.locator("[data-mark=discovery]").click()
    page.get_by_role("button", name="Edit these 2 deals").click()
    grid = _grid(page)
    expect(grid.locator(".cnt")).to_have_text("Show all · 2 of 8 deals")
    expect(grid.locator(".gs")).to_be_focused()
    expect(page.locator(".bench h4")).to_have_text("Editing 2 deals of Discovery")
    planned = page.locator(".planned")
    expect(planned).to_contain_text("No planned changes yet")
    cell = grid.locator(".slick-row[data-row='0'] .slick-cell", has_text="1,600")
    cell.click()
    page.keyboard.type("9600")
    page.keyboard.press("Enter")
    expect(planned).to_contain_text("1 planned change in 1 deal")
    kpi = page.locator(".kpi")
    expect(kpi).to_contain_text("11K")
    planned.get_by_label("With the planned changes").check()
    head = page.locator(".rows .head")
    expect(head).to_contain_text("Planned")
    expect(page.locator("[data-mark=discovery]")).to_contain_text("+8K")
    expect(kpi).to_contain_text("without the changes 11K")
    expect(page.locator("pre.code").first).to_contain_text("edited = explorer.grid.edited")
    page.screenshot(path=screenshots / "explorer-planned.png", full_page=True)
    assert serious_faults(page) == []
    # An edit that is drawn draws again; a filter keeps the edits.
    cell = grid.locator(".slick-row[data-row='1'] .slick-cell", has_text="1,700")
    cell.click()
    page.keyboard.type("2700")
    page.keyboard.press("Enter")
    expect(page.locator("[data-mark=discovery]")).to_contain_text("+9K")
    page.get_by_label("Group by").select_option("owner_name")
    expect(page.locator("[data-mark=Ann]")).to_contain_text("+8K")
    expect(planned).to_contain_text("2 planned changes in 2 deals")
    page.locator("[data-mark=Ann]").click()
    page.get_by_role("button", name="Edit these 4 deals").click()
    expect(grid.locator(".cnt")).to_have_text("Show all · 4 of 8 deals")
    grid.get_by_role("button", name="Show all").click()
    expect(grid.locator(".cnt")).to_have_text("8 deals")
    # Drawn again, the explorer still knows its grid.
    page.evaluate("window.close(); window.again()")
    expect(planned).to_contain_text("2 planned changes in 2 deals")
    planned.get_by_role("button", name="Back to the grid").click()
    expect(grid.locator(".gs")).to_be_focused()
    expect(grid.locator(".plan")).to_contain_text("2 changes in 2 deals")
    for width in (400, 700):
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=screenshots / f"explorer-planned-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == []


def test_deals_of_a_mark__are_edited_by_keyboard(page: Page, explorer: oa.widgets.Explorer) -> None:
    keys = Keys(page)
    page.locator("[data-mark=discovery]").focus()
    keys.press("Enter")
    expect(page.locator(".tbl h4")).to_be_focused()
    keys.tab_to("Edit these 2 deals")
    keys.press("Enter")
    grid = _grid(page)
    expect(grid.locator(".gs")).to_be_focused()
    keys.press("ArrowRight", "ArrowRight", "ArrowRight")
    keys.type("9600", "Enter")
    expect(page.locator(".planned")).to_contain_text("1 planned change in 1 deal")
    expect(grid.locator(".said")).to_contain_text("9,600")
    keys.press("Escape")
    keys.tab_to("Back to the explorer", "Shift+Tab")
    keys.press("Enter")
    expect(page.get_by_label("With the planned changes")).to_be_focused()
    keys.press("Space")
    expect(page.locator(".rows .head")).to_contain_text("Planned")
    expect(page.get_by_label("With the planned changes")).to_be_focused()
    keys.press("Tab", "Enter")
    expect(grid.locator(".gs")).to_be_focused()


def test_picture__keeps_its_room_beside_eight_figures(page: Page) -> None:
    team = recorded_team(make_org())
    explorer = oa.explore(team.as_of(TODAY), team, state={"view": "forecast", "by": "owner_name"})
    explorer.edit()
    choose(explorer, view="forecast", by="owner_name", planned=True)
    page.set_viewport_size({"width": 848, "height": 900})
    show(page, explorer)
    expect(page.locator(".rows .head")).to_contain_text("Planned")
    assert page.locator(".wide").evaluate("node => node.scrollWidth <= node.clientWidth")
    for picture in page.locator(".wide .row .drawn").all():
        assert picture.evaluate("node => node.offsetWidth") > 200
    right = page.locator(".wide").evaluate("node => node.getBoundingClientRect().right")
    last = page.locator(".wide .row .fig:last-child")
    assert (
        max(last.evaluate_all("all => all.map((node) => node.getBoundingClientRect().right)"))
        <= right + 1
    )


def test_page__that_cannot_show_the_grid_gives_the_code(
    page: Page, explorer: oa.widgets.Explorer
) -> None:
    page.evaluate("window.hostedModel.widget_manager = undefined")
    page.get_by_role("button", name="Edit deals").click()
    expect(page.locator("main")).to_contain_text(
        "This page cannot show the grid here. Run this in a cell:"
    )
    expect(page.get_by_role("button", name="Copy code")).to_be_focused()
    assert explorer.grid is not None


def test_what_is_applied__is_what_the_explorer_shows(page: Page, tenant) -> None:
    client = tenant(3)
    explorer = oa.explore(oa.load(client, progress=False), client=client, as_of="2026-06-01")
    show(page, explorer)
    page.get_by_role("button", name="Edit deals").click()
    grid = _grid(page)
    grid.locator(".slick-row[data-row='0'] .slick-cell", has_text="1,000").click()
    page.keyboard.type("91000")
    page.keyboard.press("Enter")
    expect(page.locator(".planned")).to_contain_text("1 planned change in 1 deal")
    expect(page.locator("[data-mark=proposal]")).to_contain_text("3K")
    grid.get_by_role("button", name="Review plan").click()
    drawer = grid.locator(".drw")
    drawer.get_by_role("button", name="Check against the server").click()
    drawer.get_by_role("button", name="Apply 1 change…").click()
    drawer.get_by_role("button", name="Write 1 change").click()
    expect(drawer).to_contain_text("Receipt: 1 of 1 change")
    expect(page.locator(".planned")).to_contain_text("No planned changes yet")
    expect(page.locator("[data-mark=proposal]")).to_contain_text("93K")
    expect(page.locator("pre.code").first).to_contain_text("applied = explorer.grid.opportunities")
