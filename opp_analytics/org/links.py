"""The address of a deal in the organization's CRM."""

from __future__ import annotations

from urllib.parse import quote

__all__ = ["record_link"]


def record_link(record_url: str | None, unique_id: str) -> str | None:
    """The address of a deal, from the org's ``record_url``; None where the org has none.

    Examples
    --------
    >>> record_link("https://crm.example.com/{unique_id}", "a/1")
    'https://crm.example.com/a%2F1'
    """
    return record_url.replace("{unique_id}", quote(unique_id, safe="")) if record_url else None
