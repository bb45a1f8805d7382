from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.analysis import stage_flow, transitions
from opp_analytics.history import History
from tests.history.logs import wide

PIPEDRIVE = Path(__file__).parents[2].parent / "shared/data/pipedrive_enpal"


def test_from_changes__wide_log():
    history = History.from_changes(wide())
    assert history.records["recorded_at"].dt.strftime("%m-%d").tolist() == [
        "01-05",
        "01-12",
        "01-19",
    ]
    assert history.records["rows"].tolist() == [2, 2, 2]
    assert history.changes()["operation"].tolist() == ["new", "new", "changed", "changed"]
    assert history.as_of("2026-01-12")["stage"].tolist() == ["proposal", "proposal"]
    assert history.check().empty


def test_from_changes__takes_our_own_log_back(tmp_path):
    history = History(tmp_path / "one")
    frame = pd.DataFrame({"unique_id": ["a", "b"], "stage": "proposal", "value": [1.0, 2.0]})
    history.record(frame, at="2026-01-05")
    history.record(frame.iloc[:1], at="2026-01-12")
    history.record(frame.assign(value=7.0), at="2026-01-19")
    again = History.from_changes(history.changes(), path=tmp_path / "two")
    pd.testing.assert_frame_equal(again.changes(), history.changes())
    pd.testing.assert_frame_equal(again.records.iloc[:, :3], history.records.iloc[:, :3])
    assert again.record(frame, at="2026-01-26").changed == 2
    with pytest.raises(oa.errors.HistoryError, match="already contains records"):
        History.from_changes(wide(), path=tmp_path / "two")


def test_from_changes__long_log_without_a_line_has_no_record():
    log = pd.DataFrame(columns=["unique_id", "changed_at", "field", "new_value"])
    assert History.from_changes(log).records.empty


def test_records__of_an_import_set_aside_are_its_first_and_last(tmp_path):
    history = History.from_changes(wide(), path=tmp_path)
    whole = history.records
    (tmp_path / "changes/000001.parquet").write_bytes(b"")
    history.check(set_aside=True)
    ends = history.records
    pd.testing.assert_frame_equal(
        ends, whole.iloc[[0, -1]].reset_index(drop=True).assign(complete=False)
    )


def test_from_changes__reports_what_is_wrong():
    log = wide(
        operation=["new", "new", "new", "changed"],
        seen_at=["2026-01-05", "2026-01-05", "2026-01-12", "2026-01-05"],
    )
    with pytest.warns(
        oa.errors.DataWarning, match="two creations.*several changes|several changes.*two creations"
    ):
        history = History.from_changes(log)
    found = history.check().set_index("unique_id")["problem"]
    assert found["a"].startswith("two creations")
    assert found["b"].startswith("several changes at one time; their order was taken from the file")
    assert history.as_of("2026-01-05")["value"].tolist() == [1.0, 4.0]


@pytest.mark.parametrize(
    ("log", "says"),
    [
        (wide().drop(columns="seen_at"), "no column seen_at"),
        (wide(seen_at="soon"), "column 'seen_at' has a value that is not a time"),
        (wide(seen_at="9999-12-31T23:59:00Z"), "times lie between"),
        (wide(operation="moved"), "operation='moved' is unknown; use one of"),
        (wide(unique_id=["a", None, "a", "b"]), "row 1 of the log has no unique_id"),
    ],
)
def test_from_changes__refuses(log, says):
    with pytest.raises(oa.errors.DataError, match=says):
        History.from_changes(log)


def test_from_changes__refuses_opportunities_that_a_merge_fanned_out():
    fanned = pd.DataFrame({"unique_id": ["a", "b", "a"], "stage": "proposal"})
    with pytest.raises(oa.errors.DataError, match="'a' occurs more than once.*drop_duplicates"):
        History.from_changes(wide(), opportunities=fanned)


def test_from_changes__tombstone_keeps_what_was_known():
    log = wide(
        operation=[None, None, None, "deleted"],
        value=[1.0, 2.0, 3.0, None],
        stage=["x", "proposal", "x", None],
    )
    gone = History.from_changes(log).changes().iloc[-1]
    assert (gone["operation"], gone["value"], gone["stage"]) == ("deleted", 2.0, "proposal")


@pytest.fixture(scope="module")
def pipedrive():
    """The public change log as ours: stage names, and a lost reason that closes the deal."""
    if not PIPEDRIVE.is_dir():
        pytest.skip(f"the public change log is not in {PIPEDRIVE}")
    log = pd.read_csv(PIPEDRIVE / "deal_changes.csv", dtype="str")
    log = log.rename(
        columns={"deal_id": "unique_id", "change_time": "changed_at", "changed_field_key": "field"}
    )
    closing = log[log["field"] == "lost_reason"].assign(field="status", new_value="lost")
    log["field"] = log["field"].replace(
        {"add_time": "created_at", "stage_id": "stage", "user_id": "owner_id"}
    )
    return pd.concat([log, closing], ignore_index=True)


REUSED = {"554294", "556338", "955417", "851850", "399956"}


NINE = oa.Org(stages=[{"name": name, "kind": "open"} for name in "123456789"])


@pytest.mark.filterwarnings("ignore:unknown stages")
def test_from_changes__of_a_public_log_reports_reused_ids(pipedrive):
    with pytest.warns(
        oa.errors.DataWarning,
        match=(
            r"5 deals \(such as '\d+'\) have two creations under one ID; two deals may be "
            r"mixed\."
        ),
    ):
        history = History.from_changes(pipedrive, org=NINE)
    found = history.check()
    assert set(found[found["problem"].str.startswith("two creations")]["unique_id"]) == REUSED
    assert (
        set(found[found["problem"].str.startswith("changes out of order")]["unique_id"]) == REUSED
    )
    steps = transitions(history).dropna(subset="from_stage")
    ahead = steps["to_stage"].astype("str").astype("int64") - steps["from_stage"].astype(
        "str"
    ).astype("int64")
    assert (ahead > 1).sum() == 2502


@pytest.mark.filterwarnings("ignore:unknown stages")
def test_from_changes__of_a_public_log_gives_the_published_figures(pipedrive):
    history = History.from_changes(pipedrive[~pipedrive["unique_id"].isin(REUSED)], org=NINE)
    steps = transitions(history)
    reached = steps.groupby("to_stage", observed=True)["unique_id"].nunique()
    assert reached.tolist() == [1990, 1474, 1300, 1082, 892, 738, 586, 476, 322]
    days = ["2024-03-31", "2024-06-30", "2024-09-30", "2024-12-31"]
    open_then = []
    for day in days:
        frame = history.as_of(f"{day}T23:59:59Z")
        open_then.append(int((frame["stage"].notna() & (frame["status"] != "lost")).sum()))
    assert open_then == [370, 564, 509, 76]
    moments = history.records["recorded_at"]
    whole = {"start": moments.iloc[0], "end": moments.iloc[-1]}
    seen = stage_flow(history, **whole, assume_passed=False)
    assert seen["entries"].tolist() == reached.tolist()
    passed = stage_flow(history, **whole)
    assert passed.loc["1", "advanced"] == passed.loc["2", "entries"] == 1985


def test_from_changes__outlives_the_object_that_made_it():
    history = History.from_changes(wide())
    read_again = history.read_by(oa.Org(currency="EUR"))
    del history
    assert len(read_again.records) > 0
