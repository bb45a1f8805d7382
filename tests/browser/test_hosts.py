"""Both widgets in the hosts that show them: themes, narrow panes, the screen's edges, and a
notebook opened again without Python."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator, Page, expect

import opp_analytics as oa
from opp_analytics.answers import CATALOG
from tests.browser.gridpage import GridPage
from tests.browser.hosting import show
from tests.browser.jupyter import SHOW_EXPLORER, Lab
from tests.widgets.explorer.pipelines import DAYS, record, states

pytestmark = pytest.mark.browser

LIGHT, DARK = "rgb(21, 24, 28)", "rgb(238, 240, 242)"
HOSTS = [
    ("body", "data-jp-theme-light", "true", LIGHT),
    ("body", "data-jp-theme-light", "false", DARK),
    ("body", "data-vscode-theme-kind", "vscode-light", LIGHT),
    ("body", "data-vscode-theme-kind", "vscode-high-contrast-light", LIGHT),
    ("body", "data-vscode-theme-kind", "vscode-dark", DARK),
    ("body", "data-vscode-theme-kind", "vscode-high-contrast", DARK),
    ("body", "class", "vscode-light", LIGHT),
    ("body", "class", "vscode-dark", DARK),
    ("html", "theme", "dark", DARK),
    ("html", "theme", "light", LIGHT),
    ("html", "class", "dark", DARK),
    ("html", "class", "light", LIGHT),
]
"""What JupyterLab, VS Code, Colab and marimo say of their theme, and the color of text in it."""


def _ink(page: Page) -> str:
    return str(page.locator(".oap").first.evaluate("node => getComputedStyle(node).color"))


def test_themes__are_the_hosts_whatever_the_system_has(page: Page) -> None:
    show(page, oa.explore(states()[-1], as_of=DAYS[-1]))
    for system, ink in (("light", LIGHT), ("dark", DARK)):
        page.emulate_media(color_scheme=system)  # type: ignore[arg-type]
        assert _ink(page) == ink
        for tag, name, value, wanted in HOSTS:
            page.evaluate(
                "([tag, name, value]) => document.querySelector(tag).setAttribute(name, value)",
                [tag, name, value],
            )
            assert _ink(page) == wanted, (system, name, value)
            page.evaluate(
                "([tag, name]) => document.querySelector(tag).removeAttribute(name)", [tag, name]
            )


def _box(node: Locator) -> dict[str, float]:
    expect(node).to_be_visible()
    return dict(node.evaluate("node => node.getBoundingClientRect().toJSON()"))


def _in_sight(page: Page, node: Locator) -> bool:
    """Whether a person sees the whole of something on the screen."""
    box = _box(node)
    return box["top"] >= 0 and box["bottom"] <= page.evaluate("innerHeight")


def test_popovers__stay_in_sight_at_the_lower_edge_of_a_screen(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 640})
    show(
        page,
        oa.explore(states()[-1], as_of=DAYS[-1], state={"question": "at_risk"}),
        style="main{height:440px;overflow:auto;margin-top:180px}",
    )
    page.get_by_role("button", name="Close date").first.click()
    assert _in_sight(page, page.get_by_role("dialog", name="Close date"))
    page.keyboard.press("Escape")


def test_lists_and_calendars__open_upward_where_the_screen_ends(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 640})
    on = GridPage(page, oa.edit(states()[-1], as_of=DAYS[-1]), style="body{padding-top:400px}")
    page.evaluate("scrollTo(0, 0)")
    for field, popup in (("stage", ".lb"), ("close_date", ".cal")):
        on.click(2, field)
        on.press("Enter")
        assert _in_sight(page, page.locator(popup))
        on.press("Escape")


def _move_into_shadow(page: Page) -> None:
    """Show the widget again in a tree of its own that has no box, as marimo does."""
    page.evaluate("""async () => {
      const host = document.createElement("div");
      document.querySelector("main").replaceChildren(host);
      const tree = host.attachShadow({ mode: "open" });
      const el = document.createElement("div");
      el.style.display = "contents";
      tree.append(document.querySelector("style"), el);
      await window.again(el);
    }""")


def test_explorer__in_a_tree_of_its_own_keeps_focus_and_makes_pictures(page: Page) -> None:
    show(page, oa.explore(states()[-1], as_of=DAYS[-1], state={"question": "at_risk"}))
    _move_into_shadow(page)
    page.get_by_role("button", name="Close date").first.click()
    field = page.get_by_label("Close date from")
    field.fill("lots")
    field.press("Enter")
    expect(page.locator(".live")).to_contain_text("lots")
    assert field.evaluate("node => getComputedStyle(node).color") == LIGHT
    page.keyboard.press("Escape")
    page.get_by_label("Question").select_option("stages")
    page.locator(".picture .mk").first.click()
    expect(page.locator(".inside .deals")).to_be_visible()
    expect(page.locator(".deals .name").first).to_be_focused()


def test_grid__in_a_tree_of_its_own_is_edited_and_taken_back(page: Page) -> None:
    on = GridPage(page, oa.edit(states()[-1], as_of=DAYS[-1]))
    _move_into_shadow(page)
    page.locator(".oap .slick-cell").first.wait_for()
    on.click(1, "value")
    page.keyboard.type("45k")
    page.keyboard.press("Enter")
    on.until(lambda: int(on.grid.edited["value"].eq(45_000).sum()), 1)
    page.keyboard.press("Control+z")
    on.until(lambda: len(on.grid.changes), 0)
    assert on.grid.edited["value"].equals(states()[-1]["value"])


_CROWDED = """(root) => {
  const box = (node) => node.getBoundingClientRect();
  const { right } = box(root);
  const said = [];
  for (const node of root.querySelectorAll(".ctl > *, .kpi > *, .picture .lab, .picture .fig, .picture svg"))
    if (node.checkVisibility() && box(node).right > right + 1) said.push(`${node.className} beyond the edge`);
  for (const row of root.querySelectorAll(".picture .row:not(.head)")) {
    const [label, drawn, ...figures] = [...row.children];
    if (box(drawn).width < 80) said.push(`a picture of ${box(drawn).width} px`);
    if (box(label).width < 40) said.push(`a label of ${box(label).width} px`);
    const line = [label, ...figures].filter((each) => Math.abs(box(each).top - box(label).top) < 20);
    line.slice(1).forEach((each, at) => box(each).left < box(line[at]).right - 1 && said.push(`${each.textContent} over ${line[at].textContent}`));
  }
  return said;
}"""


def test_explorer__keeps_its_pictures_and_words_apart_in_a_narrow_pane(
    page: Page, tmp_path, screenshots
) -> None:
    frames, width = states(), 320
    explorer = oa.explore(frames[-1], record(frames, tmp_path))
    # Narrow as a pane of a wide screen, and as a screen.
    show(page, explorer, style=f"body{{margin:0}} main{{width:{width}px}}")
    panel = page.locator(".oap-explorer").first
    for key in CATALOG:
        page.get_by_label("Question").select_option(key)
        expect(page.locator(".oap-explorer .code")).to_contain_text(f'"{key}"')
        for screen in (1280, width):
            page.set_viewport_size({"width": screen, "height": 900})
            assert panel.evaluate(_CROWDED) == [], key
        page.screenshot(path=screenshots / f"explorer-{width}-{key}.png", full_page=True)


def test_saved__and_opened_again_without_python_shows_the_still_and_nothing_else(
    page: Page, lab: Lab, screenshots
) -> None:
    grid = SHOW_EXPLORER.replace(
        'explorer = oa.explore(deals, as_of="2026-03-01", state={"question": "stages"})\nexplorer',
        "oa.edit(deals.assign(name='Bolt' * 125))",
    )
    notebook = lab.open(page, "saved", [SHOW_EXPLORER, grid])
    for cell, inside in enumerate((".oap-explorer h3", ".oap .slick-cell")):
        notebook.run(cell)
        page.locator(inside).first.wait_for(state="attached")
    expect(page.locator(".oap-still").first).to_be_hidden()
    expect(page.locator(".oap-still").last).to_be_hidden()
    notebook.save()
    page.evaluate("window.jupyterapp.serviceManager.sessions.shutdownAll()")
    # Changed by another program, a notebook is not trusted.
    told = json.loads((lab.folder / "saved.ipynb").read_text())
    told["cells"][0]["source"] = "# changed\n"
    (lab.folder / "changed.ipynb").write_text(json.dumps(told))
    for name in ("saved", "changed"):
        page.goto(f"{lab.url}/lab/workspaces/{name}-again/tree/{name}.ipynb")
        expect(page.locator(".oap-still").first).to_be_visible()
        expect(page.locator(".oap-still").last).to_contain_text("Mar 20, 2026")
        expect(page.locator("body")).not_to_contain_text("Loading widget", use_inner_text=True)
        outputs = page.locator(".jp-OutputArea-child").filter(visible=True)
        said = [text.strip()[:4] for text in outputs.all_inner_texts() if text.strip()]
        assert said == ["Funn", "Deal"], name
        page.screenshot(path=screenshots / f"{name}-again.png")
        assert (
            _box(page.locator(".oap-still table").last)["width"]
            <= _box(page.locator(".jp-OutputArea").last)["width"]
        )
