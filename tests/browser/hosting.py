"""A grid in a page of its own, wired to its Python side in this process: a browser without a notebook."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

import opp_analytics.widgets.grid as home
from opp_analytics.widgets.grid import Grid

_STATIC = Path(home.__file__).parent / "static"
_HOST = """
async ({ module, columns, data, height }) => {
  const { default: widget } = await import(URL.createObjectURL(new Blob([module], { type: "text/javascript" })));
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const state = { _columns: columns, _data: new DataView(bytes.buffer), _height: height };
  const listeners = new Set();
  const model = {
    get: (name) => state[name],
    on: (_, listener) => listeners.add(listener),
    off: (_, listener) => listeners.delete(listener),
    send: async (asked) => {
      const told = JSON.parse(await window.askPython(JSON.stringify(asked)));
      listeners.forEach((listener) => listener(told, []));
    },
  };
  window.began = performance.now();
  window.close = widget.render({ model, el: document.body });
}
"""


def show(page: Page, grid: Grid) -> None:
    """Put the grid on the page and wait for its first row."""
    told: list[Any] = []
    grid.send = told.append  # type: ignore[method-assign]

    def ask(asked: str) -> str:
        grid._answer(grid, json.loads(asked), [])
        return json.dumps(told.pop())

    page.expose_function("askPython", ask)
    body = f"<!doctype html><link rel=icon href='data:,'><style>{(_STATIC / 'grid.css').read_text()}</style><body>"
    # A host of its own, since a blank page may not touch the clipboard.
    page.route("http://localhost/", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto("http://localhost/")
    page.evaluate(
        _HOST,
        {
            "module": (_STATIC / "grid.js").read_text(),
            "columns": grid._columns,
            "data": base64.b64encode(grid._data).decode(),
            "height": grid._height,
        },
    )
    page.locator(".tabulator-row").first.wait_for()
