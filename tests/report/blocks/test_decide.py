"""The deals that decide."""

from __future__ import annotations

from opp_analytics.report.blocks.decide import decide
from opp_analytics.report.model import Note, Table
from tests.report.pipelines import THIS_WEEK, pipeline, tables_of


def learned(opportunities, target):
    """The block as if the chances had been learned."""
    tables = tables_of(opportunities, target=target)
    tables.swings.attrs["method"] = "learned"
    block = decide(tables)
    assert block is not None
    return block


def lines_of(block):
    (table,) = block.parts
    assert isinstance(table, Table)
    return table.groups[0].lines


def test_decide__shows_the_chance_if_lost_and_if_won(opportunities):
    block = learned(opportunities, 150_000)
    assert block.title == "Alder decides the most: March is 100% likely if it is won, 0% if it is lost"
    (line,) = lines_of(block)
    assert (line.cells[0].text, line.cells[0].small, line.cells[1].text) == (
        "Alder",
        "Ann · 120K · 80% · due Mar 27",
        "0% → 100%",
    )


def test_decide__of_a_target_that_is_met_or_far_says_so(opportunities):
    assert learned(opportunities, 60_000).title == "March is at target whatever becomes of the open deals"
    assert learned(opportunities, 900_000).title == "No single deal brings March to its target"


def test_decide__at_stated_chances_says_no_chance_of_the_target(opportunities):
    block = decide(tables_of(opportunities, target=150_000))
    assert block is not None
    assert block.title == "Alder, 120K, is the only open deal due"
    (line,) = lines_of(block)
    assert [cell.text for cell in line.cells] == ["Alder", "96K"]


def test_decide__needs_a_target_and_a_deal(opportunities):
    assert decide(tables_of(opportunities)) is None
    block = decide(tables_of(pipeline(THIS_WEEK[4:5]), target=100_000))
    assert block is not None
    assert isinstance(block.parts[0], Note)
