"""The short form of the forecast proof, and what its page says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from opp_analytics import text
from opp_analytics.note import note_of
from tests.benchmarks import forecast_proof
from tests.benchmarks._promises import GIANT, KINDS, Promise, promises, score_targets
from tests.benchmarks._proof_page import DOCS, copy_proof, read_part, write
from tests.benchmarks._proof_rows import (
    OURS,
    compare,
    list_bad_ranges,
    list_losses,
    list_scores,
)

SHORT = (
    *forecast_proof.BY_QUARTER,
    *("optimistic", "young", "break", "inflow wanders", "weeks", GIANT, "two kinds of business"),
)
"""Teams enough for over 200 forecasts by month; of those left out each is like one of these."""


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return forecast_proof.short(SHORT)


@pytest.mark.slow
def test_forecast_proof__short_form_keeps_what_is_promised_of_all_teams_together(
    table: pd.DataFrame,
) -> None:
    assert set(SHORT) < set(KINDS)
    months = table[(table["freq"] == "M") & (table["kind"] != GIANT)]
    ours = compare(months, OURS)
    learned, stated = ours.loc["learned"], ours.loc["stated"]
    assert learned["n"] > 200
    assert 0.75 <= learned["coverage_80"] <= 0.90
    assert 0.42 <= learned["coverage_50"] <= 0.62
    assert 0.90 <= learned["coverage_95"] <= 0.99
    assert learned["winkler"] < 0.9 * stated["winkler"]
    assert learned["wape"] < stated["wape"]
    brier, base = score_targets(months[months["method"] == "learned"])
    assert brier < base
    # What the learned method is there for: given chances promise far too much.
    assert stated["coverage_80"] < 0.65
    every = compare(months)
    assert {every["wape"].idxmin(), every["crps"].idxmin()} == {"learned"}


@pytest.mark.slow
def test_forecast_proof__the_page_says_what_was_kept_and_what_was_not(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    docs = copy_proof(tmp_path)
    _, before = read_part(docs, "calls")
    judged = write(table, "--seed 7", docs).splitlines()
    kept = promises(table)
    assert len(judged) == len(kept)
    part, rows = read_part(docs, "simulated")
    names = set(rows["row"])
    for kind in set(SHORT) - {"weeks"}:
        assert f"{kind} by month · learned" in names
    for kind in forecast_proof.BY_QUARTER:
        assert f"{kind} by quarter · weighted pipeline" in names
    for band in ("0–1", "2–3", "4–7", "8–14", "15–31"):
        assert f"by month, {band} days left · learned" in names
    missed = [promise for promise in kept if not promise.kept]
    assert part.count("**missed**") == len(missed)
    assert all(promise.name in part for promise in missed)
    assert "| learned | " in part
    assert "nan" not in part + " ".join(rows["value"])
    # The rows of the other parts stay.
    pd.testing.assert_frame_equal(
        read_part(docs, "calls")[1].reset_index(drop=True), before.reset_index(drop=True)
    )


def test_forecast_proof__is_short_with_all_rows_beside_it() -> None:
    assert len((DOCS / "forecast-proof.md").read_text().splitlines()) <= 120
    for part in ("simulated", "calls", "real"):
        section, rows = read_part(DOCS, part)
        assert section.count("|") > 30
        assert len(rows) > 200


def test_promise__is_kept_inside_its_bounds() -> None:
    assert Promise("held", 0.75, 0.88, 0.8).cells() == ["held", "75% to 88%", "80%", "kept"]
    assert Promise("held", 0.75, 0.88, 0.9).cells()[-1] == "**missed**"
    assert Promise("score", -np.inf, 1, 1.004).cells() == [
        "score",
        "at most 1.00",
        "1.00",
        "**missed**",
    ]


def rows_of(errors: dict[str, list[float]], *, lead: int = 5) -> pd.DataFrame:
    """Forecasts of 100 in each of as many months, missed by these errors."""
    parts = []
    for method, off in errors.items():
        periods = [str(pd.Period("2024-01") + k) for k in range(len(off))]
        error = pd.Series(off)
        about = {"kind": "k", "seed": 1, "method": method, "period": periods, "lead": lead}
        ends = {
            f"{end}{level}": 100 + error + side
            for end, side in (("low", -10), ("high", 10))
            for level in ("", "_50", "_95")
        }
        made = pd.DataFrame({**about, "made_at": range(len(off)), "actual": 100.0})
        parts.append(made.assign(error=error, expected=100 + error, crps=error.abs(), **ends))
    return pd.concat(parts, ignore_index=True)


def test_compare__keeps_the_periods_of_two_teams_apart() -> None:
    rows = rows_of({"learned": [0.0, 20.0], "weighted": [30.0, 10.0]})
    table = compare(pd.concat([rows, rows.assign(seed=2)]))
    found = table.loc["learned"]
    assert found[["n", "wape", "coverage_80", "crps"]].tolist() == [4, 0.1, 0.5, 0.1]
    assert note_of(table).figures["periods"] == 4
    assert list_scores("all", table)["all · learned"] == {
        "forecasts": "4",
        "WAPE": "10%",
        "bias": "+10%",
        "CRPS": "10%",
        "80% held": "50%",
        "50%": "50%",
        "95%": "50%",
        "Winkler": "70%",
    }


def test_compare__divides_by_what_came_of_the_forecasts_that_are_judged() -> None:
    rows = rows_of({"learned": [5.0] * 12, "last_period": [20.0] * 12})
    rows["actual"] += 10_000.0 * (rows["made_at"] < 3)
    late = rows[(rows["method"] == "learned") | (rows["made_at"] >= 3)]
    # The CRPS of a number without a range is its error.
    assert compare(late)[["n", "wape", "crps"]].to_numpy().tolist() == [
        [9, 0.05, 0.05],
        [9, 0.2, 0.2],
    ]


def test_list_losses__names_who_was_nearer_and_whether_beyond_chance() -> None:
    losing = compare(rows_of({"learned": [20.0] * 40, "weighted": [10.0] * 40}))
    close = compare(rows_of({"learned": [1.0, 20.0] * 20, "last_period": [18.0, 0.0] * 20}))
    winning = compare(rows_of({"learned": [1.0] * 40, "weighted": [10.0] * 40}))
    few = compare(rows_of({"learned": [20.0] * 5, "weighted": [10.0] * 5}))
    parts = {"a": losing, "b": close, "c": winning, "d": few}
    assert list_bad_ranges(parts) == {"a": "0% of 40", "b": "50% of 40", "c": "100% of 40"}
    found = list_losses(parts)
    assert found["a"] == (
        "WAPE: weighted pipeline 10%, learned 20% (beyond chance); CRPS: weighted pipeline 10%, "
        "learned 20%"
    )
    assert found["b"].startswith(
        f"WAPE: {text.method('last_period')} 9%, learned 11% (within chance)"
    )
    assert list(found) == ["a", "b"]
