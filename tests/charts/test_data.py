"""Words that charts share, and what a preparation may read from a table's note."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pandas as pd
import pytest

from opp_analytics import charts
from opp_analytics.charts.data import name_periods, write_caption
from opp_analytics.note import TableNote

MODULES = sorted(Path(inspect.getfile(charts)).parent.glob("*.py"))


def test_shorten__keeps_both_ends():
    assert charts.shorten("Northwind Traders (Berlin branch)", 21) == "Northwind T…n branch)"
    assert len(charts.shorten("x" * 100, 30)) == 30


def test_write_caption__says_only_what_it_knows():
    assert write_caption(pd.DataFrame()) == ""
    assert write_caption(pd.DataFrame(), "3 deals", "95% intervals") == "3 deals · 95% intervals"


def test_write_caption__names_the_records_compared_and_the_days_due():
    note = TableNote(
        "waterfall",
        "2026-03-31",
        opening_at="2026-02-28T09:00:00+00:00",
        closing_at="2026-03-31T09:00:00+00:00",
    )
    table = note.write(pd.DataFrame())
    assert write_caption(table, "5 deals") == "5 deals · Feb 28 to Mar 31, 2026"
    note = note.change(tz="Pacific/Auckland")
    note.write(table)
    assert write_caption(table) == "Feb 28 to Mar 31, 2026"
    note = note.change(opening_at="2026-02-28T12:00:00+00:00")
    note.write(table)
    assert write_caption(table) == "Mar 1 to Mar 31, 2026"
    note.change(due=["2026-04-01", "2026-06-30"]).write(table)
    assert write_caption(table) == "Mar 1 to Mar 31, 2026 · due Apr 1 to Jun 30, 2026"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_charts__read_of_a_note_only_what_every_row_shares(path):
    tree = ast.parse(path.read_text())
    read = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not [
        name for name in read if re.fullmatch(r"note\.figures|.*TableNote.*\.figures", name)
    ]
    # Copies from table to table are not read.
    assert {name for name in read if name.endswith(".attrs")} <= {"table.attrs", "periods.attrs"}


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
