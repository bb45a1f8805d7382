"""The editing grid of 100,000 rows in Chromium.

Scrolling: the time between frames, against the same grid of 1,000 rows, a row and four rows a frame (1,700 and 6,700
pixels a second). Sending: the frame as the grid sends it, against JSON records. Interleaved rounds, medians.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median, quantiles
from typing import Any

import pandas as pd
from playwright.sync_api import Browser, sync_playwright

import opp_analytics as oa
from opp_analytics.widgets.columns import columns_of, to_arrow
from tests.browser.chromium import CHROMIUM, FLAGS
from tests.browser.hosting import show

ROWS, FEW, ROUNDS, FRAMES = 100_000, 1_000, 3, 180
ROW_HEIGHT = 28
_SCROLL = """async ([step, frames]) => {
  const holder = document.querySelector('.tabulator-tableholder');
  const between = [];
  let last = await new Promise(requestAnimationFrame);
  for (let frame = 0; frame < frames; frame++) {
    holder.scrollTop += step;
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
        }
    )


def _frames(browser: Browser, rows: int, step: int) -> list[float]:
    """Milliseconds between frames while scrolling."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    show(page, oa.edit(_opportunities(rows)))
    between: list[float] = page.evaluate(_SCROLL, [step, FRAMES])
    page.close()
    return between


def _scrolling(browser: Browser, rows_a_frame: int) -> dict[str, Any]:
    many: list[float] = []
    few: list[float] = []
    for _ in range(ROUNDS):
        many += _frames(browser, ROWS, rows_a_frame * ROW_HEIGHT)
        few += _frames(browser, FEW, rows_a_frame * ROW_HEIGHT)
    return {
        "benchmark": f"scrolling {ROWS:,} rows, {rows_a_frame} a frame: ms a frame against {FEW:,} rows",
        "ours": median(many),
        "other": median(few),
        "ratio": median(many) / median(few),
        "wanted": "about 1",
        "p95": quantiles(many, n=20)[-1],
    }


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _sending() -> dict[str, Any]:
    frame = oa.edit(_opportunities(ROWS)).edited
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
        "benchmark": f"sending {ROWS:,} rows: s against JSON records",
        "ours": median(arrow),
        "other": median(records),
        "ratio": median(records) / median(arrow),
        "wanted": "above 2",
        "megabytes": len(to_arrow(frame, columns)) / 1e6,
    }


def run() -> list[dict[str, Any]]:
    """Measure and compare."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        rows = [_scrolling(browser, rows_a_frame) for rows_a_frame in (1, 4)]
        browser.close()
    return [*rows, _sending()]
