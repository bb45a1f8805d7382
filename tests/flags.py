"""How often flagged deals are won, lost or slip, against unflagged ones of the same stage: ``python -m tests.flags [SEEDS]``.

Teams of `tests.worlds` and of the sandbox are asked for the flags of their open deals every eight weeks, and 60 days later
for what became of each deal. A simulator decides a part of the answer: its deals wait, slip and are lost by chances that
do not know of flags, except through stage, age, owner and date.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import deal_flags
from opp_analytics.errors import DataWarning
from opp_analytics.history import History
from opp_analytics.org import outcomes
from tests import sandbox_world, worlds

DAYS = 60
_KINDS = ("right", "optimistic", "rep shocks", "few big deals")
_WEEKS, _FIRST, _STEP = 120, 60, 8
"""Weeks of each team, the first that is asked, and from one question to the next."""
_ENDS = ("won", "lost", "slipped")


def teams(seeds: int) -> Iterator[tuple[str, History]]:
    """Name and history of every team."""
    for seed in range(seeds):
        for kind in worlds.KINDS:
            if kind.name in _KINDS:
                yield "simulated", worlds.history(kind, seed)
        yield "sandbox", sandbox_world.history(seed + 1, _WEEKS)


def followed(history: History) -> pd.DataFrame:
    """One row per open deal and question: its stage, its flags, and what became of it in `DAYS` days."""
    moments = history.records["recorded_at"]
    parts = []
    for place in range(_FIRST, len(moments), _STEP):
        at = moments.iloc[place]
        then = at + pd.Timedelta(days=DAYS)
        if then > moments.iloc[-1]:
            break
        frame = history.as_of(at)
        flags = deal_flags(frame, history, as_of=at.date()).drop(
            columns=["name", "owner_name", "value", "risk", "reasons"]
        )
        later = history.as_of(then).set_index("unique_id")
        end = outcomes(later).astype("str").reindex(flags.index).fillna("deleted")
        due = flags["close_date"].between(pd.Timestamp(at.date()), pd.Timestamp(then.date()))
        parts.append(
            flags.drop(columns="close_date").assign(
                stage=frame.set_index("unique_id")["stage"].astype("str").reindex(flags.index),
                won=end == "won",
                lost=end == "lost",
                slipped=(end == "open").where(due),
            )
        )
    return pd.concat(parts)


def usefulness(deals: pd.DataFrame) -> pd.DataFrame:
    """Shares of flagged deals won, lost and slipped, and of unflagged ones with the same mix of stages, by flag."""
    flags = [name for name in deals.select_dtypes("boolean") if name not in _ENDS]
    any_flag = deals[flags].fillna(False).any(axis=1)
    rows = {"any flag": _compared(deals, any_flag.astype(bool))}
    for name in flags:
        mask = deals[name].fillna(False).astype(bool)
        if mask.any():
            rows[str(name)] = _compared(deals, mask)
    return pd.DataFrame(rows).T


def _compared(deals: pd.DataFrame, flagged: pd.Series[bool]) -> dict[str, float]:
    mix = deals["stage"][flagged].value_counts(normalize=True)
    found: dict[str, float] = {"deals": float(flagged.sum())}
    for end in _ENDS:
        ended = deals[end].astype("float64")
        found[end] = ended[flagged].mean()
        found[f"{end}_others"] = (ended[~flagged].groupby(deals["stage"][~flagged]).mean() * mix).sum()
    return found


def as_markdown(table: pd.DataFrame) -> str:
    """The table, for the documentation."""
    lines = [
        "| flag | deals | won | others | lost | others | slipped | others |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in table.iterrows():
        shares = " | ".join(_share(row[key]) for end in _ENDS for key in (end, f"{end}_others"))
        lines.append(f"| {str(name).replace('_', ' ')} | {row['deals']:,.0f} | {shares} |")
    return "\n".join(lines)


def _share(share: float) -> str:
    return text.MISSING if math.isnan(share) else text.percent(share)


def main() -> None:
    """Print a table for the simulated teams and one for the sandbox."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    found: dict[str, list[pd.DataFrame]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        for name, history in teams(seeds):
            found.setdefault(name, []).append(followed(history))
    for name, parts in found.items():
        sys.stdout.write(f"\n{name}\n\n{as_markdown(usefulness(pd.concat(parts)))}\n")


if __name__ == "__main__":
    main()
