"""Frames of opportunities with every kind of dirt, for properties."""

import pandas as pd
from hypothesis import strategies as st

from opp_analytics import org, schema

_DAYS = pd.date_range("2025-11-15", periods=400).strftime("%Y-%m-%d").tolist()


@st.composite
def opportunities(draw, most=12):
    """0 to `most` opportunities: odd stages, contradictions, blanks, negative money."""
    count = draw(st.integers(0, most))

    def column(values):
        return draw(st.lists(st.one_of(st.none(), values), min_size=count, max_size=count))

    stages = column(st.sampled_from([*org.STAGES.names, "won!!"]))
    dates = column(st.sampled_from(_DAYS))
    # At least one stage is known, also among what has a date: a frame that lost its org is an
    # error.
    stages[:1], dates[:1] = ["proposal"] * min(count, 1), _DAYS[: min(count, 1)]

    return org.conform(
        pd.DataFrame(
            {
                "unique_id": [f"o{k}" for k in range(count)],
                "name": [f"deal {k}" for k in range(count)],
                "account_id": column(st.sampled_from(["A", "B"])),
                "value": column(st.integers(-500, 100_000).map(lambda cents: cents / 100)),
                "stage": stages,
                "close_date": dates,
                "probability": column(st.integers(0, 100)),
                "status": column(st.sampled_from([*schema.STATUSES, "paused"])),
                "created_at": [
                    f"{day}T12:00:00Z"
                    for day in draw(
                        st.lists(st.sampled_from(_DAYS), min_size=count, max_size=count)
                    )
                ],
                "updated_at": ["2026-01-01T00:00:00Z"] * count,
            },
            dtype=object,
        )
    )
