"""The practice team of the sandbox as a history of weekly records."""

import json
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from opp_analytics.history import History
from opp_analytics.sandbox.clock import Clock, midnight
from opp_analytics.sandbox.simulator import TEAM_TENANT, Simulator
from opp_analytics.sandbox.store import DealStore

BEGIN = date(2023, 1, 2)
_KEPT = [
    "unique_id",
    "stage",
    "status",
    "value",
    "close_date",
    "probability",
    "owner_name",
    "created_at",
]
_ALL = 1_000_000


def history(seed: int, weeks: int, deals_per_week: int = 10) -> History:
    """The recorded history of one team, from its first week on."""
    return History.from_changes(log(seed, weeks, deals_per_week))


def log(seed: int, weeks: int, deals_per_week: int = 10) -> pd.DataFrame:
    """The change log of one team: each week the deals that changed or were deleted."""
    with tempfile.TemporaryDirectory() as folder:
        store = DealStore(Path(folder) / "team.db", Clock())
        store.clock.reach(midnight(BEGIN))
        with store.transaction():
            store.add_tenant()
            store.save_settings(seed=seed, deals_per_week=deals_per_week)
        simulator, known, found = Simulator(store), pd.Series(dtype="str"), []
        for week in range(1, weeks + 1):
            monday = BEGIN + timedelta(weeks=week)
            with store.transaction():
                simulator.play(monday)
            store.clock.reach(midnight(monday))
            texts = pd.Series(dict(store.read_page(TEAM_TENANT, limit=_ALL)[0]), dtype="str")
            fresh = texts[texts != known.reindex(texts.index)]
            gone = known[~known.index.isin(texts.index)]
            seen_at = pd.Timestamp(monday, tz="UTC") + pd.Timedelta(hours=6)
            for rows, operation in ((fresh, None), (gone, "deleted")):
                found += [
                    json.loads(text) | {"seen_at": seen_at, "operation": operation} for text in rows
                ]
            known = texts
        store.close()
    return pd.DataFrame(found, columns=[*_KEPT, "seen_at", "operation"])
