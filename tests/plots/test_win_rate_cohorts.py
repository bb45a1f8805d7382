import pytest

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_win_rate_cohorts__bars_stack_won_and_open():
    ax = plots.win_rate_cohorts(TABLES["win_rate_cohorts"])
    assert reading.slots(ax) == ["Q4 2025", "Q1 2026"]
    assert [(bar.get_y(), bar.get_height()) for bar in ax.patches] == [  # type: ignore[attr-defined]
        (0, 0.5),
        (0.5, pytest.approx(0.1)),
        (0, 0.25),
        (0.25, 0.5),
    ]
    assert reading.texts(ax)[:4] == ["n=6", "n=4", "won", "open"]
    assert reading.caption(ax) == (
        "10 deals · as of Mar 31, 2026 · share won and still open at the same age, by period "
        "of creation"
    )
