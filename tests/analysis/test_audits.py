"""Findings and mends."""

import pandas as pd
import pandas.testing as pdt
import pytest

from opp_analytics import errors, schema
from opp_analytics.analysis.audits import audit, mend

AS_OF = "2026-03-10"


def _deal(unique_id, **fields):
    good = {
        "unique_id": unique_id, "name": f"deal {unique_id}", "account_id": f"account {unique_id}", "value": 100.0,
        "stage": "proposal", "close_date": "2026-03-20", "probability": 40, "status": "active",
        "created_at": "2026-01-01T09:00:00Z", "updated_at": "2026-03-01T09:00:00Z",
    }  # fmt: skip
    return {**good, **fields}


def _checks(*deals, **options):
    return audit(pd.DataFrame(list(deals)), as_of=AS_OF, **options)["check"].tolist()


def test_audit__finds_nothing_wrong_with_a_good_deal():
    table = audit(pd.DataFrame([_deal("a")]), as_of=AS_OF)
    assert len(table) == 0
    assert list(table.columns[:6]) == ["unique_id", "check", "severity", "field", "value", "suggestion"]
    pdt.assert_series_equal(audit(schema.empty(), as_of=AS_OF).dtypes, table.dtypes)


@pytest.mark.parametrize(
    ("fields", "check"),
    [
        ({"stage": "closed_won", "status": "lost"}, "stage_status_contradict"),
        ({"stage": "closed_won", "close_date": "2026-03-01", "probability": 100}, "status_behind_stage"),
        ({"status": "lost", "close_date": "2026-03-01", "probability": 0}, "stage_behind_status"),
        ({"close_date": "2026-03-09"}, "overdue"),
        ({"stage": "closed_won", "status": "won", "close_date": "2026-03-01"}, "won_probability"),
        ({"stage": "closed_lost", "status": "lost", "close_date": "2026-03-01"}, "lost_probability"),
        ({"stage": "closed_won", "status": "won", "probability": 100}, "closed_in_future"),
        (
            {"stage": "closed_won", "status": "won", "probability": 100, "close_date": "2025-12-30"},
            "closed_before_created",
        ),
        ({"value": None}, "value_missing"),
        ({"value": 0}, "value_not_positive"),
        ({"value": -5}, "value_not_positive"),
        ({"probability": 140}, "probability_outside"),
        ({"updated_at": "2026-01-02T00:00:00Z"}, "stale"),
        ({"stage": "won!!"}, "unknown_stage"),
        ({"status": "paused"}, "unknown_status"),
    ],
)
def test_audit__finds(fields, check):
    assert _checks(_deal("a", **fields)) == [check]


def test_audit__finds_duplicates_of_name_and_account():
    pair = [_deal("a", name="Big  Deal", account_id="x"), _deal("b", name="big deal", account_id="x")]
    assert _checks(*pair, _deal("c", name="big deal", account_id="y")) == ["duplicate", "duplicate"]


def test_audit__finds_a_probability_far_from_its_stage():
    deals = [_deal(f"d{k}") for k in range(20)]
    assert _checks(*deals, _deal("far", probability=95)) == ["probability_far_from_stage"]


def test_audit__finds_default_dates_only_beyond_chance():
    assert _checks(_deal("a", close_date="2026-03-21")) == []
    assert _checks(*[_deal(f"d{k}", close_date="2026-03-21") for k in range(5)]) == ["close_date_weekend"] * 5
    assert (
        _checks(*[_deal(f"d{k}", close_date="2026-12-31") for k in range(3)]) == ["close_date_year_end"] * 3
    )


def test_audit__our_own_writes_are_no_sign_of_life():
    deal = _deal("a", updated_at="2026-03-09T09:00:00Z")
    write = pd.DataFrame({"unique_id": ["a"], "written_at": ["2026-03-09T08:59:59Z"]})
    assert _checks(deal) == []
    assert _checks(deal, own_writes=write) == []
    assert _checks(deal, own_writes=write.assign(updated_before="2026-01-02T00:00:00Z")) == ["stale"]
    assert _checks(_deal("a", updated_at="2026-03-09T10:00:00Z"), own_writes=write) == []


def test_audit__sums_up_count_and_money():
    table = audit(
        pd.DataFrame([_deal("a", close_date="2026-03-01"), _deal("b", close_date="2026-03-01")]), as_of=AS_OF
    )
    assert table.attrs["summary"] == [{"check": "overdue", "severity": "warning", "count": 2, "value": 200.0}]
    assert table["value"].tolist() == ["2026-03-01"] * 2


def test_mend__carries_out_the_suggestions_and_nothing_else():
    frame = pd.DataFrame(
        [
            _deal("a", stage="Closed Won", close_date="2026-03-20"),
            _deal("b", stage="closed_won", status="active", close_date="2026-03-01", probability=60),
            _deal("c", close_date="2026-03-01"),
        ],
        index=["x", "y", "z"],
    )
    mended = mend(frame, audit(frame, as_of=AS_OF))
    assert list(mended.index) == ["x", "y", "z"]
    assert mended["stage"].tolist() == ["closed_won", "closed_won", "proposal"]
    assert mended["status"].tolist() == ["active", "won", "active"]
    assert mended["probability"].tolist() == [40, 100, 40]
    assert mended.loc["z", "close_date"] == pd.Timestamp("2026-03-01")
    assert frame.loc["y", "probability"] == 60


def test_mend__refuses_what_it_cannot_do():
    frame = pd.DataFrame([_deal("a")])
    finding = pd.DataFrame({"unique_id": ["a"], "field": ["probability"], "suggestion": ["10"]})
    with pytest.raises(errors.DataError, match="'q'"):
        mend(frame, finding.assign(unique_id="q"))
    with pytest.raises(errors.DataError, match="two suggestions"):
        mend(frame, pd.concat([finding, finding.assign(suggestion="20")]))
    with pytest.raises(errors.DataError, match="probability"):
        mend(frame, finding.assign(suggestion="lots"))
    with pytest.raises(errors.MissingColumnError, match="audit"):
        mend(frame, finding.drop(columns="field"))
