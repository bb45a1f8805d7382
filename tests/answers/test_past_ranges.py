"""Whether to believe the range: past forecasts, and what closed in the end."""

from __future__ import annotations

import opp_analytics as oa
from tests.analysis.forecasting.histories import even_months


def test_past_ranges__have_every_ended_period_the_latest_first():
    history = even_months(9)
    frame = history.as_of("2026-09-10T23:00Z")
    answer = oa.ask("past_ranges", frame, history, as_of="2026-09-10")
    (table,) = answer.tables
    assert [(row.id, row.values["actual"], row.values["held"]) for row in table.rows] == [
        (f"2026-{month:02d}", 130.0, True) for month in (8, 7, 6, 5)
    ]
    assert answer.opens(table.rows[0]).title == "Closed in August"
