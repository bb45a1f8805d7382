"""Calls judged: months worked by hand, and simulated teams recomputed from raw calls, `as_of` and
`forecast`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import opp_analytics as oa
from opp_analytics import errors
from opp_analytics.analysis.forecasting.call_samples import list_leads
from opp_analytics.history import History
from opp_analytics.note import note_of
from tests import worlds
from tests.analysis.forecasting.calls import (
    CALLS,
    World,
    call,
    flip,
    holm,
    known,
    make,
    play,
    ratio_ends,
)

HISTORY = play()


def judge(rows: list[dict[str, Any]], **asked: Any) -> pd.DataFrame:
    return oa.call_accuracy(HISTORY, org=make(rows), **asked)


@pytest.mark.parametrize(
    ("period", "freq", "leads"),
    [
        ("2025-02", "M", [27, 18, 9, 7]),
        ("2025-04", "M", [29, 20, 10, 7]),
        ("2025-03", "M", [30, 20, 10, 7]),
        ("2025Q1", "Q", [89, 60, 30, 7]),
        ("2025Q3", "Q", [91, 61, 30, 7]),
        ("2025", "Y", [364, 243, 121, 7]),
        ("2025-03-03/2025-03-09", "W", [6, 4, 2]),
        ("2025-03-03", "D", [0]),
    ],
)
def test_list_leads__are_the_first_day_two_thirds_a_third_and_a_week_each_once(
    period: str, freq: str, leads: list[int]
) -> None:
    assert list_leads(pd.Period(period, freq)) == leads


def test_call_accuracy__of_three_months_is_worked_by_hand() -> None:
    table = judge(CALLS)
    ann = table.loc["Ann"]
    # Errors 0, (40 + 40 + 20 + 20) / 4 = 30, and 20 on the days with a call; 300 came. The model
    # says 50 for 100.
    assert ann["n"] == 3
    assert ann["wape"] == pytest.approx(50 / 300)
    assert ann["bias"] == pytest.approx((0 + 30 - 20) / 300)
    assert ann["model_wape"] == pytest.approx(0.5)
    assert ann["error_ratio"] == pytest.approx(50 / 150)
    assert (ann["over"], ann["under"], ann["better"]) == pytest.approx((1 / 3, 1 / 3, 1))
    # From 140 to 120 in February, of 100.
    assert ann["moved"] == pytest.approx(-0.2 / 3)
    # The signed errors 0, 30, −20, less the bias of what came, 3.33, have the standard deviation
    # 25.166; t with 2 degrees is 4.3027: ± 62.5 of 100.
    ends = ann["bias_low"], ann["bias_high"]
    assert ends == pytest.approx((0.0333 - 0.6252, 0.0333 + 0.6252), abs=1e-4)
    # All three months are better: 2 of the 8 changes of sign are as far from 0.
    assert not ann["differs"]
    assert np.isnan(ann["ratio_low"])


def test_call_accuracy__has_no_figures_below_three_periods() -> None:
    table = judge(CALLS)
    assert table["n"].to_dict() == {"Ann": 3, "Bo": 1, "Max": 1}
    few = table.loc[["Bo", "Max"]].drop(columns=["n", "differs"])
    assert few.isna().all(axis=None)
    assert not table["differs"].any()
    assert oa.sentence(table.loc[["Bo"]]) == "Calls can be judged in 1 month: too few to say."


def test_call_accuracy__by_whose_number_takes_the_override() -> None:
    table = judge(CALLS, by="owner_name")
    # Of Ann's number, 110 counts on February 19 and 21: (40 + 40 + 10 + 10) / 4 = 25.
    assert table.loc["Ann", "wape"] == pytest.approx((0 + 25 + 20) / 300)
    assert table.index.tolist() == ["Ann", "Bo"]
    assert judge(CALLS, by="team").empty


def test_call_accuracy__moves_within_one_caller() -> None:
    rows = [
        call(f"2025-0{m}-01", name, made, owner_name="Ann")
        for m in (1, 2, 3)
        for name, made in (("Ann", 100), ("Max", 80))
    ]
    assert judge(rows, by="owner_name").loc["Ann", "moved"] == 0
    later = [call(f"2025-0{m}-10", "Max", 90, owner_name="Ann") for m in (1, 2, 3)]
    moved = judge([*rows, *later])["moved"]
    assert (moved["Ann"], moved["Max"]) == pytest.approx((0, 10 * 3 / 300))
    assert judge([*rows, *later], by="owner_name").loc["Ann", "moved"] == pytest.approx(5 / 100)


def test_call_accuracy__adds_up_the_numbers_of_a_caller() -> None:
    rows = [call(f"2025-0{m}-01", "Max", 80, owner_name="Ann") for m in (1, 2, 3)]
    rows += [call(f"2025-0{m}-10", "Max", 150, whole="") for m in (1, 2, 3)]
    max_ = judge(rows).loc["Max"]
    # Ann's number: 20 off of 100 in each; the whole's, from the second day on: 0, 50, 0 off of 150,
    # 100, 150.
    assert max_["wape"] == pytest.approx((60 + 50) / (300 + 400))
    # The model is off by 50 a month for Ann, by 75, 25, 75 for the whole.
    assert max_["model_wape"] == pytest.approx((150 + 175) / 700)


def test_call_accuracy__says_what_is_left_out() -> None:
    later = [call("2025-04-02", "Ann", 90), call("2025-02-01", "Ann", 400) | {"period": "2025Q1"}]
    table = judge([*CALLS, *later, call("2025-01-01", "Max", 1, team="East")])
    assert note_of(table).figures["left_out"] == {
        "other_periods": 1,
        "period_not_over": 1,
        "no_forecast": 4,
    }
    assert (
        note_of(table).figures["n"],
        note_of(table).freq,
        note_of(table).day,
    ) == (3, "M", "2025-04-20")
    # Without the records from January 17 to 23, that of the 20th has none within three days.
    log = HISTORY.changes()
    gap = (
        (log["seen_at"] > "2025-01-17")
        & (log["seen_at"] < "2025-01-24")
        & (log["unique_id"] == "z")
    )
    thin = oa.call_accuracy(History.from_changes(log[~gap]), org=make(CALLS))
    assert note_of(thin).figures["left_out"] == {"no_record": 1}


def test_call_accuracy__refuses_what_cannot_be_judged() -> None:
    with pytest.raises(
        errors.NotEnoughHistory, match=r"needs calls.*\[calls\].*opp-analytics call"
    ):
        judge([])
    with pytest.raises(errors.NotEnoughHistory, match=r"one quarter.*2025-01; pass freq="):
        judge(CALLS, freq="Q")
    with pytest.raises(errors.ArgumentValueError, match="by='region'"):
        judge(CALLS, by="region")
    empty = History.from_changes(HISTORY.changes().iloc[:0])
    with pytest.raises(errors.NotEnoughHistory, match="needs records"):
        oa.call_accuracy(empty, org=make(CALLS))


def test_call_accuracy__of_calls_for_fiscal_quarters_reads_the_org_of_the_history() -> None:
    rows = [
        {
            "made_on": "2025-01-02",
            "period": "2025Q4",
            "caller": "Ann",
            "owner_name": "Ann",
            "commit": 90,
        },
        {
            "made_on": "2025-02-02",
            "period": "2026Q1",
            "caller": "Ann",
            "owner_name": "Ann",
            "commit": 90,
        },
    ]
    history = HISTORY.read_by(make(rows, fiscal_year_start=2, report={"freq": "Q"}))
    # November to January: recorded on January 1 and 24 only. February to April is not over.
    assert oa.call_accuracy(history).loc["Ann", "n"] == 1
    assert note_of(oa.call_accuracy(history)).figures["left_out"] == {
        "period_not_over": 1,
        "no_record": 2,
    }
    with pytest.raises(errors.NotEnoughHistory, match="other periods"):
        oa.call_accuracy(history, freq="Q-DEC")


@pytest.mark.slow
def test_call_accuracy__is_that_recomputed_from_calls_records_and_forecasts() -> None:
    world, cells = World(2, worlds.Kind("calls", weeks=50)), []
    for month, _, day, made in world.points:
        for (caller, owner, team), (_, commit) in known(world.rows, str(month), day).items():
            by, group = ("owner_name", owner) if owner else ("team", team) if team else ("", "")
            model = world.ask(month, made, "auto", by, group)
            cells.append(
                (caller, owner, team, str(month), commit, model, world.won(month, by, group))
            )
    table = oa.call_accuracy(world.history)
    p = {}
    for caller in table.index:
        months: dict[str, list[float]] = {}
        mine = [cell for cell in cells if cell[0] == caller]
        for label in sorted({cell[3] for cell in mine}):
            sums = np.zeros(5)
            for number in {cell[1:3] for cell in mine if cell[3] == label}:
                part = [cell for cell in mine if cell[3] == label and cell[1:3] == number]
                said = [
                    row["commit"]
                    for row in sorted(
                        (
                            row
                            for row in world.rows
                            if row["caller"] == caller
                            and row["period"] == label
                            and (row["owner_name"], row["team"]) == number
                            and row["commit"] is not None
                        ),
                        key=lambda row: row["made_on"],
                    )
                ]
                sums += [
                    np.mean([abs(f - a) for *_, f, _, a in part]),
                    np.mean([abs(m - a) for *_, m, a in part]),
                    np.mean([f - a for *_, f, _, a in part]),
                    part[0][-1],
                    said[-1] - said[0],
                ]
            months[label] = sums.tolist()
        error, model, signed, actual, moved = np.array(list(months.values())).T
        row, n, whole = table.loc[caller], len(months), actual.sum()
        spread = (signed - signed.sum() / whole * actual).std(ddof=1)
        reach = stats.t.ppf(0.975, n - 1) * spread / n**0.5 / actual.mean()
        expected = {
            "n": n,
            "wape": error.sum() / whole,
            "bias": signed.sum() / whole,
            "model_wape": model.sum() / whole,
            "bias_low": signed.sum() / whole - reach,
            "bias_high": signed.sum() / whole + reach,
            "over": (signed > 0).mean(),
            "under": (signed < 0).mean(),
            "better": (error < model).mean(),
            "error_ratio": error.sum() / model.sum(),
            "moved": (moved[actual > 0] / actual[actual > 0]).mean(),
            **dict(
                zip(
                    ("ratio_low", "ratio_high"),
                    ratio_ends(error.tolist(), model.tolist()),
                    strict=True,
                )
            ),
        }
        assert row[list(expected)].to_dict() == pytest.approx(expected, nan_ok=True)
        p[caller] = flip((error - model).tolist())
    assert len(p) == 5
    assert set(table.index[table["differs"]]) == holm(p)
