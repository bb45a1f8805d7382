import pytest

import opp_analytics as oa
from opp_analytics.analysis import stage_flow
from tests.analysis.stages.windows import ALL
from tests.history.logs import history_of


def test_stage_flow__every_end(history):
    table = stage_flow(history, **ALL)
    assert table.index.tolist() == ["discovery", "qualification", "proposal", "negotiation"]
    # Entries: discovery jumps; qualification walks, goes, odd twice, jumps, and jumps passing; and so on.
    assert table["entries"].tolist() == [1, 6, 4, 3]
    assert table["advanced"].tolist() == [1, 2, 2, 1]
    assert table["lost"].tolist() == [0, 0, 1, 0]
    assert table["back"].tolist() == [0, 0, 0, 1]
    assert table["removed"].tolist() == [0, 2, 0, 1]
    assert table["still"].tolist() == [0, 2, 1, 0]
    assert table["passed"].tolist() == [0, 1, 1, 1]
    ends = table[["advanced", "lost", "back", "removed", "still"]].sum(axis=1)
    assert (ends == table["entries"]).all()
    assert table["conversion"].tolist() == pytest.approx([1.0, 2 / 4, 2 / 3, 1 / 3])


def test_stage_flow__without_assumed_passes(history):
    table = stage_flow(history, **ALL, assume_passed=False)
    assert table["entries"].tolist() == [1, 5, 3, 2]
    assert table["passed"].sum() == 0


def test_stage_flow__median_counts_those_still_there_as_longer():
    rows = [("z", 0, 1.0, "discovery", None, "active")]
    rows += [(f"d{k}", 0, 1.0, "discovery", None, "active") for k in range(4)]
    rows += [(f"d{k}", 1, 1.0, "proposal", None, "active") for k in range(4)]
    rows += [(f"d{k}", 2 + k, 1.0, "closed_won", None, "won") for k in range(3)]
    flow = stage_flow(history_of(rows), **ALL)
    # Four spells in proposal: 7, 14, 21 days, and one that is 21 days old: half have left after 14.
    assert flow.loc["proposal", ["entries", "advanced", "still"]].tolist() == [4, 3, 1]
    assert flow.loc["proposal", "median_days"] == 14.0


def test_stage_flow__by_group_and_own_stages(history):
    table = stage_flow(history, **ALL, by="owner_name", stages=["discovery", "on hold"])
    assert table.index.tolist() == [("Ann", "discovery"), ("Ann", "on hold")]
    assert table["entries"].tolist() == [1, 1]
    with pytest.raises(oa.errors.ArgumentError, match="stages="):
        stage_flow(history, **ALL, stages=["a", "a"])


def test_stage_flow__nobody_entered(history):
    table = stage_flow(history, start="2026-01-27", end="2026-02-02", by="owner_name", stages=["discovery"])
    assert table.empty
    assert table.dtypes["entries"] == "int64"
