"""Any Python value becomes JSON."""

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from opp_analytics.sandbox.handle import wire_rows


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(2.5), 2.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (float("nan"), None),
        (float("inf"), None),
        (pd.NaT, None),
        (pd.NA, None),
        (Decimal("1.50"), Decimal("1.50")),
        (Decimal("2.00"), 2),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (pd.Timestamp("2026-01-02"), "2026-01-02T00:00:00Z"),
        (dt.datetime(2026, 1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=2))), "2026-01-02T01:00:00Z"),
        (["a", np.int64(1)], ["a", 1]),
        ({"k": pd.NaT}, {"k": None}),
        (pd.Interval(0, 1), "(0, 1]"),
    ],
)
def test_wire_rows__turn_any_cell_into_json(value: Any, expected: Any) -> None:
    assert list(wire_rows([{"x": value}])) == [{"x": expected}]


def test_wire_rows__of_an_empty_frame_are_none() -> None:
    assert list(wire_rows(pd.DataFrame())) == []
    assert list(wire_rows(pd.DataFrame({"name": ["x"]}).iloc[:0])) == []
