import numpy as np
import pandas as pd
import pytest

from opp_analytics import charts, plots
from opp_analytics.analysis import name_leans, say_lean, sentence
from tests.plots import reading
from tests.plots.tables import TABLES

TABLE = TABLES["call_accuracy"]


def test_call_accuracy__is_the_bias_of_each_caller_blue_beyond_chance():
    ax = plots.call_accuracy(TABLE)
    assert reading.rows(ax) == ["Ann", "Bo"]
    assert reading.texts(ax)[:9] == [
        *("missed by", "the model by", "months"),
        *("20%", "10%", "9"),
        *("10%", "12%", "9"),
    ]
    assert (
        reading.caption(ax)
        == "9 months · as of Mar 31, 2026 · 95% intervals · blue: leans beyond chance"
    )


def test_call_accuracy__of_too_few_periods():
    few = TABLE.iloc[2:]
    few.attrs = TABLE.attrs
    assert "too few periods to say" in reading.texts(plots.call_accuracy(few))
    assert sentence(few) == "Calls can be judged in 2 months: too few to say."


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
            "Bo’s calls (by 2 pts) beat the model; the model beat Ann’s calls (by 10 pts).",
        ),
    ],
)
def test_sentence__of_call_accuracy(changed, said):
    table = TABLE.assign(**changed)
    assert sentence(table) == said


def test_sentence__of_whose_number_says_that_overrides_are_in_it():
    said = (
        "Calls for Ann (overrides included) missed by 20%, 10 pts more than the model (9 months)."
    )
    assert sentence(TABLE.rename_axis("owner_name")) == said


def test_name_leans__counts_those_that_it_does_not_name():
    many = pd.concat([TABLE.iloc[:1]] * 5).set_axis([*"abcde"]).rename_axis("caller")
    lean = "usually 12% high"
    assert name_leans(many) == f"Past calls: a {lean}, b {lean}, c {lean} and 2 more"
    assert name_leans(TABLE.iloc[1:]) == ""


def test_call_accuracy__has_the_lean_in_its_title():
    assert charts.call_accuracy(TABLE).title == "Past calls: Ann usually 12% high."
    assert (
        charts.call_accuracy(TABLE.iloc[1:2]).title
        == "Nobody’s calls lean beyond chance (9 months)."
    )


def test_sentence__of_one_caller_adds_the_lean():
    ann, bo = TABLE.iloc[:1], TABLE.iloc[1:2]
    assert (
        sentence(ann)
        == "Ann’s calls missed by 20%, 10 pts more than the model (9 months); usually 12% high."
    )
    assert sentence(bo) == (
        "Bo’s calls missed by 10%, the model by 12% (9 months): could be luck; no clear lean."
    )
    assert (
        sentence(bo.assign(differs=True))
        == "Bo’s calls beat the model in 5 of 9 months, by 2 pts; no clear lean."
    )


def test_sentence__of_periods_in_which_nothing_was_won():
    figures = ["wape", "bias", "bias_low", "bias_high"]
    assert (
        sentence(TABLE.iloc[:1].assign(**dict.fromkeys(figures, np.nan)))
        == "Nothing was won in the 9 months called."
    )
