"""Words that charts share, and what a preparation may read from a table's attrs."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pandas as pd
import pytest

from opp_analytics import charts
from opp_analytics.charts.data import name_periods, write_caption

MODULES = sorted(Path(inspect.getfile(charts)).parent.glob("*.py"))
ALLOWED = {
    "org",
    "as_of",
    "freq",
    "tz",
    "method",
    "confidence",
    "opening_at",
    "closing_at",
    "due",
    "age_days",
    "lead",
}
"""What a chart may read from attrs: nothing that a filter or a concat could make wrong."""


def test_shorten__keeps_both_ends():
    assert charts.shorten("Northwind Traders (Berlin branch)", 21) == "Northwind T…n branch)"
    assert len(charts.shorten("x" * 100, 30)) == 30


def test_write_caption__says_only_what_it_knows():
    assert write_caption(pd.DataFrame()) == ""
    assert write_caption(pd.DataFrame(), "3 deals", "95% intervals") == "3 deals · 95% intervals"


def test_write_caption__names_the_records_compared_and_the_days_due():
    table = pd.DataFrame()
    table.attrs.update(
        as_of="2026-03-31",
        opening_at="2026-02-28T09:00:00+00:00",
        closing_at="2026-03-31T09:00:00+00:00",
    )
    assert write_caption(table, "5 deals") == "5 deals · Feb 28 to Mar 31, 2026"
    table.attrs["tz"] = "Pacific/Auckland"
    assert write_caption(table) == "Feb 28 to Mar 31, 2026"
    table.attrs["opening_at"] = "2026-02-28T12:00:00+00:00"
    assert write_caption(table) == "Mar 1 to Mar 31, 2026"
    table.attrs["due"] = ["2026-04-01", "2026-06-30"]
    assert write_caption(table) == "Mar 1 to Mar 31, 2026 · due Apr 1 to Jun 30, 2026"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_charts__read_from_attrs_only_what_every_row_shares(path):
    nodes = list(ast.walk(ast.parse(path.read_text())))
    read = [
        node.args[0]
        for node in nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".attrs.get")
    ]
    read += [
        node.slice
        for node in nodes
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith(".attrs")
    ]
    assert {key.value for key in read if isinstance(key, ast.Constant)} <= ALLOWED
    # One end of a change is dated by its own name: opening_at, then_at.
    assert {ast.unparse(key) for key in read if not isinstance(key, ast.Constant)} <= {
        "f'{name}_at'"
    }


def test_shorten__keeps_a_short_last_key_whole():
    assert (
        charts.shorten("A very long company name, Inc. of Springfield", 20)
        == "A very lon…ringfield"
    )
    assert (
        charts.shorten("A very long company name, Inc. · discovery", 24)
        == "A very… Inc. · discovery"
    )


def test_name_periods__marks_a_running_one_with_a_star():
    table = pd.DataFrame({"to_date": [False, True]}, index=["2026-03-02/2026-03-08", "2026-04"])
    assert name_periods(table) == ["Mar\xa02, 2026", "Apr 2026*"]


def test_choose_ticks__are_round():
    assert charts.choose_ticks(560_000) == [0.0, 200_000.0, 400_000.0]
    assert charts.choose_ticks(0.7) == [0.0, 0.2, 0.4, 0.6]
