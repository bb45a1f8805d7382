from __future__ import annotations

import pandas as pd

from opp_analytics.org import conform
from opp_analytics.writer import plan
from tests.writer.frames import changed


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


def test_plan__tells_of_closed_and_disqualified_deals_and_of_money_below_zero(before: pd.DataFrame) -> None:
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


def test_plan__of_open_deals_has_nothing_further_to_tell(before: pd.DataFrame) -> None:
    assert len(plan(before, before.assign(value=5.0)).summary().splitlines()) == 2
