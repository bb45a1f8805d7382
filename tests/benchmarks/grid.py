"""The editing grid in Chromium, at 20,000 and 100,000 rows.

Each figure is the median of some rounds, against the same on 1,000 rows: opening, frames while scrolling, and what a
person does, until the screen shows it. Python answers in this process. Sending: the frame as the grid sends it,
against JSON records.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from statistics import median, quantiles
from typing import Any

import pandas as pd
from playwright.sync_api import Browser, Page, sync_playwright

import opp_analytics as oa
from opp_analytics.widgets.grid.columns import columns_of, to_arrow
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


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _until(page: Page, act: Callable[[], Any], said: str) -> float:
    """Seconds from an act until the status line says so and the next frame is drawn."""

    def work() -> None:
        act()
        page.wait_for_function(
            "said => document.querySelector('.said').textContent.includes(said) && new Promise(done => requestAnimationFrame(() => done(true)))",
            arg=said,
        )

    return _seconds(work)


def _find(page: Page, text: str) -> None:
    page.keyboard.type(text)
    page.wait_for_function("document.querySelector('.fcount').textContent.includes('cells')")


def _once(browser: Browser, rows: int) -> dict[str, list[float]]:
    """Seconds of every act on a grid of so many rows; frames in milliseconds."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    began = time.perf_counter()
    grid = GridPage(page, oa.edit(_opportunities(rows), as_of="2026-06-01"))
    found = {"open": [time.perf_counter() - began]}
    found["scroll, ms a frame"] = page.evaluate(_SCROLL, [4 * ROW_HEIGHT, FRAMES])
    page.evaluate("document.querySelectorAll('.slick-viewport-top')[1].scrollTop = 0")
    box = page.locator("[data-filter='value']")
    box.fill("> 1.4k")
    found["filter"] = [_until(page, lambda: box.press("Enter"), "deals match")]
    box.fill("")
    box.press("Enter")
    page.wait_for_function("!document.querySelector('.cnt').textContent.includes('of')")
    grid.click(0, "value")
    grid.type("5", "Enter", "ArrowUp")
    page.keyboard.press("Control+Shift+ArrowDown")
    found["fill the column"] = [_until(page, lambda: page.keyboard.press("Control+d"), "Filled down")]
    found["undo"] = [_until(page, lambda: page.keyboard.press("Control+z"), "Undone")]
    page.keyboard.press("Control+f")
    found["find"] = [_seconds(lambda: _find(page, "9"))]
    context.close()
    return found


def _acts(browser: Browser, rows: int) -> list[dict[str, Any]]:
    many: dict[str, list[float]] = {}
    few: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for size, into in ((rows, many), (FEW, few)):
            for act, figures in _once(browser, size).items():
                into.setdefault(act, []).extend(figures)
    return [
        {
            "benchmark": f"{act}, {rows:,} rows against {FEW:,}",
            "ours": median(many[act]),
            "other": median(few[act]),
            "ratio": median(many[act]) / median(few[act]),
            "wanted": "about 1" if "scroll" in act else "below 0.5 s at 20,000",
            "p95": quantiles(many[act], n=20)[-1],
        }
        for act in many
    ]


def _sending(rows: int) -> dict[str, Any]:
    frame = oa.edit(_opportunities(rows)).edited
    columns = columns_of(frame)
    arrow, records = zip(
        *(
            (
                _seconds(lambda: to_arrow(frame, columns)),
                _seconds(lambda: frame.to_json(orient="records", date_format="iso")),
            )
            for _ in range(ROUNDS)
        ),
        strict=True,
    )
    return {
        "benchmark": f"sending {rows:,} rows: s against JSON records",
        "ours": median(arrow),
        "other": median(records),
        "ratio": median(records) / median(arrow),
        "wanted": "above 2",
        "megabytes": len(to_arrow(frame, columns)) / 1e6,
    }


def run() -> list[dict[str, Any]]:
    """Measure and compare."""
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        rows = [row for size in SIZES for row in _acts(browser, size)]
        browser.close()
    return [*rows, _sending(SIZES[-1])]
