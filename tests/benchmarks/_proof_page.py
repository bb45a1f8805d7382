"""The section of the forecast proof on simulated teams."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from opp_analytics import text
from tests.benchmarks._promises import GIANT, Promise, held_in, promises, score_targets
from tests.benchmarks._proof_rows import (
    FEWEST,
    METHODS,
    OURS,
    Rows,
    bullets,
    compare,
    compare_leads,
    grid,
    list_bad_ranges,
    list_losses,
    list_scores,
    write_error,
    write_part,
)

DOCS = Path(__file__).parents[2] / "docs"
_HELD = ("80% held", "50%", "95%")


def copy_proof(folder: Path) -> Path:
    """A copy of the page without its parts, and of its rows."""
    page = re.sub(
        r"(?s)(<!-- (\w+) -->\n).*?(<!-- /\2 -->)",
        r"\1\3",
        (DOCS / "forecast-proof.md").read_text(),
    )
    (folder / "forecast-proof.md").write_text(page)
    shutil.copytree(DOCS / "forecast-proof", folder / "forecast-proof")
    return folder


def read_part(docs: Path, part: str) -> tuple[str, pd.DataFrame]:
    """A part of the page, and its rows."""
    page = (docs / "forecast-proof.md").read_text()
    rows = pd.read_csv(docs / "forecast-proof" / "rows.csv", dtype="str", keep_default_na=False)
    written = page.partition(f"<!-- {part} -->")[2].partition(f"<!-- /{part} -->")[0]
    return written, rows[rows["part"] == part]


def write(table: pd.DataFrame, asked: str, docs: Path) -> str:
    """Write the section and its rows; the promises and whether they were kept, as text."""
    judged = promises(table)
    whole = table[table["by"] == ""]
    parts, columns = {}, {}
    tables: dict[str, Rows] = {}
    for freq, rows in whole.groupby("freq", sort=False):
        name, usual = f"by {text.noun(freq)}", rows[rows["kind"] != GIANT]
        columns[name] = parts[f"all {name}"] = compare(usual)
        leads = {f"{name}, {band} days left": one for band, one in compare_leads(usual).items()}
        kinds = {
            f"{kind} {name}": compare(part)
            for kind, part in rows.groupby("kind", sort=False)
            if len(set(rows["kind"])) > 1
        }
        parts |= leads | kinds
        for title, scored in (
            ("methods", {f"all {name}": columns[name]}),
            ("days left", leads),
            ("teams", kinds),
        ):
            for key, scores in scored.items():
                place = f"{title} {name}"
                tables[place] = {**tables.get(place, {}), **list_scores(key, scores)}
        tables[f"chance of target {name}"] = _list_targets(rows)
    losses, bad = list_losses(parts), list_bad_ranges(parts)
    tables["by owner"] = _list_owners(table[table["by"] != ""])
    tables["promises"] = list_promises(judged)
    tables["another method did better"] = {name: {"by": line} for name, line in losses.items()}
    tables["ranges too narrow or too wide"] = {name: {"held": line} for name, line in bad.items()}
    section = f"""{int((whole["method"] == "learned").sum()):,} forecasts of teams that are played by code which shares nothing with the forecast methods, on seeds that no
method was tuned on; `forecast_proof {asked}` repeats them. {say_kept(judged)} The team with a {GIANT} is in no sum.

{grid(["WAPE · 80% ranges held", *columns], _list_methods(columns))}

Another method was better by more than half a point in {len(losses)} of {len(parts)} parts, by team or days left; beyond chance:

{bullets({name: line for name, line in losses.items() if "beyond" in line})}

80% ranges of learned held less than 70% or more than 92%, in parts of at least {FEWEST} forecasts:

{bullets(bad)}

Promises that were not kept; the others are in the file beside:

{tabulate_promises([one for one in judged if not one.kept])}"""  # noqa: E501
    write_part(docs, "simulated", section, tables)
    return "\n".join(" | ".join(promise.cells()) for promise in judged)


def say_kept(judged: Sequence[Promise]) -> str:
    """Say how many promises were kept."""
    return f"**{sum(one.kept for one in judged)} of {len(judged)} promises were kept.**"


def tabulate_promises(judged: Sequence[Promise]) -> str:
    """The promises, and whether they were kept, as a table of Markdown."""
    return grid(["promise", "bound", "measured", ""], [promise.cells() for promise in judged])


def list_promises(judged: Sequence[Promise]) -> Rows:
    """The promises as rows."""
    names = ("bound", "measured", "verdict")
    return {one.name: dict(zip(names, one.cells()[1:], strict=True)) for one in judged}


def _list_methods(columns: dict[str, pd.DataFrame]) -> list[list[str]]:
    """The WAPE and the share of ranges that held of each method, by kind of period."""
    return [
        [
            text.method(name),
            *(write_error(one.loc[name]) if name in one.index else "–" for one in columns.values()),
        ]
        for name in METHODS
    ]


def _list_targets(rows: pd.DataFrame) -> Rows:
    """The Brier score of learned's chance of target, and of always saying the base rate, by team."""  # noqa: E501
    learned = rows[rows["method"] == "learned"]
    found = {}
    for kind, part in learned.groupby("kind", sort=False):
        said, base = (text.number(score, 2) for score in score_targets(part))
        found[str(kind)] = {"Brier": said, "base rate": base}
    return found


def _list_owners(owners: pd.DataFrame) -> Rows:
    """The ranges by owner that held, and where the low end is what is booked."""
    found = {}
    for method in OURS[:2]:
        ranged = owners[(owners["method"] == method) & owners["median"].notna()]
        for kind, part in [*ranged.groupby("kind", sort=False), ("all", ranged)]:
            sure = float((part["low"] <= part["booked"] + 0.005).mean())
            held = dict(zip(_HELD, map(text.percent, held_in(part)), strict=True))
            found[f"{kind} · {text.method(method)}"] = {
                "forecasts": f"{len(part):,}",
                **held,
                "low end booked": text.percent(sure),
            }
    return found
