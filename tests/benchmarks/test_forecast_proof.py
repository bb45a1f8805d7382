"""The short form of the forecast proof, and what its page says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks import forecast_proof
from tests.benchmarks._promises import KINDS, scored, summary
from tests.benchmarks._proof_page import Promise, promises, write


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return forecast_proof.short()


@pytest.mark.slow
def test_forecast_proof__short_form_keeps_what_is_promised_of_all_teams_together(table: pd.DataFrame) -> None:
    assert set(table["kind"]) == set(KINDS)
    held = summary(table[table["freq"] == "M"], [])
    learned, stated = (held.xs(name, level="method").iloc[0] for name in ("learned", "stated"))
    assert learned["ranged"] > 150
    assert 0.75 <= learned["held80"] <= 0.88
    assert 0.42 <= learned["held50"] <= 0.60
    assert 0.90 <= learned["held95"] <= 0.98
    assert learned["winkler_ratio"] < 0.9
    assert learned["wape_ratio"] < 1
    assert learned["brier"] < learned["brier_base"]
    # What the learned method is there for: given chances promise far too much.
    assert stated["held80"] < 0.65


@pytest.mark.slow
def test_forecast_proof__the_page_says_what_was_kept_and_what_was_not(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    judged = write(table, 7, tmp_path).splitlines()
    page = (tmp_path / "forecast-proof.md").read_text()
    assert len(judged) == len(promises(table))
    for kind in KINDS:
        assert f"| learned | {kind} |" in page
    missed = [promise for promise in promises(table) if not promise.kept]
    assert page.count("**missed**") == len(missed)
    assert all(promise.name in page for promise in missed)
    assert "nan" not in page
    assert {file.name for file in (tmp_path / "forecast-proof").iterdir()} == {"held.png", "width.png"}


def test_promise__is_kept_inside_its_bounds() -> None:
    assert Promise("held", 0.75, 0.88, 0.8).cells() == ["held", "75% to 88%", "80%", "kept"]
    assert Promise("held", 0.75, 0.88, 0.9).cells()[-1] == "**missed**"
    assert Promise("score", -np.inf, 1, 1.004).cells() == ["score", "at most 1.00", "1.00", "**missed**"]


def test_scored__a_range_holds_to_the_cent_and_pays_ten_times_its_miss() -> None:
    ends = {f"{side}{level}": 0.0 for level in (20, 35, 50, 65, 90, 95) for side in ("low", "high")}
    row = {"kind": "k", "seed": 1, "freq": "M", "by": "", "group": "", "period": "2026-01", "lead": 5, **ends}
    rows = [
        {
            **row,
            "method": "learned",
            "median": 100.0,
            "low80": 50.0,
            "high80": 150.004,
            "expected": 90.0,
            "actual": 150.008,
        },
        {
            **row,
            "method": "stated",
            "median": 100.0,
            "low80": 90.0,
            "high80": 110.0,
            "expected": 100.0,
            "actual": 150.0,
        },
    ]
    made = scored(pd.DataFrame(rows).assign(p_target=0.3, reached=1.0))
    assert made["held80"].tolist() == [1, 0]
    assert made["winkler"].tolist() == pytest.approx([100.004 + 0.04, 20 + 400])
    assert made["winkler_stated"].tolist() == pytest.approx([420, 420])
    assert made["brier"].tolist() == pytest.approx([0.49, 0.49])
