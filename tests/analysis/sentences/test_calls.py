"""Sentences of calls: which way people lean, and whose number is better."""

import pandas as pd
import pytest

from opp_analytics.analysis import describe_leans, say_lean, sentence
from opp_analytics.note import note_of
from tests.plots.tables import TABLES

TABLE, SOURCES = TABLES["call_accuracy"], TABLES["forecast_value_added"]


def test_sentence__of_too_few_periods():
    few = TABLE.iloc[2:]
    few.attrs = TABLE.attrs
    assert sentence(few) == "Calls can be judged in 2 months: too few to say."


def test_sentence__of_the_calls_of_groups():
    both = pd.concat({"East": SOURCES, "West": SOURCES}, names=["team"])
    both.attrs = SOURCES.attrs
    assert (
        sentence(both)
        == "East’s calls beat the model by 6 pts and West’s calls beat the model by 6 pts."
    )


def test_say_lean__needs_an_interval_without_0():
    assert [say_lean(row) for _, row in TABLE.iterrows()] == [
        "usually 12% high",
        "no clear lean",
        "too few to say",
    ]
    low = TABLE.iloc[0].copy()
    low[["bias", "bias_low", "bias_high"]] = -0.12, -0.2, -0.01
    assert say_lean(low) == "usually 12% low"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "Ann’s calls missed by 20%, 10 pts more than the model (9 months)."),
        ({"differs": False}, "Nobody’s calls differ from the model beyond chance (9 months)."),
        (
            {"differs": True},
            "Ann’s calls trailed the model by 10 pts and Bo’s calls beat the model by 2 pts.",
        ),
    ],
)
def test_sentence__of_call_accuracy(changed, said):
    table = TABLE.assign(**changed)
    assert sentence(table) == said


def test_describe_leans__counts_the_periods_where_nobody_leans():
    assert describe_leans(TABLE) == "Past calls: Ann usually 12% high"
    assert describe_leans(TABLE.iloc[1:2]) == "Nobody’s calls lean beyond chance (9 months)"


@pytest.mark.parametrize(
    ("p", "manager", "blend", "said"),
    [
        (
            0.005,
            0.13,
            True,
            "; the override cost 4 pts; the blend of model and calls missed least, by 8%.",
        ),
        (0.01, 0.13, False, "."),
        (0.3, 0.13, False, "."),
        (0.005, 0.07, False, "; the override saved 2 pts."),
    ],
)
def test_sentence__of_forecast_value_added(p, manager, blend, said):
    table = SOURCES.copy()
    table.loc["manager", "wape"] = manager
    table.loc["blend", "differs"] = blend
    note_of(SOURCES).change(override={"": p}).write(table)
    assert sentence(table) == f"The reps’ calls beat the model in 7 of 9 months, by 6 pts{said}"


def test_sentence__of_few_calls_says_how_many_are_calls():
    table = SOURCES.copy()
    note_of(SOURCES).change(called={"": 1 / 7}).write(table)
    assert "; 14% of people’s numbers are calls, the others the weighted pipeline" in sentence(
        table
    )
