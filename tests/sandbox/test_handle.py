"""Any Python value becomes JSON."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from opp_analytics import sandbox
from tests.sandbox.callers import Caller


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(2.5), 2.5),
        (np.bool_(True), True),
        (float("inf"), None),
        (pd.NaT, None),
        (pd.NA, None),
        (Decimal("1.50"), 1.5),
        (pd.Timestamp("2026-01-02T03:00+02:00"), "2026-01-02T03:00:00+02:00"),
        ({"k": [np.int64(1), "a"]}, {"k": [1, "a"]}),
        (pd.Interval(0, 1), "(0, 1]"),
    ],
)
def test_seed__takes_any_cell(
    server: sandbox.Sandbox, connect: Callable[..., Caller], value: Any, expected: Any
) -> None:
    caller = connect(server.url, *server.add_tenant([{"unique_id": "a", "further": value}]))
    assert caller.get("a")["further"] == expected


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
        ({"error_rate": 1.5}, ValueError, "error_rate=1.5 must be a number from 0 to 1"),
        ({"latency": -1}, ValueError, "latency=-1 must be a number from 0 to inf"),
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
