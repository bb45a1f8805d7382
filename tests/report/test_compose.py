"""The blocks of the page and their order."""

from __future__ import annotations

import pytest

from opp_analytics.errors import ArgumentValueError
from opp_analytics.report.compose import BLOCKS, compose
from tests.report.pipelines import tables_of


def test_compose__has_every_block_in_order(opportunities, history):
    page = compose(tables_of(opportunities, history, target=150_000), workbook="week.xlsx")
    # Nothing was created in March.
    assert [block.key for block in page.blocks] == [name for name in BLOCKS if name != "created_by"]
    assert page.title == "Weekly forecast, Mar 16, 2026"
    assert page.since == "Mar 9"


def test_compose__takes_a_choice_of_blocks_in_its_order(opportunities):
    page = compose(tables_of(opportunities), workbook="week.xlsx", blocks=["fix", "people"], title="Monday")
    assert [block.key for block in page.blocks] == ["fix", "people"]
    assert page.heading == "Monday"


def test_compose__names_a_block_that_is_none(opportunities):
    with pytest.raises(ArgumentValueError, match="unknown block 'riks'; use some of trend, people"):
        compose(tables_of(opportunities), workbook="week.xlsx", blocks=["riks"])


def test_compose__warns_of_an_incomplete_load_and_not_of_an_export(opportunities):
    opportunities.attrs["load"] = {"complete": False, "reasons": ["2 rows came twice"]}
    (warning,) = compose(tables_of(opportunities), workbook="week.xlsx").warnings
    assert warning.endswith("NOT complete: 2 rows came twice.")
    opportunities.attrs = {}
    assert compose(tables_of(opportunities), workbook="week.xlsx").warnings == ()
