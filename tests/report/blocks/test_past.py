"""Whether past ranges held."""

from __future__ import annotations

import pytest

from opp_analytics import History
from opp_analytics.report.blocks.past import past
from opp_analytics.report.model import Note, Opening
from tests.report.pipelines import pipeline, recorded, tables_of

JANUARY = ("j", "January", 100_000.0, "proposal", "active", "2026-01-30", 50, "Ann")
FEBRUARY = ("f", "February", 100_000.0, "proposal", "active", "2026-02-26", 50, "Ann")
LOST = (*JANUARY[:3], "closed_lost", "lost", *JANUARY[5:])
WON = (*FEBRUARY[:2], 200_000.0, "closed_won", "won", *FEBRUARY[5:])


@pytest.fixture
def three_months(tmp_path):
    """Of two even chances of 100,000, January's is lost, February's brings twice as much."""
    return recorded(
        History(tmp_path / "three"),
        {
            "2026-01-16": [JANUARY],
            "2026-02-02": [LOST],
            "2026-02-16": [LOST, FEBRUARY],
            "2026-03-02": [LOST, WON],
        },
    )


def test_past__says_how_often_ranges_held_and_how_far_off(three_months):
    block = past(tables_of(pipeline([LOST, WON]), three_months))
    assert block.title == "Past ranges held in 1 of 2 months; forecasts ran 50% low"
    (part,) = block.parts
    assert isinstance(part, Opening)
    february, january = part.deals
    # The latest period is first; in January nothing closed.
    assert january is None
    assert february is not None
    assert [(deal.name, deal.value) for deal in february.deals] == [("February", "200,000")]


def test_past__without_an_ended_period_says_from_when(opportunities, history):
    block = past(tables_of(opportunities, history))
    assert block.parts == (
        Note("No month has ended since the records began. Once one has, this shows whether its range held."),
    )


def test_past__records_that_cannot_be_used_are_said(tmp_path):
    odd = (*FEBRUARY[:6], 150, "Ann")
    kept = recorded(History(tmp_path / "odd"), {"2026-02-16": [odd], "2026-03-02": [FEBRUARY]})
    (note,) = past(tables_of(pipeline([FEBRUARY]), kept)).parts
    assert isinstance(note, Note)
    assert "150" in note.text
