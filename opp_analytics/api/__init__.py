"""The Opportunities API over HTTP: settings, transport, the wire's format, the client and its caches."""

from opp_analytics.api.client import LIST_PARAMS, Client, Page
from opp_analytics.api.config import Settings, state_folder

__all__ = ["LIST_PARAMS", "Client", "Page", "Settings", "state_folder"]
