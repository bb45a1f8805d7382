"""Titles of blocks."""

from __future__ import annotations

from opp_analytics.report.cells import say_finding
from tests.plots.tables import TABLES


def test_say_finding__has_no_full_stop():
    assert (
        say_finding(TABLES["stage_flow"])
        == "Proposal loses the most: 50% of the 2 deals that left it moved on"
    )
