"""What a result column counts in, and how its cells read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opp_analytics.units import format_cell, unit_of


@pytest.mark.parametrize(
    ("unit", "columns"),
    [
        ("money", ["value", "open_value", "won_value", "expected", "low", "commit_total", "needed_pipeline"]),
        (
            "rate",
            ["rate", "rate_high", "value_rate_low", "count_rate", "p_target", "open_share", "conversion"],
        ),
        ("percent", ["probability"]),
        ("ratio", ["pipeline_coverage"]),
        ("other", ["n", "no_value", "deals", "median_days", "weeks_before", "open_count", "corporate"]),
    ],
)
def test_unit_of__is_told_by_the_name(unit: str, columns: list[str]) -> None:
    assert {column: unit_of(column) for column in columns} == dict.fromkeys(columns, unit)


@pytest.mark.parametrize(
    ("column", "value", "reads"),
    [
        ("open_value", 1_380_000.5, "€1,380,000.50"),
        ("rate", np.float64(0.285), "29%"),
        ("p_target", 0.004, "<1%"),
        ("rate_high", 0.998, ">99%"),
        ("attainment", 1.2, "120%"),
        ("probability", 80, "80%"),
        ("deals", np.int64(12_480), "12,480"),
        ("median_days", 3.25, "3.3"),
        ("close_date", pd.Timestamp("2026-11-25"), "Nov 25, 2026"),
        ("created_at", pd.Timestamp("2026-11-25 09:05", tz="UTC"), "Nov 25, 2026 09:05"),
        ("created_at", pd.Timestamp("2026-11-25", tz="UTC"), "Nov 25, 2026 00:00"),
        ("differs", np.True_, "yes"),
        ("low", float("nan"), "–"),
        ("close_date", pd.NaT, "–"),
        ("value", pd.NA, "–"),
        ("error", "409: changed\x1b[2J", "409: changed\\x1b[2J"),
        ("labels", ["a", "b"], "['a', 'b']"),
    ],
)
def test_format_cell__reads_as_people_write_it(column: str, value: object, reads: str) -> None:
    assert format_cell(column, value, "EUR") == reads
