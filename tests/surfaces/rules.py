"""What was worked by hand about a world, and rules that every answer must keep."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

import opp_analytics as oa
from tests.surfaces.answers import Answers
from tests.surfaces.facts import Ledger
from tests.surfaces.shown import Shown, quiet

__all__ = ["check_truth"]


def check_truth(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    """Compare the functions with what was worked by hand, and with the rules."""
    truth = answers.world.truth
    for column, value in truth.items():
        if column in answers.forecast:
            ledger.near(f"oa.forecast, {column}, by hand", float(answers.current[column]), value)
    for category in {"commit", "best_case"} & set(truth):
        said = float(answers.categories.loc[answers.world.period, category])
        ledger.near(f"oa.forecast_categories, {category}, by hand", said, truth[category])
    for flag in ("moved_back", "value_cut"):
        if flag in truth:
            ledger.near(
                f"oa.deal_flags, {flag}, by hand", float(answers.flags[flag].sum()), truth[flag]
            )
    _check_targets(ledger, answers)
    _check_teams(ledger, answers)
    _check_moves(ledger, answers)
    _check_periods(ledger, answers)


def _check_targets(ledger: Ledger, answers: Answers) -> None:
    """A target is met at half a cent; gaps are in cents; no coverage is negative; a period that is
    over needs nothing."""
    tables = [answers.forecast] if answers.people is None else [answers.forecast, answers.people]
    for table in tables:
        for key, row in table.iterrows():
            where = f"oa.forecast, {key}"
            if not math.isfinite(row["target"]):
                continue
            met = row["booked"] >= row["target"] - 0.005
            ledger.same(f"{where}, gap in cents", row["gap"] == round(row["gap"], 2), True)
            ledger.same(
                f"{where}, coverage of a target that is met",
                met and math.isfinite(row["pipeline_coverage"]),
                False,
            )
            ledger.same(f"{where}, gap of a target that is met", met and row["gap"] > 0, False)
            ledger.same(f"{where}, negative coverage", row["pipeline_coverage"] < 0, False)
    with quiet():
        table = oa.forecast(
            answers.deals,
            as_of=answers.world.day,
            freq="M",
            target=100.0 + float(answers.deals["value"].sum()),
        )
    over = table[[str(label) < str(answers.world.day)[:7] for label in table.index]]
    ledger.same(
        "oa.forecast, pipeline to add to a period that is over",
        bool(over["needed_pipeline"].notna().any()),
        False,
    )
    goals = answers.world.truth.get("targets", {})
    if goals:
        with quiet():
            table = oa.forecast(
                answers.deals,
                as_of=answers.world.day,
                by="owner_name",
                freq=answers.world.freq,
                history=answers.history,
                target=answers.world.targets,
                periods=[answers.world.period],
            )
        for name, goal in goals.items():
            said = float(
                table["target"].xs(answers.world.period, level="period").get(name, math.nan)
            )
            ledger.near(f"oa.forecast by owner, target of {name}, by hand", said, goal)


def _check_teams(ledger: Ledger, answers: Answers) -> None:
    """A person is in the team of the day, and a move is no change of a deal."""
    world, frame = answers.world, answers.deals
    opened = frame[oa.outcomes(frame) == "open"]
    for owner, team in world.truth.get("teams", {}).items():
        mine = sorted(set(opened.loc[opened["owner_name"] == owner, "team"].astype(str)))
        ledger.same(f"frame, team of {owner} today, by hand", mine, [team])
        if answers.history is not None:
            with quiet():
                part = answers.history.where(team=team).as_of(
                    answers.history.records["recorded_at"].iloc[-1]
                )
            lacks = set(opened.loc[opened["owner_name"] == owner, "unique_id"]) - set(
                part["unique_id"]
            )
            ledger.same(
                f"history, deals of {owner} that are not in team {team}, by hand", sorted(lacks), []
            )
    if not len(world.org.people) or answers.history is None:
        return
    plain = oa.Org(**{**world.org.to_dict(), "people": [], "targets": []})
    folder = world.folder / "opp-history"
    with quiet():
        history = oa.History(folder, org=plain)
        alone = oa.deal_flags(
            history.as_of(history.records["recorded_at"].iloc[-1]), history, as_of=world.day
        )
    flags = answers.flags
    for flag in ("no_change", "pushed", "slow_in_stage", "value_cut"):
        said = sorted(flags.index[flags[flag].fillna(False).to_numpy(dtype=bool)])
        ledger.same(
            f"oa.deal_flags, {flag}, without the teams",
            said,
            sorted(alone.index[alone[flag].fillna(False).to_numpy(dtype=bool)]),
        )


def _check_moves(ledger: Ledger, answers: Answers) -> None:
    """Categories without a deal that is due are an empty table, by groups too."""
    history = answers.history
    if history is None or len(history.records) < 2:
        return
    ends: Any = answers.record_days.iloc[-1]
    asked: dict[str, Any] = {
        "start": history.records["recorded_at"].iloc[-2],
        "end": ends,
        "freq": "M",
    }
    for by in (None, "owner_name"):
        said = "a table"
        try:
            with quiet():
                oa.category_moves(history, by=by, **asked)
        except oa.errors.OppAnalyticsError:
            pass
        except KeyError as error:
            said = f"KeyError {error}"
        ledger.same(f"oa.category_moves, by={by}", said, "a table")


def _check_periods(ledger: Ledger, answers: Answers) -> None:
    """The deals of one period are those of that period."""
    world = answers.world
    with quiet():
        table = oa.forecast_deals(
            answers.deals,
            as_of=world.day,
            freq=world.freq,
            history=answers.history,
            periods=[world.period],
        )
    said = sorted(set(table["period"]) - {world.period, *pd.Index(["overdue", "unscheduled"])})
    ledger.same("oa.forecast_deals, periods that were not asked for", said, [])
