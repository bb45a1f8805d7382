"""The columns of the tables beside the deals by the labels that people give them: people, targets, rates and others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType

from opp_analytics.inputs import make_key
from opp_analytics.org.presets import LIKELY
from opp_analytics.periods import read_period

COLUMN_WORDS = {
    "owner_name": f"owner_name owner {' '.join(LIKELY['owner_name'])} name full_name opportunity_owner deal_owner",
    "team": "team sales_team manager group department",
    "region": "region territory regional_office",
    "from_date": "from_date since start_date",
    "period": "period month quarter year fiscal_period fiscal_quarter fiscal_year",
    "target": "target quota goal target_amount sales_target sales_quota amount",
    "date": "date day valid_from",
    "currency": "currency currency_code currency_iso_code iso_code",
    "rate": "rate exchange_rate conversion_rate",
    "account_id": "account_id account company_id organization_id account_name company_name company customer customer_name kunde firma",
    "key": "account_id deal_id opportunity_id unique_id",
    "done_on": "date due_date due_to activity_date completed_at timestamp",
    "what": "activity_id type subject activity_type activity task",
}  # fmt: skip
"""What people call the columns of the tables beside the deals, the likeliest first, as `make_key` writes it."""
TABLE_LABELS: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "targets": (("period",), ("target",)),
        "currency_rates": (("date",), ("currency",), ("rate",)),
        "activities": (("key",), ("done_on",), ("what",)),
        "accounts": (("account_id",),),
        "people": (("owner_name",), ("team", "region")),
    }
)
"""By kind of table, what its labels must name: one of each."""
_FURTHER = {"targets": ("owner_name", "team"), "people": ("from_date",)}
"""Columns that a table may have."""
_PERIOD = re.compile(r"(19|20)\d\d(Q[1-4]|-(0[1-9]|1[0-2]))?")
_FIRST_DAY = re.compile(r"(\d{4}-\d\d)-01( 00:00:00)?")


def name_table(kind: str, labels: Sequence[str]) -> dict[str, str]:
    """Name the labels of a table of people or targets: theirs to ours, each of ours once, by its likeliest label."""
    keys = {make_key(label): label for label in reversed(labels) if label}
    found = {
        ours: next((keys[word] for word in COLUMN_WORDS[ours].split() if word in keys), None)
        for ours in list_columns(kind)
    }
    return {theirs: ours for ours, theirs in found.items() if theirs}


def list_columns(kind: str) -> tuple[str, ...]:
    """List the columns of a table."""
    return (*(name for names in TABLE_LABELS[kind] for name in names), *_FURTHER.get(kind, ()))


def find_near(label: str, names: Iterable[str]) -> str | None:
    """Find the column that a misspelled label means."""
    words = {word: name for name in names for word in COLUMN_WORDS[name].split()}
    near = get_close_matches(make_key(label), words, n=1, cutoff=0.7)
    return words[near[0]] if near else None


def find_periods(texts: Iterable[str]) -> dict[str, str]:
    """Find the periods among texts, each with its label in data.

    A workbook's ``Dec 2026`` is the first day of its month; where each of these days may begin a quarter, none is read.
    """
    listed = list(texts)
    months = {text: day[1] for text in listed if (day := _FIRST_DAY.fullmatch(text))}
    if len({int(month[5:]) % 3 for month in months.values()}) < 2:
        months = {}
    read = {text: months.get(text, read_period(text)) for text in listed}
    return {text: label for text, label in read.items() if _PERIOD.fullmatch(label)}
