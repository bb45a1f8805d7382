"""The Opportunities API over HTTP: settings, transport, wire format, client and caches."""

from opp_analytics.api.calls import Fields, Filters, ListParams, Page
from opp_analytics.api.client import Client
from opp_analytics.api.config import TOKEN_COMMAND, VARIABLES, Settings, state_folder
from opp_analytics.api.credentials import Secret
from opp_analytics.api.wire import (
    WirePage,
    assemble,
    concat_tables,
    frame_to_table,
    rows_to_table,
    to_wire,
)

__all__ = [
    "TOKEN_COMMAND",
    "VARIABLES",
    "Client",
    "Fields",
    "Filters",
    "ListParams",
    "Page",
    "Secret",
    "Settings",
    "WirePage",
    "assemble",
    "concat_tables",
    "frame_to_table",
    "rows_to_table",
    "state_folder",
    "to_wire",
]
