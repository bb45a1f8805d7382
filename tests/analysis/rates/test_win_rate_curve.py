"""The win-rate curve, worked by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pandas.testing as pdt
import pytest

from opp_analytics import org
from opp_analytics.analysis.rates.win_rate_curve import win_rate_curve
from opp_analytics.note import note_of
from tests.analysis.rates.deals import AS_OF, DAY_0, TEN, deals
from tests.history.logs import recorded, row


def test_win_rate_curve__agrees_with_the_textbook_worked_by_hand():
    table = win_rate_curve(TEN, as_of=AS_OF)
    assert table.index.tolist() == [2, 5, 7, 9]
    assert table["at_risk"].tolist() == [10, 7, 5, 3]
    # S: 1, 8/10, ·5/7, ·4/5, ·1/3; each step S(t−)·w/r.
    win = np.cumsum([1 / 10, 0.8 * 2 / 7, 0, 0.8 * 5 / 7 * 4 / 5 * 1 / 3])
    lose = np.cumsum([1 / 10, 0, 0.8 * 5 / 7 * 1 / 5, 0.8 * 5 / 7 * 4 / 5 * 1 / 3])
    np.testing.assert_allclose(table["won_share"], win)
    np.testing.assert_allclose(table["lost_share"], lose)
    np.testing.assert_allclose(table["won_share"] + table["lost_share"] + table["open_share"], 1)


def test_win_rate_curve__leaves_out_and_counts_what_cannot_be_followed():
    frame = pd.concat([TEN, TEN.head(4)], ignore_index=True)
    frame["status"] = ["active"] * 10 + ["lost", "active", "inactive", "active"]
    frame.loc[11, "close_date"] = DAY_0 - pd.Timedelta(days=1)
    frame.loc[13, "close_date"] = None
    table = win_rate_curve(frame, as_of=AS_OF)
    assert note_of(table).figures["n"] == 10
    assert note_of(table).figures["left_out"] == {
        "conflict": 1,
        "disqualified": 1,
        "closed_without_date": 1,
        "closed_before_created": 1,
    }


def test_win_rate_curve__a_future_dated_close_was_won_by_the_day_or_is_open_if_loaded_later():
    frame = deals(("won", 5), ("won", 40))
    assert win_rate_curve(frame, as_of=AS_OF)["won_share"].tolist()[-1] == 1.0
    frame.attrs["recorded_at"] = "2026-12-01T06:00:00+00:00"
    assert win_rate_curve(frame, as_of=AS_OF)["won_share"].tolist() == [0.5]


def test_win_rate_curve__history_dates_the_disqualified_and_corrects_late_closes():
    made: dict[str, Any] = {"created_at": "2026-01-01T09:00:00Z", "close_date": "2026-01-31"}
    past = recorded(
        [
            row("d", "2026-01-01", "proposal", **made),
            row("w", "2026-01-01", "proposal", **made),
            row("l", "2026-01-01", "proposal", **made),
            row("x", "2026-01-01", "proposal", status="inactive", **made),
            row("d", "2026-01-08", "proposal", status="inactive", **made),
            row("w", "2026-01-15", "closed_won", **{**made, "close_date": "2026-01-12"}),
            row("l", "2026-01-15", "closed_lost", **made),
        ],
        [f"{day}T12:00Z" for day in ("2026-01-01", "2026-01-08", "2026-01-15", "2026-02-01")],
    )
    now = past.as_of("2026-02-01T12:00Z")
    table = win_rate_curve(now, as_of="2026-02-01", history=past)
    # Seen disqualified on day 7; won on its own date, which lies between the records; the loss was
    # seen on day 14.
    assert table.index.tolist() == [7, 11, 14]
    assert table[["won", "lost", "disqualified"]].to_numpy().tolist() == [
        [0, 0, 1],
        [1, 0, 0],
        [0, 1, 0],
    ]
    assert table[["won_share", "lost_share", "disqualified_share", "open_share"]].iloc[
        -1
    ].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    # Nobody saw when the fourth was disqualified.
    assert note_of(table).figures["left_out"] == {"disqualified": 1}
    alone = win_rate_curve(now, as_of="2026-02-01")
    assert alone.index.tolist() == [11, 30]
    early = win_rate_curve(past.as_of("2026-01-09"), as_of="2026-01-09", history=past)
    assert early[["at_risk", "disqualified"]].to_numpy().tolist() == [[3, 1]]


def test_win_rate_curve__leaves_out_and_counts_what_closed_before_the_data_begin():
    frame = deals(("won", 2), ("lost", 7), ("open", 12))
    table = win_rate_curve(frame, as_of=AS_OF, observed_from=DAY_0 + pd.Timedelta(days=5))
    assert note_of(table).figures["left_out"] == {"closed_before_observed_from": 1}
    assert table[["lost"]].sum().tolist() == [1]
    assert table["at_risk"].tolist() == [2]


def test_win_rate_curve__by_and_empty():
    table = win_rate_curve(TEN.assign(owner=["Ann", None] * 5), as_of=AS_OF, by="owner")
    assert table.index.names == ["owner", "days"]
    assert set(table.index.get_level_values(0)) == {"Ann", "(none)"}
    empty = win_rate_curve(org.empty(), as_of=AS_OF)
    assert len(empty) == 0
    pdt.assert_series_equal(empty.dtypes, table.dtypes)
