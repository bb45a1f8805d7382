"""Sentences for calls: who beats the model, what an override adds, and which way somebody leans."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics.analysis.forecasting.call_samples import FEWEST
from opp_analytics.analysis.sentences import evidence
from opp_analytics.text import capital, count, joined, method, noun, percent, points

_MOST = 3
"""Callers named in a sentence."""
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
    """Say which way a caller of `call_accuracy` usually leans; no way unless it is beyond chance."""
    if pd.isna(row["bias_low"]):
        return evidence.TOO_FEW
    lean = percent(abs(row["bias"]))
    if row["bias_low"] <= 0 <= row["bias_high"] or lean in ("0%", "<1%"):
        return "no clear lean"
    return f"usually {lean} {'high' if row['bias'] > 0 else 'low'}"


def describe_call_accuracy(table: pd.DataFrame) -> str:
    """Name the callers whose error differs from the model's beyond chance; of one caller, the lean too."""
    known, freq = table[table["wape"].notna()], table.attrs.get("freq")
    if known.empty:
        return _say_few(table)
    names = [f"{key}’s calls" for key in known.index]
    if len(known) == 1:
        row = known.iloc[0]
        return f"{_compare(row, names[0], row['model_wape'], freq)}; {say_lean(row)}"
    return _name_apart(known, names, known["model_wape"], freq)


def describe_value_added(table: pd.DataFrame) -> str:
    """Compare calls, overrides and blend with the model; by group, name the calls that differ from it beyond chance."""
    known, freq = table[table["wape"].notna()], table.attrs.get("freq")
    calls = table[table.index.get_level_values("source").isin(["reps", "manager"])]
    called = calls[calls["wape"].notna()]
    if called.empty:
        return _say_few(calls)
    model = table["wape"].xs("model", level="source") if table.index.nlevels > 1 else table["wape"]["model"]
    if isinstance(model, pd.Series):
        keys = list(called.index)
        names = [
            f"{group}’s calls" + (" with overrides" if source == "manager" else "") for group, source in keys
        ]
        return _name_apart(called, names, pd.Series([model[group] for group, _ in keys], called.index), freq)
    first = called.iloc[0]
    said = [_compare(first, name_source(called.index[0], freq), model, freq)]
    if len(called) > 1:
        level = 1 - table.attrs.get("confidence", 0.95)
        said.append(_say_override(called["wape"].diff().iloc[-1], table.attrs["override"][""], level))
    if known["wape"].idxmin() == "blend" and known["differs"]["blend"]:
        said.append(f"{name_source('blend', freq)} missed least, by {percent(known['wape']['blend'])}")
    return "; ".join(said)


def _say_few(table: pd.DataFrame) -> str:
    n = int(table["n"].max()) if len(table) else 0
    judged = count(n, noun(table.attrs.get("freq")))
    if n >= FEWEST:
        return f"Nothing was won in the {judged} called"
    return evidence.say_few(f"Calls can be judged in {judged}")


def _compare(row: Row, name: str, model: float, freq: Any) -> str:
    """Compare calls with the model over the same periods."""
    behind, n = float(row["wape"]) - model, int(row["n"])
    if not row["differs"]:
        both = f"{capital(name)} missed by {percent(row['wape'])}, the model by {percent(model)}"
        return f"{both} ({count(n, noun(freq))}): {evidence.CHANCE}"
    if behind < 0:
        won = f"in {round(row['better'] * n)} of {count(n, noun(freq))}"
        return f"{capital(name)} beat the model {won}, by {points(behind)}"
    return f"{capital(name)} missed by {percent(row['wape'])}, {points(behind)} more than the model ({count(n, noun(freq))})"


def _name_apart(table: pd.DataFrame, names: list[str], model: pd.Series[Any], freq: Any) -> str:
    """Name those that differ from the model beyond chance, the largest difference first."""
    behind = (table["wape"] - model).abs().to_numpy()
    apart = sorted((k for k, differs in enumerate(table["differs"]) if differs), key=lambda k: -behind[k])
    if not apart:
        n = count(int(table["n"].max()), noun(freq))
        return f"Nobody’s calls differ from the model beyond chance ({n})"
    if len(apart) == 1:
        return _compare(table.iloc[apart[0]], names[apart[0]], float(model.iloc[apart[0]]), freq)
    sides: dict[str, list[str]] = {"{} beat the model": [], "the model beat {}": []}
    for k in apart:
        side = "{} beat the model" if table["wape"].iloc[k] < model.iloc[k] else "the model beat {}"
        sides[side].append(f"{names[k]} (by {points(behind[k])})")
    return capital("; ".join(side.format(joined(mine, most=_MOST)) for side, mine in sides.items() if mine))


def _say_override(behind: float, p: float, level: float) -> str:
    """Say what overrides cost or saved beside the reps' own calls."""
    if points(behind) in ("0 pts", "<1 pt"):
        return "the override changed little"
    may = "" if p < level else ", which may be chance"
    return f"the override {'cost' if behind > 0 else 'saved'} {points(behind)}{may}"
