"""Sentences for calls: who beats the model, what an override adds, and which way somebody leans."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.analysis.forecasting.call_samples import FEWEST
from opp_analytics.analysis.sentences import evidence
from opp_analytics.note import note_of
from opp_analytics.text import capital, count, joined, method, noun, percent, points

_MOST = 3
"""Callers named in a sentence."""
_MOSTLY = 0.75
"""Share of people with a call of their own below which a sentence says it."""
_NAMES = {
    "model": "the model",
    "reps": "the reps’ calls",
    "manager": "the calls with overrides",
    "blend": "the blend of model and calls",
}

Row = Any


def name_source(source: Any, freq: Any) -> str:
    """Name a source of `forecast_value_added`."""
    return _NAMES.get(str(source)) or method(source, freq)


def say_lean(row: Row) -> str:
    """Say which way a caller of `call_accuracy` usually leans.

    No way unless it is beyond chance.
    """
    if pd.isna(row["bias_low"]):
        return evidence.TOO_FEW
    lean = percent(abs(row["bias"]))
    if row["bias_low"] <= 0 <= row["bias_high"] or lean in ("0%", "<1%"):
        return "no clear lean"
    return f"usually {lean} {'high' if row['bias'] > 0 else 'low'}"


def name_leans(table: pd.DataFrame) -> str:
    """Name those of `call_accuracy` whose calls usually lean, the largest lean first.

    Empty where nobody's do.
    """
    rows = table.sort_values("bias", key=abs, ascending=False, kind="stable").iterrows()
    said = [f"{key} {lean}" for key, row in rows if (lean := say_lean(row)).startswith("usually")]
    judged = "" if table.index.name == "caller" else " (overrides included)"
    return f"Past calls{judged}: {joined(said, most=_MOST)}" if said else ""


def describe_leans(table: pd.DataFrame) -> str:
    """Name those of `call_accuracy` whose calls lean beyond chance, else say that nobody's do."""
    if table["wape"].isna().all():
        return _say_few(table)
    return name_leans(table) or f"Nobody’s calls lean beyond chance ({_count_periods(table)})"


def describe_call_accuracy(table: pd.DataFrame) -> str | tuple[str, ...]:
    """Name the callers whose error differs from the model's beyond chance.

    Of one caller, the lean too.
    """
    known = table[table["wape"].notna()]
    if known.empty:
        return _say_few(table)
    name = "{}’s calls" if table.index.name == "caller" else "calls for {} (overrides included)"
    names, freq = [name.format(key) for key in known.index], note_of(table).freq
    if len(known) == 1:
        compared = _compare(known.iloc[0], names[0], known["model_wape"].iloc[0], freq)
        return compared, say_lean(known.iloc[0])
    return _name_apart(known, names, known["model_wape"].to_numpy(), freq)


def describe_value_added(table: pd.DataFrame) -> str | tuple[str, ...]:
    """Compare calls, overrides and blend with the model.

    By group, name the calls that differ from it beyond chance.
    """
    freq = note_of(table).freq
    calls = table[table.index.get_level_values("source").isin(["reps", "manager"])]
    called = calls[calls["wape"].notna()]
    if called.empty:
        return _say_few(calls)
    if table.index.nlevels > 1:
        with_overrides = {"reps": "", "manager": " with overrides"}
        names = [f"{group}’s calls{with_overrides[source]}" for group, source in called.index]
        model = [table["wape"][group, "model"] for group, _ in called.index]
        return _name_apart(called, names, np.array(model), freq)
    said = [
        _compare(called.iloc[0], name_source(called.index[0], freq), table["wape"]["model"], freq)
    ]
    if len(called) > 1:
        behind = called["wape"].diff().iloc[-1]
        # One more test beside those of the rows, so held against as many.
        p = note_of(table).figures["override"][""] * table["wape"].count()
        if p < 1 - (note_of(table).confidence or 0.95):
            said.append(f"the override {'cost' if behind > 0 else 'saved'} {points(behind)}")
    if table["wape"].idxmin() == "blend" and table["differs"]["blend"]:
        said.append(
            f"{name_source('blend', freq)} missed least, by {percent(table['wape']['blend'])}"
        )
    if (share := note_of(table).figures.get("called", {}).get("", 1.0)) < _MOSTLY:
        said.append(
            f"{percent(share)} of people’s numbers are calls, the others the weighted pipeline"
        )
    return tuple(said)


def _count_periods(table: pd.DataFrame) -> str:
    return count(int(table["n"].max()) if len(table) else 0, noun(note_of(table).freq))


def _say_few(table: pd.DataFrame) -> str:
    n, judged = table["n"].max(), _count_periods(table)
    enough = f"Nothing was won in the {judged} called"
    return enough if n >= FEWEST else evidence.say_few(f"Calls can be judged in {judged}")


def _compare(row: Row, name: str, model: float, freq: Any) -> str:
    """Compare calls with the model over the same periods."""
    behind, n = row["wape"] - model, int(row["n"])
    judged = count(n, noun(freq))
    if row["differs"] and behind < 0:
        return (
            f"{capital(name)} beat the model in {round(row['better'] * n)} of {judged}, by "
            f"{points(behind)}"
        )
    missed = f"{capital(name.removeprefix('the '))} missed by {percent(row['wape'])}"
    if not row["differs"]:
        return f"{missed}, the model by {percent(model)}: {evidence.CHANCE}"
    return f"{missed}, {points(behind)} more than the model ({judged})"


def _name_apart(table: pd.DataFrame, names: list[str], model: Any, freq: Any) -> str:
    """Name those that differ from the model beyond chance, the largest difference first."""
    behind = table["wape"].to_numpy() - model
    apart = sorted(np.flatnonzero(table["differs"]), key=lambda k: -abs(behind[k]))
    if not apart:
        return f"Nobody’s calls differ from the model beyond chance ({_count_periods(table)})"
    if len(apart) == 1:
        return _compare(table.iloc[apart[0]], names[apart[0]], model[apart[0]], freq)
    said = [
        f"{names[k]} {'trailed' if behind[k] > 0 else 'beat'} the model by {points(behind[k])}"
        for k in apart
    ]
    return capital(joined(said, most=_MOST))
