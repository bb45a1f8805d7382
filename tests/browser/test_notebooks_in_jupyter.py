"""The notebooks by Run All in JupyterLab and Notebook 7, as people run them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page

from tests import notebooks
from tests.browser.jupyter import Lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("file", notebooks.FILES, ids=lambda file: file.stem)
def test_notebook__runs_by_run_all_and_stores_what_it_shows(
    host: Lab, page: Page, file: Path
) -> None:
    ran = notebooks.run(host, page, file)
    cells = [cell for cell in ran.cells if cell.cell_type == "code"]
    assert [output for cell in cells for output in cell.outputs if "ename" in output] == []
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    # The outputs are those of pandas 3.
    if not pd.__version__.startswith("2."):
        assert notebooks.shown(notebooks.read(file)) == notebooks.shown(ran), (
            "run: python -m tests.notebooks"
        )
