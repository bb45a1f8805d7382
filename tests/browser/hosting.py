"""A widget in a page of its own, wired to its Python side in this process: a browser without a notebook."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from playwright.sync_api import Page

import opp_analytics.widgets as home
from opp_analytics.widgets import Grid

STATIC = Path(home.__file__).parent / "static"
_HOST = """
async ({ module, state, names }) => {
  const { default: widget } = await import(URL.createObjectURL(new Blob([module], { type: "text/javascript" })));
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  for (const name of names) state[name] = bytes(state[name]);
  const listeners = new Set();
  const model = {
    get: (name) => state[name],
    set: (name, value) => (state[name] = value),
    save_changes: () => window.setState(JSON.stringify(Object.fromEntries(Object.entries(state).filter(([name]) => !names.includes(name))))),
    on: (event, listener) => event === "msg:custom" && listeners.add(listener),
    off: (_, listener) => listeners.delete(listener),
    send: async (asked) => {
      if (window.silent) return;
      for (const told of JSON.parse(await window.askPython(JSON.stringify(asked)))) {
        listeners.forEach((listener) => listener({}, [bytes(told)]));
      }
    },
  };
  window.began = performance.now();
  window.hostedModel = model;
  window.close = await widget.render({ model, el: document.querySelector("#here") });
}
"""


def show(page: Page, grid: Grid, *, style: str = "", body: str = "") -> None:
    """Put the grid on the page and wait until it stands."""
    told: list[bytes] = []
    grid.send = lambda _, buffers: told.extend(buffers)

    def ask(asked: str) -> str:
        told.clear()
        grid._answer(grid, json.loads(asked), [])
        return json.dumps([base64.b64encode(each).decode() for each in told])

    def set_state(state: str) -> None:
        grid._layout = json.loads(state)["_layout"]

    page.expose_function("askPython", ask)
    page.expose_function("setState", set_state)
    css = (STATIC / "grid.css").read_text()
    html = (
        f"<!doctype html><html lang=en><title>grid</title><link rel=icon href='data:,'><style>{css}</style>"
        f"<style>{style}</style><body><main><div id=here></div></main>{body}"
    )
    # A host of its own, since a blank page may not touch the clipboard.
    page.route("http://localhost/", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto("http://localhost/")
    binary = {name: base64.b64encode(getattr(grid, name)).decode() for name in ("_data", "_open")}
    plain = {name: getattr(grid, name) for name in ("_columns", "_height", "_today", "_layout")}
    page.evaluate(
        _HOST,
        {"module": (STATIC / "grid.js").read_text(), "state": plain | binary, "names": [*binary]},
    )
    page.locator(".oa .slick-cell").first.or_(page.locator(".oa .none:not([hidden])")).wait_for()
