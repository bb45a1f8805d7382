"""Definitions, and how far to trust the page."""

from __future__ import annotations

from opp_analytics.report.blocks.notes import certificate, notes
from opp_analytics.report.model import Terms
from tests.report.pipelines import tables_of


def _remarks(tables):
    trust = notes(tables).parts[1]
    assert isinstance(trust, Terms)
    return trust.remarks


def test_notes__say_what_is_not_counted_and_what_the_records_cover(opportunities, history):
    remarks = _remarks(tables_of(opportunities, history))
    assert (
        remarks[0]
        == "Open pipeline is 180K. 20K is past its close date and 10K has no close date, so neither is due in any period."
    )
    assert remarks[1] == "Loaded 2026-03-16 06:00 UTC from https://crm.example: 6 opportunities; complete."
    assert remarks[2].startswith("3 records, usually 8 days apart, from Mar 1 to Mar 16.")


def test_notes__without_records_say_what_is_not_known(opportunities):
    assert "No record of the pipeline: changes, slippage and past ranges are not known." in _remarks(
        tables_of(opportunities)
    )


def test_certificate__of_an_incomplete_load_is_an_alarm(opportunities):
    opportunities.attrs["load"] |= {"complete": False, "reasons": ["2 rows came twice"]}
    assert certificate(tables_of(opportunities)) == (
        "Loaded 2026-03-16 06:00 UTC from https://crm.example: 6 opportunities; NOT complete: 2 rows came twice.", True,
    )  # fmt: skip


def test_certificate__of_a_load_with_an_unreadable_cell_is_an_alarm(opportunities):
    opportunities.attrs["load"] |= {"unreadable": 1, "unreadable_cells": "value of 'a'"}
    assert certificate(tables_of(opportunities)) == (
        "Loaded 2026-03-16 06:00 UTC from https://crm.example: 6 opportunities, without value of 'a', which can't be read.",
        True,
    )


def test_certificate__of_an_export_says_plainly_that_there_is_none(opportunities):
    opportunities.attrs = {}
    assert certificate(tables_of(opportunities)) == (
        "6 opportunities, from an export or another file: unlike a load from the API, nothing shows whether these are all.",
        False,
    )


def test_certificate__of_a_past_record(history):
    then = history.as_of("2026-03-09T12:00:00Z")
    tables = tables_of(then, history, as_of="2026-03-09")
    assert certificate(tables) == ("As recorded at 2026-03-09 06:00 UTC: 5 opportunities.", False)
