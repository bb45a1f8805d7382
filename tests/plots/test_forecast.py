from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_forecast__shows_buckets_target_and_range():
    ax = plots.forecast(TABLES["forecast"])
    assert reading.slots(ax) == ["overdue", "unscheduled", "Mar 2026*", "Apr 2026"]
    assert set(reading.legend(ax)) == {
        "booked",
        "weighted open",
        "overdue, weighted",
        "median and 80% range",
        "target",
    }
    assert ax.get_xlabel() == "* to date"
    assert reading.caption(ax) == "4 open deals · as of Mar 31, 2026"


def test_forecast__bars_are_booked_with_weighted_open_on_top():
    bars = plots.forecast(TABLES["forecast"]).patches
    assert [(bar.get_y(), bar.get_height()) for bar in bars] == [  # type: ignore[attr-defined]
        (0, 100),
        (0, 0),
        (100, 40),
        (0, 60),
        (0, 3),
    ]


def test_forecast__names_weeks_by_their_first_day():
    ax = plots.forecast(TABLES["forecast"].rename({"2026-03": "2026-03-16/2026-03-22"}))
    assert "Mar 16, 2026*" in reading.slots(ax)
    assert ax.get_xlabel() == "weeks by their first day · * to date"


def test_forecast__names_groups():
    ax = plots.forecast(TABLES["forecast"].assign(owner="Ann").set_index("owner", append=True).swaplevel())
    assert "Ann · Apr 2026" in reading.slots(ax)
    assert reading.title(ax) == "Forecast by group and period"


def test_forecast__leaves_air_above_the_highest_bar():
    ax = plots.forecast(TABLES["forecast"].assign(low=None, high=None).astype({"low": float, "high": float}))
    assert ax.get_ylim()[1] > 140


def test_forecast__of_nothing():
    assert "nothing won or open" in reading.texts(plots.forecast(TABLES["forecast"].head(0)))
