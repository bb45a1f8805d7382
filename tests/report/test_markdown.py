"""The text for a chat: a table of fixed width, and names that stay text."""

from __future__ import annotations

from opp_analytics.report.markdown import markdown
from tests.report.digests import PEOPLE, RISK, digest


def test_markdown__begins_with_the_sentence_the_alerts_and_the_tiles():
    assert markdown(digest()).splitlines() == [
        "**Weekly forecast · Mar 16, 2026**",
        "",
        "**March will likely reach $180K.**",
        "",
        r"**Alert for March: p\_target \< 0.5 (p\_target is 31%).**",
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
        r"- \[Oak\](http://x) \*now\*: Pushed 3 times. (owner Ann, value 45,000)",
    ]
