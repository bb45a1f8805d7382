"""The outcome of each opportunity, one rule for frames, tables and single deals."""

import itertools

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from opp_analytics import org, schema
from opp_analytics.org import OUTCOMES, outcomes


@pytest.mark.parametrize(
    ("stage", "status", "expected"),
    [
        ("closed_won", "active", "won"),
        ("proposal", "won", "won"),
        ("closed_won", "lost", "conflict"),
        ("proposal", "inactive", "disqualified"),
        ("closed_won", "inactive", "won"),
        ("proposal", "active", "open"),
        ("won!!", "active", "unknown"),
        ("won!!", "won", "won"),
        ("proposal", "paused", "open"),
        (None, None, "unknown"),
        (None, "won", "won"),
    ],
)
def test_outcomes__follow_stage_and_status(stage, status, expected):
    assert outcomes(pd.DataFrame({"stage": [stage], "status": [status]})).tolist() == [expected]


STAGES_SEEN = [*org.STAGES.names, "won!!", "won", "", None]
STATUSES_SEEN = [*schema.STATUSES, "paused", "closed_won", "", None]


def test_outcomes__are_one_rule_for_frame_table_and_mapping():
    pairs = list(itertools.product(STAGES_SEEN, STATUSES_SEEN))
    stages, statuses = zip(*pairs, strict=True)
    told = outcomes(pd.DataFrame({"stage": stages, "status": statuses})).astype("str").tolist()
    assert set(told) == set(OUTCOMES)
    one_by_one = [{"stage": stage, "status": status} for stage, status in pairs]
    assert [org.STAGES.outcome(deal) for deal in one_by_one] == told
    assert [org.STAGES.is_closed(deal) for deal in one_by_one] == [
        outcome in ("won", "lost", "conflict") for outcome in told
    ]
    table = ibis.memtable(
        pa.table({"stage": stages, "status": statuses, "place": range(len(pairs))})
    )
    asked = table.mutate(outcome=org.STAGES.outcome_expression(table)).order_by("place")
    assert ibis.duckdb.connect().to_pyarrow(asked)["outcome"].to_pylist() == told


def test_outcomes__rest_on_the_stage_alone_without_status():
    assert outcomes(pd.DataFrame({"stage": ["closed_won", "proposal"]})).tolist() == ["won", "open"]


def test_outcomes__with_as_of_count_a_future_close_as_open_where_loaded_later():
    frame = pd.DataFrame(
        {"stage": ["closed_won"] * 3, "close_date": ["2026-03-10", "2026-03-11", None]}
    )
    assert outcomes(frame, as_of="2026-03-10").tolist() == ["won"] * 3
    frame.attrs["recorded_at"] = "2026-03-10T06:00:00+00:00"
    assert outcomes(frame, as_of="2026-03-10").tolist() == ["won"] * 3
    frame.attrs["recorded_at"] = "2026-03-12T06:00:00+00:00"
    assert outcomes(frame, as_of="2026-03-10").tolist() == ["won", "open", "won"]


def test_find_old_date__takes_the_moment_of_a_load_or_the_newest_date_that_has_been():
    today = pd.Timestamp("2026-11-28")
    deals = pd.DataFrame(
        {
            "stage": ["closed_lost", "proposal", "closed_won"],
            "close_date": ["2026-05-01", "2026-11-20", "2099-01-01"],
            "created_at": ["2026-03-01T09:00Z", None, "2026-02-01T09:00Z"],
        }
    )
    assert org.find_old_date(deals, today) == pd.Timestamp("2026-05-01")
    assert org.find_old_date(deals.assign(updated_at="2026-10-29T12:00Z"), today) is None
    assert org.find_old_date(deals[["stage"]], today) is None
    deals.attrs["load"] = {"fetched_at": "2026-11-27T09:00:00Z"}
    assert org.find_old_date(deals, today) is None
    deals.attrs["load"] = {"fetched_at": "2026-09-01T09:00:00Z"}
    assert org.find_old_date(deals, today) == pd.Timestamp("2026-09-01")
