"""How often flagged deals are won, lost or slip, against unflagged ones of the same stage: ``python
-m tests.flags [SEEDS]``.

Teams of `tests.worlds` and of the sandbox are asked for the flags of their open deals every eight
weeks, and 60 days later for what became of each deal. A simulator decides a part of the answer: its
deals wait, slip and are lost by chances that do not know of flags, except through stage, age, owner
and date.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import FlagLimits, deal_flags
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
    """One row per open deal and question: its stage, its flags, and what became of it in `DAYS`
    days."""
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


def due_soon(history: History) -> pd.DataFrame:
    """One row per open deal due in 14 days and question: what became of it, and whether two
    thresholds flag it.

    ``stated``: a stated chance below 40%. ``learned``: one below that which 80% of the deals won by
    then last stated.
    """
    changes = history.changes().sort_values(["unique_id", "seen_at"])
    changes["outcome"] = outcomes(changes).astype("str")
    by_deal = changes.groupby("unique_id", sort=False)
    wins = changes[(changes["outcome"] == "open") & (by_deal["outcome"].shift(-1) == "won")]
    wins = wins.assign(won_at=by_deal["seen_at"].shift(-1))
    moments, parts = history.records["recorded_at"], []
    for at in moments.iloc[_FIRST::_STEP]:
        then = at + pd.Timedelta(days=DAYS)
        if then > moments.iloc[-1]:
            break
        stated = wins.loc[wins["won_at"] <= at, "probability"].dropna().astype("float64") / 100
        frame, day = history.as_of(at), at.date()
        flagged = {
            name: deal_flags(frame, as_of=day, limits=FlagLimits(low_chance=limit)).set_index(
                "close_date", append=True
            )
            for name, limit in (
                ("stated", 0.4),
                ("learned", stated.quantile(0.2, interpolation="lower")),
            )
        }
        rows = pd.DataFrame({name: table["due_soon_unlikely"] for name, table in flagged.items()})
        left = rows.index.get_level_values("close_date") - pd.Timestamp(day)
        rows = rows[(left.days >= 0) & (left.days <= 14)].droplevel("close_date")
        end = outcomes(history.as_of(then).set_index("unique_id")).astype("str").reindex(rows.index)
        parts.append(rows.assign(won=end == "won", lost=end == "lost", open=end == "open"))
    return pd.concat(parts)


def thresholds(deals: pd.DataFrame) -> pd.DataFrame:
    """Deals due soon: shares that were won, lost or still open, flagged or not, by threshold."""
    rows = {}
    for name in ("stated", "learned"):
        for said, group in deals.groupby(deals[name].fillna(False)):
            shares = group[["won", "lost", "open"]].mean()
            rows[f"{name}, {'flagged' if said else 'others'}"] = {"deals": len(group), **shares}
    return pd.DataFrame(rows).T


def usefulness(deals: pd.DataFrame) -> pd.DataFrame:
    """Shares of flagged deals won, lost and slipped, and of unflagged ones with the same mix of
    stages, by flag."""
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
        found[f"{end}_others"] = (
            ended[~flagged].groupby(deals["stage"][~flagged]).mean() * mix
        ).sum()
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
    soon: dict[str, list[pd.DataFrame]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        for name, history in teams(seeds):
            found.setdefault(name, []).append(followed(history))
            soon.setdefault(name, []).append(due_soon(history))
    for name, parts in found.items():
        sys.stdout.write(f"\n{name}\n\n{as_markdown(usefulness(pd.concat(parts)))}\n")
        sys.stdout.write(f"\ndue soon\n{thresholds(pd.concat(soon[name])).round(2)}\n")


if __name__ == "__main__":
    main()
