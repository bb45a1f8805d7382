"""The first words and figures, in every state of a period."""

from __future__ import annotations

import pandas as pd
import pytest

from opp_analytics.report.blocks.headline import headline, second_sentence, tiles
from tests.report.pipelines import THIS_WEEK, pipeline, tables_of

ALDER, LOST, CEDAR, DAMSON, ELDER, FIR = THIS_WEEK


@pytest.mark.parametrize(
    ("rows", "target", "words"),
    [
        (THIS_WEEK, 150_000, "March: 70K closed, forecast 166K vs. 150K target. 80K to go, covered 1.5× by one open deal."),
        (THIS_WEEK, None, "March: 70K closed, forecast 166K (70K–190K), one open deal due."),
        (THIS_WEEK, 60_000, "March: 70K closed, 10K past the 60K target; 120K more is due."),
        ([ELDER], 70_000, "March: 70K closed, exactly the 70K target; no more deals due."),
        ([ALDER], None, "March: nothing closed, one deal of 120K due, 80% likely to close."),
        ([ELDER, DAMSON], 90_000, "March: 70K closed, 20K to go and no open deals due. 20K is past its close date: re-date it first."),
        ([CEDAR], 1_000, "March: nothing closed, 1K to go and no open deals due."),
        ([CEDAR], None, "March: nothing closed and no open deals due."),
        ([], None, "March: nothing closed and no open deals due."),
    ],
)  # fmt: skip
def test_headline__says_what_is_closed_likely_and_left(rows, target, words):
    assert headline(tables_of(pipeline(rows), target=target)) == words


def test_headline__names_a_fiscal_quarter(opportunities):
    assert headline(tables_of(opportunities, freq="Q-JAN", target=1e5)).startswith("FY27 Q1: 70K closed")


def _said(tables):
    return {
        tile.name: (tile.figure, tile.change and (tile.change.sign, tile.change.text), tile.note)
        for tile in tiles(tables)
    }


def test_tiles__count_changes_from_a_week_before(opportunities, history):
    assert _said(tables_of(opportunities, history, target=150_000)) == {
        "Closed won": ("70K", (0, "no change"), "1 deal, 47% of target"),
        # Last week: 70K and 80% of 100K and 40% of nothing, since Birch's date had not passed yet: 50K at 40%.
        "Forecast": ("166K", (-1, "14K"), "one deal: all or nothing"),
        "Coverage": ("1.5×", (-1, "0.6×"), "120K due, 80K to go"),
    }


def test_tiles__without_history_show_no_change(opportunities):
    assert {tile.change for tile in tiles(tables_of(opportunities, target=150_000))} == {None}


def test_tiles__without_a_target_say_what_is_due(opportunities):
    assert _said(tables_of(opportunities))["Open and due"] == ("120K", None, "1 open deal")


def test_tiles__of_a_forecast_outside_its_range_say_what_is_likely():
    rare = [
        (*ALDER[:6], 5, *ALDER[7:]),
        ("rare", "Rare", 300_000.0, "proposal", "active", "2026-03-28", 5, "Ann"),
    ]
    assert _said(tables_of(pipeline(rare)))["Forecast"] == ("21K", None, "most likely nothing more")


def test_second_sentence__of_equal_gaps_singles_nobody_out():
    target = pd.DataFrame({"owner_name": ["Ann", "Bo & Co", "Cy"], "period": "2026-04", "target": 50_000.0})
    tables = tables_of(pipeline(THIS_WEEK), target=target, as_of="2026-04-02")
    assert second_sentence(tables) == "Three are 50K short each."


def test_tiles__nothing_due_is_a_dash_and_never_zero():
    said = _said(tables_of(pipeline([ELDER, CEDAR]), target=90_000))
    assert said["Coverage"] == ("–", None, "none due, 20K to go")
    assert said["Forecast"][2] == "no open deals due"
    assert _said(tables_of(pipeline([ELDER])))["Open and due"] == ("–", None, "none due")


def test_tiles__a_target_that_is_met(opportunities):
    assert _said(tables_of(opportunities, target=60_000))["Coverage"] == ("met", None, "120K due")


def test_second_sentence__is_empty_without_targets_of_people(opportunities):
    assert second_sentence(tables_of(opportunities, target=150_000)) == ""
