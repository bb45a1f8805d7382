"""How much rests on commit."""

from __future__ import annotations

from opp_analytics.report.blocks.categories import categories
from opp_analytics.report.model import Note, Opening
from tests.report.pipelines import pipeline, tables_of


def test_categories__open_to_their_deals(opportunities):
    block = categories(tables_of(opportunities))
    assert block.title == "March: 70K closed, 190K with commit, 190K with best case; 0 more in the pipeline"
    (part,) = block.parts
    assert isinstance(part, Opening)
    assert [(row.label, row.figures) for row in part.rows.rows] == [
        ("Closed", ("70K",)), ("Commit", ("120K",)), ("Best case", ("0",)), ("Pipeline", ("0",)),
    ]  # fmt: skip
    behind = [deals and [deal.name for deal in deals.deals] for deals in part.deals]
    assert behind == [["Elder"], ["Alder"], None, None]


def test_categories__against_a_target(opportunities):
    def title(target):
        return categories(tables_of(opportunities, target=target)).title

    assert title(150_000) == "Closed and commit alone reach 190K, 40K past target"
    assert title(190_000) == "Closed and commit alone reach the target of 190K"
    assert title(200_000) == "Closed and commit alone reach 190K, 10K short of target"
    only_closed = pipeline([("e", "Elder", 70_000.0, "closed_won", "won", "2026-03-03", 100, "Ann")])
    assert (
        categories(tables_of(only_closed, target=100_000)).title
        == "Closed alone reaches 70K, 30K short of target"
    )


def test_categories__of_nothing_say_so():
    assert categories(tables_of(pipeline([]))).parts == (Note("Nothing is closed or due in March."),)
