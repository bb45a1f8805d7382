""""""

from __future__ import annotations

import pytest

import opp_analytics as oa
from opp_analytics.analysis import stage_flow, stage_flow_deals
from opp_analytics.note import note_of
from tests.analysis.stages.windows import ALL
from tests.history.logs import history_of, recorded, row

# One of the deals is without a stage for a week.
pytestmark = pytest.mark.filterwarnings("ignore:unknown stages")


def test_stage_flow__every_end(history):
    table = stage_flow(history, **ALL)
    assert table.index.tolist() == ["discovery", "qualification", "proposal", "negotiation"]
    # Entries: discovery jumps; qualification walks, goes, odd twice, jumps, and jumps passing; and
    # so on.
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


def test_stage_flow__median_counts_those_still_there_as_longer():
    rows = [("z", 0, 1.0, "discovery", None, "active")]
    rows += [(f"d{k}", 0, 1.0, "discovery", None, "active") for k in range(4)]
    rows += [(f"d{k}", 1, 1.0, "proposal", None, "active") for k in range(4)]
    rows += [(f"d{k}", 2 + k, 1.0, "closed_won", None, "won") for k in range(3)]
    flow = stage_flow(history_of(rows), **ALL)
    # Four spells in proposal: 7, 14, 21 days, and one that is 21 days old: half have left after 14.
    assert flow.loc["proposal", ["entries", "advanced", "still"]].tolist() == [4, 3, 1]
    assert flow.loc["proposal", "median_days"] == 14.0


def test_stage_flow__cuts_fractions_of_a_second_off():
    # Noon to noon two weeks later; an engine that rounds its seconds would see a second more, and a
    # fifteenth day.
    at = ["2026-01-04T12:00:00.0Z", "2026-01-05T12:00:00.4Z", "2026-01-19T12:00:00.6Z"]
    stages = ["discovery", "proposal", "closed_won"]
    rows = [
        {**row("a", "2026-01-04", stage), "seen_at": when}
        for stage, when in zip(stages, at, strict=True)
    ]
    flow = stage_flow(recorded(rows), start=at[0], end="2026-01-31")
    assert flow.loc["proposal", "median_days"] == 14.0


def test_stage_flow__by_group_and_own_stages():
    org = oa.Org(
        stages=[
            {"name": "Demo", "kind": "open", "aliases": ["Call"]},
            {"name": "Verbal", "kind": "open"},
            {"name": "Signed", "kind": "won"},
        ]
    )
    rows = [
        ("z", 0, 1.0, "Demo", None, None),
        ("a", 1, 1.0, "Call", None, None),
        ("a", 2, 1.0, "Signed", None, None),
    ]
    table = stage_flow(history_of(rows, org=org, owner_name="Ann"), **ALL, by="owner_name")
    assert table.index.tolist() == [("Ann", "Demo"), ("Ann", "Verbal")]
    assert table["entries"].tolist() == [1, 1]
    assert table["passed"].tolist() == [0, 1]
    assert note_of(table).org == org.facts


def test_stage_flow__warns_of_unknown_stages_and_counts_their_deals():
    rows = [
        ("z", 0, 1.0, "discovery", None, None),
        ("z", 1, 1.0, "proposal", None, None),
        ("z", 2, 1.0, "Hm", None, None),
    ]
    history = history_of(rows)
    with pytest.warns(oa.errors.DataWarning, match="unknown stages: 'Hm'; 1 deal left out"):
        table = stage_flow(history, **ALL)
    assert table.loc["proposal", "removed"] == 1
    assert note_of(table).figures["left_out"] == {"unknown": 1}


def test_stage_flow__refuses_a_history_of_unknown_stages_only():
    rows = [("z", week, 1.0, name, None, None) for week, name in enumerate(["Demo", "Signed"])]
    with pytest.raises(oa.errors.DataError, match=r"History\(path, org=org\)"):
        stage_flow(history_of(rows), **ALL)


def test_stage_flow_deals__count_up_to_the_flow(history):
    flow, entries = stage_flow(history, **ALL), stage_flow_deals(history, **ALL)
    counted = entries.groupby(["stage", "outcome"]).size()
    for stage, ends in flow.iterrows():
        for outcome in ("advanced", "lost", "back", "removed", "still"):
            assert counted.get((stage, outcome), 0) == ends[outcome], (stage, outcome)
    assert note_of(entries).figures["n"] == flow["entries"].sum() == len(entries)
    assert entries.groupby("stage")["passed"].sum().to_dict() == {
        "discovery": 0,
        "qualification": 1,
        "proposal": 1,
        "negotiation": 1,
    }
