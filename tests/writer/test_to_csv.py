from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opp_analytics.org import conform
from opp_analytics.writer import plan, read_csv, to_csv
from tests.writer.frames import opportunities

TEXTS = [
    "a\rb",
    "\r",
    "ends\r\n",
    "\tindented",
    " spaced ",
    "no\u00a0break",
    "\u2003wide\u2028",
    "x" * 140_000,
    'a "quoted" name',
    '"',
    "'apostrophe",
    "''",
    "=1+1",
    "-5",
    "a,b;c\td",
    "non\ufffe\uffff\ufdd0\U0001ffff",
    "nul\0nul",
    "\x1b[31mred\x85",
    "\ufeffmark",
    "0012",
    "NaN",
    "True",
]


def assert_plans_nothing(frame: pd.DataFrame, folder: Path) -> None:
    """The file of a frame plans nothing, whether it is read with the frame or without it."""
    file = to_csv(frame, folder / "deals.csv")
    for before in (None, frame):
        made = plan(frame, read_csv(file, before))
        assert made.problems.empty
        assert made.changes.empty


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:12]))
def test_to_csv__holds_every_text(tmp_path: Path, text: str) -> None:
    frame = opportunities(2).assign(name=[text, "Acme"], account_id=text, notes=["", text])
    assert_plans_nothing(frame, tmp_path)
    assert read_csv(tmp_path / "deals.csv")["name"].tolist() == [text, "Acme"]
    content = (tmp_path / "deals.csv").read_bytes().decode("utf-8-sig")
    assert not any(line.startswith(("=", "-", "\t")) for line in content.split(","))


FURTHER: dict[str, list[Any]] = {
    "flag": [True, False, True],
    "maybe": pd.array([True, None, False], "boolean"),  # type: ignore[dict-item]
    "seats": [1, 2, -3],
    "many": pd.array([2**62, None, 0], "Int64"),  # type: ignore[dict-item]
    "score": [0.1 + 0.2, np.nan, 1e22],
    "first_call": pd.DatetimeIndex(["2026-01-31 10:30", pd.NaT, "1999-12-31 00:00"]),  # type: ignore[dict-item]
    "code": ["0012", None, "1e5"],
    " odd ": ["a", "b", "c"],
    "=title": ["a", "b", "c"],
    "Twin": ["a", "b", "c"],
    "twin": ["c", "b", "a"],
}


def test_to_csv__keeps_columns_of_every_type(tmp_path: Path) -> None:
    assert_plans_nothing(opportunities(3).assign(**FURTHER), tmp_path)


def test_to_csv__keeps_early_dates_and_large_amounts(tmp_path: Path) -> None:
    dates = np.array(["0999-01-02", "2026-02-28", "NaT"], dtype="datetime64[us]")
    assert_plans_nothing(
        conform(opportunities(3).assign(close_date=dates, value=[1e22, 1e15 / 7, -0.1])), tmp_path
    )


any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@pytest.mark.slow
@given(st.lists(any_text.filter(str.strip), min_size=1, max_size=4), any_text, any_text)
def test_to_csv__unedited_plans_nothing(names: list[str], note: str, stage: str) -> None:
    frame = opportunities(len(names)).astype({"stage": "object"})
    frame = conform(frame.assign(name=names, notes=note or None, stage=stage or None))
    with tempfile.TemporaryDirectory() as folder:
        assert_plans_nothing(frame, Path(folder))


def test_read_csv__leaves_the_limit_of_the_csv_module_alone(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    read_csv(to_csv(opportunities(), tmp_path / "deals.csv"))
    assert csv.field_size_limit() == limit


def test_to_csv__writes_a_further_cell_of_several_values_as_text(tmp_path: Path) -> None:
    further = pd.Series([np.array([1, 2]), np.int64(3)], dtype="object")
    file = to_csv(opportunities(2).assign(further=further), tmp_path / "deals.csv")
    assert ",[1 2]," in file.read_text(encoding="utf-8-sig")
