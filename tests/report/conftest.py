"""A small pipeline and its history."""

import pytest

from opp_analytics import History
from tests.report.pipelines import AS_OF, LAST_WEEK, THIS_WEEK, pipeline


@pytest.fixture
def opportunities():
    return pipeline(THIS_WEEK)


@pytest.fixture
def history(tmp_path):
    """Records of 2 and 9 March, as known last week, and of 16 March."""
    kept = History(tmp_path / "history")
    first = pipeline(LAST_WEEK).assign(
        close_date=lambda f: f["close_date"].replace("2026-03-20", "2026-03-10")
    )
    for day, frame in {
        "2026-03-01": first,
        "2026-03-09": pipeline(LAST_WEEK),
        AS_OF: pipeline(THIS_WEEK),
    }.items():
        frame.attrs = {}
        kept.record(frame, at=f"{day}T06:00:00Z")
    return kept
