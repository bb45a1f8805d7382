"""Calibration, learned rates, new business and backtests, on histories small enough to work by hand."""

import pandas as pd

import opp_analytics as oa
from opp_analytics import org
from opp_analytics.analysis.shared.replay import Replay


def test_replay__knows_at_each_record_what_the_history_knows(tmp_path):
    first = pd.DataFrame(
        {
            "unique_id": ["a", "b", "c"], "name": "x", "account_id": "y", "value": [1.0, 2.0, None],
            "stage": ["proposal", "discovery", "discovery"], "close_date": ["2026-03-01", None, "2026-04-01"],
            "probability": [50, None, 10], "status": "active",
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        }
    )  # fmt: skip
    history = oa.History(tmp_path / "log", org=oa.Org(stages=[*org.STAGES, org.Stage("lost?", "lost")]))
    frames = [
        first,
        first.assign(stage=["closed_won", "discovery", "lost?"]).drop(index=1),
        first,
        first.head(0),
    ]
    for day, frame in enumerate(frames, start=1):
        history.record(org.conform(frame), at=pd.Timestamp(f"2026-02-0{day}T10:00Z"))
    replay = Replay.of(history, "test")
    for moment in [*history.records["recorded_at"], pd.Timestamp("2026-02-02T09:00Z")]:
        known = replay.until(moment)
        ours, theirs = known.as_of(moment), history.as_of(moment)
        shared = [name for name in ours.columns if name in theirs]
        assert len(shared) >= 7
        pd.testing.assert_frame_equal(
            org.conform(ours[shared]).sort_values("unique_id", ignore_index=True),
            org.conform(theirs[shared]).sort_values("unique_id", ignore_index=True),
        )
        assert known.as_of(pd.Timestamp("2027-01-01T00:00Z")).equals(ours)
        assert (known.records["recorded_at"] <= moment).all()
