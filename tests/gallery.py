"""``python -m tests.gallery``: every drawing over one simulated team, as ``docs/gallery/*.png`` and ``docs/gallery.md``."""

from __future__ import annotations

import datetime
import itertools
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import opp_analytics as oa

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"
LAST_DAY = datetime.date(2026, 11, 23)
_WEEKS = 39


@dataclass(frozen=True)
class Team:
    """A simulated sales team: its pipeline on the last day, and how it got there."""

    opportunities: pd.DataFrame
    history: oa.History
    today: pd.Timestamp


TABLES: dict[str, Callable[[Team], pd.DataFrame]] = {
    "forecast": lambda team: oa.forecast(
        _lately(team), as_of=team.today, history=team.history, target=400_000, periods=6
    ),
    "waterfall": lambda team: oa.waterfall(team.history, **_last(team)),
    "slippage": lambda team: oa.slippage(team.history, **_last(team, weeks=5)),
    "stage_funnel": lambda team: oa.stage_funnel(team.opportunities),
    "stage_flow": lambda team: oa.stage_flow(team.history, **_last(team)),
    "transitions": lambda team: oa.transitions(team.history),
    "win_rate": lambda team: oa.win_rate(team.opportunities, by="owner_name", as_of=team.today),
    "win_rate_curve": lambda team: oa.win_rate_curve(team.opportunities, as_of=team.today),
    "win_rate_cohorts": lambda team: oa.win_rate_cohorts(team.opportunities, as_of=team.today, age_days=60),
    "win_rate_definitions": lambda team: oa.win_rate_definitions(team.opportunities, as_of=team.today),
    "time_to_win": lambda team: oa.time_to_win(team.opportunities, as_of=team.today, by="owner_name"),
    "velocity": lambda team: oa.velocity(team.opportunities, as_of=team.today, by="owner_name"),
    "forecast_deals": lambda team: oa.forecast_deals(team.opportunities, as_of=team.today, target=250_000),
    "forecast_fan": lambda team: oa.forecast_fan(team.history, period="2026Q3", freq="Q"),
    "backtest": lambda team: oa.backtest(team.history, freq="M"),
    "backtest_horizons": lambda team: oa.backtest_horizons(oa.backtest(team.history, freq="M")),
    "backtest_methods": lambda team: oa.backtest_methods(team.history, freq="M"),
    "calibration": lambda team: oa.calibration(team.history, horizon_days=60),
    "movements": lambda team: oa.movements(team.history, **_last(team)),
    "pipeline_created": lambda team: oa.pipeline_created(team.history, freq="M", by="owner_name"),
    "deal": lambda team: team.history.deal(_busiest(team)),
    "deal_flags": lambda team: oa.deal_flags(team.opportunities, team.history, as_of=team.today),
    "forecast_categories": lambda team: oa.forecast_categories(team.opportunities, as_of=team.today),
    "category_moves": lambda team: oa.category_moves(team.history, **_last(team), freq="Q"),
    "forecast_change": lambda team: oa.forecast_change(
        team.history, **_last(team, weeks=1), period="2026-11"
    ),
    "scorecard": lambda team: oa.scorecard(team.opportunities, team.history, as_of=team.today),
    "close_date_moves": lambda team: oa.close_date_moves(team.history),
    "audit": lambda team: oa.audit(team.opportunities, as_of=team.today),
}
"""The table behind each drawing, by its name."""


def _last(team: Team, *, weeks: int = 13) -> dict[str, Any]:
    """From one record to the last one."""
    end = team.history.records["recorded_at"].iloc[-1]
    return {"start": end - pd.Timedelta(weeks=weeks), "end": end}


def _lately(team: Team) -> pd.DataFrame:
    """Without what was closed long ago."""
    return team.opportunities[~(team.opportunities["close_date"] < team.today - pd.Timedelta(days=100))]


def _busiest(team: Team) -> str:
    """The won deal that changed most often."""
    changes = team.history.changes()
    won = changes.loc[changes["stage"] == "closed_won", "unique_id"]
    return str(changes.loc[changes["unique_id"].isin(won), "unique_id"].value_counts().index[0])


def play(folder: Path, *, weeks: int = _WEEKS, last_day: datetime.date = LAST_DAY) -> Team:
    """The team up to its last day, recorded every week; three quarters by default."""
    org = oa.Org(currency="USD")
    history = oa.History(folder / "history", org=org)
    start = last_day - datetime.timedelta(weeks=weeks)
    with oa.sandbox.start(weeks=13, seed=1, today=start) as server:
        client = oa.Client(server.url, server.token, server.api_key, cache_dir=folder / "cache", org=org)
        for week in range(weeks + 1):
            if week:
                server.advance(7)
            opportunities = oa.load(client, refresh="full", progress=False)
            # What is shown tells the team's time, not this computer's.
            opportunities.attrs["load"]["fetched_at"] = server.now.isoformat()
            history.record(opportunities)
    return Team(opportunities, history, pd.Timestamp(last_day))


def draw(team: Team, folder: Path) -> list[str]:
    """Every drawing as a PNG in `folder`; their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in TABLES.items():
        figure = getattr(oa.plots, name)(table(team)).figure
        figure.savefig(folder / f"{name}.png", dpi=80, metadata={"Software": None})
    return list(TABLES)


def page(names: list[str]) -> str:
    """The page that shows the drawings, two beside each other."""
    images = [f"![{name}]({FOLDER.name}/{name}.png)" for name in names]
    rows = [
        f"| {left} | {right} |"
        for left, right in itertools.zip_longest(images[::2], images[1::2], fillvalue="")
    ]
    return "\n".join(
        [
            "# Gallery",
            "",
            "`oa.plots.<name>(table)` draws the table of the function with the same name, and returns the matplotlib Axes.",
            "`python -m tests.gallery` drew these from one simulated sales team.",
            "",
            "| | |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def main() -> None:
    """Draw everything and write the page."""
    with tempfile.TemporaryDirectory() as scratch:
        names = draw(play(Path(scratch)), FOLDER)
    PAGE.write_text(page(names))
    sys.stdout.write(f"{len(names)} drawings in {FOLDER.relative_to(ROOT)}/, and {PAGE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
