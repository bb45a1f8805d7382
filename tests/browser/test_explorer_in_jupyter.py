"""The explorer in JupyterLab: clicked, left, saved, and found again in the file."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import notebooks
from tests.browser.jupyter import SHOW_EXPLORER, Lab

pytestmark = pytest.mark.browser


def test_explorer__answers_in_a_notebook_and_leaves_its_last_picture_in_the_file(
    page: Page, lab: Lab, screenshots
):
    elsewhere: list[str] = []
    page.on(
        "request", lambda asked: None if "127.0.0.1" in asked.url else elsewhere.append(asked.url)
    )
    notebook = lab.open(
        page, "explorer", [SHOW_EXPLORER, "print(explorer.state['question'], len(explorer.table))"]
    )
    notebook.run(0)
    panel, still = page.locator(".oap-explorer"), page.locator(".oap-still")
    expect(panel.locator("h3")).to_contain_text("67% is in Proposal")
    expect(still).to_be_hidden()
    notebook.save()
    assert "67% is in Proposal" in _still(lab)
    panel.get_by_label("Question").select_option("deals")
    expect(panel.locator("h3")).to_contain_text("2 deals open")
    panel.locator(".deals .name").first.focus()
    for key in ("x", "d", "d", "Enter"):
        page.keyboard.press(key)
    expect(panel.locator(".inside")).to_contain_text("No record has this deal yet")
    page.screenshot(path=screenshots / "explorer-in-jupyterlab.png")
    # Turning to another cell renews the answer that stays.
    expect(notebook.run(1)).to_contain_text("deals 3")
    expect(notebook.cells).to_have_count(2)
    expect(still).to_contain_text("2 deals open")
    notebook.save()
    assert "2 deals open" in _still(lab)
    assert elsewhere == []
    # Closed and opened again without its kernel, the notebook shows it.
    page.evaluate("window.jupyterapp.serviceManager.sessions.shutdownAll()")
    page.goto(f"{lab.url}/lab/workspaces/explorer-again/tree/explorer.ipynb")
    expect(still).to_be_visible()
    page.screenshot(path=screenshots / "explorer-reopened.png")


def test_explorer__is_a_picture_in_an_exported_notebook_without_a_network(
    browser: Browser, tmp_path, screenshots
):
    import nbformat  # here, as in tests/notebooks.py
    from nbclient import NotebookClient
    from nbconvert import HTMLExporter

    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SHOW_EXPLORER)])
    # As papermill and nbconvert run it: with the state of the widget in the file.
    ran = NotebookClient(made, timeout=300, kernel_name="python3").execute()
    exported, _ = HTMLExporter().from_notebook_node(ran)
    file = tmp_path / "explorer.html"
    file.write_text(exported)
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(file.as_uri(), wait_until="commit")
    picture = page.locator(".jp-OutputArea .rows")
    expect(picture).to_be_visible()
    assert picture.evaluate("node => node.clientWidth") > 300
    page.screenshot(path=screenshots / "explorer-exported.png")
    context.close()


def _still(lab: Lab) -> str:
    """What the explorer's cell shows without its widget."""
    saved = notebooks.read(lab.folder / "explorer.ipynb")
    return str(saved.cells[0].outputs[2].data.get("text/html", ""))
