"""A team whose org shares no stage name with the API's: seven stages, two pipelines of words,
euros, a fiscal year from February."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

import opp_analytics as oa

_HERE = Path(__file__)
ORG = oa.Org.read(_HERE.with_suffix(".toml"))

_DEALS: list[tuple[str, str, str, float | None, str | None, int, str]] = [
    # id, name, stage, value, close date, probability, owner
    ("a", "Alder", "Kontakt", 100.0, "2026-12-10", 10, "Ann"),
    ("b", "Birch", "Demo, vor Ort", 200.0, "2026-12-20", 30, "Bo"),
    ("c", "Cedar", "Angebot", 400.0, "2027-01-31", 60, "Ann"),
    ("d", "Dogwood", "Mündlich", 800.0, "2026-11-30", 90, "Bo"),
    ("e", "Elm", "Unterschrieben", 1000.0, "2026-11-05", 100, "Bo"),
    ("f", "Fir", "Unterschrieben", 3000.0, "2026-11-10", 100, "Ann"),
    ("g", "Gum", "Dead", 500.0, "2026-11-12", 0, "Bo"),
    ("h", "Hazel", "Dublette", 50.0, None, 0, "Ann"),
]
"""Eight deals on November 25, 2026; two are spelled by an alias."""


def rows() -> list[dict[str, Any]]:
    """The deals as the server stores them."""
    return [
        {
            "unique_id": key,
            "name": name,
            "account_id": f"acc-{key}",
            "value": value,
            "stage": stage,
            "close_date": date,
            "probability": chance,
            "owner_name": owner,
            "created_at": "2026-10-01T08:00:00Z",
            "updated_at": "2026-11-20T08:00:00Z",
        }
        for key, name, stage, value, date, chance, owner in _DEALS
    ]


def weeks_before() -> pd.DataFrame:
    """The change log of the deals: four Mondays, the last of them as in `rows`."""
    log = pd.read_csv(_HERE.with_suffix(".csv"))
    known = {deal["unique_id"]: deal for deal in rows()}
    for name in ("name", "owner_name", "probability", "account_id", "created_at"):
        log[name] = [known[key][name] for key in log["unique_id"]]
    return log.assign(seen_at=pd.to_datetime(log["seen_at"] + "T08:00:00Z"))
