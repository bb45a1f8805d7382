"""Findings of rates in words, each with its opposite."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

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
            "Win rates beyond chance: Ann 75% and Bo 25% (50% overall).",
        ),
        (
            rates({"Ann": (3, 1, 0.75, 0.3, 0.95), "Bo": (1, 3, 0.25, 0.05, 0.7), "Cy": NONE}),
            "No win rate stands out from the overall 50%.",
        ),
        (
            rates({"Ann": ANN, "Cy": ANN, "Bo": (24, 16, 0.6, 0.4, 0.8)}),
            "No win rate stands out from the overall 70%.",
        ),
        (rates({"all": ANN}), "Won 75% of 40 closed deals (60% to 86%)."),
        (rates({"Ann": NONE}), "No deal has closed yet."),
        (
            rates({"2026-02": BO, "2026-03": ANN}, "period").assign(to_date=[False, False]),
            "Won 75% in Mar 2026 (Feb 2026 25%): beyond chance.",
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
    ],
)
def test_win_rate_curve__says_the_end_and_its_middle(table: pd.DataFrame, said: str) -> None:
    assert sentence(table, "win_rate_curve") == said


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
            "value": [100.0, 100.0, 20.0],
        }
    )
    assert sentence(findings, "audit") == "Two deals are past the close date, 120."
    assert sentence(findings.head(0), "audit") == "No data to fix."
