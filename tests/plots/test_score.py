import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from opp_analytics import plots
from opp_analytics.plots.render import COLORS
from tests.plots import reading
from tests.plots.tables import TABLES


def test_score__bars_are_the_errors_the_best_method_first_and_blue_where_beyond_chance():
    ax = plots.score(TABLES["score"])
    assert reading.widths(ax) == [0.2, 0.5, 0]
    assert reading.rows(ax) == ["stage", "stated", "curve"]
    assert reading.texts(ax)[:3] == [
        "20%, ran 10% high, 100% of ranges held",
        "50%, ran 50% low, 50% of ranges held",
        "too little history",
    ]
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [
        COLORS["hi"],
        COLORS["mute"],
        COLORS["mute"],
    ]
    close = plots.score(TABLES["score"].assign(differs=False))
    assert {to_hex(bar.get_facecolor()) for bar in close.patches} == {COLORS["mute"]}
    assert reading.caption(ax) == "each method on the same 2 forecasts · as of Mar 31, 2026"


def test_score__says_when_nothing_was_booked():
    table = TABLES["score"].assign(wape=np.nan)
    assert "nothing was booked in the periods that have ended" in reading.texts(plots.score(table))


def test_score__by_period_keeps_the_order_of_time():
    table = TABLES["score"].head(2).set_axis(pd.Index(["2026-01", "2026-02"], name="period"))
    ax = plots.score(table)
    assert reading.rows(ax) == ["2026-01", "2026-02"]
    assert {to_hex(bar.get_facecolor()) for bar in ax.patches} == {COLORS["mute"]}


def test_score__by_lead_are_curves_from_far_to_near_the_first_method_in_blue():
    bands = pd.CategoricalIndex(["0–1", "8–14"], ["0–1", "8–14"], ordered=True)
    methods = ["stated", "three_periods", "year_ago"]
    table = pd.DataFrame(
        {
            "n": [3, 3, 0, 5, 5, 0],
            "wape": [0.1, 0.2, None, 0.3, 0.4, None],
            "bias": 0.0,
            "coverage_80": 1.0,
            "differs": False,
        },
        pd.MultiIndex.from_product([bands, methods], names=["lead", "method"]),
    )
    table.attrs = {"freq": "M"}
    ax = plots.score(table)
    assert [line.get_ydata().tolist() for line in ax.lines[:2]] == [[0.3, 0.1], [0.4, 0.2]]
    assert [to_hex(line.get_color()) for line in ax.lines[:2]] == [COLORS["hi"], COLORS["mute"]]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["8–14\n5", "0–1\n3"]
    named = reading.texts(ax)
    assert "stated" in named
    assert "mean of the last three months" in named
    assert "a year ago" not in named
    alone = plots.score(table.xs("stated", level="method"))
    assert alone.lines[0].get_ydata().tolist() == [0.3, 0.1]
