import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba
from matplotlib.text import Annotation

from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_forecast__names_its_marks_and_says_the_finding():
    ax = plots.forecast(TABLES["forecast"])
    assert reading.slots(ax) == ["Mar 2026*", "Apr 2026"]
    assert reading.legend(ax) == []
    assert {"140", "60", "target 120"} <= set(reading.texts(ax))
    assert (
        reading.title(ax)
        .replace("\n", " ")
        .startswith("March ends today: 100 closed, 20 to go, 70% likely")
    )
    assert ax.get_xlabel() == "* to date · not drawn: 1 overdue deal (10)"
    assert reading.caption(ax) == (
        "4 open deals · as of Mar 31, 2026 · gray: closed, blue: forecast, thin line: 80% range"
    )


def test_forecast__names_periods_whose_range_excludes_the_forecast():
    table = TABLES["forecast"].assign(
        high=[np.nan, np.nan, 100.0, 90.0], low=[np.nan, np.nan, 100.0, 20.0]
    )
    assert reading.caption(plots.forecast(table)).endswith("most likely nothing more in Mar 2026")


def test_forecast__bars_are_booked_with_what_is_expected_on_top_later_periods_paler():
    bars = plots.forecast(TABLES["forecast"]).patches
    drawn = [(bar.get_y(), bar.get_height(), to_rgba(bar.get_facecolor())[3]) for bar in bars]  # type: ignore[attr-defined]
    assert [(y, height) for y, height, *_ in drawn] == [
        (0, 100),
        (100, 40),
        (0, 0),
        (0, 60),
        (0, 60),
    ]
    assert [strength for *_, strength in drawn] == [1, 1, 1, 1, 0.45]


def test_forecast__figure_is_at_the_end_of_its_bar_beside_the_range():
    ax = plots.forecast(TABLES["forecast"])
    places = {text.get_text(): text.xy for text in ax.texts if isinstance(text, Annotation)}
    assert (places["60"], places["140"]) == ((1, 60), (0, 140))
    ranges = [line.get_segments()[0].tolist() for line in ax.collections[::2]]  # type: ignore[attr-defined]
    assert [[0.37, 100], [0.37, 200]] in ranges


def test_forecast__at_stated_chances_has_a_range_of_open_deals_only():
    table = TABLES["forecast"].copy()
    table.attrs["method"] = "stated"
    assert "thin line: 80% range of open deals due only" in reading.caption(plots.forecast(table))


def test_forecast__leaves_room_for_periods_without_a_deal_and_counts_those_far_away():
    later = TABLES["forecast"].rename({"2026-04": "2026-06"})
    assert reading.slots(plots.forecast(later)) == ["Mar 2026*", "Apr 2026", "May 2026", "Jun 2026"]
    ax = plots.forecast(TABLES["forecast"].rename({"2026-04": "2029-04"}))
    assert len(reading.slots(ax)) == 10
    assert ax.get_xlabel().endswith("1 overdue deal (10) and 1 period far from now")


def test_forecast__of_overdue_deals_alone_says_so():
    ax = plots.forecast(TABLES["forecast"].loc[["overdue"]])
    assert "no deal is won or due in a period" in reading.texts(ax)


def test_forecast__of_which_nothing_is_known_is_a_dash():
    columns = ["expected", "low", "median", "high", "p_target", "new_business"]
    table = TABLES["forecast"].copy()
    table.loc["2026-04", columns] = float("nan")
    assert "–" in reading.texts(plots.forecast(table))


def test_forecast__names_weeks_by_their_first_day():
    ax = plots.forecast(TABLES["forecast"].rename({"2026-03": "2026-03-16/2026-03-22"}))
    assert "Mar\xa016, 2026*" in reading.slots(ax)
    assert ax.get_xlabel().startswith("weeks by their first day · * to date")


def _by_owner(*owners: tuple[str, float]) -> pd.DataFrame:
    parts = {name: TABLES["forecast"].assign(expected=expected) for name, expected in owners}
    return pd.concat(parts, names=["owner_name"])


def test_forecast__of_groups_is_a_row_each_for_the_current_period_as_in_the_explorer():
    ax = plots.forecast(_by_owner(("Ann", 110.0), ("Bo", 150.0)))
    assert reading.rows(ax) == ["Bo", "Ann"]
    assert reading.texts(ax)[:2] == ["150 of 120", "110 of 120"]
    # Closed and the range; a dot is the forecast, a line the target.
    assert reading.widths(ax) == [100, 100, 100, 100]
    assert [np.ravel(line.get_xdata())[0] for line in ax.lines] == [150, 110]
    said = (
        "2 groups of Mar 2026 · as of Mar 31, 2026 · gray: closed, dot: forecast, band: range, "
        "line: target"
    )
    assert reading.caption(ax).startswith(said)
    assert reading.title(ax).startswith("No rep is at target; Ann’s forecast is 10 below")


def test_forecast__of_many_groups_counts_those_not_drawn():
    ax = plots.forecast(_by_owner(*((f"Rep {k}", float(k)) for k in range(1, 61))))
    assert len(reading.rows(ax)) == 30
    assert "30 smaller groups not shown" in reading.caption(ax)


def test_forecast__leaves_air_above_the_highest_bar():
    ax = plots.forecast(
        TABLES["forecast"].assign(low=None, high=None).astype({"low": float, "high": float})
    )
    assert ax.get_ylim()[1] > 140
