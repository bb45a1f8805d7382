"""Owners compared fairly."""

import pandas as pd
import pytest
from scipy import stats

import opp_analytics as oa
from opp_analytics.analysis import scorecard, win_rate
from opp_analytics.errors import ArgumentValueError
from opp_analytics.history import History
from tests.analysis.forecasting.histories import even_months


def closed(**won_of: tuple[int, int]) -> pd.DataFrame:
    """Closed deals of 10 days, by owner: how many won, of how many."""
    rows = [
        (owner, "closed_won" if k < won else "closed_lost")
        for owner, (won, of) in won_of.items()
        for k in range(of)
    ]
    return pd.DataFrame(rows, columns=["owner_name", "stage"]).assign(
        value=10.0, close_date="2026-03-12", created_at="2026-03-02T12:00:00Z"
    )


def test_scorecard__is_the_win_rate_with_a_verdict():
    frame = closed(Ann=(18, 20), Bo=(8, 20), Cy=(9, 20))
    table = scorecard(frame, as_of="2026-03-31")
    rates = win_rate(frame, by="owner_name", as_of="2026-03-31")
    pd.testing.assert_frame_equal(
        table[["won", "lost", "rate", "rate_low", "rate_high"]],
        rates[table.columns[:5]],
        check_index_type=False,  # Before pandas 3 texts may be objects.
    )
    p = [
        stats.fisher_exact([[won, 20 - won], [35 - won, 40 - (35 - won)]]).pvalue
        for won in (18, 8, 9)
    ]
    # Holm: the smallest p times 3, the next times 2.
    assert 3 * p[0] < 0.05 < 2 * min(p[1:])
    assert table["differs"].tolist() == [True, False, False]
    assert table["n"].tolist() == [20, 20, 20]
    assert oa.sentence(table) == "Win rates beyond chance: Ann 90% (58% overall)."
    assert table["days_to_win"].tolist() == [10, 10, 10]


def test_scorecard__of_equal_owners_marks_nobody():
    table = scorecard(closed(Ann=(5, 10), Bo=(4, 10)), as_of="2026-03-31")
    assert not table["differs"].any()
    assert oa.sentence(table) == "No win rate stands out from the overall 45%."
    # What is nobody's is no part of a comparison.
    nobodys = closed(Ann=(1, 20), Bo=(19, 20), Cy=(1, 20))
    nobodys.loc[nobodys["owner_name"] == "Bo", "owner_name"] = None
    assert not scorecard(nobodys, as_of="2026-03-31")["differs"].any()
    alone = scorecard(closed(Ann=(5, 10)), as_of="2026-03-31")
    assert alone["differs"].tolist() == [False]
    nothing = scorecard(closed(Ann=(5, 10)).head(0), as_of="2026-03-31")
    assert nothing.empty
    assert nothing.columns.tolist() == table.columns.tolist()
    assert oa.sentence(nothing) == "Nobody closed a deal."


@pytest.mark.slow
def test_scorecard__sums_slippage_and_forecasts_over_ended_months():
    history = even_months(9, owners=True)
    table = scorecard(history.as_of("2026-09-25"), history, as_of="2026-09-25", method="stated")
    # Every month Ann's deal of 100 is won, Bo's lost, both stated at 50%; Cy's 30 come from
    # nowhere.
    assert table["forecast_bias"].round(9).tolist()[::2] == [-0.5, -1.0]
    assert table["forecast_bias"].isna()["Bo"]
    assert table.loc["Ann", ["forecast_bias_low", "forecast_bias_high"]].astype(float).round(
        9
    ).tolist() == [
        -0.5,
        -0.5,
    ]
    assert table["due"].sum() == 0


def test_scorecard__counts_what_slipped_in_ended_months():
    rows = [
        (deal, seen, stage, due, owner)
        for deal, owner, after, day in (
            ("a", "Ann", "proposal", "2026-03-15"),
            ("b", "Ann", "closed_won", "2026-02-20"),
            ("c", "Bo", "closed_lost", "2026-02-20"),
        )
        for seen, stage, due in (
            ("2026-01-31", "proposal", "2026-02-15"),
            ("2026-02-27", after, day),
        )
    ]
    # Who saw March begin has seen February end.
    rows.append(("d", "2026-03-02", "proposal", "2026-05-31", "Ann"))
    log = pd.DataFrame(
        rows, columns=["unique_id", "seen_at", "stage", "close_date", "owner_name"]
    ).assign(value=1.0)
    history = History.from_changes(log)
    table = scorecard(history.as_of("2026-03-02"), history, as_of="2026-03-02")
    assert table["due"].to_dict() == {"Ann": 2, "Bo": 1}
    assert table["slip_rate"].to_dict() == {"Ann": 0.5, "Bo": 0.0}
    assert (table["slip_rate_low"] <= table["slip_rate"]).all()
    assert table["slip_rate_high"]["Bo"] > 0.7


@pytest.mark.parametrize("column", ["stage", "status"])
def test_scorecard__compares_nobody_by_how_deals_ended(column: str):
    frame = closed(Ann=(1, 2)).assign(status=["won", "lost"])
    with pytest.raises(ArgumentValueError, match="tells how a deal ended, not whose it was"):
        scorecard(frame, by=column, as_of="2026-03-31")
