"""What to fix first."""

from __future__ import annotations

from opp_analytics.report.blocks.fix import fix
from opp_analytics.report.model import Note, Opening
from tests.report.pipelines import THIS_WEEK, pipeline, tables_of


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
