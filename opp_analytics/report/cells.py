"""Cells that several blocks share: titles, changes, and the deals behind a figure."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.org import record_link
from opp_analytics.report.inputs import Inputs
from opp_analytics.report.model import Cell, Deal, Deals
from opp_analytics.schema import label_groups

_MOST = 20
"""Deals that a row opens to, about a screen; the workbook has the others."""


def say_finding(table: pd.DataFrame) -> str:
    """Say a result table's sentence as a title, without its full stop."""
    return sentence(table).removesuffix(".")


def show_change(now: float, then: float, show: Callable[[float], str]) -> Cell | None:
    """Show a difference as an arrow and its size, which `show` writes; None where either end is not known.

    Examples
    --------
    >>> show_change(5.0, 3.0, str).sign, show_change(1.0, 1.0, str).text, show_change(float("nan"), 1.0, str)
    (1, 'no change', None)
    """
    if not (math.isfinite(now) and math.isfinite(then)):
        return None
    size = show(abs(now - then))
    if now == then or size in ("0", text.MISSING):
        return Cell("no change", sign=0)
    return Cell(size, sign=1 if now > then else -1)


def list_deals(
    inputs: Inputs,
    rows: pd.DataFrame,
    caption: str,
    *,
    sheet: str = "Deals",
    note: str = "",
    amount: str = "value",
) -> Deals | None:
    """List rows of deals in their order, and say how many more there are; None without rows.

    `sheet` is the workbook's with all of them. `amount` is the column of money: the value, or what a deal added or took.
    """
    if rows.empty:
        return None
    rest = len(rows) - _MOST
    more = f"{text.count(rest, 'more deal')} in the workbook, sheet “{sheet}”" if rest > 0 else ""
    deals = tuple(_list_deal(inputs, row, amount) for row in rows.head(_MOST).to_dict("records"))
    return Deals(caption, deals, more, note, text.title(amount))


def _list_deal(inputs: Inputs, row: dict[Any, Any], amount: str) -> Deal:
    ended = {"won": "won", "lost": "lost"}.get(str(row.get("outcome")))
    return Deal(
        name=_name(row),
        owner=str(row[inputs.person]) if inputs.person and inputs.person in row else "",
        stage=text.label(row["stage"]),
        close=inputs.day(row["close_date"]),
        chance=ended or show_stated(row.get("probability")),
        value=text.number(float(row[amount]), signed=amount != "value"),
        link=_link(inputs, row),
    )


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
            then = joined["unique_id"].map(last[name]).astype("object")
            joined[name] = label_groups(joined[name].astype("object").fillna(then))
    return joined.assign(stage=joined["stage"].fillna("removed"))


def show_stated(probability: Any) -> str:
    """Show the chance that a deal's owner stated, in percent.

    Examples
    --------
    >>> show_stated(80), show_stated(None)
    ('80%', '–')
    """
    return text.MISSING if pd.isna(probability) else text.percent(float(probability) / 100)


def name_deal(inputs: Inputs, row: Any, small: str = "") -> Cell:
    """Name a deal, linked to the CRM where the org says how; in front of `small` is its owner."""
    whose = str(row[inputs.person]) if small and inputs.person else ""
    return Cell(_name(row), name=True, small=small, whose=whose, link=_link(inputs, row))


def _link(inputs: Inputs, row: Any) -> str:
    return record_link(inputs.record_url, str(row["unique_id"])) or ""


def _name(row: Any) -> str:
    return str(row["unique_id"] if pd.isna(row["name"]) or not str(row["name"]).strip() else row["name"])
