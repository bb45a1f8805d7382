"""A widget in a page of its own, wired to its Python side in this process: a browser without a
notebook."""

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
async ({ module, shown, slow }) => {
  const { default: widget } = await import(URL.createObjectURL(new Blob([module], { type: "text/javascript" })));
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  const models = {};
  const take = (id, plain, binary) => {
    const { state, texts, fire } = models[id];
    Object.assign(state, plain);
    const news = Object.entries(binary).filter(([name, value]) => texts[name] !== value);
    for (const [name, value] of news) state[name] = bytes(texts[name] = value);
    for (const [name] of news) fire(`change:${name}`);
  };
  const make = (id, plain, binary) => {
    const state = {};
    const listeners = [];
    const model = models[id] = {
      state,
      texts: {},
      widget_manager: { get_model: async (other) => models[other] ?? make(other, ...JSON.parse(await window.givePython(other))) },
      get: (name) => state[name],
      set: (name, value) => (state[name] = value),
      on: (event, listener) => listeners.push([event, listener]),
      off: (event, listener) => listeners.splice(0, Infinity, ...listeners.filter(([one, other]) => one !== event || other !== listener)),
      fire: (event, ...about) => listeners.filter(([one]) => one === event).forEach(([, listener]) => listener(...about)),
      send: async (asked) => {
        if (window.silent) return;
        if (slow) await new Promise((resolve) => setTimeout(resolve, slow));
        const { told, traits } = JSON.parse(await window.askPython(id, JSON.stringify(asked)));
        for (const [other, ...values] of traits) take(other, ...values);
        for (const [other, each] of told) models[other]?.fire("msg:custom", {}, [bytes(each)]);
      },
    };
    take(id, plain, binary);
    return model;
  };
  window.began = performance.now();
  const model = window.hostedModel = make(...shown);
  window.again = async (el = document.querySelector("#here")) => {
    el.replaceChildren();
    window.close = await widget.render({ model, el });
  };
  await window.again();
}
"""
_BINARY = {"grid": ("_data", "_open"), "explorer": ("_shown",)}
_PLAIN = {
    "grid": ("_columns", "_height", "_today", "_layout", "_part", "_drafts", "_only", "_rows"),
    "explorer": ("_about", "_part"),
}


def _state(widget: Grid | Explorer) -> tuple[str, dict[str, object], dict[str, str]]:
    """What a page gets of a widget: its id, its plain traits, and its bytes as text."""
    name = "grid" if isinstance(widget, Grid) else "explorer"
    plain = {trait: getattr(widget, trait, None) for trait in _PLAIN[name]}
    binary = {trait: base64.b64encode(getattr(widget, trait)).decode() for trait in _BINARY[name]}
    return widget.model_id, plain, binary


def show(
    page: Page, widget: Grid | Explorer, *, style: str = "", body: str = "", slow: float = SLOW
) -> None:
    """Put the widget, whose Python answers after `slow` seconds, on the page and wait until it
    stands.

    An explorer's grid comes with it, as a notebook gives a widget that another one shows.
    """
    told: list[tuple[str, bytes]] = []
    name = "grid" if isinstance(widget, Grid) else "explorer"
    widgets: dict[str, Grid | Explorer] = {}

    def wire(each: Grid | Explorer) -> None:
        widgets[each.model_id] = each
        each.send = lambda _, buffers: told.extend((each.model_id, buffer) for buffer in buffers)

    wire(widget)

    def ask(model: str, asked: str) -> str:
        told.clear()
        widgets[model]._receive(widgets[model], json.loads(asked), [])
        traits = [_state(each) for each in widgets.values() if isinstance(each, Explorer)]
        return json.dumps(
            {"told": [(to, base64.b64encode(each).decode()) for to, each in told], "traits": traits}
        )

    def give(model: str) -> str:
        child = widget.grid if isinstance(widget, Explorer) else None
        assert child is not None, "no such widget"
        wire(child)
        sources = {
            f"_{kind}": (STATIC / f"grid.{end}").read_text()
            for kind, end in (("esm", "js"), ("css", "css"))
        }
        _, plain, binary = _state(child)
        return json.dumps([plain | sources, binary])

    page.expose_function("givePython", give)
    page.expose_function("askPython", ask)
    css = widget._css if isinstance(widget._css, str) else ""
    sheet = css or (STATIC / f"{name}.css").read_text()
    html = (
        f"<!doctype html><html lang=en><title>{name}</title><link rel=icon "
        f"href='data:,'><style>{sheet}</style><style>{style}</style><body><main><div "
        f"id=here></div></main>{body}"
    )
    # A host of its own, since a blank page may not touch the clipboard.
    page.route(
        "http://localhost/", lambda route: route.fulfill(body=html, content_type="text/html")
    )
    page.goto("http://localhost/")
    module = (STATIC / f"{name}.js").read_text()
    page.evaluate(_HOST, {"module": module, "shown": _state(widget), "slow": slow * 1000})
    if name == "grid":
        page.locator(".oap .slick-cell").first.or_(
            page.locator(".oap .none:not([hidden])")
        ).wait_for()
    else:
        page.locator(".oap .foot").wait_for()
