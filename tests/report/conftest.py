"""A small pipeline and its history."""

import pytest

from opp_analytics import History
from tests.report.pipelines import AS_OF, LAST_WEEK, THIS_WEEK, pipeline, recorded


@pytest.fixture
def opportunities():
    return pipeline(THIS_WEEK)


@pytest.fixture(scope="session")
def history(tmp_path_factory):
    """Records of 1 and 9 March, as known last week, and of 16 March."""
    first = [(*row[:5], row[5].replace("2026-03-20", "2026-03-10"), *row[6:]) for row in LAST_WEEK]
    kept = History(tmp_path_factory.mktemp("kept") / "history")
    return recorded(kept, {"2026-03-01": first, "2026-03-09": LAST_WEEK, AS_OF: THIS_WEEK})
