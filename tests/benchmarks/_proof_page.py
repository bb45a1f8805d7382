"""The page of the forecast proof: what was promised, what held, and two pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.charts import ChartData, Curve, DotMark, EndName, Measure, Place, Tone
from opp_analytics.plots.render import render
from tests.benchmarks._promises import (
    CONFIDENCES,
    METHODS,
    SANDBOX,
    held_of,
    high_of,
    low_of,
    summary,
)

_NAMES = {"learned": "learned", "run_rate": "run rate", "stated": "stated chances"}
_ABOUT = {
    "right": "stated chances and dates as people give them",
    "optimistic": "stated 60% too high",
    "quarter shocks": "each quarter has its own odds",
    "rep shocks": "each rep and month has its own odds",
    "growth and rush": "grows 42% a year, closes at the quarter's end",
    "few big deals": "three deals a week, a few worth most of the money",
    "young": "recorded for a year only",
    "break": "odds of winning are halved overnight",
    SANDBOX: "the practice team of `opp-analytics sandbox`",
}
_GROUPS = 10


@dataclass(frozen=True)
class Promise:
    """A figure with the bounds it is to stay in."""

    name: str
    low: float
    high: float
    measured: float

    @property
    def kept(self) -> bool:
        """True if the figure is inside."""
        return self.low <= self.measured <= self.high

    def cells(self) -> list[str]:
        """The row as text."""
        if self.high == np.inf:
            bound = f"at least {self.low:.2f}"
        elif self.low == -np.inf:
            bound = f"at most {self.high:.2f}"
        else:
            bound = f"{text.percent(self.low)} to {text.percent(self.high)}"
        shares = self.low > -np.inf and self.high < np.inf
        measured = text.percent(self.measured) if shares else f"{self.measured:.2f}"
        return [self.name, bound, measured, "kept" if self.kept else "**missed**"]


def promises(table: pd.DataFrame) -> list[Promise]:
    """What the learned method and the run rate are held to."""
    whole = table[table["by"] == ""]
    found = []
    for method in ("learned", "run_rate"):
        months = whole[(whole["freq"] == "M") & (whole["method"] == method)]
        judged = whole[whole["method"] == method] if method == "learned" else months
        name = _NAMES[method] + ("" if method == "learned" else ", by month")
        for confidence, low, high in ((0.8, 0.75, 0.88), (0.5, 0.42, 0.60), (0.95, 0.90, 0.98)):
            share = float(judged[held_of(confidence)].mean())
            found.append(Promise(f"{name}: {text.percent(confidence)} ranges held", low, high, share))
        for (kind, freq), part in _kinds(judged):
            if method == "run_rate" and kind == "few big deals":
                continue
            share = float(part[held_of(0.8)].mean())
            found.append(Promise(f"{name}: 80% ranges held, {_which(kind, freq)}", 0.70, 0.92, share))
    learned = whole[whole["method"] == "learned"]
    for (kind, freq), part in _kinds(learned):
        row = summary(part, []).iloc[0]
        which = _which(kind, freq)
        found.append(
            Promise(f"learned: Winkler score by that of stated, {which}", -np.inf, 1, row["winkler_ratio"])
        )
        found.append(Promise(f"learned: WAPE by that of stated, {which}", -np.inf, 1, row["wape_ratio"]))
    for name, part in (("all", learned), (SANDBOX, learned[learned["kind"] == SANDBOX])):
        row = summary(part, []).iloc[0]
        ratio = row["brier"] / row["brier_base"]
        found.append(
            Promise(f"learned: Brier score of p_target by that of the base rate, {name}", -np.inf, 1, ratio)
        )
    return [*found, *_by_owner(table)]


def _by_owner(table: pd.DataFrame) -> list[Promise]:
    """Where nothing more has a chance of 10%, the low end is what is booked: only the high end can miss, and 90% hold."""
    owners = table[(table["by"] != "") & (table["method"] == "learned") & table["median"].notna()]
    if owners.empty:
        return []
    sided = owners["low80"] > owners["booked"] + 0.005
    both, one = (float(owners.loc[rows, held_of(0.8)].mean()) for rows in (sided, ~sided))
    return [
        Promise("learned by owner: 80% ranges held, where both ends can miss", 0.75, 0.90, both),
        Promise(
            "learned by owner: 80% ranges held, where nothing more has a chance of 10% or more",
            0.85,
            0.96,
            one,
        ),
    ]


def _kinds(table: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    return [
        ((str(kind), str(freq)), part) for (kind, freq), part in table.groupby(["kind", "freq"], sort=False)
    ]


def _which(kind: str, freq: str) -> str:
    return f"{kind} by quarter" if freq == "Q" else kind


def write(table: pd.DataFrame, seed: int, docs: Path) -> str:
    """Write the page and its pictures; the promises and whether they were kept, as text."""
    judged = promises(table)
    (docs / "forecast-proof").mkdir(exist_ok=True)
    for name, draw in (("held", _held), ("width", _width)):
        ax = draw(table[table["by"] == ""])
        ax.get_figure(root=True).savefig(docs / "forecast-proof" / f"{name}.png", dpi=150)
    (docs / "forecast-proof.md").write_text(_page(table, judged, seed))
    return "\n".join(" | ".join(promise.cells()) for promise in judged)


def _page(table: pd.DataFrame, judged: Sequence[Promise], seed: int) -> str:
    whole, owners = table[table["by"] == ""], table[table["by"] != ""]
    missed = [promise for promise in judged if not promise.kept]
    months, quarters = (whole[whole["freq"] == freq] for freq in "MQ")
    forecasts = len(whole[whole["method"] == "learned"])
    verdict = (
        "Every promise below was kept."
        if not missed
        else f"{len(judged) - len(missed)} of {len(judged)} promises were kept. Missed: "
        + "; ".join(f"{one.name} ({one.cells()[2]}, promised {one.cells()[1]})" for one in missed)
        + "."
    )
    return f"""# Does the forecast hold its promise?

An 80% range promises that what comes lies inside four times out of five. This page replays {forecasts:,} forecasts of simulated
teams, each made from the records up to its day only, and counts. The teams are played by code that shares nothing with the
forecast methods (`tests/worlds.py`, and the sandbox), on seeds that no method was tuned on.

**{verdict}**

```sh
.venv/bin/python -m tests.benchmarks.forecast_proof              # fresh seeds; writes this page
.venv/bin/python -m tests.benchmarks.forecast_proof --seed {seed}
```

The second line repeats this page. A short form with fixed seeds runs with the tests. For your own team,
`oa.backtest(history)` counts the same, and `oa.backtest_methods(history)` says which method to use.

![Share of ranges that held, against the share promised](forecast-proof/held.png)

![How far forecasts missed, against the width of their ranges](forecast-proof/width.png)

## By month

Shares of ranges that held, with the 95% interval of the 80% one; Winkler's score of the 80% range (its width, plus ten times
any miss) and WAPE as ratios to those of stated chances on the same forecasts, so that below 1 is better; Brier score of the
chance of target beside that of always saying the base rate. From 6 ended months on; one forecast of each month, 0 to 27 days
before its end.

{_table(months, ["kind"])}

| kind | what it is |
|---|---|
{_lines([[kind, what] for kind, what in _ABOUT.items()])}

## By quarter

The sandbox, from 3 ended quarters on; two forecasts of each quarter, 3 to 85 days before its end.

{_table(quarters, ["kind"])}

## By days before the end

The learned method by month. On the last days often nothing more comes: a range cannot hold that less often than it happens.

{_leads(months)}

## By owner

Two teams of each kind by month. One person often closes nothing more: "low end booked" is the share of forecasts where that has
a chance of 10% or more, so that the range begins at what is booked, only its high end can miss, and about 90% hold.

{_owners(owners)}

## What was promised

| promise | bound | measured | |
|---|---|---|---|
{_lines([promise.cells() for promise in judged])}
"""


def _table(table: pd.DataFrame, keys: list[str]) -> str:
    """Learned and run rate by key, and all together."""
    every = pd.concat([summary(table, keys), pd.concat({"all": summary(table, [])}, names=keys)])
    rows = [
        [_NAMES[method], str(key), *_cells(row)]
        for method in METHODS
        for key, row in every.xs(method, level="method").iterrows()
    ]
    head = ["method", "team", "forecasts", "80% held", "50%", "95%", "Winkler", "WAPE", "bias", "Brier"]
    return _grid(head, rows)


def _cells(row: pd.Series[float]) -> list[str]:
    interval = f"({text.percent(row['held80_low'])}–{text.percent(row['held80_high'])})"
    return [
        f"{int(row['ranged']):,}",
        f"{text.percent(row['held80'])} {interval}",
        text.percent(row["held50"]),
        text.percent(row["held95"]),
        f"{row['winkler_ratio']:.2f}",
        f"{row['wape_ratio']:.2f}",
        text.percent(row["bias"], signed=True),
        f"{row['brier']:.2f} for {row['brier_base']:.2f}",
    ]


def _leads(months: pd.DataFrame) -> str:
    learned = months[(months["method"] == "learned") & months["median"].notna()]
    bands = [(0, 1), (2, 8), (9, 15), (16, 22), (23, 31)]
    rows = []
    for first, last in bands:
        part = learned[learned["lead"].between(first, last)]
        if len(part):
            nothing = float((part["actual"] <= part["booked"] + 0.005).mean())
            held = [text.percent(float(part[held_of(level)].mean())) for level in (0.8, 0.5, 0.95)]
            rows.append([f"{first} to {last}", f"{len(part):,}", *held, text.percent(nothing)])
    return _grid(["days before the end", "forecasts", "80% held", "50%", "95%", "nothing more came"], rows)


def _owners(owners: pd.DataFrame) -> str:
    rows = []
    for method in ("learned", "run_rate"):
        ranged = owners[(owners["method"] == method) & owners["median"].notna()]
        for kind, part in [*ranged.groupby("kind", sort=False), ("all", ranged)]:
            sure = float((part["low80"] <= part["booked"] + 0.005).mean())
            held = [text.percent(float(part[held_of(level)].mean())) for level in (0.8, 0.5, 0.95)]
            rows.append([_NAMES[method], str(kind), f"{len(part):,}", *held, text.percent(sure)])
    return _grid(["method", "team", "forecasts", "80% held", "50%", "95%", "low end booked"], rows)


def _grid(head: list[str], rows: list[list[str]]) -> str:
    return _lines([head, ["---"] * len(head), *rows])


def _lines(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _held(table: pd.DataFrame) -> Axes:
    """The share of ranges that held against the share promised, a line for each method."""
    shares = {method: _shares(table, method) for method in METHODS}
    tones: tuple[Tone, ...] = ("hi", "bar", "mute")
    curves = [Curve(((0.0, 0.0), (1.0, 1.0)), "quiet", 1.0, dashed=True)]
    ends = []
    for method, tone in zip(METHODS, tones, strict=True):
        points = tuple(zip(CONFIDENCES, shares[method], strict=True))
        curves.append(Curve(points, tone, 1.8, 4.0))
        ends.append(EndName(*points[-1], _NAMES[method], tone))
    place = CONFIDENCES.index(0.8)
    title = (
        f"Learned 80% ranges held {text.percent(shares['learned'][place])}; "
        f"those of stated chances {text.percent(shares['stated'][place])}"
    )
    forecasts = text.count(int((table["method"] == "learned").sum()), "forecast")
    chart = ChartData(
        title, f"{forecasts} by each method; the dashed line holds what it promises", upright=True,
        measure=Measure("percent", "held", 0, 1.02), across=Measure("percent", "promised", 0.1, 1.0),
        curves=tuple(curves), ends=tuple(ends), size=(7.2, 4.6),
    )  # fmt: skip
    return render(chart, None)


def _shares(table: pd.DataFrame, method: str) -> list[float]:
    ranged = table[(table["method"] == method) & table["median"].notna()]
    return [float(ranged[held_of(level)].mean()) for level in CONFIDENCES]


def _width(table: pd.DataFrame) -> Axes:
    """How far eight of ten forecasts missed, by how wide their ranges were: tenths of all forecasts by width."""
    learned = table[(table["method"] == "learned") & table["median"].notna() & (table["expected"] > 0)]
    half = (learned[high_of(0.8)] - learned[low_of(0.8)]) / 2 / learned["expected"]
    miss = (learned["actual"] - (learned[high_of(0.8)] + learned[low_of(0.8)]) / 2).abs() / learned[
        "expected"
    ]
    group = pd.qcut(half.rank(method="first"), _GROUPS, labels=False)
    said, came = half.groupby(group).mean(), miss.groupby(group).quantile(0.8)
    top = 1.1 * float(max(said.max(), came.max()))
    places = tuple(Place("", (DotMark(y, "hi"),), at=x) for x, y in zip(said, came, strict=True))
    forecasts = text.count(len(learned), "forecast")
    chart = ChartData(
        "Wide ranges are wide where forecasts miss", f"{forecasts} by learned, in ten groups by width",
        upright=True, places=places, size=(7.2, 4.6),
        measure=Measure("percent", "what eight in ten missed its middle by", 0, top),
        across=Measure("percent", "half the width of the 80% range, of what was expected", 0, top),
        curves=(Curve(((0.0, 0.0), (top, top)), "quiet", 1.0, dashed=True),),
    )  # fmt: skip
    return render(chart, None)
