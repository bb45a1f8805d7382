import pandas as pd
import pytest

from opp_analytics import plots
from opp_analytics.analysis import sentence
from tests.plots import reading
from tests.plots.tables import TABLES

TABLE = TABLES["forecast_value_added"]


def test_forecast_value_added__is_the_error_over_the_models_the_smallest_first():
    ax = plots.forecast_value_added(TABLE)
    assert reading.rows(ax) == [
        "Blend of model and calls",
        "Reps’ calls",
        "Calls with overrides",
        "Model",
        "Weighted pipeline",
        "Last month’s number",
    ]
    assert reading.texts(ax)[:9] == [
        *("missed by", "bias", "better in"),
        *("8%", "0%", "8 of 9"),
        *("9%", "+2%", "7 of 9"),
    ]


def test_forecast_value_added__by_group_shows_the_calls():
    both = pd.concat({"East": TABLE, "West": TABLE}, names=["team"])
    both.attrs = TABLE.attrs
    assert reading.rows(plots.forecast_value_added(both)) == [
        *("East · reps’ calls", "West · reps’ calls"),
        *("East · calls with overrides", "West · calls with overrides"),
    ]
    assert sentence(both) == "East’s calls (by 6 pts) and West’s calls (by 6 pts) beat the model."


def test_forecast_value_added__without_calls_that_can_be_judged():
    figures = TABLE.columns.drop(["n", "differs"])
    few = TABLE.astype({"n": "float64"})
    few.loc[["reps", "manager", "blend"], figures] = float("nan")
    few.loc["reps":"blend", "n"] = 2
    few.attrs = TABLE.attrs
    assert "too few periods to say" in reading.texts(plots.forecast_value_added(few))
    assert sentence(few) == "Calls can be judged in 2 months: too few to say."


@pytest.mark.parametrize(
    ("p", "manager", "blend", "said"),
    [
        (
            0.005,
            0.13,
            True,
            "; the override cost 4 pts; the blend of model and calls missed least, by 8%.",
        ),
        (0.01, 0.13, False, "; the override cost 4 pts, which could be luck."),
        (0.3, 0.13, False, "; the override cost 4 pts, which could be luck."),
        (0.005, 0.07, False, "; the override saved 2 pts."),
        (0.005, 0.091, False, "; the override changed little."),
    ],
)
def test_sentence__of_forecast_value_added(p, manager, blend, said):
    table = TABLE.copy()
    table.loc["manager", "wape"] = manager
    table.loc["blend", "differs"] = blend
    table.attrs = {**TABLE.attrs, "override": {"": p}}
    assert sentence(table) == f"The reps’ calls beat the model in 7 of 9 months, by 6 pts{said}"


def test_sentence__of_few_calls_says_how_many_are_calls():
    table = TABLE.copy()
    table.attrs = {**TABLE.attrs, "called": {"": 1 / 7}}
    assert "; 14% of people’s numbers are calls, the others the weighted pipeline" in sentence(
        table
    )
