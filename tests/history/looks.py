"""Random looks at a pipeline, the history of them, and the definitions read off them in plain
Python."""

import pandas as pd
from hypothesis import assume
from hypothesis import strategies as st

from opp_analytics import org
from opp_analytics.schema import TEXT
from tests.examples import examples
from tests.scratch import scratch_history

MONDAYS = pd.date_range("2026-01-05", periods=4, freq="7D", tz="UTC")
DATES = ["2026-01-04", "2026-01-20", "2026-02-01", "2026-02-28", "2026-03-01"]
STAGES = ["discovery", "proposal", "negotiation", "closed_won", "closed_lost", "on hold", None]
STATUSES = ["active", "active", "active", "inactive", "won", "lost", None]
OWNERS = ["Ann", "Bo", None]
RANKS = {**{stage: rank for rank, stage in enumerate(org.STAGES.open)}, "closed_won": 4}

DEALS = st.fixed_dictionaries(
    {
        "value": st.sampled_from([None, 0.0, 0.1, 10.01, 1e9]),
        "stage": st.sampled_from(STAGES),
        "close_date": st.sampled_from([None, *DATES]),
        "status": st.sampled_from(STATUSES),
        "owner_name": st.sampled_from(OWNERS),
    }
)
DUE = st.none() | st.lists(st.sampled_from(DATES), min_size=2, max_size=2).map(sorted).map(tuple)
SOME = examples(10)
FEW = examples(3)


@st.composite
def pipelines(draw, passed_on=True):
    """Two to four looks at three deals: each stays, changes a field or all, comes, goes, or comes
    back.

    Without `passed_on`, each deal keeps its first owner.
    """
    looks = [{key: draw(st.none() | DEALS) for key in "abc"}]
    for _ in range(draw(st.integers(1, 3))):
        looks.append({key: draw(_next(deal)) for key, deal in looks[-1].items()})
    if not passed_on:
        owners = {key: draw(st.sampled_from(OWNERS)) for key in "abc"}
        looks = [
            {key: deal and {**deal, "owner_name": owners[key]} for key, deal in look.items()}
            for look in looks
        ]
    assume(is_known(deal for look in looks for deal in look.values()))
    return looks


def _next(deal):
    if deal is None:
        return st.none() | DEALS
    one_field = DEALS.flatmap(
        lambda other: st.sampled_from(sorted(other)).map(lambda name: {**deal, name: other[name]})
    )
    return st.just(deal) | one_field | DEALS | st.none()


@st.composite
def pairs(draw, passed_on=True):
    """Looks at some deals, and two of the looks."""
    looks = draw(pipelines(passed_on))
    one = draw(st.integers(0, len(looks) - 2))
    return looks, one, draw(st.integers(one + 1, len(looks) - 1))


def frame_of(look):
    """The frame of one look."""
    rows = [{"unique_id": key, **deal} for key, deal in sorted(look.items()) if deal is not None]
    columns = ["unique_id", "value", "stage", "close_date", "status", "owner_name"]
    return org.conform(
        pd.DataFrame(rows, columns=columns).astype({"value": "float64", "owner_name": TEXT})
    )


def history_of(looks, order=None, *, again=False):
    """The history of some looks, their rows in a random order where one is given; with `again`,
    each recorded twice."""
    history = scratch_history()
    for at, look in zip(MONDAYS, looks, strict=False):
        frame = frame_of(look)
        # Every deal of a look may lose its value, date or owner at once.
        lost = [name for name in frame.columns.drop("unique_id") if frame[name].isna().all()]
        rows = frame if order is None else frame.sample(frac=1, random_state=order)
        history.record(rows, at=at, allow_missing=lost)
        if again:
            history.record(frame, at=at + pd.Timedelta(hours=9), allow_missing=lost)
    return history


# The definitions, word by word.


def state(deal):
    won = deal["stage"] == "closed_won" or deal["status"] == "won"
    lost = deal["stage"] == "closed_lost" or deal["status"] == "lost"
    if won or lost:
        return "conflict" if won and lost else "won" if won else "lost"
    if deal["status"] == "inactive":
        return "disqualified"
    return "unknown" if deal["stage"] in ("on hold", None) else "open"


def is_known(deals):
    """False for deals of which nothing is known: as a history or a frame they are an error."""
    states = {state(deal) for deal in deals if deal is not None}
    return states != {"unknown"}


def is_open(deal):
    return deal is not None and state(deal) == "open"


def is_due(deal, due):
    return due is None or (
        deal["close_date"] is not None and due[0] <= deal["close_date"] <= due[1]
    )


def in_pool(deal, due):
    return is_open(deal) and is_due(deal, due)


def cents(deal):
    return round((deal["value"] or 0) * 100)
