"""A grid in a page of its own, wired to its Python side in this process: a browser without a notebook."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from playwright.sync_api import Page

import opp_analytics.widgets.grid as home
from opp_analytics.widgets.grid import Grid

_STATIC = Path(home.__file__).parent / "static"
_HOST = """
async ({ module, columns, data, height }) => {
  const { default: widget } = await import(URL.createObjectURL(new Blob([module], { type: "text/javascript" })));
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  const state = { _columns: columns, _data: bytes(data), _height: height };
  const listeners = new Set();
  const model = {
    get: (name) => state[name],
    on: (_, listener) => listeners.add(listener),
    off: (_, listener) => listeners.delete(listener),
    send: async (asked) => {
      const told = bytes(await window.askPython(JSON.stringify(asked)));
      listeners.forEach((listener) => listener({}, [told]));
    },
  };
  window.began = performance.now();
  window.close = await widget.render({ model, el: document.body });
}
"""


def show(page: Page, grid: Grid) -> None:
    """Put the grid on the page and wait until it stands."""
    told: list[bytes] = []
    grid.send = lambda _, buffers: told.extend(buffers)

    def ask(asked: str) -> str:
        grid._answer(grid, json.loads(asked), [])
        return base64.b64encode(told.pop()).decode()

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
    page.locator(".opp-status:not(:empty)").wait_for()
