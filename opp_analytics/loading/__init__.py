"""From the API to a cached, typed frame with a certificate of what was read."""

from opp_analytics.loading.load import load

__all__ = ["load"]
