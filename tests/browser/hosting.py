"""A widget in a page of its own, wired to its Python side in this process: a browser without a notebook."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

from playwright.sync_api import Page

import opp_analytics.widgets as home
from opp_analytics.widgets import Explorer, Grid

STATIC = Path(home.__file__).parent / "static"
SLOW = float(os.environ.get("OPP_ANALYTICS_SLOW", "0"))
"""Seconds that Python waits before it answers, to find tests that do not wait for the answer."""
_HOST = """
async ({ module, state, names, slow }) => {
  const { default: widget } = await import(URL.createObjectURL(new Blob([module], { type: "text/javascript" })));
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  for (const name of names) state[name] = bytes(state[name]);
  const listeners = new Set();
  const model = {
    get: (name) => state[name],
    set: (name, value) => (state[name] = value),
    on: (event, listener) => event === "msg:custom" && listeners.add(listener),
    off: (_, listener) => listeners.delete(listener),
    send: async (asked) => {
      if (window.silent) return;
      if (slow) await new Promise((resolve) => setTimeout(resolve, slow));
      const { told, traits } = JSON.parse(await window.askPython(JSON.stringify(asked)));
      for (const [name, value] of Object.entries(traits)) state[name] = bytes(value);
      for (const each of told) listeners.forEach((listener) => listener({}, [bytes(each)]));
    },
  };
  window.began = performance.now();
  window.hostedModel = model;
  window.again = async () => {
    const el = document.querySelector("#here");
    el.replaceChildren();
    window.close = await widget.render({ model, el });
  };
  await window.again();
}
"""


def show(page: Page, widget: Grid | Explorer, *, style: str = "", body: str = "", slow: float = SLOW) -> None:
    """Put the widget, whose Python answers after `slow` seconds, on the page and wait until it stands."""
    told: list[bytes] = []
    widget.send = lambda _, buffers: told.extend(buffers)
    grid = isinstance(widget, Grid)
    name = "grid" if grid else "explorer"
    binary, plain = (("_data", "_open"), ("_columns", "_height", "_today", "_layout", "_part")) if grid else (("_shown",), ("_about", "_part"))  # fmt: skip

    def encoded() -> dict[str, str]:
        return {trait: base64.b64encode(getattr(widget, trait)).decode() for trait in binary}

    def ask(asked: str) -> str:
        told.clear()
        widget._receive(widget, json.loads(asked), [])
        traits = {} if grid else encoded()
        return json.dumps({"told": [base64.b64encode(each).decode() for each in told], "traits": traits})

    page.expose_function("askPython", ask)
    css = widget._css if isinstance(widget._css, str) else ""
    sheet = css or (STATIC / f"{name}.css").read_text()
    html = (
        f"<!doctype html><html lang=en><title>{name}</title><link rel=icon href='data:,'><style>{sheet}</style>"
        f"<style>{style}</style><body><main><div id=here></div></main>{body}"
    )
    # A host of its own, since a blank page may not touch the clipboard.
    page.route("http://localhost/", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto("http://localhost/")
    state = {trait: getattr(widget, trait) for trait in plain} | encoded()
    page.evaluate(
        _HOST,
        {
            "module": (STATIC / f"{name}.js").read_text(),
            "state": state,
            "names": list(binary),
            "slow": slow * 1000,
        },
    )
    if grid:
        page.locator(".oap .slick-cell").first.or_(page.locator(".oap .none:not([hidden])")).wait_for()
    else:
        page.locator(".oap .foot").wait_for()
