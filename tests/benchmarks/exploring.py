"""A click in the explorer at 20,000 opportunities and two years of history, against the lines that
it gives to copy."""

from __future__ import annotations

import tempfile
from itertools import cycle
from pathlib import Path

import pandas as pd

import opp_analytics as oa
from opp_analytics.widgets.explorer.choice import Choice
from tests.benchmarks._figures import Figure, timed
from tests.benchmarks._two_years import ROWS, TODAY, WEEKS, play


def run(quick: bool) -> list[Figure]:
    """Seconds of a click, and of the code that asks for the same answer."""
    extent, repeats = ((2_000, 13), 2) if quick else ((ROWS, WEEKS), 5)
    # The other questions take a few milliseconds, of which chance makes any ratio.
    asked = ("will_we_make_it", "why_it_moved", "at_risk")
    with tempfile.TemporaryDirectory() as folder:
        history = oa.History(Path(folder))
        frame = play(history, *extent)
        explorer = oa.explore(frame, history, as_of=TODAY)
        return [_measure(explorer, frame, history, key, repeats) for key in asked]


def _measure(
    explorer: oa.Explorer, frame: pd.DataFrame, history: oa.History, key: str, repeats: int
) -> Figure:
    """Each click is about another person, so that nothing is answered from what the last one
    left."""
    people = cycle(sorted(frame["owner_name"].dropna().unique())[: repeats + 1])

    def click() -> None:
        explorer._choose(Choice(question=key, part=next(people)))

    def code() -> None:
        exec(explorer.code, {"oa": oa, "opportunities": frame, "history": history})

    click()
    return timed(f"explorer, {key}: a person", "the code it gives", click, code, rounds=repeats)
