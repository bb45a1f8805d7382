"""A notebook's cells, run as Jupyter runs them, and what they show."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pandas as pd

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.columns import find_unit
from tests.surfaces.answers import Answers
from tests.surfaces.facts import Ledger, Pool, find_figures
from tests.surfaces.shown import Shown, quiet

__all__ = ["check_notebook"]

_CELLS = """\
import opp_analytics as oa, pandas as pd
org = oa.Org.read({org!r})
history = oa.History({history!r}, org=org)
opportunities = history.as_of(history.records["recorded_at"].iloc[-1])
forecast = oa.forecast(opportunities, as_of={day!r}, freq={freq!r}, history=history, target={target}, periods=3)
###
print(oa.sentence(forecast))
###
oa.show(forecast)
###
oa.explore(opportunities, history, as_of={day!r}, state={{"view": "forecast"}})
###
oa.edit(opportunities, history=history, as_of={day!r})
###
history
"""


class _Cells(HTMLParser):
    """The rows of an HTML table."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        self._inside = tag in ("td", "th")
        if self._inside:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data.strip()


def _run(answers: Answers) -> list[dict[str, str]]:
    """What each cell shows, by kind of output."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    world = answers.world
    words = {
        "org": str(world.folder / "opp-analytics.toml"),
        "history": str(world.folder / "opp-history"),
        "day": world.as_of,
        "freq": world.freq,
        "target": repr(world.target)
        if world.target is not None
        else "org.targets if len(org.targets) else None",
    }
    shell, shown = InteractiveShell(), []
    for cell in _CELLS.split("###\n"):
        with quiet(), capture_output() as caught:
            done = shell.run_cell(cell.format(**words), store_history=False)
        done.raise_error()
        made = done.result
        rich = made._repr_html_() if hasattr(made, "_repr_html_") else ""
        shown.append({"text": caught.stdout, "text/plain": repr(made), "text/html": rich})
    return shown


def check_notebook(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    """Compare what a notebook shows of a forecast, the explorer and the grid."""
    if answers.history is None or answers.deals.empty:
        return
    world = answers.world
    _, said, table, explorer, grid, history = _run(answers)
    with quiet():
        given = oa.forecast(
            answers.deals,
            as_of=world.day,
            freq=world.freq,
            history=answers.history,
            target=world.targets,
            periods=3,
        )
    ledger.same("notebook, sentence", said["text"].strip(), oa.sentence(given))
    _check_table(ledger, table["text/html"], given, answers)
    ledger.same(
        "notebook, grid, deals", f"{len(answers.deals):,} opportunit" in grid["text/plain"], True
    )
    ledger.same("notebook, explorer", "forecast" in explorer["text/plain"], True)
    records = re.search(r"records</th><td[^>]*>([\d,]+)", history["text/html"])
    ledger.same(
        "notebook, history, records", records and records[1], f"{len(answers.history.records):,}"
    )


def _check_table(ledger: Ledger, html: str, given: pd.DataFrame, answers: Answers) -> None:
    """Compare each cell of a table that `oa.show` made."""
    cells = _Cells()
    cells.feed(html)
    labels = {text.period(str(label), answers.world.freq): label for label in given.index}
    body = [row for row in cells.rows if row and row[0] in labels]
    ledger.same("notebook, table, rows", [row[0] for row in body], list(labels))
    heads = [cell for cell in cells.rows[0] if cell] if cells.rows else []
    for row in body:
        for name, cell in zip(heads, row[len(row) - len(heads) :], strict=True):
            if (
                name not in given
                or not pd.api.types.is_numeric_dtype(given[name])
                or given[name].dtype.kind == "b"
            ):
                continue
            value: Any = given.loc[labels[row[0]], name]
            if pd.isna(value):
                ledger.same(f"notebook, table, {row[0]}, {name}", cell in ("–", ""), True)
                continue
            pool = Pool(answers.org.currency)
            unit = find_unit(name)
            {"money": pool.money, "rate": pool.rate, "ratio": pool.ratio}.get(unit, pool.count)(
                float(value)
            )
            figures = [figure.removesuffix(".00") for figure in find_figures(cell)]
            ledger.same(
                f"notebook, table, {row[0]}, {name}: {cell}",
                all(one in pool for one in figures),
                True,
            )
