"""Each drawing says what its table says."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from opp_analytics import analysis, plots, schema

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
    }


@pytest.mark.parametrize(
    "name", ["stage_funnel", "win_rate", "forecast", "win_rate_curve", "win_rate_definitions", "audit"]
)
def test_plots__draw_full_and_empty_tables_on_new_and_given_axes(name):
    for frame in (DEALS, schema.empty()):
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
            "realised": [0.25, None],
            "low": [0.05, None],
            "high": [0.7, None],
        },
        index=pd.Index(["0–50 %", "50–100 %"], name="bin"),
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
