import pandas as pd

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_pipeline_created__draws_bars_of_new_value():
    ax = plots.pipeline_created(TABLES["pipeline_created"])
    assert reading.slots(ax) == ["Feb 2026\n2 deals", "Mar 2026*\n1 deal"]
    assert reading.heights(ax) == [300_000, 50_000]
    assert reading.texts(ax)[:2] == ["300K", "50K"]
    assert reading.caption(ax) == "3 deals · as of Mar 31, 2026"


def test_pipeline_created__stacks_the_largest_groups_and_the_rest():
    names = [f"Rep {k}" for k in range(10)]
    index = pd.MultiIndex.from_product(
        [names, ["2026-02", "2026-03"]], names=["owner_name", "period"]
    )
    values = [float(100 - k // 2) for k in range(20)]
    table = pd.DataFrame(
        {"deals": 1, "value": values, "open_count": 1, "open_value": 5.0, "to_date": False},
        index=index,
    )
    ax = plots.pipeline_created(table)
    assert {*names[:3], "7 more"} <= set(reading.texts(ax))
    assert reading.legend(ax) == []
    assert reading.heights(ax)[3::4] == [sum(range(91, 98))] * 2
