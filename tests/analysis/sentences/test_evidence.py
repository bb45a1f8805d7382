"""What a finding needs: enough deals, whole periods, a difference beyond chance, a range that holds
its mean."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.analysis import evidence, sentence
from opp_analytics.text import money
from tests.analysis import every_analysis

CLAIMS = re.compile(
    r"the most|go no further, |(?:is|are|:|,) beyond chance|use it|decides|stated "
    r"too|nan\b|inf\b|– "
)
# Their percents are no shares of deals: chances, errors of forecasts, shares of open money.
PERCENTS = (
    "forecast",
    "deal_reasons",
    "backtest",
    "score",
    "stage_funnel",
    "pipeline_created",
)
WITHOUT_WORDS = (
    *("movements", "transitions", "time_to_win", "velocity", "win_rate_cohorts"),
    "forecast_change by",
)
"""Tables that `sentence` does not speak of."""
ASKED = {
    f"{kind}: {name}": (kind, call)
    for kind, calls in (
        ("frame", every_analysis.OF_FRAMES),
        ("history", every_analysis.OF_HISTORIES),
    )
    for name, call in calls.items()
    if name not in ("outcomes", "stage_rates", *WITHOUT_WORDS)
    and not name.endswith("change_deals")
    and name != "slippage_deals"
}
DEALS, LOG = every_analysis.deals(), every_analysis.log()
FEW = {"none": "", "one won": "0", "four closed": "0123", "four of all kinds": "0246"}


@cache
def _few(kind: str, places: str) -> Any:
    """Some deals of the small pipeline, or the history of these."""
    rows = DEALS if kind == "frame" else LOG
    some = rows[rows["unique_id"].isin([f"o{place}" for place in places])].reset_index(drop=True)
    return some if kind == "frame" else oa.History.from_changes(some)


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKED)
def test_sentence__of_fewer_than_five_deals_states_no_share_and_no_difference(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, call = ASKED[name]
    for few, places in FEW.items():
        if kind == "history" and not places:
            continue  # Every analysis refuses a history without a record.
        monkeypatch.setattr(every_analysis, "deals", lambda places=places: _few("frame", places))
        said = sentence(call(_few(kind, places)))
        assert not CLAIMS.search(said), f"{few}: {said}"
        assert "%" not in said or name.partition(": ")[2].startswith(PERCENTS), f"{few}: {said}"


def test_sentence__of_five_deals_states_their_share() -> None:
    frame = pd.DataFrame(
        {
            "unique_id": list("abcde"),
            "value": 1.0,
            "stage": ["closed_won"] * 2 + ["closed_lost"] * 3,
        }
    )
    assert sentence(oa.win_rate(frame)) == "Won 40% of 5 closed deals (12% to 77%)."
    assert sentence(oa.win_rate(frame.head(4))) == "Won 2 of 4 closed deals: too few to say."


def _closed(**won: tuple[int, int]) -> pd.DataFrame:
    """Deals closed on a day, by that day: (won, lost)."""
    rows = [
        (f"{day}{k}", 1.0, "closed_won" if k < wins else "closed_lost", pd.Timestamp(day))
        for day, (wins, losses) in won.items()
        for k in range(wins + losses)
    ]
    return pd.DataFrame(rows, columns=["unique_id", "value", "stage", "close_date"])


def test_sentence__of_a_part_of_a_month_is_no_finding_beside_a_whole_one() -> None:
    deals = _closed(**{"2026-09-10": (6, 6), "2026-10-29": (0, 5), "2026-11-12": (8, 17)})
    window: dict[str, Any] = {"freq": "M", "start": "2026-10-27", "end": "2026-11-25"}
    said = sentence(oa.win_rate(deals, **window))
    assert said == "Won 32% of what closed from Nov 1 to Nov 25, 2026 (17% to 52%)."
    # In a longer window September and October are whole, and differ by no more than chance.
    whole = oa.win_rate(deals, **{**window, "start": "2026-09-01"})
    assert sentence(whole) == "Won 0% in Oct 2026 (Sep 2026 50%): could be luck."
    few = oa.win_rate(deals.drop(index=[12, 13]), freq="M", as_of="2026-11-25")
    assert sentence(few) == "Three deals closed in Oct 2026: too few to say."


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((0.0, 50e3, 0.0, 0.0), "most likely nothing more"),
        ((20e3, 70e3, 20e3, 20e3), "most likely nothing more"),
        ((0.0, 50e3, 0.0, 20e3), "most likely less"),
        ((0.0, 98e3, 100e3, 100e3), "most likely more"),
        ((0.0, 50e3, 0.0, 90e3), ""),
        # Both are written as 50K.
        ((0.0, 50_010.0, 0.0, 50e3), ""),
        ((0.0, 50e3, np.nan, np.nan), ""),
    ],
)
def test_name_outside__says_what_is_likely_where_the_range_excludes_the_mean(
    row: tuple[float, ...], words: str
) -> None:
    columns = ["booked", "expected", "low", "high"]
    assert evidence.name_outside(dict(zip(columns, row, strict=True)), money) == words


def test_find_largest__has_a_share_only_of_a_whole() -> None:
    assert evidence.find_largest(pd.Series({"Ann": 60.0, "Bo": 40.0})) == (["Ann"], "60%")
    assert evidence.find_largest(pd.Series({"Ann": 60.0, "Bo": -40.0})) == (["Ann"], "")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({}, "out of reach"),
        ({"p_target": 0.4}, "none"),
        ({"gap": -1.0}, "met"),
        ({"needed_pipeline": 5.0}, "5"),
    ],
)
def test_say_pipeline_to_add__is_none_where_the_open_deals_are_enough(
    other: dict[str, float], words: str
) -> None:
    row = {"gap": 90.0, "needed_pipeline": 0.0, "p_target": 0.001, **other}
    assert evidence.say_pipeline_to_add(row, money) == words
