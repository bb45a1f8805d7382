"""The grid in JupyterLab, driven as a person would, against the sandbox."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

import opp_analytics as oa
from tests.browser.jupyter import Lab
from tests.support import row

pytestmark = pytest.mark.browser

LOAD = """
import opp_analytics as oa
client = oa.Client({url!r}, {token!r}, {api_key!r}, cache_dir={cache!r})
opportunities = oa.load(client, progress=False)
grid = oa.edit(opportunities, as_of="2026-06-01")
grid
"""
LOCAL = """
import pandas as pd
import opp_analytics as oa
grid = oa.edit(pd.DataFrame({"unique_id": ["a", "b"], "name": ["Acme", "Bolt"], "value": [100.0, 250.0]}))
grid
"""
LARGE = """
import random, uuid
import pandas as pd
import opp_analytics as oa
numbers, seed = range(100_000), random.Random(0)
ids = [str(uuid.UUID(int=seed.getrandbits(128))) for _ in numbers]
grid = oa.edit(pd.DataFrame({
    "unique_id": ids,
    "name": [f"Deal {number}" for number in numbers],
    "account_id": [ids[number % 20_000] for number in numbers],
    "value": [1000.25 + number for number in numbers],
    "close_date": "2026-06-30",
    "owner_name": [f"Owner {number % 40}" for number in numbers],
}))
print(len(grid._data))
grid
"""
APPLY = """
receipt = oa.apply(grid.plan(client), client, progress=False)
print(receipt.table["outcome"].value_counts().to_dict())
"""


def _cell(page: Page, name: str, field: str):
    row = page.locator(".tabulator-row").filter(has=page.locator(f"[tabulator-field=name]:text-is('{name}')"))
    return row.locator(f"[tabulator-field={field}]")


def test_grid__edits_reach_the_server_through_plan_and_apply(
    page: Page, lab: Lab, shared_sandbox, tmp_path, screenshots
):
    opportunities = pd.DataFrame([row(number) for number in range(12)])
    token, api_key = shared_sandbox.add_tenant(opportunities)
    cache = str(tmp_path / "cache")
    settings = {"url": shared_sandbox.url, "token": token, "api_key": api_key, "cache": cache}
    elsewhere: list[str] = []
    page.on("request", lambda asked: None if "127.0.0.1" in asked.url else elsewhere.append(asked.url))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    notebook = lab.open(page, "grid", [LOAD.format(**settings), APPLY])
    notebook.run(0)
    grid = page.locator(".opp-grid")
    status = grid.locator(".opp-status")
    expect(grid.locator(".tabulator-row")).to_have_count(12)

    # Typing opens the editor; x and dd, which cut cells of a notebook, stay in the grid.
    _cell(page, "Deal 3", "name").click()
    page.keyboard.type("dd x")
    page.keyboard.press("Tab")
    expect(_cell(page, "dd x", "name")).to_have_class(re.compile("opp-changed"))

    _cell(page, "Deal 4", "probability").click()
    page.keyboard.type("140")
    page.keyboard.press("Enter")
    expect(status).to_have_text(
        "probability of Deal 4: '140' is not between 0 and 100; write a whole percentage such as 60"
    )
    expect(_cell(page, "Deal 4", "probability")).to_have_text("60%")
    expect(_cell(page, "Deal 4", "probability")).to_have_attribute("aria-invalid", "true")

    _cell(page, "Deal 5", "stage").dblclick()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(_cell(page, "Deal 5", "stage")).to_have_text("negotiation")

    page.evaluate(
        "navigator.clipboard.writeText('12,500\\tproposal\\t31.12.2026\\n7000\\tnegotiation\\t2026-11-30\\n')"
    )
    _cell(page, "Deal 6", "value").click()
    page.keyboard.press("Control+v")
    expect(status).to_have_text("5 cells changed")
    expect(_cell(page, "Deal 7", "close_date")).to_have_text("2026-11-30")

    grid.get_by_label("filter name").click()
    page.keyboard.type("Deal 1")
    expect(status).to_have_text("3 of 12 rows")
    _cell(page, "Deal 1", "close_date").click()
    page.keyboard.type("2")  # a date picker opens on any key, empty of what was typed
    page.keyboard.press("Escape")
    _cell(page, "Deal 1", "close_date").dblclick()
    page.locator("input.opp-editor[type=date]").fill("2026-09-30")
    page.keyboard.press("Enter")
    expect(_cell(page, "Deal 1", "close_date")).to_have_text("2026-09-30")
    _cell(page, "Deal 1", "close_date").click()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Control+d")
    expect(_cell(page, "Deal 11", "close_date")).to_have_text("2026-09-30")
    grid.get_by_label("filter name").fill("")
    page.keyboard.press("Backspace")
    expect(grid.locator(".tabulator-row")).to_have_count(12)

    grid.get_by_role("button", name="Show plan").click()
    plan = grid.get_by_role("region", name="Plan and impact")
    expect(plan).to_contain_text("7 updates (10 cells)")
    expect(plan).to_contain_text("expected change")
    page.screenshot(path=screenshots / "grid-in-jupyterlab.png")

    expect(notebook.run(1)).to_contain_text("{'applied': 10}")

    client = oa.Client(shared_sandbox.url, token, api_key, cache_dir=tmp_path / "own")
    held = oa.load(client, progress=False).set_index("unique_id")
    assert held.loc["opp-3", "name"] == "dd x"
    assert held.loc["opp-4", "probability"] == 60
    assert held.loc["opp-5", "stage"] == "negotiation"
    assert held.loc["opp-6", ["value", "stage"]].tolist() == [12_500, "proposal"]
    assert held.loc[["opp-1", "opp-10", "opp-11"], "close_date"].eq(pd.Timestamp("2026-09-30")).all()
    assert elsewhere == []


def test_grid__keeps_its_edits_when_the_page_is_reloaded(page: Page, lab: Lab):
    notebook = lab.open(page, "reload", [LOCAL, "print(grid.edited['value'].tolist(), len(grid.refused))"])
    notebook.run(0)
    for name, typed in (("Acme", "150"), ("Bolt", "lots")):
        _cell(page, name, "value").click()
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
    expect(_cell(page, "Bolt", "value")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Add row").click()
    expect(page.locator(".tabulator-row")).to_have_count(3)

    notebook.save()
    page.reload()
    expect(page.locator(".tabulator-row")).to_have_count(3)
    expect(_cell(page, "Acme", "value")).to_have_text("150")
    expect(_cell(page, "Acme", "value")).to_have_class(re.compile("opp-changed"))
    expect(_cell(page, "Bolt", "value")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".tabulator-row")).to_have_count(2)
    expect(notebook.run(1)).to_contain_text("[150.0, 250.0] 1")


def test_grid__answers_while_a_cell_runs(page: Page, lab: Lab):
    notebook = lab.open(
        page, "busy", [LOCAL, "import time\nwhile grid.edited['value'][0] == 100: time.sleep(0.1)"]
    )
    notebook.run(0)
    running = notebook.start(1)
    expect(running.locator(".jp-InputPrompt")).to_have_text("[*]:")
    _cell(page, "Acme", "value").click()
    page.keyboard.type("150")
    page.keyboard.press("Enter")
    expect(_cell(page, "Acme", "value")).to_have_class(re.compile("opp-changed"))
    # The cell waits for this very edit: it can only end because the answer did not wait for the cell.
    expect(running.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"))


def test_grid__of_100_000_rows_is_edited_whole_and_survives_a_reload(page: Page, lab: Lab, screenshots):
    notebook = lab.open(page, "large", [LARGE, "print(grid.edited['value'].eq(5).sum())"])
    notebook.run(0)
    expect(page.locator(".tabulator-row").first).to_be_visible()
    page.locator(".tabulator-row").first.locator("[tabulator-field=value]").click()
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    status = page.locator(".opp-status")
    expect(status).to_have_text("1 cell changed")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Control+Shift+ArrowDown")
    page.keyboard.press("Control+d")
    expect(status).to_have_text("99,999 cells changed")
    expect(notebook.run(1)).to_have_text("100000")

    notebook.save()
    page.reload()
    expect(_cell(page, "Deal 3", "value")).to_have_class(re.compile("opp-changed"))
    expect(_cell(page, "Deal 3", "value")).to_have_attribute("title", "was 1,003.25")
    page.screenshot(path=screenshots / "grid-large-in-jupyterlab.png")
