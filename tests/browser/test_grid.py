"""The grid in Chromium, by mouse and keyboard, wired to its Python side without a notebook between
them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

import opp_analytics as oa
from tests.browser.axe import serious_faults
from tests.browser.gridpage import GridPage
from tests.browser.hosting import STATIC
from tests.writer.frames import opportunities

pytestmark = pytest.mark.browser


@pytest.fixture
def grid(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GridPage:
    """Deals 0 to 7 worth 1000, 1100, …, in proposal at 40%, due Jun 30, 2026, of Ann and Bo by
    turns."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    frame = opportunities(8).assign(owner_name=["Ann", "Bo"] * 4)
    return GridPage(page, oa.edit(frame, as_of="2026-06-01"))


def test_hands__type_move_and_paste_as_in_a_spreadsheet(grid: GridPage) -> None:
    assert grid.column("name")[:2] == ["Deal 0", "Deal 1"]
    # Type and move on; what is typed is read as in a spreadsheet.
    grid.click(0, "value")
    grid.type("45k", "Enter")
    expect(grid.cell(0, "value")).to_have_text("45,000")
    expect(grid.said).to_have_text("Value set to 45,000")
    grid.type("2500.5", "Tab")
    expect(grid.cell(1, "value")).to_have_text("2,500.50")
    grid.type("Dec 31", "Enter")
    expect(grid.cell(1, "close_date")).to_have_text("Dec 31, 2026")
    # A refused value never enters the frame and says why beside its cell.
    grid.click(2, "close_date")
    grid.type("02/30/2027", "Enter")
    expect(grid.page.locator(".oap .msg")).to_contain_text(
        "“02/30/2027” is not a date: February 2027 has 28 days. Kept Jun 30, 2026."
    )
    expect(grid.cell(2, "close_date")).to_have_attribute("aria-invalid", "true")
    expect(grid.strip).to_contain_text("1 problem")
    grid.press("ArrowUp")
    expect(grid.said).to_contain_text("Refused: “02/30/2027” is not a date")
    grid.press("F2")
    expect(grid.editor).to_have_value("02/30/2027")
    grid.press("Escape", "Alt+Backspace")
    expect(grid.strip).not_to_contain_text("problem")
    # Ctrl+Enter in a range sets every cell of that kind.
    grid.select((3, "value"), (6, "close_date"))
    expect(grid.sums).to_have_text("8 cellssum5,800avg1,450")
    grid.type("7000", "Control+Enter")
    expect(grid.said).to_have_text(
        "Set 4 cells in Value, 4 cells of other columns left as they were"
    )
    grid.holds("value", 45_000, 2_500.5, 1_200, 7_000, 7_000, 7_000, 7_000, 1_700)
    # Several ranges by Ctrl are one step.
    grid.click(0, "probability")
    grid.click(2, "probability", "Control")
    grid.type("60", "Control+Enter")
    grid.holds("probability", 60, 40, 60)
    grid.press("Control+z")
    expect(grid.said).to_have_text("Undone: Set 2 cells in Stated")
    grid.holds("probability", 40, 40, 40)
    # A block goes right and down.
    grid.click(5, "value")
    grid.paste("80\tJul 1\n90\t2026-07-02\n")
    grid.holds("value", 80, 90, 1_700, since=5)
    grid.holds("close_date", "2026-07-01", "2026-07-02", since=5)
    # Out, at the end of the row and by Escape.
    grid.press("Control+Home", "End")
    grid.press("Tab")
    assert grid.page.evaluate("document.activeElement.matches('.kf')") is False
    grid.click(0, "name")
    grid.press("Escape")
    expect(grid.button("Find and replace")).to_be_focused()
    assert grid.complaints == []


def test_hands__faster_than_python_lose_nothing(page: Page, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    frame = opportunities(8).assign(owner_name=["Ann", "Bo"] * 4)
    grid = GridPage(page, oa.edit(frame, as_of="2026-06-01"), slow=0.5)
    # The old value typed again is an edit, since the one before it is not answered yet.
    grid.click(0, "value")
    grid.type("2000", "Enter", "ArrowUp")
    grid.type("1000", "Enter")
    expect(grid.cell(0, "value")).not_to_have_class(re.compile("chg"))
    # What was just typed is filled down, repeated, cut and pasted.
    grid.click(1, "value")
    grid.type("45k", "Enter", "ArrowUp", "Shift+ArrowDown", "Control+d")
    grid.click(3, "value")
    grid.type("7k", "Enter", "ArrowUp", "Shift+ArrowDown", "Control+Enter")
    grid.click(5, "value")
    grid.type("80", "Enter", "ArrowUp", "Control+x", "ArrowDown", "Control+v")
    grid.holds("value", 1000, 45_000, 45_000, 7_000, 7_000, None, 80, 1700)
    # A filter set before an edit is answered knows the edit.
    grid.click(7, "value")
    grid.type("9", "Enter")
    grid.button("Changed only").click()
    expect(page.locator(".oap .cnt")).to_have_text("7 of 8 deals")
    # A second press on a bulk edit is the first.
    grid.button("Bulk edit").click()
    page.get_by_label("Column", exact=True).select_option("close_date")
    page.get_by_label("What to do").select_option("move")
    page.get_by_label("Value", exact=True).fill("+ 1d")
    page.get_by_role("button", name="Do it").dblclick()
    expect(grid.said).to_have_text("Moved Close date by + 1d in 7 deals")
    grid.holds("close_date", "2026-06-30", *["2026-07-01"] * 7)
    # Keys stay with the drawer while it waits: a notebook's would cut cells.
    grid.button("Review plan").click()
    grid.drawer.get_by_role("button", name="Revert Value").first.click()
    expect(grid.drawer).to_contain_text("Review plan: 13 changes in 7 deals")
    assert page.evaluate("document.activeElement.closest('.drw') !== null")
    assert grid.complaints == []


def test_editors__offer_lists_and_a_calendar(grid: GridPage) -> None:
    grid.click(0, "stage")
    grid.press("Enter")
    expect(grid.editor).to_have_attribute("aria-autocomplete", "list")
    assert grid.page.get_by_role("option").all_inner_texts() == [
        "discovery",
        "qualification",
        "proposal",
        "negotiation",
        "closed won",
        "closed lost",
    ]
    expect(grid.page.get_by_role("option", selected=True)).to_have_text("proposal")
    grid.press("ArrowDown", "Enter")
    expect(grid.cell(0, "stage")).to_have_text("negotiation")
    grid.cell(1, "stage").dblclick()
    grid.page.get_by_role("option", name="closed won").click()
    expect(grid.cell(1, "stage")).to_have_text("closed won")
    grid.click(3, "owner_name")
    grid.type("New Person", "Enter")
    expect(grid.cell(3, "owner_name")).to_have_text("New Person")
    grid.click(0, "close_date")
    grid.press("Enter")
    expect(grid.editor).to_have_value("2026-06-30")
    expect(grid.page.locator(".cal .ch")).to_contain_text("Jun 2026")
    grid.press("ArrowDown")
    expect(grid.editor).to_have_value("2026-07-07")
    grid.page.locator(".cal").get_by_role("button", name="Jul 15, 2026").click()
    expect(grid.cell(0, "close_date")).to_have_text("Jul 15, 2026")
    grid.click(0, "close_date")
    grid.type("12/20")
    expect(grid.page.locator(".cal .ch")).to_contain_text("Dec 2026")
    grid.press("Escape")
    expect(grid.cell(0, "close_date")).to_have_text("Jul 15, 2026")
    assert grid.complaints == []


def test_editors__offer_the_stages_of_the_deals_own_pipeline(
    page: Page, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    stages = [("Demo", "New"), ("Offer", "New"), ("Quote", "Renewal")]
    org = oa.Org(stages=[{"name": name, "kind": "open", "pipeline": of} for name, of in stages])
    frame = org.apply(
        opportunities(3)
        .astype({"stage": "str"})
        .assign(stage="Demo", pipeline=pd.Series(["New", "Renewal", None]))
    )
    grid = GridPage(page, oa.edit(frame, as_of="2026-06-01"))
    for row, offered in enumerate((["Demo", "Offer"], ["Quote"], ["Demo", "Offer", "Quote"])):
        grid.click(row, "stage")
        grid.press("Enter")
        expect(page.get_by_role("option")).to_have_text(offered)
        grid.press("Escape")
    # A deal that moved takes the stages of where it is now.
    grid.click(0, "pipeline")
    grid.type("Renewal", "Enter")
    expect(grid.cell(0, "pipeline")).to_have_text("Renewal")
    grid.click(0, "stage")
    grid.press("Enter")
    expect(page.get_by_role("option")).to_have_text(["Quote"])
    assert grid.complaints == []


def test_sort_and_filters__are_there_again_when_the_widget_is_shown_again(grid: GridPage) -> None:
    grid.filter("value", "> 1.2k")
    grid.filter("owner_name", "Bo")
    grid.title("value").hover()
    for _ in range(2):
        grid.title("value").locator(".so").click()
    expect(grid.page.locator(".oap .cnt")).to_contain_text("3 of 8 deals")
    filters = {"value": "> 1.2k", "owner_name": "Bo"}
    wanted = {"sort": [{"field": "value", "down": True}], "filters": filters}
    arranged = lambda: {name: grid.grid.state.get(name) for name in wanted}  # noqa: E731
    grid.until(arranged, wanted)
    grid.page.evaluate("() => { window.close(); return window.again(); }")
    expect(grid.page.locator(".oap .cnt")).to_contain_text("3 of 8 deals")
    assert grid.column("name") == ["Deal 7", "Deal 5", "Deal 3"]
    expect(grid.page.locator("[data-filter='value']")).to_have_value("> 1.2k")
    grid.until(arranged, wanted)
    grid.button("Clear 2 filters").click()
    expect(grid.page.locator(".oap .cnt")).to_have_text("8 deals")
    # A new widget has the columns, and shows all deals.
    assert "filters" not in oa.edit(opportunities(1)).state
    assert grid.complaints == []


def test_rows__come_and_go_and_a_bulk_edit_is_of_those_shown(grid: GridPage) -> None:
    grid.filter("owner_name", "= bo")
    grid.title("value").hover()
    grid.title("value").locator(".so").click()
    grid.button("Bulk edit").click()
    expect(grid.page.get_by_role("dialog", name="Bulk edit")).to_contain_text(
        "Changes 4 deals: all that are shown"
    )
    grid.page.get_by_label("Column", exact=True).select_option("close_date")
    grid.page.get_by_label("What to do").select_option("move")
    grid.page.get_by_label("Value", exact=True).fill("7")
    grid.page.get_by_role("button", name="Do it").click()
    expect(grid.said).to_have_text("Moved Close date by 7 in 4 deals")
    grid.holds("close_date", *["2026-06-30", "2026-07-07"] * 4)
    grid.button("Clear 1 filter").click()
    grid.button("Changed only").click()
    expect(grid.page.locator(".oap .cnt")).to_contain_text("4 of 8 deals")
    grid.button("Changed only").click()
    grid.button("Add deal").click()
    expect(grid.editor).to_be_focused()
    grid.type("Brand new", "Tab")
    expect(grid.cell(0, "name")).to_have_text("Brand new")
    grid.click(1, "name")
    grid.press("Control+Delete")
    expect(grid.page.locator(".slick-row.oa-removed").first).to_be_visible()
    expect(grid.strip).to_contain_text("6 changes in 6 deals")
    # Columns: ids are hidden until asked for.
    grid.button("Columns").click()
    grid.page.get_by_label("unique_id", exact=True).check()
    grid.press("Escape")
    expect(grid.title("unique_id")).to_have_count(1)
    assert grid.complaints == []


def test_plan__is_reviewed_decided_applied_and_taken_back(
    page: Page, tenant, tmp_path, monkeypatch, screenshots
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    client = tenant(6)
    loaded = oa.load(client, progress=False)
    grid = GridPage(page, oa.edit(loaded, client=client, as_of="2026-06-01"))
    ids = [loaded.set_index("name")["unique_id"][name] for name in grid.column("name")]
    for row, typed in ((0, "2000"), (1, "3000"), (2, "lots")):
        grid.click(row, "value")
        grid.type(typed, "Enter")
    grid.click(3, "name")
    grid.press("Control+Delete")
    expect(grid.strip).to_contain_text("3 changes in 3 deals")
    expect(grid.strip).to_contain_text("→")
    client.update(ids[1], value=3500)
    grid.button("Review plan").click()
    expect(grid.drawer).to_contain_text("Review plan: 3 changes in 3 deals")
    expect(grid.drawer).to_contain_text("1 problem, not in the plan")
    grid.button("Check against the server").click()
    expect(grid.drawer).to_contain_text("Choose mine or theirs in 1 conflict first.")
    expect(grid.drawer.get_by_role("button", name="Apply 3 changes…")).to_be_disabled()
    page.screenshot(path=screenshots / "grid-review.png")
    grid.drawer.get_by_label("Theirs, 3,500").check()
    grid.drawer.get_by_role("button", name="Apply 2 changes…").click()
    expect(grid.drawer).to_contain_text(
        "Write 2 changes to 2 deals in the CRM? This deletes 1 deal."
    )
    expect(grid.drawer.get_by_role("button", name="Cancel")).to_be_focused()
    grid.drawer.get_by_role("button", name="Write 2 changes").click()
    expect(grid.drawer).to_contain_text("Receipt: 2 of 2 changes written")
    assert client.get(ids[0])["value"] == 2000
    assert client.get(ids[1])["value"] == 3500
    grid.press("Escape")
    expect(grid.cell(1, "value")).to_have_text("3,500")
    expect(page.locator(".oap .cnt")).to_have_text("5 deals")
    expect(page.locator("[data-bar=undo]")).to_be_disabled()
    expect(grid.strip).to_contain_text("2 changes written at")
    grid.button("Receipt and undo").click()
    grid.button("Undo this run").click()
    grid.button("Take back 2 changes").click()
    expect(grid.drawer).to_contain_text("Undone: 2 changes taken back")
    assert client.get(ids[0])["value"] == loaded.set_index("unique_id")["value"][ids[0]]
    grid.press("Escape")
    expect(page.locator(".oap .cnt")).to_have_text("6 deals")
    assert grid.complaints == []


def test_page__is_text_accessible_narrow_and_dark(
    page: Page, tmp_path, monkeypatch, screenshots
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    hostile = "<img src=x onerror=\"document.title='broken into'\">"
    frame = opportunities(12).assign(owner_name=hostile)
    frame.loc[0, "name"] = hostile
    grid = GridPage(
        page,
        oa.edit(frame.assign(**{hostile: "a"}), as_of="2026-06-01"),
        body="<button>after</button>",
    )
    assert grid.column("name")[0] == hostile
    grid.click(0, "value")
    grid.type("lots", "Enter")
    grid.type("77", "Enter")
    expect(grid.page.get_by_role("grid", name="Deals")).to_have_attribute("aria-rowcount", "14")
    active = grid.field.get_attribute("aria-activedescendant")
    expect(page.locator(f"#{active}")).to_have_attribute("aria-selected", "true")
    assert serious_faults(page) == []
    grid.press("Control+f")
    grid.type("img")
    grid.page.get_by_label("Replace with").fill(hostile)
    grid.press("Escape")
    grid.button("Review plan").click()
    expect(grid.drawer).to_contain_text("Write it from Python")
    assert serious_faults(page) == []
    grid.press("Escape")
    expect(page.locator(".oap img")).to_have_count(0)
    assert page.title() == "grid"
    # Dark as JupyterLab says, and as narrow as a cell may be.
    page.evaluate(
        "document.body.dataset.jpThemeLight = 'false'; document.body.style.background = '#111'; "
        "document.body.style.setProperty('--jp-layout-color0', '#111')"
    )
    assert serious_faults(page) == []
    page.screenshot(path=screenshots / "grid-dark.png")
    page.set_viewport_size({"width": 700, "height": 760})
    page.wait_for_function(
        "document.querySelector('[role=columnheader][data-id=name]').offsetWidth === 170"
    )
    page.screenshot(path=screenshots / "grid-700.png")
    assert page.evaluate("document.documentElement.scrollWidth <= 700")
    assert grid.complaints == []


def test_hundred_thousand_rows__open_scroll_and_edit_at_the_far_end(
    page: Page, screenshots, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    frame = opportunities(100_000)
    grid = GridPage(page, oa.edit(frame, as_of="2026-06-01"))
    grid.click(0, "value")
    grid.press("Control+ArrowDown")
    expect(grid.cell(99_999, "value")).to_have_text("10,000,900")
    assert page.locator(".slick-row").count() < 200
    grid.type("5", "Enter")
    expect(grid.said).to_have_text("Value set to 5 · 5 is far from all others")
    grid.filter("name", "Deal 9999")
    expect(page.locator(".oap .cnt")).to_contain_text("11 of 100,000 deals")
    assert grid.column("value")[-1] == "5"
    assert grid.grid.edited["value"].iloc[-1] == 5
    page.screenshot(path=screenshots / "grid-100000-rows.png")
    assert grid.complaints == []


def test_parse_block__reads_what_spreadsheets_and_plain_texts_put_on_the_clipboard(
    page: Page,
) -> None:
    blocks = (STATIC.parent / "frontend" / "src" / "grid" / "blocks.js").read_text()
    cases = {
        "": [],
        "\r\n": [],
        "a\tb\nc": [["a", "b"], ["c", ""]],
        "a\r\n\r\nb\r\n": [["a"], [""], ["b"]],
        "\t\n\t": [["", ""], ["", ""]],
        'say "hi"\tb': [['say "hi"', "b"]],
        '"a\tb"\t""\n"c"': [["a\tb", ""], ["c", ""]],
        '"""Blue"" project"\n"x""': [['"Blue" project'], ['"x""']],
        '"Blue" project\t"two\nlines"\n"': [['"Blue" project', "two\nlines"], ['"', ""]],
    }
    read = page.evaluate(
        """async ({ blocks, texts }) => {
          const { parseBlock, formatBlock } = await import(URL.createObjectURL(new Blob([blocks], { type: "text/javascript" })));
          return texts.map((text) => [parseBlock(text), parseBlock(formatBlock(parseBlock(text)))]);
        }""",
        {"blocks": blocks, "texts": list(cases)},
    )
    assert [once for once, _ in read] == list(cases.values())
    # Blank rows at the end are a matter of the form; all else comes back.
    assert [again for once, again in read if any(map(any, once))] == [
        once for once, _ in read if any(map(any, once))
    ]


def test_paste__larger_than_a_message_comes_in_parts_as_one_step(
    grid: GridPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds: list[str] = []
    receive = grid.grid._receive

    def note(widget: Any, message: Any, buffers: Any) -> None:
        kinds.append(message["do"])
        receive(widget, message, buffers)

    monkeypatch.setattr(grid.grid, "_receive", note)
    grid.page.evaluate("hostedModel.set('_part', 100)")
    block = [[f"Ünï 😀 {row}", f"{row},000"] for row in range(1, 9)]
    grid.select((0, "name"), (0, "name"))
    grid.paste("\n".join(f"{name}\tAnn\tproposal\t{value}" for name, value in block))
    grid.holds("name", *(name for name, _ in block))
    grid.holds("value", *(1000.0 * row for row in range(1, 9)))
    assert kinds.count("part") > 3
    grid.press("Control+z")
    expect(grid.said).to_contain_text("Undone: Pasted")
    expect(grid.button("Undo")).to_be_disabled()
    assert grid.complaints == []


def test_python__that_fails_or_does_not_answer_ends_in_words_not_in_waiting(
    page: Page, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    grid = GridPage(page, oa.edit(opportunities(4), as_of="2026-06-01"), slow=2.5)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("out of luck")

    grid.button("Review plan").click()
    expect(grid.drawer).to_contain_text("Nothing is changed, so there is nothing to review.")
    grid.press("Escape")
    with monkeypatch.context() as broken:
        broken.setattr("opp_analytics.widgets.grid.sheet.EditSheet.edit", fail)
        grid.click(0, "value")
        grid.type("5", "Enter")
        expect(grid.strip).to_contain_text("waiting for Python")
        expect(grid.said).to_contain_text("This failed in Python (RuntimeError: out of luck).")
        expect(grid.strip).not_to_contain_text("waiting for Python")
    grid.click(0, "value")
    grid.type("6", "Enter")
    expect(grid.cell(0, "value")).to_have_text("6")
    # Lost on the way: a later message is answered, this one is not.
    page.clock.install()
    page.evaluate("window.silent = true")
    grid.click(1, "value")
    grid.type("7", "Enter")
    page.clock.run_for(2000)
    expect(grid.strip).to_contain_text("waiting for Python")
    page.evaluate("window.silent = false")
    grid.click(2, "value")
    grid.type("8", "Enter")
    page.clock.run_for(3000)
    expect(grid.cell(2, "value")).to_have_text("8")
    page.clock.run_for(60_000)
    expect(grid.said).to_contain_text("Python has not answered for a minute, so this may be lost.")
    expect(grid.strip).not_to_contain_text("waiting for Python")
    assert grid.complaints == []
