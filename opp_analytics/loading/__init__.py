"""Loading: opportunities from the API as a cached, typed frame with a load certificate."""

from opp_analytics.loading.load import load
