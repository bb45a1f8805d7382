from __future__ import annotations

from decimal import Decimal
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from opp_analytics.api import Client
from opp_analytics.errors import DataError
from opp_analytics.org import conform
from opp_analytics.writer import Plan, apply, plan
from tests.writer.test_applying import edited
from tests.writer.test_planning import changed


def test_plan_save__read_gives_the_same_plan(before: pd.DataFrame, tmp_path: Path) -> None:
    before = before.assign(owner_name="Ada", score=[1.5, 2.0, None, 4.0, 5.0, 6.0])  # type: ignore[list-item]
    exact = changed(edited(before), 2, value=Decimal("12345678901234567.89"))
    made = plan(before, changed(exact, 3, name="Ünï <b>", score=9.25))
    back = Plan.read(made.save(tmp_path / "plan.json"))
    pd.testing.assert_frame_equal(back.changes, made.changes)
    pd.testing.assert_frame_equal(back.before, made.before)
    assert back.conflicts.columns.tolist() == made.conflicts.columns.tolist()
    assert (back.plan_id, back.made_at, back.url, back.account) == (made.plan_id, made.made_at, None, None)
    assert back.steps == made.steps
    assert back.summary() == made.summary()


def test_plan_save__keeps_problems(before: pd.DataFrame, tmp_path: Path) -> None:
    made = plan(before, changed(before, 1, probability=140))
    back = Plan.read(made.save(tmp_path / "plan.json"))
    pd.testing.assert_frame_equal(back.problems, made.problems)


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"format": "opp_analytics plan 9"}', '{"format": "opp_analytics plan 1"}']
)
def test_plan_read__refuses_what_is_no_plan(tmp_path: Path, content: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(content)
    with pytest.raises(DataError, match=r"plan\.json"):
        Plan.read(file)
    with pytest.raises(DataError, match="cannot be read"):
        Plan.read(tmp_path / "none.json")


def test_plan_impact__compares_the_forecast_before_and_after(before: pd.DataFrame) -> None:
    after = changed(before, 0, close_date="2026-09-30", probability=50)
    after = changed(after, 1, stage="closed_won", probability=100, close_date="2026-06-01").drop(index=2)
    made = plan(before, after)
    impact = made.impact(as_of="2026-06-02", freq="M")
    assert impact.index.tolist() == ["overdue", "unscheduled", "2026-06", "2026-09", "total"]
    # Before: 1000 + 1100 + … + 1500 open at 40 %; after: 1300 + 1400 + 1500 in June, 1100 won, 1000 at 50 % in September.
    assert impact.loc["2026-06", ["booked_before", "weighted_open_before", "expected_before"]].tolist() == [
        0,
        3000,
        3000,
    ]
    assert impact.loc["2026-06", ["booked_after", "weighted_open_after", "expected_after"]].tolist() == [
        1100,
        1680,
        2780,
    ]
    assert impact.loc["2026-09", ["expected_before", "expected_after", "expected_change"]].tolist() == [
        0,
        500,
        500,
    ]
    assert impact.loc["total", "expected_change"] == pytest.approx(280)
    moves = made.moves(freq="M")
    assert moves[["unique_id", "stage_after", "period_before", "period_after"]].to_numpy().tolist() == [
        ["o001", "closed_won", "2026-06", "2026-06"],
        ["o000", "proposal", "2026-06", "2026-09"],
    ]
    assert made.win_rates()["won"].tolist() == [0, 1]


def test_plan_html__escapes_and_shows_old_and_new(before: pd.DataFrame) -> None:
    made = plan(before, changed(changed(before, 0, name="<script>"), 1, value=99999))
    page = made._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<del>1,100</del> → <b>99,999</b>" in page
    assert page.index("99,999</b>") < page.index("&lt;script")


def test_plan_rich__takes_no_text_for_markup(before: pd.DataFrame) -> None:
    console = Console(width=120, record=True, file=StringIO())
    console.print(plan(before, changed(before, 0, name="[red]Deal[/red] [/]")))
    assert "[red]Deal[/red] [/]" in console.export_text()


def test_plan_html__shows_problems_before_changes(before: pd.DataFrame) -> None:
    page = plan(before, changed(changed(before, 0, stage="<b>sold</b>"), 1, value=99999))._repr_html_()
    assert "1 problem: nothing is sent until they are fixed" in page
    assert "&lt;b&gt;sold&lt;/b&gt;" in page
    assert page.index("is no stage that the API knows") < page.index("99,999</b>")


def test_receipt_html__shows_what_went_wrong_first_and_escapes(client: Client, before: pd.DataFrame) -> None:
    client.update("o004", name="<i>theirs</i>")
    receipt = apply(plan(before, changed(before.assign(value=1.0), 4, name="ours")), client)
    page = receipt._repr_html_()
    assert "5 applied, 1 skipped, 1 conflict" in page
    assert page.index("ours</b>") < page.index("Deal 0")
    assert "&lt;i&gt;theirs&lt;/i&gt;" in page
    assert "<i>theirs" not in page


def test_plan__tells_of_closed_and_disqualified_deals_and_of_money_below_zero(before: pd.DataFrame) -> None:
    stages = ["closed_won", "proposal", "proposal", "proposal", "closed_lost", "proposal"]
    statuses = ["active", "lost", "inactive", "inactive", "inactive", "active"]
    held = conform(before.assign(stage=stages, status=statuses))
    later = held.assign(close_date=pd.Timestamp("2026-09-30"))
    said = plan(held, later).summary()
    assert "\n3 of them are already won or lost\n2 are disqualified, so in no forecast" in said
    assert said in repr(plan(held, later))
    assert "2 are disqualified, so in no forecast" in plan(held, later)._repr_html_()
    # A deal that the plan brings back is in the forecast.
    back = later.assign(status=later["status"].where(later.index != 2, "active"))
    assert "\n1 is disqualified, so in no forecast" in plan(held, back).summary()
    made = plan(held, changed(held, 5, value=-500.0))
    assert made.problems.empty
    assert made.summary().splitlines()[2:] == ["1 value below zero"]
    assert plan(held, held.iloc[1:]).summary().splitlines()[2] == "1 of them is already won or lost"


def test_plan__of_open_deals_has_nothing_further_to_tell(before: pd.DataFrame) -> None:
    assert len(plan(before, before.assign(value=5.0)).summary().splitlines()) == 2
