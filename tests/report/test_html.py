"""The page as HTML."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from opp_analytics.report.compose import compose
from opp_analytics.report.html import render_page
from tests.pipelines import THIS_WEEK, context_of, pipeline
from tests.report import reading


def _page(context, **asked):
    return render_page(compose(context, workbook="week.xlsx", **asked))


@pytest.mark.slow
def test_render_page__names_are_text_and_nothing_leaves_the_page(opportunities, history):
    rows = [
        (row[0], f"<b>{row[1]}", *row[2:-1], "<i>Ann" if row[-1] == "Ann" else row[-1])
        for row in THIS_WEEK
    ]
    text = _page(context_of(pipeline(rows), history, target=150_000))
    tags = [found.tag for found in reading.read(text).root.iter()]
    assert not {"iframe", "object"} & set(tags)
    assert tags.count("script") == 1
    assert "&lt;b&gt;Alder" in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<i>" not in text
    (script,) = re.findall("<script>(.*)</script>", text, re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src "
        f"'sha256-{hashed}'"
    ) in text
    addresses = re.findall(r'(?:href|src)="([^"]*)"', text)
    assert {address[:5] for address in addresses if not address.startswith("#")} == {"data:"}


@pytest.mark.slow
def test_render_page__every_anchor_of_the_contents_is_there_once(opportunities, history):
    root = reading.read(_page(context_of(opportunities, history, target=150_000))).root
    ids = [found.get("id") for found in root.iter() if found.get("id")]
    assert len(ids) == len(set(ids))
    assert {link.get("href", "")[1:] for link in reading.one(root, "nav").iter("a")} <= set(ids)


@pytest.mark.slow
def test_render_page__a_block_without_its_partner_takes_the_whole_width(opportunities, history):
    context = context_of(opportunities, history)
    pair = reading.read(_page(context, blocks=["why_it_moved", "trend"])).root
    alone = reading.read(_page(context, blocks=["why_it_moved", "data_to_fix", "trend"])).root
    assert [found.get("class") for found in pair.iter("section")] == ["block c7", "block c5"]
    assert [found.get("class") for found in alone.iter("section")] == ["block c12"] * 3
    # A line of text leaves no hole beside a table.
    line = reading.read(
        _page(context_of(opportunities.iloc[:0]), blocks=["categories", "months"])
    ).root
    assert [found.get("class") for found in line.iter("section")] == ["block c12"] * 2
