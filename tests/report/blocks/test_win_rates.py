"""Win rates by person."""

from __future__ import annotations

from opp_analytics.report.blocks.win_rates import win_rates
from opp_analytics.report.model import Note, Opening
from tests.report.pipelines import pipeline, tables_of
from tests.svg import reading


def test_win_rates__of_everybody_who_closed(opportunities):
    block = win_rates(tables_of(opportunities))
    assert block.title == "No owner’s win rate differs from the overall 50% beyond chance (2 closed deals)"
    (part,) = block.parts
    assert isinstance(part, Opening)
    said = reading.titles(part.rows.html())
    assert [words.partition(",")[0] for words in said] == ["Ann: 100%", "Bo & Co: 0%"]
    behind = [[(deal.name, deal.chance) for deal in deals.deals] for deals in part.deals if deals]
    assert behind == [[("Elder", "won")], [("<script>alert(1)</script>", "lost")]]


def test_win_rates__highlight_who_differs_beyond_chance():
    outcomes = {"Ann": 18, "Bo": 2, "Cy": 10}
    rows = [
        (
            f"{who}{k}",
            "x",
            1.0,
            *(("closed_won", "won") if k < won else ("closed_lost", "lost")),
            "2026-03-02",
            0,
            who,
        )
        for who, won in outcomes.items()
        for k in range(20)
    ]
    block = win_rates(tables_of(pipeline(rows)))
    # Fisher's exact test with Holm's adjustment: 18 and 2 of 20 differ from 12 and 28 of the other 40, 10 does not.
    assert block.title == "Beyond chance: Ann wins 90% and Bo wins 10%, against 50% overall"
    (part,) = block.parts
    assert isinstance(part, Opening)
    assert ["f-hi" in row.picture for row in part.rows.rows] == [True, False, True]


def test_win_rates__of_one_person_compare_with_nobody():
    (won,) = [("a", "A", 1.0, "closed_won", "won", "2026-03-02", 100, "Ann")]
    block = win_rates(tables_of(pipeline([won])))
    assert block.title == "The one deal closed since Apr 1, 2025 was won"


def test_win_rates__of_many_are_those_with_most_closed_deals():
    rows = [(f"{k}", "x", 1.0, "closed_won", "won", "2026-03-02", 100, f"Rep {k:02d}") for k in range(60)]
    block = win_rates(tables_of(pipeline(rows)))
    assert block.sub.endswith("The 12 with most closed deals of 60")


def test_win_rates__of_nothing_closed():
    assert isinstance(win_rates(tables_of(pipeline([]))).parts[0], Note)
