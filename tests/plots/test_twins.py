"""Each drawing says what its table says."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from opp_analytics import analysis, errors, org, plots

DEALS = pd.DataFrame(
    {
        "unique_id": list("abcdef"),
        "name": list("abcdef"),
        "account_id": "x",
        "stage": ["closed_won", "closed_lost", "proposal", "proposal", "closed_won", "discovery"],
        "status": ["won", "lost", "active", "active", "won", "active"],
        "value": [100.0, 50.0, 80.0, -20.0, 40.0, 10.0],
        "close_date": ["2026-03-02", "2026-03-01", "2026-03-20", "2026-04-10", "2026-02-10", "2026-02-01"],
        "probability": [100, 0, 40, 60, 100, 30],
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-03-01T00:00:00Z",
        "owner": ["An owner with a name that is far too long for a label", "Bo", None, "Bo", "Bo", "Cy"],
    }
)
AS_OF = "2026-03-10"


def _texts(ax):
    return [t.get_text() for t in ax.texts]


def _tables(frame):
    return {
        "stage_funnel": analysis.stage_funnel(frame),
        "win_rate": analysis.win_rate(frame, as_of=AS_OF),
        "forecast": analysis.forecast(frame, as_of=AS_OF, target=120),
        "win_rate_curve": analysis.win_rate_curve(frame, as_of=AS_OF),
        "win_rate_definitions": analysis.win_rate_definitions(frame, as_of=AS_OF),
        "audit": analysis.audit(frame, as_of=AS_OF),
        "velocity": analysis.velocity(frame, as_of=AS_OF, by="owner" if "owner" in frame else None),
        "time_to_win": analysis.time_to_win(frame, as_of=AS_OF),
        "win_rate_cohorts": analysis.win_rate_cohorts(frame, as_of=AS_OF, age_days=30),
        "forecast_deals": analysis.forecast_deals(frame, as_of=AS_OF, target=120),
    }


@pytest.mark.parametrize("name", _tables(DEALS))
def test_plots__draw_full_and_empty_tables_on_new_and_given_axes(name):
    for frame in (DEALS, org.empty()):
        table = _tables(frame)[name]
        before = table.copy()
        getattr(plots, name)(table).figure.canvas.draw()
        ax = Figure().add_subplot()
        assert getattr(plots, name)(table, ax=ax) is ax
        pd.testing.assert_frame_equal(table, before)


def test_stage_funnel__bars_are_the_open_value():
    ax = plots.stage_funnel(analysis.stage_funnel(DEALS))
    assert [bar.get_width() for bar in ax.patches] == [10, 0, 60, 0]
    assert [t.get_text() for t in ax.get_yticklabels()] == [
        "discovery",
        "qualification",
        "proposal",
        "negotiation",
    ]


def test_win_rate__points_are_the_rates_and_n_stands_beside_them():
    ax = plots.win_rate(analysis.win_rate(DEALS, by="owner", as_of=AS_OF))
    assert "1 of 2" in _texts(ax)
    assert any("as of 2026-03-10" in text for text in _texts(ax))
    months = plots.win_rate(analysis.win_rate(DEALS, freq="M", as_of=AS_OF))
    assert "2026-03*" in [t.get_text() for t in months.get_xticklabels()]


def test_forecast__shows_buckets_target_and_range():
    ax = plots.forecast(analysis.forecast(DEALS, as_of=AS_OF, target=120))
    assert [t.get_text() for t in ax.get_xticklabels()][:2] == ["overdue", "unscheduled"]
    assert {t.get_text() for t in ax.get_legend().get_texts()} >= {
        "booked",
        "weighted open",
        "median and range",
        "target",
    }


def test_calibration_and_backtest__draw_their_tables():
    table = pd.DataFrame(
        {
            "n": [4, 0],
            "stated": [0.2, None],
            "realized": [0.25, None],
            "realized_low": [0.05, None],
            "realized_high": [0.7, None],
        },
        index=pd.Index(["0–50%", "50–100%"], name="bin"),
    )
    assert "4" in _texts(plots.calibration(table))
    made = pd.MultiIndex.from_product(
        [pd.to_datetime(["2026-01-01", "2026-01-08"]), ["2026-01"]], names=["made_at", "period"]
    )
    past = pd.DataFrame(
        {"weeks_before": [4, 3], "expected": [5.0, 7.0], "actual": 6.0, "error": [-1.0, 1.0]}, index=made
    )
    assert plots.backtest(past).lines[0].get_ydata().tolist() == [-1, 1]
    assert "no period was over by the last record" in _texts(plots.backtest(past.head(0)))


def test_forecast__names_weeks_by_their_first_day():
    ax = plots.forecast(analysis.forecast(DEALS, as_of="2026-03-18", freq="W"))
    assert "2026-03-16*" in [t.get_text() for t in ax.get_xticklabels()]
    assert ax.get_xlabel() == "weeks by their first day · * to date"


def test_forecast__leaves_air_above_the_highest_bar():
    ax = plots.forecast(analysis.forecast(DEALS[DEALS["stage"] == "closed_won"], as_of=AS_OF))
    assert ax.get_ylim()[1] > max(bar.get_height() for bar in ax.patches)


def test_velocity__bars_are_money_per_day_with_their_factors():
    table = analysis.velocity(DEALS, as_of=AS_OF)
    ax = plots.velocity(table)
    assert ax.patches[0].get_width() == pytest.approx(table["velocity"].iloc[0])
    assert any("3 × 67%" in text for text in _texts(ax))
    assert [t.get_text() for t in ax.get_yticklabels()] == ["all"]


def test_time_to_win__points_are_the_days_of_the_wins():
    table = analysis.time_to_win(DEALS, as_of=AS_OF, by="owner", quantiles=[0.5])
    ax = plots.time_to_win(table)
    assert ax.lines[0].get_xdata().tolist() == pytest.approx(table["days_of_won"].tolist(), nan_ok=True)


def test_win_rate_cohorts__bars_stack_won_and_open():
    table = analysis.win_rate_cohorts(DEALS, as_of=AS_OF, age_days=30)
    ax = plots.win_rate_cohorts(table)
    assert [bar.get_height() for bar in ax.patches] == [table["rate"].iloc[0], table["open_share"].iloc[0]]
    assert "n=6" in _texts(ax)


def test_forecast_deals__bars_go_from_lost_to_won():
    table = analysis.forecast_deals(DEALS, as_of=AS_OF, target=120)
    ax = plots.forecast_deals(table)
    first = ax.patches[0]
    assert (first.get_x(), first.get_width()) == (table["p_if_lost"].iloc[0], table["swing"].iloc[0])
    range_ = plots.forecast_deals(analysis.forecast_deals(DEALS, as_of=AS_OF))
    assert range_.get_title(loc="left") == "Deals that make the range"
    assert range_.patches[0].get_width() == 1


def test_forecast_fan__draws_range_booked_and_what_came():
    fan = pd.DataFrame(
        {
            "booked": [0.0, 5.0],
            "expected": [8.0, 9.0],
            "low": [2.0, 5.0],
            "median": [8.0, 9.0],
            "high": [20.0, 12.0],
        },
        index=pd.DatetimeIndex(["2026-01-01", "2026-01-08"], tz="UTC", name="made_at"),
    )
    fan.attrs = {"n": 2, "period": "2026-01", "actual": 7.0, "probability": "stated"}
    ax = plots.forecast_fan(fan)
    assert ax.get_title(loc="left") == "Forecast of 2026-01 as it was made"
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert labels == ["10 to 90 %", "expected", "booked by then", "booked in the end"]
    fan.attrs["actual"] = None
    assert len(plots.forecast_fan(fan).get_legend().get_texts()) == 3


def test_backtest_horizons_and_methods__draw_error_bias_and_coverage():
    scored = pd.DataFrame(
        {"n": [2, 2], "wape": [0.5, 0.2], "bias": [-0.5, 0.1], "interval_coverage": [0.5, 1.0]}, index=[4, 0]
    )
    ax = plots.backtest_horizons(scored.rename_axis("weeks_before"))
    assert [line.get_ydata()[0] for line in ax.lines[:3]] == [0.5, -0.5, 0.5]
    assert ax.get_xlim()[0] > ax.get_xlim()[1]
    methods = scored.set_axis(["stated", "stage"]).rename_axis("method")
    methods.loc["curve"] = [0, None, None, None]
    bars = plots.backtest_methods(methods)
    assert [bar.get_width() for bar in bars.patches] == [0.5, 0.2, 0]
    assert " could forecast nothing" in _texts(bars)
    for draw, table in ((plots.backtest_horizons, scored), (plots.backtest_methods, methods)):
        empty = table.assign(wape=None).astype({"wape": "float64"})
        assert "nothing was booked in the periods that are over" in _texts(draw(empty))


def test_win_rate_curve__draws_the_disqualified_where_history_dates_them():
    table = analysis.win_rate_curve(DEALS, as_of=AS_OF)
    assert "disqualified" not in [t.get_text() for t in plots.win_rate_curve(table).get_legend().get_texts()]
    some = plots.win_rate_curve(table.assign(disqualified_share=0.1))
    assert "disqualified" in [t.get_text() for t in some.get_legend().get_texts()]


def test_drawings__name_the_function_that_makes_their_table():
    for name in plots.__all__:
        with pytest.raises(errors.MissingColumnError, match=name):
            getattr(plots, name)(pd.DataFrame({"a": [1]}))
