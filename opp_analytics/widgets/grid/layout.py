"""What the grid remembers of its columns: order, widths and hidden ones, per tenant, in the state folder."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics.api import state_folder
from opp_analytics.certificate import Certificate
from opp_analytics.errors import DataError
from opp_analytics.files import make_private_folder, write_whole

__all__ = ["read_layout", "write_layout"]

_COLUMNS = ("order", "hidden", "widths")
_ANY = "files"
"""Name for opportunities that were not loaded from a tenant."""


def _file(opportunities: pd.DataFrame) -> Path:
    certificate = Certificate.of(opportunities)
    tenant = certificate.tenant if certificate is not None else None
    return state_folder() / "grids" / f"{tenant or _ANY}.json"


def read_layout(opportunities: pd.DataFrame) -> dict[str, Any]:
    """The remembered columns, empty if there are none or they cannot be read."""
    with suppress(OSError, ValueError):
        kept = json.loads(_file(opportunities).read_text())
        if isinstance(kept, dict):
            return kept
    return {}


def write_layout(opportunities: pd.DataFrame, layout: dict[str, Any]) -> None:
    """Remember the columns, not sort and filters; where the state folder cannot be written, they last as long as the widget."""
    file = _file(opportunities)
    columns = {name: layout[name] for name in _COLUMNS if name in layout}
    with suppress(OSError, DataError):
        make_private_folder(file.parent)
        write_whole(file, json.dumps(columns).encode(), private=True, durable=False)
