"""The editing grid in Chromium, at 20,000 and 100,000 rows.

Each figure is the median of some rounds by the clock, against the same on 1,000 rows: opening,
frames while scrolling, and what a person does, until the screen shows it. Python answers in this
process. Sending: the frame as the grid sends it, against JSON records.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import pandas as pd
from playwright.sync_api import Browser, Page, sync_playwright

import opp_analytics as oa
from opp_analytics.widgets.grid.sheet import make_columns, to_arrow
from tests.benchmarks._figures import Figure, in_turns, timed
from tests.benchmarks._process import cost
from tests.browser.chromium import CHROMIUM, FLAGS
from tests.browser.gridpage import GridPage

FEW, SIZES, ROUNDS, FRAMES = 1_000, (20_000, 100_000), 3, 180
ROW_HEIGHT = 28
_SCROLL = """async ([step, frames]) => {
  const pane = [...document.querySelectorAll('.slick-viewport-top')].at(-1);
  const between = [];
  let last = await new Promise(requestAnimationFrame);
  for (let frame = 0; frame < frames; frame++) {
    pane.scrollTop += step;
    const now = await new Promise(requestAnimationFrame);
    between.push(now - last);
    last = now;
  }
  return between;
}"""


def _opportunities(rows: int) -> pd.DataFrame:
    days = pd.to_timedelta([number % 365 for number in range(rows)], unit="D")
    return pd.DataFrame(
        {
            "unique_id": [f"o{number:06d}" for number in range(rows)],
            "name": [f"Customer {number}: license" for number in range(rows)],
            "value": [1000.0 + number % 977 for number in range(rows)],
            "stage": "proposal",
            "close_date": pd.Timestamp("2026-01-01") + days,
            "probability": 40,
            "status": "active",
            "created_at": "2026-01-10T10:30:00Z",
            "owner_name": [f"Owner {number % 40}" for number in range(rows)],
            **{f"further {n}": float(n) for n in range(20)},
        }
    )


def _until(page: Page, act: Callable[[], Any], said: str) -> float:
    """Seconds from an act until the status line says so and the next frame is drawn."""

    def work() -> None:
        act()
        page.wait_for_function(
            (
                "said => document.querySelector('.said').textContent.includes(said) && new "
                "Promise(done => requestAnimationFrame(() => done(true)))"
            ),
            arg=said,
        )

    return cost(work).clock


def _find(page: Page, text: str) -> None:
    page.keyboard.type(text)
    page.wait_for_function("document.querySelector('.fcount').textContent.includes('cells')")


def _once(browser: Browser, rows: int) -> dict[str, float]:
    """Seconds of every act on a grid of so many rows."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    began = time.perf_counter()
    grid = GridPage(page, oa.edit(_opportunities(rows), as_of="2026-06-01"))
    found = {"opening": time.perf_counter() - began}
    found["a frame while scrolling"] = (
        median(page.evaluate(_SCROLL, [4 * ROW_HEIGHT, FRAMES])) / 1000
    )
    page.evaluate("document.querySelectorAll('.slick-viewport-top')[1].scrollTop = 0")
    box = page.locator("[data-filter='value']")
    box.fill("> 1.4k")
    found["filter"] = _until(page, lambda: box.press("Enter"), "deals match")
    box.fill("")
    box.press("Enter")
    page.wait_for_function("!document.querySelector('.cnt').textContent.includes('of')")
    grid.click(0, "value")
    grid.type("5", "Enter", "ArrowUp")
    page.keyboard.press("Control+Shift+ArrowDown")
    found["fill the column"] = _until(page, lambda: page.keyboard.press("Control+d"), "Filled down")
    found["undo"] = _until(page, lambda: page.keyboard.press("Control+z"), "Undone")
    page.keyboard.press("Control+f")
    found["find"] = cost(lambda: _find(page, "9")).clock
    context.close()
    return found


def _acts(browser: Browser, rows: int) -> list[Figure]:
    runs = in_turns(
        ROUNDS, {"many": lambda: _once(browser, rows), "few": lambda: _once(browser, FEW)}
    )
    many, few = runs["many"], runs["few"]
    return [
        Figure.of(
            f"grid of {rows:,} rows: {act}",
            f"{FEW:,} rows",
            [found[act] for found in many],
            [found[act] for found in few],
            times=rows / FEW,
        )
        for act in many[0]
    ]


def _sending(rows: int) -> Figure:
    frame = oa.edit(_opportunities(rows)).edited
    columns = make_columns(frame)
    return timed(
        f"grid of {rows:,} rows: sending them",
        "JSON records",
        lambda: to_arrow(frame, columns),
        lambda: frame.to_json(orient="records", date_format="iso"),
        rounds=ROUNDS,
        at_most=0.5,
    )


def run(quick: bool) -> list[Figure]:
    """Seconds until the screen shows it, and between two frames while scrolling."""
    if quick:
        return [_sending(SIZES[-1])]
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        figures = [figure for size in SIZES for figure in _acts(browser, size)]
        browser.close()
    return [*figures, _sending(SIZES[-1])]
