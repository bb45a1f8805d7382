"""A click in the explorer at 20,000 opportunities and two years of history, against the lines that
it gives to copy."""

from __future__ import annotations

import tempfile
from itertools import cycle
from pathlib import Path
from typing import Any

import pandas as pd

import opp_analytics as oa
from opp_analytics.widgets.explorer.choice import VIEWS, Choice
from tests.benchmarks._figures import Figure, timed
from tests.benchmarks._two_years import ROWS, TODAY, WEEKS, play

REPEATS = 5


def run(quick: bool) -> list[Figure]:
    """Seconds of a click, and of the code that picks the same deals and makes the same table."""
    extent = (5_000, 26) if quick else (ROWS, WEEKS)
    # The other views take a few milliseconds, of which chance makes any ratio.
    views = ("forecast", "changes", "slippage") if quick else VIEWS
    with tempfile.TemporaryDirectory() as folder:
        history = oa.History(Path(folder))
        frame = play(history, *extent)
        explorer = oa.explore(frame, history, as_of=TODAY)
        choices: dict[str, dict[str, Any]] = {"all deals": {}}
        if not quick:
            choices["5 owners"] = {"owners": sorted(frame["owner_name"].unique())[:5]}
            choices["two stages"] = {"stages": ["proposal", "negotiation"]}
        return [
            _measured(explorer, f"explorer, {view}: {name}", {"view": view, **state})
            for view in views
            for name, state in choices.items()
        ]


def _measured(explorer: oa.Explorer, name: str, state: dict[str, Any]) -> Figure:
    """Each click ends at another record, so that nothing is answered from what the last one
    left."""
    ends = cycle(list(explorer._selector.moments)[-REPEATS - 1 :])

    def click() -> None:
        explorer._choose(Choice.of(state | {"end": next(ends)}))

    def code() -> None:
        made, _, _ = explorer.code.rpartition("\n")  # the last line draws
        names = {
            "opportunities": explorer._selector.opportunities,
            "history": explorer._selector.history,
        }
        exec(made, {"oa": oa, "pd": pd, **names})

    click()
    return timed(name, "the code it gives", click, code, rounds=REPEATS)
