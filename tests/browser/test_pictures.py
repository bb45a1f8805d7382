"""A picture of each rule and state of explorer and grid, in OPP_ANALYTICS_SCREENSHOTS: to look at,
beside the tests of what they do."""

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
from opp_analytics.widgets import Explorer
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


def test_explorer__in_pictures(page: Page, demo: Demo, shoot) -> None:
    client, history, opportunities = demo
    page.set_viewport_size({"width": 1040, "height": 900})
    explorer = oa.explore(opportunities, history, client=client, as_of=TODAY)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    show(page, explorer)
    title = page.locator(".oap-explorer h3").first
    code = page.locator(".oap-explorer .foot .code")

    def view(name: str, drawn: str) -> None:
        page.get_by_role("tab", name=name).click()
        expect(code).to_contain_text(drawn)

    # Controls per view.
    shoot("explorer-pipeline")
    view("Win rates", "oa.plots.win_rate")
    shoot("explorer-win-rates")
    view("Forecast", "oa.plots.forecast")
    page.get_by_label("Target of a period").fill("400k")
    page.keyboard.press("Enter")
    expect(title).to_contain_text("likely to hit")
    shoot("explorer-forecast-target")
    view("Slippage", "oa.plots.slippage")
    shoot("explorer-slippage")
    page.get_by_label("Group by").select_option("owner_name")
    expect(page.locator("rect.mk").first).to_be_visible()
    shoot("explorer-slippage-by-owner")
    view("Changes", "oa.plots.waterfall")
    page.get_by_role("button", name="13 weeks").click()
    expect(title).to_contain_text("Aug 26")
    # One blue mark, the one that the title names; the deals under a mark add up to it.
    shoot("explorer-changes-one-highlight")
    won = page.locator(".mk[data-mark=won]")
    won.hover()
    expect(page.locator(".tip")).to_be_visible()
    shoot("explorer-hover-says-the-figures")
    won.click()
    expect(page.locator(".deals tfoot")).to_contain_text("Total,")
    page.locator(".deals .deal").first.click()
    expect(page.locator(".deals .tl dd").first).to_be_visible()
    shoot("explorer-mark-opens-its-deals-and-timeline")
    page.keyboard.press("Escape")
    won.focus()
    page.keyboard.press("Tab")
    shoot("explorer-focus-and-tip-by-keyboard")
    # Filters are chips, found by typing; unused ones are dashed; picked once by what deals were at
    # the start.
    page.get_by_role("button", name="Owner", exact=True).click()
    page.get_by_role("checkbox").first.check()
    shoot("explorer-people-are-checked-in-a-list")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Stage", exact=True).click()
    page.get_by_role("checkbox", name="proposal").check()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Value", exact=True).click()
    page.get_by_label("Value from").fill("10k")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.locator(".chip")).to_have_count(3)
    expect(page.locator(".note.hon").first).to_be_visible()
    shoot("explorer-filters-pick-once-and-say-so")
    in_both_themes(page, shoot, "explorer-changes-filtered", (1040, 700))
    for width in (420, 560):
        page.set_viewport_size({"width": width, "height": 900})
        shoot(f"explorer-narrow-{width}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1040, "height": 900})
    view("Win rates", "oa.plots.win_rate")
    expect(page.locator(".chip.off")).to_be_visible()
    shoot("explorer-unused-filter-stays-dashed")
    page.get_by_role("button", name="Value", exact=True).click()
    page.get_by_label("Value from").fill("much")
    page.keyboard.press("Tab")
    expect(page.locator(".err")).to_contain_text("is not an amount")
    shoot("explorer-not-an-amount")
    page.keyboard.press("Escape")
    page.get_by_label("Deal name contains").fill("no such deal")
    expect(title).to_have_text("No deals match.")
    shoot("explorer-no-match")
    page.get_by_role("button", name="Clear all filters").click()
    view("Slippage", "oa.plots.slippage")
    page.get_by_label("Due from").or_(page.get_by_label("From", exact=True)).first.select_option(
        label="Nov 25, 2026"
    )
    expect(title).to_have_text("The window holds one record.")
    shoot("explorer-one-record-in-the-window")
    page.get_by_role("button", name="Reset").click()
    page.evaluate("window.silent = true")
    page.get_by_role("tab", name="Pipeline").click()
    expect(page.locator(".live")).to_have_text("Waiting for Python…")
    shoot("explorer-waiting-for-python")
    page.evaluate(LOST)
    page.get_by_role("tab", name="Win rates").click()
    expect(page.locator(".live")).to_contain_text("Python is gone")
    expect(page.get_by_role("tab", name="Slippage")).to_have_attribute("aria-selected", "true")
    shoot("explorer-python-is-gone")
    assert complaints == []


@pytest.mark.parametrize(
    ("state", "frame", "said"),
    [
        ("no-history", lambda deals: deals, "No history yet."),
        (
            "no-chances",
            lambda deals: deals[deals["stage"] == "proposal"].drop(columns="probability"),
            "No chances yet.",
        ),
        ("empty", lambda deals: deals.head(0), "No deals yet."),
        ("one-deal", lambda deals: deals.tail(1), "."),
    ],
)
def test_explorer__in_pictures_of_its_states(
    state: str, frame, said: str, page: Page, demo: Demo, shoot
) -> None:
    page.set_viewport_size({"width": 1040, "height": 900})
    view = {"no-history": "changes", "no-chances": "forecast"}.get(state, "pipeline")
    explorer: Explorer = oa.explore(frame(demo[2]), as_of=TODAY, state={"view": view})
    show(page, explorer)
    expect(page.locator(".oap-explorer h3").first).to_contain_text(
        re.compile(re.escape(said) if said != "." else ".")
    )
    shoot(f"explorer-{state}")


def test_grid__in_pictures(page: Page, demo: Demo, shoot, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    client, _, opportunities = demo
    page.set_viewport_size({"width": 1200, "height": 700})
    grid = GridPage(page, oa.edit(opportunities, client=client, as_of=TODAY))
    shoot("grid-no-changes-yet")
    # Editors.
    grid.click(0, "stage")
    grid.press("Enter")
    shoot("grid-editor-list")
    grid.press("Escape")
    grid.click(0, "close_date")
    grid.press("Enter")
    shoot("grid-editor-calendar")
    grid.press("Escape")
    # Changed, refused, removed and selected cells; the reason beside its cell.
    grid.click(0, "value")
    grid.type("45k", "Enter")
    expect(grid.cell(0, "value")).to_have_text("45,000")
    grid.type("$12,000.50", "Enter")
    expect(grid.cell(1, "value")).to_have_text("12,000.50")
    grid.click(2, "close_date")
    grid.type("02/30/2027", "Enter")
    expect(page.locator(".oap .msg")).to_contain_text("is not a date")
    shoot("grid-refused-beside-its-cell")
    grid.click(3, "stage")
    grid.paste("Closed")
    expect(page.locator(".oap .msg")).to_contain_text("Did you mean")
    shoot("grid-near-miss")
    grid.click(5, "name")
    grid.press("Control+Delete")
    expect(page.locator(".oa-removed").first).to_be_visible()
    grid.select((0, "value"), (5, "close_date"))
    expect(grid.strip).to_contain_text("3 changes in 3 deals·forecast")
    shoot("grid-changed-refused-removed-selected")
    grid.cell(0, "value").hover()
    expect(page.locator(".oap .msg")).to_contain_text("was")
    shoot("grid-old-value-and-revert")
    grid.click(0, "value")
    expect(grid.said).to_contain_text("Value was")
    in_both_themes(page, shoot, "grid", (1200, 700))
    page.set_viewport_size({"width": 420, "height": 700})
    shoot("grid-narrow-420")
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    narrow = page.locator("[data-filter='value']").element_handle()
    page.set_viewport_size({"width": 1200, "height": 700})
    # A grid of another width draws its filters anew.
    narrow.wait_for_element_state("hidden")
    # Filters, lists of values, columns, bulk edits, find and replace.
    grid.filter("value", "> twenty")
    expect(page.get_by_role("alert")).to_contain_text("is not an amount")
    shoot("grid-filter-not-understood")
    grid.filter("value", "> 20k")
    expect(page.locator(".oap .cnt")).to_contain_text("Clear 1 filter")
    shoot("grid-filtered")
    page.locator("[data-values='owner_name']").click()
    shoot("grid-values-of-a-column")
    grid.press("Escape")
    grid.filter("name", "no such deal")
    expect(page.locator(".oap .none")).to_be_visible()
    shoot("grid-no-match")
    page.get_by_role("button", name="Show all").click()
    grid.button("Columns").click()
    shoot("grid-columns")
    grid.press("Escape")
    grid.button("Bulk edit").click()
    shoot("grid-bulk-edit")
    grid.press("Escape", "Control+f")
    grid.type("renewal")
    page.get_by_label("Replace with").fill("extension")
    expect(page.locator(".prev")).to_contain_text("more")
    shoot("grid-find-and-replace")
    grid.press("Escape")
    grid.button("Changed only").click()
    expect(page.locator(".oap .cnt")).to_contain_text(" of ")
    shoot("grid-changed-only")
    grid.button("Changed only").click()
    # The plan: changes, check, conflict, confirmation, receipt, undo.
    changed = grid.grid.edited.query("value == 12000.5")["unique_id"].item()
    client.update(changed, value=34_000)
    grid.button("Review plan").click()
    expect(grid.drawer).to_contain_text("Review plan")
    shoot("grid-review-1-changes")
    grid.drawer.get_by_role("button", name="Check against the server").click()
    expect(grid.drawer).to_contain_text("Which value should stay?")
    shoot("grid-review-3-conflict")
    grid.drawer.get_by_label("Theirs, 34,000").check()
    grid.drawer.get_by_role("button", name=re.compile("Apply")).click()
    expect(grid.drawer).to_contain_text("in the CRM?")
    shoot("grid-review-4-confirmation")
    page.evaluate(DARK)
    shoot("grid-review-4-confirmation-dark")
    page.evaluate(LIGHT)
    grid.drawer.get_by_role("button", name=re.compile("Write")).click()
    expect(grid.drawer).to_contain_text("Receipt:")
    shoot("grid-receipt")
    grid.button("Undo this run").click()
    shoot("grid-undo-asks-once-more")
    grid.press("Escape")
    expect(grid.strip).to_contain_text("written at")
    shoot("grid-after-apply")
    # Python does not answer, and then is gone.
    page.evaluate("window.silent = true")
    grid.click(3, "value")
    grid.type("5", "Enter")
    expect(grid.strip).to_contain_text("waiting for Python")
    shoot("grid-waiting-for-python")
    page.evaluate(LOST)
    grid.click(4, "value")
    grid.type("5", "Enter")
    expect(grid.strip).to_contain_text("on this page only")
    shoot("grid-python-is-gone")
    assert grid.complaints == []


def test_grid__in_pictures_of_its_states(
    page: Page, demo: Demo, shoot, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    page.set_viewport_size({"width": 1200, "height": 700})
    grid = GridPage(page, oa.edit(demo[2].head(1), as_of=TODAY))
    shoot("grid-one-row")
    grid.click(0, "value")
    grid.type("5", "Enter")
    grid.button("Review plan").click()
    expect(grid.drawer).to_contain_text("Write it from Python")
    shoot("grid-review-2-without-a-client")
    assert grid.complaints == []


def test_grid__in_a_picture_of_an_empty_frame(page: Page, shoot, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    page.set_viewport_size({"width": 1200, "height": 700})
    grid = GridPage(page, oa.edit(empty(), as_of=TODAY))
    expect(page.locator(".oap .none")).to_contain_text("No deals")
    shoot("grid-empty")
    assert grid.complaints == []
