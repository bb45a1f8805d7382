"""The text for a chat: a table of fixed width, and names that stay text."""

from __future__ import annotations

import html
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from opp_analytics.report.markdown import markdown, plain
from tests.report.digests import PEOPLE, RISK, digest


def test_markdown__begins_with_the_sentence_the_alerts_and_the_tiles():
    assert markdown(digest()).splitlines() == [
        "**Weekly forecast · Mar 16, 2026**",
        "",
        "**March will likely reach $180K.**",
        "",
        "**Alert for March: p_target < 0.5 (p_target is 31%).**",
        "",
        "- Closed won: **$70K** (1 deal)",
        "- Coverage: **–**",
    ]


def test_markdown__has_people_in_columns_that_no_name_breaks():
    assert markdown(digest(PEOPLE)).splitlines()[-8:] == [
        "**Bo is short**",
        "",
        "```",
        "Owner    Closed",
        "Ann          70",
        "Bo '''x   1,120",
        "王芳          5",
        "```",
    ]


def test_markdown__lists_deals_with_their_reasons_and_names_stay_text():
    assert markdown(digest(RISK)).splitlines()[-5:] == [
        "**1 of 2 open deals has a flag**",
        "",
        "The largest first",
        "",
        r"- **[Oak\](http://x) \*now\***: owner Ann, value 45,000. Pushed 3 times.",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "a*b*",
        "_x_",
        "snake_case",
        "`code`",
        "[a](http://b)",
        "<b>x</b>",
        "<0.1",
        "~~gone~~",
        "a\\b",
        "[EMEA] x",
        "x | y",
    ],
)
def test_markdown__shows_each_name_as_it_is(name: str) -> None:
    made = markdown(digest(replace(RISK, rows=((name, "–", "45,000", "Pushed."),))))
    line = made.splitlines()[-1].removeprefix("- ")
    shown = MarkdownIt("commonmark").enable("strikethrough").renderInline(line)
    assert html.unescape(shown) == f"<strong>{name}</strong>: value 45,000. Pushed."


def test_plain__has_the_same_words_without_marks() -> None:
    assert plain(digest(PEOPLE, RISK)).splitlines()[2:] == [
        "March will likely reach $180K.",
        "",
        "Alert for March: p_target < 0.5 (p_target is 31%).",
        "",
        "- Closed won: $70K (1 deal)",
        "- Coverage: –",
        "",
        "Bo is short",
        "",
        "Owner    Closed",
        "Ann          70",
        "Bo ```x   1,120",
        "王芳          5",
        "",
        "1 of 2 open deals has a flag",
        "",
        "The largest first",
        "",
        "- [Oak](http://x) *now*: owner Ann, value 45,000. Pushed 3 times.",
    ]


def test_plain__leaves_further_deals_to_the_page() -> None:
    many = replace(RISK, rows=tuple((f"Deal {n}", "Ann", "–", "Pushed.") for n in range(7)))
    assert plain(digest(many)).splitlines()[-2:] == ["- Deal 4: owner Ann. Pushed.", "- 2 more on the page"]
