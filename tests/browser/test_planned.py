"""From the explorer to the grid and back, by mouse and by keyboard."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import Locator, Page, expect

import opp_analytics as oa
from tests.browser.axe import serious_faults
from tests.browser.hosting import show
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
    made = oa.explore(deals, as_of="2026-06-01", state={"question": "stages"})
    show(page, made)
    return made


def _grid(page: Page) -> Locator:
    return page.locator(".oap:not(.oap-explorer)")


def _row(page: Page, name: str) -> Locator:
    return page.locator(".fig > .tbs > .deals > tbody > tr", has_text=name)


def test_deals_of_a_row__are_edited_and_the_answer_shows_the_plan(
    page: Page, explorer: oa.widgets.Explorer, screenshots: Path
) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.get_by_role("button", name="Discovery", exact=True).click()
    page.get_by_role("button", name="Edit these 2 deals").click()
    grid = _grid(page)
    expect(grid.locator(".cnt")).to_have_text("Show all · 2 of 8 deals")
    expect(grid.locator(".kf")).to_be_focused()
    expect(page.locator(".bench h4")).to_have_text("Editing the deals of Discovery")
    planned = page.locator(".planned")
    expect(planned).to_contain_text("No planned changes yet")
    cell = grid.locator(".slick-row[data-row='0'] .slick-cell", has_text="1,600")
    cell.click()
    page.keyboard.type("9600")
    page.keyboard.press("Enter")
    expect(planned).to_contain_text("1 planned change in 1 deal")
    planned.get_by_label("With the planned changes").check()
    expect(page.locator(".fig thead").first).to_contain_text("Planned change")
    expect(_row(page, "Discovery").first).to_contain_text("8,000")
    expect(page.locator("pre.code").first).to_contain_text("edited=explorer.grid.named")
    page.screenshot(path=screenshots / "explorer-planned.png", full_page=True)
    assert serious_faults(page) == []
    # An edit that is in the answer changes it; another question keeps the edits.
    cell = grid.locator(".slick-row[data-row='1'] .slick-cell", has_text="1,700")
    cell.click()
    page.keyboard.type("2700")
    page.keyboard.press("Enter")
    expect(_row(page, "Discovery").first).to_contain_text("9,000")
    page.get_by_label("Question").select_option("slippage")
    expect(planned).to_contain_text("not used here: it reads records")
    page.get_by_label("Question").select_option("deals")
    expect(planned).to_contain_text("2 planned changes in 2 deals")
    page.get_by_role("button", name="Edit these deals").click()
    expect(grid.locator(".cnt")).to_have_text("Show all · 8 deals")
    # Drawn again, the explorer still knows its grid.
    page.evaluate("window.close(); window.again()")
    expect(planned).to_contain_text("2 planned changes in 2 deals")
    planned.get_by_role("button", name="Back to the grid").click()
    expect(grid.locator(".kf")).to_be_focused()
    expect(grid.locator(".plan")).to_contain_text("2 changes in 2 deals")
    for width in (400, 700):
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=screenshots / f"explorer-planned-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == []


@pytest.mark.parametrize("marimo", [False, True])
def test_page__that_cannot_show_the_grid_gives_the_code(
    page: Page, explorer: oa.widgets.Explorer, marimo: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # marimo makes no widget in a message; the others have no manager of widgets.
    if marimo:
        host = SimpleNamespace(running_in_notebook=lambda: True)
        monkeypatch.setitem(sys.modules, "marimo", host)
    else:
        page.evaluate("window.hostedModel.widget_manager = undefined")
    page.get_by_role("button", name="Edit these deals").click()
    expect(page.locator("main")).to_contain_text(
        "This page cannot show the grid here. Run this in a cell:"
    )
    expect(page.get_by_role("button", name="Copy code")).to_be_focused()
    assert (explorer.grid is None) == marimo


def test_what_is_applied__is_what_the_explorer_shows(page: Page, tenant) -> None:
    client = tenant(3)
    deals, state = oa.load(client, progress=False), {"question": "stages"}
    show(page, oa.explore(deals, client=client, as_of="2026-06-01", state=state))
    page.get_by_role("button", name="Edit these deals").click()
    grid = _grid(page)
    grid.locator(".slick-row[data-row='0'] .slick-cell", has_text="1,000").click()
    page.keyboard.type("91000")
    page.keyboard.press("Enter")
    expect(page.locator(".planned")).to_contain_text("1 planned change in 1 deal")
    expect(_row(page, "Proposal")).to_contain_text("3,003")
    grid.get_by_role("button", name="Review plan").click()
    drawer = grid.locator(".drw")
    drawer.get_by_role("button", name="Check against the server").click()
    drawer.get_by_role("button", name="Apply 1 change…").click()
    drawer.get_by_role("button", name="Write 1 change").click()
    expect(drawer).to_contain_text("Receipt: 1 of 1 change")
    expect(page.locator(".planned")).to_contain_text("No planned changes yet")
    expect(_row(page, "Proposal")).to_contain_text("93,003")
    expect(page.locator("pre.code").first).to_contain_text(
        "opportunities = explorer.grid.opportunities"
    )
