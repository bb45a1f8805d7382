"""The section of the forecast proof on simulated teams, with two pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis.forecasting.backtest_methods import name_bands
from opp_analytics.charts import ChartData, Curve, DotMark, EndName, Measure, Place, Tone
from opp_analytics.plots.render import render
from tests.benchmarks.__main__ import with_table
from tests.benchmarks._promises import SANDBOX, Promise, promises, score_targets
from tests.benchmarks._proof_rows import (
    CONFIDENCES,
    OURS,
    Scores,
    bullets,
    compare,
    compare_leads,
    grid,
    held_of,
    list_bad_ranges,
    list_losses,
    name_leads,
    tabulate_full_leads,
    tabulate_leads,
    tabulate_methods,
)

_ABOUT = {
    "right": "stated chances and dates as people give them",
    "optimistic": "stated 60% too high",
    "quarter shocks": "each quarter has its own odds",
    "rep shocks": "each rep and month has its own odds",
    "growth and rush": "grows 42% a year, closes at the quarter's end",
    "few big deals": "three deals a week, a few worth most of the money",
    "young": "recorded for a year only",
    "break": "odds of winning are halved overnight",
    "inflow stops": "after two years no deal comes in any more",
    "inflow wanders": "deals come in at a rate that drifts by 12% a week",
    "seasons": "twice as many deals in spring as a steady team's, half as many in autumn",
    "late entries": (
        "new deals, wins and losses are entered 6 days late in the mean, some weeks late"
    ),
    "weeks": "a fast team, recorded by day and forecast by week",
    SANDBOX: "the practice team of `opp-analytics sandbox`",
}
_GROUPS = 10


def write(table: pd.DataFrame, seed: int, docs: Path) -> str:
    """Write the section and its pictures; the promises and whether they were kept, as text."""
    judged = promises(table)
    (docs / "forecast-proof").mkdir(exist_ok=True)
    for name, draw in (("held", _held), ("width", _width)):
        ax = draw(table[table["by"] == ""])
        ax.get_figure(root=True).savefig(docs / "forecast-proof" / f"{name}.png")
    page = docs / "forecast-proof.md"
    page.write_text(with_table(page.read_text(), "simulated", _section(table, judged, seed)))
    return "\n".join(" | ".join(promise.cells()) for promise in judged)


def _section(table: pd.DataFrame, judged: Sequence[Promise], seed: int) -> str:
    whole, owners = table[table["by"] == ""], table[table["by"] != ""]
    missed = [promise for promise in judged if not promise.kept]
    verdict = (
        "Every promise below was kept."
        if not missed
        else f"{len(judged) - len(missed)} of {len(judged)} promises were kept. Missed: "
        + "; ".join(f"{one.name} ({one.cells()[2]}, promised {one.cells()[1]})" for one in missed)
        + "."
    )
    parts: dict[str, Scores] = {}
    sections = [_period(freq, part, parts) for freq, part in whole.groupby("freq", sort=False)]
    return f"""This part replays {int((whole["method"] == "learned").sum()):,} forecasts of simulated teams. The teams are played by code that shares nothing with
the forecast methods (`tests/worlds.py`, and the sandbox), on seeds that no method was tuned on.

**{verdict}**

```sh
.venv/bin/python -m tests.benchmarks.forecast_proof              # fresh seeds; writes this part
.venv/bin/python -m tests.benchmarks.forecast_proof --seed {seed}
```

The second line repeats this part.

![Share of ranges that held, against the share promised](forecast-proof/held.png#on-white)

![How far forecasts missed, against the width of their ranges](forecast-proof/width.png#on-white)

| team | what it is |
|---|---|
{_lines([[kind, what] for kind, what in _ABOUT.items()])}

{"".join(sections)}### By owner

Two teams of each kind by month. One person often closes nothing more: "low end booked" is the share of forecasts where that has
a chance of 10% or more, so that the range begins at what is booked, only its high end can miss, and about 90% hold.

{_owners(owners)}

### Where another method did better

Parts where another method's WAPE or CRPS was below learned's by more than half a point on the same forecasts, with the 95% interval
of the difference of the WAPE. "Beyond chance" is what remains after Holm's adjustment for the methods compared.

{bullets(list_losses(parts))}

### Where learned's ranges were too narrow or too wide

Below 70% or above 92% of 80% ranges that held.

{bullets(list_bad_ranges(parts))}

### What was promised

| promise | bound | measured | |
|---|---|---|---|
{_lines([promise.cells() for promise in judged])}"""


def _period(freq: object, table: pd.DataFrame, parts: dict[str, Scores]) -> str:
    """The tables of one kind of period; what they compare is added to the parts."""
    name = f"by {text.noun(freq)}"
    summary, leads = compare(table), compare_leads(table)
    own = {str(kind): part for kind, part in table.groupby("kind", sort=False)}
    kinds = {kind: compare(part) for kind, part in own.items()}
    parts |= {f"all {name}": summary} | name_leads(name, leads)
    parts |= {f"{kind} {name}": one for kind, one in kinds.items()} if len(kinds) > 1 else {}
    return f"""### {text.capital(name)}

All methods on the forecasts that each of them could make.

{tabulate_methods(summary)}

The same by days left, with learned, run rate and stated in full below:

{tabulate_leads(leads)}

{tabulate_full_leads(compare_leads(table, OURS), OURS)}

By team, on all forecasts that learned, the run rate and stated chances could make; the WAPE of the others is on those that all could.
The chance of target has its Brier score beside that of always saying the base rate.

{_teams(own, kinds)}

Share of learned's 80% ranges that held, by team and days left:

{_held_by_lead(table)}

"""


def _teams(own: dict[str, pd.DataFrame], kinds: dict[str, Scores]) -> str:
    rows = []
    for kind, part in own.items():
        ours = compare(part, OURS)
        learned, others = (
            ours["learned"],
            {k: row["wape"] for k, row in kinds[kind].items() if k not in OURS},
        )
        best = min(others, key=lambda name: others[name])
        held = ("interval_coverage", "coverage_50", "coverage_95")
        aimed = score_targets(part[part["method"] == "learned"])
        rows.append(
            [
                kind,
                text.number(learned["n"]),
                *(text.percent(learned[name]) for name in held),
                text.number(learned["winkler"] / ours["stated"]["winkler"], 2),
                " · ".join(text.percent(ours[name]["wape"]) for name in OURS),
                text.percent(ours["run_rate"]["interval_coverage"]),
                (
                    f"{text.method(best)} {text.percent(others[best])} for "
                    f"{text.percent(kinds[kind]['learned']['wape'])}"
                ),
                " for ".join(text.number(score, 2) for score in aimed),
            ]
        )
    head = [
        "team",
        "forecasts",
        "80% held",
        "50%",
        "95%",
        "Winkler by stated's",
        "WAPE: learned · run rate · stated",
    ]
    return grid([*head, "run rate 80% held", "nearest of the others, for learned", "Brier"], rows)


def _held_by_lead(table: pd.DataFrame) -> str:
    learned = table[(table["method"] == "learned") & table["median"].notna()]
    learned = learned.assign(band=name_bands(learned["days_left"]))
    bands = list(learned["band"].cat.categories)
    rows = []
    for kind, part in learned.groupby("kind", sort=False):
        held = [part.loc[part["band"] == band, held_of(0.8)] for band in bands]
        rows.append(
            [
                str(kind),
                *(f"{text.percent(one.mean())} ({len(one)})" if len(one) else "–" for one in held),
            ]
        )
    return grid(["team", *bands], rows)


def _owners(owners: pd.DataFrame) -> str:
    rows = []
    for method in ("learned", "run_rate"):
        ranged = owners[(owners["method"] == method) & owners["median"].notna()]
        for kind, part in [*ranged.groupby("kind", sort=False), ("all", ranged)]:
            sure = float((part["low"] <= part["booked"] + 0.005).mean())
            held = [text.percent(float(part[held_of(level)].mean())) for level in (0.8, 0.5, 0.95)]
            rows.append(
                [text.method(method), str(kind), f"{len(part):,}", *held, text.percent(sure)]
            )
    return grid(["method", "team", "forecasts", "80% held", "50%", "95%", "low end booked"], rows)


def _lines(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _held(table: pd.DataFrame) -> Axes:
    """The share of ranges that held against the share promised, a line for each method."""
    shares = {method: _shares(table, method) for method in OURS}
    tones: tuple[Tone, ...] = ("hi", "bar", "mute")
    curves = [Curve(((0.0, 0.0), (1.0, 1.0)), "quiet", 1.0, dashed=True)]
    ends = []
    for method, tone in zip(OURS, tones, strict=True):
        points = tuple(zip(CONFIDENCES, shares[method], strict=True))
        curves.append(Curve(points, tone, 1.8, 4.0))
        ends.append(EndName(*points[-1], text.method(method), tone))
    place = CONFIDENCES.index(0.8)
    title = (
        f"Learned 80% ranges held {text.percent(shares['learned'][place])}; "
        f"those of stated chances {text.percent(shares['stated'][place])}"
    )
    forecasts = text.count(int((table["method"] == "learned").sum()), "forecast")
    chart = ChartData(
        title,
        f"{forecasts} by each method; the dashed line holds what it promises",
        upright=True,
        measure=Measure("percent", "held", 0, 1.02),
        across=Measure("percent", "promised", 0.1, 1.0),
        curves=tuple(curves),
        ends=tuple(ends),
        size=(7.2, 4.6),
    )
    return render(chart, None)


def _shares(table: pd.DataFrame, method: str) -> list[float]:
    ranged = table[(table["method"] == method) & table["median"].notna()]
    return [float(ranged[held_of(level)].mean()) for level in CONFIDENCES]


def _width(table: pd.DataFrame) -> Axes:
    """How far eight of ten forecasts missed, by how wide their ranges were: tenths of all forecasts
    by width."""
    learned = table[
        (table["method"] == "learned") & table["median"].notna() & (table["expected"] > 0)
    ]
    half = (learned["high"] - learned["low"]) / 2 / learned["expected"]
    miss = (learned["actual"] - (learned["high"] + learned["low"]) / 2).abs() / learned["expected"]
    group = pd.qcut(half.rank(method="first"), _GROUPS, labels=False)
    said, came = half.groupby(group).mean(), miss.groupby(group).quantile(0.8)
    top = 1.1 * float(max(said.max(), came.max()))
    places = tuple(Place("", (DotMark(y, "hi"),), at=x) for x, y in zip(said, came, strict=True))
    forecasts = text.count(len(learned), "forecast")
    chart = ChartData(
        "Wide ranges are wide where forecasts miss",
        f"{forecasts} by learned, in ten groups by width",
        upright=True,
        places=places,
        size=(7.2, 4.6),
        measure=Measure("percent", "what eight in ten missed its middle by", 0, top),
        across=Measure("percent", "half the width of the 80% range, of what was expected", 0, top),
        curves=(Curve(((0.0, 0.0), (top, top)), "quiet", 1.0, dashed=True),),
    )
    return render(chart, None)
