"""What holds for every method: parts add up, order and other groups change nothing, odd input gives
a forecast."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from opp_analytics.analysis import backtest, forecast, forecast_deals, sentence
from opp_analytics.history import History
from opp_analytics.note import note_of
from tests import worlds

AS_OF = "2023-06-14"
KIND = worlds.Kind("small", weeks=78, deals_per_week=5.0)
METHODS = ["learned", "run_rate", "stated", "stage"]
MONEY = ["booked", "open_value", "expected_open", "new_business", "expected"]


@cache
def team() -> tuple[pd.DataFrame, History]:
    history = worlds.history(KIND, 3)
    return history.as_of(AS_OF), history


def asked(method: Any) -> dict[str, Any]:
    return {"as_of": AS_OF, "method": method, "history": team()[1], "periods": 3, "target": 90_000}


@pytest.mark.parametrize("method", METHODS)
def test_forecast__parts_and_groups_add_up_by_every_method(method: str) -> None:
    frame, _ = team()
    whole = forecast(frame, **asked(method))
    dated = whole.iloc[2:]
    parts = dated[["booked", "expected_open", "new_business"]].sum(axis=1)
    assert parts.to_numpy() == pytest.approx(dated["expected"].to_numpy())
    assert dated["expected"].gt(0).any()
    by_owner = forecast(frame, **{**asked(method), "by": "owner_name", "totals": True})
    owners, totals = (
        by_owner.drop("(all)", level="owner_name"),
        by_owner.xs("(all)", level="owner_name"),
    )
    sums = owners.groupby(level="period", sort=False)[MONEY].sum().loc[whole.index]
    np.testing.assert_allclose(sums, whole[MONEY], atol=1e-6)
    np.testing.assert_allclose(totals[MONEY], whole[MONEY], atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_forecast__rows_of_a_level_are_the_sums_of_the_level_below(method: str) -> None:
    table = forecast(team()[0], **{**asked(method), "by": ["owner_name", "stage"], "totals": True})
    total = {
        name: table.index.get_level_values(name) == "(all)" for name in ("owner_name", "stage")
    }
    cells, owners = (
        table[~total["stage"]],
        table[total["stage"] & ~total["owner_name"]].droplevel("stage"),
    )
    whole = table[total["owner_name"]].droplevel(["owner_name", "stage"])
    sums = cells.groupby(["owner_name", "period"])[MONEY].sum()
    np.testing.assert_allclose(owners[MONEY], sums.loc[owners.index], atol=1e-6)
    sums = owners.groupby("period")[MONEY].sum()
    np.testing.assert_allclose(whole[MONEY], sums.loc[whole.index], atol=1e-6)
    assert owners["expected"].gt(0).any()
    ranged = table[table["low"].notna()]
    assert (ranged["low"] <= ranged["median"]).all()
    assert (ranged["booked"] <= ranged["low"] + 1e-6).all()


@pytest.mark.parametrize("method", METHODS)
def test_forecast__only_some_periods_are_their_rows_of_the_whole(method: str) -> None:
    question = {
        **asked(method),
        "by": ["owner_name", "stage"],
        "totals": True,
        "periods": ["2023-07"],
    }
    whole, one = forecast(team()[0], **question), forecast(team()[0], **question, only=True)
    assert one.index.get_level_values("period").unique().tolist() == [
        "overdue",
        "unscheduled",
        "2023-07",
    ]
    pd.testing.assert_frame_equal(one, whole.loc[one.index])
    assert note_of(one).method == note_of(whole).method


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_backtest__of_a_simulated_team_is_the_forecast_of_each_record(method: Any) -> None:
    _, history = team()
    table = backtest(history, freq="M", methods=method, by="owner_name", as_of="2023-06-30")
    made = table.index.unique("made_at")
    for at in made[:: max(len(made) // 6, 1)]:
        rows = pd.DataFrame(table.xs((method, at), level=("method", "made_at")))
        rows = rows[(rows["booked"] != 0) | (rows["expected"] != 0)]
        then = forecast(
            history.as_of(at), as_of=at, history=history, method=method, by="owner_name", periods=2
        )
        columns = ["booked", "expected", "low", "median", "high"]
        pd.testing.assert_frame_equal(
            rows[columns], then.loc[rows.index, columns], check_index_type=False
        )


@pytest.mark.parametrize("method", METHODS)
def test_forecast__order_of_rows_changes_nothing(method: str) -> None:
    frame, _ = team()
    shuffled = frame.sample(frac=1, random_state=1)
    for by in (None, "owner_name"):
        once, again = (forecast(rows, **asked(method), by=by) for rows in (frame, shuffled))
        pd.testing.assert_frame_equal(once, again, rtol=1e-9)


@pytest.mark.parametrize("method", ["learned", "stated", "stage"])
def test_forecast__without_an_open_deal_never_expects_more(method: str) -> None:
    frame, _ = team()
    whole = forecast(frame, **asked(method))["expected"]
    open_ = frame.index[frame["status"] == "active"]
    for row in open_[:: len(open_) // 4]:
        less = forecast(frame.drop(index=row), **asked(method))["expected"].reindex(whole.index)
        assert (less <= whole + 1e-6).all()


def test_forecast_deals__weighted_by_their_chances_give_the_chance_of_the_target() -> None:
    frame, _ = team()
    deals, table = forecast_deals(frame, **asked("learned")), forecast(frame, **asked("learned"))
    both = deals["chance"] * deals["p_if_won"] + (1 - deals["chance"]) * deals["p_if_lost"]
    assert both.to_numpy() == pytest.approx(
        table["p_target"].reindex(deals["period"]).to_numpy(), abs=1e-6
    )
    weighted = deals.groupby("period")["weighted"].sum()
    assert weighted.to_numpy() == pytest.approx(
        table["expected_open"].loc[weighted.index].to_numpy()
    )


def _odd(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    open_ = frame["status"] == "active"
    late = pd.Timestamp("2023-05-01").as_unit("us")
    return {
        "none": frame.iloc[:0],
        "one": frame[open_].head(1),
        "overdue": frame.assign(close_date=frame["close_date"].mask(open_, late)),
        "undated": frame.assign(close_date=frame["close_date"].mask(open_)),
        "negative": frame.assign(value=frame["value"].mask(open_, -frame["value"])),
        "missing": frame.assign(value=frame["value"].mask(open_)),
    }


@pytest.mark.parametrize("odd", ["none", "one", "overdue", "undated", "negative", "missing"])
@pytest.mark.parametrize("method", ["auto", "learned", "stated", "stage"])
def test_forecast__of_odd_deals(method: str, odd: str) -> None:
    frame = _odd(team()[0])[odd]
    ahead = forecast(frame, **asked(method)).loc["2023-06":]
    known = ahead[ahead["expected"].notna()].drop(index=["overdue", "unscheduled"], errors="ignore")
    assert len(known) >= 3
    assert known[["low", "median", "high", "p_target"]].notna().all(axis=None)
    assert (known["low"] <= known["high"]).all()
    assert known["p_target"].between(0.001, 1).all()
    if odd == "missing":
        assert note_of(forecast(frame, **asked(method))).figures["left_out"]["without_value"] > 0
        assert known["expected_open"].eq(0).all()


@pytest.mark.parametrize("method", METHODS)
def test_forecast__a_day_after_the_data_only_chooses_the_period(method: str) -> None:
    frame, history = team()
    options: dict[str, Any] = {"history": history, "method": method, "target": 90_000}
    then = forecast(frame, as_of=AS_OF, periods=["2023-08"], **options)
    late = forecast(frame, as_of="2023-08-20", periods=1, **options)
    pd.testing.assert_frame_equal(late.drop(columns="to_date"), then.drop(columns="to_date"))
    assert late.index[late["to_date"]].tolist() == ["2023-08"]
    seen = f"{pd.Timestamp(frame.attrs['recorded_at']):%Y-%m-%d}"
    assert (note_of(late).day, note_of(late).known_day) == ("2023-08-20", seen)
    assert sentence(late).startswith("As last seen on ")


def test_forecast__a_period_of_which_nothing_can_be_known_has_no_range_and_no_chance() -> None:
    frame, _ = team()
    far = {**asked("learned"), "periods": ["2029-01"]}
    row = forecast(frame, **far).loc["2029-01"]
    assert row[["expected", "new_business", "low", "median", "high", "p_target"]].isna().all()
    # On the last day no ended month won anything later.
    late = frame.copy()
    late.attrs["recorded_at"] = "2023-06-30T12:00:00+00:00"
    done = forecast(late, as_of="2023-06-30", method="run_rate", target=900_000).loc["2023-06"]
    assert done["expected"] == done["booked"]
    assert done[["low", "median", "high", "p_target"]].isna().all()
