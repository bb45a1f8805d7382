"""The record that changes are counted from."""

from __future__ import annotations

import pytest

from opp_analytics import History
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.report.tables.earlier import earlier_record
from tests.report.pipelines import AS_OF, LAST_WEEK, THIS_WEEK, pipeline, recorded, tables_of


def _kept(tmp_path, days):
    states = {day: THIS_WEEK if day >= AS_OF else LAST_WEEK for day in days}
    return recorded(History(tmp_path / "kept"), states)


@pytest.mark.parametrize(
    ("days", "found"),
    [
        (["2026-03-08", "2026-03-09", "2026-03-10", "2026-03-16"], "2026-03-09"),
        (["2026-03-08", "2026-03-10", "2026-03-16"], "2026-03-08"),
        (["2026-02-09", "2026-03-06", "2026-03-16"], "2026-03-06"),
        (["2026-02-09", "2026-03-12", "2026-03-16"], "2026-03-12"),
        (["2026-03-09"], "2026-03-09"),
    ],
)
def test_earlier_record__is_the_nearest_to_a_week_before(opportunities, tmp_path, days, found):
    inputs = tables_of(opportunities, _kept(tmp_path, days)).inputs
    assert f"{earlier_record(inputs):%Y-%m-%d}" == found


def test_earlier_record__of_a_day_asked_for_is_the_last_by_then(opportunities, tmp_path):
    kept = _kept(tmp_path, ["2026-02-09", "2026-03-06", "2026-03-16"])
    assert (
        f"{earlier_record(tables_of(opportunities, kept, since='2026-03-01').inputs):%Y-%m-%d}"
        == "2026-02-09"
    )
    with pytest.raises(NotEnoughHistory, match="no record by Feb 1, 2026; the first one is from Feb 9, 2026"):
        earlier_record(tables_of(opportunities, kept, since="2026-02-01").inputs)


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (["2026-03-05", "2026-03-13", "2026-03-16"], "the nearest is from Mar 13, 2026, and a comparison is possible from Mar 20 on"),
        (["2026-03-16"], "the first record is from Mar 16; a comparison is possible from Mar 20 on"),
        ([], "no record of the pipeline up to this day"),
    ],
)  # fmt: skip
def test_earlier_record__says_when_there_will_be_one(opportunities, tmp_path, days, reason):
    tables = tables_of(opportunities, _kept(tmp_path, days))
    with pytest.raises(NotEnoughHistory, match=reason):
        earlier_record(tables.inputs)
    assert reason in tables.no_changes


def test_earlier_record__reads_nothing_after_its_day(history):
    tables = tables_of(pipeline(LAST_WEEK), history, as_of="2026-03-09")
    assert f"{earlier_record(tables.inputs):%Y-%m-%d}" == "2026-03-01"
    assert len(tables.inputs.records) == 2
