from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_forecast_fan__draws_range_expected_and_booked():
    ax = plots.forecast_fan(TABLES["forecast_fan"])
    assert {"5–12", "forecast 9", "closed 5"} <= set(reading.texts(ax))
    assert [line.get_ydata().tolist() for line in ax.lines] == [[8, 9], [0, 5]]
    assert reading.caption(ax) == "2 records · as of Mar 31, 2026 · band: 80% range"


def test_forecast_fan__draws_what_was_booked_in_the_end():
    table = TABLES["forecast_fan"]
    ax = plots.forecast_fan(table.assign(actual=7.0, period="2026-01", weeks_before=[3, 2]))
    assert reading.title(ax) == "The January forecast rose 1 since Jan 5"
    # A point, since a line across means the target.
    assert ax.lines[-1].get_ydata().tolist() == [7]
    assert "actual 7" in reading.texts(ax)
    assert "actual –" not in reading.texts(plots.forecast_fan(table.assign(actual=float("nan"))))
