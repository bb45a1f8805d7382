"""A history begun from an import and carried on by records that know more."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.answers.forecasts import find_earlier_record
from opp_analytics.errors import NotEnoughHistory
from tests.pipelines import context_of

LOG = pd.DataFrame(
    {
        "unique_id": ["a", "b", "a"],
        "changed_at": ["2026-01-05", "2026-01-05", "2026-01-12"],
        "field": "stage",
        "new_value": ["discovery", "discovery", "proposal"],
    }
)
NOW = pd.DataFrame(
    {
        "unique_id": ["a", "b"],
        "stage": ["proposal", "discovery"],
        "value": [10.0, 20.0],
        "close_date": ["2026-02-20", "2026-02-25"],
    }
)


@pytest.fixture
def history(tmp_path: Path) -> oa.History:
    """Stages since January 5 from an import, values and dates since February 1 from records."""
    history = oa.History.from_changes(LOG, path=tmp_path / "history")
    history.record(NOW, at="2026-02-01")
    history.record(NOW.assign(value=[15.0, 20.0]), at="2026-02-08")
    return history


def test_begins__is_the_first_record_with_each_column(history: oa.History) -> None:
    begins = history.begins.dt.strftime("%m-%d").to_dict()
    assert begins == {
        "unique_id": "01-05",
        "stage": "01-05",
        "value": "02-01",
        "close_date": "02-01",
    }
    assert history.where(stage="proposal").begins.equals(history.begins)
    assert oa.History.from_table(history.table).begins.empty


def test_record__after_an_import_keeps_the_ids_and_stages(history: oa.History) -> None:
    assert history.records["new"].tolist() == [2, 0, 0, 0]
    moves = oa.transitions(history).dropna(subset="from_stage")
    assert moves[["unique_id", "to_stage"]].to_numpy().tolist() == [["a", "proposal"]]
    assert history.as_of("2026-01-12").columns.tolist() == ["unique_id", "stage"]


def test_analyses__say_from_when_a_column_is_known(history: oa.History) -> None:
    for ask in (oa.waterfall, oa.slippage, oa.movements):
        with pytest.raises(
            NotEnoughHistory, match="(value|close_date) begins with the record of 2026-02-01"
        ):
            ask(history, start="2026-01-05", end="2026-02-08")
    waterfall = oa.waterfall(history, start="2026-02-01", end="2026-02-08")
    assert waterfall.loc["value_up", "value"] == 5
    flow = oa.stage_flow(history, start="2026-01-05", end="2026-02-08")
    assert flow.loc["proposal", "entries"] == 1


def test_page__compares_with_no_record_before_there_are_close_dates(history: oa.History) -> None:
    context = context_of(history.as_of("2026-02-09"), history, as_of="2026-02-01")
    with pytest.raises(NotEnoughHistory, match="the first record is from Feb 1; a comparison"):
        find_earlier_record(context)
    answer = oa.ask("slippage", NOW, history, as_of="2026-02-01")
    assert answer.sentence == "Nothing was due, as far as recorded."


def test_analyses__begin_where_all_columns_do(history: oa.History) -> None:
    assert oa.close_date_moves(history).loc["a", "first_close_date"] == pd.Timestamp("2026-02-20")
