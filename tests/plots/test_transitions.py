from matplotlib.axes import Axes

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def cells(ax: Axes) -> dict[tuple[float, float], str]:
    """The number in each filled cell, by its row and column."""
    filled = {(cell.get_y() + 0.5, cell.get_x() + 0.5) for cell in ax.patches}  # type: ignore[attr-defined]
    return {
        place: said.get_text()
        for said in ax.texts
        if (place := said.get_position()[::-1]) in filled
    }


def test_transitions__cells_are_the_steps():
    ax = plots.transitions(TABLES["transitions"])
    assert reading.rows(ax) == ["Discovery", "Proposal"]
    assert reading.slots(ax) == ["Discovery", "Proposal", "Closed won", "Closed lost"]
    assert cells(ax) == {(0, 1): "1", (0, 3): "1", (1, 2): "1"}
    assert reading.caption(ax) == "3 steps · as of Mar 31, 2026"
