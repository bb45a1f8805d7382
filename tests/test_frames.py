"""Every public function that takes opportunities: the answer does not depend on the dtypes or the
index of the frame."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import opp_analytics as oa
from opp_analytics import org
from opp_analytics.certificate import Certificate
from opp_analytics.errors import DataError
from opp_analytics.history import History
from opp_analytics.schema import TEXT
from tests.analysis import every_analysis
from tests.analysis.every_analysis import AS_OF

_TEXTS = ["unique_id", "name", "account_id", "stage", "status", "owner_name", "notes", "currency"]


@cache
def _org() -> oa.Org:
    people = [{"owner_name": "Ann", "team": "East"}, {"owner_name": "Bo", "team": "West"}]
    return oa.Org(currency="USD", people=people)


@cache
def plain() -> pd.DataFrame:
    """Deals as a load gives them, with a blank in each column that may have one, and further
    columns of each kind."""
    frame = every_analysis.deals()
    count = len(frame)
    frame = frame.assign(
        owner_name=_column("str", *["Bo", "Ann", None] * 2, "Bo"),
        value=frame["value"].mask(frame["unique_id"] == "o5") + 0.25,
        account_id=frame["account_id"].mask(frame["unique_id"] == "o4"),
        close_date=frame["close_date"].mask(frame["unique_id"] == "o5"),
        probability=frame["probability"].mask(frame["unique_id"] == "o4"),
        status=frame["status"].mask(frame["unique_id"] == "o6"),
        notes=_column("str", "=1+1", None, "Ünï", "two\nlines", "007", " x", "b"),
        currency=_column("str", *["USD"] * count),
        seats=pd.array([1, None, 3, 4, 5, 6, 7], "Int64"),
        score=_column("float64", 0.5, None, 2.25, 1.5, 1.0, 0.125, 3.5),
        hot=pd.array([True, None, False, True, False, False, True], "boolean"),
        next_action_at=_column(
            "datetime64[us, UTC]", "2026-03-01T10:00:00Z", None, *["2026-04-01T00:00:00Z"] * 5
        ),
        visited=_column("datetime64[us]", "2026-03-01", None, *["2026-02-01"] * 5),
    )
    frame.attrs["load"] = Certificate(
        fetched_at=pd.Timestamp("2026-03-30T08:00:00Z").to_pydatetime(),
        rows=count,
        source="https://crm.example.com",
        tenant="t",
    ).to_json()
    return _org().apply(frame)


def _column(dtype: Any, *cells: Any) -> pd.Series[Any]:
    return pd.Series(list(cells), dtype="object").astype(TEXT if dtype == "str" else dtype)


def _parquet(
    backend: Literal["pyarrow", "numpy_nullable"],
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def reread(frame: pd.DataFrame) -> pd.DataFrame:
        file = io.BytesIO()
        frame.to_parquet(file)
        return pd.read_parquet(file, dtype_backend=backend)

    return reread


def _arrow(**kinds: pa.DataType) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def cast(frame: pd.DataFrame) -> pd.DataFrame:
        arrays = {name: pa.array(frame[name].astype(object), from_pandas=True) for name in kinds}
        return frame.assign(
            **{
                name: pd.Series(
                    pd.arrays.ArrowExtensionArray(pa.chunked_array([_cast(array, kinds[name])])),
                    index=frame.index,
                )
                for name, array in arrays.items()
            }
        )

    return cast


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    return (
        array.dictionary_encode() if pa.types.is_dictionary(kind) else array.cast(kind, safe=False)
    )


def _as(dtype: Any, *names: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.astype(dict.fromkeys(names, dtype))


BACKENDS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "pyarrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "nullable": lambda frame: frame.convert_dtypes(),
    "parquet pyarrow": _parquet("pyarrow"),
    "parquet nullable": _parquet("numpy_nullable"),
    "object": lambda frame: frame.astype(object),
    "object with None": lambda frame: frame.astype(object).where(frame.notna(), None),
    "string[python]": _as("string[python]", *_TEXTS),
    "string[pyarrow]": _as("string[pyarrow]", *_TEXTS),
    "category": _as("category", *_TEXTS),
    "category of Arrow text": lambda frame: frame.astype(
        dict.fromkeys(_TEXTS, "string[pyarrow]")
    ).astype(dict.fromkeys(_TEXTS, "category")),
    "dictionary": _arrow(**dict.fromkeys(_TEXTS, pa.dictionary(pa.int32(), pa.string()))),
    "large_string": _arrow(**dict.fromkeys(_TEXTS, pa.large_string())),
    "Arrow text": _arrow(**dict.fromkeys(_TEXTS, pa.string())),
    "dates": _arrow(close_date=pa.date32()),
    "date64": _arrow(close_date=pa.date64()),
    "timestamp[s]": _arrow(
        close_date=pa.timestamp("s"),
        created_at=pa.timestamp("s", "UTC"),
        updated_at=pa.timestamp("s"),
    ),
    "timestamp[ns]": _arrow(
        close_date=pa.timestamp("ns"),
        created_at=pa.timestamp("ns", "America/Chicago"),
        updated_at=pa.timestamp("ms", "UTC"),
        next_action_at=pa.timestamp("ns", "UTC"),
    ),
    "decimal": _arrow(value=pa.decimal128(20, 2), probability=pa.decimal128(20, 0)),
    "small numbers": _arrow(
        value=pa.float32(), probability=pa.int8(), seats=pa.uint16(), score=pa.float32()
    ),
    "unsigned": _arrow(probability=pa.uint64()),
    "Float32": lambda frame: frame.astype(
        {"value": "Float32", "probability": "UInt8", "score": "Float64"}
    ),
}
_MAIN = ("object with None",)
"""The others go through the same door."""
INDEXES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "several levels": lambda frame: frame.set_index(["stage", "unique_id"], drop=False),
    "named": lambda frame: frame.set_axis(
        pd.RangeIndex(5, 5 + len(frame), name="value"), axis="index"
    ),
    "duplicate labels": lambda frame: frame.set_axis([0] * len(frame), axis="index"),
    "dates": lambda frame: frame.set_index("close_date", drop=False),
}


def _edit(frame: pd.DataFrame) -> pd.DataFrame:
    """Change a cell of each kind by its place, whatever the dtype."""
    edits = {
        "name": "New",
        "value": 7.5,
        "stage": "negotiation",
        "close_date": pd.Timestamp("2026-12-01"),
        "probability": 55,
        "seats": 9,
        "score": 9.5,
        "hot": True,
        "notes": "Hi",
    }
    edits = {name: value for name, value in edits.items() if name in frame}
    at = int((frame["name"] == "o4").to_numpy(dtype=bool, na_value=False).argmax())
    edited = frame.assign(**{c: frame[c].astype(object) for c in edits})
    for column, value in edits.items():
        edited.isetitem(
            edited.columns.tolist().index(column),
            [*edited[column][:at], value, *edited[column][at + 1 :]],
        )
    return edited.iloc[:-1]


def _planned(made: oa.Plan) -> Any:
    # As text: the cells have the same types too.
    return repr([replace(step, row=None) for step in made.steps]), made.problems.drop(columns="row")


def _record(frame: pd.DataFrame, path: Path) -> Any:
    history = History(path / "history", org=_org())
    history.record(frame, at="2026-03-30")
    again = history.record(
        frame.iloc[::-1].reset_index(drop=True).set_axis(frame.index), at="2026-03-31"
    )
    return history.as_of("2026-03-31").drop(columns=[]), history.changes(), again.changed


def _workbook(frame: pd.DataFrame, path: Path) -> Any:
    return oa.read_excel(oa.to_excel(frame, path / "deals.xlsx"))


def _csv(frame: pd.DataFrame, path: Path) -> Any:
    file = oa.to_csv(frame, path / "deals.csv")
    return (
        file.read_bytes(),
        _planned(oa.plan(frame, oa.read_csv(file, frame))),
        oa.read_csv(file, plain()),
    )


def _report(frame: pd.DataFrame, path: Path) -> Any:
    made = oa.weekly_report(
        frame, as_of=AS_OF, out=path / "weekly.html", target=1000, markdown=True, progress=False
    )
    return (
        made.html.read_text(),
        made.markdown.read_text(),
        list(pd.read_excel(made.xlsx, sheet_name=None).items()),
    )


def _grid(frame: pd.DataFrame, path: Path) -> Any:
    grid = oa.edit(frame, as_of=AS_OF)
    sheet = grid._sheet
    sheet.edit(
        [
            (4, "value", "45k"),
            (4, "seats", "12"),
            (4, "hot", "no"),
            (4, "stage", "negotiation"),
            (0, "name", "Hi"),
        ]
    )
    return grid.edited, _planned(oa.plan(frame, grid.edited)), grid.changes


def _explorer(frame: pd.DataFrame, path: Path) -> Any:
    state = {"question": "win_rates", "where": {"stage": ["proposal", "discovery"]}}
    explorer = oa.explore(frame, as_of=AS_OF, state=state)
    return explorer.answer.context.opportunities, explorer.code, explorer.table


def _fix(frame: pd.DataFrame) -> pd.DataFrame:
    return oa.fix(frame, oa.audit(frame, as_of=AS_OF)).reset_index(drop=True)


_OUR_WRITES = pd.DataFrame({"unique_id": ["o4"], "written_at": ["2026-03-20T00:00:00Z"]})


def _without_path(ask: Callable[[pd.DataFrame], Any]) -> Callable[[pd.DataFrame, Path], Any]:
    return lambda frame, _: ask(frame)


ENTRIES: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    **{
        name: _without_path(ask)
        for name, ask in every_analysis.OF_FRAMES.items()
        if name != "outcomes"
    },
    "apply": lambda frame, _: _org().apply(frame).reset_index(drop=True),
    "audit_summary": lambda frame, _: oa.audit_summary(
        oa.audit(frame, as_of=AS_OF, own_writes=_OUR_WRITES)
    ),
    "by": lambda frame, _: [
        oa.win_rate(frame, by=by, as_of=AS_OF)
        for by in ("owner_name", "seats", "hot", "visited", "score", ["team", "stage"])
    ],
    "conform": lambda frame, _: org.conform(frame),
    "csv": _csv,
    "explore": _explorer,
    "fix": lambda frame, _: _fix(frame),
    "forecast by": lambda frame, _: oa.forecast(
        frame, as_of=AS_OF, by=["team", "owner_name"], target=500, totals=True
    ),
    "grid": _grid,
    "outcomes": lambda frame, _: oa.outcomes(frame, as_of=AS_OF).tolist(),
    "flags": lambda frame, _: oa.deal_flags(frame, as_of=AS_OF, own_writes=_OUR_WRITES),
    "plan": lambda frame, _: _planned(oa.plan(frame, _edit(frame))),
    "plan after": lambda frame, _: _planned(oa.plan(plain(), _edit(frame))),
    "plan before": lambda frame, _: _planned(oa.plan(frame, _edit(plain()))),
    "plan file": lambda frame, path: _planned(
        oa.Plan.read(oa.plan(frame, _edit(frame)).save(path / "plan.json"))
    ),
    "plan impact": lambda frame, _: oa.plan(frame, _edit(frame)).impact(as_of=AS_OF),
    "record": _record,
    "report": _report,
    "workbook": _workbook,
}


def _check_equal(one: Any, other: Any) -> None:
    if isinstance(one, pd.DataFrame):
        # A category that the user made stays one.
        other = other.astype(
            {name: one[name].dtype for name, dtype in other.dtypes.items() if dtype == "category"}
        )
        pd.testing.assert_frame_equal(one, other, check_dtype=True)
        assert one.attrs == other.attrs
    elif isinstance(one, pd.Series):
        pd.testing.assert_series_equal(one, other)
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            _check_equal(left, right)
    elif one is not other and not (one != one and other != other):
        assert one == other


@cache
def _answer(entry: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        return ENTRIES[entry](plain(), Path(folder))


@pytest.mark.slow
@pytest.mark.parametrize("backend", _MAIN)
@pytest.mark.parametrize("entry", ENTRIES)
def test_public_function__gives_the_same_whatever_the_dtypes(entry, backend, tmp_path):
    frame = BACKENDS[backend](plain())
    frame.attrs = plain().attrs
    _check_equal(_answer(entry), ENTRIES[entry](frame, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("backend", [name for name in BACKENDS if name not in _MAIN])
@pytest.mark.parametrize("entry", ["by", "conform", "csv", "plan after", "record"])
def test_public_function__gives_the_same_for_each_type_of_a_column(entry, backend, tmp_path):
    frame = BACKENDS[backend](plain())
    frame.attrs = plain().attrs
    _check_equal(_answer(entry), ENTRIES[entry](frame, tmp_path))


@pytest.mark.parametrize(
    ("entry", "index"),
    [
        pytest.param(entry, index, marks=[] if index == "several levels" else pytest.mark.slow)
        for entry in ENTRIES
        for index in INDEXES
        # A page takes seconds.
        if entry not in every_analysis.OF_FRAMES and entry != "report"
    ],
)
def test_public_function__gives_the_same_whatever_the_index(entry, index, tmp_path):
    _check_equal(_answer(entry), ENTRIES[entry](INDEXES[index](plain()), tmp_path))


def _people(frame: pd.DataFrame) -> Any:
    found = oa.Org(people=frame)
    return found.people, found.apply(plain().drop(columns=["team", "region"], errors="ignore"))


def _targets(frame: pd.DataFrame) -> Any:
    asked: dict[str, Any] = {"as_of": AS_OF, "by": "owner_name", "totals": True}
    return oa.Org(targets=frame).targets, oa.forecast(plain(), target=frame, **asked)


def _export(frame: pd.DataFrame) -> pd.DataFrame:
    return oa.read_export(frame, oa.Org.salesforce(currency="USD"))


def _log(frame: pd.DataFrame) -> Any:
    history = History.from_changes(frame)
    return history.changes(), history.check(), oa.transitions(history)


OTHERS: dict[str, tuple[Callable[[], pd.DataFrame], Callable[[pd.DataFrame], Any]]] = {
    "people": (
        lambda: pd.DataFrame(
            {
                "owner_name": ["Ann", "Bo"],
                "team": ["E", None],
                "from_date": [None, pd.Timestamp("2026-01-01")],
            }
        ),
        _people,
    ),
    "targets": (
        lambda: pd.DataFrame(
            {"owner_name": ["Ann", "Bo"], "period": ["2026-03", "2026-04"], "target": [100.5, 50.0]}
        ),
        _targets,
    ),
    "export": (
        lambda: pd.DataFrame(
            {
                "Opportunity ID": ["001M000000qfPyS", "001M000000qfPyT"],
                "Stage": ["Closed Won", "Prospecting"],
                "Amount": [1200.5, None],
                "Close Date": _column("datetime64[us]", "2026-11-25", None),
                "Probability (%)": [100, None],
                "Region": ["E", None],
            }
        ),
        _export,
    ),
    "change log": (
        lambda: every_analysis.log().assign(
            seats=1, seen_at=lambda log: log["seen_at"].dt.as_unit("us")
        ),
        _log,
    ),
    "long log": (
        lambda: pd.DataFrame(
            {
                "unique_id": ["a", "a", "b"],
                "changed_at": pd.to_datetime(["2026-01-01", "2026-02-01", "2026-02-01"], utc=True),
                "field": ["stage", "value", "stage"],
                "new_value": ["proposal", "5", "closed_won"],
            }
        ),
        _log,
    ),
}


@pytest.mark.parametrize("backend", ["pyarrow", "object"])
@pytest.mark.parametrize("other", OTHERS)
def test_further_frame__is_read_the_same_whatever_its_dtypes(other, backend):
    make, ask = OTHERS[other]
    frame = BACKENDS[backend](make())
    frame.attrs = make().attrs
    _check_equal(ask(make()), ask(frame))


@pytest.mark.parametrize("column", ["name", "stage", "notes"])
@pytest.mark.parametrize(
    "entry", ["conform", "csv", "explore", "grid", "plan before", "record", "report", "workbook"]
)
def test_public_function__names_the_deal_with_half_a_character(entry, column, tmp_path):
    cells = [*plain()[column].astype(object)[:3], "A\ud800", *plain()[column].astype(object)[4:]]
    frame = plain().assign(**{column: pd.Series(cells, dtype="object")})
    with pytest.raises(DataError, match=rf"opportunity 'o3': {column}=") as caught:
        ENTRIES[entry](frame, tmp_path)
    assert str(caught.value).encode()


@pytest.mark.parametrize("number", [10**400, 2**60 + 1, 2**70])
def test_to_excel__keeps_each_digit_of_a_large_number(number, tmp_path):
    frame = plain().assign(score=pd.Series([number] * 7, dtype="object"))
    before, after = oa.read_excel(oa.to_excel(frame, tmp_path / "deals.xlsx"))
    assert oa.plan(before, after).summary() == "no changes"
    assert str(after["score"].iloc[0]) == str(number)


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        *(
            (column, "A\ud800", f"row 1: {column}=.* holds half of a character")
            for column in ("Name", "Stage", "Opportunity ID", "Score")
        ),
        *(
            ("Amount", cell, "row 1: Amount=.* is not a(n amount| finite number)")
            for cell in (float("inf"), 10**400, "1e400", "9" * 400)
        ),
    ],
)
def test_read_export__names_the_row_of_a_cell_that_cannot_be_read(column, cell, reason):
    cells = {
        "Opportunity ID": "001M000000qfPyS",
        "Name": "a",
        "Stage": "Closed Won",
        "Amount": 5,
        "Score": 1,
    }
    export = pd.DataFrame(
        [cells, cells | {"Opportunity ID": "001M000000qfPyT", column: cell}], dtype="object"
    )
    with pytest.raises(DataError, match=reason):
        _export(export)


def test_read_export__refuses_a_date_that_no_calendar_holds():
    far = every_analysis.deals().astype({"created_at": "object"})
    far.loc[0, "created_at"] = np.datetime64("12026-03-31")
    with pytest.raises(DataError, match="in the year 12026"):
        oa.read_export(far, oa.Org(), progress=False)


@pytest.mark.parametrize(
    ("field", "cell"), [("name", "A\ud800"), ("value", "A\ud800"), ("value", 10**400)]
)
def test_from_changes__refuses_a_cell_that_cannot_be_read(field, cell):
    log = pd.DataFrame(
        {
            "unique_id": "a",
            "changed_at": "2026-01-01",
            "field": field,
            "new_value": pd.Series([cell], dtype="object"),
        }
    )
    with pytest.raises(
        DataError,
        match=(
            r"row 0: new_value=.* holds half of a character|row 0: new_value is a number out of "
            r"range"
        ),
    ):
        History.from_changes(log)
