"""Suggested fixes carried out."""

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import errors, org
from opp_analytics.analysis.quality.audit import audit
from opp_analytics.analysis.quality.fix import fix
from tests.analysis.quality.deals import AS_OF, deal


def test_fix__carries_out_the_suggestions_and_nothing_else():
    frame = pd.DataFrame(
        [
            deal("a", stage="Closed Won", close_date="2026-03-20"),
            deal("b", stage="closed_won", status="active", close_date="2026-03-01", probability=60),
            deal("c", close_date="2026-03-01"),
        ],
        index=["x", "y", "z"],
    )
    fixed = fix(frame, audit(frame, as_of=AS_OF))
    assert list(fixed.index) == ["x", "y", "z"]
    assert fixed["stage"].tolist() == ["closed_won", "closed_won", "proposal"]
    assert fixed["status"].tolist() == ["active", "won", "active"]
    assert fixed["probability"].tolist() == [40, 100, 40]
    assert fixed.loc["z", "close_date"] == pd.Timestamp("2026-03-01")
    assert frame.loc["y", "probability"] == 60


def test_fix__is_ready_for_a_plan():
    frame = org.conform(
        pd.DataFrame(
            [
                deal("a", stage="Closed Won", status="won", probability=60, close_date="2026-03-01"),
                deal("b", stage="closed_lost", status="active", close_date="2026-03-01", probability=60),
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
