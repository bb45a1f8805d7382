"""What adds up to a deal's chance: by hand, by a count of the past deals, and against
`forecast_deals`."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import errors
from opp_analytics.history import History
from opp_analytics.note import note_of
from tests import worlds
from tests.analysis.forecasting.histories import TWO_PIPELINES, even_months

STEPS = ["overall", "bucket", "stage", "pipeline", "owner", "size", "month", "days"]
KIND = worlds.Kind("right", weeks=60, deals_per_week=4.0)
DAY = "2023-01-23"


def _frame(history: History, day: str) -> pd.DataFrame:
    return history.as_of(f"{day}T23:00Z")


def test_deal_reasons__of_months_that_are_alike():
    history = even_months(9, owners=True)
    table = oa.deal_reasons(_frame(history, "2026-09-10"), history, as_of="2026-09-10")
    ann = table.loc["a2026-09"]
    # Of two deals of proposal due in each of seven months Ann's was won: factor (7 + 10)/(3.5 +
    # 10). All are of one size, and quarters end alike.
    assert ann.index.tolist() == ["overall", "bucket", "stage", "owner", "size", "month"]
    assert ann["chance"].tolist() == pytest.approx([0.5] * 3 + [0.5 * 17 / 13.5] * 3)
    assert ann[["n", "won"]].to_numpy().tolist() == [*[[14, 7]] * 3, [7, 7], [14, 7], [4, 2]]
    groups = ["all open deals", "due", "proposal", "Ann", "value up to 100", "quarter end"]
    assert ann["group"].tolist() == groups
    assert note_of(table).figures["period"] == "2026-09"
    assert note_of(table).figures["n"] == 2


def test_deal_reasons__has_a_step_for_a_pipeline_only_where_its_stage_is_in_several():
    history = even_months(9, org=TWO_PIPELINES)
    frame = _frame(history, "2026-09-10")
    frame = frame[frame["close_date"] == "2026-09-25"].assign(pipeline=["Renewal", "Old"])
    table = oa.deal_reasons(frame, history, as_of="2026-09-10")
    known, unknown = (part.droplevel(0) for _, part in table.groupby(level=0))
    assert known.index.tolist() == ["overall", "bucket", "stage", "pipeline", "size", "month"]
    assert known.loc["pipeline", ["chance", "n", "won"]].tolist() == [pytest.approx(11 / 15), 7, 7]
    assert known.loc["pipeline", "group"] == "Renewal"
    assert unknown.index.tolist() == ["overall", "bucket", "stage", "size", "month"]


def _strange(history: History, day: str) -> pd.DataFrame:
    """The deals of a day with an owner and dates that no record has, and one without a value."""
    frame, stages = _frame(history, day), ["discovery", "proposal", "negotiation"]
    frame["owner_name"] = frame["owner_name"].astype(object)
    frame["close_date"] = frame["close_date"].astype("datetime64[us]")
    opened = frame.index[frame["stage"].isin(stages)]
    frame.loc[opened[0], "owner_name"] = "Nobody Before"
    frame.loc[opened[1], "close_date"] = pd.NaT
    frame.loc[opened[2], "close_date"] = pd.Timestamp(day) - pd.Timedelta(days=40)
    frame.loc[opened[3], "close_date"] = pd.Timestamp(day) + pd.Timedelta(days=400)
    frame.loc[opened[4], "value"] = None
    return frame


def _questions() -> Iterator[tuple[str, History, pd.DataFrame, dict[str, Any]]]:
    weekly = worlds.history(KIND, 3)
    for freq, periods in (
        ("M", [None, "2023-02", "2023-04"]),
        ("Q", [None, "2023Q2"]),
        ("W", [None]),
    ):
        for period in periods:
            yield (
                f"{freq} {period}",
                weekly,
                _strange(weekly, DAY),
                {"freq": freq, "period": period, "as_of": DAY},
            )
    log = worlds.log(KIND, 5)
    without = History.from_changes(log.drop(columns="owner_name"))
    yield "without owners", without, _frame(without, DAY), {"as_of": DAY}
    half = log["unique_id"].str[-1] < "5"
    org = oa.Org(
        stages=[
            *({"name": stage, "kind": "open", "pipeline": "New"} for stage in worlds._STAGES),
            *(
                {"name": stage, "kind": "open", "pipeline": "Renewal"}
                for stage in worlds._STAGES[1:]
            ),
            {"name": "verbal", "kind": "open", "pipeline": "New"},
            {"name": "closed_won", "kind": "won"},
            {"name": "closed_lost", "kind": "lost"},
        ]
    )
    placed = History.from_changes(
        log.assign(pipeline=half.map({True: "Renewal", False: "New"})), org=org
    )
    frame = _frame(placed, DAY)
    opened = frame.index[frame["stage"].isin(worlds._STAGES)]
    frame[["stage", "pipeline"]] = frame[["stage", "pipeline"]].astype(object)
    frame.loc[opened[:3], "pipeline"], frame.loc[opened[3:6], "stage"] = "Partner", "verbal"
    yield "pipelines", placed, frame, {"as_of": DAY}
    yield "no pipeline in the frame", placed, frame.drop(columns="pipeline"), {"as_of": DAY}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::opp_analytics.errors.DataWarning")
def test_deal_reasons__add_up_to_the_chance_of_forecast_deals():
    for name, history, frame, asked in _questions():
        try:
            _check_sum(history, frame, asked)
        except AssertionError as error:
            raise AssertionError(name) from error


def _check_sum(history: History, frame: pd.DataFrame, asked: dict[str, Any]) -> None:
    table = oa.deal_reasons(frame, history, **asked)
    periods = 1 if asked.get("period") is None else [asked["period"]]
    options = {name: value for name, value in asked.items() if name != "period"}
    deals = oa.forecast_deals(frame, history=history, method="learned", periods=periods, **options)
    chances = deals.set_index("unique_id")["chance"]
    assert len(chances) > 20
    last = table.groupby(level="unique_id")["chance"].last()
    # A deal without a value has a chance, and adds no money to a forecast.
    assert (
        len(last) - len(chances)
        == frame.loc[frame["unique_id"].isin(last.index), "value"].isna().sum()
    )
    assert (last[chances.index] == chances).all()
    sums = table.groupby(level="unique_id")["points"].sum()
    assert sums.to_numpy() == pytest.approx(last.to_numpy(), abs=1e-12)
    places = table.index.get_level_values("step").map(STEPS.index)
    assert all(
        part.is_monotonic_increasing
        for _, part in pd.Series(places).groupby(table.index.get_level_values(0))
    )
    assert (table["n"] >= table["won"]).all()


def _due_as(due: Any, day: pd.Timestamp, month: pd.Period) -> str:
    if pd.isna(due):
        return "undated"
    end = month.end_time.normalize()
    if due < day:
        return "overdue"
    if due < month.start_time:
        return "due before"
    return (
        "due"
        if due <= end
        else "due soon after"
        if due <= end + pd.Timedelta(days=31)
        else "due later"
    )


@pytest.mark.slow
def test_deal_reasons__counts_the_past_deals_and_wins_of_each_step():
    history, today = worlds.history(KIND, 3), pd.Timestamp(DAY)
    frame = _frame(history, DAY)
    table = oa.deal_reasons(frame, history, as_of=DAY)
    days = history.records["recorded_at"].dt.tz_localize(None).dt.normalize()
    days, past = days[days <= today], []
    lead = (pd.Period(DAY, "M").end_time.normalize() - today).days
    for month in pd.period_range(days.min(), DAY, freq="M")[:-1]:
        end = month.end_time.normalize()
        near = days[
            ((days - (end - pd.Timedelta(days=lead))).abs() <= pd.Timedelta(days=3)) & (days <= end)
        ]
        settled = days[(days > end) & (days <= end + pd.Timedelta(days=15))]
        if near.empty or settled.empty or end + pd.Timedelta(days=15) > today:
            continue
        day = near.iloc[(near - (end - pd.Timedelta(days=lead))).abs().argmin()]
        state, later = (_frame(history, f"{one:%Y-%m-%d}") for one in (day, settled.max()))
        won = later[
            (later["stage"] == "closed_won") & (later["close_date"].dt.to_period("M") == month)
        ]["unique_id"]
        opened = state[~state["stage"].isin(["closed_won", "closed_lost"])]
        due = [_due_as(one, day, month) for one in opened["close_date"]]
        past.append(
            opened.assign(
                won=opened["unique_id"].isin(won), bucket=due, closing=month.month % 3 == 0
            )
        )
    known = pd.concat(past)
    assert known["closing"].nunique() == 2
    edges = known.loc[known["won"], "value"].quantile([0.5, 0.8, 0.95, 1.0]).to_numpy()
    known["size"] = np.searchsorted(edges, known["value"])
    now = frame.set_index("unique_id")
    for name, part in table.groupby(level="unique_id"):
        deal, steps = now.loc[str(name)], part.droplevel(0)
        there = known["bucket"] == _due_as(deal["close_date"], today, pd.Period(DAY, "M"))
        stage, owner = known["stage"] == deal["stage"], known["owner_name"] == deal["owner_name"]
        masks = {
            "overall": there | ~there,
            "bucket": there,
            "stage": there & stage,
            "owner": owner,
            "size": known["size"] == np.searchsorted(edges, deal["value"]),
            "month": ~known["closing"],
        }
        for step, mask in masks.items():
            if step in steps.index:
                assert steps.loc[step, ["n", "won"]].tolist() == [
                    mask.sum(),
                    known.loc[mask, "won"].sum(),
                ]
            else:
                assert not mask.any()
        # Each share leans on the wider one with the weight of eight deals.
        share = known["won"].mean()
        for step in ("bucket", "stage"):
            mask = masks[step]
            share = (known.loc[mask, "won"].sum() + 8 * share) / (mask.sum() + 8)
        assert steps.loc[
            [s for s in steps.index if s in ("overall", "bucket", "stage")], "chance"
        ].iloc[-1] == pytest.approx(max(share, 0.0005))


def test_deal_reasons__needs_records_a_period_ahead_and_ids():
    young = even_months(4)
    with pytest.raises(
        errors.NotEnoughHistory, match="needs 3 ended months with a record as long before"
    ):
        oa.deal_reasons(_frame(young, "2026-04-10"), young, as_of="2026-04-10")
    history = even_months(9)
    frame = _frame(history, "2026-09-10")
    with pytest.raises(
        errors.NotEnoughHistory,
        match=r"^deal_reasons needs 3 ended months with a record 385 days before",
    ):
        oa.deal_reasons(frame, history, as_of="2026-09-10", period="2027-09")
    with pytest.raises(
        errors.ArgumentValueError, match="period='2026-08' has ended; use '2026-09' or a later one"
    ):
        oa.deal_reasons(frame, history, as_of="2026-09-10", period="2026-08")
    with pytest.raises(
        errors.ArgumentTypeError, match="deal_reasons needs a History, not NoneType"
    ):
        oa.deal_reasons(frame, None, as_of="2026-09-10")  # type: ignore[arg-type]
    with pytest.raises(errors.MissingColumnError, match="unique_id"):
        oa.deal_reasons(frame.drop(columns="unique_id"), history, as_of="2026-09-10")


def test_deal_reasons__of_no_open_deal_has_no_row():
    history = even_months(9, owners=True)
    full = _frame(history, "2026-09-10")
    full_table = oa.deal_reasons(full, history, as_of="2026-09-10")
    table = oa.deal_reasons(full[full["stage"] == "closed_won"], history, as_of="2026-09-10")
    assert len(table) == 0
    pd.testing.assert_series_equal(table.dtypes, full_table.dtypes)
    assert oa.sentence(table) == "No deal is open."
