"""Random histories against a plain reading, in Python, of the frames that were recorded."""

import warnings
from collections import Counter
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from opp_analytics import org
from opp_analytics.analysis import (
    DateMoves,
    DueCohort,
    StageEntries,
    close_date_moves,
    forecast,
    forecast_change,
    movements,
    pipeline_created,
    slippage,
    slippage_deals,
    stage_flow,
    transitions,
    waterfall,
)
from opp_analytics.analysis.stages.stage_flow import FLOW_ENDS
from opp_analytics.errors import DataWarning
from opp_analytics.history import History
from opp_analytics.note import note_of
from tests.examples import examples
from tests.history.looks import (
    DUE,
    FEW,
    MONDAYS,
    RANKS,
    SOME,
    cents,
    frame_of,
    history_of,
    in_pool,
    is_due,
    is_open,
    pairs,
    pipelines,
    state,
)

# The definitions, word by word.


BY_STAGE: dict[str, Any] = {
    "method": "stage",
    "stage_rates": {"discovery": 0.1, "qualification": 0.2, "proposal": 0.4, "negotiation": 0.7},
}

pytestmark = pytest.mark.filterwarnings("ignore:unknown stages")


def deal_in(stage, owner="Ann"):
    """A deal of which only owner and stage are known."""
    return {
        "value": None,
        "stage": stage,
        "close_date": None,
        "status": "active",
        "owner_name": owner,
    }


def moves_of(before, after, due, *, seen_before, by_owner=False):
    """The movements of one deal between two consecutive looks: its owner if asked for, name, cents,
    count."""
    if before is None and after is None:
        return
    owner = (after or before)["owner_name"] or "(none)" if by_owner else None
    if not seen_before:
        if state(after) in ("won", "lost") and is_due(after, due):
            yield owner, "new", cents(after), 1
            yield owner, state(after), -cents(after), -1
        elif in_pool(after, due):
            yield owner, "new", cents(after), 1
        return
    final = cents(after or before)
    if in_pool(before, due):
        if by_owner and after is not None and after["owner_name"] != before["owner_name"]:
            yield before["owner_name"] or "(none)", "transferred_out", -cents(before), -1
            yield owner, "transferred_in", cents(before), 1
        if final != cents(before):
            yield (
                owner,
                "value_up" if final > cents(before) else "value_down",
                final - cents(before),
                0,
            )
        if not in_pool(after, due):
            yield owner, _way_out(after, due), -final, -1
    elif in_pool(after, due):
        yield owner, _way_in(before, due), final, 1


def _way_out(after, due):
    if after is None:
        return "deleted"
    if state(after) != "open":
        return state(after)
    if after["close_date"] is None:
        return "date_cleared"
    return "pushed_out" if after["close_date"] > due[1] else "pulled_out"


def _way_in(before, due):
    if before is None:
        return "returned"
    if state(before) != "open":
        return "reopened"
    if before["close_date"] is None:
        return "date_set"
    return "pulled_in" if before["close_date"] > due[1] else "pushed_in"


def movements_of(looks, one, other, due, **options):
    """Cents and count by owner, deal and movement, summed over the consecutive looks from one to
    another."""
    found = Counter(), Counter()
    for now in range(one + 1, other + 1):
        for key in "abc":
            seen = any(look[key] is not None for look in looks[:now])
            moves = moves_of(looks[now - 1][key], looks[now][key], due, seen_before=seen, **options)
            for owner, name, money, count in moves:
                found[0][owner, key, name] += money
                found[1][owner, key, name] += count
    return found


@SOME
@given(pipelines(), st.integers(0, 9))
def test_history__holds_what_was_recorded_in_any_order(looks, order):
    history = history_of(looks, order)
    for at, look in zip(MONDAYS, looks, strict=False):
        pd.testing.assert_frame_equal(history.as_of(at), frame_of(look))
        pd.testing.assert_frame_equal(history.as_of(at + pd.Timedelta(days=6)), frame_of(look))
    log = history.changes()
    pd.testing.assert_frame_equal(log, history_of(looks).changes())
    again = history.record(frame_of(looks[-1]), at=MONDAYS[len(looks) - 1] + pd.Timedelta(days=1))
    assert again.new + again.changed + again.deleted + again.returned == 0
    assert len(history.changes()) == len(log)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # that rows are out of order
        shuffled = History.from_changes(log.sample(frac=1, random_state=order))
    # An import knows nothing of a column that was always empty.
    named = log.dropna(axis="columns", how="all") if log["owner_name"].isna().all() else log
    pd.testing.assert_frame_equal(shuffled.changes()[list(named)], named)


@examples(14)
@given(pairs(), DUE)
def test_waterfall__balances_between_any_two_records_and_any_window(pair, due):
    looks, one, other = pair
    between = {"start": MONDAYS[one], "end": MONDAYS[other], "due": due}
    history = history_of(looks)
    table = waterfall(history, **between)
    money = (table["value"] * 100).round().astype("int64")
    for end, look in (("opening", looks[one]), ("closing", looks[other])):
        pool = [deal for deal in look.values() if in_pool(deal, due)]
        assert table.loc[end, "count"] == len(pool)
        assert money[end] == sum(map(cents, pool))
    assert money.iloc[:-1].sum() == money["closing"]
    assert table["count"].iloc[:-1].sum() == table.loc["closing", "count"]
    # What is read off pair by pair adds up to the whole, so adding waterfalls balances too.
    wanted, counts = movements_of(looks, one, other, due)
    by_name = Counter()
    for (_, _, name), moved in wanted.items():
        by_name[name] += moved
    moved = table.drop(["opening", "closing"])
    assert money[moved.index[moved["deals"] > 0]].to_dict() == by_name
    rows = movements(history, **between)
    keys = [(None, *key) for key in zip(rows["unique_id"], rows["movement"], strict=True)]
    assert dict(zip(keys, cents_of(rows), strict=True)) == wanted
    assert dict(zip(keys, rows["count"], strict=True)) == counts


def cents_of(table):
    return (table["value"] * 100).round().astype("int64")


@SOME
@given(pairs(), DUE)
def test_waterfall__of_groups_adds_up_to_the_whole_and_is_that_of_each_groups_history(pair, due):
    looks, one, other = pair
    between = {"start": MONDAYS[one], "end": MONDAYS[other], "due": due}
    history = history_of(looks)
    groups = waterfall(history, **between, by="owner_name")
    assert (cents_of(groups) / 100 == groups["value"]).all()
    whole = waterfall(history, **between)
    summed = (
        groups.assign(value=cents_of(groups))[["value", "count"]].groupby(level="movement").sum()
    )
    moved = summed.loc[summed.index.str.startswith("transferred")]
    assert (moved.sum() == 0).all()
    summed = summed.drop(index=moved.index)
    assert summed["value"].to_dict() == {
        name: v for name, v in cents_of(whole).items() if name in summed.index
    }
    assert summed["count"].to_dict() == {
        name: n for name, n in whole["count"].items() if name in summed.index
    }
    # Deal by deal, and each group's own history says the same.
    rows = movements(history, **between, by="owner_name")
    keys = list(zip(rows.index, rows["unique_id"], rows["movement"], strict=True))
    wanted, counts = movements_of(looks, one, other, due, by_owner=True)
    assert dict(zip(keys, cents_of(rows), strict=True)) == wanted
    assert dict(zip(keys, rows["count"], strict=True)) == counts
    for owner in groups.index.unique("owner_name"):
        own = waterfall(history.where(owner_name=owner), **between)
        pd.testing.assert_frame_equal(own, groups.loc[owner].loc[own.index])


@SOME
@given(pairs(), st.sampled_from([None, 0, 3, 6]))
def test_slippage__partitions_the_cohort(pair, days_after):
    looks, one, other = pair
    last = MONDAYS[other].tz_localize(None) + pd.Timedelta(days=days_after or 0)
    # An aware end is known as of then; a day's end is looked up in the next record.
    end = MONDAYS[other] if days_after is None else last
    table = slippage(history_of(looks), start=MONDAYS[one], end=end)
    window = str(MONDAYS[one].date()), str(last.date())
    following = looks[other + 1] if days_after is not None and other + 1 < len(looks) else None
    counts, money = Counter(), Counter()
    for key, deal in looks[one].items():
        if in_pool(deal, window):
            outcome = _became(
                looks[other][key], following and (following[key] or {}), window, other
            )
            counts[outcome] += 1
            money[outcome] += cents(deal)
    assert table["count"].to_dict() == {outcome: counts[outcome] for outcome in table.index}
    assert (table["value"] * 100).round().to_dict() == {
        outcome: money[outcome] for outcome in table.index
    }
    assert table["count"].sum() == note_of(table).figures["n"] == counts.total()


def _became(deal, following, window, other):
    if deal is None or state(deal) in ("disqualified", "conflict", "unknown"):
        return "removed"
    if state(deal) != "open":
        return state(deal)
    rest = str(MONDAYS[other].date()), window[1]
    if following and state(following) in ("won", "lost") and is_due(following, rest):
        return state(following)
    if (deal["close_date"] or "9") < window[0]:
        return "pulled_out"
    return "still_due" if following is None and is_due(deal, rest) else "slipped"


@SOME
@given(pairs(), st.booleans())
def test_stage_flow__ends_sum_to_the_entries(pair, assume_passed):
    looks, one, other = pair
    between = {"start": MONDAYS[one], "end": MONDAYS[other]}
    flow = stage_flow(history_of(looks), **between, assume_passed=assume_passed)
    assert (flow[list(FLOW_ENDS)].sum(axis=1) == flow["entries"]).all()
    wanted = Counter()
    for key in "abc":
        wanted.update(_entries([look[key] for look in looks[: other + 1]], one, assume_passed))
    found = {
        (stage, end): n
        for stage, ends in flow[list(FLOW_ENDS)].iterrows()
        for end, n in ends.items()
        if n
    }
    assert found == dict(wanted)


def _entries(seen, opening, assume_passed):
    """Stage and end of every entry of one deal after the opening look."""
    places = []
    for look, deal in enumerate(seen):
        place = _place(deal)
        if (deal is not None or places) and (not places or places[-1][1] != place):
            places.append((look, place))
    for before, (look, place), after in zip(
        [None, *places], places, [*places[1:], None], strict=False
    ):
        if look <= opening:
            continue
        if RANKS.get(place, 4) < 4:
            yield place, _end(place, after and after[1])
        if assume_passed and before and before[1] in RANKS and place in RANKS:
            for stage in org.STAGES.open[RANKS[before[1]] + 1 : RANKS[place]]:
                yield stage, "advanced"


def _place(deal):
    if deal is None or state(deal) in ("disqualified", "conflict", "unknown"):
        return "(removed)"
    return (deal["stage"] or "") if state(deal) == "open" else f"closed_{state(deal)}"


def _end(place, after):
    if after is None:
        return "still"
    if after == "closed_lost":
        return "lost"
    if after not in RANKS:
        return "removed"
    return "advanced" if RANKS[after] > RANKS[place] else "back"


@pytest.mark.slow
@FEW
@given(pairs(passed_on=False))
@example(
    (
        [
            {"a": None, "b": None, "c": deal_in("discovery")},
            {"a": None, "b": deal_in("on hold", None), "c": deal_in("discovery")},
        ],
        0,
        1,
    )
)
def test_questions__of_an_owners_history_are_those_of_the_group_where_nothing_was_passed_on(pair):
    looks, one, other = pair
    history, between = history_of(looks), {"start": MONDAYS[one], "end": MONDAYS[other]}
    for question in (slippage, stage_flow, close_date_moves, slippage_deals, movements):
        grouped = question(history, **between, by="owner_name")
        for owner in grouped.index.unique("owner_name"):
            own = question(history.where(owner_name=owner), **between)
            mine = (
                grouped.loc[owner]
                if grouped.index.nlevels > 1
                else grouped.loc[[owner]].reset_index(drop=True)
            )
            pd.testing.assert_frame_equal(own[list(mine.columns)], mine)
            assert own.get("transferred", pd.Series(0)).sum() == 0
        if question is slippage:
            own = question(history, **between)
            assert grouped.groupby(level="outcome")["count"].sum().to_dict() in (
                {},
                own["count"].to_dict(),
            )
    entries = (
        stage_flow(history, **between, by="owner_name").groupby(level="stage")["entries"].sum()
    )
    assert entries.to_dict() in ({}, stage_flow(history, **between)["entries"].to_dict())
    created = pipeline_created(history, freq="W", by="owner_name")
    for owner in created.index.unique("owner_name"):
        own = pipeline_created(history.where(owner_name=owner), freq="W")
        pd.testing.assert_frame_equal(own, created.loc[owner])
    steps = transitions(history)
    for owner in {deal["owner_name"] for look in looks for deal in look.values() if deal}:
        own = transitions(history.where(owner_name=owner))
        ids = [
            key for key in "abc" for look in looks if look[key] and look[key]["owner_name"] == owner
        ]
        mine = steps[steps["unique_id"].isin(ids)].reset_index(drop=True)
        pd.testing.assert_frame_equal(own, mine, check_categorical=False)


@pytest.mark.slow
@FEW
@given(pairs())
def test_questions__of_groups_apart_are_those_of_each_owners_history(pair):
    looks, one, other = pair
    history = history_of(looks)
    asked = {"start": MONDAYS[one], "end": MONDAYS[other], "tz": None}
    due, entries = ({"asked_by": "test"}, {"asked_by": "test", "listed": True})
    for kind, more in ((DueCohort, due), (StageEntries, entries), (DateMoves, {})):
        groups = kind.read(history, **asked, **more, by=["owner_name"], apart=True)
        for owner in history.changes()["owner_name"].dropna().unique():
            part = history.where(owner_name=owner)
            own = kind.read(part, **asked, **more, by=None)
            mine = groups.keep_group(owner, part)
            pd.testing.assert_frame_equal(mine.list_deals(), own.list_deals())
            if kind is not DateMoves:
                pd.testing.assert_frame_equal(mine.sum_up(), own.sum_up())


@SOME
@given(pipelines())
def test_transitions__are_the_changes_of_stage(looks):
    table = transitions(history_of(looks))
    seen, steps = {}, []
    for at, look in zip(MONDAYS, looks, strict=False):
        for key, deal in sorted(look.items()):
            if deal is not None and deal["stage"] is not None and seen.get(key) != deal["stage"]:
                steps.append((key, seen.get(key), deal["stage"], at))
                seen[key] = deal["stage"]
    columns = table[["unique_id", "from_stage", "to_stage", "seen_at"]].itertuples(index=False)
    assert [
        (key, None if pd.isna(one) else one, other, at) for key, one, other, at in columns
    ] == steps
    bounds = table.dropna(subset="days_in_stage")
    assert (bounds["days_low"] <= bounds["days_in_stage"]).all()
    assert (bounds["days_in_stage"] <= bounds["days_high"].fillna(99)).all()


@SOME
@given(pipelines())
def test_close_date_moves__are_those_of_open_deals(looks):
    table = close_date_moves(history_of(looks))
    for key in "abc":
        seen = [look[key] for look in looks if look[key] is not None]
        days = [
            (pd.Timestamp(after["close_date"]) - pd.Timestamp(before["close_date"])).days
            for before, after in pairwise([look[key] for look in looks])
            # A deal that was away in between was returned, not moved.
            if before is not None and after is not None
            if is_open(before) and is_open(after) and before["close_date"] and after["close_date"]
        ]
        assert (key in table.index) == bool(seen)
        if seen:
            assert table.loc[key, "pushes"] == sum(d > 0 for d in days)
            assert table.loc[key, "pulls"] == sum(d < 0 for d in days)
            assert table.loc[key, "days_pushed"] == sum(d for d in days if d > 0)
            assert table.loc[key, "days_pulled"] == sum(d for d in days if d < 0)


@pytest.mark.slow
@FEW
@given(pairs())
@example(
    (
        [
            {"a": None, "c": deal_in("discovery")},
            {"a": deal_in("on hold"), "c": deal_in("discovery")},
        ],
        0,
        1,
    )
)
def test_forecast_change__ends_at_both_forecasts_and_adds_up(drawn):
    looks, one, other = drawn
    # A pipeline in which no stage is known has no forecast.
    ends = ([deal["stage"] for deal in looks[at].values() if deal] for at in (one, other))
    assume(all(not stages or not {*RANKS, "closed_lost"}.isdisjoint(stages) for stages in ends))
    history = history_of(looks)
    asked = {"start": MONDAYS[one], "end": MONDAYS[other], "period": "2026-02", **BY_STAGE}
    table = forecast_change(history, **asked)["expected"]
    for end, at in (("then", MONDAYS[one]), ("now", MONDAYS[other])):
        made = forecast(
            history.as_of(at), as_of=at, history=history, **BY_STAGE, periods=["2026-02"]
        )
        assert table[end] == pytest.approx(made.loc["2026-02", "expected"], abs=1e-6)
    assert table.iloc[:-1].sum() == pytest.approx(table["now"], abs=1e-4)
    by = (
        forecast_change(history, by="owner_name", **asked)["expected"]
        .groupby(level="movement")
        .sum()
    )
    assert by.reindex(table.index).fillna(0.0).tolist() == pytest.approx(table.tolist(), abs=1e-4)
    shuffled = forecast_change(history_of(looks, order=1, again=True), **asked)["expected"]
    pd.testing.assert_series_equal(shuffled, table)
