"""Findings of rates in words, each with its opposite."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.analysis import sentence


def rates(
    rows: dict[str, tuple[int, int, float, float, float]], level: str = "owner_name"
) -> pd.DataFrame:
    columns = ["won", "lost", "rate", "rate_low", "rate_high"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return frame.rename_axis(level)


ANN, BO = (30, 10, 0.75, 0.6, 0.86), (10, 30, 0.25, 0.14, 0.4)
NONE = (0, 0, np.nan, np.nan, np.nan)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            rates({"Ann": ANN, "Bo": BO}),
            "Ann’s 75% and Bo’s 25% win rates are beyond chance (50% overall).",
        ),
        (
            rates({"Ann": (3, 1, 0.75, 0.3, 0.95), "Bo": (1, 3, 0.25, 0.05, 0.7), "Cy": NONE}),
            "No win rate stands out from the overall 50%.",
        ),
        (
            rates({"Ann": ANN, "Cy": ANN, "Bo": (24, 16, 0.6, 0.4, 0.8)}),
            "Bo’s 60% win rate could be luck with three reps (70% overall).",
        ),
        (rates({"all": ANN}), "Won 75% of 40 closed deals (60% to 86%)."),
        (rates({"Ann": NONE}), "No deal has closed yet."),
        (
            rates({"2026-02": BO, "2026-03": ANN}, "period").assign(to_date=[False, False]),
            "Won 75% in Mar 2026, after 25% in Feb 2026: beyond chance.",
        ),
        (
            rates({"2026-02": BO, "2026-03": ANN}, "period").assign(to_date=[False, True]),
            "Won 25% of what closed in Feb 2026 (14% to 40%).",
        ),
    ],
)
def test_win_rate__says_what_differs_and_what_does_not(table: pd.DataFrame, said: str) -> None:
    assert sentence(table, "win_rate") == said


def curve(won: list[float], days: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"at_risk": 9, "won_share": won}, index=pd.Index(days, name="days"))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (curve([0.1, 0.2, 0.4], [10, 30, 90]), "40% are won by day 90, half of them by day 30."),
        (curve([0.0, 0.0], [10, 30]), "None of 9 deals has been won by day 30."),
        (curve([], []), "No deal has closed yet."),
        (
            pd.concat(
                {"Ann": curve([0.1, 0.4], [10, 30]), "Bo": curve([0.2], [20])}, names=["owner_name"]
            ),
            "By the last age, 20% to 40% were won, by owner.",
        ),
    ],
)
def test_win_rate_curve__says_the_end_and_its_middle(table: pd.DataFrame, said: str) -> None:
    assert sentence(table, "win_rate_curve") == said


def test_win_rate_cohorts__compares_with_the_one_before() -> None:
    both = pd.DataFrame(
        {"created": [60, 40], "won": [30, 10], "rate": [0.5, 0.25], "open_share": [0.1, 0.5]},
        index=pd.Index(["2025Q4", "2026Q1"], name="period"),
    )
    assert (
        sentence(both, "win_rate_cohorts")
        == "25% of the deals created in Q1 2026 were won at the same age, after 50% in Q4 2025: "
        "beyond chance."
    )
    close = both.assign(won=[30, 17])
    assert sentence(close, "win_rate_cohorts") == (
        "43% of the deals created in Q1 2026 were won at the same age, after 50% in Q4 2025: "
        "could be luck."
    )
    assert (
        sentence(both.head(1), "win_rate_cohorts")
        == "50% of the deals created in Q4 2025 were won at the same age."
    )
    assert sentence(both.head(0), "win_rate_cohorts") == "No cohort is old enough yet."


def test_win_rate_cohorts__is_not_told_as_a_win_rate_of_what_closed() -> None:
    opportunities = pd.DataFrame(
        {
            "unique_id": list("abcdef"),
            "stage": ["closed_won", "closed_lost"] * 3,
            "status": ["won", "lost"] * 3,
            "created_at": pd.Timestamp("2026-01-05", tz="UTC"),
            "close_date": pd.Timestamp("2026-02-01"),
        }
    )
    table = oa.win_rate_cohorts(opportunities, as_of="2026-06-30", age_days=60)
    assert sentence(table) == "50% of the deals created in Q1 2026 were won within 60 days."


def test_time_to_win__says_the_median() -> None:
    table = pd.DataFrame(
        {"days": 1.0, "days_of_won": [20.0, 42.0, 88.0]},
        index=pd.Index([0.25, 0.5, 0.75], name="quantile"),
    )
    assert sentence(table, "time_to_win") == "Half of the wins took 42 days or fewer."
    assert sentence(table.assign(days_of_won=np.nan), "time_to_win") == "No deal has been won yet."


def test_velocity__says_how_far_groups_are_apart_without_a_claim_that_they_differ() -> None:
    table = pd.DataFrame(
        {"velocity": [300.0, 100.0, np.nan], "open_count": 2, "won": [4, 4, 0], "lost": 4},
        index=["Ann", "Bo", "Cy"],
    )
    assert (
        sentence(table, "velocity")
        == "The open pipeline wins about 100 to 300 a day by group; 400 in all."
    )
    assert sentence(table.assign(lost=0, won=1), "velocity") == "3 closed deals: too few to say."
    assert sentence(table.head(1), "velocity") == "The open pipeline wins about 300 a day."
    assert (
        sentence(table.tail(1), "velocity") == "No deal has been won yet, so velocity is not known."
    )


def test_funnel_and_audit__say_where_most_is() -> None:
    funnel = pd.DataFrame(
        {"open_count": [2, 1], "open_value": [100.0, 300.0], "reached_low": 1, "reached_high": 1},
        index=pd.Index(["proposal", "negotiation"], name="stage"),
    )
    assert sentence(funnel, "stage_funnel") == "Of 400 in the open pipeline, 75% is in Negotiation."
    findings = pd.DataFrame(
        {
            "unique_id": ["a", "a", "b"],
            "check": ["overdue", "stale", "overdue"],
            "severity": ["error", "info", "error"],
        }
    )
    assert (
        sentence(findings, "audit")
        == "3 findings in 2 deals, 2 of them errors; most often: Past the close date (2)."
    )
    assert sentence(findings.head(0), "audit") == "The audit found nothing."
