"""Columns of the workbook as people name them; the name that functions and the API use is in a note."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opp_analytics import text

__all__ = ["titles"]

_TITLES = {
    "unique_id": "ID",
    "name": "Deal",
    "owner_name": "Owner",
    "account_id": "Account ID",
    "probability": "Stated chance",
    "chance": "Forecast chance",
    "booked": "Closed",
    "open_count": "Open deals",
    "weighted_open": "Open, weighted",
    "expected": "Forecast",
    "expected_value": "Expected",
    "low": "Range from",
    "high": "Range to",
    "p_target": "Chance of target",
    "won_later_value": "Won, dated later",
    "no_value": "Without value",
    "no_probability": "Without chance",
    "to_date": "Current period",
    "new_business_periods": "Periods behind new business",
    "rate": "Win rate",
    "rate_low": "Win rate from",
    "rate_high": "Win rate to",
    "value_rate_low": "Value rate from",
    "value_rate_high": "Value rate to",
    "held": "In range",
    "actual": "Closed in the end",
    "error": "Forecast minus closed",
    "made_at": "Forecast made",
    "p_if_won": "Chance if won",
    "p_if_lost": "Chance if lost",
    "cell": "Current value",
    "risk": "Flags",
    "reasons": "Why flagged",
    "suggestion": "Suggested fix",
    "check": "Finding",
    "conversion": "Moved on",
    "still": "Still there",
    "days_pushed": "Days later",
    "created_at": "Created at",
    "updated_at": "Updated at",
}


def titles(columns: Iterable[str], own: Mapping[str, str] | None = None) -> list[str]:
    """A title for each column, all different; those of `own` come first.

    Examples
    --------
    >>> titles(["unique_id", "close_date", "Close_Date", "p_target"])
    ['ID', 'Close date', 'Close Date (Close_Date)', 'Chance of target']
    """
    found: list[str] = []
    taken: set[str] = set()
    known = {**_TITLES, **(own or {})}
    for column in columns:
        title = known.get(column) or text.capital(text.label(column)).strip() or "(blank)"
        if title.casefold() in taken:
            title = f"{title} ({column})"
        while title.casefold() in taken:
            title += "'"
        taken.add(title.casefold())
        found.append(title)
    return found
