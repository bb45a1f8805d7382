"""The run rate's ranges follow how its past ones held, from one period to the next."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest

from opp_analytics.analysis import backtest, forecast
from opp_analytics.analysis.forecasting import run_rate
from opp_analytics.analysis.forecasting.moment import Moment
from opp_analytics.analysis.stats import distribution
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import History
from tests import worlds
from tests.analysis.forecasting.histories import even_months

TEAM = worlds.history(
    worlds.Kind("few", weeks=56, deals_per_week=5.0, spread=1.3, rep_shock=1.2), 3
)
DAYS = [moment.normalize().tz_localize(None) for moment in TEAM.records["recorded_at"]]
AS_OF = DAYS[-3]
NOW = pd.Period(AS_OF, "M")
OWNERS = sorted(TEAM.as_of(AS_OF)["owner_name"].unique())


@pytest.mark.slow
@pytest.mark.parametrize("by", [None, "owner_name"])
@pytest.mark.parametrize("ahead", [0, 1])
def test_forecast__run_rate_stretches_by_how_its_past_ranges_held(by, ahead, monkeypatch):
    monkeypatch.setattr(distribution, "_PAST_CELLS", distribution._CELLS)
    period = NOW + ahead
    factor = _factor_by_hand(period, by)
    assert factor > 1
    target = {(name, str(period)): 15_000.0 for name in OWNERS} if by else 60_000.0
    asked: dict[str, Any] = {"periods": [period], "by": by}
    plain = _ask(AS_OF, target=target, **asked)
    found = _ask(AS_OF, target=target, history=TEAM, **asked)
    for side in ("low", "high"):
        ends = plain["median"] + factor * (plain[side] - plain["median"])
        assert found[side].tolist() == pytest.approx(ends.clip(lower=plain["booked"]).tolist())
    same = ["booked", "expected", "median", "new_business"]
    pd.testing.assert_frame_equal(found[same], plain[same])
    # The chance of the target is that of the plain range for a target so much nearer to the median.
    goals = plain["median"] + (plain["target"] - plain["median"]) / factor
    nearer = _ask(AS_OF, target=goals.to_dict() if by else float(goals.iloc[0]), **asked)
    assert found["p_target"].tolist() == pytest.approx(nearer["p_target"].tolist())


def test_forecast__run_rate_of_a_totals_row_stretches_as_the_whole():
    asked: dict[str, Any] = {"history": TEAM, "periods": [NOW, NOW + 1]}
    parts, whole = _ask(AS_OF, by="owner_name", totals=True, **asked), _ask(AS_OF, **asked)
    ends = ["low", "median", "high"]
    pd.testing.assert_frame_equal(parts.loc[["(all)"], ends].droplevel(0), whole[ends])


@pytest.mark.slow
@pytest.mark.parametrize("by", [None, "owner_name"])
def test_backtest__run_rate_stretches_by_what_was_known_at_each_record(by):
    past = backtest(TEAM, freq="M", methods="run_rate", by=by).reset_index()
    ends, wider = ["expected", "low", "median", "high"], 0
    for made_at, rows in past[past["low"].notna()].groupby("made_at"):
        moment = pd.Timestamp(str(made_at))
        day = moment.normalize().tz_localize(None)
        if day not in DAYS[-24::8]:
            continue
        said = rows.set_index([by, "period"] if by else ["period"])[ends]
        asked: dict[str, Any] = {"periods": rows["period"].unique().tolist(), "by": by}
        # By owner, groups without a deal yet have no row in a backtest.
        cut = _ask(day, history=_cut_after(moment), **asked)[ends].loc[said.index]
        pd.testing.assert_frame_equal(said, cut, check_index_type=False)
        plain = _ask(day, **asked).loc[said.index, "high"]
        wider += int((said["high"].to_numpy() > plain.to_numpy() + 1).sum())
    assert wider


def test_forecast__run_rate_reads_nothing_later_than_its_day():
    cut = _cut_after(TEAM.records["recorded_at"].iloc[-9])
    asked: dict[str, Any] = {"by": "owner_name", "periods": [NOW - 1, NOW]}
    late, early = (_ask(DAYS[-9], history=history, **asked) for history in (TEAM, cut))
    pd.testing.assert_frame_equal(late, early)


def test_forecast__run_rate_stays_as_it_is_where_the_past_says_nothing():
    frame, last = _frame(AS_OF), TEAM.records["recorded_at"].iloc[-3]
    # No ended period on record, and groups that the history does not know.
    young = History.from_changes(
        _cut_after(last).changes().drop_duplicates("unique_id", keep="last").assign(seen_at=last)
    )
    region = frame["owner_name"].map(lambda name: name[0]).rename("region")
    for history, named, by in ((young, frame, None), (TEAM, frame.assign(region=region), "region")):
        asked: dict[str, Any] = {"as_of": AS_OF, "method": "run_rate", "by": by}
        pd.testing.assert_frame_equal(
            forecast(named, history=history, **asked), forecast(named, **asked)
        )


def test_backtest__of_the_run_rate_at_todays_lead_shows_its_stretched_ranges():
    asked: dict[str, Any] = {"freq": "M", "methods": "run_rate", "as_of": AS_OF}
    rows = backtest(TEAM, lead="now", **asked).dropna(subset="low")
    made = backtest(TEAM, **asked)
    pd.testing.assert_frame_equal(rows, made.loc[rows.index])
    assert len(rows) > 3


def test_run_rate__reads_no_past_range_twice(monkeypatch):
    scored: list[tuple[str, int]] = []
    score = run_rate._score

    def note(past: Any, period: pd.Period, record: int, moment: Moment) -> Any:
        scored.append((str(period), record))
        return score(past, period, record, moment)

    monkeypatch.setattr(run_rate, "_score", note)
    history = even_months(12)
    for _ in range(2):
        backtest(history, freq="M", methods="run_rate")
    assert scored
    assert len(scored) == len(set(scored))


def _cut_after(moment: pd.Timestamp) -> History:
    """The history as it was at a record."""
    return History.from_changes(TEAM.changes().query("seen_at <= @moment"))


def _ask(day: pd.Timestamp, periods: Sequence[pd.Period], **asked: Any) -> pd.DataFrame:
    """Forecast periods by run rate from the frame of a day: the rows of these periods only."""
    table = forecast(
        _frame(day), as_of=day, method="run_rate", periods=[*map(str, periods)], **asked
    )
    return table[table.index.get_level_values("period").isin([*map(str, periods)])]


@functools.cache
def _frame(day: pd.Timestamp) -> pd.DataFrame:
    return TEAM.as_of(day + pd.Timedelta(hours=12))


def _factor_by_hand(period: pd.Period, by: str | None) -> float:
    """Follow the factor by forecasts from single frames."""
    first = pd.Period(DAYS[0], "M")
    length, today = period.days_in_month, (period.end_time.normalize() - AS_OF).days
    leads = {lead for lead in (2, 7, 14, 28, 45, 75) if lead <= length + 7} | {today}
    factor = 1.0
    for ended in pd.period_range(first, period, freq="M"):
        end = ended.end_time.normalize()
        if end + pd.Timedelta(days=15) > AS_OF:
            break
        missed = [
            miss > factor
            for lead in leads
            for miss in _misses(ended, end - pd.Timedelta(days=lead), by)
        ]
        if missed:
            factor = max(1.0, factor * math.exp(0.1 * (sum(missed) / len(missed) - 0.2)))
    return factor


@functools.cache
def _misses(period: pd.Period, wanted: pd.Timestamp, by: str | None) -> list[float]:
    """The plain forecast from the frame of the record nearest to a day, against what came."""
    end = period.end_time.normalize()
    near = [day for day in DAYS if abs((day - wanted).days) <= 3 and day <= end]
    if not near:
        return []
    day = min(near, key=lambda one: (abs((one - wanted).days), -one.value))
    try:
        rows = _ask(day, [period], by=by)
    except NotEnoughHistory:
        return []
    later = _frame(max(one for one in DAYS if one <= end + pd.Timedelta(days=15)))
    won = later[
        (later["stage"] == "closed_won") & (later["close_date"].dt.to_period("M") == period)
    ]
    found = []
    for key, row in rows[rows["low"].notna()].iterrows():
        owner = key[0] if isinstance(key, tuple) else None
        came = float((won[won["owner_name"] == owner] if by else won)["value"].sum())
        if row["booked"] > 0 or row["new_business"] > 0:
            width = (
                row["high"] - row["median"] if came > row["median"] else row["median"] - row["low"]
            )
            found.append(abs(came - row["median"]) / max(width, 1.0))
    return found
