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
        page, "explorer", [SHOW_EXPLORER, "print(explorer.state['by'], len(explorer.table))"]
    )
    notebook.run(0)
    panel = page.locator(".oap-explorer")
    expect(panel.locator("h3")).to_contain_text("67% is in Proposal")
    expect(page.locator(".jp-RenderedImage")).to_be_hidden()
    notebook.save()
    first = _picture(lab)
    panel.get_by_label("Group by").select_option("owner_name")
    expect(panel.locator("h3")).to_contain_text("Ann has 67%")
    panel.locator(".mk").first.focus()
    for key in ("x", "d", "d", "Enter"):
        page.keyboard.press(key)
    expect(panel.locator(".deals tbody")).to_contain_text("Acme")
    page.screenshot(path=screenshots / "explorer-in-jupyterlab.png")
    # Turning to another cell renews the picture.
    expect(notebook.run(1)).to_contain_text("owner_name 8")
    expect(notebook.cells).to_have_count(2)
    page.wait_for_function(
        (
            "first => "
            "window.jupyterapp.shell.currentWidget.content.widgets[0].model.outputs.get(2).data['image/png'] "
            "!== first"
        ),
        arg=first,
        timeout=60_000,
    )
    notebook.save()
    assert first != "" != _picture(lab) != first
    assert elsewhere == []
    # Closed and opened again without its kernel, the notebook shows the picture.
    page.evaluate("window.jupyterapp.serviceManager.sessions.shutdownAll()")
    page.goto(f"{lab.url}/lab/workspaces/later/tree/explorer.ipynb")
    expect(page.locator(".jp-RenderedImage img")).to_be_visible()
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
    picture = page.locator(".jp-OutputArea img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 300
    page.screenshot(path=screenshots / "explorer-exported.png")
    context.close()


def _picture(lab: Lab) -> str:
    """The stored picture of the explorer's cell."""
    saved = notebooks.read(lab.folder / "explorer.ipynb")
    return str(saved.cells[0].outputs[2].data.get("image/png", ""))
