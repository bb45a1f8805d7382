"""Titles of blocks."""

from __future__ import annotations

from opp_analytics.report.finding import finding
from tests.plots.tables import TABLES


def test_finding__has_no_full_stop():
    assert (
        finding(TABLES["stage_flow"]) == "Proposal loses the most: 50% of the 2 deals that left it moved on"
    )
