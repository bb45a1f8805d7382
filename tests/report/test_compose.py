"""The blocks of the page and their order."""

from __future__ import annotations

import pytest

from opp_analytics import History
from opp_analytics.errors import ArgumentValueError
from opp_analytics.report.blocks import BLOCKS
from opp_analytics.report.compose import compose
from tests.pipelines import LAST_WEEK, context_of, pipeline


@pytest.mark.slow
def test_compose__has_every_block_in_order(opportunities, history):
    page = compose(context_of(opportunities, history, target=150_000), workbook="week.xlsx")
    # Nobody called.
    assert [block.key for block in page.blocks] == [name for name in BLOCKS if name != "calls"]
    assert page.title == "Weekly forecast, Mar 16, 2026"
    assert page.since == "Mar 9"


def test_compose__takes_a_choice_of_blocks_in_its_order(opportunities):
    page = compose(
        context_of(opportunities),
        workbook="week.xlsx",
        blocks=["data_to_fix", "people"],
        title="Monday",
    )
    assert [block.key for block in page.blocks] == ["data_to_fix", "people"]
    assert page.heading == "Monday"


@pytest.mark.slow
def test_compose__folds_what_is_read_now_and_then_behind_its_finding(opportunities, history):
    context = context_of(opportunities, history, target=150_000)
    page = compose(context, workbook="week.xlsx")
    folded = {
        how: [block.key for block in page.blocks if block.folded == how] for how in ("", "open")
    }
    assert folded == {
        "": ["act_today", "people", "why_it_moved", "trend", "months"],
        # A deal to act on today is among those of its finding.
        "open": ["data_to_fix"],
    }
    chosen = compose(context, workbook="week.xlsx", blocks=["slippage"])
    assert [block.folded for block in chosen.blocks] == [""]


@pytest.mark.slow
def test_compose__has_a_line_of_more_that_opens_to_nothing_say_so():
    page = compose(context_of(pipeline(LAST_WEEK[:1])), workbook="week.xlsx")
    (rates,) = [block for block in page.blocks if block.key == "win_rates"]
    assert (rates.title, rates.parts) == ("No deal was won or lost from Apr 1, 2025 on", ())


def test_compose__names_a_block_that_is_none(opportunities):
    with pytest.raises(ArgumentValueError, match="unknown block 'riks'; use some of act_today"):
        compose(context_of(opportunities), workbook="week.xlsx", blocks=["riks"])


@pytest.mark.slow
def test_compose__warns_of_an_incomplete_load_and_not_of_an_export(opportunities):
    opportunities.attrs["load"] = {"complete": False, "reasons": ["2 rows came twice"]}
    (warning,) = compose(context_of(opportunities), workbook="week.xlsx").warnings
    assert warning.endswith("NOT complete: 2 rows came twice.")
    opportunities.attrs = {}
    assert compose(context_of(opportunities), workbook="week.xlsx").warnings == ()


@pytest.mark.slow
def test_compose__without_a_record_to_compare_with_says_no_difference(opportunities, tmp_path):
    kept = History(tmp_path / "old")
    frame = pipeline(LAST_WEEK)
    frame.attrs = {}
    kept.record(frame, at="2026-02-20T06:00:00Z")
    page = compose(context_of(opportunities, kept, target=150_000), workbook="week.xlsx")
    assert page.since == ""
    assert {block.key: block.title for block in page.blocks}["trend"] == (
        "March’s forecast is 16K above target"
    )
