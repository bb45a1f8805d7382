"""The blocks of the page and their order."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from opp_analytics import History, Org
from opp_analytics.errors import ArgumentValueError
from opp_analytics.report.blocks import BLOCKS
from opp_analytics.report.compose import compose
from opp_analytics.report.digest import make_digest, write_plain
from opp_analytics.report.html import render_page
from opp_analytics.report.model import Table
from tests.pipelines import LAST_WEEK, THIS_WEEK, context_of, pipeline


@pytest.mark.slow
def test_compose__has_every_block_in_order(opportunities, history):
    page = compose(context_of(opportunities, history, target=150_000), workbook="week.xlsx")
    # Nothing was created in March, and nobody called.
    assert [block.key for block in page.blocks] == [
        name for name in BLOCKS if name not in ("created_by", "calls")
    ]
    assert page.title == "Weekly forecast, Mar 16, 2026"
    assert page.since == "Mar 9"


def test_compose__takes_a_choice_of_blocks_in_its_order(opportunities):
    page = compose(
        context_of(opportunities),
        workbook="week.xlsx",
        blocks=["data_to_fix", "people"],
        title="Monday",
    )
    assert [block.key for block in page.blocks] == ["data_to_fix", "people"]
    assert page.heading == "Monday"


def test_compose__names_a_block_that_is_none(opportunities):
    with pytest.raises(ArgumentValueError, match="unknown block 'riks'; use some of people, trend"):
        compose(context_of(opportunities), workbook="week.xlsx", blocks=["riks"])


def test_compose__warns_of_an_incomplete_load_and_not_of_an_export(opportunities):
    opportunities.attrs["load"] = {"complete": False, "reasons": ["2 rows came twice"]}
    (warning,) = compose(context_of(opportunities), workbook="week.xlsx").warnings
    assert warning.endswith("NOT complete: 2 rows came twice.")
    opportunities.attrs = {}
    assert compose(context_of(opportunities), workbook="week.xlsx").warnings == ()


@pytest.mark.parametrize(
    ("zone", "since", "day"),
    [
        ("America/Chicago", "2026-03-04", "Mar 4"),
        *(
            pytest.param(zone, None, "Mar 9", marks=pytest.mark.slow)
            for zone in ("UTC", "America/Chicago", "Pacific/Auckland")
        ),
    ],
)
def test_compose__counts_every_change_from_one_record(tmp_path, zone, since, day):
    kept = History(tmp_path / "daily", org=Org(timezone=zone))
    for date in pd.date_range("2026-03-02", "2026-03-16"):
        # Each day's value is another, so that a neighboring record would give another difference.
        rows = [
            (*LAST_WEEK[0][:2], 100_000.0 + 1_000 * date.day, *LAST_WEEK[0][3:]),
            *LAST_WEEK[1:],
        ]
        frame = pipeline(rows if date.day < 16 else THIS_WEEK)
        frame.attrs = {}
        # In Chicago it is still the evening before.
        kept.record(frame, at=f"{date:%F}T03:00:00Z")
    context = context_of(
        pipeline(THIS_WEEK), kept, target=150_000, since=since, org=Org(timezone=zone)
    )
    page = compose(context, workbook="week.xlsx")
    assert page.since == day
    blocks = {block.key: block for block in page.blocks}
    titles = f"{blocks['trend'].title} {blocks['why_it_moved'].title}"
    (people,) = [part for part in blocks["people"].parts if isinstance(part, Table)]
    tile = {tile.name: tile for tile in page.tiles}["Forecast"].change
    assert tile is not None
    assert set(re.findall("since (\\w+ \\d+)", titles, re.IGNORECASE)) == {day}
    assert set(re.findall("(?:up|down) (\\w+)", titles)) == {tile.text}
    assert people.columns[-1].title == f"Since {day}"
    moved = people.groups[-1].lines[-1].cells[-1].text
    assert round(float(moved.replace(",", "")) / 1e3) == int(tile.text.removesuffix("K"))
    said = f"{write_plain(make_digest(page, context))} {render_page(page)}"
    assert set(re.findall("since (\\w{3} \\d+)", said, re.IGNORECASE)) == {day}


def test_compose__without_a_record_to_compare_with_says_no_difference(opportunities, tmp_path):
    kept = History(tmp_path / "old")
    frame = pipeline(LAST_WEEK)
    frame.attrs = {}
    kept.record(frame, at="2026-02-20T06:00:00Z")
    page = compose(context_of(opportunities, kept, target=150_000), workbook="week.xlsx")
    assert page.since == ""
    assert {block.key: block.title for block in page.blocks}["trend"] == (
        "The March forecast is 16K above target"
    )
