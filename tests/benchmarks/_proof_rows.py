"""Past forecasts of many histories in one table, and the tables of the forecast proof that are made
of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import score
from opp_analytics.analysis.forecasting.backtest import judge_ways, read_ways
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.moment import Records
from opp_analytics.analysis.forecasting.past_forecasts import PastForecasts, Wanted, list_ended
from opp_analytics.analysis.forecasting.question import ForecastQuestion
from opp_analytics.analysis.forecasting.rivals import RIVALS
from opp_analytics.analysis.forecasting.score import find_bands, keep_common
from opp_analytics.history import History
from tests.benchmarks.__main__ import with_table

OURS = ("learned", "run_rate", "stated")
METHODS = (*OURS, *RIVALS)
COVERAGES = ("coverage_80", "coverage_50", "coverage_95")
_NARROW, _WIDE = 0.7, 0.92
"""An 80% range that holds less, or more often, is said to be too narrow or too wide."""
_NOTICED = 0.005
"""Difference of two errors from which one is called larger: half a point, as the tables round."""
FEWEST = 30
"""Forecasts below which a part is not judged alone."""
_FEWEST_COMPARED = 15
"""Forecasts below which no other method is said to be better: chance is said beside it."""
HEAD = ("forecasts", "WAPE", "bias", "CRPS", "80% held", "50%", "95%", "Winkler")
Rows = Mapping[str, Mapping[str, str]]
"""The figures of a table as text, by row."""


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
    question = ForecastQuestion.of_past(
        history, "the proof", freq=freq, method=Method("stated"), as_of=None, by=by
    )
    past = PastForecasts(question)
    made = judge_ways(past, choose(past.records), read_ways(list(methods), freq))
    return made.reset_index().assign(freq=freq, by=by or "", **about)


def compare(rows: pd.DataFrame, methods: Sequence[str] = METHODS) -> pd.DataFrame:
    """Score methods on the forecasts that all of them made; one history's period is not another's.

    CRPS and Winkler score are over the mean of what came of those, as the WAPE is.
    """
    teams = rows["kind"].astype("str") + " " + rows["seed"].astype("str") + " " + rows["period"]
    asked = rows[rows["method"].isin(methods)].assign(period=teams)
    made = asked.set_index(["method", "made_at", "period"])
    each = {str(name): part.droplevel(0) for name, part in made.groupby(level=0, sort=False)}
    # The first one's are among the common ones always.
    mean = next(iter(keep_common(each).values()))["actual"].mean()
    table = score(made)
    table = table[table["n"] > 0]
    return table.assign(crps=table["crps"] / mean, winkler=table["winkler"] / mean)


def compare_leads(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Score methods by days left, each band by the methods that can be asked there."""
    bands = find_bands(rows)
    return {str(band): compare(rows[bands == band]) for band in bands.cat.categories}


def list_scores(name: str, scores: pd.DataFrame) -> Rows:
    """The scores of each method as text."""
    return {
        f"{name} · {text.method(method)}": _list_cells(row) for method, row in scores.iterrows()
    }


def _list_cells(row: Any) -> dict[str, str]:
    # No share of a whole, so that 0.996 is 100%.
    winkler = f"{text.number(100 * row['winkler'])}%" if row["winkler"] >= 0 else "–"
    cells = [
        text.number(row["n"]),
        text.percent(row["wape"]),
        text.percent(row["bias"], signed=True),
        text.percent(row["crps"]),
        *(text.percent(row[name]) for name in COVERAGES),
        winkler,
    ]
    return dict(zip(HEAD, cells, strict=True))


def write_error(row: Any) -> str:
    """The WAPE, and the share of 80% ranges that held."""
    held = row["coverage_80"]
    return text.percent(row["wape"]) + (f" · {text.percent(held)}" if held == held else "")


def list_losses(parts: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Where another method's WAPE or CRPS was below learned's, by part: whose, by how much, and
    whether beyond chance."""
    found = {}
    for name, scores in parts.items():
        if "learned" not in scores.index or scores["n"]["learned"] < _FEWEST_COMPARED:
            continue
        said = []
        for column, title in (("wape", "WAPE"), ("crps", "CRPS")):
            errors = scores[column]
            best = str(errors.idxmin())
            if errors["learned"] > errors[best] + _NOTICED:
                chance = "beyond" if scores["differs"][best] else "within"
                nearer = f"{text.method(best)} {text.percent(errors[best])}"
                more = f" ({chance} chance)" if column == "wape" else ""
                said.append(f"{title}: {nearer}, learned {text.percent(errors['learned'])}{more}")
        if said:
            found[name] = "; ".join(said)
    return found


def list_bad_ranges(parts: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Where learned's 80% ranges held less than 70% or more than 92% of enough forecasts."""
    learned: dict[str, Any] = {
        name: scores.loc["learned"] for name, scores in parts.items() if "learned" in scores.index
    }
    return {
        name: f"{text.percent(row['coverage_80'])} of {int(row['n']):,}"
        for name, row in learned.items()
        if row["n"] >= FEWEST and not _NARROW <= row["coverage_80"] <= _WIDE
    }


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def bullets(lines: Mapping[str, str]) -> str:
    """A list of Markdown, or that there is nothing to list."""
    return "\n".join(f"- {name}: {line}" for name, line in lines.items()) or "Nowhere."


def write_part(docs: Path, part: str, section: str, tables: Mapping[str, Rows]) -> None:
    """Write a part of the proof: its section of the page, and all rows of its tables in the file
    beside it."""
    page, file = docs / "forecast-proof.md", docs / "forecast-proof" / "rows.csv"
    page.write_text(with_table(page.read_text(), part, section))
    known = pd.read_csv(file, dtype="str", keep_default_na=False)
    rows = [
        (part, table, row, figure, value)
        for table, cells in tables.items()
        for row, figures in cells.items()
        for figure, value in figures.items()
    ]
    made = pd.DataFrame(rows, columns=known.columns)
    pd.concat([known[known["part"] != part], made]).to_csv(file, index=False)
