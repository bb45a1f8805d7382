"""A table with a row a deal a day answers as the history that recorded the same days."""

import random
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from opp_analytics.errors import DataError, MissingColumnError
from opp_analytics.history import History
from opp_analytics.org import Org

DAYS = ["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-07", "2026-03-08"]
"""Nobody looked on the 5th and the 6th."""
ZONED = Org(timezone="America/New_York")


def read(
    rows: dict[str, Any], *, org: Org | None = None, day: str = "day", **named: Any
) -> History:
    import ibis

    return History.from_daily(
        ibis.memtable(rows if isinstance(rows, pa.Table) else pa.table(rows)),
        day=day,
        org=org,
        **named,
    )


@pytest.mark.parametrize("seed", range(2))
def test_from_daily__tells_what_a_recorded_history_tells(seed, tmp_path):
    rng = random.Random(seed)
    own = History(tmp_path / "own", org=ZONED)
    every = []
    for day in DAYS:
        there = [unique_id for unique_id in "abcdefgh" if unique_id == "a" or rng.random() < 0.7]
        frame = pd.DataFrame(
            {
                "unique_id": there,
                "stage": [rng.choice(["proposal", "discovery", None]) for _ in there],
                "value": [rng.choice([1.0, 2.0, None]) for _ in there],
                "updated_at": pd.Timestamp(day, tz="UTC"),
            }
        )
        at = pd.Timestamp(day, tz=ZONED.timezone)
        own.record(frame, at=at, allow_deleted=True, allow_missing=["stage", "value"])
        every.append(frame.assign(day=day))
    rows = pd.concat(every).sample(frac=1, random_state=seed)
    daily = read(pa.Table.from_pandas(rows, preserve_index=False), org=ZONED)
    names = ["unique_id", "operation", "seen_after", "seen_at", "stage", "value"]
    found, wanted = (
        history.changes()[names].sort_values(["seen_at", "unique_id"], ignore_index=True)
        for history in (daily, own)
    )
    pd.testing.assert_frame_equal(found, wanted)
    counts = own.records.columns.drop(["certified"])
    pd.testing.assert_frame_equal(daily.records[counts], own.records[counts])
    assert daily.check().empty


def test_from_daily__takes_the_last_row_of_a_day_and_checks_the_rest():
    history = read(
        {
            "Id": ["a", "a", "b", "b", None, "c"],
            "taken": [
                *("2026-03-02 09:00:00", "2026-03-02 17:00:00", "2026-03-02 09:00:00"),
                *("2026-03-02 09:00:00", "2026-03-02 09:00:00", None),
            ],
            "value": [1.0, 2.0, 3.0, 3.0, 4.0, 5.0],
        },
        key="Id",
        day="taken",
    )
    assert history.changes()[["unique_id", "value"]].to_numpy().tolist() == [["a", 2.0], ["b", 3.0]]
    assert set(history.check()["unique_id"].fillna("")) == {"", "b", "c"}


def test_from_daily__is_named_where_days_are_read_as_versions():
    import ibis

    rows = {"unique_id": ["a"], "day": ["2026-03-02"]}
    table = ibis.memtable(pa.table(rows))
    with pytest.raises(ValueError, match="are one column, 'day'; a table .* History.from_daily"):
        History.from_snapshots(table, valid_from="day", valid_to="day")
    with pytest.raises(MissingColumnError, match="no column dbt_valid_from.* History.from_daily"):
        History.from_snapshots(table)
    with pytest.raises(MissingColumnError, match="no column date; it has unique_id, day$"):
        History.from_daily(table, day="date")
    with pytest.raises(DataError, match="'day' is of type int64, not a time"):
        read(rows | {"day": [20260302]})
