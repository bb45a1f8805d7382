import json
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.name)
def test_notebook__is_stored_without_outputs_and_defines_no_functions(file):
    cells = json.loads(file.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert not any(line.startswith(("def ", "class ")) for cell in code for line in cell["source"])


def test_weekly_forecast__writes_the_page_for_the_parameters_that_papermill_gives(tmp_path):
    [notebook] = [file for file in NOTEBOOKS if file.name == "02_weekly_forecast.ipynb"]
    done = tmp_path / "monday.ipynb"
    parameters = {"target": "900000", "freq": "Q", "out": str(tmp_path / "weekly")}
    given = [word for name, value in parameters.items() for word in ("-p", name, value)]
    command = [
        sys.executable,
        "-m",
        "papermill",
        "--execution-timeout",
        "300",
        str(notebook),
        str(done),
        *given,
    ]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr

    [page] = (tmp_path / "weekly").glob("weekly-*.html")
    assert "900K target" in page.read_text()
    assert page.with_suffix(".xlsx").exists()
    outputs = [output for cell in json.loads(done.read_text())["cells"] for output in cell.get("outputs", [])]
    periods = [
        row for output in outputs for row in output.get("data", {}).get("text/plain", []) if row[4:5] == "Q"
    ]
    assert periods
