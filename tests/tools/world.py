"""Nine months of a team that wins alike."""

from tests.analysis.forecasting.histories import even_months

HISTORY = even_months(9, owners=True)
DEALS = HISTORY.as_of("2026-09-10T23:00Z")
