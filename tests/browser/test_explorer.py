"""The explorer in Chromium, by mouse and keyboard, wired to its Python side without a notebook
between them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

import opp_analytics as oa
from opp_analytics.answers import CATALOG
from tests.browser.axe import serious_faults
from tests.browser.hosting import show
from tests.widgets.explorer.pipelines import DAYS, record, states
from tests.widgets.teams import TODAY, make_org, recorded_team

pytestmark = pytest.mark.browser

DARK = (
    "document.body.dataset.jpThemeLight = 'false'; document.body.style.background = '#111'; "
    "document.body.style.setProperty('--jp-layout-color0', '#111')"
)


def _complaints(page: Page) -> list[str]:
    """What the page complains of from now on."""
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text))
    return said


def test_explorer__asks_filters_opens_copies_and_saves(page: Page, tmp_path, screenshots) -> None:
    frames = states()
    hostile = "<img src=x onerror=\"document.title='broken into'\">"
    frame = frames[-1]
    frame.loc[frame["stage"] == "discovery", "name"] = hostile
    explorer = oa.explore(frame, record(frames, tmp_path), as_of=DAYS[-1])
    complaints = _complaints(page)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.set_viewport_size({"width": 1080, "height": 1200})
    show(page, explorer, body="<button>after</button>")
    title, question = page.locator(".oap-explorer h3"), page.get_by_label("Question")
    chips = page.locator(".chip")

    # A row opens to its deals, and a deal to its story; Escape closes the innermost.
    question.select_option("stages")
    row = page.locator(".deals .name").first
    row.focus()
    page.keyboard.press("Enter")
    expect(row).to_have_attribute("aria-expanded", "true")
    inside = page.locator(".inside .deals")
    expect(inside.locator("caption")).to_contain_text("Entered Discovery")
    expect(inside).to_contain_text(hostile)
    assert serious_faults(page) == []
    inside.get_by_role("button", name="Close", exact=True).click()
    expect(inside.locator("[aria-sort]")).to_have_text("Close")
    deal = inside.locator(".name").first
    deal.click()
    expect(page.locator("dl dd").first).to_be_visible()
    page.screenshot(path=screenshots / "explorer-stages.png", full_page=True)
    page.keyboard.press("Escape")
    expect(page.locator("dl")).to_have_count(0)
    expect(deal).to_be_focused()
    page.keyboard.press("Escape")
    expect(inside).to_have_count(0)
    expect(row).to_be_focused()
    # So does a row of the picture, by the keyboard, too.
    mark = page.locator(".picture .mk").nth(1)
    page.locator(".picture .mk").first.focus()
    page.keyboard.press("ArrowDown")
    expect(mark).to_be_focused()
    page.keyboard.press("Enter")
    expect(inside.locator("caption")).to_contain_text("Entered Qualification")

    # Filters are chips; what a question does not take stays, dashed.
    question.select_option("at_risk")
    page.get_by_label("Whose deals").select_option("Ann")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("dialog").get_by_role("button", name="Stage").click()
    page.get_by_role("checkbox", name="Proposal").check()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Close date").click()
    page.get_by_role("button", name="This month").click()
    expect(chips).to_have_text(
        ["Owner: Ann×", "Stage: Proposal×", "Close date: this month, Mar 1, 2026 to Mar 31, 2026×"]
    )
    assert explorer.state["where"] == {"stage": ["proposal"]}
    page.get_by_role("button", name="Views").click()
    page.get_by_label("Name of this view").fill("Ann, this month")
    page.keyboard.press("Enter")
    view = page.get_by_role("dialog").get_by_role("button", name="Ann, this month", exact=True)
    expect(view).to_be_visible()
    page.screenshot(path=screenshots / "explorer-views.png", full_page=True)
    page.keyboard.press("Escape")
    question.select_option("slippage")
    expect(page.locator(".chip.off")).to_have_count(2)
    expect(page.locator(".chip.off").first).to_have_text("Stage: Proposal (not used here)×")
    expect(page.get_by_role("button", name="Filter")).to_have_count(0)
    page.get_by_role("button", name="Clear all").click()
    expect(chips).to_have_count(0)
    # A saved view has them all, and its question.
    page.get_by_role("button", name="Views").click()
    view.click()
    expect(chips).to_have_count(3)
    expect(question).to_have_value("at_risk")
    page.get_by_role("button", name="Clear all").click()
    question.select_option("slippage")

    # Code and page of what is on screen.
    page.get_by_role("button", name="Copy as code").click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == explorer.code
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save…").click()
    assert saved.value.suggested_filename == "slippage.html"
    assert explorer.answer.sentence in saved.value.path().read_text()

    # A page that loses Python says so and keeps the last answer.
    said = title.inner_text()
    page.evaluate(
        "window.silent = true; window.hostedModel.widget_manager = { kernel: { connectionStatus: "
        "'disconnected' } }"
    )
    question.select_option("calls")
    expect(page.locator(".live")).to_contain_text("Python is gone")
    expect(title).to_have_text(said)
    expect(question).to_have_value("slippage")
    expect(page.locator(".oap img")).to_have_count(0)
    assert page.title() == "explorer"
    assert complaints == []


def test_explorer__shows_every_answer_dark_and_narrow(page: Page, screenshots) -> None:
    team = recorded_team(make_org())
    complaints = _complaints(page)
    show(page, oa.explore(team.as_of(TODAY), team))
    code = page.locator(".oap-explorer .code")
    for key in CATALOG:
        page.get_by_label("Question").select_option(key)
        expect(code).to_contain_text(f'"{key}"')
        for width in (1040, 400):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, key
            page.screenshot(path=screenshots / f"explorer-{key}-{width}.png", full_page=True)
        assert serious_faults(page) == [], key
    page.evaluate(DARK)
    assert serious_faults(page) == []
    assert complaints == []


def test_explorer__keeps_focus_and_the_last_choice_while_python_is_slow(
    page: Page, tmp_path
) -> None:
    frames = states()
    explorer = oa.explore(frames[-1], record(frames, tmp_path), as_of=DAYS[-1])
    show(page, explorer, slow=0.5)
    question = page.get_by_label("Question")
    question.select_option("stages")
    expect(page.locator(".oap-explorer .sub")).to_have_text("Funnel")
    rows = page.locator(".deals .name")
    rows.first.click()
    question.select_option("win_rates")
    question.select_option("slippage")
    expect(page.locator(".oap-explorer .sub")).to_have_text("Slippage")
    expect(page.locator(".inside")).to_have_count(0)
    assert page.evaluate("document.activeElement.closest('.oap-explorer') !== null")
    assert explorer.state["question"] == "slippage"


def test_answer__is_drawn_once_so_that_what_has_focus_keeps_it(page: Page) -> None:
    show(page, oa.explore(states()[-1], as_of=DAYS[-1]), slow=0.2)
    page.evaluate("""() => {
        window.drawn = 0;
        new MutationObserver(() => drawn++).observe(
            document.querySelector(".oap-explorer .fig"), { childList: true });
    }""")
    for count, key in enumerate(("deals", "stages", "deals"), start=1):
        page.get_by_label("Question").select_option(key)
        expect(page.locator(".oap-explorer .code")).to_contain_text(f'"{key}"')
        page.wait_for_timeout(400)  # what comes late would come by then
        assert page.evaluate("drawn") == count


def test_close_dates__that_are_refused_stay_with_the_reason_beside_them(page: Page) -> None:
    frame = oa.Org(fiscal_year_start=2, currency="USD").apply(states()[-1])
    state = {"question": "at_risk", "first": "FY27 Q1", "last": "FY27 Q1"}
    show(page, oa.explore(frame, as_of=DAYS[-1], state=state))
    chips, error = page.locator(".oap-explorer .chips"), page.locator(".oap-explorer .err")
    expect(chips).to_contain_text("Close date: Feb 1, 2026 to Apr 30, 2026")
    page.get_by_role("button", name="Close date", exact=True).click()
    until = page.get_by_label("Close date to")
    until.fill("soon")
    page.keyboard.press("Tab")
    expect(error).to_contain_text("“soon” is not a date or period. Try 12/31/2026")
    expect(until).to_have_attribute("aria-invalid", "true")
    expect(chips).to_contain_text("Close date: Feb 1, 2026 to Apr 30, 2026")
    until.fill("Jun 2026")
    page.keyboard.press("Tab")
    expect(error).to_have_text("")
    expect(chips).to_contain_text("Close date: Feb 1, 2026 to Jun 30, 2026")


def test_errors__are_said_below_and_leave_the_last_answer(page: Page) -> None:
    show(page, oa.explore(states()[-1], as_of=DAYS[-1], state={"question": "stages"}))
    title, live = page.locator(".oap-explorer h3"), page.locator(".oap-explorer .live")
    said = title.inner_text()

    def fail(*_: object) -> None:
        raise RuntimeError("out of order")

    with pytest.MonkeyPatch.context() as broken:
        broken.setattr("opp_analytics.widgets.explorer.explorer.show_answer", fail)
        page.get_by_label("Question").select_option("win_rates")
        expect(live).to_contain_text("RuntimeError: out of order")
        expect(title).to_have_text(said)
        expect(page.get_by_label("Question")).to_have_value("stages")
    page.get_by_label("Question").select_option("win_rates")
    expect(live).to_have_text("")
    expect(title).not_to_have_text(said)
