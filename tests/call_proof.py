"""``python -m tests.call_proof [--seed N]``: does the table of calls find who makes the number
better?

Callers of known skill and bias (`tests.worlds`) call the periods of simulated teams of many kinds,
on fresh seeds. What `call_accuracy` and `forecast_value_added` say of them is held against what
they are, and written to ``docs/forecast-proof.md``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.analysis.forecasting.call_samples import CallSamples, Errors
from opp_analytics.analysis.forecasting.forecast_value_added import SOURCES, _blend, _keep_common
from opp_analytics.analysis.stats.intervals import adjust_p_values
from opp_analytics.history import History
from tests import sandbox_world, worlds
from tests.benchmarks._promises import SANDBOX, WEEKS, Promise
from tests.benchmarks._proof_page import list_promises, say_kept, tabulate_promises
from tests.benchmarks._proof_rows import Rows, write_part
from tests.worlds import CALLERS, HELPS, HURTS, Caller, call, expect, override

DOCS = Path(__file__).parents[1] / "docs"
KINDS = (*(kind.name for kind in worlds.KINDS if kind.name != "young"), SANDBOX)
"""A young team has too few months for a proof."""
COUNTS = (6, 9, 12, 18, 24)
"""Numbers of periods that calls are judged on."""
SKILLS = (0.5, 0.7, 0.85, 1 / 0.7, 2.0)
"""Errors of callers by the model's, for the power."""
_ALIKE = (0.0, 0.5)
MANAGERS = ((1.0, 1.0), (1.0, HELPS), (0.7, HELPS), (1.0, HURTS))
"""Skill of reps, and what a manager leaves of their error; 1 and 1 for two who know nothing of each
other."""
FLAWED = (
    *CALLERS,
    Caller("slightly informed", 0.85),
    Caller("informed optimist", 0.7, 0.3),
    Caller("informed sandbagger", 0.7, -0.3),
)
"""Callers whose blend with the model, and whose bias, are judged."""
INFORMED = ("equal", "slightly informed")
"""Those whose blend is to beat both: an equal mean of two cannot where one errs by less than about
0.6 of the other."""
LEVEL = 0.95
_WEEKS = 200
"""Length of a history, so that 24 months can be drawn from its 38."""
_WARM_UP = 8
"""First periods, in which no forecast is learned yet."""
_EQUALS = 5
"""Callers that are all as good as the model, compared at once."""
_TEAMS, _TURNS, _WORKERS = 2, 4, 2


@dataclass(frozen=True)
class Team:
    """A simulated team, and what was known and came on the days of calls."""

    kind: str
    seed: int

    @property
    def freq(self) -> str:
        """Its periods."""
        return "W" if self.kind == WEEKS else "M"

    @cached_property
    def history(self) -> History:
        """Its records."""
        if self.kind == SANDBOX:
            return sandbox_world.history(self.seed, _WEEKS)
        kind = next(kind for kind in worlds.KINDS if kind.name == self.kind)
        if self.kind != WEEKS:
            # Where inflow stops, it does so as long before the end as there.
            stops = kind.stops_at and kind.stops_at + _WEEKS - kind.weeks
            kind = replace(kind, weeks=_WEEKS, stops_at=stops)
        return worlds.history(kind, self.seed)

    @cached_property
    def _samples(self) -> CallSamples:
        seen = self.history.records["recorded_at"].dt.tz_localize(None)
        periods = pd.period_range(seen.iloc[0], seen.iloc[-1], freq=self.freq)
        somebody = [
            {
                "made_on": one.start_time,
                "period": str(one),
                "caller": "Ada",
                "owner_name": "Ada",
                "commit": 1,
            }
            for one in periods
        ]
        return CallSamples.of(
            self.history, "the proof", org=oa.Org(calls=somebody), freq=self.freq, confidence=LEVEL
        )

    @cached_property
    def whole(self) -> pd.DataFrame:
        """The sources' numbers for the whole and what came, by period and place."""
        return self._settled(self._samples.read_level())

    @cached_property
    def people(self) -> pd.DataFrame:
        """The same by person."""
        return self._settled(self._samples.read_level("owner_name"))

    @staticmethod
    def _settled(level: pd.DataFrame) -> pd.DataFrame:
        periods = level.index.unique("period").sort_values()
        return level.loc[periods[_WARM_UP:]].dropna()

    def draw_window(self, count: int, rng: np.random.Generator) -> pd.Index[Any]:
        """Draw that many periods in a row."""
        periods = self.whole.index.unique("period")
        begin = int(rng.integers(len(periods) - count + 1))
        return periods[begin : begin + count]


def judge_sources(cells: pd.DataFrame) -> Errors:
    """The errors of the sources of `forecast_value_added`; `cells` has ``reps`` and ``manager``
    (perhaps NaN) too."""
    cells = cells.assign(group="").reset_index()
    part = _keep_common(cells.assign(blend=_blend(cells)).set_index(["group", "period", "place"]))
    return Errors.of(part, [source for source in SOURCES if source in part])


def judge_team(team: Team) -> pd.DataFrame:
    """Draw callers of a team, and say what the tables say of them: one row for each thing that is
    counted."""
    rng = np.random.default_rng([team.seed, *map(ord, team.kind)])
    rows = [
        {"periods": count, **row}
        for count in COUNTS
        if count <= len(team.whole.index.unique("period"))
        for _ in range(_TURNS)
        for judge in (_judge_alone, _judge_equals, _judge_people, _judge_blends, _judge_managers)
        for row in judge(team, team.draw_window(count, rng), rng)
    ]
    return pd.DataFrame(rows).assign(kind=team.kind, seed=team.seed)


Found = Iterator[dict[str, Any]]


def _judge_alone(team: Team, window: pd.Index[Any], rng: np.random.Generator) -> Found:
    """Is a caller of some skill marked alone?"""
    callers = [
        Caller(f"{skill} {alike}", skill, alike=alike) for skill in SKILLS for alike in _ALIKE
    ]
    cells = team.whole.join(call(team.whole, callers, rng)).loc[window]
    errors = Errors.of(cells, ["model", *(caller.name for caller in callers)])
    for one in callers:
        side = mark(errors, [one.name])[one.name]
        yield {"what": "alone", "error": one.skill, "alike": one.alike, **_hold(side, one.skill)}


def _judge_equals(team: Team, window: pd.Index[Any], rng: np.random.Generator) -> Found:
    """Is anybody marked of several callers of the whole who are as good as the model?"""
    callers = [replace(CALLERS[0], name=str(k)) for k in range(_EQUALS)]
    names = [caller.name for caller in callers]
    errors = Errors.of(
        team.whole.join(call(team.whole, callers, rng)).loc[window], ["model", *names]
    )
    for name in names:
        yield {"what": "one caller", "marked": mark(errors, [name])[name] != 0}
    yield {"what": "five callers", "marked": any(mark(errors, names).values())}


def _judge_people(team: Team, window: pd.Index[Any], rng: np.random.Generator) -> Found:
    """Is any person marked, each calling an own number as well as the model?"""
    cells = team.people.join(call(team.people, CALLERS[:1], rng)).loc[window]
    own = Errors.split(cells.reorder_levels(["owner_name", "period", "place"]), ["model", "equal"])
    p = np.array([errors.compare("equal") for errors in own.values()])
    yield {"what": "every person", "marked": bool((adjust_p_values(p) < 1 - LEVEL).any())}


def _judge_blends(team: Team, window: pd.Index[Any], rng: np.random.Generator) -> Found:
    """How large are the errors of the model, of reps and of their blend, and does the interval hold
    the true bias of the reps?"""
    whole, said = team.whole.loc[window], call(team.whole, FLAWED, rng).loc[window]
    every = pd.concat(
        {name: whole.assign(reps=said[name]) for name in said}, names=["group"]
    ).reset_index()
    blends = every.assign(blend=_blend(every)).pivot_table(
        index=["period", "place"], columns="group", values="blend"
    )
    means = pd.DataFrame(
        {f"mean {one.name}": expect(team.whole, one) for one in FLAWED if one.aware}
    )
    cells = whole.join([said, blends.add_prefix("blend "), means])
    errors = Errors.of(cells, list(cells.columns.drop(["weighted", "last_period", "actual"])))
    size, signed = errors.size.sum(), errors.signed.sum() / errors.actual.sum()
    for one in FLAWED:
        name = one.name
        found = {"model": size["model"], "reps": size[name], "blend": size[f"blend {name}"]}
        yield {"what": "blend", "caller": name, **found}
        if one.aware:
            judged = errors.judge(name, confidence=LEVEL)
            held = judged["bias_low"] <= signed[f"mean {name}"] <= judged["bias_high"]
            yield {"what": "bias", "caller": name, "held": held}


def _judge_managers(team: Team, window: pd.Index[Any], rng: np.random.Generator) -> Found:
    """Are the reps and the manager marked among the sources?"""
    for skill, left in MANAGERS:
        reps = call(team.whole, [Caller("reps", skill)], rng)["reps"]
        # One who is as good as the model, and reps who are, know nothing of each other.
        equal = call(team.whole, CALLERS[:1], rng)["equal"]
        manager = override(team.whole, reps, left) if left != 1 else equal
        errors = judge_sources(team.whole.assign(reps=reps, manager=manager).loc[window])
        marked = mark(errors, [str(name) for name in errors.size][1:])
        if left == 1:
            yield {"what": "sources", "marked": marked["reps"] != 0 or marked["manager"] != 0}
        else:
            for source, error in (("reps", skill), ("manager", skill * left)):
                yield {"what": source, "error": error, **_hold(marked[source], error)}


def mark(errors: Errors, sources: Sequence[str]) -> dict[str, int]:
    """Mark the sources that differ from the model beyond chance, among those compared: −1 better, 1
    worse, else 0."""
    p = adjust_p_values(np.array([errors.compare(source) for source in sources]))
    total = errors.size.sum()
    off = np.sign(total[list(sources)] - total["model"]).to_numpy()
    return dict(zip(sources, np.where(p < 1 - LEVEL, off, 0).astype(int).tolist(), strict=True))


def _hold(side: int, error: float) -> dict[str, bool]:
    """Hold a mark against an error by the model's; without a difference there is no right side."""
    true = int(np.sign(error - 1))
    return {"right": side == true != 0, "wrong": side == -true != 0}


def judge_teams(
    seed: int, teams: int = _TEAMS, kinds: Sequence[str] = KINDS, workers: int = _WORKERS
) -> pd.DataFrame:
    """Judge callers of several teams of each kind."""
    every = [Team(kind, seed + turn) for kind in kinds for turn in range(teams)]
    if workers == 1:
        return pd.concat(map(judge_team, every), ignore_index=True)
    with ProcessPoolExecutor(workers) as pool:
        return pd.concat(pool.map(judge_team, every), ignore_index=True)


def sum_blends(rows: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Sum the errors of the model, of reps and of their blend, as shares of the model's; also the
    mean of its parts."""
    total = (
        rows[rows["what"] == "blend"].groupby([*by], sort=False)[["model", "reps", "blend"]].sum()
    )
    shares = total.div(total["model"], axis=0)
    return shares.assign(parts=(1 + shares["reps"]) / 2, best=shares["reps"].clip(upper=1))


def promises(rows: pd.DataFrame) -> list[Promise]:
    """What the tables of calls are held to."""
    alone, blends = rows[rows["what"] == "alone"], sum_blends(rows, "kind", "caller")
    clear = alone[alone["error"].isin((0.5, 2.0)) & (alone["periods"] == COUNTS[-1])]
    informed = blends[blends.index.get_level_values("caller").isin(INFORMED)]
    held = rows[rows["what"] == "bias"].groupby("caller")["held"].mean()
    found = [
        Promise(
            "an error half or twice the model's, 24 periods: marked", 0.8, 1, clear["right"].mean()
        ),
        Promise("marked on the wrong side", 0, 0.01, alone["wrong"].mean()),
    ]
    for what, name in EQUAL.items():
        share = rows.loc[rows["what"] == what, "marked"].mean()
        found.append(Promise(f"all equal, {name}: anybody marked", 0, 0.05, share))
    for name, of, part in (
        ("the mean of its parts", "parts", blends),
        ("the better of its parts, where both are informed", "best", informed),
    ):
        ratio = part["blend"] / part[of]
        title = (
            f"error of the blend by that of {name}, largest: "
            f"{', '.join(cast(tuple[str, str], ratio.idxmax()))}"
        )
        found.append(Promise(title, -np.inf, 1, ratio.max()))
    for end, caller in (("least", held.idxmin()), ("most", held.idxmax())):
        found.append(
            Promise(f"95% intervals of bias held, {end}: {caller}", 0.93, 0.97, held[str(caller)])
        )
    return found


def write(rows: pd.DataFrame, seed: int, docs: Path = DOCS) -> str:
    """Write the section of calls and its rows; the promises and whether they were kept, as text."""
    judged, alone = promises(rows), rows[rows["what"] == "alone"]
    among = rows[rows["what"].isin(("reps", "manager")) & (rows["error"] != 1)]
    tables = {
        "who is found alone": _list_power(alone.assign(of="alike " + alone["alike"].astype("str"))),
        "who is found among all sources": _list_power(among.assign(of=among["what"])),
        "marked where all are equal": {
            name: _list_shares(rows[rows["what"] == what], "marked") for what, name in EQUAL.items()
        },
        "error of the blend": _list_blends(rows),
        "error of the blend by team": _list_blends_by_kind(rows),
        "95% intervals of bias held": {
            one.name: _list_shares(_of(rows, "bias", one.name), "held")
            for one in FLAWED
            if one.aware
        },
        "promises": list_promises(judged),
    }
    section = f"""Callers of known skill and bias call the periods of {rows.groupby(["kind", "seed"]).ngroups} simulated teams, with errors that the model made in other periods
times their skill. {say_kept(judged)} `call_proof --seed {seed}` repeats them.

{tabulate_promises(judged)}"""  # noqa: E501
    write_part(docs, "calls", section, tables)
    return "\n".join(" | ".join(promise.cells()) for promise in judged)


EQUAL = {
    "one caller": "one caller of the whole's number",
    "five callers": "five callers of the whole's number",
    "every person": "seven people, each with an own number",
    "sources": "reps and manager, among all sources",
}


def _of(rows: pd.DataFrame, what: str, caller: str) -> pd.DataFrame:
    return rows[(rows["what"] == what) & (rows["caller"] == caller)]


def _list_shares(rows: pd.DataFrame, column: str) -> dict[str, str]:
    """The share of true ones by number of periods, with how many there are."""
    by = rows.groupby("periods")[column]
    return {
        f"{periods} periods": f"{text.percent(share, 1)} ({n:,})"
        for (periods, share), n in zip(by.mean().items(), by.size(), strict=True)
    }


def _list_power(rows: pd.DataFrame) -> Rows:
    """The share on the right side, by error and number of periods."""
    return {
        f"{of}, error {error:.2f}": _list_shares(part, "right")
        for (of, error), part in rows.groupby(["of", "error"])
    }


def _list_blends(rows: pd.DataFrame) -> Rows:
    """The errors of reps and of the blend as shares of the model's, and how often it helped."""
    blends = rows[rows["what"] == "blend"]
    blends = blends.assign(
        worse=blends["blend"] > (blends["model"] + blends["reps"]) / 2 + 0.005,
        both=blends["blend"] < blends[["model", "reps"]].min(axis=1),
    )
    shares = blends.groupby(["caller", "periods"], sort=False)[["worse", "both"]].mean()
    table = sum_blends(blends, "caller", "periods").join(shares)
    return {
        f"{caller}, {count} periods": {
            **{name: f"{row[name]:.2f}" for name in ("reps", "blend", "parts")},
            "worse than the mean of the parts": text.percent(row["worse"]),
            "better than both": text.percent(row["both"]),
        }
        for (caller, count), row in zip(table.index, table.to_dict("records"), strict=True)
    }


def _list_blends_by_kind(rows: pd.DataFrame) -> Rows:
    table = sum_blends(rows, "kind", "caller")
    return {
        f"{kind}, {caller}": {name: f"{row[name]:.2f}" for name in ("reps", "blend")}
        for (kind, caller), row in zip(table.index, table.to_dict("records"), strict=True)
    }


def main() -> None:
    """Draw callers on fresh seeds, and write the section."""
    parser = argparse.ArgumentParser(prog="python -m tests.call_proof", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="first seed; fresh by default"
    )
    seed = parser.parse_args().seed
    began = time.perf_counter()
    print(write(judge_teams(seed), seed))
    print(f"{(time.perf_counter() - began) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
