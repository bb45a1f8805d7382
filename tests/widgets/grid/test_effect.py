from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.history import History
from opp_analytics.widgets.grid.effect import ForecastEffect, make_plan
from opp_analytics.widgets.grid.sheet import EditSheet
from tests.widgets.teams import TODAY, recorded_team, with_wins
from tests.writer.frames import opportunities


def test_periods__before_and_after_are_the_forecasts_of_the_two_frames():
    sheet = EditSheet(opportunities(4), today=date(2026, 6, 1))  # 1,000 to 1,300 at 40%, due in June
    effect = ForecastEffect(sheet, as_of="2026-06-01", freq="M", history=None)
    assert [(p["period"], p["before"], p["after"]) for p in effect.show_periods()] == [
        ("Jun", "1.8K", None),
        ("Jul", "0", None),
    ]
    sheet.edit([(0, "value", "2000"), (1, "close_date", "7/15"), (2, "stage", "closed lost")])
    sheet.remove([3])
    first, second = effect.show_periods()
    assert (first["after"], first["change"]) == ("800", "−1K")
    assert (second["before"], second["after"], second["change"]) == ("0", "440", "+440")
    for period, label in ((first, "2026-06"), (second, "2026-07")):
        whole = oa.forecast(sheet.edited, as_of="2026-06-01", periods=2)["expected"]
        assert period["after"] == text.money(float(whole[label]))
    assert effect.by_deal([0, 1]) == {0: 400.0, 1: -440.0}
    assert len(make_plan(sheet).changes) == 4


@pytest.fixture(scope="module")
def team() -> History:
    return recorded_team()


def edit(sheet: EditSheet) -> None:
    """Change a value, move a date out of the month and one into it, win a deal, and give one to Bo."""
    row = {str(sheet.value(at, "unique_id")): at for at in range(sheet.end)}
    sheet.edit([
        (row["open-0"], "value", "9000"), (row["open-1"], "close_date", "12/15"), (row["open-2"], "close_date", "11/22"),
        (row["open-3"], "stage", "closed won"), (row["open-3"], "close_date", "2026-11-10"), (row["open-4"], "owner_name", "Bo"),
    ])  # fmt: skip


def test_periods__with_a_history_are_what_forecast_says_of_both_frames(team: History) -> None:
    sheet = EditSheet(team.as_of(TODAY))
    effect = ForecastEffect(sheet, as_of=TODAY, freq="M", history=team)
    asked: dict[str, Any] = {"as_of": TODAY, "history": team, "periods": 2}
    before = oa.forecast(sheet.frame, **asked)
    assert before.attrs["method"] == "learned"
    assert effect.about == {"of": "", "how": "by chances from history", "limit": ""}
    edit(sheet)
    after = oa.forecast(sheet.edited, **asked)["expected"]
    stated = oa.forecast(sheet.frame, as_of=TODAY, method="stated")["expected"]["2026-11"]
    for shown, label in zip(effect.show_periods(), ("2026-11", "2026-12"), strict=True):
        assert shown["before"] == text.money(float(before["expected"][label]))
        assert (shown["after"] or shown["before"]) == text.money(float(after[label]))
    assert effect.show_periods()[0]["before"] != text.money(float(stated))
    # The deals' effects add up to the whole's.
    change = float(after["2026-11"] - before["expected"]["2026-11"])
    assert sum(effect.by_deal(sheet.changed_rows).values()) == pytest.approx(change)
    impact = make_plan(sheet).impact(as_of=TODAY, history=team)
    whole = oa.plan(sheet.frame, sheet.edited).impact(as_of=TODAY, history=team)
    assert whole.attrs["method"] == "learned"
    assert whole.loc["2026-11", "expected_change"] == pytest.approx(change)
    assert impact.loc["2026-11", "expected_change"] == pytest.approx(change)


def test_periods__by_run_rate_say_that_it_does_not_see_open_deals() -> None:
    sheet = EditSheet(with_wins())
    effect = ForecastEffect(sheet, as_of=TODAY, freq="M", history=None)
    before = oa.forecast(sheet.frame, as_of=TODAY, periods=2)
    assert before.attrs["method"] == "run_rate"
    assert effect.about["how"] == "by run rate"
    assert (
        effect.about["limit"]
        == "The run rate sees wins, not the value, date, stage or chance of an open deal"
    )
    sheet.edit([(sheet.end - 1, "value", "90000")])
    first = effect.show_periods()[0]
    assert (first["before"], first["after"]) == (text.money(float(before["expected"]["2026-11"])), None)
    assert effect.by_deal(sheet.changed_rows) == {}
    sheet.edit([(sheet.end - 2, "stage", "closed won"), (sheet.end - 2, "close_date", "2026-11-10")])
    after = oa.forecast(sheet.edited, as_of=TODAY, periods=2)["expected"]["2026-11"]
    assert effect.show_periods()[0]["after"] == text.money(float(after))


def test_periods__of_a_part_are_of_its_own_deals_and_say_so(team: History) -> None:
    deals = team.as_of(TODAY)
    for part, history in (
        (deals[deals["unique_id"] == "open-0"], team),
        # Without a history the certificate of the load counts more deals.
        (opportunities(4).head(1), None),
    ):
        if history is None:
            part.attrs["load"] = {"rows": 40}
        effect = ForecastEffect(EditSheet(part), as_of=TODAY, freq="M", history=history)
        alone = oa.forecast(part, as_of=TODAY, history=history, periods=2, new_business=False)
        assert effect.about["of"] == "of this deal, "
        assert effect.show_periods()[0]["before"] == text.money(float(alone["expected"]["2026-11"]))
    # One deal dropped of many is no part.
    assert not ForecastEffect(EditSheet(deals.iloc[1:]), as_of=TODAY, freq="M", history=team).is_part
    assert oa.forecast(deals[:0], as_of=TODAY, history=team, periods=1)["expected"]["2026-11"] == 300
    assert (
        oa.forecast(deals[:0], as_of=TODAY, history=team, periods=1, new_business=False)["expected"][
            "2026-11"
        ]
        == 0
    )


def test_strip__has_the_target_of_the_org() -> None:
    org = oa.Org(targets=[{"period": "2026-11", "target": 8000}], currency="USD")
    history = recorded_team(org)
    effect = ForecastEffect(
        EditSheet(history.as_of(TODAY)), as_of=TODAY, freq="M", history=history, targets=org.targets
    )
    assert [shown["target"] for shown in effect.show_periods()] == ["$8K", ""]


def test_effect__of_a_deal_in_an_unknown_stage_is_nothing() -> None:
    frame = opportunities(3)
    frame["stage"] = frame["stage"].astype("object").where(frame.index > 0, "a stage of old")
    sheet = EditSheet(frame)
    effect = ForecastEffect(sheet, as_of="2026-06-01", freq="M", history=None)
    with pytest.warns(oa.errors.DataWarning, match="a stage of old"):
        effect.show_periods()
    sheet.edit([(0, "value", "5000")])
    assert effect.show_periods()[0]["after"] is None
    assert effect.why == ""


def test_periods__without_the_columns_of_a_forecast_say_why():
    effect = ForecastEffect(EditSheet(pd.DataFrame({"unique_id": ["a"], "name": ["Acme"]})), as_of="2026-06-01", freq="M", history=None)  # fmt: skip
    assert effect.show_periods() == []
    assert "no column" in effect.why


def test_periods__outside_their_own_range_say_what_is_likely() -> None:
    rare = opportunities(2).assign(probability=5)
    effect = ForecastEffect(
        EditSheet(rare, today=date(2026, 6, 1)), as_of="2026-06-01", freq="M", history=None
    )
    assert [period["before"] for period in effect.show_periods()] == ["105 (most likely nothing more)", "0"]
