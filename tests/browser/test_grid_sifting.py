"""Filters and figures of the grid in Chromium, with real keys, against
pandas."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

import opp_analytics as oa
from tests.browser.axe import serious_faults
from tests.browser.gridpage import GridPage

pytestmark = pytest.mark.browser
Pick = Callable[[pd.DataFrame], "pd.Series[bool]"]
TODAY = pd.Timestamp("2026-11-29")
OPEN = ("qualification", "proposal", "negotiation")


def make_deals(n: int = 300) -> pd.DataFrame:
    """Deals of four owners, some named with a comma, some without a value or date."""
    random = np.random.default_rng(7)
    days = TODAY + pd.to_timedelta(random.integers(-60, 120, n), "D")
    deals = pd.DataFrame(
        {
            "unique_id": [f"d{k}" for k in range(n)],
            "name": [f"Acme, Inc {k}" if k % 7 == 0 else f"Deal {k}" for k in range(n)],
            "owner_name": random.choice(
                ["Grace Hopper", "Elif Şahin", "Amara Okafor", "Dmitri Ivanov"], n
            ),
            "stage": random.choice([*OPEN, "closed_won", "closed_lost"], n),
            "value": np.round(random.lognormal(10, 1, n)),
            "close_date": days,
            "probability": random.choice([10, 20, 40, 60], n),
        }
    )
    deals.loc[::29, "value"] = np.nan
    deals.loc[::31, "close_date"] = pd.NaT
    return deals


@pytest.fixture
def deals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pd.DataFrame:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return make_deals()


@pytest.fixture
def grid(page: Page, deals: pd.DataFrame) -> GridPage:
    return GridPage(page, oa.edit(deals, as_of=TODAY))


def shows(grid: GridPage, n: int, of: int = 300) -> None:
    expect(grid.page.locator(".oap .cnt")).to_contain_text(
        f"{n:,} of {of:,} deals" if n < of else f"{of:,} deals"
    )


def _within(first: str, last: str) -> Pick:
    return lambda d: d["close_date"].between(first, last)


def _stage(*names: str) -> Pick:
    return lambda d: d["stage"].isin(names)


FILTERS: list[tuple[str, str, Pick, str]] = [
    (
        "value",
        ">= 20k and < 50k",
        lambda d: d["value"].between(20_000, 50_000, "left"),
        "20,000 or more and below 50,000",
    ),
    (
        "value",
        "< 5k | > 90k",
        lambda d: d["value"].lt(5_000) | d["value"].gt(90_000),
        "below 5,000 or above 90,000",
    ),
    (
        "value",
        "empty, 1..9,000",
        lambda d: d["value"].isna() | d["value"].le(9_000),
        "empty or 1 to 9,000",
    ),
    (
        "value",
        "!= 10k..50k, empty",
        lambda d: d["value"].notna() & ~d["value"].between(10_000, 50_000),
        "not 10,000 to 50,000 and not empty",
    ),
    (
        "close_date",
        "this month",
        _within("2026-11-01", "2026-11-30"),
        "Nov 1, 2026 to Nov 30, 2026",
    ),
    (
        "close_date",
        "Dec 30, 2026, Dec 31, 2026",
        _within("2026-12-30", "2026-12-31"),
        "Dec 30, 2026 or Dec 31, 2026",
    ),
    (
        "close_date",
        ">= this month < Feb 2027",
        _within("2026-11-01", "2027-01-31"),
        "Nov 1, 2026 or later and before Feb 1, 2027",
    ),
    (
        "close_date",
        "overdue",
        lambda d: d["close_date"].lt(TODAY) & d["stage"].isin(OPEN),
        "overdue: open, and before today",
    ),
    ("stage", "!= closed won, closed_lost", _stage(*OPEN), "not “closed won” or “closed_lost”"),
    (
        "owner_name",
        "!= grace, elif",
        lambda d: ~d["owner_name"].str[0].isin(["G", "E"]),
        "not with “grace” or with “elif”",
    ),
    ("name", "!= Deal 1", lambda d: d["name"].ne("Deal 1"), "not “Deal 1”"),
    (
        "owner_name",
        "grace|elif",
        lambda d: d["owner_name"].str[0].isin(["G", "E"]),
        "with “grace” or with “elif”",
    ),
    ("name", "Acme, Inc", lambda d: d["name"].str.startswith("Acme, Inc"), "with “Acme, Inc”"),
    (
        "name",
        "= deal 1, Deal 2",
        lambda d: d["name"].isin(["Deal 1", "Deal 2"]),
        "“deal 1” or “Deal 2”",
    ),
]
"""Column, what is typed, what pandas picks, and what the grid says of it."""


def test_filters__of_several_conditions_show_what_pandas_does_and_say_it(
    grid: GridPage, deals: pd.DataFrame
) -> None:
    note = grid.page.get_by_role("note")
    for field, text, pick, words in FILTERS:
        grid.filter(field, text)
        title = grid.page.locator(f"[data-filter='{field}']").get_attribute("aria-label") or ""
        expect(note).to_have_text(f"{title.removeprefix('Filter ')} {words}")
        shows(grid, int(pick(deals).sum()))
        grid.click(0, "name")
        expect(note).to_have_count(0)
        grid.filter(field, "")
    assert grid.complaints == []


NOT_UNDERSTOOD = [
    ("value", "20k < 50k", "Not understood: “20k < 50k”. Try > 20k, 10k..50k or empty."),
    ("value", "overdue", "“overdue” is not an amount. Try > 20k, 10k..50k or empty."),
    (
        "close_date",
        "Dec 2026..Nov 2026",
        "“Dec 2026..Nov 2026” ends before it begins. Swap its ends.",
    ),
    (
        "name",
        "!= a, = b",
        "Not understood: “!= a, = b”. Deal is text: try part of it, = exact or != exact.",
    ),
]


def test_filters__that_are_not_understood_hide_nothing(grid: GridPage) -> None:
    for field, text, why in NOT_UNDERSTOOD:
        grid.filter(field, text)
        expect(grid.page.get_by_role("alert")).to_have_text(f"{why} All rows are shown.")
        box = grid.page.locator(f"[data-filter='{field}']")
        expect(box).to_have_attribute("aria-invalid", "true")
        shows(grid, 300)
        grid.filter(field, "")


def test_figures__of_the_selection_equal_those_of_pandas(
    grid: GridPage, deals: pd.DataFrame
) -> None:
    grid.take("value")
    value = deals["value"]
    expect(grid.sums).to_have_text(
        f"300 cellssum{math.floor(value.sum() + 0.5):,}avg{math.floor(value.mean() + 0.5):,}"
    )
    grid.take("close_date")
    expect(grid.sums).to_have_text("300 cells")
    # Ctrl ranges that overlap count a cell once.
    grid.select((0, "probability"), (5, "probability"))
    grid.page.keyboard.down("Control")
    grid.select((8, "probability"), (3, "probability"))
    grid.page.keyboard.up("Control")
    expect(grid.sums).to_contain_text("9 cellsavg")
    assert grid.complaints == []


def test_strip__names_the_period_that_changes_most_and_lists_all(
    grid: GridPage, deals: pd.DataFrame
) -> None:
    late = deals["close_date"].between(TODAY, "2026-12-31") & deals["stage"].isin(OPEN)
    grid.filter("close_date", "Nov 29, 2026..Dec 31, 2026")
    grid.filter("stage", "qualification, proposal, negotiation")
    shows(grid, int(late.sum()))
    grid.take("close_date")
    grid.type("1/20/2027", "Control+Enter")
    expect(grid.strip).to_contain_text("forecast Jan 2027 ")
    grid.page.locator("[data-bar='periods']").focus()
    grid.press("Enter")
    panel = grid.page.get_by_role("dialog", name="Periods that change")
    changed = grid.grid._show_strip()["changed"]
    lines = [line.inner_text().split("\t") for line in panel.locator("tbody tr").all()]
    assert lines == [
        [each["period"], f"{each['before']} → {each['after']}", each["change"]] for each in changed
    ]
    assert serious_faults(grid.page) == []
    grid.press("Escape")
    expect(grid.page.locator("[data-bar='periods']")).to_be_focused()
    grid.click(0, "close_date")
    grid.press("Control+z")
    expect(grid.strip).to_contain_text("No changes yet")
    assert grid.complaints == []


def test_filter_by_a_cell__of_a_date_shows_its_day_and_not_its_month(
    grid: GridPage, deals: pd.DataFrame
) -> None:
    day = grid.cell(0, "close_date").inner_text()
    due = deals["close_date"] == pd.Timestamp(day)
    for entry, n in (
        (f"Filter by {day}", int(due.sum())),
        (f"Filter out {day}", 300 - int(due.sum())),
    ):
        grid.cell(0, "close_date").click(button="right")
        grid.page.get_by_role("menuitem", name=entry).click()
        shows(grid, n)
        grid.button("Clear 1 filter").click()
    grid.filter("name", "Acme, Inc 7")
    grid.cell(0, "name").click(button="right")
    grid.page.get_by_role("menuitem", name="Filter by Acme, Inc 7").click()
    shows(grid, 1)
    grid.filter("name", "")
    grid.filter("close_date", "empty")
    grid.cell(0, "close_date").click(button="right")
    grid.page.get_by_role("menuitem", name="Filter out empty").click()
    shows(grid, 0)
    assert grid.complaints == []


def test_calendar__stays_in_its_box_where_room_is_short(grid: GridPage) -> None:
    grid.page.set_viewport_size({"width": 900, "height": 300})
    grid.click(1, "close_date")
    grid.press("F2")
    calendar = grid.page.locator(".cal")
    assert calendar.evaluate("box => getComputedStyle(box).overflowY") == "auto"
    assert calendar.evaluate("box => box.scrollHeight > box.clientHeight")
    assert grid.complaints == []


def test_grid__drawn_anew_with_the_caret_in_a_filter_and_a_zero_with_a_sign_are_plain(
    grid: GridPage,
) -> None:
    grid.click(0, "value")
    grid.type("-0", "Enter")
    expect(grid.cell(0, "value")).to_have_text("0")
    expect(grid.said).to_have_text("Value set to 0")
    box = grid.page.locator("[data-filter='value']")
    box.fill("> 20k")
    # While Python reads the amount, the grid goes.
    grid.page.evaluate(
        "document.querySelector('[data-filter=value]').dispatchEvent(new "
        "KeyboardEvent('keydown', { key: 'Enter', bubbles: true })); window.close(); window.again()"
    )
    expect(grid.cell(0, "value")).to_be_visible()
    grid.filter("value", "> 20k")
    expect(grid.said).to_contain_text("deals match")
    assert grid.complaints == []
