"""The short form of the forecast proof, and what its page says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from opp_analytics import text
from tests import worlds
from tests.benchmarks import forecast_proof
from tests.benchmarks._promises import KINDS, Promise, promises, score_targets
from tests.benchmarks._proof_page import write
from tests.benchmarks._proof_rows import (
    OURS,
    compare,
    compare_leads,
    list_bad_ranges,
    list_losses,
    tabulate_leads,
)

_PAGE = Path(__file__).parents[2] / "docs" / "forecast-proof.md"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return forecast_proof.short()


@pytest.mark.slow
def test_forecast_proof__short_form_keeps_what_is_promised_of_all_teams_together(
    table: pd.DataFrame,
) -> None:
    assert set(table["kind"]) == set(KINDS)
    months = table[table["freq"] == "M"]
    ours = compare(months, OURS)
    learned, stated = ours["learned"], ours["stated"]
    assert learned["n"] > 200
    assert 0.75 <= learned["interval_coverage"] <= 0.90
    assert 0.42 <= learned["coverage_50"] <= 0.62
    assert 0.90 <= learned["coverage_95"] <= 0.99
    assert learned["winkler"] < 0.9 * stated["winkler"]
    assert learned["wape"] < stated["wape"]
    brier, base = score_targets(months[months["method"] == "learned"])
    assert brier < base
    # What the learned method is there for: given chances promise far too much.
    assert stated["interval_coverage"] < 0.65
    every = compare(months)
    for score in ("wape", "crps"):
        assert min(every, key=lambda name: float(every[name][score])) == "learned"


@pytest.mark.slow
def test_forecast_proof__the_page_says_what_was_kept_and_what_was_not(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    frame = re.sub(r"(?s)(<!-- simulated -->\n).*(<!-- /simulated -->)", r"\1\2", _PAGE.read_text())
    (tmp_path / _PAGE.name).write_text(frame)
    judged = write(table, 7, tmp_path).splitlines()
    page = (tmp_path / _PAGE.name).read_text()
    assert "\n# Forecast accuracy: does the forecast hold its promise?\n" in page
    kept = promises(table)
    assert len(judged) == len(kept)
    part = page.partition("<!-- simulated -->")[2].partition("<!-- /simulated -->")[0]
    for kind in KINDS:
        assert f"| {kind} |" in part
    for title in (
        "### By week",
        "### By month",
        "### By quarter",
        "### Where another method did better",
    ):
        assert title in part
    for band in ("0–1", "2–3", "4–7", "8–14", "15–31", "32–60", "61–91"):
        assert f"| learned | {band} |" in part
    missed = [promise for promise in kept if not promise.kept]
    assert part.count("**missed**") == len(missed)
    assert all(promise.name in part for promise in missed)
    assert "nan" not in part
    assert {file.name for file in (tmp_path / "forecast-proof").iterdir()} == {
        "held.png",
        "width.png",
    }


def log_of(name: str) -> pd.DataFrame:
    return worlds.log(next(kind for kind in worlds.KINDS if kind.name == name), 1)


def count_arrivals(name: str, freq: str) -> pd.Series[int]:
    born = log_of(name).drop_duplicates("unique_id")["created_at"].dt.tz_localize(None)
    return born.dt.to_period(freq).value_counts().sort_index()


def test_worlds__inflow_stops_wanders_and_has_seasons() -> None:
    assert count_arrivals("inflow stops", "M").index[-1] == pd.Period("2024-01")
    steady, wandering = (
        count_arrivals(name, "Q").iloc[1:-1] for name in ("right", "inflow wanders")
    )
    assert wandering.max() / wandering.min() > 2 > steady.max() / steady.min()
    season = count_arrivals("seasons", "Q")
    for year in (2022, 2023, 2024):
        assert season[f"{year}Q1"] > 1.5 * season[f"{year}Q3"]


def test_worlds__late_entries_are_seen_days_after_their_date_in_order() -> None:
    late, plain = log_of("late entries"), log_of("right")
    for log, share in ((late, 0.2), (plain, 0.0)):
        closed = log[log["status"] != "active"]
        days = (closed["seen_at"].dt.normalize() - closed["close_date"]).dt.days
        assert (days > 7).mean() >= share
        assert (days.max() > 15) == bool(share)
    assert late.groupby("unique_id")["seen_at"].is_monotonic_increasing.all()
    assert not late.duplicated(["unique_id", "seen_at"]).any()
    assert (late.groupby("unique_id")["status"].nunique() <= 2).all()


def test_worlds__a_fast_team_is_recorded_by_day_and_closes_within_weeks() -> None:
    log = log_of("weeks")
    assert log["seen_at"].drop_duplicates().diff().median() == pd.Timedelta(days=1)
    won = log[log["status"] == "won"]
    days = (won["close_date"] - won["created_at"].dt.tz_localize(None)).dt.days
    assert 2 < days.median() < 21


def test_promise__is_kept_inside_its_bounds() -> None:
    assert Promise("held", 0.75, 0.88, 0.8).cells() == ["held", "75% to 88%", "80%", "kept"]
    assert Promise("held", 0.75, 0.88, 0.9).cells()[-1] == "**missed**"
    assert Promise("score", -np.inf, 1, 1.004).cells() == [
        "score",
        "at most 1.00",
        "1.00",
        "**missed**",
    ]


def rows_of(errors: dict[str, list[float]], *, days_left: int = 5) -> pd.DataFrame:
    """Forecasts of 100 in each of as many months, missed by these errors."""
    parts = []
    for method, off in errors.items():
        periods = [str(pd.Period("2024-01") + k) for k in range(len(off))]
        error = pd.Series(off)
        held = error.abs() <= 10
        parts.append(
            pd.DataFrame(
                {
                    "kind": "k",
                    "seed": 1,
                    "method": method,
                    "period": periods,
                    "made_at": range(len(off)),
                }
            ).assign(
                actual=100.0,
                error=error,
                expected=100 + error,
                low=90 + error,
                high=110 + error,
                median=100 + error,
                held_50=held,
                held_95=held,
                winkler=20.0,
                crps=error.abs(),
                days_left=days_left,
            )
        )
    return pd.concat(parts, ignore_index=True)


def test_compare__keeps_the_periods_of_two_teams_apart() -> None:
    rows = rows_of({"learned": [0.0, 20.0], "weighted": [30.0, 10.0]})
    found = compare(pd.concat([rows, rows.assign(seed=2)]))["learned"]
    assert (found["n"], found["periods"], found["wape"], found["interval_coverage"]) == (
        4,
        4,
        0.1,
        0.5,
    )
    assert (found["crps_share"], found["winkler_share"]) == (0.1, 0.2)


def test_compare_leads__scores_each_band_by_what_came_and_who_was_asked_in_it() -> None:
    near, far = (
        rows_of({"learned": [5.0, 5.0]}),
        rows_of({"learned": [40.0, 40.0], "weighted": [40.0, 40.0]}, days_left=50),
    )
    far["actual"] += 100.0
    leads = compare_leads(pd.concat([near, far]))
    assert list(leads) == ["4–7", "32–60"]
    assert [part["learned"]["wape"] for part in leads.values()] == [0.05, 0.2]
    assert [part["learned"]["crps_share"] for part in leads.values()] == [0.05, 0.2]
    assert [part["learned"]["winkler_share"] for part in leads.values()] == [0.2, 0.1]
    assert [line.split(" | ")[1:] for line in tabulate_leads(leads).splitlines()[2:]] == [
        ["5% · 100%", "20% · 0% |"],
        ["–", "20% · 0% |"],
    ]


def test_list_losses__names_who_was_nearer_and_whether_beyond_chance() -> None:
    losing = compare(rows_of({"learned": [20.0] * 40, "weighted": [10.0] * 40}))
    close = compare(rows_of({"learned": [1.0, 20.0] * 20, "last_period": [18.0, 0.0] * 20}))
    winning = compare(rows_of({"learned": [1.0] * 40, "weighted": [10.0] * 40}))
    few = compare(rows_of({"learned": [20.0] * 5, "weighted": [10.0] * 5}))
    # Where learned can be asked less than half as often as others, it is not in the comparison.
    unasked = compare(rows_of({"learned": [1.0] * 40, "weighted": [2.0] * 100}))
    assert list(unasked) == ["weighted"]
    parts = {"a": losing, "b": close, "c": winning, "d": few, "e": unasked}
    assert list_bad_ranges(parts) == ["a: 0% of 40", "b: 50% of 40", "c: 100% of 40"]
    found = list_losses(parts)
    assert found[0] == (
        "a: WAPE: weighted pipeline 10%, learned 20% (+10.0 to +10.0 points; beyond chance); "
        "CRPS: weighted pipeline 10%, learned 20%"
    )
    assert found[1].startswith(f"b: WAPE: {text.method('last_period')} 9%, learned 11% (")
    assert "within chance" in found[1]
    assert len(found) == 2


def test_list_bad_ranges__names_parts_below_70_and_above_92_percent() -> None:
    parts = {
        f"{held}": compare(rows_of({"learned": [20.0] * (100 - held) + [0.0] * held}))
        for held in (60, 80, 95)
    }
    assert list_bad_ranges(parts) == ["60: 60% of 100", "95: 95% of 100"]
