"""Each drawing draws what the analysis of its name returns, full or empty, where it is told to."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from opp_analytics import History, analysis, errors, plots
from tests.plots import reading
from tests.plots.tables import TABLES

DEALS = pd.DataFrame(
    {
        "unique_id": list("abcdef"),
        "name": list("abcdef"),
        "account_id": "x",
        "stage": ["closed_won", "closed_lost", "proposal", "proposal", "closed_won", "discovery"],
        "status": ["won", "lost", "active", "active", "won", "active"],
        "value": [100.0, 50.0, 80.0, -20.0, 40.0, 10.0],
        "close_date": [
            "2026-03-02",
            "2026-03-01",
            "2026-03-20",
            "2026-04-10",
            "2026-02-10",
            "2026-02-01",
        ],
        "probability": [100, 0, 40, 60, 100, 30],
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-03-01T00:00:00Z",
        "owner": [
            "An owner with a name that is far too long for a label",
            "Bo",
            None,
            "Bo",
            "Bo",
            "Cy",
        ],
    }
)


def _recorded(folder: Path) -> History:
    """Six deals won and lost over four months, seen every other week."""
    history = History(folder)
    for week, day in enumerate(pd.date_range("2026-01-05", "2026-04-27", freq="14D", tz="UTC")):
        closed = np.arange(len(DEALS)) * 2 < week
        stage = np.where(
            closed, DEALS["stage"].replace(["proposal", "discovery"], "closed_lost"), "proposal"
        )
        status = pd.Series(stage).map({"closed_won": "won", "closed_lost": "lost"}).fillna("active")
        due = pd.date_range("2026-01-20", periods=len(DEALS), freq="21D").astype(str)
        history.record(DEALS.assign(stage=stage, status=status, close_date=due), at=day)
    return history


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    history = _recorded(tmp_path_factory.mktemp("twins") / "history")
    past = analysis.backtest(history, freq="M")
    return {
        "backtest": past,
        "score": analysis.score(past),
        "calibration": analysis.calibration(history, horizon_days=30),
        "forecast_fan": analysis.forecast_fan(history, period="2026-02", freq="M"),
    }


@pytest.mark.parametrize("name", ["backtest", "score", "calibration", "forecast_fan"])
def test_plots__draw_what_judges_forecasts(name, judged):
    assert len(judged[name])
    ax = Figure().add_subplot()
    assert getattr(plots, name)(judged[name], ax=ax) is ax
    assert [*ax.lines, *ax.patches]
    ax.figure.canvas.draw()


def test_drawings__name_the_function_that_makes_their_table():
    for name in plots.DRAWINGS:
        with pytest.raises(errors.MissingColumnError, match=name):
            getattr(plots, name)(pd.DataFrame({"a": [1]}))


@pytest.mark.parametrize("name", sorted(TABLES.keys() - {"category_moves"}))
def test_drawings__of_no_rows_say_so(name):
    said = reading.texts(getattr(plots, name)(TABLES[name].iloc[:0]))
    assert any(re.search(r"\b(no|not|nothing|too few)\b", words.casefold()) for words in said), said
