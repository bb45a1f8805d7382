import pandas as pd

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_transitions__cells_are_the_steps():
    ax = plots.transitions(TABLES["transitions"])
    assert reading.rows(ax) == ["discovery", "proposal"]
    assert reading.slots(ax) == ["discovery", "proposal", "closed_won", "closed_lost"]
    assert ax.images[0].get_array().tolist() == [[0, 1, 0, 1], [0, 0, 1, 0]]
    assert reading.caption(ax) == "3 steps · as of Mar 31, 2026"


def test_transitions__draws_the_rows_it_is_given():
    table = TABLES["transitions"]
    lost = plots.transitions(table[table["to_stage"] == "closed_lost"])
    assert lost.images[0].get_array().tolist() == [[0, 1]]
    twice = plots.transitions(pd.concat([table, table]))
    assert twice.images[0].get_array().tolist() == [[0, 2, 0, 2], [0, 0, 2, 0]]


def test_transitions__of_nothing():
    assert "no stage change seen yet" in reading.texts(plots.transitions(TABLES["transitions"].head(1)))
