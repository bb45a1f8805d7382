import json
import re
import subprocess
import sys

import pytest

from tests import notebooks

MACHINE = re.compile(r"/(tmp|home|root|Users|work|var|usr|private)/|[A-Z]:\\\\|\bat 0x[0-9a-f]{6}")
each_notebook = pytest.mark.parametrize("file", notebooks.FILES, ids=lambda file: file.name)


@pytest.mark.slow
@each_notebook
def test_notebook__holds_the_outputs_of_one_run_for_a_code_host(file):
    cells = [cell for cell in notebooks.read(file).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert len(outputs) > len(cells) / 2
    assert {output.output_type for output in outputs} <= {
        "stream",
        "display_data",
        "execute_result",
    }
    assert not any(output.get("name") == "stderr" for output in outputs)
    assert not any(
        "application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in outputs
    )
    words = [
        {kind: said for kind, said in output.get("data", {}).items() if kind != "image/png"}
        or output.text
        for output in outputs
    ]
    assert not MACHINE.search(json.dumps(words))
    assert file.stat().st_size < 400 * 1024


@each_notebook
def test_notebook__defines_no_functions_and_stores_no_timings(file):
    notebook = json.loads(file.read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(line.startswith(("def ", "class ")) for cell in cells for line in cell["source"])
    assert not any("execution" in cell["metadata"] for cell in cells)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}


@pytest.mark.slow
def test_weekly_forecast__writes_the_page_for_the_parameters_that_papermill_gives(tmp_path):
    [file] = [file for file in notebooks.FILES if file.name == "02_weekly_forecast.ipynb"]
    whole = notebooks.read(file)
    # What lies between the forecast and the page is run above.
    begin = [cell.source.startswith("forecast = ") for cell in whole.cells].index(True) + 1
    whole.cells[begin:] = [cell for cell in whole.cells[begin:] if "weekly_report(" in cell.source]
    notebook, done = tmp_path / "weekly.ipynb", tmp_path / "monday.ipynb"
    notebook.write_text(json.dumps(whole), "utf-8")
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
    assert "900K" in page.read_text()
    assert page.with_suffix(".xlsx").exists()
    assert any(
        "Q4 2026" in words for cell in notebooks.shown(notebooks.read(done)) for words in cell
    )
