"""Findings in words, from the rows of a table."""

from typing import Any

import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.analysis import (
    category_moves,
    close_date_moves,
    deal_flags,
    forecast_categories,
    heading,
    sentence,
    slippage,
    stage_flow,
    waterfall,
)
from opp_analytics.note import TableNote
from tests.history.logs import history_of

DAYS: dict[str, Any] = {"start": "2026-01-05", "end": "2026-01-19"}
HISTORY = history_of(
    [
        ("a", 0, 120_000.0, "discovery", "2026-01-10", "active"),
        ("a", 1, 150_000.0, "proposal", "2026-02-10", "active"),
        ("a", 2, 150_000.0, "discovery", "2026-02-10", "active"),
        ("b", 0, 800.0, "proposal", "2026-01-12", "active"),
        ("b", 2, 800.0, "closed_won", "2026-01-12", "won"),
        ("c", 1, 50.0, "discovery", "2026-03-01", "active"),
        ("c", 2, 50.0, "discovery", "2026-02-20", "active"),
    ],
    name="Acme",
)


def test_sentence__of_a_waterfall() -> None:
    assert sentence(waterfall(HISTORY, **DAYS)) == (
        "Pipeline went from 121K (2 deals) to 150K (2 deals): new 50 (1), amount raised 30K "
        "(1), won 800 (1)."
    )
    due = sentence(waterfall(HISTORY, **DAYS, due=("2026-01-01", "2026-01-31")))
    assert due.startswith(
        "Pipeline due Jan 1 to Jan 31, 2026 went from 121K (2 deals) to 0 (0 deals): "
    )
    table = waterfall(HISTORY, **DAYS)
    table.attrs = {}
    assert sentence(table, kind="waterfall").startswith("Pipeline went from 121K")


def test_sentence__of_slippage() -> None:
    table = slippage(HISTORY, start="2026-01-05", end="2026-01-31")
    assert sentence(table) == "Of 2 deals due, 1 won, 1 slipped: too few to say."
    more = table.assign(count=table["count"] * 5)
    assert (
        sentence(more) == "Of 10 deals due, 50% slipped by count, 99% by value; 5 won, 5 slipped."
    )
    assert sentence(more.assign(value=-table["value"])).startswith(
        "Of 10 deals due, 50% slipped by count;"
    )
    nothing = table.assign(count=0)
    assert sentence(nothing) == "No open deal was due in the period."


def test_sentence__of_stages() -> None:
    flow = stage_flow(HISTORY, **DAYS)
    assert sentence(flow) == "2 of 3 deals leaving stages moved on: too few to say."
    assert sentence(10 * flow.loc[["negotiation"]]) == "All 10 deals that left a stage moved on."
    assert sentence(flow.loc[["discovery"]]) == "No stay in a stage has ended yet."


def test_sentence__of_close_date_moves() -> None:
    moves = close_date_moves(HISTORY)
    assert (
        sentence(moves) == "At least 1 of 3 deals was pushed, by a median of 31 days; 1 pulled in."
    )
    assert sentence(moves.loc[["b"]]) == "At least 0 of 1 deal were pushed; 0 pulled in."


def changes_of(
    *alarms: tuple[Any, ...], by: str | None = None, freq: str = "M", begins: str = "2024-01"
) -> pd.DataFrame:
    """A table of `world_changes` from July 2024 to January 2026, steady but for the rows given."""
    periods = [str(period) for period in pd.period_range("2024-07", "2026-01", freq=freq)]
    groups = ["Ann", "Bo"] if by else [""]
    keys = [
        (group, name, what)
        for group in groups
        for name in periods
        for what in ("inflow", "win_share")
    ]
    index = pd.MultiIndex.from_tuples(keys, names=[by or "", "period", "measure"])
    table = pd.DataFrame(
        {"direction": "", "was": 0.25, "now": 0.2, "n": 20, "alarm": False}, index=index
    )
    for *key, direction, was, now, n in alarms:
        table.loc[tuple(key)] = [direction, was, now, n, direction != ""]
    table = table if by else table.droplevel(0)
    return TableNote("world_changes", freq=freq, figures={"begins": begins}).write(table)


INFLOW = ("2026-01", "inflow", "down", 39.2, 4.0, 4)
SHARE = ("2025-11", "win_share", "down", 0.25, 0.12, 50)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            changes_of(),
            (
                "In the three months up to Jan 2026, neither new deals nor the share won changed "
                "beyond chance."
            ),
        ),
        (
            changes_of(("", *INFLOW), begins="2024-06"),
            (
                "Fewer new deals in Jan 2026: 4, 39 a month in the 12 months before; "
                "the forecast learns from both."
            ),
        ),
        (
            changes_of(("", *SHARE), begins="2025-04"),
            "Fewer deals won in Nov 2025: 12% of 50 closed deals, 25% in the seven months before; "
            "the forecast learns from both.",
        ),
        (
            changes_of(("", "2026-01", "win_share", "up", 0.25, 1.0, 4), begins="2024-06"),
            "More deals won in Jan 2026: 100% of 4 closed deals, 25% in the 12 months before; "
            "the forecast learns from both.",
        ),
        (
            changes_of(("Bo", *SHARE), ("Ann", *INFLOW), by="owner_name", begins="2025-01"),
            "Ann: fewer new deals in Jan 2026: 4, 39 a month in the 12 months before. "
            "Bo: fewer deals won in Nov 2025: 12% of 50 closed deals, 25% in the 10 months before; "
            "the forecast learns from both.",
        ),
    ],
)
def test_sentence__of_world_changes_names_measure_way_and_both_figures(
    table: pd.DataFrame, said: str
) -> None:
    assert sentence(table) == said


def test_sentence__of_world_changes_tells_the_last_alarm_of_three_periods() -> None:
    old = ("", "2025-10", "inflow", "down", 39.0, 4.0, 4)
    assert sentence(changes_of(old)).startswith("In the three months up to Jan 2026, neither")
    up = ("", "2025-12", "inflow", "up", 20.0, 44.0, 44)
    both = sentence(changes_of(up, ("", *INFLOW), ("", *SHARE)))
    assert both.count("12 months before") == 2
    assert "More new deals" not in both


def test_sentence__of_pipeline_created_compares_the_last_full_period() -> None:
    table = pd.DataFrame(
        {
            "deals": [2, 1, 3, 1],
            "value": [100.0, 300.0, 240.0, 5.0],
            "open_count": 3,
            "open_value": 900.0,
            "to_date": [False, False, False, True],
        },
        index=pd.Index(["2025-12", "2026-01", "2026-02", "2026-03"], name="period"),
    )
    assert sentence(table, "pipeline_created") == ("240 created in February, 20% above average.")
    assert (
        sentence(table.iloc[[2, 3]], "pipeline_created")
        == "240 created in February; 900 is open now."
    )
    assert (
        sentence(table.iloc[[3]], "pipeline_created")
        == "Created so far: 5 (1 deal); 900 is open now."
    )


def test_sentence__of_categories_is_that_of_the_current_period_of_the_whole() -> None:
    frame = pd.DataFrame(
        {
            "stage": ["closed_won", "proposal", "proposal", "proposal"],
            "value": [100.0, 50.0, 80.0, 5.0],
            "close_date": "2026-03-20",
            "probability": [100, 80, 50, 10],
            "owner_name": ["Ann", "Bo", "Ann", "Bo"],
        }
    )
    said = "March: 100 closed, 150 with Commit, 230 with Best case."
    assert sentence(forecast_categories(frame, as_of="2026-03-20")) == said
    assert sentence(forecast_categories(frame, as_of="2026-03-20", by="owner_name")) == said
    moves = category_moves(HISTORY, start="2026-01-05", end="2026-01-19")
    assert sentence(moves) == "Of 121K in Pipeline (2 deals): 1 won and 1 slipped: too few to say."
    assert sentence(moves.assign(count=0, value=0.0)) == "No open deal was due in the period."


def test_sentence__of_deal_flags() -> None:
    frame = pd.DataFrame(
        {
            "unique_id": list("abc"),
            "name": ["Acme", "Bolt", "Cog"],
            "stage": "proposal",
            "value": [9e4, None, 1e4],
            "close_date": ["2026-03-01", None, "2026-05-01"],
        }
    )
    table = deal_flags(frame, as_of="2026-03-10")
    assert sentence(table) == (
        "2 of 3 open deals flagged, 90K of 100K; overdue (1), no date (1) and no value (1)."
    )
    assert sentence(table.loc[["c"]]) == "0 of 1 open deal flagged."
    assert sentence(table.iloc[:0]) == "There is no open deal."


@pytest.mark.parametrize("table", [pd.DataFrame({"value": [1.0]}), 3])
def test_sentence__names_what_it_cannot_read(table: object) -> None:
    with pytest.raises(
        errors.ArgumentTypeError,
        match="sentence needs a table from .*forecast.* not (one without a note .*kind=|a int)",
    ):
        sentence(table)  # type: ignore[arg-type]


def _due(*shares: tuple[float, float], valued: bool = True) -> pd.DataFrame:
    """Slipped and won of each month, from December on."""
    index = pd.MultiIndex.from_product(
        [["2025-12", "2026-01"][: len(shares)], ["slipped", "won"]], names=["period", "outcome"]
    )
    amounts = [amount for pair in shares for amount in pair]
    table = pd.DataFrame(
        {
            "count": [int(a) for a in amounts],
            "value": [a * valued for a in amounts],
            "count_rate": 0.0,
            "value_rate": 0.0,
        },
        index=index,
    )
    return TableNote("slippage", "2026-01-31", "M").write(table)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            _due((64.0, 36.0), (15.0, 85.0)),
            "15% of value due in January slipped (December 2025 64%): beyond chance.",
        ),
        (
            _due((15.0, 85.0), (64.0, 36.0)),
            "64% of value due in January slipped (December 2025 15%): beyond chance.",
        ),
        (
            _due((10.0, 10.0), (4.0, 6.0), valued=False),
            "40% of deals due in January slipped (December 2025 50%): could be luck.",
        ),
        (_due((1.0, 3.0)), "Four deals were due in December 2025: too few to say."),
        (_due((1.0, 4.0)), "December 2025: 20% of value due slipped."),
        (_due((4.0, 0.0), (4.0, 4.0)), "January: 50% of value due slipped."),
        (_due((0.0, 0.0)), "Nothing was due."),
    ],
)
def test_sentence__of_slippage_compares_the_last_two_periods(
    table: pd.DataFrame, words: str
) -> None:
    assert sentence(table) == words


def test_sentence__of_slippage_compares_no_part_of_a_period() -> None:
    table = _due((64.0, 36.0), (15.0, 85.0))
    TableNote("slippage", "2026-01-20", "M").write(table)
    assert sentence(table) == "December 2025: 64% of value due slipped."
    assert sentence(table.loc[["2026-01"]]) == "January so far: 15% of value due slipped."
    TableNote("slippage", "2026-02-02", "M", figures={"part": ["2025-12"]}).write(table)
    assert sentence(table) == "January: 15% of value due slipped."
    assert (
        sentence(table.loc[["2025-12"]])
        == "December 2025, as far as recorded: 64% of value due slipped."
    )


@pytest.mark.parametrize(
    ("advanced", "words"),
    [
        # 58, 60 and 62% of a hundred deals each are equal as far as chance goes.
        ((58, 60, 62), "No stage stands out: 40% of deals leaving one go no further."),
        ((35, 60, 62), "65% of deals leaving Discovery go no further, 48% overall."),
        ((60, 60, 90), "40% of deals leaving Discovery or Proposal go no further, 30% overall."),
        ((0, 0, 0), "No stage stands out: 100% of deals leaving one go no further."),
    ],
)
def test_sentence__of_a_stage_flow_names_the_stage_that_loses_more_beyond_chance(
    advanced: tuple[int, ...], words: str
) -> None:
    stages = pd.Index(["discovery", "proposal", "negotiation"], name="stage")
    table = pd.DataFrame({"entries": 110, "advanced": advanced, "still": 10}, index=stages)
    TableNote("stage_flow", opening_at="2026-04-01", closing_at="2026-06-30").write(table)
    assert sentence(table) == words


def test_heading__is_the_sentence_without_its_parts():
    table = waterfall(HISTORY, **DAYS)
    title = heading(table)
    assert sentence(table).startswith(title)
    assert ":" not in title
    assert len(title) < len(sentence(table)) - 1
    # A table whose sentence is one clause keeps it whole.
    flow = stage_flow(HISTORY, **DAYS)
    assert f"{heading(flow)}." == sentence(flow)
