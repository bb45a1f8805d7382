"""Random histories against a plain reading, in Python, of the frames that were recorded."""

import tempfile
import warnings
from collections import Counter
from itertools import pairwise

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from opp_analytics import org
from opp_analytics.analysis import (
    close_date_moves,
    movements,
    slippage,
    stage_flow,
    transitions,
    waterfall,
)
from opp_analytics.analysis.stages.stage_flow import FLOW_ENDS
from opp_analytics.errors import DataWarning
from opp_analytics.history import History

MONDAYS = pd.date_range("2026-01-05", periods=4, freq="7D", tz="UTC")
DATES = ["2026-01-04", "2026-01-20", "2026-02-01", "2026-02-28", "2026-03-01"]
STAGES = ["discovery", "proposal", "negotiation", "closed_won", "closed_lost", "on hold", None]
STATUSES = ["active", "active", "active", "inactive", "won", "lost", None]
RANKS = {**{stage: rank for rank, stage in enumerate(org.STAGES.open)}, "closed_won": 4}

DEALS = st.fixed_dictionaries(
    {
        "value": st.sampled_from([None, 0.0, 0.1, 10.01, 1e9]),
        "stage": st.sampled_from(STAGES),
        "close_date": st.sampled_from([None, *DATES]),
        "status": st.sampled_from(STATUSES),
    }
)
DUE = st.none() | st.lists(st.sampled_from(DATES), min_size=2, max_size=2).map(sorted).map(tuple)
SOME = settings(max_examples=10)


@st.composite
def pipelines(draw):
    """Two to four looks at three deals: each stays, changes a field or all, comes, goes, or comes back."""
    looks = [{key: draw(st.none() | DEALS) for key in "abc"}]
    for _ in range(draw(st.integers(1, 3))):
        looks.append({key: draw(_next(deal)) for key, deal in looks[-1].items()})
    return looks


def _next(deal):
    if deal is None:
        return st.none() | DEALS
    one_field = DEALS.flatmap(
        lambda other: st.sampled_from(sorted(other)).map(lambda name: {**deal, name: other[name]})
    )
    return st.just(deal) | one_field | DEALS | st.none()


@st.composite
def pairs(draw):
    """Looks at some deals, and two of the looks."""
    looks = draw(pipelines())
    one = draw(st.integers(0, len(looks) - 2))
    return looks, one, draw(st.integers(one + 1, len(looks) - 1))


def frame_of(look):
    rows = [{"unique_id": key, **deal} for key, deal in sorted(look.items()) if deal is not None]
    columns = ["unique_id", "value", "stage", "close_date", "status"]
    return org.conform(pd.DataFrame(rows, columns=columns).astype({"value": "float64"}))


def history_of(looks, order=None):
    history = History(tempfile.mkdtemp())
    for at, look in zip(MONDAYS, looks, strict=False):
        frame = frame_of(look)
        history.record(frame if order is None else frame.sample(frac=1, random_state=order), at=at)
    return history


# The definitions, word by word.


def state(deal):
    won = deal["stage"] == "closed_won" or deal["status"] == "won"
    lost = deal["stage"] == "closed_lost" or deal["status"] == "lost"
    if won or lost:
        return "conflict" if won and lost else "won" if won else "lost"
    return "disqualified" if deal["status"] == "inactive" else "open"


def is_open(deal):
    return deal is not None and state(deal) == "open"


def is_due(deal, due):
    return due is None or (deal["close_date"] is not None and due[0] <= deal["close_date"] <= due[1])


def in_pool(deal, due):
    return is_open(deal) and is_due(deal, due)


def cents(deal):
    return round((deal["value"] or 0) * 100)


def moves_of(before, after, due, *, seen_before):
    """The movements of one deal between two consecutive looks: name, cents, count."""
    if before is None and after is None:
        return
    if not seen_before:
        if state(after) in ("won", "lost") and is_due(after, due):
            yield "new", cents(after), 1
            yield state(after), -cents(after), -1
        elif in_pool(after, due):
            yield "new", cents(after), 1
        return
    final = cents(after or before)
    if in_pool(before, due):
        if final != cents(before):
            yield "value_up" if final > cents(before) else "value_down", final - cents(before), 0
        if not in_pool(after, due):
            yield _way_out(after, due), -final, -1
    elif in_pool(after, due):
        yield _way_in(before, due), final, 1


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


def movements_of(looks, one, other, due):
    """Cents and count by deal and movement, summed over the consecutive looks from one to another."""
    found = Counter(), Counter()
    for now in range(one + 1, other + 1):
        for key in "abc":
            seen = any(look[key] is not None for look in looks[:now])
            for name, money, count in moves_of(looks[now - 1][key], looks[now][key], due, seen_before=seen):
                found[0][key, name] += money
                found[1][key, name] += count
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
    pd.testing.assert_frame_equal(shuffled.changes(), log)


@settings(max_examples=14)
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
    for (_, name), moved in wanted.items():
        by_name[name] += moved
    moved = table.drop(["opening", "closing"])
    assert money[moved.index[moved["deals"] > 0]].to_dict() == by_name
    rows = movements(history, **between)
    keys = list(zip(rows["unique_id"], rows["movement"], strict=True))
    assert dict(zip(keys, (rows["value"] * 100).round().astype("int64"), strict=True)) == wanted
    assert dict(zip(keys, rows["count"], strict=True)) == counts


@SOME
@given(pairs())
def test_slippage__partitions_the_cohort(pair):
    looks, one, other = pair
    table = slippage(history_of(looks), start=MONDAYS[one], end=MONDAYS[other])
    window = str(MONDAYS[one].date()), str(MONDAYS[other].date())
    counts, money = Counter(), Counter()
    for key, deal in looks[one].items():
        if in_pool(deal, window):
            outcome = _became(looks[other][key], window)
            counts[outcome] += 1
            money[outcome] += cents(deal)
    assert table["count"].to_dict() == {outcome: counts[outcome] for outcome in table.index}
    assert (table["value"] * 100).round().to_dict() == {outcome: money[outcome] for outcome in table.index}
    assert table["count"].sum() == table.attrs["n"] == counts.total()


def _became(deal, window):
    if deal is None or state(deal) in ("disqualified", "conflict"):
        return "removed"
    if state(deal) != "open":
        return state(deal)
    return "pulled_out" if (deal["close_date"] or "9") < window[0] else "slipped"


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
        (stage, end): n for stage, ends in flow[list(FLOW_ENDS)].iterrows() for end, n in ends.items() if n
    }
    assert found == dict(wanted)


def _entries(seen, opening, assume_passed):
    """Stage and end of every entry of one deal after the opening look."""
    places = []
    for look, deal in enumerate(seen):
        place = _place(deal)
        if (deal is not None or places) and (not places or places[-1][1] != place):
            places.append((look, place))
    for before, (look, place), after in zip([None, *places], places, [*places[1:], None], strict=False):
        if look <= opening:
            continue
        if RANKS.get(place, 4) < 4:
            yield place, _end(place, after and after[1])
        if assume_passed and before and before[1] in RANKS and place in RANKS:
            for stage in org.STAGES.open[RANKS[before[1]] + 1 : RANKS[place]]:
                yield stage, "advanced"


def _place(deal):
    if deal is None or state(deal) in ("disqualified", "conflict"):
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
    assert [(key, None if pd.isna(one) else one, other, at) for key, one, other, at in columns] == steps
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
            for before, after in pairwise(seen)
            if is_open(before) and is_open(after) and before["close_date"] and after["close_date"]
        ]
        assert (key in table.index) == bool(seen)
        if seen:
            assert table.loc[key, "pushes"] == sum(d > 0 for d in days)
            assert table.loc[key, "pulls"] == sum(d < 0 for d in days)
            assert table.loc[key, "days_pushed"] == sum(d for d in days if d > 0)
            assert table.loc[key, "days_pulled"] == sum(d for d in days if d < 0)
