"""A whole job by keyboard alone in JupyterLab, against the sandbox."""

from __future__ import annotations

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

import opp_analytics as oa
from tests.browser.jupyter import GRID, Lab
from tests.browser.keys import Keys
from tests.support import row

pytestmark = pytest.mark.browser


def test_job__is_done_by_keyboard_alone(
    page: Page, lab: Lab, shared_sandbox: oa.sandbox.Sandbox, tmp_path, screenshots
):
    deals = pd.DataFrame([row(number) for number in range(12)])
    token, api_key = shared_sandbox.add_tenant(deals)
    settings = {
        "url": shared_sandbox.url,
        "token": token,
        "api_key": api_key,
        "cache": str(tmp_path / "a"),
    }
    notebook = lab.open(page, "job", [GRID.format(**settings), "'after'"])
    notebook.run(0)
    grid, keys = page.locator(".oap").first, Keys(page)
    drawer, strip = grid.locator(".drw"), grid.locator(".plan")
    expect(grid.locator(".cnt")).to_have_text("12 deals")

    # Out of the code, into the grid, and to the filter of the deals' names.
    keys.press("Escape")
    keys.tab_to("Find")
    keys.tab_to("Deals")
    keys.press("Alt+ArrowDown")
    keys.type("Deal 1", "Enter")
    expect(grid.locator(".cnt")).to_contain_text("3 of 12 deals")
    keys.press("Escape")
    expect(grid.locator(".cnt")).to_have_text("12 deals")
    expect(grid.locator(".kf")).to_be_focused()

    # Ten cells.
    keys.press("Control+Home")
    keys.tab_to("Deals")
    keys.press("ArrowRight", "ArrowRight")
    for number in range(9):
        keys.type(f"{number + 2}k", "Enter")
    keys.type("$1,200.50", "Enter")
    expect(strip).to_contain_text("10 changes in 10 deals")

    # Review, check, apply, take back.
    keys.tab_to("Review plan")
    keys.press("Enter")
    expect(drawer).to_contain_text("Review plan: 10 changes")
    keys.tab_to("Check against the server")
    keys.press("Enter")
    expect(drawer.get_by_role("button", name="Apply 10 changes…")).to_be_focused()
    keys.press("Enter")
    expect(drawer.get_by_role("button", name="Cancel")).to_be_focused()
    keys.tab_to("Write 10 changes")
    keys.press("Enter")
    expect(drawer).to_contain_text("Receipt: 10 of 10 changes written")
    page.screenshot(path=screenshots / "job-by-keyboard-receipt.png")
    keys.tab_to("Undo this run")
    keys.press("Enter", "Enter")
    expect(drawer).to_contain_text("Undone: 10 changes taken back")
    keys.press("Escape")
    expect(strip).to_contain_text("Run undone")
    expect(notebook.cells).to_have_count(2)
