"""The notebooks by Run All in JupyterLab, Notebook 7 and marimo, as people run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Page

from tests import notebooks
from tests.browser.jupyter import Lab, find_port, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WITH_WIDGETS = notebooks.FILES[::2]
"""The two that show an explorer and a grid, which another program may show otherwise."""


def _check(ran: Any) -> None:
    cells = [cell for cell in ran.cells if cell.cell_type == "code"]
    assert [output for cell in cells for output in cell.outputs if "ename" in output] == []
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


@pytest.mark.parametrize("file", notebooks.FILES, ids=lambda file: file.stem)
def test_notebook__runs_in_jupyterlab_and_stores_what_it_shows(
    lab: Lab, page: Page, file: Path
) -> None:
    ran = notebooks.run(lab, page, file)
    _check(ran)
    # The outputs are those of pandas 3.
    if not pd.__version__.startswith("2."):
        assert notebooks.shown(notebooks.read(file)) == notebooks.shown(ran), (
            "run: python -m tests.notebooks"
        )


def test_notebooks__run_in_notebook_7_one_below_the_other(
    notebook: Lab, page: Page, tmp_path: Path
) -> None:
    import nbformat

    whole, *others = map(notebooks.read, WITH_WIDGETS)
    whole.cells += [cell for each in others for cell in each.cells]
    for number, cell in enumerate(whole.cells):
        cell.id = f"cell-{number}"
    file = tmp_path / "all.ipynb"
    nbformat.write(whole, file)
    _check(notebooks.run(notebook, page, file))


_MARIMO = """
import sys
from importlib.metadata import entry_points
import marimo, uvicorn
[cli] = entry_points(group="console_scripts", name="marimo")
server = marimo.create_asgi_app(quiet=True)
for name in sys.argv[2:]:
    cli.load()(["convert", f"{name}.ipynb", "-o", f"{name}.py"], standalone_mode=False)
    server = server.with_app(path=f"/{name}", root=f"{name}.py")
uvicorn.run(server.build(), port=int(sys.argv[1]), log_level="warning")
"""


@contextmanager
def _marimo(folder: Path) -> Iterator[tuple[str, Path]]:
    """A marimo over the notebooks of a folder, which runs all of each page; and its log."""
    names, port, log = [file.stem for file in notebooks.FILES], find_port(), folder / "marimo.log"
    home = {"XDG_STATE_HOME": str(folder / ".state"), "XDG_CACHE_HOME": str(folder / ".cache")}
    with log.open("wb") as said:
        server = subprocess.Popen(
            [sys.executable, "-c", _MARIMO, str(port), *names],
            env=os.environ | home,
            cwd=folder,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/{names[0]}/", server, log)
        yield f"http://127.0.0.1:{port}", log
    finally:
        server.terminate()
        server.wait(60)


def test_notebooks__run_in_marimo_where_the_explorer_gives_the_line_that_edits(
    page: Page, tmp_path: Path
) -> None:
    pytest.importorskip("marimo")
    shutil.copytree(notebooks.FOLDER, tmp_path, dirs_exist_ok=True)
    page.set_default_timeout(180_000)  # It computes the whole notebook, perhaps beside others.
    with _marimo(tmp_path) as (url, log):
        for file in WITH_WIDGETS:
            cells = notebooks.read(file).cells
            shown = [
                cell
                for cell in cells
                if cell.cell_type == "markdown"
                or any(output.output_type != "stream" for output in cell.outputs)
            ]
            page.goto(f"{url}/{file.stem}/")
            page.locator(".output-area").nth(len(shown) - 1).wait_for(state="attached")
            if "explore" in file.stem:
                page.get_by_role("button", name="Edit these deals").click()
                page.get_by_text("grid = explorer.edit()").wait_for()
        assert "Traceback" not in log.read_text()
