"""Call sheets on the page."""

from __future__ import annotations

from opp_analytics.report.blocks.calls import calls
from opp_analytics.report.model import Note
from tests.report.pipelines import tables_of


def test_calls__without_targets_of_people_say_how_to_get_them(opportunities):
    (note,) = calls(tables_of(opportunities, target=150_000)).parts
    assert isinstance(note, Note)
    assert "[targets] in the org file" in note.text
