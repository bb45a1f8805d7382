"""A team whose org shares no stage name with the API's: seven stages, two pipelines of words,
euros, a fiscal year from February."""

from __future__ import annotations

from typing import Any

import pandas as pd

import opp_analytics as oa

ORG = oa.Org(
    stages=[
        {
            "name": "Erstkontakt",
            "kind": "open",
            "probability": 10,
            "category": "pipeline",
            "aliases": ["Kontakt"],
        },
        {"name": "Demo, vor Ort", "kind": "open", "probability": 30, "category": "pipeline"},
        {"name": "Angebot", "kind": "open", "probability": 60, "category": "best_case"},
        {"name": "Mündlich", "kind": "open", "probability": 90, "category": "commit"},
        {"name": "Unterschrieben", "kind": "won"},
        {"name": "Verloren", "kind": "lost", "aliases": ["Dead"]},
        {"name": "Dublette", "kind": "disqualified"},
    ],
    currency="EUR",
    timezone="Europe/Berlin",
    fiscal_year_start=2,
    api_columns={"total": "value", "phase": "stage"},
    people=[
        {"owner_name": "Ann", "team": "Nord"},
        {"owner_name": "Bo", "team": "Süd"},
        {"owner_name": "Bo", "team": "Nord", "from_date": "2026-11-15"},
    ],
)

FILE = """\
currency = "EUR"
timezone = "Europe/Berlin"
fiscal_year_start = 2
stages = [
  {name = "Erstkontakt", kind = "open", probability = 10, category = "pipeline", aliases = ["Kontakt"]},
  {name = "Demo, vor Ort", kind = "open", probability = 30, category = "pipeline"},
  {name = "Angebot", kind = "open", probability = 60, category = "best_case"},
  {name = "Mündlich", kind = "open", probability = 90, category = "commit"},
  {name = "Unterschrieben", kind = "won"},
  {name = "Verloren", kind = "lost", aliases = ["Dead"]},
  {name = "Dublette", kind = "disqualified"},
]
[api.columns]
total = "value"
phase = "stage"
[people]
rows = [
  {owner_name = "Ann", team = "Nord"},
  {owner_name = "Bo", team = "Süd"},
  {owner_name = "Bo", team = "Nord", from_date = 2026-11-15},
]
"""
"""The same org as a file."""

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
    steps = [
        ("a", "2026-11-02", "Kontakt", "2026-12-10", 100.0),
        ("b", "2026-11-02", "Erstkontakt", "2026-12-20", 250.0),
        ("b", "2026-11-09", "Demo, vor Ort", "2026-12-20", 200.0),
        ("c", "2026-11-02", "Demo, vor Ort", "2026-11-20", 400.0),
        ("c", "2026-11-16", "Angebot", "2027-01-31", 400.0),
        ("d", "2026-11-02", "Angebot", "2026-11-30", 800.0),
        ("d", "2026-11-09", "Mündlich", "2026-11-30", 800.0),
        ("e", "2026-11-02", "Mündlich", "2026-11-05", 1000.0),
        ("e", "2026-11-09", "Unterschrieben", "2026-11-05", 1000.0),
        ("f", "2026-11-02", "Mündlich", "2026-11-20", 3000.0),
        ("f", "2026-11-16", "Unterschrieben", "2026-11-10", 3000.0),
        ("g", "2026-11-02", "Angebot", "2026-11-20", 500.0),
        ("g", "2026-11-16", "Dead", "2026-11-12", 500.0),
        ("h", "2026-11-09", "Erstkontakt", "2026-12-01", 50.0),
        ("h", "2026-11-16", "Dublette", None, 50.0),
        ("a", "2026-11-23", "Kontakt", "2026-12-10", 100.0),
    ]
    known = {deal["unique_id"]: deal for deal in rows()}
    log = pd.DataFrame(steps, columns=["unique_id", "seen_at", "stage", "close_date", "value"])
    for name in ("name", "owner_name", "probability", "account_id", "created_at"):
        log[name] = [known[key][name] for key in log["unique_id"]]
    return log.assign(seen_at=pd.to_datetime(log["seen_at"] + "T08:00:00Z"))
