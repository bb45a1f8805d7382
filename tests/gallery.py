"""``python -m tests.gallery``: every drawing over one simulated team, as the images that the README shows.

They go to ``notebooks/gallery/``; the README's line of images is written anew.
"""

from __future__ import annotations

import datetime
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

import opp_analytics as oa

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "notebooks" / "gallery"
LAST_DAY = datetime.date(2026, 11, 23)
_WEEKS = 39
_IMAGES = "<p><a href="
"""How the README's line of images begins."""


@dataclass(frozen=True)
class Team:
    """A simulated sales team: its pipeline on the last day, and how it got there."""

    opportunities: pd.DataFrame
    history: oa.History
    today: pd.Timestamp


TABLES: dict[str, Callable[[Team], pd.DataFrame]] = {
    "forecast": lambda team: oa.forecast(_lately(team), as_of=team.today, target=400_000),
    "waterfall": lambda team: oa.waterfall(team.history, **_quarter(team)),
    "slippage": lambda team: oa.slippage(
        team.history, **_quarter(team) | {"start": team.today - pd.Timedelta(weeks=5)}
    ),
    "stage_funnel": lambda team: oa.stage_funnel(team.opportunities),
    "stage_flow": lambda team: oa.stage_flow(team.history, **_quarter(team)),
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
    "movements": lambda team: oa.movements(team.history, **_quarter(team)),
    "close_date_moves": lambda team: oa.close_date_moves(team.history),
    "audit": lambda team: oa.audit(team.opportunities, as_of=team.today),
}
"""The table behind each drawing, by its name."""


def _quarter(team: Team) -> dict[str, pd.Timestamp]:
    return {"start": team.today - pd.Timedelta(weeks=13), "end": team.today}


def _lately(team: Team) -> pd.DataFrame:
    """Without what was closed long ago."""
    return team.opportunities[~(team.opportunities["close_date"] < team.today - pd.Timedelta(days=100))]


def play(folder: Path) -> Team:
    """Three quarters of the team, recorded every week."""
    history = oa.History(folder / "history")
    start = LAST_DAY - datetime.timedelta(weeks=_WEEKS)
    with oa.sandbox.start(weeks=13, seed=1, today=start) as server:
        client = oa.Client(server.url, server.token, server.api_key, cache_dir=folder / "cache")
        for week in range(_WEEKS + 1):
            if week:
                server.advance(7)
            opportunities = oa.load(client, refresh="full", progress=False)
            # The drawings tell the team's time, not this computer's.
            opportunities.attrs["load"]["fetched_at"] = server.now.isoformat()
            history.record(opportunities)
    return Team(opportunities, history, pd.Timestamp(LAST_DAY))


def draw(team: Team, folder: Path) -> list[str]:
    """Every drawing as a PNG in `folder`; their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in TABLES.items():
        figure = getattr(oa.plots, name)(table(team)).figure
        figure.savefig(folder / f"{name}.png", dpi=80, metadata={"Software": None})
    return list(TABLES)


def section(names: list[str]) -> str:
    """The README's images, each leading to itself in full."""
    folder = FOLDER.relative_to(ROOT).as_posix()
    images = [
        f'<a href="{folder}/{name}.png"><img src="{folder}/{name}.png" alt="{name}" width="32%"></a>'
        for name in names
    ]
    return f"<p>{''.join(images)}</p>\n"


def main() -> None:
    """Draw everything and write the README's line."""
    with tempfile.TemporaryDirectory() as scratch:
        names = draw(play(Path(scratch)), FOLDER)
    readme = ROOT / "README.md"
    lines = readme.read_text().splitlines(keepends=True)
    place = next(k for k, line in enumerate(lines) if line.startswith(_IMAGES))
    lines[place] = section(names)
    readme.write_text("".join(lines))
    sys.stdout.write(f"{len(names)} drawings in {FOLDER.relative_to(ROOT)}/, and in README.md\n")


if __name__ == "__main__":
    main()
