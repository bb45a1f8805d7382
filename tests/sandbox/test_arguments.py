"""Arguments of the wrong kind and out of range."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from opp_analytics.sandbox.arguments import check_number


@pytest.mark.parametrize("value", [3, np.int64(3), np.float64(3), 3.0])
def test_check_number__takes_what_is_a_number(value: Any) -> None:
    assert check_number(value, "n", low=0, high=5) == 3


@pytest.mark.parametrize(
    ("value", "options", "kind", "message"),
    [
        ("3", {}, TypeError, "n='3' must be a finite number"),
        (True, {"low": 0}, TypeError, "n=True must be a number of at least 0"),
        (Decimal(3), {}, TypeError, "must be a finite number"),
        (3.0, {"whole": True}, TypeError, "n=3.0 must be a finite whole number"),
        (float("nan"), {}, ValueError, "n=nan must be a finite number"),
        (6, {"low": 0, "high": 5}, ValueError, "n=6 must be a number between 0 and 5"),
        (
            10**400,
            {"low": 0, "whole": True, "high": 9},
            ValueError,
            "must be a whole number between 0 and 9",
        ),
    ],
)
def test_check_number__refuses_the_rest(
    value: Any, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        check_number(value, "n", **options)
