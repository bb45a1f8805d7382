"""Cells that several blocks share: titles, changes, and the deals behind a figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import describe
from opp_analytics.answers import Context, explain_chance
from opp_analytics.org import record_link
from opp_analytics.report.model import Cell, Deals
from opp_analytics.schema import HALF_CENT


def say_finding(table: pd.DataFrame) -> str:
    """Say a result table's sentence as a title, without its full stop."""
    return describe(table)


def show_change(now: float, then: float, show: Callable[[float], str]) -> Cell | None:
    """Show a difference as an arrow and its size, which `show` writes.

    None where either end is not known.
    """
    if not (math.isfinite(now) and math.isfinite(then)):
        return None
    size = show(abs(now - then))
    if now == then or size in ("0", text.MISSING):
        return Cell("no change", sign=0)
    return Cell(size, sign=1 if now > then else -1, size=abs(now - then))


def stress_largest(changes: Sequence[Cell | None]) -> list[Cell | None]:
    """Set the largest change of a column in blue, whatever its sign.

    Beside money, points and ratios are small.
    """
    top = max((cell.size for cell in changes if cell), default=0.0) - HALF_CENT
    return [
        replace(cell, tone="hi") if cell and cell.sign and cell.size > top else cell
        for cell in changes
    ]


def show_stated(probability: Any) -> str:
    """Show the chance that a deal's owner stated, in percent."""
    return text.MISSING if pd.isna(probability) else text.percent(float(probability) / 100)


def open_chance(
    context: Context, row: Any, *further: str, of: pd.DataFrame | None = None
) -> Deals | None:
    """Open a deal's row to what adds up to its chance, and from what that moved.

    None where it is not learned. `of` is as for `explain_chance`.
    """
    why = explain_chance(context, row["unique_id"], of)
    words = ". ".join(text.capital(one) for one in (why, *further) if one)
    return Deals(f"Chance of {_name(row)}", (), f"{words}.") if why else None


def name_deal(context: Context, row: Any, small: str = "") -> Cell:
    """Name a deal, linked to the CRM where the org says how; in front of `small` is its owner."""
    whose = str(row[context.person]) if small and context.person else ""
    return Cell(_name(row), name=True, small=small, whose=whose, link=_link(context, row))


def _link(context: Context, row: Any) -> str:
    return record_link(context.org.record_url, str(row["unique_id"])) or ""


def _name(row: Any) -> str:
    return str(
        row["unique_id"] if pd.isna(row["name"]) or not str(row["name"]).strip() else row["name"]
    )
