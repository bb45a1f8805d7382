"""The same questions on every engine, and what DuckDB is known to do wrong."""

import gc
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opp_analytics.analysis import slippage, waterfall
from opp_analytics.errors import DataError, HistoryError, MissingColumnError
from opp_analytics.history import History
from opp_analytics.history.engine import Engine, arrow, collect, ibis, missing
from opp_analytics.history.rows import change_schema
from tests.history.engines import (
    EUROS,
    ORG,
    QUESTIONS,
    WEEKS,
    WINDOW,
    Abroad,
    Compiled,
    assert_same_answers,
)


@pytest.fixture(scope="module")
def history(eventful):
    return eventful


@pytest.fixture(scope="module")
def log(history, tmp_path_factory):
    """Its change log as one Parquet file, as a warehouse would take it in."""
    file = tmp_path_factory.mktemp("warehouse") / "opportunity_changes.parquet"
    history.table.to_parquet(file)
    return file


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
@pytest.mark.filterwarnings("ignore:unknown stages")
def test_from_table__on_spark_gives_the_same(spark, log, history):
    there = History.from_table(spark.read_parquet(str(log)), history.records, ORG)
    # Spark takes seconds for each; these hold nothing that the others or its snapshots do not.
    plain = {"waterfall", "waterfall by", "waterfall due", "movements", "records where"}
    plain |= {"changes", "changes where", "coverage", "as_of"}
    told = {"deal_reasons", "learned forecast", "forecast_change"}
    assert_same_answers(there, history, but=plain | told)
    assert "a table" in repr(there)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
@pytest.mark.filterwarnings("ignore:unknown stages")
def test_from_table__on_spark_converts_the_same(spark, log, history):
    there, own = (
        History.from_table(
            table.mutate(currency=(table["owner_name"] == "Ann").ifelse("EUR", None)),
            history.records,
            EUROS,
        )
        for table in (spark.read_parquet(str(log)), history.table)
    )
    plain = waterfall(history, **WINDOW)
    found, wanted = (QUESTIONS["slippage"](each) for each in (there, own))
    pd.testing.assert_frame_equal(found, wanted)
    assert not waterfall(own, **WINDOW)["value"].equals(plain["value"])


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_from_table__on_spark_is_as_the_docs_say(spark):
    page = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
    names: dict[str, Any] = {}
    for code in re.findall(r"^```python\n(.*?)^```", page, re.S | re.M):
        exec(code, names)  # It compares the answers itself.
    assert names["there"].records.equals(names["history"].records)
    assert names["changes"].get_backend().name == "pyspark"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:unknown stages")
def test_from_table__on_another_duckdb_gives_the_same(log, history):
    import ibis

    there = History.from_table(ibis.duckdb.connect().read_parquet(str(log)), history.records, ORG)
    assert_same_answers(there, history)


@pytest.mark.parametrize("dialect", ["snowflake", "bigquery", "postgres", "databricks"])
def test_from_table__compiles_for_warehouses(dialect):
    import ibis

    columns = ibis.Schema.from_pyarrow(change_schema({"owner_name": "text"}))
    abroad = Abroad.from_table(ibis.table(columns, name="opportunity_changes"))
    abroad.dialect = dialect  # type: ignore[attr-defined]
    for name in QUESTIONS.keys() - {
        "changes",
        "coverage",
        "as_of",
        "forecast_change",
        "deal_flags",
        "deal_reasons",
        "learned forecast",
        "backtest",
    }:
        with pytest.raises(Compiled, match="opportunity_changes"):
            QUESTIONS[name](abroad)


def test_from_table__knows_a_record_without_changes_only_when_told():
    import ibis

    rows = pa.table({"unique_id": ["a", "b", "a"], "operation": ["new", "new", "deleted"]})
    rows = rows.append_column(
        "seen_at", pa.array([WEEKS[0], WEEKS[0], WEEKS[3]], pa.timestamp("us", "UTC"))
    )
    there = History.from_table(ibis.memtable(rows))
    assert there.records["recorded_at"].tolist() == [WEEKS[0], WEEKS[3]]
    told = History.from_table(ibis.memtable(rows), pd.DataFrame({"recorded_at": WEEKS}))
    assert told.records["recorded_at"].tolist() == list(WEEKS)
    assert told.records["rows"].tolist() == [2, 2, 2, 1, 1]
    assert told.records["changed"].tolist() == [2, 0, 0, 1, 0]
    assert told.records["complete"].all()


def test_check__finds_rows_that_no_history_can_hold(history):
    import ibis

    instants = pa.array([WEEKS[0], WEEKS[0], WEEKS[1], None], pa.timestamp("us", "UTC"))
    rows = pa.table({"unique_id": ["a", "a", "a", "b"], "seen_at": instants})
    found = History.from_table(ibis.memtable(rows)).check()
    assert found["unique_id"].tolist() == ["a", "b"]
    assert found["problem"].tolist()[0].startswith("several rows at one instant")
    assert found["problem"].tolist()[1] == "a row without unique_id or seen_at"
    assert History.from_table(history.table, history.records).check().empty
    with pytest.raises(HistoryError, match="To record into a history, open one"):
        History.from_table(history.table).record(pd.DataFrame())


@pytest.mark.parametrize("name", ["unique_id", "seen_at"])
def test_from_table__names_what_is_missing(name):
    import ibis

    table = ibis.memtable(pa.table({"unique_id": ["a"], "seen_at": [WEEKS[0]]})).drop(name)
    with pytest.raises(MissingColumnError, match=f"no column {name}"):
        History.from_table(table)
    with pytest.raises(DataError, match="not an Ibis table"):
        History.from_table(pd.DataFrame())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unknown stages")
def test_history__answers_several_threads(history):
    alone = slippage(history, **WINDOW)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: slippage(history, **WINDOW), range(12)))
    for answer in answers:
        pd.testing.assert_frame_equal(answer, alone)


@pytest.fixture
def big(tmp_path):
    """Change files of a million rows that are far larger than the memory they are read with."""
    ids = pa.array([f"deal {k:06d} " + "x" * 40 for k in range(100_000)])
    for look in range(10):
        at = pa.scalar(WEEKS[0] + pd.Timedelta(days=look), pa.timestamp("us", "UTC"))
        table = pa.table(
            {
                "unique_id": ids,
                "seen_at": pa.repeat(at, len(ids)),
                "operation": pa.repeat("changed", len(ids)),
            }
        )
        pq.write_table(table, tmp_path / f"{look}.parquet")
    return sorted(tmp_path.glob("*.parquet"))


def _find_last(changes: ibis.Table) -> ibis.Table:
    """Find the last row of each deal by sorting all rows."""
    own = ibis.window(group_by="unique_id", order_by="seen_at")
    return changes.mutate(later=changes["seen_at"].lead().over(own)).filter(
        lambda row: missing(row["later"])
    )


@pytest.mark.slow
@pytest.mark.posix
def test_engine__spills_what_its_memory_cannot_hold(big):
    engine = Engine("64MB")
    last = _find_last(engine.read(big, {}))
    assert arrow(last.count()) == pa.scalar(100_000)
    assert _setting(engine, "memory_limit") == "61.0 MiB"
    spill = Path(_setting(engine, "temp_directory"))
    assert stat.S_IMODE(spill.stat().st_mode) == 0o700
    # Where it must not spill, the same question fails: it was the spilling that answered it.
    engine._backend.raw_sql("SET max_temp_directory_size = '1MB'")
    with pytest.raises(HistoryError, match="Out of Memory.*larger memory_limit"):
        arrow(last.order_by("unique_id"))
    engine.reset()
    assert arrow(_find_last(engine.read(big, {})).count()) == pa.scalar(100_000)


def _setting(engine, name):
    return engine._backend.raw_sql(f"SELECT current_setting('{name}')").fetchone()[0]


def test_engine__reads_files_of_differing_schema_by_the_widest(tmp_path):
    # DuckDB alone takes the first file's types: 1.5 would be read as 2, and a later column would be
    # gone.
    files: list[dict[str, Any]] = [{"score": [1]}, {"score": [1.5], "note": ["new"]}]
    for number, columns in enumerate(files):
        at = pa.array([WEEKS[number]], pa.timestamp("us", "UTC"))
        pq.write_table(
            pa.table({"unique_id": ["a"], "seen_at": at, **columns}), tmp_path / f"{number}.parquet"
        )
    table = Engine("64MB").read(sorted(tmp_path.iterdir()), {"score": "number", "note": "text"})
    found = collect(table.order_by("seen_at").select("score", "note"))
    assert found["score"].tolist() == [1.0, 1.5]
    assert found["note"].fillna("").tolist() == ["", "new"]


@pytest.mark.slow
def test_keep__has_rows_only_while_somebody_has_their_table(tmp_path):
    file = tmp_path / "0.parquet"
    pq.write_table(pa.table({"unique_id": ["a"], "seen_at": pa.array([WEEKS[0]])}), file)
    engine = Engine("64MB")
    for _ in range(4):
        table = engine.keep(engine.read([file], {}))
        gc.collect()
    file.unlink()
    assert arrow(table.count()) == pa.scalar(1)
    (tables,) = engine._backend.raw_sql("SELECT count(*) FROM duckdb_tables()").fetchone()
    assert tables <= 2


def test_collect__sums_of_whole_numbers_stay_whole(history):
    # DuckDB's sum of integers is HUGEINT, which pandas would take for a float.
    table = history.table
    found = history.collect(table.group_by("owner_name").agg(points=table["probability"].sum()))
    assert found["points"].dtype == "Int64"
