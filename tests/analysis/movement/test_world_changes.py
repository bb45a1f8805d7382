"""Alarms on the inflow and the share won, against the formulas step by step and on teams that
change or do not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.analysis.movement.world_changes import judge_inflow, judge_win_share
from opp_analytics.note import note_of
from tests import worlds
from tests.analysis.movement.months import STEADY, history_of
from tests.late_tracking import make_files, make_history

RIGHT, BREAK = (
    next(kind for kind in worlds.KINDS if kind.name == name) for name in ("right", "break")
)


def measure(table: pd.DataFrame, name: str) -> pd.DataFrame:
    found: Any = table.xs(name, level="measure")
    return pd.DataFrame(found)


def test_world_changes__says_which_measure_went_which_way_with_both_figures() -> None:
    table = oa.world_changes(history_of([*STEADY, 2], [6] * 12 + [1], [14] * 12 + [59]))
    assert table.index.names == ["period", "measure"]
    assert table.columns.tolist() == ["direction", "was", "now", "n", "alarm"]
    assert table.index.tolist()[:2] == [("2024-07", "inflow"), ("2024-07", "win_share")]
    assert len(table) == 14
    assert table.loc[("2025-01", "inflow")].tolist() == [
        "down",
        pytest.approx(np.mean(STEADY)),
        2.0,
        2,
        True,
    ]
    share = table.loc[("2025-01", "win_share")].tolist()
    assert share == ["down", pytest.approx(0.3), pytest.approx(1 / 60), 60, True]
    assert not table["alarm"].iloc[:-2].any()
    assert (table["direction"].iloc[:-2] == "").all()
    assert note_of(table).figures["n"] == 13


def test_judges__of_steady_teams_raise_a_false_alarm_at_most_about_once_in_ten_years() -> None:
    rng = np.random.default_rng(11)
    teams, months = 30, 6 + 10 * 12
    mean, share = rng.uniform(3, 40, (teams, 1)), rng.uniform(0.1, 0.6, (teams, 1))
    closed = rng.poisson(mean, (teams, months))
    won = rng.binomial(closed, share)
    _, inflow = judge_inflow(rng.poisson(mean, (teams, months)).astype(float))
    _, rate = judge_win_share(won.astype(float), closed.astype(float))
    for alarms in (inflow, rate):
        assert 0 < (alarms > 0).sum() / (teams * 10) <= 0.12


def test_world_changes__of_a_month_without_closings_changes_nothing() -> None:
    won, lost = [6] * 14, [14] * 14
    quiet = oa.world_changes(history_of([20] * 14, [*won[:12], 0, 1], [*lost[:12], 0, 59]))
    row: Any = measure(quiet, "win_share").loc["2025-01"]
    assert (row["n"], row["direction"], row["alarm"]) == (0, "", False)
    assert math.isnan(row["now"])
    assert row["was"] == pytest.approx(0.3)
    # The month after is compared with the same closings, one month further back.
    assert measure(quiet, "win_share").loc["2025-02", "was"] == pytest.approx(0.3)
    assert measure(quiet, "win_share").loc["2025-02", "direction"] == "down"
    never = oa.world_changes(history_of([20] * 8, [0] * 8, [0] * 8))
    assert measure(never, "win_share")[["was", "now"]].isna().all(axis=None)
    assert not never["alarm"].any()


def test_world_changes__counts_from_the_first_period_that_the_records_cover_whole() -> None:
    """Of the deals created before the first record only those still there are known: they would
    look like few."""
    log = worlds.log(RIGHT, 1)
    week = log["seen_at"].sort_values().unique()[60]
    first = log[log["seen_at"] <= week].drop_duplicates("unique_id", keep="last")
    opened = first[~first["status"].isin(["won", "lost"])].assign(seen_at=week)
    cut = pd.concat([opened, log[log["seen_at"] > week]])
    assert f"{week:%F}" == "2023-03-06"
    table = oa.world_changes(oa.History.from_changes(cut))
    assert table.index[0] == ("2023-10", "inflow")
    whole = oa.world_changes(oa.History.from_changes(log))
    assert measure(table, "inflow")["now"].equals(measure(whole, "inflow")["now"].loc["2023-10":])
    assert table.loc[("2023-10", "inflow"), "was"] == pytest.approx(
        measure(whole, "inflow").loc["2023-04":"2023-09", "now"].mean()
    )


@pytest.mark.slow
def test_world_changes__as_of_a_day_is_what_was_said_then() -> None:
    """Neither later records nor what is entered or deleted later change a period that was final."""
    log = worlds.log(BREAK, 4)
    now = oa.world_changes(oa.History.from_changes(log))
    day = pd.Timestamp("2023-12-20")
    then = log[log["seen_at"] < day]
    said = oa.world_changes(oa.History.from_changes(then), as_of=day)
    pd.testing.assert_frame_equal(oa.world_changes(oa.History.from_changes(log), as_of=day), said)
    assert note_of(said).day == "2023-12-18", "the last change that was seen by then"
    assert said.index[-1][0] == "2023-11"
    pd.testing.assert_frame_equal(now.loc[: said.index[-1]], said)
    # Deals entered much later with an old date, and lost ones that are deleted.
    late = log.tail(40).assign(
        unique_id=[f"late {k}" for k in range(40)],
        created_at=pd.Timestamp("2023-03-05"),
        close_date=pd.Timestamp("2023-03-20"),
        status="won",
        stage="closed_won",
        seen_at=log["seen_at"].max(),
    )
    gone = log.drop_duplicates("unique_id", keep="last").query("status == 'lost'").head(300)
    gone = gone.assign(operation="deleted", seen_at=log["seen_at"].max())
    changed = oa.History.from_changes(pd.concat([log.assign(operation=None), late, gone]))
    pd.testing.assert_frame_equal(oa.world_changes(changed).loc[: said.index[-1]], said)


@pytest.mark.parametrize(("day", "last"), [("2025-02-14", "2024-12"), ("2025-02-15", "2025-01")])
def test_world_changes__waits_15_days_for_late_entries(day: str, last: str) -> None:
    history = history_of([20] * 14, [6] * 14, [14] * 14)
    assert oa.world_changes(history, as_of=day).index[-1][0] == last


def test_world_changes__takes_the_period_of_the_report() -> None:
    history = history_of([20] * 30, [6] * 30, [14] * 30)
    assert oa.world_changes(history).index[0][0] == "2024-07"
    by_quarter = history.read_by(oa.Org(report={"freq": "Q"}))
    assert oa.world_changes(by_quarter).index[0][0] == "2025Q3"
    assert oa.world_changes(by_quarter, freq="M").index[0][0] == "2024-07"
    fiscal = history.read_by(oa.Org(report={"freq": "Q"}, fiscal_year_start=2))
    # January 2024 ends a quarter that began before the records.
    assert oa.world_changes(fiscal).index[0][0] == "2026Q3"


def test_world_changes__needs_no_stage_and_no_planned_date_of_an_imported_history() -> None:
    """A deal that the log does not close is closed on its date, so a month whose stages are unknown
    counts as any other."""
    late, tracked = (
        make_history(files)[1] for files in (make_files(), make_files(pd.Timestamp("2024-01-01")))
    )
    assert len(late.find_gaps("stage")) > 24
    table = oa.world_changes(late)
    assert table.index[0][0] == "2024-08"
    pd.testing.assert_frame_equal(table, oa.world_changes(tracked))


def test_world_changes__of_too_few_periods_says_from_when_on() -> None:
    with pytest.raises(oa.errors.NotEnoughHistory) as refused:
        oa.world_changes(history_of([20] * 5, [6] * 5, [14] * 5))
    assert str(refused.value) == (
        "world_changes needs 7 ended months that the records cover whole; this history has 5. Keep "
        "recording: it can be used from Aug 15, 2024 on"
    )
