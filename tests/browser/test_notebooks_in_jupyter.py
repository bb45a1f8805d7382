"""The notebooks by Run All in JupyterLab and Notebook 7, as people run them."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import Page

from tests import notebooks
from tests.browser.jupyter import Lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_RUN_ALL = """async () => {
  const { content, context } = window.jupyterapp.shell.currentWidget;
  await context.sessionContext.ready;
  await window.jupyterapp.commands.execute("notebook:run-all-cells");
  return content.widgets.filter(({ model }) => model.type === "code").map(({ model }) => ({
    count: model.executionCount,
    errors: model.outputs.toJSON().filter((each) => each.output_type === "error").map((each) => each.evalue),
  }));
}"""


@pytest.mark.parametrize("name", [file.stem for file in notebooks.FILES])
def test_notebook__runs_by_run_all(host: Lab, page: Page, name: str) -> None:
    shutil.copy(notebooks.FOLDER / f"{name}.ipynb", host.folder)
    shutil.copytree(notebooks.FOLDER / "exports", host.folder / "exports", dirs_exist_ok=True)
    host.show(page, name)
    page.set_default_timeout(notebooks.LONGEST_SECONDS * 1000)
    ran = page.evaluate(_RUN_ALL)
    assert [cell["errors"] for cell in ran] == [[]] * len(ran)
    assert [cell["count"] for cell in ran] == list(range(1, len(ran) + 1))
