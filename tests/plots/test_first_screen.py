"""The first screen as a picture: its words, none over another, in what a phone shows."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from opp_analytics import charts
from opp_analytics.plots import first_screen
from tests.plots import reading

TILES = [
    ("Closed won", "$184K", "▲ $46K since Nov 9"),
    ("Forecast", "$484K", ""),
    ("Coverage", "1.4×", ""),
]
SENTENCE = "November is 46% likely to hit $490K: $184K closed, forecast $484K."


@pytest.fixture(params=["2026-11-02 2026-11-09 2026-11-16", "2026-11-01 2026-11-22 2026-11-25"])
def chart(request) -> charts.ChartData:
    days = pd.to_datetime(request.param.split()).tz_localize("UTC")
    fan = pd.DataFrame(
        {
            "booked": [0.0, 90e3, 184e3],
            "expected": [400e3, 440e3, 484e3],
            "low": 150e3,
            "high": 600e3,
            "target": 490e3,
        },
        index=days,
    )
    fan.attrs["currency"] = "USD"
    drawn = charts.forecast_fan(
        fan, closed=pd.DataFrame({"close_date": days[:0].tz_localize(None), "value": []})
    )
    return replace(
        drawn, title="The November forecast is $345K above target, up $174K since Nov 18"
    )


@pytest.mark.parametrize("sentence", [SENTENCE, f"{SENTENCE} " * 2 + SENTENCE])
@pytest.mark.parametrize("tiles", [TILES, []])
def test_first_screen__has_the_words_of_the_page_none_over_another(chart, tiles, sentence):
    drawn = first_screen("Weekly forecast · Nov 16, 2026", sentence, tiles, chart)
    said = [text.get_text().replace("\n", " ") for text in drawn.subfigs[0].texts]
    assert said == [
        "Weekly forecast · Nov 16, 2026",
        sentence,
        *(words for tile in tiles for words in tile),
        chart.title,
    ]
    FigureCanvasAgg(drawn).draw()
    assert reading.faults(drawn) == []
    width, height = drawn.get_size_inches()
    assert width < 4 < height < 3 * width
    assert drawn.dpi * width >= 1080


def test_first_screen__draws_the_last_weeks_alone_and_no_line_through_a_name():
    days = pd.date_range("2026-09-01", "2026-11-16", freq="7D", tz="UTC")
    fan = pd.DataFrame(
        {"booked": 0.0, "expected": 400e3, "low": 150e3, "high": 600e3, "target": 490e3}, days
    )
    fan["high"] = [2e6, *fan["high"].iloc[1:]]
    drawn = charts.forecast_fan(fan)
    earlier = charts.Curve(drawn.curves[0].points, "mute", stepped=True)
    picture = first_screen("Page", "Sentence.", [], replace(drawn, curves=(*drawn.curves, earlier)))
    (axes,) = picture.subfigs[1].axes
    first, last = axes.get_xlim()
    assert last == max(end.x for end in drawn.ends)
    assert last - first < 60
    assert axes.get_ylim()[1] < 1e6
    assert len(axes.lines) == len(drawn.curves) + len(drawn.levels)
