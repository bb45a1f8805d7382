"""Whether a deal is still in play, by what its stage and status say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STANDING = ("stage", "status")
"""The columns that say it."""
_CLOSED = {"stage": ("closed_won", "closed_lost"), "status": ("won", "lost")}


def closing(opportunity: Mapping[str, Any]) -> str:
    """What says that an opportunity is won or lost; empty for one that is not.

    Examples
    --------
    >>> closing({"stage": "closed_won", "status": "active"}), closing({"stage": "proposal", "status": None})
    ('stage closed_won', '')
    """
    return ", ".join(f"{c} {opportunity[c]}" for c, said in _CLOSED.items() if opportunity.get(c) in said)


def closed(opportunity: Mapping[str, Any]) -> bool:
    """Whether an opportunity is won or lost."""
    return bool(closing(opportunity))


def disqualified(opportunity: Mapping[str, Any]) -> bool:
    """Whether an opportunity is inactive, and neither won nor lost.

    Examples
    --------
    >>> disqualified({"stage": "proposal", "status": "inactive"})
    True
    """
    return opportunity.get("status") == "inactive" and not closed(opportunity)
