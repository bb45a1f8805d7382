"""The grid in JupyterLab, driven as a person would, against the sandbox."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

import opp_analytics as oa
from tests.browser.jupyter import GRID, READY, Lab
from tests.support import row

pytestmark = pytest.mark.browser

AGAIN = "grid"
BUSY = "import time\nwhile 'Busy' not in set(grid.edited['name']): time.sleep(0.1)"


def _cell(grid: Locator, name: str, column: int) -> Locator:
    """A cell of a deal, by its column on the screen."""
    at = grid.locator(".slick-row", has=grid.page.locator(f"bdi:text-is('{name}')")).first
    number = at.get_attribute("data-row")
    return grid.locator(f".slick-row[data-row='{number}'] .slick-cell.l{column}")


def test_grid__keeps_its_keys_its_edits_and_what_is_typed_in_a_notebook(
    page: Page, lab: Lab, shared_sandbox: oa.sandbox.Sandbox, tmp_path, screenshots
):
    opportunities = pd.DataFrame([row(number) for number in range(12)])
    token, api_key = shared_sandbox.add_tenant(opportunities)
    cache = str(tmp_path / "cache")
    settings = {"url": shared_sandbox.url, "token": token, "api_key": api_key, "cache": cache}
    elsewhere: list[str] = []
    page.on(
        "request", lambda asked: None if "127.0.0.1" in asked.url else elsewhere.append(asked.url)
    )
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    notebook = lab.open(page, "grid", [GRID.format(**settings), AGAIN, BUSY])
    notebook.run(0)
    first = page.locator(".oap").first
    said = first.locator(".said")
    expect(first.locator(".cnt")).to_have_text("12 deals")

    # Typing opens the editor; x and dd, which cut cells of a notebook, stay in the grid.
    _cell(first, "Deal 3", 1).click()
    page.keyboard.type("dd x")
    page.keyboard.press("Tab")
    expect(said).to_have_text("Deal set to dd x")
    for key in ("Escape", "x", "Escape", "d", "Escape"):
        page.keyboard.press(key)
    expect(notebook.cells).to_have_count(3)

    # The grid's menu and sheet of keys open, not the notebook's; keys that reload a page or leave a
    # cell fill and select.
    _cell(first, "Deal 4", 3).click(button="right")
    expect(page.get_by_role("menu", name="Cells")).to_be_visible()
    expect(page.locator(".lm-Menu")).to_have_count(0)
    page.screenshot(path=screenshots / "grid-menu-in-jupyterlab.png")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+r")
    expect(said).to_have_text("Select two or more columns to fill right")
    page.keyboard.press("Shift+Space")
    expect(first.locator(".agg")).to_contain_text("cells")
    page.keyboard.press("Escape")
    expect(notebook.cells).to_have_count(3)

    # A second view of the same grid shows the same, and both take edits.
    notebook.run(1)
    second = page.locator(".oap").nth(1)
    expect(_cell(second, "dd x", 1)).to_contain_class("chg")
    _cell(second, "Deal 4", 3).click()
    page.keyboard.type("45k")
    page.keyboard.press("Enter")
    expect(_cell(first, "Deal 4", 3)).to_have_text("45,000")
    page.evaluate("navigator.clipboard.writeText('12,500\\t31.12.2026\\n7000\\tNov 30\\n')")
    _cell(first, "Deal 6", 3).click()
    page.keyboard.press("Control+v")
    expect(said).to_have_text("Pasted 4 cells")

    # An edit is answered while a cell of the notebook runs.
    running = notebook.start(2)
    expect(running.locator(".jp-InputPrompt")).to_have_text("[*]:")
    _cell(first, "Deal 5", 1).click()
    page.keyboard.type("Busy")
    page.keyboard.press("Enter")
    expect(_cell(first, "Busy", 1)).to_contain_class("chg")
    expect(running.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"))
    page.screenshot(path=screenshots / "grid-in-jupyterlab.png")

    # A reload of the page keeps edits and undo, which live in Python.
    notebook.save()
    page.reload()
    first = page.locator(".oap").first
    expect(_cell(first, "Busy", 1)).to_contain_class("chg")
    first.get_by_role("button", name="Undo").click()
    expect(_cell(first, "Deal 5", 1)).to_be_visible()

    # A kernel that restarts while an editor is open: what is typed stays in it, and can be copied.
    _cell(first, "Deal 8", 1).click()
    page.keyboard.type("Kept")
    page.keyboard.press("Enter")
    expect(said).to_have_text("Deal set to Kept")
    page.keyboard.type("Half a na")
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    expect(first.locator(".plan")).to_contain_text("Python is gone")
    page.keyboard.type("me")
    page.keyboard.press("Enter")
    expect(first.locator(".ed")).to_have_value("Half a name")
    first.get_by_role("button", name="Copy changes").last.click()
    expect(said).to_have_text("Copied the changes")
    copied = page.evaluate("navigator.clipboard.readText()").splitlines()[1:]
    assert [line.split("\t")[3:] for line in copied[-2:]] == [
        ["Deal 8", "Kept"],
        ["Deal 9", "Half a name"],
    ]
    page.screenshot(path=screenshots / "grid-restarted.png")
    page.keyboard.press("Escape")
    # The cell run again offers what Python had.
    page.wait_for_function(READY)
    notebook.run(0)
    first = page.locator(".oap").first
    expect(first.locator(".plan")).to_contain_text(
        re.compile(r"7 edits to 5 deals from .* \(grid\.ipynb\) are kept")
    )
    first.get_by_role("button", name="Take them in").click()
    expect(_cell(first, "Kept", 1)).to_contain_class("chg")
    expect(first.locator(".plan")).to_contain_text("7 changes in 5 deals")
    page.screenshot(path=screenshots / "grid-taken-in.png")
    assert elsewhere == []


SHOW = """
import pandas as pd
import opp_analytics as oa
deals = pd.DataFrame({
    "unique_id": list("abc"), "name": ["Acme", "Bolt", "Cord"], "value": [100.0, 50.0, 70.0], "stage": "proposal",
    "status": "active", "close_date": "2026-06-20", "probability": 40, "owner_name": ["Ann", "Bo", "Bo"],
})
grid = oa.edit(deals, as_of="2026-06-01")
grid
"""


def test_still__follows_the_edits_into_the_file_and_is_what_a_closed_notebook_shows(
    page: Page, lab: Lab, screenshots
):
    notebook = lab.open(page, "still", [SHOW])
    notebook.run(0)
    grid = page.locator(".oap").first
    expect(page.locator(".oap-still")).to_be_hidden()
    _cell(grid, "Bolt", 4).click()
    page.keyboard.type("45k")
    page.keyboard.press("Enter")
    expect(grid.locator(".said")).to_contain_text("45,000")
    # The notebook's own key saves from inside the grid, with the last edit.
    page.keyboard.press("Control+s")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    expect(page.locator(".oap-still", has_text="45,000")).to_have_count(1)
    page.evaluate("window.jupyterapp.serviceManager.sessions.shutdownAll()")
    page.goto(f"{lab.url}/lab/workspaces/still-again/tree/still.ipynb")
    still = page.locator(".oap-still")
    expect(still).to_be_visible()
    expect(still).to_contain_text("1 change in 1 deal")
    expect(still.locator("tbody tr").first).to_contain_text("45,000")
    page.screenshot(path=screenshots / "grid-reopened.png")


def test_keys__typed_in_a_widget_cut_no_cell(host: Lab, page: Page, screenshots):
    notebook = host.open(
        page,
        "keys",
        [SHOW, "oa.explore(deals, as_of='2026-06-01', state={'question': 'stages'})", "'the last'"],
    )
    notebook.run(0)
    grid = page.locator(".oap").first
    _cell(grid, "Acme", 1).click()
    page.keyboard.type("dd x")
    page.keyboard.press("Tab")
    expect(grid.locator(".said")).to_have_text("Deal set to dd x")
    # In the cells, and from the toolbar, to which Escape leads.
    for key in (
        "Escape",
        "x",
        "Escape",
        "d",
        "Escape",
        "d",
        "Escape",
        "Escape",
        "x",
        "d",
        "d",
        "a",
        "b",
    ):
        page.keyboard.press(key)
    page.screenshot(path=screenshots / f"grid-in-{host.app}.png")
    notebook.run(1)
    page.locator(".oap-explorer .deals .name", has_text="Proposal").focus()
    for key in ("x", "d", "d", "a", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".inside .deals tbody tr").first).to_be_visible()
    expect(notebook.cells).to_have_count(3)


def test_draft__is_offered_where_its_cell_runs_again_and_nowhere_else(page: Page, lab: Lab) -> None:
    # Deals of its own: other tests leave drafts of theirs.
    show = SHOW.replace('list("abc")', 'list("xyz")')
    typed = "grid.take(pd.DataFrame({'unique_id': ['x'], 'field': ['value'], 'after': ['7000']}))"
    kept = "len(grid.drafts)"
    second = "grid = oa.edit(deals)\ngrid"
    notebook = lab.open(page, "drafts", [show, typed, second, kept])
    notebook.run(0)
    expect(notebook.run(1)).to_have_text("'Took in 1 cell'")
    notebook.run(2)
    expect(notebook.run(3)).to_have_text("0")
    notebook.run(0)
    expect(notebook.run(3)).to_have_text("1")
