"""Snapshots that others keep give the same answers as the history that they were made from."""

from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from opp_analytics.analysis import slippage
from opp_analytics.errors import DataError, MissingColumnError
from opp_analytics.history import History
from opp_analytics.org import Org
from tests.history.engines import (
    EUROS,
    ORG,
    QUESTIONS,
    WINDOW,
    Abroad,
    Compiled,
    assert_same_answers,
)

SALESFORCE = Org(stages=[*ORG.stages], columns=dict(Org.salesforce().columns))
MADE = """
create table opportunity_snapshot as
select unique_id as "Id", name as "Name", account_id as "AccountId", cast(value as decimal(18, 2)) as "Amount",
    stage as stage_name, cast(close_date as varchar(10)) as "CloseDate", cast(probability as decimal(5, 2)) as "Probability",
    status, created_at as "CreatedDate", updated_at as "LastModifiedDate", owner_name as "Owner",
    seen_at as dbt_updated_at, cast(seen_at as timestamp) as dbt_valid_from,
    coalesce(cast(lead(seen_at) over (partition by unique_id order by seen_at) as timestamp), {open}) as dbt_valid_to,
    case operation when 'deleted' then 'True' else 'False' end as dbt_is_deleted
from log
"""  # noqa: E501
"""A snapshot as dbt makes it with ``hard_deletes: new_record`` out of a change log, in Postgres and
DuckDB."""
INVALIDATED = "delete from opportunity_snapshot where dbt_is_deleted = 'True'"
"""What ``hard_deletes: invalidate`` leaves of it."""
OPEN = {"new_record": "null", "invalidate": "timestamp '9999-12-31'"}
ASKED = {"changes", "as_of", "slippage", "waterfall by team", "records where"}
ANSWERED = QUESTIONS.keys() - ASKED
"""What need not be asked again: of the same changes the answers are the same."""


@pytest.fixture(scope="module")
def own(eventful):
    """The history itself, read by the org that names the columns of the snapshot."""
    return History(eventful._path, org=SALESFORCE)


@pytest.fixture(scope="module")
def log(eventful, tmp_path_factory):
    file = tmp_path_factory.mktemp("log") / "log.parquet"
    eventful.table.to_parquet(file)
    return file


def make_snapshot(run, kind):
    """Make the snapshot beside the change log, with the plain SQL of a warehouse."""
    run("drop table if exists opportunity_snapshot")
    run(MADE.format(open=OPEN[kind]))
    if kind == "invalidate":
        run(INVALIDATED)


@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:unknown stages")
@pytest.mark.slow
@pytest.mark.parametrize("kind", OPEN)
def test_from_snapshots__on_duckdb_gives_the_same(log, own, kind):
    import ibis

    con = ibis.duckdb.connect()
    con.raw_sql(f"create table log as select * from '{log}'")
    make_snapshot(con.raw_sql, kind)
    there = History.from_snapshots(con.table("opportunity_snapshot"), org=SALESFORCE)
    assert there.check().empty
    assert_same_answers(there, own, but=ANSWERED)
    told = History.from_snapshots(
        con.table("opportunity_snapshot"), org=SALESFORCE, records=own.records
    )
    pd.testing.assert_frame_equal(told.changes(), own.changes())
    pd.testing.assert_frame_equal(told.records, own.records)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unknown stages")
@pytest.mark.parametrize("kind", OPEN)
def test_from_snapshots__on_postgres_gives_the_same(postgres, eventful, own, kind):
    if "log" not in postgres.list_tables():
        postgres.create_table("log", eventful.collect_arrow(eventful.table))
    make_snapshot(lambda sql: postgres.raw_sql(sql).close(), kind)
    there = History.from_snapshots(postgres.table("opportunity_snapshot"), org=SALESFORCE)
    assert there.check().empty
    assert_same_answers(there, own, but=ANSWERED)
    told = History.from_snapshots(
        postgres.table("opportunity_snapshot"), org=SALESFORCE, records=own.records
    )
    pd.testing.assert_frame_equal(told.changes(), own.changes())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unknown stages")
def test_from_table__on_postgres_gives_the_same(postgres, eventful):
    if "log" not in postgres.list_tables():
        postgres.create_table("log", eventful.collect_arrow(eventful.table))
    assert_same_answers(History.from_table(postgres.table("log"), eventful.records, ORG), eventful)
    euros = [
        History.from_table(
            table.mutate(currency=(table["owner_name"] == "Ann").ifelse("EUR", None)),
            eventful.records,
            EUROS,
        )
        for table in (postgres.table("log"), eventful.table)
    ]
    found, wanted = (slippage(history, **WINDOW, by="owner_name") for history in euros)
    pd.testing.assert_frame_equal(found, wanted)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
@pytest.mark.filterwarnings("ignore:unknown stages")
def test_from_snapshots__on_spark_gives_the_same(spark, log, own, tmp_path):
    import ibis

    con = ibis.duckdb.connect()
    con.raw_sql(f"create table log as select * from '{log}'")
    make_snapshot(con.raw_sql, "invalidate")
    con.raw_sql(f"copy opportunity_snapshot to '{tmp_path}/snapshot.parquet'")
    there = History.from_snapshots(
        spark.read_parquet(f"{tmp_path}/snapshot.parquet"), org=SALESFORCE
    )
    assert there.check().empty
    pd.testing.assert_frame_equal(there.records, own.records)
    # Spark takes seconds for each; the others are asked of it over a change log.
    assert_same_answers(there, own, but=QUESTIONS.keys() - {"changes", "as_of"})


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["bigquery", "snowflake"])
def test_from_snapshots__compiles_for_warehouses(dialect, own):
    import ibis

    columns = {
        "id": "string",
        "amount": "decimal(18, 2)",
        "stage_name": "string",
        "close_date": "date",
    }
    columns |= {"owner": "string", "dbt_valid_from": "timestamp", "dbt_valid_to": "timestamp"}
    snapshot = ibis.table(columns, name="opportunity_snapshot")
    abroad = Abroad.from_snapshots(snapshot, org=SALESFORCE)
    abroad.dialect = dialect  # type: ignore[attr-defined]
    assert "opportunity_snapshot" in ibis.to_sql(abroad.table, dialect=dialect)
    told = Abroad.from_snapshots(snapshot, org=SALESFORCE, records=own.records)
    assert "greatest" in ibis.to_sql(told.table, dialect=dialect).lower()
    for name in (
        *("slippage", "waterfall", "waterfall due", "waterfall where", "movements", "stage_flow"),
        *("transitions", "pipeline_created", "close_date_moves"),
    ):
        with pytest.raises(Compiled, match="opportunity_snapshot"):
            QUESTIONS[name](abroad)


def read(
    rows: dict[str, Any], *, org: Org | None = None, records: list[str] | None = None, **named: Any
) -> History:
    """The history of a snapshot with these columns; dates are those of March 2026, by their day."""
    import ibis

    return History.from_snapshots(
        ibis.memtable(pa.table(rows)),
        org=org,
        records=None if records is None else pd.DataFrame({"recorded_at": records}),
        **named,
    )


def tell(history: History, *columns: str) -> list[tuple[Any, ...]]:
    """Each change: the id, the operation, the days of both records, and further columns."""
    changes = history.changes()
    days = [changes[name].dt.day for name in ("seen_after", "seen_at")]
    told = zip(
        changes["unique_id"],
        changes["operation"],
        *days,
        *(changes[name] for name in columns),
        strict=True,
    )
    return [tuple(None if pd.isna(cell) else cell for cell in row) for row in told]


def test_from_snapshots__tells_what_happened_from_the_versions():
    rows: dict[str, list] = {
        "unique_id": ["a", "a", "a", "b", "b", "c"],
        "value": [Decimal("1.5"), Decimal("2.5"), Decimal("3.5"), None, Decimal("1"), Decimal("9")],
        "dbt_valid_from": [
            "2026-03-02",
            "2026-03-04",
            "2026-03-08T10:00:00Z",
            "2026-03-02",
            "2026-03-04",
            "2026-03-04",
        ],
        # Deal a is gone from the 6th to the 8th, b follows within a millisecond, c ends with the
        # 9th.
        "dbt_valid_to": [
            "2026-03-04",
            "2026-03-06",
            "9999-12-31",
            "2026-03-03T23:59:59.999+00:00",
            None,
            "2026-03-09",
        ],
    }
    history = read(rows)
    assert tell(history, "value") == [
        ("a", "new", None, 2, 1.5),
        ("b", "new", None, 2, None),
        ("a", "changed", 2, 4, 2.5),
        ("b", "changed", 2, 4, 1.0),
        ("c", "new", 2, 4, 9.0),
        ("a", "deleted", 4, 6, 2.5),
        ("a", "returned", 6, 8, 3.5),
        ("c", "deleted", 8, 9, 9.0),
    ]
    assert history.records["rows"].tolist() == [2, 3, 2, 3, 2]
    assert history.as_of("2026-03-07")["unique_id"].tolist() == ["b", "c"]
    assert history.check().empty
    shuffled = read({name: [cells[n] for n in (3, 5, 0, 2, 4, 1)] for name, cells in rows.items()})
    pd.testing.assert_frame_equal(shuffled.changes(), history.changes())
    with pytest.raises(Exception, match="read-only, because its table belongs to another system"):
        history.record(history.as_of("2026-03-07"))


@pytest.mark.parametrize(
    ("column", "marks"),
    [
        ("dbt_is_deleted", ["False", "True", "True", "False"]),
        ("IS_DELETED", [None, 1, 1, 0]),
        ("status", ["active", "Deleted", "deleted", "active"]),
    ],
)
def test_from_snapshots__takes_a_marked_version_for_a_deletion(column, marks):
    rows = {
        "unique_id": ["a", "a", "a", "a", "b"],
        "dbt_valid_from": ["2026-03-02", "2026-03-04", "2026-03-05", "2026-03-06", "2026-03-02"],
        "dbt_valid_to": ["2026-03-04", "2026-03-05", "2026-03-06", None, None],
        # Deal b was deleted before the first run, and so was never there.
        column: [*marks, marks[1]],
    }
    assert [row[:2] for row in tell(read(rows))] == [
        ("a", "new"),
        ("a", "deleted"),
        ("a", "returned"),
    ]


def test_from_snapshots__begins_with_the_first_given_record():
    rows = {
        "unique_id": ["a", "b", "b", "c"],
        "value": [1.0, 2.0, 3.0, 4.0],
        # The strategy timestamp dates the first run's versions by their last edit.
        "dbt_valid_from": ["2026-02-01", "2026-02-03", "2026-03-03", "2026-02-02"],
        "dbt_valid_to": [None, "2026-03-03", None, "2026-03-01"],
    }
    history = read(rows, records=["2026-03-02", "2026-03-04", "2026-03-09"])
    assert tell(history, "value") == [
        ("a", "new", None, 2, 1.0),
        ("b", "new", None, 2, 2.0),
        ("b", "changed", 2, 3, 3.0),
    ]
    assert history.records["recorded_at"].dt.day.tolist() == [2, 3, 4, 9]
    assert history.records["rows"].tolist() == [2, 2, 2, 2]


def test_from_snapshots__finds_the_columns_by_the_org_however_they_are_written():
    rows: dict[str, Any] = {
        "ID": ["a"],
        "NAME": ["Acme"],
        "AMOUNT": ["12.50"],
        "STAGE_NAME": ["Closed Won"],
        "CLOSE_DATE": ["2026-03-31"],
        "FORECAST_CATEGORY": ["BestCase"],
        "FORECAST_CATEGORY_NAME": ["Best Case"],
        "TAGS": [["new"]],
        "SCORE": [Decimal("0.5")],
        "DBT_VALID_FROM": [pd.Timestamp("2026-03-02")],
        "DBT_VALID_TO": pa.array([None], pa.timestamp("us")),
        "DBT_SCD_ID": ["1"],
    }
    history = read(rows, org=Org.salesforce())
    deal = history.as_of("2026-03-03").iloc[0]
    assert deal[["unique_id", "name", "value", "stage"]].tolist() == [
        "a",
        "Acme",
        12.5,
        "Closed Won",
    ]
    assert deal["close_date"] == pd.Timestamp("2026-03-31")
    assert (deal["category"], deal["SCORE"]) == ("best_case", 0.5)
    assert not {"TAGS", "DBT_SCD_ID", "DBT_VALID_FROM"} & set(history.table.columns)
    own = read(
        {"deal": [7], "from_day": ["2026-03-02"], "to_day": [""], "Stage": ["Proposal"]},
        key="deal",
        valid_from="from_day",
        valid_to="to_day",
    )
    assert tell(own, "stage") == [("7", "new", None, 2, "Proposal")]


def test_from_snapshots__takes_the_marks_of_the_crm_as_an_export_is_read():
    rows = {
        "Id": ["a", "b", "c", "d"],
        "StageName": ["Signed", "Dropped", "Prospecting", "Talking"],
        "IsWon": [True, False, False, False],
        "IsClosed": ["true", "true", "false", "false"],
        "CloseDate": ["2026-04-30"] * 4,
        "Closed Date": ["2026-03-05T23:30:00Z", "2026-03-06", "2026-03-07", None],
        "dbt_valid_from": ["2026-03-09"] * 4,
        "dbt_valid_to": pa.array([None] * 4, pa.string()),
    }
    deals = read(rows, org=Org.salesforce()).as_of("2026-03-09")
    # A known stage decides alone, and gives its chance.
    assert deals["status"].astype("object").fillna("").tolist() == ["won", "lost", "", "active"]
    assert deals["close_date"].dt.strftime("%m-%d").tolist() == ["03-05", "03-06", "04-30", "04-30"]
    assert deals["probability"].fillna(0).tolist() == [0, 0, 10, 0]
    hubspot = {
        "hs_object_id": [1, 2],
        "dealstage": ["qualifiedtobuy", "closedwon"],
        "hs_deal_stage_probability": ["0.4", "1.0"],
        "dbt_valid_from": ["2026-03-09"] * 2,
        "dbt_valid_to": pa.array([None] * 2, pa.string()),
    }
    deals = read(hubspot, org=Org.hubspot()).as_of("2026-03-09")
    assert deals["stage"].tolist() == ["Qualified To Buy", "Closed Won"]
    assert deals["probability"].tolist() == [40, 100]
    dynamics = {
        "Opportunity": ["1", "2"],
        "Status Reason": ["Won", "In Progress"],
        "estimatedvalue": [5.0, 6.0],
        "actualvalue": [7.0, 8.0],
        "dbt_valid_from": ["2026-03-09"] * 2,
        "dbt_valid_to": pa.array([None] * 2, pa.string()),
    }
    org = Org(
        preset="dynamics",
        stages=[{"name": "In Progress", "kind": "open"}, {"name": "Won", "kind": "won"}],
        columns={"Opportunity": "unique_id", "Status Reason": "stage"},
    )
    assert read(dynamics, org=org).as_of("2026-03-09")["value"].tolist() == [7.0, 6.0]


def test_check__names_versions_that_no_history_can_hold():
    rows = {
        "unique_id": ["a", "a", "b", "b", "c", None, "d", "e", "e", "f", "f"],
        "dbt_valid_from": [
            *(
                "2026-03-02",
                "2026-03-04",
                "2026-03-02",
                "2026-03-04",
                "2026-03-04",
                "2026-03-02",
                None,
            ),
            *("2026-03-02", "2026-03-02", "2026-03-02", "2026-03-02"),
        ],
        "dbt_valid_to": [
            *(None, None, "2026-03-05", None, "2026-03-01", None, "2026-03-02", "2026-03-09", None),
            # Replaced at once: no version at all.
            *("2026-03-02", None),
        ],
    }
    found = read(rows).check()
    told = dict(zip(found["unique_id"].fillna(""), found["problem"], strict=True))
    assert sorted(told) == ["", "a", "b", "c", "d", "e"]
    assert told["a"].startswith(
        "a version without an end: the next one begins at 2026-03-04 00:00:00+00:00"
    )
    assert told["b"].startswith(
        "a version that ends at 2026-03-05 00:00:00+00:00: the next one begins at 2026-03-04"
    )
    assert told["c"].startswith(
        "a version that ends at 2026-03-01 00:00:00+00:00, before it begins"
    )
    assert told["d"] == "a version without a beginning, which is not read"
    assert told["e"].startswith("two versions begin at this time: the one that ends last counts")
    assert told[""] == "a version without an id, which is not read"
    changes = read(rows).changes()
    assert not changes.duplicated(["unique_id", "seen_at"]).any()
    assert changes["unique_id"].unique().tolist() == ["a", "b", "e", "f"]


def test_from_snapshots__names_what_is_missing():
    rows: dict[str, Any] = {
        "unique_id": ["a"],
        "dbt_valid_from": ["2026-03-02"],
        "dbt_valid_to": [None],
    }
    for name in rows:
        with pytest.raises(MissingColumnError, match=f"no column {name}; it has"):
            read({other: cells for other, cells in rows.items() if other != name})
    with pytest.raises(MissingColumnError, match="no column deal_id; it has unique_id"):
        read(rows, key="deal_id")
    with pytest.raises(DataError, match="'dbt_valid_from' is of type int64, not a time"):
        read(rows | {"dbt_valid_from": [20260302]})
    with pytest.raises(DataError, match="'stage' and 'Stage' differ only in case"):
        read(rows | {"stage": ["x"], "Stage": ["y"]})
    with pytest.raises(DataError, match="not an Ibis table"):
        History.from_snapshots(pd.DataFrame(rows))
    with pytest.raises(TypeError, match="org is a str"):
        read(rows, org="salesforce")  # type: ignore[arg-type]
