import pandas as pd

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_forecast_categories__draws_the_periods_from_now_on():
    ax = plots.forecast_categories(TABLES["forecast_categories"])
    assert reading.rows(ax) == ["overdue", "Mar 2026", "Apr 2026"]
    assert reading.widths(ax) == [10_000, 100_000, 50_000, 20_000, 30_000, 5_000]
    assert "150K commit, 170K best" in reading.texts(ax)
    assert reading.title(ax) == "March: 100K closed, 150K with Commit, 170K with Best case"


def test_forecast_categories__by_group_is_one_period_the_largest_first():
    table = TABLES["forecast_categories"]
    grouped = pd.concat(
        {"Ann": table, "Bo": table.assign(closed=table["closed"] * 2)}, names=["owner_name"]
    )
    ax = plots.forecast_categories(grouped)
    assert reading.rows(ax) == ["Bo", "Ann"]
    past = plots.forecast_categories(grouped[~grouped["to_date"]])
    assert reading.rows(past)[:2] == ["Bo · Feb 2026", "Ann · Feb 2026"]
