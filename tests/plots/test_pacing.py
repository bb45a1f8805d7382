import pandas as pd

import opp_analytics as oa
from opp_analytics import plots
from tests.plots import reading
from tests.plots.tables import TABLES


def test_pacing__draws_each_period_by_the_same_point_and_in_the_end():
    ax = plots.pacing(TABLES["pacing"])
    assert reading.rows(ax) == ["Jan 2026", "Feb 2026", "Mar 2026*"]
    assert reading.widths(ax) == [400, 190, 350, 310, 0, 276]
    assert reading.title(ax) == "276 closed by Mar 31: the last two months had 190–310 by then"


def test_pacing__by_day_steps_to_the_end_and_this_period_to_today():
    frame = pd.DataFrame(
        {
            "stage": "closed_won",
            "value": [1.0, 100.0, 60.0, 70.0],
            "close_date": ["2026-01-31", "2026-02-10", "2026-02-25", "2026-03-09"],
        }
    )
    ax = plots.pacing(oa.pacing(frame, as_of="2026-03-15", by_day=True))
    before, now = (line.get_xydata().T.tolist() for line in ax.lines)
    assert before == [[30, 18, 3, -0.8], [0, 100, 160, 160]]
    assert now == [[30, 22, 15.2], [0, 70, 70]]
    assert ax.get_xlim()[0] > ax.get_xlim()[1] == -0.8
    assert {"Feb 2026 160", "Mar 2026 70"} <= set(reading.texts(ax))
