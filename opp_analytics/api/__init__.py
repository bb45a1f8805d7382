"""The Opportunities API over HTTP: settings, transport, wire format, client and caches."""

from opp_analytics.api.calls import Fields, Filters, ListParams, Page
from opp_analytics.api.client import Client
from opp_analytics.api.columns import assemble, concat_tables, rows_to_table
from opp_analytics.api.config import TOKEN_COMMAND, VARIABLES, Settings, state_folder
from opp_analytics.api.credentials import Secret
from opp_analytics.api.decoder import PageDecoder, TablePage
from opp_analytics.api.frame_cache import Kept
from opp_analytics.api.wire import to_wire

__all__ = [
    "TOKEN_COMMAND",
    "VARIABLES",
    "Client",
    "Fields",
    "Filters",
    "Kept",
    "ListParams",
    "Page",
    "PageDecoder",
    "Secret",
    "Settings",
    "TablePage",
    "assemble",
    "concat_tables",
    "rows_to_table",
    "state_folder",
    "to_wire",
]
