"""Odd cells, frames, texts and bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

__all__ = [
    "cells",
    "damage_bytes",
    "damage_json",
    "frames",
    "json_values",
    "texts",
    "which",
]

_TEXTS = [
    "",
    " ",
    "x",
    "\x00",
    "a\x00b",
    "\ud800",
    "é\u0301",
    "\u202egnp",
    "\r",
    "\n",
    "\t=1+1",
    "=1+1",
    "'",
    '"',
    ",",
    "nan",
    "NaN",
    "None",
    "inf",
    "1e400",
    "-1e400",
    "1_000",
    "٣",
    "2026-03-31",
    "2026-02-30",
    "0000-00-00",
    "9999-12-31",
    "9999-99-99",
    "10000-01-01",
    "0001-01-01",
    "2026-03-31T10:00:00Z",
    "2026-03-31T10:00:00+25:00",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "2026-W10-1",
    "20260331",
    "31/12/2026",
    "closed_won",
    "won",
    "\ufffe",
    "x" * 40_000,
    "%s",
    "{}",
    "../..",
    "12,000.50",
    "$45k",
    "80%",
    "١٢",
    "1" * 400,
    "1" * 5000,
]
_NUMBERS = [
    0,
    -1,
    1,
    60,
    100,
    101,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    2**64,
    -(2**63) - 1,
    10**30,
    10**400,
    0.5,
    -0.0,
    1e308,
    5e-324,
    1e15,
    99.999999999,
    1e300,
    1e18,
]
_OBJECTS: list[Any] = [
    None,
    float("nan"),
    float("inf"),
    -float("inf"),
    pd.NA,
    pd.NaT,
    True,
    False,
    np.bool_(True),
    np.int8(3),
    np.uint64(2**64 - 1),
    np.float32(0.1),
    np.float64("nan"),
    Decimal("1.10"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("1e400"),
    Decimal("Infinity"),
    [],
    [1],
    ["a"],
    {},
    {"id": 1},
    {"a"},
    (1, 2),
    b"",
    b"\xff",
    1j,
    object,
    date(2026, 3, 31),
    date(9999, 12, 31),
    date(1, 1, 1),
    datetime(2026, 3, 31),
    datetime(2026, 3, 31, tzinfo=timezone(timedelta(hours=14))),
    datetime(9999, 12, 31, 23, 59),
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23))),
    pd.Timestamp("2026-03-31"),
    pd.Timestamp.max,
    pd.Timestamp.min,
    pd.Timestamp("2026-03-31", tz="Asia/Tokyo"),
    np.datetime64("NaT", "us"),
    np.datetime64("2026-03-31"),
    np.datetime64("12026-03-31"),
    timedelta(1),
    pd.Period("2026-03"),
    pd.Interval(0, 1),
    np.array([1, 2]),
    pd.Series([1]),
    pd.Timedelta(1),
]

texts = st.one_of(
    st.sampled_from(_TEXTS), st.text(st.characters(codec=None, categories=None), max_size=6)
)
_numbers = st.one_of(st.sampled_from(_NUMBERS), st.integers(), st.floats())
cells = st.one_of(texts, _numbers, st.sampled_from(_OBJECTS))

_GOOD: dict[str, list[Any]] = {
    "name": ["Deal", "Other"],
    "account_id": ["A", None],
    "value": [100.0, 2500, None],
    "stage": ["proposal", "closed_won", "closed_lost", "discovery"],
    "close_date": ["2026-03-31", "2026-02-01", None],
    "probability": [60, None, 10],
    "status": ["active", "won", "lost", None],
    "created_at": ["2026-01-01T00:00:00Z"],
    "updated_at": ["2026-03-01T00:00:00Z"],
    "owner_name": ["Ann", "Bo", None],
}


def _in_dictionaries(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(
        dict.fromkeys(("unique_id", "name", "stage", "status", "owner_name"), _DICTIONARY)
    )


def _mixed(frame: pd.DataFrame) -> pd.DataFrame:
    arrow = frame.convert_dtypes(dtype_backend="pyarrow")
    return frame.convert_dtypes().assign(**{name: arrow[name] for name in [*arrow][::2]})


_DICTIONARY = pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))
_BACKENDS: list[Callable[[pd.DataFrame], pd.DataFrame]] = [
    lambda frame: frame,
    lambda frame: frame.infer_objects(),
    lambda frame: frame.convert_dtypes(),
    lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    lambda frame: frame.astype("category"),
    lambda frame: frame.astype("string[pyarrow]"),
    _in_dictionaries,
    _mixed,
]
"""How pandas may hold the cells."""
_INDEXES: list[Callable[[pd.DataFrame], pd.DataFrame]] = [
    *[lambda frame: frame] * 4,
    lambda frame: frame.set_axis([0] * len(frame), axis="index"),
    lambda frame: frame.set_axis([None] * len(frame), axis="index"),
    lambda frame: frame.set_axis(
        pd.date_range("2026-01-01", periods=len(frame), tz="Asia/Tokyo"), axis="index"
    ),
    lambda frame: frame.set_axis(pd.CategoricalIndex(frame["name"]), axis="index"),
    lambda frame: frame.set_axis(pd.Index(frame["name"], dtype="string[pyarrow]"), axis="index"),
    lambda frame: frame.set_index("unique_id"),
    lambda frame: frame.set_index("unique_id", drop=False),
    lambda frame: frame.set_index(["unique_id", "stage"], drop=False),
    lambda frame: frame.iloc[::-1],
]


def _many_levels(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis(pd.MultiIndex.from_product([frame.columns, ["x"]]), axis="columns")


def _twice(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.iloc[:, :2]], axis="columns")


_SHAPES: list[Callable[[pd.DataFrame], Any]] = [
    *[lambda frame: frame] * 8,
    lambda frame: frame.rename(columns={"owner_name": 7}),
    lambda frame: frame.rename(columns={"owner_name": None}),
    lambda frame: frame.rename(columns={"owner_name": ("a", "b")}),
    lambda frame: frame.rename_axis(columns="stage"),
    lambda frame: frame.astype({"created_at": "datetime64[ns, UTC]"}),
    lambda frame: frame.assign(
        created_at=pd.Timestamp("2026-01-01"),
        close_date=pd.Timestamp("2026-03-31", tz="Asia/Tokyo"),
    ),
    lambda frame: frame.assign(
        created_at=pd.Timestamp("2300-01-01").as_unit("s"),
        close_date=pd.Timestamp("1000-01-01").as_unit("s"),
    ),
    lambda frame: frame.assign(close_date=pd.PeriodIndex(["2026-03"] * len(frame), freq="M")),
    lambda frame: frame.assign(value=pd.Series([10**30] * len(frame), dtype="object")),
    lambda frame: frame.assign(value=np.complex128(1), probability=np.uint64(2**64 - 1)),
    lambda frame: frame.assign(value=pd.arrays.SparseArray([1.0] * len(frame))),
    lambda frame: frame.astype({"name": "string", "stage": "string", "status": "category"}),
    lambda frame: frame.astype({"unique_id": "category", "name": "category"}),
    lambda frame: frame.iloc[:0],
    lambda frame: frame.T,
    lambda frame: frame["value"],
    _many_levels,
    _twice,
    lambda frame: frame.drop(columns=["stage"]),
    lambda frame: None,
]


@st.composite
def frames(draw: st.DrawFn) -> Any:
    """A frame of opportunities in which up to two columns hold odd cells, of any backend, in an odd
    shape."""
    count = draw(st.integers(0, 4))
    columns: dict[str, list[Any]] = {"unique_id": [f"o{k}" for k in range(count)]}
    columns |= {name: [good[k % len(good)] for k in range(count)] for name, good in _GOOD.items()}
    for name in draw(st.lists(st.sampled_from([*columns, "further"]), max_size=2)):
        odd = draw(st.lists(cells, min_size=count, max_size=count))
        columns[name] = [
            cell if draw(st.booleans()) else good
            for cell, good in zip(odd, columns.get(name, odd), strict=True)
        ]
    frame = pd.DataFrame(
        {name: pd.Series(values, dtype="object") for name, values in columns.items()}
    )
    made: Any = frame
    for change in [draw(st.sampled_from(changes)) for changes in (_BACKENDS, _INDEXES, _SHAPES)]:
        with suppress(Exception):  # pandas itself has no such frame
            made = change(made)
    if isinstance(made, pd.DataFrame) and draw(st.integers(0, 9)) == 0:
        made.attrs = draw(
            st.sampled_from(
                [
                    {"load": 1},
                    {"load": {}},
                    {"load": {"fetched_at": "x"}},
                    {"load": {"rows": "many"}},
                    {1: 2},
                ]
            )
        )
    return made


_plain = st.one_of(
    st.none(), st.booleans(), _numbers.filter(lambda n: n == n and abs(n) < 10**4000), texts
)
json_values = st.one_of(
    _plain,
    st.recursive(
        _plain,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)
        ),
        max_leaves=4,
    ),
)


def _places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [here, *(place for key, child in inner for place in _places(child, (*here, key)))]


which = st.floats(0, 1, exclude_max=True)
"""One of as many as there turn out to be."""
_ANYWHERE = st.lists(
    st.tuples(which, st.one_of(st.none(), st.tuples(json_values))), min_size=1, max_size=2
)


def _damage_json(value: Any, changes: list[tuple[float, tuple[Any] | None]]) -> Any:
    value = json.loads(json.dumps(value))
    for place, put in changes:
        places = _places(value)
        *way, last = places[int(place * len(places))] or (None,)
        holder = value
        for key in way:
            holder = holder[key]
        if last is None:
            return put and put[0]
        if put is None:
            del holder[last]
        else:
            holder[last] = put[0]
    return value


damage_json = _ANYWHERE.map(lambda changes: lambda sound: _damage_json(sound, changes))
"""Something that happens to a JSON document: one or two places hold something else, or nothing."""


_JUNK = [
    b"",
    b"\x00",
    b"\xff\xfe",
    b"{}",
    b"[]",
    b"null",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"ARROW1",
    b"SQLite format 3\x00",
]


@st.composite
def damage_bytes(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Something that happens to a file."""
    kind = draw(st.sampled_from(["cut", "flip", "junk", "insert", "double", "zeros"]))
    at, junk = draw(which), draw(st.one_of(st.sampled_from(_JUNK), st.binary(max_size=20)))

    def damage(content: bytes) -> bytes:
        place = int(at * len(content))
        return {
            "cut": content[:place],
            "flip": content[:place] + bytes([content[place] ^ 0x41]) + content[place + 1 :]
            if content
            else b"",
            "junk": junk,
            "insert": content[:place] + junk + content[place:],
            "double": content + content,
            "zeros": content[:place] + bytes(len(content) - place),
        }[kind]

    return damage
