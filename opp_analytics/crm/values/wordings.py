"""Values that CRMs write in their own words: stages, statuses, forecast categories, yes and no, ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.crm.mapping import Mapped
from opp_analytics.crm.problems import BadValue
from opp_analytics.org import Stages
from opp_analytics.schema import TEXT
from opp_analytics.text import count

__all__ = ["as_flags", "as_ids", "as_texts", "read_categories", "read_stages", "read_statuses"]

_STATUSES = {"open": "active", "won": "won", "lost": "lost", "active": "active", "inactive": "inactive"}
_CATEGORIES = {
    "commit": "commit",
    "forecast": "commit",
    "best case": "best_case",
    "bestcase": "best_case",
    "best_case": "best_case",
    "pipeline": "pipeline",
    "omitted": "omitted",
    "not forecasted": "omitted",
    "closed": None,
}
"""Salesforce's names and API names, and HubSpot's; a closed deal has no category of its own."""
_YES, _NO = {"true", "1", "yes", "1.0"}, {"false", "0", "no", "0.0"}
_WITH_PIPELINE = re.compile(r"(?P<stage>.+?)\s*\((?P<pipeline>[^()]+)\)")
_SUFFIXES = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", dtype="S1")
_SALESFORCE_ID = "00[156][0-9A-Za-z]{12}"
"""Ids of accounts, users and opportunities."""


def as_texts(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column as text; a whole number of a workbook without its decimals.

    Examples
    --------
    >>> as_texts(pd.Series(["a", 7.0, None], dtype="object")).tolist()
    ['a', '7', nan]
    """
    if isinstance(column.dtype, pd.StringDtype):
        return column.astype(TEXT)
    cells = [_text(cell) for cell in column.tolist()]
    return pd.Series(cells, index=column.index, dtype=TEXT)


def _text(cell: Any) -> str | None:
    if cell is None or (pd.api.types.is_scalar(cell) and pd.isna(cell)):
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def as_ids(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of ids as text; those of Salesforce in the form of 18 characters that its API has.

    Reports write 15 characters, in which only capitals tell some ids apart. The three further ones say which of each five
    characters are capitals.

    References
    ----------
    https://codegolf.stackexchange.com/questions/69127 (the rule and its test cases)

    Examples
    --------
    >>> as_ids(pd.Series(["001M000000qfPyS", "deal-7"])).tolist()
    ['001M000000qfPySIAU', 'deal-7']
    """
    texts = as_texts(column)
    short = texts.str.fullmatch(_SALESFORCE_ID).fillna(False).astype(bool)
    return texts.where(~short, texts[short].add(_suffixes(texts[short]))) if short.any() else texts


def _suffixes(ids: pd.Series[Any]) -> pd.Series[Any]:
    letters = ids.to_numpy(dtype="S15").view(np.uint8).reshape(-1, 3, 5)
    capitals = (letters >= ord("A")) & (letters <= ord("Z"))
    codes = (capitals * (1 << np.arange(5))).sum(axis=2)
    three = _SUFFIXES[codes].view("S3").ravel().astype("U3")
    return pd.Series(three, index=ids.index, dtype=TEXT)


def as_flags(column: pd.Series[Any], label: str) -> tuple[pd.Series[bool], list[BadValue]]:
    """A column of yes and no as booleans, and the cells that are neither; an empty cell is no."""
    texts = as_texts(column).str.casefold()
    neither = texts.notna() & ~texts.isin(_YES | _NO)
    bad = [
        BadValue(int(row), label, column[row], "is neither true nor false") for row in column.index[neither]
    ]
    return texts.isin(_YES).astype(bool), bad


def read_statuses(column: pd.Series[Any]) -> tuple[pd.Series[Any], list[Mapped]]:
    """Statuses by the API's names: Pipedrive's Open is active."""
    return _reworded(as_texts(column), lambda text: _STATUSES.get(text.casefold(), text), "status")


def read_categories(column: pd.Series[Any]) -> tuple[pd.Series[Any], list[Mapped]]:
    """Forecast categories by the names that an org file has for them."""
    return _reworded(as_texts(column), lambda text: _CATEGORIES.get(text.casefold(), text), "category")


def read_stages(column: pd.Series[Any], stages: Stages) -> tuple[pd.Series[Any], list[Mapped]]:
    """Stages by the org's names, where they differ from them in capitals or spaces or name their pipeline.

    What an unknown stage means is not guessed: it stays, and a line says so.

    Examples
    --------
    >>> from opp_analytics.org import Stage
    >>> stages = Stages((Stage("Demo", "open"), Stage("Closed Won", "won")))
    >>> read_stages(pd.Series(["demo", "Closed won (Sales Pipeline)", "Odd"]), stages)[0].tolist()
    ['Demo', 'Closed Won', 'Odd']
    """
    texts = as_texts(column)
    known = set(stages.kinds)
    folded = {_folded(name): stages.aliases.get(name, name) for name in stages.kinds}
    tally = texts.value_counts()

    def read(text: str) -> str:
        if text in known:
            return text
        named = _WITH_PIPELINE.fullmatch(text)
        return folded.get(_folded(text)) or (folded.get(_folded(named["stage"])) if named else None) or text

    read_as = {text: read(text) for text in tally.index}
    lines = [
        Mapped(text, ours, "guessed", f"stage, {count(int(tally[text]))}")
        if ours != text
        else Mapped(
            text, "", "unknown", f"stage, {count(int(tally[text]))}; name it under stages in the org file"
        )
        for text, ours in read_as.items()
        if ours not in known or ours != text
    ]
    return _replaced(texts, read_as), lines


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _reworded(
    texts: pd.Series[Any], read: Callable[[str], str | None], what: str
) -> tuple[pd.Series[Any], list[Mapped]]:
    tally = texts.value_counts()
    read_as = {text: read(text) for text in tally.index}
    lines = [
        Mapped(text, ours or "", "mapped", f"{what}, {count(int(tally[text]))}")
        for text, ours in read_as.items()
        if ours != text
    ]
    return _replaced(texts, read_as), lines


def _replaced(texts: pd.Series[Any], read_as: Mapping[str, str | None]) -> pd.Series[Any]:
    if all(text == ours for text, ours in read_as.items()):
        return texts
    codes, cells = pd.factorize(texts)
    ours = pd.array([read_as[cell] for cell in cells] + [None], dtype=TEXT)
    return pd.Series(ours.take(codes), index=texts.index)
