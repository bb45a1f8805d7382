"""Findings and mends."""

import pandas as pd
import pandas.testing as pdt
import pytest
from scipy import stats

from opp_analytics import errors, org
from opp_analytics.analysis.quality.audit import _more_than_chance, audit
from tests.analysis.quality.deals import AS_OF, checks, deal


def test_audit__finds_nothing_wrong_with_a_good_deal():
    table = audit(pd.DataFrame([deal("a")]), as_of=AS_OF)
    assert len(table) == 0
    assert list(table.columns[:6]) == ["unique_id", "check", "severity", "field", "value", "suggestion"]
    pdt.assert_series_equal(audit(org.empty(), as_of=AS_OF).dtypes, table.dtypes)


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
    assert checks(deal("a", **fields)) == [check]


def test_audit__finds_duplicates_of_name_and_account():
    pair = [deal("a", name="Big  Deal", account_id="x"), deal("b", name="big deal", account_id="x")]
    assert checks(*pair, deal("c", name="big deal", account_id="y")) == ["duplicate", "duplicate"]


def test_audit__a_closed_namesake_is_only_mentioned():
    won = {"stage": "closed_won", "status": "won", "probability": 100, "close_date": "2026-03-01"}
    pair = [deal("a", name="x", account_id="x"), deal("b", name="x", account_id="x", **won)]
    assert checks(*pair) == ["duplicate_of_closed"] * 2
    third = deal("c", name="x", account_id="x")
    assert checks(*pair, third) == ["duplicate", "duplicate", "duplicate_of_closed"]
    assert checks(deal("a", name=None, account_id="x"), deal("b", name=None, account_id="x")) == []


def test_audit__finds_a_probability_far_from_its_stage():
    deals = [deal(f"d{k}") for k in range(20)]
    assert checks(*deals, deal("far", probability=95)) == ["probability_far_from_stage"]


def test_audit__finds_default_dates_only_beyond_chance():
    assert checks(deal("a", close_date="2026-03-21")) == []
    assert checks(*[deal(f"d{k}", close_date="2026-03-21") for k in range(5)]) == ["close_date_weekend"] * 5
    assert checks(*[deal(f"d{k}", close_date="2026-12-31") for k in range(3)]) == ["close_date_year_end"] * 3


def test_audit__our_own_writes_are_no_sign_of_life():
    touched = deal("a", updated_at="2026-03-09T09:00:00Z")
    write = pd.DataFrame({"unique_id": ["a"], "written_at": ["2026-03-09T08:59:59Z"]})
    assert checks(touched) == []
    assert checks(touched, own_writes=write) == []
    assert checks(touched, own_writes=write.assign(updated_before="2026-01-02T00:00:00Z")) == ["stale"]
    assert checks(deal("a", updated_at="2026-03-09T10:00:00Z"), own_writes=write) == []


def test_audit__sees_through_several_writes_of_ours():
    touched = deal("a", updated_at="2026-03-09T09:00:05Z")
    writes = pd.DataFrame(
        {
            "unique_id": ["a", "a", "z"],
            "written_at": ["2026-03-02T09:00:00Z", "2026-03-09T09:00:00Z", "2026-03-09T09:00:00Z"],
            "updated_before": ["2026-01-02T00:00:00Z", "2026-03-02T09:10:00Z", None],
            "updated_after": ["2026-03-02T09:10:00Z", "2026-03-09T09:00:05Z", None],
        }
    )
    # Ours of 9 March came after ours of 2 March, and that after an update of January.
    assert checks(touched, own_writes=writes) == ["stale"]
    between = writes.assign(updated_before=["2026-01-02T00:00:00Z", "2026-03-05T00:00:00Z", None])
    assert checks(touched, own_writes=between) == []
    # Somebody's update while ours was on its way is theirs.
    assert checks(deal("a", updated_at="2026-03-09T09:00:03Z"), own_writes=writes) == []
    with pytest.raises(errors.MissingColumnError, match="written_at"):
        checks(touched, own_writes=writes.drop(columns="written_at"))


def test_audit__believes_only_writes_to_the_tenant_of_the_load():
    deals = pd.DataFrame([deal("a", updated_at="2026-03-09T09:00:00Z")])
    write = {"unique_id": "a", "written_at": "2026-03-09T09:00:00Z", "updated_before": "2026-01-02T00:00:00Z"}
    writes = pd.DataFrame([write | {"updated_after": "2026-03-09T09:00:00Z", "tenant": "mine"}])
    for tenant, found in (("mine", ["stale"]), ("other", [])):
        deals.attrs["load"] = {"tenant": tenant}
        assert audit(deals, as_of=AS_OF, own_writes=writes)["check"].tolist() == found


def test_audit__is_a_binomial_test_of_default_dates():
    for hits, trials in ((3, 10), (6, 10), (0, 4), (40, 100)):
        expected = stats.binomtest(hits, trials, 2 / 7, alternative="greater").pvalue < 0.01
        assert _more_than_chance(hits, trials, 2 / 7) == (hits > 0 and expected)


def test_audit__of_many_deals_counts_each_check_once():
    rows = [deal(f"d{k}", value=-1.0 if k % 2 else 100.0) for k in range(500)]
    table = audit(pd.DataFrame(rows), as_of=AS_OF)
    assert table.attrs["summary"] == [
        {"check": "value_not_positive", "severity": "warning", "count": 250, "value": -250.0}
    ]


def test_audit__sums_up_count_and_money():
    table = audit(
        pd.DataFrame([deal("a", close_date="2026-03-01"), deal("b", close_date="2026-03-01")]), as_of=AS_OF
    )
    assert table.attrs["summary"] == [{"check": "overdue", "severity": "warning", "count": 2, "value": 200.0}]
    assert table["value"].tolist() == ["2026-03-01"] * 2
