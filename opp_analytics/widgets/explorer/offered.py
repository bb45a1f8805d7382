"""What the explorer's controls offer."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import schema, text
from opp_analytics.org import Org
from opp_analytics.periods import as_date
from opp_analytics.widgets.explorer.choice import FILTERS, VIEWS
from opp_analytics.widgets.explorer.pick import Picker

__all__ = ["offered"]

_MOST_NAMES = 500
_MOST_MONTHS, _MOST_QUARTERS = 36, 12


def offered(picker: Picker) -> dict[str, Any]:
    """Views, filters with their values, groupings, recorded moments and months, as plain JSON."""
    frame = picker.opportunities
    zone = Org.of(frame).zone(None)
    groups = _groups(frame)
    named = [[name, text.label(name.removesuffix("_name"))] for name in groups]
    return {
        "views": [[name, text.capital(text.label(name))] for name in VIEWS],
        "filters": {view: list(filters) for view, filters in FILTERS.items()},
        "owners": _counted(frame, "owner_name"),
        "stages": [str(stage) for stage in frame["stage"].cat.categories],
        "moments": [
            [moment, text.day(as_date(at, tz=zone), year=True)] for moment, at in picker.moments.items()
        ],
        "by": {
            "pipeline": [["stage", "stage"], *named, ["close_month", "close month"]],
            "win_rates": [*named, ["close_month", "close month"], ["size", "value"]],
            "forecast": [["M", "month"], ["Q", "quarter"]],
            "changes": [["movement", "movement"], *named],
            "slippage": [["all", "outcome"], *named, ["stage", "stage at start"]],
        },
        "dues": _dues(frame),
    }


def _groups(opportunities: pd.DataFrame) -> list[str]:
    """Columns to group by: those of names, with more than one and not too many."""
    found = []
    for name in map(str, opportunities.columns):
        column = opportunities[name]
        kind = pd.api.types.infer_dtype(column, skipna=True)
        wordy = isinstance(column.dtype, pd.CategoricalDtype) or kind in ("string", "boolean")
        if name in ("unique_id", "name", "stage") or not wordy:
            continue
        if 1 < column.nunique(dropna=False) <= _MOST_NAMES:
            found.append(name)
    return found


def _counted(frame: pd.DataFrame, column: str) -> list[list[Any]]:
    if column not in frame:
        return []
    counts = frame[column].astype(schema.TEXT).value_counts(dropna=False).head(_MOST_NAMES)
    named = [[None if schema.is_blank(name) else str(name), int(n)] for name, n in counts.items()]
    return sorted(named, key=lambda pair: (pair[0] is None, str(pair[0])))


def _dues(frame: pd.DataFrame) -> list[list[str]]:
    """Months and fiscal quarters in which deals close, the latest ones."""
    dates = frame["close_date"].dropna()
    if dates.empty:
        return []
    found = []
    for freq, most in (("M", _MOST_MONTHS), (Org.of(frame).freq("Q"), _MOST_QUARTERS)):
        spanned = pd.period_range(dates.min(), dates.max(), freq=freq)[-most:]
        found += [[str(period), text.period(str(period), freq)] for period in spanned]
    return found
