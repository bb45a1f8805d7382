"""Columns of amounts and percentages as CRMs write them: ``$120,000.00``, ``USD 485,000.00``, ``80%``."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from opp_analytics.crm.problems import BadValue
from opp_analytics.crm.values.distinct import Distinct
from opp_analytics.inputs import read_amount
from opp_analytics.schema import BadCell

__all__ = ["read_amounts", "read_percents"]

_PLAIN = r"^-?\$?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?$"
_CODED = re.compile(r"(?P<code>[A-Z]{3})\s*(?P<amount>[^A-Z]+)|(?P<before>[^A-Z]+?)\s*(?P<after>[A-Z]{3})")
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?|\.\d+)\s*(%?)")


def read_amounts(column: Distinct, currency: str | None = None) -> tuple[NDArray[np.float64], list[BadValue]]:
    """Amounts of a column; NaN where a cell is empty or cannot be read.

    Parameters
    ----------
    column : Distinct
        Texts or numbers.
    currency : str, optional
        ISO code; an amount with another code is a bad value.

    Examples
    --------
    >>> import pandas as pd
    >>> read_amounts(Distinct.of(pd.Series(["$120,000.00", "USD 45", None]), "Amount"), "USD")[0]
    array([1.2e+05, 4.5e+01,     nan])
    """
    amounts = np.full(len(column.cells), np.nan)
    texts = column.texts()
    plain = pc.fill_null(pc.match_substring_regex(texts, _PLAIN), False)
    mask = plain.to_numpy(zero_copy_only=False)
    bare = pc.replace_substring_regex(texts.filter(plain), "[$,]", "")
    amounts[mask] = bare.cast(pa.float64()).to_numpy(zero_copy_only=False)
    found, reasons = column.each(lambda cell: _amount(cell, currency), ~mask)
    amounts[list(found)] = list(found.values())
    return column.spread(amounts, np.nan), column.bad(reasons)


def _amount(cell: Any, currency: str | None) -> float:
    if not isinstance(cell, str):
        return _number(cell, "is not an amount; try 45000, $45,000 or 45k")
    coded = _CODED.fullmatch(cell)
    if coded is None:
        return read_amount(cell)
    code = coded["code"] or coded["after"]
    if currency is not None and code != currency:
        raise BadCell(f"is in {code}, and the org's currency is {currency}; convert it first")
    return read_amount(coded["amount"] or coded["before"])


def _number(cell: Any, otherwise: str) -> float:
    if isinstance(cell, (int, float, np.integer, np.floating)) and not isinstance(cell, bool):
        return float(cell)
    raise BadCell(otherwise)


def read_percents(
    column: Distinct, *, fractions: bool = False
) -> tuple[NDArray[np.float64], list[BadValue], bool]:
    """Percentages of a column, 0 to 100; bad values; and whether numbers without a sign were fractions.

    Parameters
    ----------
    column : Distinct
        Texts or numbers, such as ``80%``, 80 or 0.8.
    fractions : bool
        If True, numbers without a sign are fractions even where all are 0 or 1.

    Notes
    -----
    Numbers without a sign are fractions where none is above 1 and one is between 0 and 1.

    Examples
    --------
    >>> import pandas as pd
    >>> [read_percents(Distinct.of(pd.Series(cells), "p"))[0].tolist() for cells in (["80%", "5"], [0.8, 1.0])]
    [[80.0, 5.0], [80.0, 100.0]]
    """
    found, reasons = column.each(_percent)
    bare = {place: number for place, (number, signed) in found.items() if not signed}
    fractional = bool(bare) and max(bare.values()) <= 1
    fractional = fractional and (fractions or any(0 < number < 1 for number in bare.values()))
    percents = np.full(len(column.cells), np.nan)
    for place, (number, signed) in found.items():
        percents[place] = number if signed or not fractional else round(number * 100, 9)
        if not 0 <= percents[place] <= 100:
            reasons[place] = "is not between 0% and 100%"
    if bare and not fractional and max(bare.values()) == 1:
        reasons |= {
            place: "may mean 1% or 100%; write it with its sign"
            for place, number in bare.items()
            if number == 1
        }
    return column.spread(percents, np.nan), column.bad(reasons), fractional


def _percent(cell: Any) -> tuple[float, bool]:
    """A number, and whether it has the sign."""
    otherwise = "is not a percentage; try 60 or 60%"
    if not isinstance(cell, str):
        return _number(cell, otherwise), False
    found = _NUMBER.fullmatch(cell)
    if found is None:
        raise BadCell(otherwise)
    return float(found[1]), bool(found[2])
