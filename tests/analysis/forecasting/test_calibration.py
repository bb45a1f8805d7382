"""Histories small enough to work by hand."""

import numpy as np
import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.analysis.forecasting.calibration import calibration
from opp_analytics.history import History
from opp_analytics.note import note_of
from tests.analysis.forecasting.histories import PAST, ROWS
from tests.history.logs import recorded, row


def test_calibration__judges_the_first_open_record_at_the_horizon():
    table = calibration(PAST, horizon_days=30, bins=10)
    assert len(table) == 10
    thirties = table.loc["30–40%"]
    assert thirties[["n", "won", "lost"]].tolist() == [2, 1, 1]
    assert thirties["stated"] == pytest.approx(0.325)
    assert thirties[["realized", "lost_share", "removed_share", "open_share"]].tolist() == [
        0.5,
        0.5,
        0,
        0,
    ]
    # Still open after 30 days is no loss, and neither is deleted.
    assert table.loc["80–90%", ["n", "open", "realized", "open_share"]].tolist() == [1, 1, 0, 1]
    assert table.loc["90–100%", ["n", "removed", "removed_share"]].tolist() == [1, 1, 1]
    # The last record follows the deal stated at 10% for 16 days only.
    assert table.loc["10–20%", ["n", "open"]].tolist() == [1, 1]
    assert table.loc["10–20%", ["realized", "realized_low", "open_share"]].isna().all()
    assert note_of(table).figures["left_out"] == {"without_probability": 1}


def test_calibration__scores_are_those_of_their_formulas():
    figures = note_of(calibration(PAST, horizon_days=30)).figures
    assert figures["brier"] == pytest.approx((0.7**2 + 0.35**2 + 0.8**2 + 1) / 4)
    assert figures["skill"] == pytest.approx(1 - figures["brier"] / (0.25 * 0.75))
    assert figures["ece"] == pytest.approx((2 * 0.175 + 0.8 + 1) / 4)


def test_calibration__by_stage_and_with_other_horizons():
    table = calibration(PAST, horizon_days=80, by="stage")
    assert table.index.names == ["stage", "bin"]
    assert table[["n", "won", "removed"]].groupby("stage").sum().loc["discovery"].tolist() == [
        2,
        1,
        1,
    ]
    whole = calibration(PAST, horizon_days=80)
    assert table["n"].groupby("bin", sort=False).sum().tolist() == whole["n"].tolist()
    with pytest.raises(errors.OppAnalyticsError, match="'nobody'"):
        calibration(PAST, horizon_days=80, by="nobody")
    with pytest.raises(errors.ArgumentError, match="horizon_days"):
        calibration(PAST, horizon_days=0)
    with pytest.raises(errors.ArgumentError, match="needs a History"):
        calibration(pd.DataFrame(), horizon_days=30)  # type: ignore[arg-type]


def test_calibration__without_judged_deals_is_empty_not_zero():
    table = calibration(recorded(ROWS[:1], ["2026-01-01T12:00Z"]), horizon_days=30)
    assert table[["n", "open"]].sum().tolist() == [1, 1]
    assert table["realized"].isna().all()
    assert note_of(table).figures["brier"] is None


def test_calibration__where_no_deal_was_seen_open_is_empty():
    closed = recorded([row("w", "2026-01-05", "closed_won")], ["2026-03-01T12:00Z"])
    table = calibration(closed, horizon_days=30)
    assert (len(table), table["n"].sum(), note_of(table).figures["brier"]) == (10, 0, None)


def _honest(deals: int) -> History:
    """Deals stated at 20%, of which 20% are won, later than the others are lost."""
    rng = np.random.default_rng(1)
    won = rng.random(deals) < 0.2
    days = np.ceil(rng.exponential(np.where(won, 60, 20))).astype(int) + 1
    begin = pd.Timestamp("2025-01-01T12:00Z") + pd.to_timedelta(
        rng.integers(0, 60, deals), unit="D"
    )
    ids = [f"d{k}" for k in range(deals)]
    first = pd.DataFrame(
        {"unique_id": ids, "seen_at": begin, "stage": "proposal", "probability": 20}
    )
    end = first.assign(
        seen_at=begin + pd.to_timedelta(days, unit="D"),
        stage=np.where(won, "closed_won", "closed_lost"),
    )
    log = pd.concat([first, end]).assign(value=100.0, close_date="2025-06-30")
    return History.from_changes(log[log["seen_at"] < "2026-06-01"])


def test_calibration__a_true_statement_is_true_although_losses_come_faster_than_wins():
    past = _honest(4000)
    early, late = (calibration(past, horizon_days=days).loc["20–30%"] for days in (30, 365))
    # The wins among closed deals, once read as the realized share, are less than half of what was
    # truly said.
    assert early["won"] / (early["won"] + early["lost"]) < 0.12
    assert early["open_share"] > 0.25
    assert early[["realized", "lost_share", "removed_share", "open_share"]].sum() == pytest.approx(
        1
    )
    assert late["realized_low"] < 0.2 < late["realized_high"]
    assert late["open_share"] == pytest.approx(0, abs=0.01)


def test_calibration__deals_too_young_count_as_far_as_they_were_followed():
    table = calibration(_honest(4000), horizon_days=90, as_of="2025-04-15").loc["20–30%"]
    full = calibration(_honest(4000), horizon_days=90).loc["20–30%"]
    assert table["won"] < full["won"]
    assert table["realized"] == pytest.approx(full["realized"], abs=0.02)


def test_calibration__finds_the_truth_of_a_simulated_team():
    rng = np.random.default_rng(4)
    stated = rng.integers(5, 96, 3000)
    won = rng.random(3000) < 0.1 + 0.6 * stated / 100
    rows = [
        row(f"s{k}", "2026-01-01", "proposal", probability=int(p)) for k, p in enumerate(stated)
    ]
    rows += [
        row(f"s{k}", "2026-01-20", "closed_won" if w else "closed_lost") for k, w in enumerate(won)
    ]
    past = recorded(rows, ["2026-01-01T12:00Z", "2026-03-01T12:00Z"])
    table = calibration(past, horizon_days=30)
    truth = 0.1 + 0.6 * table["stated"]
    assert ((table["realized_low"] <= truth) & (truth <= table["realized_high"])).sum() >= 8
