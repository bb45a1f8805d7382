"""Data of one's own: kept as it is, whatever Python types it comes in."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from opp_analytics import sandbox
from opp_analytics.sandbox.rows import wire_rows
from tests.sandbox.conftest import Caller

FRAME = pd.DataFrame(
    {
        "unique_id": ["a", "b", None],
        "name": ["Alpha", None, "Gamma"],
        "account_id": pd.Categorical(["acme", None, "acme"]),
        "value": [1200.0, 0.1, np.nan],
        "stage": pd.Categorical(["closed_won", "won!!", "discovery"]),
        "close_date": pd.to_datetime(["2026-03-31", None, "2026-04-01"]),
        "probability": pd.array([100, None, 140], dtype="Int64"),
        "created_at": pd.to_datetime(
            ["2026-01-01T10:00:00.000001Z", "2026-01-02T12:00:00+02:00", None], utc=True, format="ISO8601"
        ),
        "updated_at": pd.to_datetime(["2026-01-03", "2026-01-04", "2026-01-05"]),
        "owner_name": ["Ann", pd.NA, "Ben"],
        "seats": [3, 4, 5],
    }
)


def test_start__keeps_a_frame_as_it_is(server: sandbox.Sandbox, connect: Callable[..., Caller]) -> None:
    caller = connect(server.url, *server.add_tenant(FRAME))
    assert caller.get("a") == {
        "unique_id": "a", "name": "Alpha", "account_id": "acme", "value": 1200, "stage": "closed_won",
        "close_date": "2026-03-31", "probability": 100, "status": "won", "created_at": "2026-01-01T10:00:00.000001Z",
        "updated_at": "2026-01-03T00:00:00.000000Z", "owner_name": "Ann", "seats": 3,
    }  # fmt: skip
    dirty = caller.get("b")
    assert (dirty["name"], dirty["stage"], dirty["value"], dirty["status"]) == (None, "won!!", 0.1, "active")
    assert (dirty["close_date"], dirty["probability"], dirty["owner_name"]) == (None, None, None)
    assert dirty["created_at"] == "2026-01-02T10:00:00.000000Z"
    (generated,) = caller.ids(search="gamma")
    assert len(generated) == 36
    assert caller.get(generated)["probability"] == 140
    assert caller.get(generated)["created_at"].startswith("2026-03-02")


def test_start__refuses_an_id_that_occurs_twice(server: sandbox.Sandbox) -> None:
    with pytest.raises(ValueError, match="unique_id 'x' occurs twice"):
        server.add_tenant([{"unique_id": "x"}, {"unique_id": "x"}])


def test_start__refuses_a_timestamp_that_is_none(server: sandbox.Sandbox) -> None:
    with pytest.raises(ValueError, match="created_at 'soon' is not an instant"):
        server.add_tenant([{"created_at": "soon"}])


def test_start__refuses_what_is_no_row(server: sandbox.Sandbox) -> None:
    with pytest.raises(TypeError, match="must be a DataFrame or mappings, not str"):
        server.add_tenant(["text"])


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
    assert list(wire_rows(FRAME.iloc[:0])) == []
