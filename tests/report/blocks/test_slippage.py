"""What was due and what became of it."""

from __future__ import annotations

from opp_analytics import History
from opp_analytics.report.blocks.slippage import slippage
from opp_analytics.report.model import Note, Opening, Table
from tests.report.pipelines import THIS_WEEK, recorded, tables_of


def test_slippage__opens_each_period_to_its_deals(opportunities, history):
    block = slippage(tables_of(opportunities, history))
    assert block.title == "March: 71% of value due slipped"
    rows, pushed = block.parts
    assert isinstance(rows, Opening)
    assert [(row.label, row.figures) for row in rows.rows.rows] == [("Mar to date", ("170K",))]
    assert rows.deals[0] is not None
    assert [(deal.name, deal.stage, deal.value) for deal in rows.deals[0].deals] == [
        ("Alder", "slipped", "100,000"), ("<script>alert(1)</script>", "lost", "50,000"), ("Damson", "slipped", "20,000"),
    ]  # fmt: skip
    assert isinstance(pushed, Table)
    assert [[cell.text for cell in line.cells] for line in pushed.groups[0].lines] == [
        ["Alder", "2", "17", "120,000"]
    ]


def test_slippage__without_history_is_left_to_the_trend(opportunities):
    assert slippage(tables_of(opportunities)) is None


def test_slippage__of_one_record_says_what_it_cannot_show(opportunities, tmp_path):
    block = slippage(tables_of(opportunities, recorded(History(tmp_path / "h"), {"2026-03-16": THIS_WEEK})))
    assert block is not None
    (note,) = block.parts
    assert isinstance(note, Note)
    assert note.text.startswith("A single record shows no change")
