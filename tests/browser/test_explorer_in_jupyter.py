"""The explorer in JupyterLab: controls clicked as a person would, what they leave read back in Python."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.jupyter import Lab

pytestmark = pytest.mark.browser

SHOW = """
import json, tempfile
from datetime import date
import opp_analytics as oa
folder = tempfile.mkdtemp()
with oa.sandbox.start(weeks=13, seed=1, today=date(2026, 9, 28)) as server:
    client = oa.Client(server.url, server.token, server.api_key, cache_dir=folder + "/cache")
    history = oa.History(folder + "/history")
    for week in range(4):
        server.advance(7)
        opportunities = oa.load(client, refresh="full", progress=False)
        history.record(opportunities, at=server.now)
explorer = oa.explore(opportunities, history, as_of="2026-10-26")
explorer
"""
TELL = """
chosen = explorer.opportunities
print(json.dumps({
    "rows": len(chosen),
    "owners": sorted(set(chosen["owner_name"])),
    "stages": sorted(set(chosen["stage"].astype(str))),
    "largest": float(chosen["value"].max()),
    "table": explorer.table.index.name,
    "as_of": str(explorer.moments.value[1]),
}))
"""


def _told(output: object) -> dict[str, object]:
    told: dict[str, object] = json.loads(output.inner_text())  # type: ignore[attr-defined]
    return told


def test_explorer__shows_what_is_clicked_and_python_holds_the_same(page: Page, lab: Lab, screenshots):
    elsewhere: list[str] = []
    page.on("request", lambda asked: None if "127.0.0.1" in asked.url else elsewhere.append(asked.url))
    notebook = lab.open(page, "explorer", [SHOW, TELL])
    notebook.run(0)
    picture = page.locator(".jp-OutputArea-output img")
    status = page.locator(".jp-OutputArea-output").get_by_role("status")
    expect(picture).to_be_visible()
    everything = _told(notebook.run(1))
    expect(status).to_contain_text(f"{everything['rows']} of {everything['rows']} opportunities")

    before = picture.get_attribute("src")
    page.get_by_role("button", name="win rate").click()
    expect(picture).not_to_have_attribute("src", before or "")
    owner = everything["owners"][0]  # type: ignore[index]
    page.get_by_label("only").select_option(owner)
    page.get_by_label("stage").select_option(["proposal", "negotiation"])
    expect(status).not_to_contain_text(f"{everything['rows']} of")
    page.screenshot(path=screenshots / "explorer-in-jupyterlab.png")

    chosen = _told(notebook.run(1))
    assert chosen["owners"] == [owner]
    assert set(chosen["stages"]) <= {"proposal", "negotiation"}  # type: ignore[call-overload]
    assert 0 < chosen["rows"] < everything["rows"]
    assert chosen["table"] == "owner_name"
    expect(status).to_contain_text(f"{chosen['rows']} of {everything['rows']} opportunities")

    # The upper handle of the slider over recorded moments, by keyboard: from now back to the newest record.
    handle = page.locator(".widget-hslider", has_text="since, as of").locator(".noUi-handle-upper")
    handle.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(status).to_contain_text("as of 2026-10-19")
    assert str(_told(notebook.run(1))["as_of"]).startswith("2026-10-19")

    for view in ("forecast", "funnel", "changes", "slippage"):
        before = picture.get_attribute("src")
        page.get_by_role("button", name=view).click()
        expect(picture).not_to_have_attribute("src", before or "")
    assert elsewhere == []
