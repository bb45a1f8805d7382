"""The periods ahead."""

from __future__ import annotations

from opp_analytics.report.blocks.months import months
from opp_analytics.report.model import Table
from tests.report.pipelines import tables_of


def _texts(block):
    (table,) = block.parts
    assert isinstance(table, Table)
    heads = [column.title for column in table.columns]
    return heads, [[cell.text for cell in line.cells] for line in table.groups[0].lines]


def test_months__of_a_target(opportunities):
    block = months(tables_of(opportunities, target=150_000))
    assert block.title == "April has 0.2× coverage; its open deals bring 6K at their stated chances"
    heads, lines = _texts(block)
    assert heads == ["Month", "", "Forecast", "80% range", "Coverage", "Pipeline to add"]
    # Of 120K that closed 70K were won: 150K take 257K.
    assert lines == [
        ["Apr 2026", "", "6K", "0–30K", "0.2×", "227K"],
        ["May 2026", "", "0", "0", "none due", "257K"],
        ["Jun 2026", "", "0", "0", "none due", "257K"],
    ]


def test_months__without_a_target_say_what_is_due(opportunities):
    block = months(tables_of(opportunities))
    assert block.title == "April: forecast 6K, 30K due so far"
    assert _texts(block)[0][-1] == "Due so far"
