"""Random histories against a plain reading of the frames that were recorded."""

import tempfile
from itertools import combinations, pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opp_analytics import schema
from opp_analytics.analysis import close_date_moves, slippage, stage_flow, transitions, waterfall
from opp_analytics.history import History

MONDAYS = pd.date_range("2026-01-05", periods=4, freq="7D", tz="UTC")
DUE = ("2026-02-01", "2026-02-28")

DEAL = st.none() | st.fixed_dictionaries(
    {
        "value": st.sampled_from([None, 0.0, 0.1, 10.01, 1e9]),
        "stage": st.sampled_from(["discovery", "proposal", "closed_won", "closed_lost", "on hold", None]),
        "close_date": st.sampled_from([None, "2026-01-20", "2026-02-01", "2026-02-28", "2026-03-01"]),
        "status": st.sampled_from(["active", "active", "active", "inactive", "won", "lost", None]),
    }
)
"""A deal as one record sees it; None is absent."""
PIPELINES = st.lists(st.fixed_dictionaries({"a": DEAL, "b": DEAL, "c": DEAL}), min_size=2, max_size=4)


def frame_of(pipeline):
    rows = [{"unique_id": key, **deal} for key, deal in pipeline.items() if deal is not None]
    columns = ["unique_id", "value", "stage", "close_date", "status"]
    return schema.conform(pd.DataFrame(rows, columns=columns).astype({"value": "float64"}))


def history_of(pipelines):
    history = History(tempfile.mkdtemp())
    for at, pipeline in zip(MONDAYS, pipelines, strict=False):
        history.record(frame_of(pipeline).iloc[::-1], at=at)
    return history


def is_open(deal):
    """Whether a deal is open, by the letter of the definition."""
    if deal is None or deal["stage"] in ("closed_won", "closed_lost"):
        return False
    return deal["status"] not in ("won", "lost", "inactive")


def in_pool(deal, due):
    return is_open(deal) and (
        due is None or (deal["close_date"] is not None and due[0] <= deal["close_date"] <= due[1])
    )


def cents(deal):
    return round((deal["value"] or 0) * 100)


@settings(max_examples=15, deadline=None)
@given(PIPELINES)
def test_as_of__equals_what_was_recorded(pipelines):
    history = history_of(pipelines)
    for at, pipeline in zip(MONDAYS, pipelines, strict=False):
        pd.testing.assert_frame_equal(history.as_of(at), frame_of(pipeline))
    last = MONDAYS[len(pipelines) - 1] + pd.Timedelta(days=1)
    again = history.record(frame_of(pipelines[-1]), at=last)
    assert again.new + again.changed + again.gone + again.returned == 0


@settings(max_examples=12, deadline=None)
@given(PIPELINES, st.sampled_from([None, DUE]))
def test_waterfall__balances_between_all_records(pipelines, due):
    history = history_of(pipelines)
    moments = MONDAYS[: len(pipelines)]
    tables = {}
    for one, other in combinations(range(len(pipelines)), 2):
        table = waterfall(history, start=moments[one], end=moments[other], due=due)
        money = (table["value"] * 100).round().astype("int64")
        for end, pipeline in (("opening", pipelines[one]), ("closing", pipelines[other])):
            pool = [deal for deal in pipeline.values() if in_pool(deal, due)]
            assert table.loc[end, "count"] == len(pool)
            assert money[end] == sum(map(cents, pool))
        assert money.iloc[:-1].sum() == money["closing"]
        assert table["count"].iloc[:-1].sum() == table.loc["closing", "count"]
        tables[one, other] = pd.DataFrame({"count": table["count"], "cents": money}).drop(
            ["opening", "closing"]
        )
    steps = pd.concat([tables[pair] for pair in pairwise(range(len(pipelines)))])
    whole = tables[0, len(pipelines) - 1]
    summed = steps.groupby(level="movement").sum().reindex(whole.index)
    pd.testing.assert_frame_equal(summed, whole, check_dtype=False)


@settings(max_examples=12, deadline=None)
@given(PIPELINES)
def test_slippage__partitions_the_cohort(pipelines):
    history = history_of(pipelines)
    end = MONDAYS[len(pipelines) - 1]
    table = slippage(history, start=MONDAYS[0], end=end)
    window = (str(MONDAYS[0].date()), str(end.date()))
    cohort = [key for key, deal in pipelines[0].items() if in_pool(deal, window)]
    assert table["count"].sum() == table.attrs["n"] == len(cohort)
    assert round(table["value"].sum() * 100) == sum(cents(pipelines[0][key]) for key in cohort)
    still_open = [key for key in cohort if is_open(pipelines[-1][key])]
    early = [k for k in still_open if (pipelines[-1][k]["close_date"] or "9") < window[0]]
    assert table.loc["pulled_out", "count"] == len(early)
    assert table.loc["slipped", "count"] == len(still_open) - len(early)


@settings(max_examples=12, deadline=None)
@given(PIPELINES)
def test_stage_flow__ends_sum_to_the_entries(pipelines):
    history = history_of(pipelines)
    flow = stage_flow(history, start=MONDAYS[0], end=MONDAYS[len(pipelines) - 1])
    ends = flow[["advanced", "lost", "back", "left", "still"]].sum(axis=1)
    assert (ends == flow["entries"]).all()
    table = transitions(history)
    seen = {}
    steps = []
    for at, pipeline in zip(MONDAYS, pipelines, strict=False):
        for key, deal in pipeline.items():
            if deal is not None and deal["stage"] is not None and seen.get(key) != deal["stage"]:
                steps.append((key, seen.get(key), deal["stage"], at))
                seen[key] = deal["stage"]
    found = [
        (key, None if pd.isna(before) else before, after, at)
        for key, before, after, at in table[["unique_id", "from_stage", "to_stage", "seen_at"]].itertuples(
            index=False
        )
    ]
    assert found == steps


@settings(max_examples=12, deadline=None)
@given(PIPELINES)
def test_close_date_moves__are_those_of_open_deals(pipelines):
    history = history_of(pipelines)
    table = close_date_moves(history)
    for key in "abc":
        seen = [pipeline[key] for pipeline in pipelines if pipeline[key] is not None]
        days = [
            (pd.Timestamp(after["close_date"]) - pd.Timestamp(before["close_date"])).days
            for before, after in pairwise(seen)
            if is_open(before) and is_open(after) and before["close_date"] and after["close_date"]
        ]
        if seen:
            assert table.loc[key, "pushes"] == sum(d > 0 for d in days)
            assert table.loc[key, "days_pulled"] == sum(d for d in days if d < 0)
        else:
            assert key not in table.index


@pytest.mark.spark
def test_from_table__on_spark_gives_the_same(tmp_path):
    pytest.importorskip("pyspark")
    import ibis

    values = {"value": 10.01, "stage": "discovery", "close_date": "2026-01-20", "status": "active"}
    pipelines = [
        {"a": values, "b": {**values, "value": None}, "c": None},
        {"a": {**values, "close_date": "2026-03-01"}, "b": None, "c": {**values, "stage": "proposal"}},
        {"a": {**values, "stage": "closed_won", "status": "won"}, "b": values, "c": None},
    ]
    own = history_of(pipelines)
    own.changes().to_parquet(tmp_path / "log.parquet", coerce_timestamps="us")
    spark = _spark(ibis)
    there = History.from_table(spark.read_parquet(str(tmp_path / "log.parquet")), own.records)
    window = {"start": MONDAYS[0], "end": MONDAYS[2]}
    for ask in (
        lambda h: slippage(h, **window),
        lambda h: waterfall(h, **window, due=DUE),
        lambda h: waterfall(h, **window),
        transitions,
        close_date_moves,
        lambda h: stage_flow(h, **window),
    ):
        pd.testing.assert_frame_equal(ask(there), ask(own))
    for at in MONDAYS[:3]:
        wanted = own.as_of(at)
        pd.testing.assert_frame_equal(there.as_of(at)[list(wanted.columns)], wanted)


def _spark(ibis):
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    return ibis.pyspark.connect(session)
