"""The explorer in Chromium, by mouse and keyboard, wired to its Python side without a notebook
between them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

import opp_analytics as oa
from tests.browser.axe import serious_faults
from tests.browser.hosting import show
from tests.widgets.explorer.pipelines import DAYS, record, states
from tests.widgets.teams import TODAY, make_org, recorded_team

pytestmark = pytest.mark.browser


def test_explorer__is_clicked_typed_and_dragged_through_its_views(
    page: Page, tmp_path, screenshots
) -> None:
    frames = states()
    hostile = "<img src=x onerror=\"document.title='broken into'\">"
    frame = frames[-1]
    frame.loc[frame["stage"] == "discovery", "name"] = hostile
    explorer = oa.explore(frame, record(frames, tmp_path), as_of=DAYS[-1])
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.set_viewport_size({"width": 1080, "height": 1200})
    show(page, explorer, body="<button>after</button>")
    tab = lambda name: page.get_by_role("tab", name=name)  # noqa: E731
    title = page.locator(".oap-explorer h3")

    # Marks open their deals, with sum, sort and timeline; Escape gives focus back.
    expect(tab("Pipeline")).to_have_attribute("aria-selected", "true")
    mark = page.locator(".mk").first
    mark.focus()
    page.keyboard.press("Enter")
    expect(mark).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".deals tfoot")).to_contain_text("Total,")
    expect(page.locator(".deals tbody")).to_contain_text(hostile)
    assert serious_faults(page) == []
    page.get_by_role("button", name="Deal", exact=True).click()
    expect(page.locator(".deals th").first).to_have_attribute("aria-sort", "ascending")
    page.locator(".deals .deal").first.click()
    expect(page.locator(".deals .tl dd").first).to_be_visible()
    with page.expect_download() as export:
        page.get_by_role("button", name="Export deals (CSV)").click()
    assert export.value.path().read_text().startswith("name,owner_name,value")
    page.screenshot(path=screenshots / "explorer-pipeline.png", full_page=True)
    page.keyboard.press("Escape")
    expect(page.locator(".deals")).to_have_count(0)
    expect(mark).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".mk").nth(1)).to_be_focused()

    # Filters are chips; one that does not act elsewhere stays, dashed.
    page.get_by_role("button", name="Owner", exact=True).click()
    page.get_by_role("checkbox", name="Ann").check()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Stage", exact=True).click()
    page.get_by_role("checkbox", name="proposal").check()
    page.keyboard.press("Escape")
    expect(page.locator(".chip")).to_have_text(["Owner: Ann×", "Stage: proposal×"])
    expect(page.locator(".code").first).to_contain_text("deals[\"owner_name\"].isin(['Ann'])")
    assert explorer.state["where"] == {"owner_name": ["Ann"], "stage": ["proposal"]}
    tab("Pipeline").focus()
    page.keyboard.press("ArrowRight")
    expect(tab("Win rates")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".chip.off")).to_have_text("Stage: proposal (not used in Win rates)×")
    expect(page.get_by_role("button", name="Stage", exact=True)).to_have_count(0)
    tab("Changes").click()
    expect(page.locator(".note.hon").first).to_contain_text(
        "Filters pick deals by what they were on"
    )

    # The window moves by selects, by quick links, and by the slider, which draws while it is
    # dragged.
    page.get_by_label("From", exact=True).select_option("0")
    expect(page.locator(".sub")).to_contain_text("Open value")
    slider = page.get_by_label("End of the window")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_label("to", exact=True)).to_have_value("3")
    expect(page.locator(".code").first).to_contain_text('end="2026-03-23"')
    page.get_by_role("button", name="Clear all").click()
    expect(page.locator(".chip")).to_have_count(0)
    page.get_by_role("button", name="Copy as code").click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == explorer.code
    page.screenshot(path=screenshots / "explorer-changes.png", full_page=True)

    # No match names the way back; every view draws, dark and narrow too.
    page.get_by_label("Deal name contains").fill("no such deal")
    expect(title).to_have_text("No deals match.")
    page.get_by_role("button", name="Clear all filters").click()
    page.evaluate(
        "document.body.dataset.jpThemeLight = 'false'; document.body.style.background = '#111'; "
        "document.body.style.setProperty('--jp-layout-color0', '#111')"
    )
    for view in ("Forecast", "Slippage", "Pipeline"):
        tab(view).click()
        expect(tab(view)).to_have_attribute("aria-selected", "true")
        expect(page.locator(".mk").first).to_be_visible()
    assert serious_faults(page) == []
    page.screenshot(path=screenshots / "explorer-dark.png", full_page=True)
    page.set_viewport_size({"width": 700, "height": 1000})
    page.screenshot(path=screenshots / "explorer-700.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= 700")
    expect(page.locator(".oap img")).to_have_count(0)
    assert page.title() == "explorer"

    # A page that loses Python says so and keeps the last view.
    page.evaluate(
        "window.silent = true; window.hostedModel.widget_manager = { kernel: { connectionStatus: "
        "'disconnected' } }"
    )
    tab("Forecast").click()
    expect(page.locator(".live")).to_contain_text("Python is gone")
    expect(page.locator(".mk").first).to_be_visible()
    assert complaints == []


def test_slippage__opens_the_deals_of_a_part_of_a_bar(page: Page, tmp_path) -> None:
    frames = states()
    explorer = oa.explore(
        frames[-1],
        record(frames, tmp_path),
        as_of=DAYS[-1],
        state={"view": "slippage", "by": "owner_name", "start": "2026-03-02T08:00:00+00:00"},
    )
    show(page, explorer)
    slipped = page.locator("rect.mk[data-mark^='Ann'][data-key=slipped]")
    slipped.focus()
    page.keyboard.press("Enter")
    expect(slipped).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".tbl .tbh h4")).to_contain_text("Ann, slipped")
    found = [row.split("\t")[-1] for row in page.locator(".deals tbody tr").all_inner_texts()]
    due = explorer.table
    assert len(found) == due["count"]["Ann", "slipped"]
    # Its figures are on the mark; the owner's name opens all.
    assert "Ann: slipped" in (slipped.get_attribute("aria-label") or "")
    page.keyboard.press("Escape")
    expect(slipped).to_be_focused()
    page.locator(".lab.mk[data-mark=Ann]").click()
    expect(page.locator(".deals tbody tr")).to_have_count(int(due["count"]["Ann"].sum()))
    assert serious_faults(page) == []


def test_explorer__keeps_keys_and_words_while_python_is_slow(page: Page, tmp_path) -> None:
    frames = states()
    explorer = oa.explore(frames[-1], record(frames, tmp_path), as_of=DAYS[-1])
    show(page, explorer, slow=0.5)
    inside = "document.activeElement.closest('.oap-explorer') !== null"
    # Keys on a mark of the picture that is going stay in the widget.
    page.get_by_label("Group by").select_option("owner_name")
    page.locator(".mk").first.focus()
    page.keyboard.press("Enter")
    ann, bo = (page.locator(f".mk[data-mark={name}]") for name in ("Ann", "Bo"))
    expect(ann).to_be_visible()
    assert page.evaluate(inside)
    # The last of two marks is the one that is open.
    ann.click()
    bo.click()
    expect(bo).to_have_attribute("aria-expanded", "true")
    expect(ann).to_have_attribute("aria-expanded", "false")
    expect(page.locator(".tbl .tbh h4")).to_contain_text("Bo")
    # What is typed while an answer comes stays typed.
    page.get_by_role("tab", name="Forecast").click()
    page.get_by_label("Group by").select_option("Q")
    page.get_by_label("Target of a period").type("400k", delay=150)
    page.keyboard.press("Enter")
    expect(page.locator(".code").first).to_contain_text("target=400000")
    page.get_by_label("Deal name contains").type("no such deal", delay=120)
    expect(page.locator(".oap-explorer h3").first).to_have_text("No deals match.")
    expect(page.get_by_label("Deal name contains")).to_have_value("no such deal")
    expect(page.get_by_label("Deal name contains")).to_be_focused()


def test_bounds__that_are_refused_stay_with_the_reason_beside_them(page: Page) -> None:
    frame = oa.Org(fiscal_year_start=2, currency="USD").apply(states()[-1])
    show(page, oa.explore(frame, as_of=DAYS[-1], state={"first": "FY27 Q1", "last": "FY27 Q1"}))
    chips, error = page.locator(".oap-explorer .chips"), page.locator(".oap-explorer .err")
    expect(chips).to_contain_text("Close date: 2026-02-01 to 2026-04-30")
    page.get_by_role("button", name="Close date", exact=True).click()
    until = page.get_by_label("Close date to")
    until.fill("soon")
    page.keyboard.press("Tab")
    expect(error).to_contain_text("“soon” is not a date or period. Try 12/31/2026")
    expect(until).to_have_attribute("aria-invalid", "true")
    expect(chips).to_contain_text("Close date: 2026-02-01 to 2026-04-30")
    until.fill("Jun 2026")
    page.keyboard.press("Tab")
    expect(error).to_have_text("")
    expect(chips).to_contain_text("Close date: 2026-02-01 to 2026-06-30")
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Forecast").click()
    target, error = page.get_by_label("Target of a period"), page.locator(".ctl .err")
    target.fill("lots")
    page.keyboard.press("Enter")
    expect(error).to_contain_text("“lots” is not an amount")
    expect(target).to_have_attribute("aria-invalid", "true")
    page.keyboard.press("Tab")
    expect(target).to_have_value("lots")
    target.fill("400k")
    page.keyboard.press("Enter")
    expect(error).to_be_hidden()
    expect(target).to_have_attribute("aria-invalid", "false")


def test_filters__by_any_column_presets_and_deals_picked_by_hand(page: Page, screenshots) -> None:
    hostile = "<svg/onload=document.title='in'>"
    frame = states()[-1].assign(team="East", segment=None)
    frame.loc[frame.index[::2], ["team", "segment"]] = ["West", hostile]
    explorer = oa.explore(frame, as_of=DAYS[-1])
    show(page, explorer)
    button = lambda name: page.get_by_role("button", name=name, exact=True)  # noqa: E731
    chips = page.locator(".chip")
    button("Team").click()
    page.get_by_role("checkbox", name="West").check()
    page.keyboard.press("Escape")
    # The other columns are one button further, and Escape gives focus back to it.
    button("More").click()
    assert serious_faults(page) == []
    button("Segment").click()
    expect(page.get_by_role("checkbox").first).to_be_focused()
    page.keyboard.press("Space")
    expect(chips).to_have_text(["Team: West×", f"Segment: {hostile}×"])
    page.keyboard.press("Escape")
    expect(button("More")).to_be_focused()
    assert explorer.state["where"] == {"team": ["West"], "segment": [hostile]}
    button(f"Remove Segment: {hostile}").click()
    # A preset by click; the chip has its days.
    button("Close date").click()
    button("This month").click()
    expect(chips.last).to_have_text("Close date: this month, 2026-03-01 to 2026-03-31×")
    # Unknown ones are named, and the text stays; the dialog closes once all are found.
    ids = frame["unique_id"].tolist()
    button("More").click()
    button("Pick deals…").click()
    area = page.get_by_label("Ids or names of deals, one a line")
    area.fill(f"{ids[0]}\n{hostile}")
    button("Pick these").click()
    expect(page.locator(".oap-explorer .err")).to_have_text(f"Not found: “{hostile}”.")
    expect(chips.last).to_have_text("1 picked deal×")
    area.fill("\n".join(ids[:5]))
    assert serious_faults(page) == []
    button("Pick these").click()
    expect(area).to_have_count(0)
    expect(chips.last).to_have_text("5 picked deals×")
    assert explorer.state["picked"] == ids[:5]
    page.get_by_role("tab", name="Win rates").click()
    expect(page.locator(".chip.off")).to_contain_text("(not used in Win rates)")
    button("Clear all").click()
    expect(chips).to_have_count(0)
    assert page.title() == "explorer"


def test_deals__are_ticked_and_kept_by_hand(page: Page) -> None:
    explorer = oa.explore(states()[-1], as_of=DAYS[-1], state={"by": "owner_name"})
    show(page, explorer)
    page.locator(".mk").first.click()
    page.locator(".take").nth(1).check()
    page.locator(".take").nth(2).check()
    # Sorting keeps the ticks.
    page.get_by_role("button", name="Deal", exact=True).click()
    expect(page.locator(".take:checked")).to_have_count(2)
    page.get_by_role("button", name="Keep only these 2").click()
    expect(page.locator(".chip")).to_have_text("2 picked deals×")
    assert len(explorer.state["picked"]) == 2
    # Another mark begins without ticks.
    page.locator(".mk").first.click()
    expect(page.locator(".take:checked")).to_have_count(0)


def test_python__that_fails_says_so_in_words_and_the_last_view_stays(
    page: Page, monkeypatch
) -> None:
    show(page, oa.explore(states()[-1], as_of=DAYS[-1]))
    live, title = page.locator(".oap-explorer .live"), page.locator(".oap-explorer h3")
    words = title.inner_text()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("out of luck")

    with monkeypatch.context() as broken:
        broken.setattr("opp_analytics.widgets.explorer.explorer.show_view", fail)
        broken.setattr("opp_analytics.widgets.explorer.explorer.write_guarded", fail)
        for act in (
            page.get_by_role("tab", name="Win rates").click,
            page.get_by_role("button", name="Export deals (CSV)").click,
        ):
            act()
            expect(live).to_contain_text("This failed in Python (RuntimeError: out of luck).")
        expect(title).to_have_text(words)
    page.locator(".mk").first.click()
    expect(page.locator(".deals")).to_be_visible()
    expect(live).to_have_text("")
    # What a view without deals cannot export is said, too.
    page.get_by_role("tab", name="Slippage").click()
    expect(title).to_have_text("No history yet.")
    page.get_by_role("button", name="Export deals (CSV)").click()
    expect(live).to_have_text("This view has no deals to export.")


def test_deals__are_readable_with_long_names_at_any_width(
    page: Page, tmp_path, screenshots
) -> None:
    frames = states()
    frame = frames[-1]
    frame["name"] = [
        f"{k:02d} A name of sixty letters that a CRM lets people type in here"
        for k in range(len(frame))
    ]
    explorer = oa.explore(frame, record(frames, tmp_path), as_of=DAYS[-1])
    page.set_viewport_size({"width": 1040, "height": 1000})
    show(page, explorer)
    page.locator(".mk").first.click()
    table = page.locator(".tbs")
    expect(table.locator("thead")).to_contain_text("Days in stage")
    widths = "node => [node.scrollWidth, node.clientWidth]"
    whole, shown = table.evaluate(widths)
    assert whole == shown
    # Each column sorts, both ways; those of words by the number of flags.
    for name in ("Stated", "Days in stage", "Pushes", "Last change", "Flags"):
        head = table.get_by_role("columnheader", name=name)
        for _ in range(2):
            head.get_by_role("button").click()
        expect(head).to_have_attribute("aria-sort", "ascending")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    flags = table.locator("td.w", has_text="pushed").first
    flags.hover()
    expect(page.locator(".tip")).to_contain_text("Pushed ")
    table.locator(".deal").first.click()
    expect(table.locator(".tl dt")).to_have_text(["Flags", "Timeline"])
    assert serious_faults(page) == []
    # On a phone the name stays while the rest scrolls below it.
    page.set_viewport_size({"width": 400, "height": 900})
    table.evaluate("node => (node.scrollLeft = 400)")
    left = table.evaluate("node => node.getBoundingClientRect().left")
    fixed = table.locator("tbody th").first
    assert fixed.evaluate("node => node.getBoundingClientRect().left") == pytest.approx(left, abs=2)
    assert table.locator(".tl dl").evaluate("node => node.offsetWidth") <= 384
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.screenshot(path=screenshots / "explorer-deals-400.png", full_page=True)


def test_at_risk__lists_its_deals_by_value_and_flags(page: Page, tmp_path) -> None:
    frames = states()
    history = record(frames, tmp_path)
    show(page, oa.explore(frames[-1], history, as_of=DAYS[-1], state={"view": "at_risk"}))
    expect(page.get_by_label("Group by")).to_have_value("flag")
    page.locator(".mk").first.click()
    expect(page.locator(".deals thead th").last).to_have_text("Why flagged")
    expect(page.locator(".deals [aria-sort]")).to_have_count(0)
    expect(page.locator(".tbl .note").first).to_have_text(
        "The largest value × number of flags first."
    )
    assert serious_faults(page) == []


def test_explorer__holds_the_forecast_meeting_by_person(page: Page, screenshots) -> None:
    team = recorded_team(make_org())
    explorer = oa.explore(team.as_of(TODAY), team, state={"view": "forecast"})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.set_viewport_size({"width": 1080, "height": 1000})
    show(page, explorer)
    by, period = page.get_by_label("Group by"), page.get_by_label("Period", exact=True)
    title, deals = page.locator(".oap-explorer h3"), page.locator(".deals")

    # By person: targets, the call and who made it; a row opens its deals, by mouse and by keyboard.
    by.select_option("owner_name")
    expect(title).to_contain_text("forecast is")
    row = page.locator(".row.mk", has_text="Ann")
    expect(row).to_contain_text("$4K by Dee")
    expect(page.locator(".row.strong")).to_contain_text("All")
    row.click()
    expect(row).to_have_attribute("aria-expanded", "true")
    expect(deals.locator("tbody tr").first).to_contain_text("Ann")
    assert serious_faults(page) == []
    page.keyboard.press("Escape")
    with page.expect_download() as export:
        page.get_by_role("button", name="Export table (CSV)").click()
    assert export.value.path().read_text().startswith("owner_name,booked,")
    period.select_option("2026-12")
    expect(page.locator(".sub")).to_contain_text("Dec 2026, as of Nov 10")
    # The period stays from one grouping to the next.
    by.select_option("team")
    expect(page.locator(".row.mk", has_text="East")).to_be_visible()
    assert explorer.state["due"] == "2026-12"

    expect(page.get_by_label("Target of a period")).to_be_visible()

    # In a narrow pane each figure stands under its name, and nothing is cut.
    page.set_viewport_size({"width": 400, "height": 1000})
    by.select_option("owner_name")
    expect(page.locator(".wide .row.mk").first).to_be_visible()
    wide = page.evaluate(
        "document.querySelector('.oap-explorer .fig').scrollWidth - "
        "document.querySelector('.oap-explorer .fig').clientWidth"
    )
    assert wide <= 1
    page.screenshot(path=screenshots / "explorer-people-400.png", full_page=True)
    assert complaints == []


def test_focus__stays_where_what_had_it_is_drawn_away(page: Page, tmp_path) -> None:
    frames = states()
    state = {"view": "pipeline", "by": "owner_name", "low": 1, "text": "e"}
    explorer = oa.explore(frames[-1], record(frames, tmp_path), as_of=DAYS[-1], state=state)
    show(page, explorer)
    figure, chip = page.locator(".oap-explorer > .fig"), page.locator(".chip button")
    chip.first.focus()
    page.keyboard.press("Enter")
    expect(chip).to_have_count(1)
    expect(chip).to_be_focused()
    page.keyboard.press("Enter")
    expect(chip).to_have_count(0)
    expect(figure).to_be_focused()
    page.locator(".mk").first.click()
    page.locator(".take").first.check()
    page.get_by_role("button", name="Keep only this one").press("Enter")
    expect(chip).to_have_count(1)
    expect(figure).to_be_focused()
    page.get_by_role("button", name="Clear all").press("Enter")
    expect(chip).to_have_count(0)
    expect(figure).to_be_focused()
    page.get_by_role("textbox", name="Deal name contains").fill("no such deal")
    page.get_by_role("button", name="Clear all filters").press("Enter")
    expect(page.locator(".row").first).to_be_visible()
    expect(figure).to_be_focused()
    reset = page.get_by_role("button", name="Reset")
    reset.press("Enter")
    expect(page.get_by_label("Group by")).to_have_value("stage")
    expect(reset).to_be_focused()


def test_tab__that_is_chosen_is_in_sight_when_the_pane_gets_narrow(page: Page) -> None:
    show(page, oa.explore(states()[-1], as_of=DAYS[-1], state={"view": "at_risk"}))
    page.set_viewport_size({"width": 320, "height": 800})
    page.wait_for_function("document.querySelector('.tab.on').getBoundingClientRect().right <= 320")


def test_person__without_deals_opens_without_a_table_or_an_edit(page: Page) -> None:
    team = recorded_team(make_org())
    state = {"view": "forecast", "by": "owner_name", "due": "2026-12"}
    show(page, oa.explore(team.as_of(TODAY), team, state=state))
    page.locator(".row.mk", has_text="Cy").click()
    expect(page.locator(".tbl h4")).to_have_text("Cy no deals")
    expect(page.locator(".tbl table")).to_have_count(0)
    expect(page.locator(".tbl").get_by_role("button")).to_have_text(["Close Esc"])
