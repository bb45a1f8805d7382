"""Findings, one a deal and check, and their sum by check."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pandas.testing as pdt
import pytest

import opp_analytics as oa
from opp_analytics import errors, org
from opp_analytics.analysis.quality.audit import audit, audit_summary, fix
from opp_analytics.note import note_of
from tests.analysis.quality.deals import AS_OF, checks, deal

CASES = tomllib.loads(Path(__file__).with_name("audit.toml").read_text())
"""What a good deal is changed to, and what the audit says of it then."""


def test_audit__finds_nothing_wrong_with_a_good_deal():
    table = audit(pd.DataFrame([deal("a")]), as_of=AS_OF)
    assert len(table) == 0
    assert list(table.columns) == [
        "unique_id",
        "check",
        "severity",
        "field",
        "cell",
        "value",
        "suggestion",
    ]
    assert "summary" not in note_of(table).figures
    pdt.assert_series_equal(audit(org.empty(), as_of=AS_OF).dtypes, table.dtypes)


@pytest.mark.parametrize("case", CASES["finds"])
def test_audit__finds(case):
    assert checks(deal("a", **case["fields"])) == [case["check"]]


def test_audit__finds_open_deals_that_nobody_owns_where_deals_have_owners():
    lost = {"stage": "closed_lost", "status": "lost", "close_date": "2026-03-01", "probability": 0}
    rows = [deal("a"), deal("b"), deal("c"), deal("d", **lost)]
    frame = pd.DataFrame(rows).assign(name=["w", "x", "y", "z"])
    frame["owner_name"] = frame["unique_id"].map({"a": "Ann"})
    frame["owner_unique_id"] = frame["unique_id"].map({"c": "u3"})
    table = audit(frame, as_of=AS_OF)
    assert table[["unique_id", "check", "severity", "field"]].to_numpy().tolist() == [
        ["b", "owner_missing", "warning", "owner_name"]
    ]
    assert len(audit(frame.assign(owner_name=None, owner_unique_id=None), as_of=AS_OF)) == 0


@pytest.mark.parametrize("case", CASES["suggests"])
def test_audit__suggests_the_obvious_fix(case):
    fields, field = case["fields"], case["field"]
    row = audit(pd.DataFrame([deal("a", **fields)]), as_of=AS_OF).query("field == @field").iloc[-1]
    assert row["cell"] == deal("a", **fields)[field]
    assert (None if pd.isna(row["suggestion"]) else row["suggestion"]) == case.get("fix")


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


def test_audit__compares_a_probability_with_its_own_pipelines_stage():
    stages = [{"name": "proposal", "kind": "open", "pipeline": name} for name in ("New", "Renewal")]
    two = oa.Org(stages=[*stages, {"name": "Signed", "kind": "won"}])
    deals = [deal(f"d{k}", pipeline="New", probability=40) for k in range(25)]
    deals += [deal(f"r{k}", pipeline="Renewal", probability=90) for k in range(20)]
    odd = [
        deal("far", pipeline="Renewal", probability=40),
        deal("none", pipeline=None, probability=99),
    ]
    found = audit(two.apply(pd.DataFrame([*deals, *odd])), as_of=AS_OF).query(
        "check == 'probability_far_from_stage'"
    )
    assert found["unique_id"].tolist() == ["far"]


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
    between = writes.assign(updated_before=["2026-01-02T00:00:00Z", "2026-03-05T00:00:00Z", None])  # type: ignore[list-item]
    assert checks(touched, own_writes=between) == []
    # Somebody's update while ours was on its way is theirs.
    assert checks(deal("a", updated_at="2026-03-09T09:00:03Z"), own_writes=writes) == []
    with pytest.raises(errors.MissingColumnError, match="written_at"):
        checks(touched, own_writes=writes.drop(columns="written_at"))


def test_audit__believes_only_writes_to_the_tenant_of_the_load():
    deals = pd.DataFrame([deal("a", updated_at="2026-03-09T09:00:00Z")])
    write = {
        "unique_id": "a",
        "written_at": "2026-03-09T09:00:00Z",
        "updated_before": "2026-01-02T00:00:00Z",
    }
    writes = pd.DataFrame([write | {"updated_after": "2026-03-09T09:00:00Z", "tenant": "mine"}])
    for tenant, found in (("mine", ["stale"]), ("other", [])):
        deals.attrs["load"] = {"tenant": tenant}
        assert audit(deals, as_of=AS_OF, own_writes=writes)["check"].tolist() == found


# One error worth 10, two warnings worth 5 and 7 + nothing, one of them again on another deal.
FINDINGS = [
    ["a", "overdue", "warning", 7.0],
    ["b", "overdue", "warning", None],
    ["a", "won_probability", "warning", 5.0],
    ["c", "closed_in_future", "error", 3.0],
]


def findings(rows: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["unique_id", "check", "severity", "value"]).astype(
        {"value": "float64"}
    )


def test_audit_summary__is_ordered_by_severity_then_money():
    table = audit_summary(findings(FINDINGS))
    assert table.index.name == "check"
    assert table.dtypes.astype("str").to_dict() == {
        "severity": "str",
        "deals": "int64",
        "value": "float64",
    }
    assert table.reset_index().values.tolist() == [
        ["closed_in_future", "error", 1, 3.0],
        ["overdue", "warning", 2, 7.0],
        ["won_probability", "warning", 1, 5.0],
    ]


def test_audit__says_which_columns_it_could_not_check() -> None:
    frame = (
        org.empty()
        .reindex([0])
        .assign(unique_id="a", stage="proposal", close_date="2026-03-01", value=5.0)
    )
    found = audit(frame.drop(columns=["account_id", "updated_at"]), as_of="2026-03-10")
    assert note_of(found).figures["not_checked"] == ["account_id", "updated_at"]
    assert "not_checked" not in note_of(audit(frame, as_of="2026-03-10")).figures


def test_fix__is_ready_for_a_plan():
    frame = org.conform(
        pd.DataFrame(
            [
                deal(
                    "a", stage="Closed Won", status="won", probability=60, close_date="2026-03-01"
                ),
                deal(
                    "b",
                    stage="closed_lost",
                    status="active",
                    close_date="2026-03-01",
                    probability=60,
                ),
                deal("c", close_date="2026-03-01"),
            ]
        )
    )
    findings = audit(frame, as_of=AS_OF)
    made = oa.plan(frame, fix(frame, findings))
    assert len(made.problems) == 0
    wanted = findings.dropna(subset="suggestion")
    assert set(zip(made.changes["unique_id"], made.changes["field"], strict=True)) == set(
        zip(wanted["unique_id"], wanted["field"], strict=True)
    )
    assert audit(fix(frame, findings), as_of=AS_OF)["suggestion"].isna().all()


def test_fix__refuses_what_it_cannot_do():
    frame = pd.DataFrame([deal("a")])
    finding = pd.DataFrame({"unique_id": ["a"], "field": ["probability"], "suggestion": ["10"]})
    with pytest.raises(errors.DataError, match="'q'"):
        fix(frame, finding.assign(unique_id="q"))
    with pytest.raises(errors.DataError, match="two suggestions"):
        fix(frame, pd.concat([finding, finding.assign(suggestion="20")]))
    with pytest.raises(errors.DataError, match="probability"):
        fix(frame, finding.assign(suggestion="lots"))
    with pytest.raises(errors.MissingColumnError, match="audit"):
        fix(frame, finding.drop(columns="field"))
