"""Deals to question, and data to fix."""

from __future__ import annotations

from opp_analytics.report.blocks.quality import fix, risk
from opp_analytics.report.model import Note, Opening, Table
from tests.report.pipelines import THIS_WEEK, pipeline, tables_of


def test_risk__gives_the_reasons_of_each_deal_in_words(opportunities, history):
    block = risk(tables_of(opportunities, history))
    assert (
        block.title
        == "The deal due in March shows a warning sign; one more, worth 20K, is past the close date"
    )
    assert block.sub == "3 of 4 open deals have a flag, 150K of 180K. The largest first"
    (table,) = block.parts
    assert isinstance(table, Table)
    assert [[(cell.lead + cell.text) for cell in line.cells] for line in table.groups[0].lines] == [
        ["Alder", "Ann", "negotiation", "120,000", "80%", "–", "Mar 27", "Pushed twice, 17 days in all."],
        ["Damson", "(none)", "proposal", "20,000", "50%", "–", "Mar 13", "3 days overdue."],
        ["Fir", "Ann", "discovery", "10,000", "10%", "–", "–", "No close date."],
    ]


def test_risk__without_a_flag_or_an_open_deal_says_so():
    assert risk(tables_of(pipeline(THIS_WEEK[2:3]))).parts == (
        Note("The one open deal shows no warning sign."),
    )
    assert risk(tables_of(pipeline([]))).parts == (Note("No deal is open."),)


def test_fix__ranks_by_money_and_opens_to_deals(opportunities):
    block = fix(tables_of(opportunities))
    assert block.title == "Fix first: overdue, 20K in 1 deal"
    (rows,) = block.parts
    assert isinstance(rows, Opening)
    assert rows.rows.rows[0].figures == ("20K",)
    assert rows.deals[0] is not None
    assert [deal.name for deal in rows.deals[0].deals] == ["Damson"]


def test_fix__of_clean_data_says_how_much_was_checked():
    (note,) = fix(tables_of(pipeline(THIS_WEEK[4:5]))).parts
    assert note == Note("The audit found nothing to fix in 1 deal.")
