"""``python -m tests.report.states FOLDER``: the page in every state, in light and dark, wide and narrow, and on paper."""

from __future__ import annotations

import datetime
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

import opp_analytics as oa
from opp_analytics.errors import DataWarning
from tests.gallery import play
from tests.scratch import scratch_folder

__all__ = ["STATES", "State", "render"]

_TODAY = datetime.date(2026, 11, 25)
_WEEKS = 18
_ARABIC, _HEBREW = "شركة النور للتجارة: تجديد المنصة", "רותם כהן"
_LONG = "Dr. Maximiliana-Theodora von Hohenzollern-Sigmaringen und zu Altenburg-Lindenau, Rollout Nord"


@dataclass(frozen=True)
class State:
    """What a page is made from."""

    opportunities: pd.DataFrame
    history: oa.History | None
    asked: dict[str, Any] = field(default_factory=dict)
    currency: str = "USD"


@cache
def team() -> State:
    """A simulated team, recorded every week."""
    folder = scratch_folder("opp-analytics-states-")
    played = play(folder, weeks=_WEEKS, last_day=_TODAY)
    return State(played.opportunities, played.history, {"as_of": _TODAY, "target": 400_000})


def _changed(**columns: Any) -> State:
    """The team without its history, with other columns."""
    state = team()
    frame = state.opportunities.assign(**columns)
    frame.attrs = state.opportunities.attrs
    return replace(state, opportunities=frame, history=None)


def _kept(keep: Callable[[pd.DataFrame], pd.Series[bool]]) -> State:
    """The team without its history, with some of its deals."""
    state = team()
    frame = state.opportunities[keep(state.opportunities)]
    frame.attrs = {
        **state.opportunities.attrs,
        "load": {**state.opportunities.attrs["load"], "rows": len(frame), "total": len(frame)},
    }
    return replace(state, opportunities=frame, history=None)


def _asking(**asked: Any) -> State:
    return replace(team(), asked={**team().asked, **asked})


def _open(frame: pd.DataFrame) -> pd.Series[bool]:
    return oa.outcomes(frame) == "open"


def _one_deal() -> State:
    today = pd.Timestamp(_TODAY)
    frame = team().opportunities
    due = frame[_open(frame) & frame["close_date"].between(today, today + pd.Timedelta(days=5))]
    return replace(_kept(lambda rows: rows["unique_id"] == due["unique_id"].iloc[0]), asked={"as_of": _TODAY})


def _month_end() -> State:
    state, day = team(), datetime.date(2026, 10, 31)
    frame = state.history.as_of(f"{day}T23:59:59Z") if state.history else state.opportunities
    return replace(state, opportunities=frame, asked={"as_of": day, "target": 400_000})


def _many() -> State:
    frame = team().opportunities
    return _changed(owner_name=[f"{frame['owner_name'].iloc[k]} {k % 60:02d}" for k in range(len(frame))])


def _incomplete() -> State:
    state = team()
    frame = state.opportunities.copy()
    frame.attrs = {
        **frame.attrs,
        "load": {**frame.attrs["load"], "complete": False, "reasons": ["2 rows came twice"]},
    }
    return replace(state, opportunities=frame)


def _names() -> State:
    frame = team().opportunities
    names = {"name": [(_ARABIC, _LONG, "<script>alert(1)</script>")[k % 3] for k in range(len(frame))]}
    people = frame["owner_name"].map(
        dict(zip(sorted(frame["owner_name"].unique()), [_LONG, _HEBREW, "X" * 90], strict=False))
    )
    return _changed(**names, owner_name=people.fillna(frame["owner_name"]))


STATES: dict[str, Callable[[], State]] = {
    "team": team,
    "no history": lambda: replace(team(), history=None),
    "no target": lambda: _asking(target=None),
    "one deal": _one_deal,
    "nothing due": lambda: _kept(lambda rows: ~(_open(rows) & (rows["close_date"] >= pd.Timestamp(_TODAY)))),
    "no deals": lambda: _kept(lambda rows: rows["value"] < 0),
    "everything met": lambda: _asking(target=200_000),
    "far below target": lambda: _asking(target=4_000_000),
    "month end": _month_end,
    "sixty people": _many,
    "billions": lambda: replace(
        _changed(value=team().opportunities["value"] * 1e4), asked={"as_of": _TODAY, "target": 4e9}
    ),
    "other currency": lambda: replace(team(), currency="CHF"),
    "no currency": lambda: replace(team(), currency=""),
    "fiscal quarter": lambda: _asking(freq="Q-JAN", target=1_200_000),
    "names": _names,
    "incomplete load": _incomplete,
}
"""Every state, by name."""


def render(name: str, folder: Path) -> oa.WeeklyReport:
    """The page of a state, written into a folder."""
    state = STATES[name]()
    org = oa.Org(currency=state.currency or None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        out = folder / f"{name.replace(' ', '-')}.html"
        return oa.weekly_report(org.apply(state.opportunities), state.history, out=out, **state.asked)


def main() -> None:
    """Render every state, or those named after the folder, and photograph it."""
    from playwright.sync_api import sync_playwright

    from tests.browser.chromium import CHROMIUM, FLAGS

    folder, names = Path(sys.argv[1]), sys.argv[2:] or list(STATES)
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for name in names:
            page = browser.new_page()
            file = render(name, folder).html
            page.goto(file.as_uri())
            sys.stdout.write(f"{name}: {page.locator('h1').inner_text()}\n")
            for width in (1280, 800, 390):
                for scheme in ("light", "dark"):
                    page.set_viewport_size({"width": width, "height": 800})
                    page.emulate_media(color_scheme=scheme)
                    page.screenshot(path=file.with_name(f"{file.stem}-{width}-{scheme}.png"), full_page=True)
            for paper in ("Letter", "A4"):
                page.pdf(path=file.with_name(f"{file.stem}-{paper}.pdf"), format=paper)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
