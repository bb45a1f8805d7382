"""The page in every state: what it is made from, by name."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd

import opp_analytics as oa
from opp_analytics.errors import DataWarning
from opp_analytics.report import weekly
from tests.scratch import scratch_folder

__all__ = ["CALLS", "QUOTAS", "STATES", "State", "call", "render"]

TODAY = datetime.date(2026, 11, 25)
_WEEKS = 18
_ARABIC, _HEBREW = "شركة النور للتجارة: تجديد المنصة", "רותם כהן"
_LONG = (
    "Dr. Maximiliana-Theodora von Hohenzollern-Sigmaringen und zu Altenburg-Lindenau, Rollout Nord"
)


QUOTAS = {
    "Elif Demir": ("East", 80_000),
    "Amara Okafor": ("East", 100_000),
    "Chiara Rossi": ("East", 70_000),
    "Dmitri Volkov": ("West", 30_000),
    "Grace Lindqvist": ("West", 35_000),
    "Bruno Keller": ("West", 45_000),
    "Farid Haddad": ("West", 40_000),
}
"""Team and monthly target of each person."""
_MONTHS = [str(month) for month in pd.period_range("2026-07", "2027-04", freq="M")]


@dataclass(frozen=True)
class State:
    """What a page is made from."""

    opportunities: pd.DataFrame
    history: oa.History | None
    asked: dict[str, Any] = field(default_factory=dict)
    org: oa.Org = field(default_factory=lambda: oa.Org(currency="USD"))


def quotas(
    people: Mapping[str, tuple[str, float]] = QUOTAS, times: float = 1.0, **settings: Any
) -> oa.Org:
    """An org with these people in teams, each with a target every month."""
    return oa.Org(
        people=[{"owner_name": name, "team": team} for name, (team, _) in people.items()],
        targets=[
            {"period": month, "owner_name": name, "target": times * target}
            for name, (_, target) in people.items()
            for month in _MONTHS
        ],
        **{"currency": "USD", **settings},
    )


@cache
def one_target() -> State:
    """A simulated team, recorded every week, with one target for all."""
    folder, org = scratch_folder("opp-analytics-states-"), oa.Org(currency="USD")
    history = oa.History(folder / "history", org=org)
    with oa.sandbox.start(
        weeks=13, seed=1, today=TODAY - datetime.timedelta(weeks=_WEEKS)
    ) as server:
        client = oa.Client(
            server.url, server.token, server.api_key, cache_dir=folder / "cache", org=org
        )
        for week in range(_WEEKS + 1):
            if week:
                server.advance(7)
            opportunities = oa.load(client, refresh="full", progress=False)
            history.record(opportunities)
    return State(opportunities, history, {"as_of": TODAY, "target": 400_000})


def team() -> State:
    """The same in two teams, with a target for each person."""
    return replace(one_target(), asked={"as_of": TODAY}, org=quotas())


def _changed(**columns: Any) -> State:
    """The team without its history, with other columns."""
    state = one_target()
    frame = state.opportunities.assign(**columns)
    frame.attrs = state.opportunities.attrs
    return replace(state, opportunities=frame, history=None)


def _kept(keep: Callable[[pd.DataFrame], pd.Series[bool]]) -> State:
    """The team without its history, with some of its deals."""
    state = one_target()
    frame = state.opportunities[keep(state.opportunities)]
    frame.attrs = {
        **state.opportunities.attrs,
        "load": {**state.opportunities.attrs["load"], "rows": len(frame), "total": len(frame)},
    }
    return replace(state, opportunities=frame, history=None)


def _open(frame: pd.DataFrame) -> pd.Series[bool]:
    return oa.outcomes(frame) == "open"


def _one_deal() -> State:
    today = pd.Timestamp(TODAY)
    frame = one_target().opportunities
    due = frame[_open(frame) & frame["close_date"].between(today, today + pd.Timedelta(days=5))]
    return replace(
        _kept(lambda rows: rows["unique_id"] == due["unique_id"].iloc[0]),
        asked={"as_of": TODAY, "target": 50_000},
    )


def as_of(day: datetime.date, *, since: int = 0, **asked: Any) -> State:
    """The team on an earlier day; with a history that begins at one of its records."""
    state = team()
    assert state.history is not None
    frame = state.history.as_of(f"{day}T23:59:59Z")
    history = state.history
    if since:
        history = oa.History(scratch_folder("opp-analytics-young-") / "history")
        for moment in state.history.records["recorded_at"].iloc[since:]:
            if moment.date() <= day:
                history.record(_plain(state.history.as_of(moment)), at=moment)
    return replace(state, opportunities=frame, history=history, asked={"as_of": day, **asked})


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """A recorded state as a frame that can be recorded again."""
    frame.attrs = {}
    return frame


_ALERTS = {"alert_when": ["p_target < 90%", "expected < 2 * target", "booked > 300k"]}
"""A condition that is new, and two that stood a week ago."""


def _many(**settings: Any) -> State:
    """Sixty people in six teams."""
    frame = one_target().opportunities
    people = {
        f"{list(QUOTAS)[place % len(QUOTAS)]} {place:02d}": (f"Team {place // 10 + 1}", 9_000.0)
        for place in range(60)
    }
    owners = [list(people)[place % len(people)] for place in range(len(frame))]
    return replace(
        _changed(owner_name=owners), asked={"as_of": TODAY}, org=quotas(people, **settings)
    )


def _incomplete() -> State:
    state = team()
    frame = state.opportunities.copy()
    frame.attrs = {
        **frame.attrs,
        "load": {**frame.attrs["load"], "complete": False, "reasons": ["2 rows came twice"]},
    }
    return replace(state, opportunities=frame)


def _names() -> State:
    """Deals and people in two directions and of ninety letters."""
    frame = one_target().opportunities
    names = [
        (_ARABIC, _LONG, "<script>alert(1)</script>")[place % 3] for place in range(len(frame))
    ]
    owners = dict(
        zip(sorted(frame["owner_name"].unique()), [_LONG, _HEBREW, "X" * 90], strict=False)
    )
    called = frame["owner_name"].map(owners).fillna(frame["owner_name"])
    people = {owners.get(name, name): quota for name, quota in QUOTAS.items()}
    return replace(
        _changed(name=names, owner_name=called), asked={"as_of": TODAY}, org=quotas(people)
    )


_SCRIPTS = {
    "Elif Demir": "محمد العلي 7",
    "Amara Okafor": 'נועה בן-דוד בע"מ',
    "Chiara Rossi": "山田 太郎",
    "East": "الشرق",
    "West": "מערב 2",
    "discovery": "اكتشاف",
    "qualification": "בדיקה",
    "proposal": "提案",
    "negotiation": "تفاوض",
    "closed_won": "فوز",
    "closed_lost": "אבוד",
}


def _scripts() -> State:
    """Deals, people, teams, stages and callers in Arabic, Hebrew and Japanese, with a history."""
    state, named = team(), _SCRIPTS
    people = {
        named.get(name, name): (named[east], target) for name, (east, target) in QUOTAS.items()
    }
    kinds = {"closed_won": "won", "closed_lost": "lost"}
    stages = [
        {"name": name, "kind": kinds.get(stage, "open")}
        for stage, name in named.items()
        if stage.islower()
    ]
    calls = [
        {
            "made_on": "2026-11-20",
            "period": "2026-11",
            "caller": caller,
            "owner_name": owner,
            "commit": 50_000.0,
        }
        for caller, owner in (("محمد العلي 7", "محمد العلي 7"), ("חנה לוי", "山田 太郎"))
    ]
    org = quotas(people, stages=stages, calls=calls)

    def rename(frame: pd.DataFrame) -> pd.DataFrame:
        names = [
            (_ARABIC, f"{_HEBREW} 24", "富士通: 更新")[place % 3] for place in range(len(frame))
        ]
        given = {name: frame[name].astype("str").replace(named) for name in ("owner_name", "stage")}
        return _plain(frame.sort_values("unique_id").assign(name=names, **given))

    history = oa.History(scratch_folder("opp-analytics-scripts-") / "history")
    assert state.history is not None
    for moment in state.history.records["recorded_at"]:
        history.record(org.apply(rename(state.history.as_of(moment))), at=moment)
    return State(rename(state.opportunities), history, state.asked, org)


def _billions() -> State:
    state = _changed(value=one_target().opportunities["value"] * 1e4)
    return replace(state, asked={"as_of": TODAY}, org=quotas(times=1e4))


def _own_look() -> State:
    """A title, and a choice of blocks."""
    report = {
        "title": "Monday",
        "blocks": ["people", "at_risk", "to_win", "why_it_moved", "act_today", "trend", "months"],
    }
    return replace(team(), org=quotas(report=report))


def call(*rows: tuple[str, str, str, str, float], **settings: Any) -> State:
    """The team with calls for November: day, caller, whose (a person, a team, or nothing for all)
    and amount."""
    calls = [
        {
            "made_on": f"2026-11-{day}",
            "period": "2026-11",
            "caller": caller,
            **(
                {"owner_name": whose}
                if kind == "person"
                else {"team": whose}
                if kind == "team"
                else {}
            ),
            "commit": commit,
        }
        for day, caller, kind, whose, commit in rows
    ]
    return replace(team(), org=quotas(calls=calls, **settings))


CALLS = [
    (day, name, "person", name, round(share * target, -3))
    for day, share in (("03", 1.05), ("12", 0.9), ("20", 0.8))
    for name, (_, target) in QUOTAS.items()
]
"""Three calls of each person for their own number, each lower than the one before."""


STATES: dict[str, Callable[[], State]] = {
    "alerts": lambda: replace(team(), org=quotas(report=_ALERTS)),
    "team": team,
    "no history": lambda: replace(team(), history=None),
    "one deal": _one_deal,
    "no deals": lambda: _kept(lambda rows: rows["value"] < 0),
    "first record": lambda: as_of(TODAY, since=_WEEKS),
    "everything met": lambda: replace(team(), org=quotas(times=0.05)),
    "sixty people": _many,
    "billions": _billions,
    "fiscal quarter": lambda: replace(
        team(), asked={"as_of": TODAY, "freq": "Q"}, org=quotas(fiscal_year_start=2)
    ),
    "names": _names,
    "scripts": _scripts,
    "incomplete load": _incomplete,
    "one person": lambda: replace(team(), asked={"as_of": TODAY, "only": "Grace Lindqvist"}),
    "one team": lambda: replace(team(), asked={"as_of": TODAY, "only": "West"}),
    "own look": _own_look,
    "alerts of sixty": lambda: _many(report=_ALERTS),
    "calls of all": lambda: call(
        *CALLS,
        ("10", _LONG, "team", "East", 210_000.0),
        ("20", _LONG, "person", "Bruno Keller", 40_000.0),
        ("09", _HEBREW, "", "", 420_000.0),
        ("19", _HEBREW, "", "", 380_000.0),
    ),
}
"""Every state, by name."""


def render(name: str, folder: Path, **files: Any) -> oa.WeeklyReport:
    """The page of a state, written into a folder; its workbook, which takes a third of the time, is
    empty."""
    state = STATES[name]()
    with warnings.catch_warnings(), patch.object(weekly, "_write_workbook", return_value=b""):
        warnings.simplefilter("ignore", DataWarning)
        return oa.weekly_report(
            state.opportunities,
            state.history and state.history.read_by(state.org),
            org=state.org,
            out=folder / f"{name.replace(' ', '-')}.html",
            progress=False,
            **state.asked,
            **files,
        )
