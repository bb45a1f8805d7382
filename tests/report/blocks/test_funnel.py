"""Where deals end; without records, where they are."""

from __future__ import annotations

from opp_analytics.report.blocks.funnel import funnel
from opp_analytics.report.model import Note, Opening
from tests.report.pipelines import THIS_WEEK, pipeline, tables_of


def test_funnel__without_history_is_what_is_open_by_stage(opportunities):
    block = funnel(tables_of(opportunities))
    assert block.title == "The largest share of open value, 67%, is in negotiation"
    (rows,) = block.parts
    assert isinstance(rows, Opening)
    assert [(row.label, row.figures) for row in rows.rows.rows][::3] == [
        ("Discovery", ("40K",)),
        ("Negotiation", ("120K",)),
    ]
    assert rows.deals[0] is not None
    assert [deal.name for deal in rows.deals[0].deals] == ["Cedar", "Fir"]


def test_funnel__with_history_is_the_flow_of_its_weeks(opportunities, history):
    assert funnel(tables_of(opportunities, history)).sub.startswith("Deals that entered each stage since ")


def test_funnel__without_an_open_deal():
    assert isinstance(funnel(tables_of(pipeline(THIS_WEEK[4:5]))).parts[0], Note)
