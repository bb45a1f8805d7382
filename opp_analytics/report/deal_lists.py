"""The deals behind a figure: the largest ones, and how many more there are."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.org import record_link
from opp_analytics.report.inputs import Inputs
from opp_analytics.report.model import Cell, Deal, Deals

__all__ = ["deal_cell", "deal_list", "stated", "with_details"]

_MOST = 20
"""Deals that a row opens to; the workbook has the others."""


def deal_list(
    inputs: Inputs,
    rows: pd.DataFrame,
    caption: str,
    *,
    sheet: str = "Deals",
    most: int = _MOST,
    note: str = "",
    amount: str = "value",
) -> Deals:
    """Rows of deals as a list, in their order.

    Parameters
    ----------
    rows : DataFrame
        ``unique_id``, ``name``, ``stage``, ``close_date``, ``value``, ``probability`` and ``outcome`` where known.
    sheet : str
        Sheet of the workbook that has all of them.
    note : str
        What to know about all of them.
    amount : str
        Column of the amounts: the value, or signed money that a deal added or took.
    """
    shown = rows.head(most)
    rest = len(rows) - len(shown)
    more = f"{text.count(rest, 'more deal')} in the workbook, sheet “{sheet}”" if rest else ""
    listed = tuple(_deal(inputs, row, amount) for row in shown.to_dict("records"))
    return Deals(caption, listed, more, note, text.title(amount))


def with_details(inputs: Inputs, rows: pd.DataFrame, **said: Any) -> pd.DataFrame:
    """Rows of an analysis with what the frame knows of each deal; one that the frame no longer has is "removed".

    Parameters
    ----------
    rows : DataFrame
        ``unique_id``, and columns that go before those of the frame.
    said : Series
        Columns of the rows that take the place of the frame's, such as an outcome as ``stage``.
    """
    wanted = ["stage", "outcome", "close_date", "value", "probability", *inputs.by]
    rows = rows.assign(**said)
    details = [name for name in wanted if name in inputs.deals and name not in rows]
    found = rows.merge(inputs.deals[["unique_id", *details]], on="unique_id", how="left")
    return found.assign(stage=found["stage"].fillna("removed"))


def _deal(inputs: Inputs, row: dict[Any, Any], amount: str) -> Deal:
    ended = {"won": "won", "lost": "lost"}.get(str(row.get("outcome")))
    return Deal(
        name=_name(row),
        owner=str(row[inputs.person]) if inputs.person and inputs.person in row else "",
        stage=text.label(row["stage"]),
        close=inputs.day(row["close_date"]),
        chance=ended or stated(row.get("probability")),
        value=text.number(float(row[amount]), signed=amount != "value"),
        link=_link(inputs, row),
    )


def _link(inputs: Inputs, row: Any) -> str:
    """The deal's address in the CRM; empty where the org does not say."""
    return record_link(inputs.record_url, str(row["unique_id"])) or ""


def stated(probability: Any) -> str:
    """The chance that a deal's owner stated, in percent.

    Examples
    --------
    >>> stated(80), stated(None)
    ('80%', '–')
    """
    return text.MISSING if pd.isna(probability) else text.percent(float(probability) / 100)


def deal_cell(inputs: Inputs, row: Any, small: str = "") -> Cell:
    """A deal's name, as a cell."""
    return Cell(_name(row), name=True, small=small, link=_link(inputs, row))


def _name(row: Any) -> str:
    return str(row["unique_id"] if pd.isna(row["name"]) or not str(row["name"]).strip() else row["name"])
