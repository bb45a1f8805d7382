"""The pipeline on the page: created, funnel, slippage, win rates."""

from __future__ import annotations

from opp_analytics import History
from opp_analytics.report.blocks.pipeline import created, created_by, funnel, slippage, win_rates
from opp_analytics.report.model import Note, Opening, Table
from tests.pipelines import THIS_WEEK, close, context_of, pipeline, recorded


def test_created__without_history_is_left_to_the_trend(opportunities):
    assert created(context_of(opportunities)) is None
    assert created_by(context_of(opportunities)) is None


def test_funnel__without_history_is_what_is_open_by_stage(opportunities):
    block = funnel(context_of(opportunities))
    assert block.title == "Of 180K in the open pipeline, 67% is in Negotiation"
    (rows,) = block.parts
    assert isinstance(rows, Opening)
    assert [(row.label, row.figures) for row in rows.rows.rows][::3] == [
        ("Discovery", ("40K",)),
        ("Negotiation", ("120K",)),
    ]
    assert rows.deals[0] is not None
    assert [deal.name for deal in rows.deals[0].deals] == ["Cedar", "Fir"]


def test_funnel__with_history_opens_to_what_became_of_the_entries(opportunities, history):
    block = funnel(context_of(opportunities, history))
    assert block.sub == "Deals that entered each stage from Mar 1 on, and where they are now"
    (rows,) = block.parts
    assert isinstance(rows, Opening)
    assert rows.deals[0] is not None
    assert [(deal.name, deal.stage, deal.stated) for deal in rows.deals[0].deals] == [
        ("Fir", "Open", "")
    ]


def test_slippage__opens_each_period_to_its_deals(opportunities, history):
    block = slippage(context_of(opportunities, history))
    assert block.title == "3 deals were due in March so far: too few to say"
    rows, pushed = block.parts
    assert isinstance(rows, Opening)
    assert [(row.label, row.figures) for row in rows.rows.rows] == [("Mar to date", ("170K",))]
    assert rows.deals[0] is not None
    assert [(deal.name, deal.stage, deal.amounts[-1]) for deal in rows.deals[0].deals] == [
        ("Alder", "Slipped", "100,000"),
        ("<script>alert(1)</script>", "Lost", "50,000"),
        ("Damson", "Slipped", "20,000"),
    ]
    assert isinstance(pushed, Table)
    assert [[cell.text for cell in line.cells] for line in pushed.groups[0].lines] == [
        ["Alder", "2", "17", "120,000"]
    ]


def test_slippage__without_history_is_left_to_the_trend(opportunities):
    assert slippage(context_of(opportunities)) is None


def test_slippage__of_one_record_says_what_it_cannot_show(opportunities, tmp_path):
    block = slippage(
        context_of(opportunities, recorded(History(tmp_path / "h"), {"2026-03-16": THIS_WEEK}))
    )
    assert block is not None
    (note,) = block.parts
    assert isinstance(note, Note)
    assert note.text.startswith("A single record shows no change")


def test_win_rates__highlight_who_differs_beyond_chance():
    block = win_rates(context_of(pipeline(close({"Ann": 18, "Bo": 2, "Cy": 10}))))
    assert block.sub == (
        "Won ÷ (won + lost) from Apr 1, 2025 on, 95% interval. Vertical line: all, 50%. Blue: "
        "differs from the others beyond chance"
    )
    (part,) = block.parts
    assert isinstance(part, Opening)
    assert ["f-hi" in row.picture for row in part.rows.rows] == [True, False, True]


def test_win_rates__of_many_are_those_with_most_closed_deals():
    rows = [
        (f"{k}", "x", 1.0, "closed_won", "won", "2026-03-02", 100, f"Rep {k:02d}")
        for k in range(60)
    ]
    block = win_rates(context_of(pipeline(rows)))
    assert block.sub.endswith("The 12 with most closed deals of 60")
