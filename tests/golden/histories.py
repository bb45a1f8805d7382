"""Histories of different kinds, small enough that every figure about them fits in a file."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import opp_analytics as oa
from tests import own_stages
from tests.analysis.forecasting.histories import TWO_PIPELINES, even_months
from tests.golden.adapters import read_field_history
from tests.widgets.explorer.pipelines import record, states
from tests.worlds import play_few

__all__ = ["HISTORIES", "Known"]


@dataclass(frozen=True)
class Known:
    """What is known on a day, and what is asked about it."""

    opportunities: pd.DataFrame
    history: oa.History | None
    as_of: str
    by: tuple[str, ...] = ("owner_name",)
    target: Any = None
    page: dict[str, Any] = field(default_factory=dict)
    """Further arguments of the weekly page."""
    pages: bool = True
    """If False, the page is left out: others of its kind have it."""
    past: bool = True
    """If False, forecasts of the past are left out, which take long over many records, and which
    others of its kind have."""
    tables: tuple[str, ...] = ()
    """The tables that are asked for; all of them without."""


_OWN_NAMES = {
    "discovery": "Erstkontakt",
    "qualification": "Demo, vor Ort",
    "proposal": "Angebot",
    "negotiation": "Mündlich",
    "closed_won": "Unterschrieben",
    "closed_lost": "Dead",
}


def _known(log: pd.DataFrame, *, org: oa.Org | None = None, **asked: Any) -> Known:
    """A log as a history, and its last record as the frame."""
    history = oa.History.from_changes(log, org=org)
    last = history.records["recorded_at"].iloc[-1]
    return Known(history.as_of(last), history, f"{last:%Y-%m-%d}", **asked)


def weekly(folder: Path) -> Known:
    """A year of weekly records."""
    return _known(play_few("weekly", 1, 54), target=90_000, pages=False)


def daily(folder: Path) -> Known:
    """Three quarters of weekly records, of which the last ten weeks were recorded every day, one
    day twice."""
    log = play_few("daily", 2, 41)
    days = np.random.default_rng(2).integers(0, 7, len(log))
    late = log["seen_at"] > log["seen_at"].max() - pd.Timedelta(weeks=10)
    log["seen_at"] -= pd.to_timedelta(np.where(late, days, 0), unit="D")
    twice = log["seen_at"].dt.normalize() == log["seen_at"].max().normalize()
    log.loc[twice & (log["unique_id"].str[-1] > "4"), "seen_at"] += pd.Timedelta(hours=5)
    log = log.sort_values(["seen_at", "unique_id"], kind="stable")
    return _known(log, target={"2022-10": 60_000, "2022-11": 70_000}, pages=False, past=False)


def gaps(folder: Path) -> Known:
    """Weekly records with two gaps, of ten weeks and of three, and deals that were deleted and came
    back."""
    log = play_few("gaps", 3, 52)
    week = (log["seen_at"] - log["seen_at"].min()).dt.days // 7
    seen = week.where(~week.between(18, 27), 28).where(~week.between(38, 40), 41)
    log["seen_at"] = log["seen_at"] + pd.to_timedelta((seen - week) * 7, unit="D")
    log = log.drop_duplicates(["unique_id", "seen_at"], keep="last").assign(operation=None)
    leaving = log.drop_duplicates("unique_id", keep="last").iloc[5:60:9]
    leaving = leaving[~leaving["stage"].str.startswith("closed")]
    last = log["seen_at"].max()
    deleted = leaving.assign(operation="deleted", seen_at=last - pd.Timedelta(weeks=3))
    returned = leaving.iloc[:1].assign(seen_at=last)
    later = log["unique_id"].isin(leaving["unique_id"]) & (
        log["seen_at"] >= last - pd.Timedelta(weeks=3)
    )
    log = pd.concat([log[~later], deleted, returned])
    return _known(log.sort_values("seen_at", kind="stable"), target=80_000, pages=False)


def own_names(folder: Path) -> Known:
    """Stages of one's own, with an alias and two pipelines; euros, Berlin, a fiscal year from
    February; targets by team."""
    names = ("Ada", "Ben", "Cleo", "Dev")
    stages = own_stages.ORG.to_dict()["stages"]
    stages = [
        {**stage, "pipeline": pipeline} if stage["kind"] == "open" else stage
        for pipeline in ("Neu", "Bestand")
        for stage in stages
        if stage["kind"] == "open" or pipeline == "Neu"
    ]
    for stage in stages:
        if stage.get("pipeline") == "Bestand":
            stage.pop("aliases", None)
    org = oa.Org(
        stages=stages,
        currency="EUR",
        timezone="Europe/Berlin",
        fiscal_year_start=2,
        people=[
            *({"owner_name": name, "team": ("Nord", "Süd")[k % 2]} for k, name in enumerate(names)),
            {"owner_name": "Dev", "team": "Nord", "from_date": "2022-10-20"},
        ],
        targets=[
            {"period": str(month), "owner_name": name, "target": 12_000 + 3_000 * k}
            for month in pd.period_range("2022-03", "2023-06", freq="M")
            for k, name in enumerate(names)
        ],
    )
    log = play_few("own names", 4, 48)
    log["stage"] = log["stage"].map(_OWN_NAMES)
    log["pipeline"] = np.where(log["unique_id"].str[-1].isin(list("147")), "Bestand", "Neu")
    return _known(log, org=org, by=("team", "owner_name"), target=org.targets, page={"org": org})


def own_stages_by_hand(folder: Path) -> Known:
    """Eight deals over four Mondays, worked by hand."""
    history = oa.History.from_changes(own_stages.weeks_before(), org=own_stages.ORG)
    return Known(
        history.as_of("2026-11-25"),
        history,
        "2026-11-25",
        by=("team",),
        pages=False,
        past=False,
    )


def pipelines(folder: Path) -> Known:
    """Ten months that are all alike, in two pipelines that share a stage name."""
    log = even_months(10, owners=True, org=TWO_PIPELINES, until="2026-10-15").changes()
    log["name"] = "Deal " + log["unique_id"].astype("str")
    history = oa.History.from_changes(log, org=TWO_PIPELINES)
    return Known(history.as_of("2026-10-15"), history, "2026-10-15", by=("pipeline",), target=200)


def recorded(folder: Path) -> Known:
    """Five records of frames: deals come, go and return at random, some without value or owner."""
    frames = states(26)
    history = record(frames, folder)
    return Known(frames[-1], history, "2026-03-31", by=("region",), target=30_000, pages=False)


def one_deal(folder: Path) -> Known:
    """One deal, recorded twice."""
    columns = {
        "unique_id": ["a"],
        "name": ["Alder"],
        "account_id": ["x"],
        "value": [1200.5],
        "stage": ["proposal"],
        "status": ["active"],
        "close_date": ["2026-03-20"],
        "probability": [40],
        "owner_name": ["Ann"],
        "created_at": ["2026-02-01T09:00:00Z"],
        "updated_at": ["2026-03-01T09:00:00Z"],
    }
    frame = pd.DataFrame(columns)
    history = oa.History(folder)
    history.record(frame.assign(stage="discovery", probability=20), at="2026-03-02T08:00Z")
    history.record(frame, at="2026-03-09T08:00Z")
    return Known(frame, history, "2026-03-10", target=1000, past=False)


def no_deals(folder: Path) -> Known:
    """A pipeline without a deal, and no history."""
    frame = one_deal(folder).opportunities.iloc[:0]
    return Known(frame, None, "2026-03-10", target=1000)


def imported(folder: Path) -> Known:
    """An export of Salesforce with its field history, in the zone of Chicago."""
    org = oa.Org.salesforce(currency="USD", timezone="America/Chicago", fiscal_year_start=2)
    org = oa.Org(
        **{
            **org.to_dict(),
            "stages": [*org.to_dict()["stages"], {"name": "Disqualified", "kind": "disqualified"}],
        }
    )
    deals, history = read_field_history(folder, org, weeks=20, today="2026-11-23")
    deals = deals[deals["unique_id"].isin(sorted(deals["unique_id"])[:90])]
    history = oa.History.from_changes(
        history.changes().loc[lambda log: log["unique_id"].isin(deals["unique_id"])], org=org
    )
    return Known(
        deals, history, "2026-11-23", target=150_000, page={"org": org, "freq": "Q"}, past=False
    )


def fiscal(folder: Path) -> Known:
    """Francs, a fiscal year from November, the zone of Auckland; teams, a person without one,
    targets for both."""
    names = ("Ada", "Ben", "Cleo")
    org = oa.Org(
        currency="CHF",
        timezone="Pacific/Auckland",
        fiscal_year_start=11,
        people=[
            {"owner_name": name, "team": ("East", "West")[k % 2]} for k, name in enumerate(names)
        ],
        targets=[
            *(
                {"period": period, "team": team, "target": target}
                for period in ("2022Q4", "2023Q1", "2023Q2")
                for team, target in (("East", 90_000), ("West", 70_000))
            ),
            *(
                {"period": "2023Q1", "owner_name": name, "target": 30_000}
                for name in (*names, "Dev")
            ),
        ],
    )
    log = play_few("fiscal", 5, 52, growth=0.3, rush=2.0)
    return _known(
        log,
        org=org,
        by=("team", "owner_name"),
        target=org.targets,
        page={"org": org, "freq": "Q", "only": "East"},
        past=False,
    )


def called(folder: Path) -> Known:
    """A year of weekly records in which everybody calls each month three times, and a manager
    overrides one of them."""
    log = play_few("weekly", 1, 54)
    names, last = ("Ada", "Ben", "Cleo", "Dev"), log["seen_at"].max()
    won = log[log["stage"] == "closed_won"].drop_duplicates("unique_id", keep="last")
    won["month"] = won["close_date"].dt.strftime("%Y-%m")
    wins: dict[Any, float] = won.groupby(["owner_name", "month"])["value"].sum().to_dict()
    random, calls = np.random.default_rng(1), []
    for month in pd.period_range(log["seen_at"].min(), last, freq="M")[1:]:
        for day, (place, name) in itertools.product((2, 10, 20), enumerate(names)):
            made = month.start_time + pd.Timedelta(days=day - 1)
            commit = round(
                float(wins.get((name, str(month)), 5_000.0))
                * (0.8 + 0.2 * place)
                * random.uniform(0.8, 1.2),
                -2,
            )
            own = {
                "made_on": f"{made:%Y-%m-%d}",
                "period": str(month),
                "caller": name,
                "owner_name": name,
                "commit": commit,
            }
            calls += [own, {**own, "caller": "Mia", "commit": commit * 0.75}][: 1 + (name == "Dev")]
    org = oa.Org(
        currency="USD",
        people=[
            {"owner_name": name, "team": ("East", "West")[k % 2]} for k, name in enumerate(names)
        ],
        targets=[
            {"period": f"{last:%Y-%m}", "owner_name": name, "target": 40_000.0} for name in names
        ],
        calls=[call for call in calls if call["made_on"] <= f"{last:%Y-%m-%d}"],
    )
    return _known(log, org=org, page={"org": org}, tables=("page", "page_charts", "workbook"))


HISTORIES: dict[str, Callable[[Path], Known]] = {
    kind.__name__: kind
    for kind in (
        weekly,
        daily,
        gaps,
        own_names,
        own_stages_by_hand,
        pipelines,
        recorded,
        one_deal,
        no_deals,
        imported,
        fiscal,
        called,
    )
}
"""Each history by its name; the argument is an empty folder of its own."""
