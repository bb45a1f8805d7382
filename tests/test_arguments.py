"""Every kind of argument check: what passes, what is a TypeError, what is a ValueError, and what
the message names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import opp_analytics as oa
from opp_analytics import arguments, errors

CHECKS: dict[str, Callable[[Any], Any]] = {
    "number": lambda value: arguments.number(value, "arg", low=0, example=5),
    "share": lambda value: arguments.share(value, "arg", example=0.5),
    "whole": lambda value: arguments.whole(value, "arg", low=1, high=9, example=5),
    "one_of": lambda value: arguments.one_of(value, "arg", ["skip", "stop"]),
    "texts": lambda value: arguments.texts(value, "arg"),
}


@pytest.mark.parametrize(
    ("check", "value", "checked"),
    [
        ("number", 0, 0.0),
        ("number", np.int64(3), 3.0),
        ("share", np.float64(0.8), 0.8),
        ("whole", np.int64(9), 9),
        ("one_of", "stop", "stop"),
        ("texts", ("a", "b"), ["a", "b"]),
        ("texts", "ab", ["ab"]),
        ("texts", None, []),
    ],
)
def test_checks__hand_back_a_good_value_in_its_plain_kind(
    check: str, value: Any, checked: Any
) -> None:
    found = CHECKS[check](value)
    assert (found, type(found)) == (checked, type(checked))


@pytest.mark.parametrize(
    ("check", "value"),
    [
        *(("number", value) for value in ("5", None, True, np.True_, [5])),
        *(("share", value) for value in ("0.5", False)),
        *(("whole", value) for value in (5.0, "5", True, None)),
        *(("one_of", value) for value in (None, 1, ["skip"])),
        *(("texts", value) for value in (1, ["a", 1], {"a": 1})),
    ],
)
def test_checks__call_a_wrong_kind_a_type_error(check: str, value: Any) -> None:
    with pytest.raises(errors.ArgumentTypeError, match="arg=") as caught:
        CHECKS[check](value)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("check", "value", "says"),
    [
        ("number", -0.1, "below 0; use for example 5"),
        ("number", float("nan"), "not a finite number"),
        ("number", float("inf"), "not a finite number"),
        ("share", 0, "not between 0 and 1; use for example 0.5"),
        ("share", 1.0, "not between 0 and 1"),
        ("share", float("nan"), "not a finite number"),
        ("whole", 0, "must be between 1 and 9; use for example 5"),
        ("whole", 10, "must be between 1 and 9"),
        ("one_of", "skp", "arg='skp' is unknown; use one of 'skip', 'stop'"),
        ("texts", ["a", "a"], "names the same column twice"),
    ],
)
def test_checks__call_a_value_out_of_range_a_value_error(check: str, value: Any, says: str) -> None:
    with pytest.raises(errors.ArgumentValueError, match=says) as caught:
        CHECKS[check](value)
    assert isinstance(caught.value, ValueError)


def test_whole__without_a_high_end_names_the_low_one() -> None:
    with pytest.raises(errors.ArgumentValueError, match="must be at least 1,000"):
        arguments.whole(3, "rows", low=1000, example=2000)


def _foreign(library: str, kind: str) -> Any:
    """Make an object that looks like a frame of another library, which need not be installed."""
    return type(kind, (), {"__module__": f"{library}.dataframe.frame"})()


TAKERS: dict[str, Callable[[Any], object]] = {
    "opportunities": lambda frame: oa.win_rate(frame),
    "findings": lambda frame: oa.audit_summary(frame),
    "table": lambda frame: oa.sentence(frame),
    "before": lambda frame: oa.plan(frame, frame),
    "frame": lambda frame: oa.read_export(frame, oa.Org()),
}


@pytest.mark.parametrize("name", TAKERS)
def test_refuse_foreign__names_the_line_that_converts(name: str) -> None:
    with pytest.raises(
        errors.ArgumentTypeError, match=rf"{name} is a polars DataFrame; .*{name}\.to_pandas\(\)"
    ):
        TAKERS[name](_foreign("polars", "DataFrame"))


class _Stream:
    """A frame of another library, known by the stream that it hands over."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._table = pa.Table.from_pandas(frame, preserve_index=False)

    def __arrow_c_stream__(self, schema: object = None) -> object:
        return self._table.__arrow_c_stream__(schema)


def test_doors__take_what_hands_over_arrow(tmp_path: Path) -> None:
    org = oa.Org(timezone="America/New_York")
    cells = {"unique_id": ["a"], "stage": ["proposal"], "close_date": [date(2026, 3, 1)]}
    deals = oa.read_export(_Stream(pd.DataFrame(cells)), org, progress=False)
    assert deals["close_date"].tolist() == [pd.Timestamp("2026-03-01")]
    history = oa.History(tmp_path / "history", org=org)
    history.record(_Stream(deals), at="2026-02-01T10:00")
    log = history.changes()[["unique_id", "seen_at", "stage"]]
    assert log["seen_at"].tolist() == [pd.Timestamp("2026-02-01T15:00Z")]
    begun = oa.History.from_changes(_Stream(log.astype({"stage": "str"})), org=org)
    assert begun.records["rows"].tolist() == [1]


def test_refuse_foreign__collects_a_lazy_frame_first() -> None:
    with pytest.raises(
        errors.ArgumentTypeError, match=r"deals = deals\.collect\(\)\.to_pandas\(\)"
    ):
        arguments.refuse_foreign(_foreign("polars", "LazyFrame"), "deals")
    for value in (pd.DataFrame(), None, 3, _foreign("polars", "Series")):
        arguments.refuse_foreign(value, "deals")
