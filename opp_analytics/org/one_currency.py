"""The check that amounts which are summed are in one currency."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics.errors import DataError
from opp_analytics.org.org import Org
from opp_analytics.schema import TEXT
from opp_analytics.text import count, joined

__all__ = ["CURRENCY", "check_currency", "refuse_currencies"]

CURRENCY = "currency"
"""The column that says in which currency a deal's value is."""
_MOST = 3
"""Deals that a message names."""


def check_currency(frame: pd.DataFrame) -> None:
    """Refuse rows of another currency than the org's, or of several where it declares none.

    Parameters
    ----------
    frame : DataFrame
        ``currency`` (ISO code; an empty cell is in the org's currency) and ``unique_id``, if present.

    Raises
    ------
    DataError
        When there is such a row; the message names the deals and shows the pandas lines that convert.
    """
    if CURRENCY not in frame:
        return
    codes = frame[CURRENCY].astype(TEXT).str.strip()
    codes = codes.where(codes != "")
    found = codes.value_counts()
    one = Org.of(frame).currency or (str(found.index[0]) if len(found) else None)
    other = codes.notna() & (codes != one)
    if not other.any() or one is None:
        return
    ids = frame.loc[other, "unique_id"] if "unique_id" in frame else frame.index[other]
    refuse_currencies({str(code): int(rows) for code, rows in found.items()}, one, deals=ids.tolist())


def refuse_currencies(
    found: dict[str, int], one: str, *, deals: list[Any], frame: str = "opportunities"
) -> None:
    """Raise the error about deals in other currencies than `one`.

    Parameters
    ----------
    found : dict
        Rows by currency.
    one : str
        The currency that amounts are summed in.
    deals : list
        Ids of the deals in other currencies, where they are known.
    frame : str
        What the lines that convert call the frame.
    """
    others = {code: rows for code, rows in found.items() if code != one}
    said = joined([f"{count(rows)} in {code}" for code, rows in others.items()], most=5)
    which = f" ({joined(deals, most=_MOST)})" if deals else ""
    rates = ", ".join(f'"{code}": 1.0' for code in others)
    first, last = _AROUND.get(frame, ((), ()))
    lines = [
        *first,
        f"rates = {{{rates}}}  # {one} for one of each",
        f'other = {frame}["currency"].isin(list(rates))',
        f'{frame}.loc[other, "value"] *= {frame}.loc[other, "currency"].map(rates)',
        f'{frame}.loc[other, "currency"] = "{one}"',
        *last,
    ]
    raise DataError(
        f"there are {said}{which}, and amounts are summed in {one}. Convert them first, with your own rates:\n  "
        + "\n  ".join(lines)
    )


_AROUND = {
    "changes": (
        ("changes = history.changes()",),
        ("history = oa.History.from_changes(changes, org=history.org)",),
    )
}
"""The lines before and after, where the frame is made from something else."""
