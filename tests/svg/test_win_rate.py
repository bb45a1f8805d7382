"""Rates with their intervals."""

from __future__ import annotations

import pandas as pd

from opp_analytics import svg
from tests.svg import reading


def test_win_rate__sorts_by_rate_and_highlights_what_differs() -> None:
    table = pd.DataFrame(
        {
            "won": [1, 3, 0],
            "lost": [3, 1, 0],
            "rate": [0.25, 0.75, None],
            "rate_low": [0.1, 0.4, None],
            "rate_high": [0.5, 0.9, None],
        },
        index=pd.Index(["Ann", "Bo", "Cy"], name="owner_name"),
    )
    rows = svg.win_rate(table, overall=0.5, differs={"Bo"})
    assert reading.figures(rows) == {"Bo": ("3 of 4",), "Ann": ("1 of 4",)}
    assert len(reading.marks(rows, "circle", "f-hi")) == len(reading.marks(rows, "circle", "f-ink")) == 1


def test_win_rate__of_an_empty_table_has_no_rows() -> None:
    table = pd.DataFrame({"rate": [], "rate_low": [], "rate_high": [], "won": [], "lost": []})
    assert svg.win_rate(table).rows == ()
