"""Saved views: choices by name, in a file of the state folder for each tenant."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pandas as pd

from opp_analytics.errors import DataError
from opp_analytics.files import in_turn, make_private_folder, read_whole, set_aside, write_whole
from opp_analytics.schema import Json
from opp_analytics.widgets.widget import tenant_file


def read_views(opportunities: pd.DataFrame) -> dict[str, Json]:
    """Read the views of the tenant; a file that is damaged is set aside with a warning."""
    file = _find_file(opportunities)
    if not file.exists():
        return {}
    try:
        return dict(sorted(msgspec.json.decode(read_whole(file), type=dict[str, Json]).items()))
    except (DataError, UnicodeError, msgspec.MsgspecError) as error:
        set_aside(file, str(error), "its saved views are gone")
        return {}


def keep_view(opportunities: pd.DataFrame, name: str, state: Json | None) -> None:
    """Keep a state under a name, in place of one of that name; None removes it."""
    file = _find_file(opportunities)
    make_private_folder(file.parent)
    with in_turn(file):
        views = read_views(opportunities) | {name: state}
        kept = {each: one for each, one in views.items() if one is not None}
        write_whole(file, msgspec.json.encode(kept), private=True)


def _find_file(opportunities: pd.DataFrame) -> Path:
    return tenant_file("views", opportunities).with_suffix(".json")
