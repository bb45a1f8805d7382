from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_forecast__names_its_marks_and_says_the_finding():
    ax = plots.forecast(TABLES["forecast"])
    assert reading.slots(ax) == ["overdue", "unscheduled", "Mar 2026*", "Apr 2026"]
    assert reading.legend(ax) == []
    assert {"booked", "expected", "80% range", "target", "140", "60"} <= set(reading.texts(ax))
    assert (
        reading.title(ax)
        .replace("\n", " ")
        .startswith("March: 100 closed, forecast 140 vs. 120 target; 70% likely")
    )
    assert ax.get_xlabel() == "* to date"
    assert reading.caption(ax) == "4 open deals · as of Mar 31, 2026 · pale: weighted by stated chances"


def test_forecast__bars_are_booked_with_what_is_expected_on_top():
    bars = plots.forecast(TABLES["forecast"]).patches
    assert [(bar.get_y(), bar.get_height()) for bar in bars] == [  # type: ignore[attr-defined]
        (0, 100),
        (0, 0),
        (100, 40),
        (0, 60),
        (0, 3),
    ]


def test_forecast__at_stated_chances_has_a_range_of_open_deals_only():
    table = TABLES["forecast"].copy()
    table.attrs["method"] = "stated: there is no history"
    assert "open deals due only" in reading.texts(plots.forecast(table))


def test_forecast__of_which_nothing_is_known_is_a_dash():
    columns = ["expected", "low", "median", "high", "p_target", "new_business"]
    table = TABLES["forecast"].copy()
    table.loc["2026-04", columns] = float("nan")
    assert "–" in reading.texts(plots.forecast(table))


def test_forecast__names_weeks_by_their_first_day():
    ax = plots.forecast(TABLES["forecast"].rename({"2026-03": "2026-03-16/2026-03-22"}))
    assert "Mar 16, 2026*" in reading.slots(ax)
    assert ax.get_xlabel() == "weeks by their first day · * to date"


def test_forecast__names_groups():
    ax = plots.forecast(TABLES["forecast"].assign(owner="Ann").set_index("owner", append=True).swaplevel())
    assert "Ann · Apr 2026" in reading.slots(ax)
    assert reading.title(ax).startswith("None of one ")


def test_forecast__leaves_air_above_the_highest_bar():
    ax = plots.forecast(TABLES["forecast"].assign(low=None, high=None).astype({"low": float, "high": float}))
    assert ax.get_ylim()[1] > 140


def test_forecast__of_nothing():
    assert "nothing won or open" in reading.texts(plots.forecast(TABLES["forecast"].head(0)))
