import pandas as pd

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES

TABLE = TABLES["forecast_change"]


def test_forecast_change__steps_from_then_to_now():
    ax = plots.forecast_change(TABLE)
    assert reading.title(ax) == "March is up 15 since Mar 24, to 115"
    assert reading.rows(ax) == [
        "Forecast Mar 24",
        "won beyond its chance",
        "pushed out",
        "new business",
        "Forecast Mar 31",
    ]
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [  # type: ignore[attr-defined]
        (0, 100),
        (100, 30),
        (130, -20),
        (110, 5),
        (0, 115),
    ]
    assert reading.texts(ax)[:5] == ["100, 4 deals", "+30, Acme", "−20, 2 deals", "+5", "115, 4 deals"]
    assert reading.caption(ax) == "4 deals · as of Mar 31, 2026 · method: learned"


def test_forecast_change__of_nothing():
    table = TABLE.assign(expected=0.0, deals=0)
    assert "nothing was expected at either time" in reading.texts(plots.forecast_change(table))


def test_forecast_change__by_group_is_a_bar_of_ups_and_downs_each():
    index = pd.MultiIndex.from_product(
        [["Ann", "Bo"], ["then", "won", "lost", "now"]], names=["owner_name", "movement"]
    )
    expected = [10.0, 5.0, -20.0, -5.0, 0.0, 2.0, 0.0, 2.0]
    table = pd.DataFrame({"expected": expected, "value": 1.0, "deals": 1, "largest": "Cog"}, index=index)
    table.attrs = TABLE.attrs
    ax = plots.forecast_change(table)
    assert reading.rows(ax) == ["Ann", "Bo"]
    assert reading.texts(ax)[:2] == ["−15", "+2"]
    assert reading.widths(ax) == [5, -20, 2, 0]
