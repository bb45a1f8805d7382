"""Odd frames for everything that takes one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics import org
from tests.fuzz import odd
from tests.fuzz.targets import Findings, Target
from tests.support import row

__all__ = ["TARGETS", "show_frame", "sound"]

_DAY = "2026-03-10"


@cache
def sound() -> pd.DataFrame:
    """Six deals as a load gives them."""
    return org.conform(pd.DataFrame([row(n, owner_name="Ann") for n in range(6)]))


_ANALYSES: dict[str, Callable[[Any], Any]] = {
    "conform": org.conform,
    "apply": lambda frame: oa.Org.salesforce(people=[{"owner_name": "Ann", "team": "East"}]).apply(
        frame
    ),
    "read_export": lambda frame: oa.read_export(frame, oa.Org(), progress=False),
    "draft_org": lambda frame: org.draft_org(org.conform(frame), month="2026-03"),
    "show": lambda frame: oa.show(frame).to_html(),
    "require": lambda frame: org.require(frame, "value", unique=True),
    "outcomes": oa.outcomes,
    "win_rate": oa.win_rate,
    "win_rate by": lambda frame: oa.win_rate(
        frame, by=["owner_name", "stage"], freq="M", as_of=_DAY
    ),
    "win_rate_curve": lambda frame: oa.win_rate_curve(frame, as_of=_DAY, by="owner_name"),
    "win_rate_cohorts": lambda frame: oa.win_rate_cohorts(frame, as_of=_DAY, age_days=30),
    "time_to_win": lambda frame: oa.time_to_win(frame, as_of=_DAY),
    "velocity": lambda frame: oa.velocity(frame, as_of=_DAY, by="owner_name"),
    "stage_funnel": lambda frame: oa.stage_funnel(frame, by="owner_name"),
    "forecast": lambda frame: oa.forecast(frame, as_of=_DAY, target=100),
    "forecast by": lambda frame: oa.forecast(frame, as_of=_DAY, by="owner_name"),
    "forecast_deals": lambda frame: oa.forecast_deals(frame, as_of=_DAY, target=100),
    "forecast_categories": lambda frame: oa.forecast_categories(frame, as_of=_DAY, by="owner_name"),
    "pacing": lambda frame: oa.pacing(frame, as_of=_DAY, by="owner_name", by_day=True),
    "deal_flags": lambda frame: oa.deal_flags(frame, as_of=_DAY),
    "audit": lambda frame: oa.audit_summary(oa.audit(frame, as_of=_DAY)),
    "fix": lambda frame: oa.fix(frame, oa.audit(frame, as_of=_DAY)),
}
_SURFACES: dict[str, Callable[[Any], Any]] = {
    "edit": lambda frame: repr(oa.edit(frame, as_of=_DAY)),
    "explore": lambda frame: repr(oa.explore(frame, as_of=_DAY)),
    "weekly_report": lambda frame: _report(frame),
}


def _report(frame: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        oa.weekly_report(frame, as_of=_DAY, out=folder, target=100, eml=True, markdown=True)


def _plan(findings: Findings, given: tuple[Any, Any, bool]) -> None:
    left, right, alike = given
    before = org.conform(sound().head(3)) if alike else left
    with (
        tempfile.TemporaryDirectory() as folder,
        findings.call(f"plan({show_frame(before)}, {show_frame(right)})"),
    ):
        made = oa.plan(before, right)
        made.summary()
        made._repr_html_()
        made.impact(as_of=_DAY)
        again = oa.Plan.read(made.save(Path(folder) / "plan.json"))
        assert len(made.problems) or again.summary() == made.summary(), (
            again.summary(),
            made.summary(),
        )


def _export(findings: Findings, given: tuple[str, Any]) -> None:
    how, frame = given
    with tempfile.TemporaryDirectory() as folder, findings.call(f"to_{how}({show_frame(frame)})"):
        if how == "csv":
            oa.read_csv(oa.to_csv(frame, Path(folder) / "deals.csv"), frame)
        else:
            oa.read_excel(oa.to_excel(frame, Path(folder) / "deals.xlsx"))


def _record(findings: Findings, frames: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = oa.History(Path(folder) / "history")
        history.record(sound(), at="2026-01-01")
        for number, frame in enumerate(frames):
            with findings.call(f"record({show_frame(frame)})"):
                history.record(frame, at=f"2026-02-0{1 + number}")
        for name, ask in _QUESTIONS.items():
            with findings.call(f"{name} after record({show_frame(frames[-1])})"):
                ask(history)


_QUESTIONS: dict[str, Callable[[oa.History], Any]] = {
    "as_of": lambda history: history.as_of("2026-03-01"),
    "changes": lambda history: history.changes(),
    "check": lambda history: history.check(),
    "slippage": lambda history: oa.slippage(history, start="2026-01-15", end="2026-02-03"),
    "waterfall": lambda history: oa.waterfall(history, start="2026-01-15", end="2026-02-03"),
    "stage_flow": lambda history: oa.stage_flow(
        history, start="2026-01-15", end="2026-02-03", by="owner_name"
    ),
    "transitions": oa.transitions,
    "close_date_moves": oa.close_date_moves,
    "backtest": lambda history: oa.backtest(history, freq="M"),
    "calibration": lambda history: oa.calibration(history, horizon_days=10),
}

_IDS, _MOMENTS = (
    st.sampled_from(["a", "b"]),
    st.sampled_from(["2026-01-01", "2026-02-01T10:00:00Z"]),
)


def _or_odd(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(*[usual] * 8, odd.cells)


_wide = st.fixed_dictionaries(
    {"unique_id": _or_odd(_IDS), "seen_at": _or_odd(_MOMENTS)},
    optional={
        "operation": _or_odd(st.sampled_from(["new", "changed", "deleted", "returned"])),
        "seen_after": _or_odd(_MOMENTS),
        "stage": _or_odd(st.sampled_from(["proposal", "closed_won"])),
        "value": _or_odd(st.just(1.0)),
        "notes": odd.cells,
    },
)
_long = st.fixed_dictionaries(
    {
        "unique_id": _or_odd(_IDS),
        "changed_at": _or_odd(_MOMENTS),
        "field": _or_odd(st.sampled_from(["stage", "value", "close_date", "notes"])),
        "new_value": st.one_of(st.sampled_from(["proposal", "1"]), odd.cells),
    }
)
_logs = st.one_of(st.lists(_wide, min_size=1, max_size=4), st.lists(_long, min_size=1, max_size=4))


def _import(findings: Findings, given: tuple[Any, list[dict[str, Any]], bool]) -> None:
    frame, lines, shaped = given
    log = pd.DataFrame(
        {k: pd.Series([r.get(k) for r in lines], dtype="object") for r in lines for k in r}
    )
    log = frame if shaped else log
    with findings.call(f"from_changes({show_frame(log)})"):
        history = oa.History.from_changes(log)
        history.as_of("2026-03-01")
        history.check()


def show_frame(frame: Any) -> str:
    """Write the cells of a frame; pandas itself cannot show all of them."""
    if not isinstance(frame, pd.DataFrame):
        return repr(frame)[:200]
    try:
        return repr({str(name): frame.iloc[:, k].tolist() for k, name in enumerate(frame.columns)})[
            :1500
        ]
    except Exception as error:
        return f"a frame that pandas cannot show ({error!r}): {frame.dtypes.to_dict()}"


def _of(takers: dict[str, Callable[[Any], Any]], examples: int) -> Target:
    def take(findings: Findings, given: tuple[str, Any]) -> None:
        name, frame = given
        with findings.call(f"{name}({show_frame(frame)})"):
            takers[name](frame)

    return Target(take, st.tuples(st.sampled_from(list(takers)), odd.frames()), examples)


TARGETS = {
    "analysis": _of(_ANALYSES, 250),
    "surfaces": _of(_SURFACES, 20),
    "plan": Target(_plan, st.tuples(odd.frames(), odd.frames(), st.booleans()), 50),
    "export": Target(_export, st.tuples(st.sampled_from(["csv", "excel"]), odd.frames()), 50),
    "record": Target(_record, st.lists(odd.frames(), min_size=1, max_size=2), 8),
    "import": Target(
        _import, st.tuples(odd.frames(), _logs, st.integers(0, 9).map(lambda n: n == 0)), 300
    ),
}
