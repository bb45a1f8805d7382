import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import plots
from opp_analytics.analysis import stage_flow, transitions
from tests.analysis.stages.windows import ALL


def test_transitions__one_row_per_step(history):
    table = transitions(history)
    steps = [
        (deal, None if pd.isna(before) else before, after)
        for deal, before, after in table[["unique_id", "from_stage", "to_stage"]].itertuples(index=False)
    ]
    assert steps == [
        ("walks", None, "discovery"),
        ("falls", None, "proposal"),
        ("goes", None, "qualification"),
        ("jumps", None, "discovery"),
        ("odd", None, "qualification"),
        ("parked", None, "negotiation"),
        ("walks", "discovery", "qualification"),
        ("jumps", "discovery", "negotiation"),
        ("odd", "qualification", "on hold"),
        ("walks", "qualification", "proposal"),
        ("goes", "qualification", "proposal"),
        ("jumps", "negotiation", "qualification"),
        ("walks", "proposal", "closed_won"),
        ("falls", "proposal", "closed_lost"),
        ("odd", "on hold", "qualification"),
    ]
    assert table["from_stage"].dtype == table["to_stage"].dtype
    assert table["to_stage"].cat.categories[-1] == "on hold"


def test_transitions__days_lie_between_their_bounds(history):
    table = transitions(history).set_index(["unique_id", "to_stage"])
    assert table.loc[("walks", "qualification"), ["days_in_stage", "days_low"]].tolist() == [7.0, 0.0]
    assert pd.isna(table.loc[("walks", "qualification"), "days_high"])
    assert table.loc[("falls", "closed_lost"), ["days_in_stage", "days_low", "days_high"]].tolist() == [
        21.0,
        14.0,
        28.0,
    ]
    assert table.loc[("goes", "proposal"), "days_in_stage"] == 14.0
    assert table["days_in_stage"].isna().sum() == 6


def test_transitions__of_nothing():
    with pytest.raises(oa.errors.ArgumentError, match="needs a History"):
        transitions(pd.DataFrame())


def test_stage_moves__drawings(history):
    matrix = plots.transitions(transitions(history))
    assert "proposal (14 d)" in [text.get_text() for text in matrix.get_yticklabels()]
    flow = plots.stage_flow(stage_flow(history, **ALL))
    assert [text.get_text() for text in flow.get_yticklabels()] == [
        "discovery",
        "qualification",
        "proposal",
        "negotiation",
    ]
    assert flow.get_legend() is not None
