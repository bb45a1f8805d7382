"""Ten deals whose ages and ends are known."""

import pandas as pd

DAY_0 = pd.Timestamp("2026-01-01")
AS_OF = DAY_0 + pd.Timedelta(days=30)


def deals(*ends, value=100.0):
    """Deals created on day 0 (open ones so that they are as old as given): pairs of outcome and
    age."""
    rows = []
    for kind, age in ends:
        created = DAY_0 if kind != "open" else AS_OF - pd.Timedelta(days=age)
        stage = {"won": "closed_won", "lost": "closed_lost", "open": "proposal"}[kind]
        close = DAY_0 + pd.Timedelta(days=age) if kind != "open" else pd.NaT
        rows.append((stage, created.tz_localize("UTC"), close, value))
    return pd.DataFrame(rows, columns=["stage", "created_at", "close_date", "value"])


# Ten deals with ties between every kind of end; worked by hand below.
TEN = deals(
    ("won", 2),
    ("lost", 2),
    ("open", 2),
    ("won", 5),
    ("won", 5),
    ("lost", 7),
    ("open", 8),
    ("lost", 9),
    ("won", 9),
    ("open", 12),
)
