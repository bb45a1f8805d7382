"""Past forecasts of many histories in one table, and the tables of the forecast proof that are made
of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.analysis.forecasting.backtest_methods import (
    LEVELS,
    compare_methods,
    judge_methods,
    keep_common,
    name_bands,
    read_methods,
)
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.moment import Records
from opp_analytics.analysis.forecasting.past_forecasts import (
    PastForecasts,
    Wanted,
    judge_ranges,
    list_ended,
)
from opp_analytics.analysis.forecasting.question import Question
from opp_analytics.analysis.forecasting.rivals import RIVALS
from opp_analytics.history import History

OURS = ("learned", "run_rate", "stated")
METHODS = (*OURS, *RIVALS)
CONFIDENCES = (0.2, 0.36, 0.5, 0.64, 0.8, 0.9, 0.95)
"""Levels of the picture of what held."""
_NARROW, _WIDE = 0.7, 0.92
"""An 80% range that holds less, or more often, is said to be too narrow or too wide."""
_NOTICED = 0.005
"""Difference of two errors from which one is called larger: half a point, as the tables round."""
FEWEST = 30
"""Forecasts below which a part is not judged alone."""


def judge(
    history: History,
    freq: str,
    about: Mapping[str, Any],
    *,
    methods: Sequence[str] = METHODS,
    by: str | None = None,
    choose: Callable[[Records], Wanted] = list_ended,
) -> pd.DataFrame:
    """Judge the chosen forecasts of a history by each method: one row per forecast, method and
    group."""
    question = Question.of_past(
        history, "the proof", freq=freq, method=Method("stated"), as_of=None, by=by
    )
    past, ways = PastForecasts(question, LEVELS), read_methods(methods, None)  # type: ignore[arg-type]
    made = judge_methods(past, ways, choose(past.records))
    rows = pd.concat([table.reset_index().assign(method=name) for name, table in made.items()])
    at = np.array(rows.pop("quantiles").to_list(), dtype=np.float64).reshape(-1, len(LEVELS))
    for confidence in CONFIDENCES:
        low, high = (at[:, LEVELS.index(round((1 + side * confidence) / 2, 3))] for side in (-1, 1))
        held = judge_ranges(rows.assign(low=low, high=high))
        rows[held_of(confidence)] = held.astype("float64")
    return rows.assign(quantiles=list(at), freq=freq, by=by or "", **about)


Scores = dict[str, dict[str, Any]]
"""The scores of `backtest_methods` and those below, by method."""


def held_of(confidence: float) -> str:
    """The column that is 1 where a range held, 0 where it did not, missing without a range."""
    return f"held{100 * confidence:g}"


def compare(rows: pd.DataFrame, methods: Sequence[str] = METHODS) -> Scores:
    """Score methods on the forecasts that all of them made; one history's period is not another's.

    ``crps_share`` and ``winkler_share`` are both scores over the mean of what came, so that they
    compare with the WAPE.
    """
    teams = rows["kind"].astype("str") + " " + rows["seed"].astype("str") + " " + rows["period"]
    parts = rows.assign(period=teams).groupby("method", sort=False)
    tables = keep_common(
        {str(key): part.set_index(["made_at", "period"]) for key, part in parts if key in methods}
    )
    summary, mean = compare_methods(tables), max(tables.values(), key=len)["actual"].mean()
    summary = summary[summary["n"] > 0]
    shares = summary.assign(
        crps_share=summary["crps"] / mean, winkler_share=summary["winkler"] / mean
    )
    return dict(
        zip(shares.index, cast("list[dict[str, Any]]", shares.to_dict("records")), strict=True)
    )


def compare_leads(rows: pd.DataFrame, methods: Sequence[str] = METHODS) -> dict[str, Scores]:
    """Score methods by days left, each band by the methods that can be asked there."""
    bands = name_bands(rows["days_left"])
    return {band: compare(rows[bands == band], methods) for band in bands.categories}


_HEAD = (
    "forecasts",
    "periods",
    "WAPE",
    "by period",
    "bias",
    "CRPS",
    "80% held",
    "50%",
    "95%",
    "Winkler",
)


def tabulate_methods(scores: Scores) -> str:
    """The methods beside each other."""
    return grid(
        ["method", *_HEAD], [[text.method(name), *_cells(row)] for name, row in scores.items()]
    )


def tabulate_full_leads(leads: Mapping[str, Scores], names: Sequence[str]) -> str:
    """Some methods by days left, with every score."""
    known = [
        (name, band, scores[name])
        for name in names
        for band, scores in leads.items()
        if name in scores
    ]
    rows = [[text.method(name), band, *_cells(row)] for name, band, row in known]
    return grid(["method", "days left", *_HEAD], rows)


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [
        text.number(row["n"]),
        text.number(row["periods"]),
        text.percent(row["wape"]),
        f"{text.percent(row['period_error'])} ± {text.percent(row['period_error_se'])}",
        text.percent(row["bias"], signed=True),
        text.percent(row["crps_share"]),
        *(text.percent(row[name]) for name in ("interval_coverage", "coverage_50", "coverage_95")),
        # No share of a whole, so that 0.996 is 100%.
        f"{text.number(100 * row['winkler_share'])}%"
        if row["winkler_share"] == row["winkler_share"]
        else "–",
    ]


def tabulate_leads(leads: Mapping[str, Scores]) -> str:
    """WAPE and the share of 80% ranges that held, one row per method and a column for each band of
    days left."""
    known = [name for name in METHODS if any(name in scores for scores in leads.values())]
    rows = [
        [text.method(name), *(_error_and_held(scores.get(name)) for scores in leads.values())]
        for name in known
    ]
    heads = [
        f"{band} ({max(row['n'] for row in scores.values()):,})" for band, scores in leads.items()
    ]
    return grid(["WAPE · 80% held, by days left", *heads], rows)


def _error_and_held(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "–"
    held = row["interval_coverage"]
    return text.percent(row["wape"]) + (f" · {text.percent(held)}" if held == held else "")


def list_losses(parts: Mapping[str, Scores]) -> list[str]:
    """Where another method's WAPE or CRPS was below learned's, by part: whose, by how much, and
    whether beyond chance."""
    found = []
    for name, scores in parts.items():
        if scores.get("learned", {}).get("n", 0) < FEWEST:
            continue
        ours, said = scores["learned"], []
        for score, title in (("wape", "WAPE"), ("crps_share", "CRPS")):
            best = min(scores, key=lambda other: float(scores[other][score]))
            if ours[score] > scores[best][score] + _NOTICED:
                nearer = f"{text.method(best)} {text.percent(scores[best][score])}"
                said.append(f"{title}: {nearer}, learned {text.percent(ours[score])}")
                if score == "wape":
                    low, high = (
                        text.number(100 * ours[f"behind_{end}"], 1, signed=True)
                        for end in ("low", "high")
                    )
                    said[-1] += (
                        f" ({low} to {high} points; {'beyond' if ours['differs'] else 'within'} "
                        "chance)"
                    )
        if said:
            found.append(f"{name}: {'; '.join(said)}")
    return found


def list_bad_ranges(parts: Mapping[str, Scores]) -> list[str]:
    """Where learned's 80% ranges held less than 70% or more than 92%."""
    return [
        f"{name}: {text.percent(row['interval_coverage'])} of {row['n']:,}"
        for name, row in (
            (name, scores["learned"]) for name, scores in parts.items() if "learned" in scores
        )
        if row["n"] >= FEWEST and not _NARROW <= row["interval_coverage"] <= _WIDE
    ]


def name_leads(name: str, leads: Mapping[str, Scores]) -> dict[str, Scores]:
    """The parts of a comparison by days left, named."""
    return {f"{name}, {band} days left": part for band, part in leads.items()}


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def bullets(lines: Sequence[str]) -> str:
    """A list of Markdown, or that there is nothing to list."""
    return "\n".join(f"- {line}" for line in lines) or "Nowhere."
