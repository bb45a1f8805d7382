"""People on the page: the table, and a card for each."""

from __future__ import annotations

import pandas as pd

from opp_analytics.report.blocks.people import people, to_win
from opp_analytics.report.model import Goals, Note, Table
from tests.pipelines import context_of
from tests.report.reading import list_lines

PERSONAL = pd.DataFrame(
    {"period": "2026-03", "owner_name": ["Ann", "Bo & Co"], "target": [150_000.0, 0.0]}
)


def test_people__show_each_figure_in_full_and_open_to_deals(opportunities, history):
    (table,) = people(context_of(opportunities, history)).parts
    assert isinstance(table, Table)
    heads = [column.title for column in table.columns]
    assert heads == ["Rep", "Closed", "Forecast", "", "Due", "Since Mar 9"]
    assert list_lines(table) == {
        "Ann": ["70,000", "166,000", "120,000", "16,000"],
        "Bo & Co": ["0", "0", "0", "20,000"],
        "(none)": ["0", "0", "0", "10,000"],
        "All": ["70,000", "166,000", "120,000", "14,000"],
    }
    opened = table.groups[0].lines[0].opens
    assert opened is not None
    assert [(deal.name, deal.stated, deal.amounts) for deal in opened.deals] == [
        ("Alder", "80%", ("120,000", "96,000")),
        ("Elder", "won", ("70,000", "70,000")),
    ]
    # What the stated method expects of deals that are not due is nothing.
    assert opened.sums == (("Forecast", "166,000"),)


def test_to_win__is_a_card_for_each_person(opportunities):
    (part,) = to_win(context_of(opportunities, target=PERSONAL)).parts
    assert isinstance(part, Goals)
    ann, *_ = part.goals
    assert (ann.name, ann.state, ann.advice) == (
        "Ann",
        "70K of 150K · 80% as stated",
        "You have 80K to go; this one deal covers it.",
    )
    (task,) = ann.tasks
    assert (task.name.text, task.value, task.stated, task.history, task.todo) == (
        *("Alder", "120,000", "80%", "", "Negotiation, due Mar 27"),
    )


def test_to_win__without_targets_is_a_note(opportunities):
    (note,) = to_win(context_of(opportunities, target=150_000)).parts
    assert isinstance(note, Note)
    assert note.text.endswith("[targets] in the org file.")
