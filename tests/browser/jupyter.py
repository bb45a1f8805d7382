"""JupyterLab, or Notebook 7, as a person has it: a server of its own, a notebook open in the
browser, cells run by keyboard."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from playwright.sync_api import Locator, Page, expect

from tests.browser.hosting import SLOW

GRID = """
import opp_analytics as oa
client = oa.Client({url!r}, {token!r}, {api_key!r}, cache_dir={cache!r})
opportunities = oa.load(client, progress=False)
grid = oa.edit(opportunities, client=client, as_of="2026-06-01")
grid
"""
"""A cell that shows a grid of a server's deals."""
_PATIENCE = 120_000
READY = """() => {
  const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
  const kernel = session?.isReady && session.session?.kernel;
  return kernel && kernel.connectionStatus === "connected" && kernel.status === "idle";
}"""
_SLOWLY = f"""
import time
from opp_analytics.widgets import Explorer, Grid
def slowly(answer):
    return lambda *asked: (time.sleep({SLOW}), answer(*asked))
for widget in (Explorer, Grid):
    widget._receive = slowly(widget._receive)
"""
SHOW_EXPLORER = """
import pandas as pd
import opp_analytics as oa
deals = pd.DataFrame({
    "unique_id": list("abc"), "name": ["Acme", "Bolt", "Cord"], "value": [100.0, 50.0, 70.0],
    "stage": ["proposal", "discovery", "closed_won"], "status": "active", "close_date": "2026-03-20", "probability": 40,
    "owner_name": ["Ann", "Bo", "Bo"],
})
explorer = oa.explore(deals, as_of="2026-03-01", state={"question": "stages"})
explorer
"""
"""A cell that shows an explorer of three deals."""
_QUIET = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Cells out of sight would otherwise be taken off the page.
    "notebook-extension/tracker": {"windowingMode": "none"},
}


_APPS = {
    # A workspace of its own: Lab would open what was open before.
    "jupyterlab": ("LabApp", "lab/workspaces/{name}/tree/{name}.ipynb"),
    "notebook": ("JupyterNotebookApp", "notebooks/{name}.ipynb"),
}


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab, or Notebook 7."""

    url: str
    folder: Path
    app: str = "jupyterlab"

    def open(self, page: Page, name: str, cells: Sequence[str]) -> Notebook:
        """A new notebook of code cells, open on the page and its kernel started."""
        import nbformat  # here, as in tests/notebooks.py

        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])
        made.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        nbformat.write(made, self.folder / f"{name}.ipynb")
        return self.show(page, name)

    def show(self, page: Page, name: str) -> Notebook:
        """A notebook of the folder, open on the page and its kernel started."""
        page.goto(f"{self.url}/{_APPS[self.app][1].format(name=name)}")
        page.wait_for_function(READY, timeout=_PATIENCE)
        return Notebook(page)


@dataclass(frozen=True)
class Notebook:
    """A notebook on a page."""

    page: Page

    @property
    def cells(self) -> Locator:
        """Its cells."""
        return self.page.locator(".jp-Notebook .jp-Cell")

    def start(self, number: int) -> Locator:
        """Run a cell by keyboard, without waiting; the cell."""
        cell = self.cells.nth(number)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        return cell

    def save(self) -> None:
        """Save by keyboard and wait until it is saved."""
        self.cells.first.locator(".cm-content").click()
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function(
            "() => !window.jupyterapp.shell.currentWidget.context.model.dirty"
        )

    def run(self, number: int) -> Locator:
        """Run a cell by keyboard and wait for its end; its output.

        An error in the cell is an AssertionError with its traceback.
        """
        cell = self.start(number)
        expect(cell.locator(".jp-InputPrompt")).to_have_text(
            re.compile(r"\[\d+\]:"), timeout=_PATIENCE
        )
        errors = cell.locator('[data-mime-type="application/vnd.jupyter.stderr"]').all_inner_texts()
        assert errors == [], "\n".join(errors)
        return cell.locator(".jp-OutputArea-output")


def find_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def jupyter_lab(folder: Path, app: str = "jupyterlab") -> Iterator[Lab]:
    """A JupyterLab, or Notebook 7, over `folder` that knows no settings but its own and asks for no
    password."""
    settings = folder / ".jupyter"
    for name, values in _QUIET.items():
        file = settings / "lab" / "user-settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    if SLOW:
        startup = folder / ".ipython" / "profile_default" / "startup" / "slow.py"
        startup.parent.mkdir(parents=True)
        startup.write_text(_SLOWLY)
    port = find_port()
    surroundings = {
        # Commands are called by their names, as in an activated environment.
        "PATH": os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", ""))),
        "JUPYTER_CONFIG_DIR": str(settings),
        "JUPYTER_RUNTIME_DIR": str(folder / ".runtime"),
        "IPYTHONDIR": str(folder / ".ipython"),
        "XDG_STATE_HOME": str(folder / ".state"),
        "XDG_CACHE_HOME": str(folder / ".cache"),
    }
    command = [
        sys.executable,
        "-m",
        app,
        "--no-browser",
        "--allow-root",
        f"--ServerApp.port={port}",
    ]
    command += [
        f"--{_APPS[app][0]}.expose_app_in_browser=True",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}",
    ]
    with (folder / "lab.log").open("wb") as log:
        server = subprocess.Popen(
            command, env=os.environ | surroundings, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/api/status", server, folder / "lab.log")
        try:
            yield Lab(url, folder, app)
        finally:
            # A server that stops while a page's request runs in a thread waits for that thread for
            # ever; this is the longest one, and it is answered in turn.
            urllib.request.urlopen(f"{url}/api/nbconvert").read()
    finally:
        server.terminate()
        server.wait(_PATIENCE / 1000)


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers; an AssertionError with its log if it does not."""
    until = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(url):
                return
        except (URLError, ConnectionError):
            if server.poll() is not None or time.monotonic() > until:
                raise AssertionError(
                    f"The server did not start:\n{log.read_text()[-3000:]}"
                ) from None
            time.sleep(0.1)
