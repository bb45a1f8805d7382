from __future__ import annotations

import pandas as pd

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
    assert "5 applied, 1 skipped, 1 conflict" in page
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
        "1 opportunity deleted: needs allow_delete=True",
    ]


def test_plan__tells_of_closed_and_disqualified_deals_and_of_money_below_zero(
    before: pd.DataFrame,
) -> None:
    stages = ["closed_won", "proposal", "proposal", "proposal", "closed_lost", "proposal"]
    statuses = ["active", "lost", "inactive", "inactive", "inactive", "active"]
    held = conform(before.assign(stage=stages, status=statuses))
    later = held.assign(close_date=pd.Timestamp("2026-09-30"))
    said = plan(held, later).summary()
    assert "\n3 deals already won or lost\n2 disqualified deals, in no forecast" in said
    assert said in repr(plan(held, later))
    assert "2 disqualified deals, in no forecast" in plan(held, later)._repr_html_()
    # A deal that the plan brings back is in the forecast.
    back = later.assign(status=later["status"].where(later.index != 2, "active"))
    assert "\n1 disqualified deal, in no forecast" in plan(held, back).summary()
    made = plan(held, changed(held, 5, value=-500.0))
    assert made.problems.empty
    assert made.summary().splitlines()[2:] == ["1 value below zero"]
    assert plan(held, held.iloc[1:]).summary().splitlines()[2] == "1 deal already won or lost"


def test_plan__says_which_edits_leave_a_stage_and_a_status_that_disagree(
    before: pd.DataFrame,
) -> None:
    held = conform(before.assign(stage="closed_lost", status="lost"))
    words = "with a stage and a status that disagree"
    assert f"\n1 deal {words}" in plan(held, changed(held, 0, stage="negotiation")).summary()
    assert f"\n1 deal {words}" in plan(held, changed(held, 0, status="won")).summary()
    assert words not in plan(held, changed(held, 0, stage="negotiation", status="active")).summary()
    open_again = changed(held, 0, stage="negotiation")
    assert words not in plan(open_again, changed(open_again, 0, value=5.0)).summary()


def test_plan__says_which_deals_are_won_or_lost_with_the_chance_of_an_open_one(
    before: pd.DataFrame,
) -> None:
    held = conform(before.assign(stage="proposal", status="active", probability=45))
    won = held.assign(
        stage=["closed_won", "closed_won", "closed_lost", *["proposal"] * (len(held) - 3)]
    )
    assert "\n3 deals won or lost with the stated chance from before" in plan(held, won).summary()
    won.loc[:2, "probability"] = [100, 45, 0]
    assert "\n1 deal won or lost with the stated chance from before" in plan(held, won).summary()
    won.loc[1, "probability"] = 100
    assert "stated chance from before" not in plan(held, won).summary()


def test_plan__of_open_deals_has_nothing_further_to_tell(before: pd.DataFrame) -> None:
    assert len(plan(before, before.assign(value=5.0)).summary().splitlines()) == 2
