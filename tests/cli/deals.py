"""Deals to edit from the command line."""

from __future__ import annotations

import pandas as pd

from tests.support import row


def deals(number: int = 6) -> pd.DataFrame:
    """Open deals `o000`, `o001`, … worth 1000, 1100, …, every one in proposal at 40%."""
    return pd.DataFrame(
        [
            row(
                n, unique_id=f"o{n:03d}", value=1000.0 + 100 * n, probability=40, account_id="acc-1"
            )
            for n in range(number)
        ]
    )
