import pandas as pd

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_scorecard__shows_rates_and_the_other_scores_beside_them():
    ax = plots.scorecard(TABLES["scorecard"].iloc[::-1].pipe(_with_attrs))
    assert reading.title(ax) == "Ann’s 75% and Bo’s 20% win rates are beyond chance (48% overall)"
    assert reading.rows(ax) == ["Ann", "Bo"]
    assert reading.texts(ax)[:12] == [
        "won",
        "days to win",
        "slips",
        "forecast bias",
        "30 of 40",
        "34",
        "30%",
        "−12%",
        "8 of 40",
        "–",
        "–",
        "–",
    ]
    assert reading.caption(ax).endswith(
        "95% intervals · blue: differs from the others beyond chance"
    )


def _with_attrs(table: pd.DataFrame) -> pd.DataFrame:
    table.attrs = TABLES["scorecard"].attrs
    return table
