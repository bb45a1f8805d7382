"""A simulated year in which three things happen on known days: a whale is won, an owner leaves,
dates are moved in bulk.

Each event is a record of its own, so the tables of that day must show it alone; those of the whole
year must add up.
"""

from typing import Any, NamedTuple

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.history import History
from tests import worlds

WHALE = 2_000_000.0
LEAVER, HEIR = "Ada", "Ben"


class Year(NamedTuple):
    """The history, and the records just before and at each event."""

    history: History
    whale: tuple[pd.Timestamp, pd.Timestamp]
    leave: tuple[pd.Timestamp, pd.Timestamp]
    redate: tuple[pd.Timestamp, pd.Timestamp]


def known(log: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
    """Each deal's last row by a moment."""
    return log[log["seen_at"] <= moment].drop_duplicates("unique_id", keep="last")


@pytest.fixture(scope="module")
def year() -> Year:
    log = worlds.log(worlds.Kind("year", weeks=56), 3).sort_values("seen_at", kind="stable")
    log["seen_at"] = pd.to_datetime(log["seen_at"], utc=True)
    weeks = log["seen_at"].drop_duplicates().to_list()
    day = pd.Timedelta(days=1)
    won, left, moved = (week + day for week in (weeks[44], weeks[49], weeks[-1]))
    whale = {
        "unique_id": "whale",
        "seen_at": weeks[40],
        "stage": "negotiation",
        "status": "active",
        "value": WHALE,
        "close_date": won.tz_localize(None).normalize() + pd.Timedelta(days=3),
        "probability": 50,
        "owner_name": "Cleo",
        "created_at": weeks[40],
    }
    signed = {
        **whale,
        "seen_at": won,
        "stage": "closed_won",
        "status": "won",
        "probability": 100,
        "close_date": won.tz_localize(None).normalize(),
    }
    log = pd.concat([log, pd.DataFrame([whale, signed])]).sort_values("seen_at", kind="stable")
    hers = known(log, left).query("owner_name == @LEAVER and status == 'active'")
    log.loc[(log["seen_at"] > left) & (log["owner_name"] == LEAVER), "owner_name"] = HEIR
    log = pd.concat([log, hers.assign(seen_at=left, owner_name=HEIR)]).sort_values(
        "seen_at", kind="stable"
    )
    due = known(log, moved).query("status == 'active'")
    log = pd.concat(
        [log, due.assign(seen_at=moved, close_date=due["close_date"] + pd.Timedelta(days=90))],
        ignore_index=True,
    )
    names = log["unique_id"].replace("whale", "Whale & Co")
    history = History.from_changes(log.assign(name=names))
    return Year(history, (won - day, won), (left - day, left), (moved - day, moved))


def of(event: tuple[pd.Timestamp, pd.Timestamp]) -> dict[str, Any]:
    return {"start": event[0], "end": event[1]}


def month(event: tuple[pd.Timestamp, pd.Timestamp]) -> str:
    return str(event[1].tz_localize(None).to_period("M"))


def test_whale__is_what_moved_the_forecast(year: Year) -> None:
    change = oa.forecast_change(year.history, **of(year.whale), period=month(year.whale))
    won = change.loc["won"]
    assert (won["deals"], won["largest"], won["value"]) == (1, "Whale & Co", WHALE)
    others = change["expected"].drop(
        ["then", "won", "chance", "date_passed", "new_business", "now"]
    )
    assert (others == 0).all()
    assert 0.3 * WHALE < float(change["expected"]["won"]) < WHALE
    assert "one win, Whale & Co, made 1.57M of it" in oa.sentence(change)
    pipeline = oa.waterfall(year.history, **of(year.whale))
    assert pipeline.loc[pipeline["deals"] > 0].index.tolist() == ["opening", "won", "closing"]
    assert pipeline.loc["won", "value"] == -WHALE
    score = oa.win_rate(year.history.as_of(year.whale[1]), by="owner_name")
    assert score["won_value"]["Cleo"] > WHALE


def test_leaver__hands_every_open_deal_over(year: Year) -> None:
    before = year.history.as_of(year.leave[0])
    hers = before[(before["owner_name"] == LEAVER) & (oa.outcomes(before) == "open")]
    assert len(hers) > 5
    pipeline = oa.waterfall(year.history, **of(year.leave), by="owner_name")["value"].unstack(  # noqa: PD010
        "movement"
    )
    assert pipeline.loc[LEAVER, "transferred_out"] == -hers["value"].sum()
    assert pipeline.loc[HEIR, "transferred_in"] == hers["value"].sum()
    assert pipeline.drop(columns=["opening", "closing"]).sum().sum() == 0
    change = oa.forecast_change(
        year.history, **of(year.leave), period=month(year.leave), by="owner_name"
    )["expected"]
    assert change[LEAVER]["owner"] < 0 < change[HEIR]["owner"]
    after = year.history.as_of(year.leave[1])
    flags = oa.deal_flags(after, year.history, as_of=year.leave[1])
    taken = flags[flags["owner_changed"].fillna(False)]
    assert sorted(taken.index) == sorted(hers["unique_id"])
    assert taken["reasons"].str.contains(f"taken over from {LEAVER}").all()
    mine = year.history.where(owner_name=LEAVER).as_of(year.leave[1])
    assert (oa.outcomes(mine) != "open").all()


@pytest.mark.slow
def test_redating__is_a_push_of_every_open_deal(year: Year) -> None:
    before = year.history.as_of(year.redate[0])
    waiting = before[oa.outcomes(before) == "open"].set_index("unique_id")
    moves = oa.close_date_moves(year.history, **of(year.redate))
    pushed = moves[moves["pushes"] > 0]
    assert sorted(pushed.index) == sorted(waiting.index)
    assert set(pushed["days_pushed"]) == {90}
    last = month(year.redate)
    due = waiting[waiting["close_date"].dt.to_period("M").astype("str") == last]
    gone = oa.waterfall(year.history, **of(year.redate), due=last)
    assert gone.loc["pushed_out", ["value", "count"]].tolist() == [-due["value"].sum(), -len(due)]
    learned = oa.forecast_change(year.history, **of(year.redate), period=last)
    assert learned["deals"]["pulled_in"] == 0
    assert learned["expected"]["pushed_out"] < 0
    change = oa.forecast_change(year.history, **of(year.redate), period=last, method="stated")
    coming = due[due["close_date"] >= year.redate[0].tz_localize(None).normalize()]
    assert change.loc["pushed_out", "deals"] == len(coming)
    assert change.loc["pushed_out", "expected"] == pytest.approx(
        -(coming["value"] * coming["probability"].astype(float) / 100).sum()
    )
