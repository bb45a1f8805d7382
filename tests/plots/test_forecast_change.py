import pandas as pd
import pytest

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES

TABLE = TABLES["forecast_change"]


def test_forecast_change__steps_from_then_to_now():
    ax = plots.forecast_change(TABLE)
    assert reading.title(ax) == "Acme won beyond its chance (+30)"
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
    assert reading.texts(ax)[:5] == [
        "100, 4 deals",
        "+30, Acme",
        "−20, Bolt and 1 more",
        "+5",
        "115, 4 deals",
    ]
    assert reading.caption(ax) == "4 deals · as of Mar 31, 2026 · method: learned"


def test_forecast_change__by_group_is_a_bar_of_ups_and_downs_each():
    index = pd.MultiIndex.from_product(
        [["Ann", "Bo"], ["then", "won", "lost", "now"]], names=["owner_name", "movement"]
    )
    expected = pd.Series([10.0, 5.0, -20.0, -5.0, 0.0, 2.0, 0.0, 2.0], index)
    up, down = expected.clip(lower=0.0), expected.clip(upper=0.0)
    table = pd.DataFrame(
        {
            "expected": expected,
            "value": 1.0,
            "deals": 1,
            "largest": "Cog",
            "up": up,
            "down": down,
            "up_deals": (up > 0).astype(int),
            "down_deals": (down < 0).astype(int),
            "up_largest": "Cog",
            "down_largest": "Cog",
            "up_most": up,
            "down_most": down,
        }
    )
    table.attrs = TABLE.attrs
    ax = plots.forecast_change(table)
    assert reading.rows(ax) == ["Ann", "Bo"]
    assert reading.texts(ax)[:2] == ["−15", "+2"]
    assert reading.widths(ax) == [5, -20, 2, 0]


def test_forecast_change__cuts_the_totals_where_the_steps_are_small_beside_them():
    table = TABLE.assign(expected=[1000.0, 0.0, 30.0, -20.0, 0.0, 5.0, 1015.0])
    ax = plots.forecast_change(table)
    left, right = ax.get_xlim()
    # From 980 to 1,030 the steps take 50; the scale begins 0.35 of that below, and each total has a
    # gap there.
    assert left == pytest.approx(1000 - 0.35 * 30)
    gaps = [line for line in ax.lines if line.get_color() == "#ffffff"]
    assert [line.get_ydata()[0] > line.get_ydata()[1] for line in gaps] == [True, True]  # type: ignore[index]
    assert all(left < x < 1000 for line in gaps for x in line.get_xdata())
    assert reading.caption(ax).endswith("the bars of both totals are cut")
    assert not [
        line for line in plots.forecast_change(TABLE).lines if line.get_color() == "#ffffff"
    ]
    assert right > 1030
