"""``python -m tests.gallery``: the docs' pictures of one simulated team, each light and dark.

Every drawing as ``docs/gallery/*.png`` with its code in ``docs/gallery.md``; the weekly page, the
explorer and the grid as ``docs/*.png``.
"""

from __future__ import annotations

import datetime
import io
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

import opp_analytics as oa
from tests.browser.chromium import CHROMIUM, FLAGS
from tests.browser.gridpage import GridPage
from tests.browser.hosting import show
from tests.reference import LISTS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
FOLDER = DOCS / "gallery"
PAGE = DOCS / "gallery.md"
THEMES = {"light": "", "dark": "-dark"}
"""What the name of a picture ends with, by theme."""
_BEHIND = {"light": "#ffffff", "dark": "#111418"}
_MONDAY = datetime.date(2026, 11, 16)
_DESCRIPTION = (
    "Every chart of opp_analytics, with the question that it answers and the code that draws it."
)
_SCREEN: ViewportSize = {"width": 1080, "height": 820}
_PANEL: ViewportSize = {"width": 1200, "height": 900}
_EDITS = ((0, "stage", "negotiation"), (3, "value", "32500"), (6, "close_date", "Dec 4"))
"""Cells of the grid by row and column, and what is typed into them."""


@dataclass(frozen=True)
class Team:
    """A simulated sales team: its pipeline on the last day, and how it got there."""

    opportunities: pd.DataFrame
    history: oa.History
    today: pd.Timestamp


LOAD = """import pandas as pd
import opp_analytics as oa

client, history = oa.demo()
opportunities = oa.load(client)
today = history.records["recorded_at"].iloc[-1]
"""
"""How a reader comes to a team; here it is `play`'s."""
SETUP = """day = today.tz_localize(None).normalize()
last = history.records["recorded_at"].iloc[-1]
week, month, quarter = ({"start": last - pd.Timedelta(weeks=n), "end": last} for n in (1, 5, 13))
recent = opportunities[~(opportunities["close_date"] < day - pd.Timedelta(days=100))]
methods = ["learned", "run_rate", "stage_projection_4", "weighted", "last_period"]
"""
DRAWINGS: dict[str, tuple[str, str]] = {
    "forecast": (
        "What will each month bring, and will it reach the target (the quota)?",
        "oa.forecast(recent, as_of=today, history=history, target=490_000, periods=6)",
    ),
    "waterfall": (
        "What moved the open pipeline in the last quarter, from its opening to its closing value?",
        "oa.waterfall(history, **quarter)",
    ),
    "slippage": (
        "Of the deals that were due, how many were won or lost, and how many slipped?",
        "oa.slippage(history, **month)",
    ),
    "stage_funnel": (
        "How much is open in each stage, and how many deals got that far?",
        "oa.stage_funnel(opportunities)",
    ),
    "stage_flow": (
        "Where do deals go from each stage: on, back, or out?",
        "oa.stage_flow(history, **quarter)",
    ),
    "win_rate": (
        "Whose win rate differs from the others' by more than chance?",
        'oa.win_rate(opportunities, by="owner_name", as_of=today)',
    ),
    "win_rate_curve": (
        "What share of deals is won or lost by each age?",
        "oa.win_rate_curve(opportunities, as_of=today)",
    ),
    "forecast_fan": (
        "How did the forecast of a past quarter narrow week by week, and did it hold?",
        'oa.forecast_fan(history, period=str(day.to_period("Q") - 1), freq="Q")',
    ),
    "backtest": (
        "How far were past forecasts from what came?",
        'oa.backtest(history, freq="M")',
    ),
    "score": (
        "Which forecast method would have missed by least here, and how near the end?",
        'oa.score(oa.backtest(history, freq="M", methods=methods), by="lead")',
    ),
    "forecast_value_added": (
        "Who makes the number better: the model, the reps' calls, a manager's overrides?",
        "oa.forecast_value_added(history)",
    ),
    "call_accuracy": (
        "Whose calls are usually too high or too low, and whose beat the model?",
        "oa.call_accuracy(history)",
    ),
    "calibration": (
        "Are deals at a stated probability of 60% won in 60% of cases?",
        "oa.calibration(history, horizon_days=60)",
    ),
    "pipeline_created": (
        "Is enough new pipeline coming in?",
        'oa.pipeline_created(history, freq="M")',
    ),
    "forecast_categories": (
        "How much is closed, commit, best case and pipeline in each month?",
        "oa.forecast_categories(opportunities, as_of=today)",
    ),
    "pacing": (
        "Is this month's money ahead of what the last months had closed by the same point?",
        "oa.pacing(opportunities, as_of=today, by_day=True)",
    ),
    "forecast_change": (
        "Why did this month's forecast move since last week?",
        'oa.forecast_change(history, **week, period=str(day.to_period("M")))',
    ),
    "close_date_moves": (
        "How often are close dates pushed, and by how many days?",
        "oa.close_date_moves(history)",
    ),
}
"""By the name of each drawing: the question that it answers, and the code of what it draws."""


def play() -> Team:
    """The demo's team on a day in the middle of a month."""
    _, history = oa.demo(today=_MONDAY, progress=False)
    opportunities = history.as_of(history.records["recorded_at"].iloc[-1])
    return Team(opportunities, history, pd.Timestamp(_MONDAY))


def draw(team: Team, folder: Path, theme: str) -> list[str]:
    """Every drawing as a PNG in `folder`; their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names: dict[str, Any] = {"oa": oa, "pd": pd, **vars(team)}
    exec(SETUP, names)
    with mpl.rc_context({"figure.facecolor": _BEHIND[theme], "axes.facecolor": _BEHIND[theme]}):
        for name, (_, code) in DRAWINGS.items():
            figure = eval(f"oa.plots.{name}({code})", names).get_figure(root=True)
            save(figure, folder / f"{name}{THEMES[theme]}.png")
    return list(DRAWINGS)


def save(figure: Any, file: Path) -> None:
    """Save a drawing."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    _save_small(drawn.getvalue(), file)


def _save_small(picture: bytes, file: Path) -> None:
    """Save a picture in 64 colors, a third of the bytes: it has few hues, and the rest is the
    smooth edge of letters."""
    opened = Image.open(io.BytesIO(picture)).convert("RGB")
    opened.quantize(64, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        file, optimize=True
    )


def photograph(team: Team, browser: Browser, theme: Any, scratch: str) -> None:
    """The first screen of the team's weekly page, its explorer and its grid as PNGs, for README and
    docs."""

    def open_tab(size: ViewportSize) -> Page:
        return browser.new_page(viewport=size, device_scale_factor=2, color_scheme=theme)

    def keep(picture: bytes, name: str) -> None:
        _save_small(picture, DOCS / f"{name}{THEMES[theme]}.png")

    written = oa.weekly_report(
        team.opportunities, team.history, as_of=team.today, out=scratch, progress=False
    )
    tab = open_tab(_SCREEN)
    tab.goto(written.html.resolve().as_uri())
    keep(tab.screenshot(), "weekly")

    style = f"body {{ margin: 0 }} #here {{ padding: 16px; background: {_BEHIND[theme]} }}"
    tab = open_tab(_PANEL)
    state = {"question": "people"}
    show(
        tab,
        oa.explore(team.opportunities, team.history, as_of=team.today, state=state),
        style=style,
    )
    tab.locator(".deals .name").nth(1).click()
    tab.locator(".inside .deals").wait_for()
    keep(tab.locator("#here").screenshot(), "explorer")

    tab = open_tab(_PANEL)
    grid = GridPage(
        tab,
        oa.edit(team.opportunities, history=team.history, as_of=team.today, height=390),
        style=style,
    )
    for row, column, typed in _EDITS:
        grid.cell(row, column).click()
        tab.keyboard.type(typed)
        tab.keyboard.press("Enter")
    grid.strip.get_by_text(f"{len(_EDITS)} changes").wait_for()
    grid.strip.get_by_text("→").first.wait_for()
    keep(tab.locator("#here").screenshot(), "grid")


def show_both(what: str, file: str) -> str:
    """The picture's two themes in Markdown, of which the site, like GitHub, shows one."""
    return "".join(
        f"![{what}]({file}{ending}.png#gh-{theme}-mode-only)" for theme, ending in THEMES.items()
    )


def page() -> str:
    """The page that shows the drawings, each with its question and its code."""
    parts = [
        f'---\ndescription: "{_DESCRIPTION}"\n---',
        "# Gallery of charts",
        "`oa.plots.<name>(table)` draws the table of the function with the same name, and "
        "returns the matplotlib Axes.\n"
        "`python -m tests.gallery` drew these from the team of `oa.demo()`. The code of each "
        "follows these lines; with your own\n"
        "data, `history` is your `oa.History` and `opportunities` what `oa.load` or "
        "`oa.read_export` gave.",
        _block(f"{LOAD}\n{SETUP}"),
    ]
    for name, (question, code) in DRAWINGS.items():
        parts += [
            f"## {name}",
            question,
            show_both(f"{name}: {question}", f"{FOLDER.name}/{name}"),
            _block(_call(name, code)),
        ]
    parts.append(
        "## Tables that are lists\n\n"
        f"{', '.join(f'`{name}`' for name in LISTS)} draw bars, largest first: "
        "`oa.plots.transitions(oa.transitions(history))`."
    )
    return "\n\n".join(parts) + "\n"


def _call(name: str, code: str) -> str:
    """Write a call as the formatter lays it out."""
    line = f"oa.plots.{name}({code})\n"
    return line if len(line) <= 101 else f"oa.plots.{name}(\n    {code}\n)\n"


def _block(code: str) -> str:
    return f"```python\n{code}```"


def main() -> None:
    """Draw everything and write the page."""
    team = play()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for theme in THEMES:
            names = draw(team, FOLDER, theme)
            with tempfile.TemporaryDirectory() as scratch:
                os.environ["XDG_STATE_HOME"] = scratch  # where a grid keeps its edits
                photograph(team, browser, theme, scratch)
        browser.close()
    PAGE.write_text(page())
    sys.stdout.write(
        f"{len(names)} drawings in {FOLDER.relative_to(ROOT)}/, and {PAGE.relative_to(ROOT)}\n"
    )


if __name__ == "__main__":
    main()
