import pandas as pd
import pytest

from opp_analytics import org
from opp_analytics.analysis import transition_matrix, transitions

# One of the deals is without a stage for a week.
pytestmark = pytest.mark.filterwarnings("ignore:unknown stages")


def test_transitions__one_row_per_step(history):
    table = transitions(history)
    steps = [
        (deal, None if pd.isna(before) else before, after)
        for deal, before, after in table[["unique_id", "from_stage", "to_stage"]].itertuples(
            index=False
        )
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
    table = transitions(history)
    steps = table.groupby(["unique_id", "to_stage"], observed=True)[
        ["days_in_stage", "days_low", "days_high"]
    ]
    days = steps.first()
    assert days.loc[("walks", "qualification")].fillna(-1.0).tolist() == [7.0, 0.0, -1.0]
    assert days.loc[("falls", "closed_lost")].tolist() == [21.0, 14.0, 28.0]
    assert days.loc[("goes", "proposal"), "days_in_stage"] == 14.0
    assert table["days_in_stage"].isna().sum() == 6


def test_transition_matrix__counts_the_steps_of_the_rows_given(history):
    table = transitions(history)
    matrix = transition_matrix(table)
    assert matrix.index.tolist() == [
        "discovery",
        "qualification",
        "proposal",
        "negotiation",
        "on hold",
    ]
    assert matrix.columns.tolist() == [*org.STAGES.names, "on hold"]
    assert matrix.loc["qualification"].to_dict() == {
        "discovery": 0,
        "qualification": 0,
        "proposal": 2,
        "negotiation": 0,
        "closed_won": 0,
        "closed_lost": 0,
        "on hold": 1,
    }
    assert (matrix.dtypes == "int64").all()
    assert matrix.to_numpy().sum() == table["from_stage"].notna().sum() == 9
    falls = transition_matrix(table[table["unique_id"] == "falls"])
    assert falls.to_dict() == {"proposal": {"proposal": 0}, "closed_lost": {"proposal": 1}}
