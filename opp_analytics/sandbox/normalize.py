"""The fault `normalize`: the server changes the values that it stores."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from opp_analytics.sandbox.stages import TenantStages

__all__ = ["fill_defaults", "normalize"]

_CENT = Decimal("0.01")


def fill_defaults(fields: Mapping[str, Any], stages: TenantStages, *, is_new: bool) -> dict[str, Any]:
    """The fields of a request, with defaults for a blank or null stage or status.

    A new row also gets a default for a missing stage, and its missing status follows from the stage. An update changes
    only the fields it sends.

    Examples
    --------
    >>> fill_defaults({"stage": "closed_won"}, TenantStages(), is_new=True)
    {'stage': 'closed_won', 'status': 'won'}
    >>> fill_defaults({"stage": " "}, TenantStages(), is_new=False)
    {'stage': 'discovery'}
    """
    filled = dict(fields)
    if _is_empty(filled, "stage") and (is_new or "stage" in filled):
        filled["stage"] = stages.first
    if _is_empty(filled, "status") and (is_new or "status" in filled):
        filled["status"] = stages.status_of(filled.get("stage"))
    return filled


def normalize(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Valid fields in the form that the database stores.

    Examples
    --------
    >>> normalize({"name": "  Café   north ", "value": Decimal("10.005")})
    {'name': 'Café north', 'value': Decimal('10.01')}
    """
    return {name: _normalize_value(name, value) for name, value in fields.items()}


def _normalize_value(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", " ".join(value.split()))
    if name == "value" and isinstance(value, Decimal):
        return value.quantize(_CENT, ROUND_HALF_UP)
    return value


def _is_empty(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name)
    return value is None or (isinstance(value, str) and not value.strip())
