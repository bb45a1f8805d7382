"""Pictures of explorer and grid in OPP_ANALYTICS_SCREENSHOTS, light and dark, wide and narrow: to
look at, beside the tests of what they do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

import opp_analytics as oa
from opp_analytics.history import History
from opp_analytics.org import empty
from tests.browser.gridpage import GridPage
from tests.browser.hosting import show

pytestmark = pytest.mark.browser

TODAY = "2026-11-25"
DARK = (
    "document.body.dataset.jpThemeLight = 'false'; document.body.style.background = '#111';"
    "document.body.style.setProperty('--jp-layout-color0', '#111')"
)
LIGHT = "delete document.body.dataset.jpThemeLight; document.body.removeAttribute('style')"
LOST = (
    "window.silent = true; window.hostedModel.widget_manager = { kernel: { connectionStatus: "
    "'disconnected' } }"
)
Demo = tuple[oa.Client, History, pd.DataFrame]


@pytest.fixture(scope="module")
def demo() -> Demo:
    """The simulated team of the mocks: client, history, opportunities."""
    client, history = oa.demo(today=TODAY)
    return client, history, oa.load(client, progress=False)


@pytest.fixture
def shoot(page: Page, screenshots: Path) -> Callable[[str], None]:
    """Keep a picture of the page under the name of its rule."""

    def shoot(rule: str) -> None:
        page.screenshot(path=screenshots / f"rule-{rule}.png", full_page=True)

    return shoot


def in_both_themes(
    page: Page, shoot: Callable[[str], None], rule: str, widths: tuple[int, ...]
) -> None:
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        for theme, act in (("light", LIGHT), ("dark", DARK)):
            page.evaluate(act)
            shoot(f"{rule}-{width}-{theme}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(LIGHT)


@pytest.mark.parametrize("key", ["will_we_make_it", "win_rates", "at_risk"])
def test_explorer__in_pictures(key: str, page: Page, demo: Demo, shoot) -> None:
    client, history, opportunities = demo
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    state = {"question": key}
    show(page, oa.explore(opportunities, history, client=client, as_of=TODAY, state=state))
    if key != "will_we_make_it":
        page.locator(".deals .name").first.click()
        expect(page.locator(".inside")).to_be_visible()
    in_both_themes(page, shoot, f"explorer-{key}", (1040, 400))
    assert complaints == []


def test_explorer__in_pictures_of_what_goes_wrong(page: Page, demo: Demo, shoot) -> None:
    _, _, opportunities = demo
    page.set_viewport_size({"width": 1040, "height": 900})
    show(page, oa.explore(opportunities, as_of=TODAY, state={"question": "slippage"}))
    live, question = page.locator(".live"), page.get_by_label("Question")
    shoot("explorer-without-history")
    page.evaluate("window.silent = true")
    question.select_option("stages")
    expect(live).to_have_text("Waiting for Python…")
    shoot("explorer-waiting-for-python")
    page.evaluate(LOST)
    question.select_option("win_rates")
    expect(live).to_contain_text("Python is gone")
    expect(question).to_have_value("slippage")
    shoot("explorer-python-is-gone")


def test_grid__in_pictures(page: Page, demo: Demo, shoot, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    client, _, opportunities = demo
    page.set_viewport_size({"width": 1200, "height": 700})
    grid = GridPage(page, oa.edit(opportunities, client=client, as_of=TODAY))
    # Changed, refused, removed and selected cells; the reason beside its cell.
    grid.click(0, "value")
    grid.type("45k", "Enter")
    expect(grid.cell(0, "value")).to_have_text("45,000")
    grid.type("$12,000.50", "Enter")
    grid.click(2, "close_date")
    grid.type("02/30/2027", "Enter")
    expect(page.locator(".oap .msg")).to_contain_text("is not a date")
    shoot("grid-refused-beside-its-cell")
    grid.click(5, "name")
    grid.press("Control+Delete")
    grid.select((0, "value"), (5, "close_date"))
    expect(grid.strip).to_contain_text("3 changes in 3 deals·forecast")
    in_both_themes(page, shoot, "grid", (1200, 700, 420))
    narrow = page.locator("[data-filter='value']").element_handle()
    page.set_viewport_size({"width": 1200, "height": 700})
    # A grid of another width draws its filters anew.
    narrow.wait_for_element_state("hidden")
    # What opens: lists of values, columns, bulk edits, find and replace.
    page.locator("[data-values='owner_name']").click()
    shoot("grid-values-of-a-column")
    grid.press("Escape")
    for name in ("Columns", "Bulk edit"):
        grid.button(name).click()
        shoot(f"grid-{name}")
        grid.press("Escape")
    grid.press("Control+f")
    grid.type("renewal")
    page.get_by_label("Replace with").fill("extension")
    expect(page.locator(".prev")).to_contain_text("more")
    shoot("grid-find-and-replace")
    grid.press("Escape")
    # The plan: changes, conflict, confirmation, receipt.
    changed = grid.grid.edited.query("value == 12000.5")["unique_id"].item()
    client.update(changed, value=34_000)
    grid.button("Review plan").click()
    expect(grid.drawer).to_contain_text("Review plan")
    shoot("grid-review-changes")
    grid.drawer.get_by_role("button", name="Check against the server").click()
    expect(grid.drawer).to_contain_text("Which value should stay?")
    shoot("grid-review-conflict")
    grid.drawer.get_by_label("Theirs, 34,000").check()
    grid.drawer.get_by_role("button", name=re.compile("Apply")).click()
    expect(grid.drawer).to_contain_text("in the CRM?")
    in_both_themes(page, shoot, "grid-review-confirmation", (1200,))
    grid.drawer.get_by_role("button", name=re.compile("Write")).click()
    expect(grid.drawer).to_contain_text("Receipt:")
    shoot("grid-receipt")
    assert grid.complaints == []


def test_grid__in_a_picture_of_an_empty_frame(page: Page, shoot, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    page.set_viewport_size({"width": 1200, "height": 700})
    grid = GridPage(page, oa.edit(empty(), as_of=TODAY))
    expect(page.locator(".oap .none")).to_contain_text("No deals")
    shoot("grid-empty")
    assert grid.complaints == []
