"""Cells that blocks share: titles, and the details of a deal."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from opp_analytics import History
from opp_analytics.answers import add_details, list_deals
from opp_analytics.report.cells import (
    say_finding,
    show_change,
    show_stated,
    stress_largest,
)
from opp_analytics.report.show_answer import show_deals
from tests.pipelines import LAST_WEEK, THIS_WEEK, context_of, pipeline, recorded
from tests.plots.tables import TABLES


def test_say_finding__has_no_full_stop() -> None:
    assert (
        say_finding(TABLES["stage_flow"])
        == "No stage stands out: 40% of deals that leave one go no further"
    )


def test_list_deals__names_the_last_owner_of_a_deal_that_was_removed(tmp_path: Path) -> None:
    left = [row for row in THIS_WEEK if row[0] not in ("c", "d")]
    history = recorded(History(tmp_path), {"2026-03-02": LAST_WEEK[:4], "2026-03-09": left})
    rows = pd.DataFrame(
        {"unique_id": ["a", "c", "d", "z"], "name": ["A", "C", "D", "Z"], "value": 1.0}
    )
    for kept, owners in (
        (history, ["Ann", "Ann", "(none)", "(none)"]),
        (None, ["Ann", *["(none)"] * 3]),
    ):
        context = context_of(pipeline(left), kept)
        deals = add_details(context, rows, close_date=pd.NaT)
        listed = show_deals(list_deals(context, "Deals", deals))
        assert listed is not None
        assert [(deal.owner, deal.stage) for deal in listed.deals] == [
            (owner, "Negotiation" if deal.name == "A" else "Removed")
            for owner, deal in zip(owners, listed.deals, strict=True)
        ]


def test_show_change__is_an_arrow_and_a_size() -> None:
    up, same = show_change(5.0, 3.0, str), show_change(1.0, 1.0, str)
    assert (up and up.sign, same and same.text) == (1, "no change")
    assert show_change(float("nan"), 1.0, str) is None


def test_show_stated__is_in_percent() -> None:
    assert (show_stated(80), show_stated(None)) == ("80%", "–")


def test_stress_largest__sets_the_largest_change_in_blue_whatever_its_sign() -> None:
    changes = [show_change(now, 0.0, "{:.0f}".format) for now in (40.0, -90.0, 0.0, 90.0)]
    assert [cell and cell.tone for cell in stress_largest([*changes, None])] == [
        "",
        "hi",
        "",
        "hi",
        None,
    ]
    assert [cell and cell.tone for cell in stress_largest(changes[2:3])] == [""]
