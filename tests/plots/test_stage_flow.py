from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_stage_flow__bars_are_entries_by_their_outcome():
    ax = plots.stage_flow(TABLES["stage_flow"])
    assert reading.rows(ax) == ["Discovery", "Proposal"]
    assert "2 moved on" in reading.texts(ax)
    assert reading.legend(ax) == []
    assert reading.widths(ax) == [2, 1, 1, 1, 1]
    assert [bar.get_x() for bar in ax.patches] == [0, 2, 3, 0, 1]  # type: ignore[attr-defined]
    assert {"moved on", "days", "67%", "12", "50%", "–"} <= set(reading.texts(ax))
    assert reading.caption(ax) == (
        "6 entries · as of Mar 31, 2026 · strong gray: back, faint blue: still open · days: "
        "median in the stage"
    )
