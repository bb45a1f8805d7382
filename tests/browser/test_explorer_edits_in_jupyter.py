"""The explorer's grid below its panel, in JupyterLab."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.jupyter import SHOW_EXPLORER, Lab

pytestmark = pytest.mark.browser


def test_grid__of_an_explorer_is_shown_below_it(lab: Lab, page: Page, screenshots):
    notebook = lab.open(
        page,
        "edits",
        [SHOW_EXPLORER, "print(explorer.grid.changes['after'].tolist())", "'last'"],
    )
    notebook.run(0)
    panel = page.locator(".oap-explorer").first
    panel.get_by_role("button", name="Proposal", exact=True).click()
    panel.get_by_role("button", name="Edit this deal").click()
    grid = page.locator(".oap:not(.oap-explorer)")
    expect(grid.locator(".cnt")).to_have_text("Show all · 1 of 3 deals")
    expect(grid.locator(".kf")).to_be_focused()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    page.keyboard.type("900")
    page.keyboard.press("Enter")
    planned = panel.locator(".planned")
    expect(planned).to_contain_text("1 planned change in 1 deal")
    planned.get_by_label("With the planned changes").check()
    expect(panel.locator("tr", has_text="Proposal").first).to_contain_text("800")
    page.screenshot(path=screenshots / "explorer-edits-in-jupyterlab.png")
    # Keys stay in the grid; Python has the same grid.
    planned.get_by_role("button", name="Back to the grid").click()
    for key in ("Escape", "x", "Escape", "d", "Escape", "d", "Escape"):
        page.keyboard.press(key)
    expect(notebook.cells).to_have_count(3)
    expect(notebook.run(1)).to_contain_text("[900.0]")
    # A reload of the page finds the grid again; a restart leaves the edits in a draft.
    notebook.save()
    page.reload()
    planned.get_by_role("button", name="Back to the grid").click()
    expect(grid.locator(".plan")).to_contain_text("1 change in 1 deal")
