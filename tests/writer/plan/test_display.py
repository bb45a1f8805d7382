from __future__ import annotations

from io import StringIO

import pandas as pd
from rich.console import Console

from opp_analytics.api import Client
from opp_analytics.org import conform
from opp_analytics.writer import apply, plan
from tests.writer.frames import changed


def test_plan_html__escapes_and_shows_old_and_new(before: pd.DataFrame) -> None:
    made = plan(before, changed(changed(before, 0, name="<script>"), 1, value=99999))
    page = made._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert page.index("1,100") < page.index("99,999") < page.index("&lt;script")


def test_plan_rich__takes_no_text_for_markup(before: pd.DataFrame) -> None:
    console = Console(width=120, record=True, file=StringIO())
    console.print(plan(before, changed(before, 0, name="[red]Deal[/red] [/]")))
    assert "[red]Deal[/red] [/]" in console.export_text()


def test_plan_html__shows_problems_before_changes(before: pd.DataFrame) -> None:
    page = plan(
        before, changed(changed(before, 0, stage="<b>sold</b>"), 1, value=99999)
    )._repr_html_()
    assert "1 problem: nothing is sent until they are fixed" in page
    assert "&lt;b&gt;sold&lt;/b&gt;" in page
    assert page.index("is not a stage of the API") < page.index("<td>99,999")


def test_receipt_html__shows_what_went_wrong_first_and_escapes(
    client: Client, before: pd.DataFrame
) -> None:
    client.update("o004", name="<i>theirs</i>")
    receipt = apply(plan(before, changed(before.assign(value=1.0), 4, name="ours")), client)
    page = receipt._repr_html_()
    assert "5 applied, 1 conflict, 1 skipped" in page
    assert page.index("ours") < page.index("Deal 0")
    assert "&lt;i&gt;theirs&lt;/i&gt;" in page
    assert "<i>theirs" not in page


def test_plan__summary_counts_and_sums_money(before: pd.DataFrame) -> None:
    new = pd.DataFrame({"name": ["New"], "value": [500.0]})
    after = pd.concat(
        [changed(before, 0, value=1250.0, probability=50).drop(index=1), new], ignore_index=True
    )
    made = plan(before, after)
    assert made.summary().splitlines() == [
        "1 create (2 cells), 1 update (2 cells), 1 delete",
        "value of these deals: 2,100 → 1,750 (−350)",
        "1 opportunity deleted: only with allow_delete=True",
    ]


def test_plan__of_open_deals_has_nothing_further_to_tell(before: pd.DataFrame) -> None:
    assert len(plan(before, before.assign(value=5.0)).summary().splitlines()) == 2


def test_plan__tells_of_closed_deals(before: pd.DataFrame) -> None:
    stages = ["closed_won", "proposal", "proposal", "proposal", "closed_lost", "proposal"]
    held = conform(before.assign(stage=stages))
    said = plan(held, held.assign(close_date=pd.Timestamp("2026-09-30"))).summary()
    assert said.splitlines()[2:] == ["2 deals already won or lost"]
