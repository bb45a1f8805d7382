"""``python -m tests.notebooks``: run every notebook in JupyterLab and store what it shows, as a
code host then shows it.

With names (``python -m tests.notebooks 01``) only the notebooks whose names begin so.
"""

from __future__ import annotations

import base64
import io
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import CHROMIUM, FLAGS
from tests.browser.jupyter import Lab, jupyter_lab

FOLDER = Path(__file__).parent.parent / "notebooks"
FILES = sorted(FOLDER.glob("*.ipynb"))
LONGEST_SECONDS = 300
_WIDGET = "application/vnd.jupyter.widget-view+json"
_COLORS = 96
"""Colors of a stored picture: enough for text, and a fifth of its size."""
_VOLATILE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d(?= UTC)|\b\d\d:\d\d(:\d\d(\.\d+)?)?\b|127\.0\.0\.1:\d+"
)
"""Moments at which something was read, and a port."""


_RUN_ALL = """async () => {
  const { content, context } = window.jupyterapp.shell.currentWidget;
  await context.sessionContext.ready;
  await window.jupyterapp.commands.execute("notebook:run-all-cells");
  return content.model.toJSON();
}"""


def read(file: Path) -> Any:
    """Read a notebook."""
    # Two seconds to import, which each process that only collects the tests would pay.
    import nbformat

    return nbformat.read(file, as_version=4)


def run(host: Lab, page: Page, file: Path) -> Any:
    """Run a notebook by Run All in a folder with the practice files; the notebook with its
    outputs."""
    import nbformat

    notebook = read(file)
    shutil.copy(file, host.folder)
    shutil.copytree(FOLDER / "exports", host.folder / "exports", dirs_exist_ok=True)
    host.show(page, file.stem)
    page.set_default_timeout(LONGEST_SECONDS * 1000)
    done = nbformat.from_dict(page.evaluate(_RUN_ALL))
    for cell, ran in zip(notebook.cells, done.cells, strict=True):
        if cell.cell_type == "code":
            cell.execution_count = ran.execution_count
            cell.outputs = [_storable(output) for output in ran.outputs if not _is_live(output)]
    return notebook


def _is_live(output: Any) -> bool:
    """True for what only a running kernel shows: a widget without a picture of itself, and what
    hides its message later."""
    data = output.get("data", {})
    return {_WIDGET} <= set(data) <= {_WIDGET, "text/plain"} or "oap-saved" in data.get(
        "text/html", ""
    )


def _storable(output: Any) -> Any:
    """An output without what only a running kernel can show, its picture in few colors."""
    data = output.get("data", {})
    if len(data) > 1 and re.search(r" at 0x\w+>", data.get("text/plain", "")):
        del data["text/plain"]  # An address says nothing.
    if {"text/html", "image/png"} & set(data):
        data.pop(_WIDGET, None)
    if "image/png" in data:
        data["image/png"] = _in_few_colors(data["image/png"])
    return output


def _in_few_colors(png: str) -> str:
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    small = io.BytesIO()
    picture.quantize(_COLORS, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return base64.b64encode(small.getvalue()).decode() + "\n"


def shown(notebook: Any) -> list[list[str]]:
    """What each code cell shows in words, but for moments of reading; a picture as its kind."""
    return [
        [_words(output) for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def _words(output: Any) -> str:
    data = output.get("data", {})
    for kind in ("text/html", "text/markdown", "image/png", "text/plain"):
        if kind in data:
            return kind if kind == "image/png" else _VOLATILE.sub("…", data[kind])
    return _VOLATILE.sub("…", output.get("text", output.output_type))


def main(names: list[str]) -> None:
    """Run in JupyterLab and store."""
    import nbformat

    with (
        tempfile.TemporaryDirectory() as folder,
        jupyter_lab(Path(folder)) as lab,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which(CHROMIUM), args=list(FLAGS)
        )
        for file in FILES:
            if not names or file.name.startswith(tuple(names)):
                nbformat.write(run(lab, browser.new_page(), file), file)
                sys.stdout.write(f"{file.name}: {file.stat().st_size / 1024:.0f} KB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
