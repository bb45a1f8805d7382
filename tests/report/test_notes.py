"""Notes on the numbers."""

from __future__ import annotations

from opp_analytics.report.model import Terms
from opp_analytics.report.notes import certificate, notes
from tests.pipelines import context_of


def _remarks(context):
    trust = notes(context).parts[1]
    assert isinstance(trust, Terms)
    return trust.remarks


def test_notes__say_what_is_not_counted_and_what_the_records_cover(opportunities, history):
    remarks = _remarks(context_of(opportunities, history))
    assert remarks[0] == (
        "Open pipeline is 180K. 20K is past its close date and 10K has no close date, due in no "
        "period."
    )
    assert (
        remarks[1]
        == "Loaded Mar 16, 2026, 06:00 UTC from https://crm.example: 6 opportunities; complete."
    )
    assert remarks[2].startswith("3 records, usually 8 days apart, from Mar 1 to Mar 16.")


def test_notes__without_records_say_what_is_not_known(opportunities):
    assert (
        "No record of the pipeline: changes, slippage and past ranges are not known."
        in _remarks(context_of(opportunities))
    )


def test_certificate__of_an_incomplete_load_is_an_alarm(opportunities):
    opportunities.attrs["load"] |= {"complete": False, "reasons": ["2 rows came twice"]}
    assert certificate(context_of(opportunities)) == (
        (
            "Loaded Mar 16, 2026, 06:00 UTC from https://crm.example: 6 opportunities; NOT "
            "complete: 2 rows came twice."
        ),
        True,
    )


def test_certificate__of_a_load_with_an_unreadable_cell_is_an_alarm(opportunities):
    opportunities.attrs["load"] |= {"unreadable": 1, "unreadable_cells": "value of 'a'"}
    assert certificate(context_of(opportunities)) == (
        (
            "Loaded Mar 16, 2026, 06:00 UTC from https://crm.example: 6 opportunities, without "
            "value of 'a', which can't be read."
        ),
        True,
    )


def test_certificate__of_an_export_says_plainly_that_there_is_none(opportunities):
    opportunities.attrs = {}
    assert certificate(context_of(opportunities)) == (
        (
            "6 opportunities, from an export or another file: unlike a load from the API, nothing "
            "shows whether these are all."
        ),
        False,
    )


def test_certificate__of_an_export_with_unreadable_cells_warns_of_these_alone(opportunities):
    opportunities.attrs = {"unreadable": ["row 2: Amount='TBD'"]}
    assert certificate(context_of(opportunities)) == (
        (
            "6 opportunities, from an export or another file; cells that can't be read are blank: "
            "row 2: Amount='TBD'."
        ),
        True,
    )


def test_certificate__of_a_past_record(history):
    then = history.as_of("2026-03-09T12:00:00Z")
    context = context_of(then, history, as_of="2026-03-09")
    assert certificate(context) == (
        "As recorded at Mar 9, 2026, 06:00 UTC: 5 opportunities.",
        False,
    )
