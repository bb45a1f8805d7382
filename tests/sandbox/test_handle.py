"""Any Python value becomes JSON."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from opp_analytics import sandbox
from opp_analytics.sandbox.handle import FAULTS, wire_rows


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
        (Decimal("sNaN"), None),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (pd.Timestamp("2026-01-02"), "2026-01-02T00:00:00Z"),
        (
            dt.datetime(2026, 1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=2))),
            "2026-01-02T01:00:00Z",
        ),
        (["a", np.int64(1)], ["a", 1]),
        ({"k": pd.NaT}, {"k": None}),
        (pd.Interval(0, 1), "(0, 1]"),
    ],
)
def test_wire_rows__turn_any_cell_into_json(value: Any, expected: Any) -> None:
    assert list(wire_rows([{"x": value}])) == [{"x": expected}]
    assert list(wire_rows(pd.DataFrame({"x": pd.Series([value], dtype="object")}))) == [
        {"x": expected}
    ]


def test_wire_rows__refuse_a_time_that_is_in_no_year() -> None:
    early = dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=23)))
    with pytest.raises(sandbox.SandboxError, match="in no year from 1 to 9999"):
        list(wire_rows([{"created_at": early}]))


def test_wire_rows__of_an_empty_frame_are_none() -> None:
    assert list(wire_rows(pd.DataFrame())) == []
    assert list(wire_rows(pd.DataFrame({"name": ["x"]}).iloc[:0])) == []


def test_set__takes_several_and_reset_switches_all_off(faults: sandbox.FaultSettings) -> None:
    faults.set(latency=np.float64(0.25), cut_rate=0.5)
    assert (faults.latency, faults.cut_rate, faults.error_rate) == (0.25, 0.5, 0)
    assert repr(faults).startswith("FaultSettings(latency=0.25, ")
    faults.set(cut_rate=None)
    assert faults.cut_rate == 0
    faults.normalize = True
    assert faults.normalize is True
    faults.reset()
    assert set(faults.as_dict().values()) == {0}


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"error_rate": 1.5}, ValueError, "error_rate=1.5 must be a number between 0 and 1"),
        ({"latency": -1}, ValueError, "latency=-1 must be a number of at least 0"),
        ({"latency": float("inf")}, ValueError, "latency=inf must be"),
        ({"latency": float("nan")}, ValueError, "latency=nan must be"),
        ({"latency": Decimal(3)}, TypeError, "must be a number"),
        ({"latency": "slow"}, TypeError, "latency='slow' must be a number"),
        ({"cut_rate": True}, TypeError, "cut_rate=True must be a number"),
        ({"normalize": 1}, TypeError, "normalize=1 must be True or False"),
        ({"jitter": 1}, ValueError, "unknown fault 'jitter'; use one of latency,"),
    ],
)
def test_set__refuses_a_wrong_setting_and_changes_nothing(
    faults: sandbox.FaultSettings, settings: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        faults.set(rate_limit=5, **settings)
    assert isinstance(caught.value, sandbox.SandboxError)
    assert faults.rate_limit == 0


def test_attribute__refuses_a_misspelled_name(faults: sandbox.FaultSettings) -> None:
    with pytest.raises(AttributeError, match="latencey"):
        faults.latencey = 1  # type: ignore[attr-defined]


def test_settings__list_every_fault_with_its_kind(faults: sandbox.FaultSettings) -> None:
    assert set(faults.as_dict()) == set(FAULTS)
    assert {name for name, value in faults.as_dict().items() if value is False} == {"normalize"}
    assert set(faults.as_dict()) <= set(dir(faults))


def test_expire_token__puts_a_new_one_in_its_place() -> None:
    with sandbox.start(opportunities=[]) as server:
        old = server.token
        assert server.faults.expire_token() == server.token != old
        with pytest.raises(sandbox.SandboxValueError, match="unknown token"):
            server.faults.expire_token(old)
