"""Cells that several blocks share: titles, changes, and the deals behind a figure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.org import record_link
from opp_analytics.report.inputs import Inputs
from opp_analytics.report.model import Cell, Deal, Deals
from opp_analytics.report.tables import Tables
from opp_analytics.schema import label_groups

_MOST, _CENT = 20, 0.005
"""Deals that a row opens to, about a screen: the workbook has the others; and the tolerance in money."""


def say_finding(table: pd.DataFrame) -> str:
    """Say a result table's sentence as a title, without its full stop."""
    return sentence(table).removesuffix(".")


def show_change(now: float, then: float, show: Callable[[float], str]) -> Cell | None:
    """Show a difference as an arrow and its size, which `show` writes; None where either end is not known."""
    if not (math.isfinite(now) and math.isfinite(then)):
        return None
    size = show(abs(now - then))
    if now == then or size in ("0", text.MISSING):
        return Cell("no change", sign=0)
    return Cell(size, sign=1 if now > then else -1)


def list_deals(
    tables: Tables,
    rows: pd.DataFrame,
    caption: str,
    *,
    sheet: str = "Deals",
    note: str = "",
    amount: str = "value",
    named: str = "Value",
) -> Deals | None:
    """List rows of deals in their order, then the rest and the total; None without rows.

    `sheet` is the workbook's with all of them. `amount` is the column of money: the value, or what a deal added or took;
    `named` is its heading.
    """
    if rows.empty:
        return None
    parts = text.round_parts(rows[amount].astype("float64").tolist())
    listed = _Listed(tables, rows, parts, sheet, signed=amount != "value")
    sums = [*listed.rest, *([("Total", listed.write(_add(parts)))] if len(rows) > 1 else [])]
    return Deals(caption, listed.deals, note, (named,), tuple(sums))


def list_expected(
    tables: Tables, rows: pd.DataFrame, caption: str, *, forecast: pd.Series[Any], shown: float, period: str
) -> Deals:
    """List the deals of a forecast at value × chance, then what else is expected; their sum is the forecast.

    `rows` are those of the page's deals to list: won in the period, due in it, overdue. `forecast` is the row of
    `oa.forecast`, and `shown` the forecast in whole units, as the row that opens shows it.
    """
    known = tables.contributions(period)
    won = rows["outcome"] == "won"
    expected = rows["value"].where(won, rows["unique_id"].map(known)).astype("float64")
    booked, new = (float(np.nan_to_num(forecast[name])) for name in ("booked", "new_business"))
    by_rate = tables.forecast.attrs["method"] == "run_rate"
    further = {
        "Won, dated later": booked - math.fsum(expected[won].dropna()),
        "Deals due at another time, or without a date": float(forecast["expected"])
        - booked
        - new
        - math.fsum(expected[~won].dropna()),
        "Open deals and new business, as past periods ended" if by_rate else "Usual new business": new,
    }
    further = {words: amount for words, amount in further.items() if abs(amount) >= _CENT}
    parts = text.round_parts([*expected, *further.values()], shown)
    listed = _Listed(tables, rows, parts[: len(rows)], "Deals", beside=("value",))
    named = zip(further, map(text.number, parts[len(rows) :]), strict=True)
    sums = [*listed.rest, *named, ("Forecast", text.number(shown))]
    return Deals(caption, listed.deals, "", ("Value", "Expected"), tuple(sums))


@dataclass(frozen=True)
class _Listed:
    """The first deals of a list, and the others in one line."""

    tables: Tables
    rows: pd.DataFrame
    parts: list[float]
    """The amount of each row in whole units."""
    sheet: str
    signed: bool = False
    beside: tuple[str, ...] = ()
    """Columns of money before that amount."""

    def write(self, amount: float) -> str:
        """Write an amount."""
        return text.number(amount, signed=self.signed)

    @property
    def deals(self) -> tuple[Deal, ...]:
        """The deals in view."""
        return tuple(map(self._show, self.rows.head(_MOST).to_dict("records"), self.parts))

    @property
    def rest(self) -> list[tuple[str, str]]:
        """The further deals with their sum."""
        rest = self.parts[_MOST:]
        words = f"{text.count(len(rest), 'more deal')} in the workbook, sheet “{self.sheet}”"
        return [(words, self.write(_add(rest)))] if rest else []

    def _show(self, row: dict[Any, Any], amount: float) -> Deal:
        inputs = self.tables.inputs
        ended = {"won": "won", "lost": "lost"}.get(str(row.get("outcome")))
        before = (text.number(float(row[name])) for name in self.beside)
        return Deal(
            name=_name(row),
            owner=str(row[inputs.person]) if inputs.person and inputs.person in row else "",
            stage=text.label(row["stage"]),
            close=inputs.day(row["close_date"]),
            stated=ended or show_stated(row.get("probability")),
            history="" if ended else self.tables.show_history(row["unique_id"]),
            amounts=(*before, self.write(amount)),
            link=_link(inputs, row),
        )


def _add(parts: list[float]) -> float:
    return math.fsum(part for part in parts if math.isfinite(part))


def add_details(inputs: Inputs, rows: pd.DataFrame, **own: Any) -> pd.DataFrame:
    """Add the frame's columns to the deals of an analysis, except those given in `own`.

    A deal that the frame lacks is "removed", and in the groups of its last record.
    """
    wanted = ["stage", "outcome", "close_date", "value", "probability", *inputs.by]
    rows = rows.assign(**own)
    details = [name for name in wanted if name in inputs.deals and name not in rows]
    joined = rows.merge(inputs.deals[["unique_id", *details]], on="unique_id", how="left")
    groups = [name for name in inputs.by if name in details]
    gone = joined["unique_id"][joined[groups].isna().any(axis="columns")]
    if len(gone):
        last = inputs.find_last_groups(gone)
        for name in groups:
            now, then = joined[name].astype("object"), joined["unique_id"].map(last[name])
            joined[name] = label_groups(now.where(now.notna(), then))
    return joined.assign(stage=joined["stage"].fillna("removed"))


def show_stated(probability: Any) -> str:
    """Show the chance that a deal's owner stated, in percent."""
    return text.MISSING if pd.isna(probability) else text.percent(float(probability) / 100)


def name_deal(inputs: Inputs, row: Any, small: str = "") -> Cell:
    """Name a deal, linked to the CRM where the org says how; in front of `small` is its owner."""
    whose = str(row[inputs.person]) if small and inputs.person else ""
    return Cell(_name(row), name=True, small=small, whose=whose, link=_link(inputs, row))


def _link(inputs: Inputs, row: Any) -> str:
    return record_link(inputs.record_url, str(row["unique_id"])) or ""


def _name(row: Any) -> str:
    return str(row["unique_id"] if pd.isna(row["name"]) or not str(row["name"]).strip() else row["name"])
