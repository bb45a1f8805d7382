import pandas as pd

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_waterfall__steps_from_opening_to_closing():
    ax = plots.waterfall(TABLES["waterfall"])
    assert reading.rows(ax) == ["Pipeline opening", "new", "won", "Pipeline closing"]
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [  # type: ignore[attr-defined]
        (0, 100),
        (100, 50),
        (150, -30),
        (0, 120),
    ]
    assert reading.texts(ax)[:4] == ["100, 4 deals", "+50, 2 deals", "−30, 1 deal", "120, 5 deals"]
    assert reading.caption(ax) == "5 open deals at the end · as of Mar 31, 2026"


def test_waterfall__by_group_is_a_bar_of_movements_each():
    index = pd.MultiIndex.from_product(
        [["Ann", "Bo"], ["opening", "new", "won", "transferred_in", "transferred_out", "closing"]],
        names=["owner_name", "movement"],
    )
    values = [100.0, 50.0, -30.0, 0.0, -20.0, 100.0, 0.0, 0.0, 0.0, 20.0, 0.0, 20.0]
    table = pd.DataFrame({"count": 1, "value": values, "deals": 1}, index=index)
    ax = plots.waterfall(table)
    assert reading.rows(ax) == ["Bo", "Ann"]
    assert reading.texts(ax)[:2] == ["+20", "0"]
    assert reading.widths(ax) == [20, 0, 50, -50]
    assert reading.caption(ax) == "2 groups · what came in and what left, with the change"
    still = plots.waterfall(table.assign(value=0.0))
    assert "nothing moved in this period" in reading.texts(still)
