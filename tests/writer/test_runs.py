from __future__ import annotations

import pandas as pd

from opp_analytics.analysis import audit
from opp_analytics.api import Client
from opp_analytics.loading import load
from opp_analytics.writer import apply, own_writes, plan


def test_own_writes__are_no_sign_of_life_to_the_audit(client: Client, before: pd.DataFrame) -> None:
    apply(plan(before, before.assign(value=before["value"] + 1)), client)
    loaded = load(client, progress=False)
    day = loaded["updated_at"].max() + pd.Timedelta("2D")

    def stale(**known: pd.DataFrame) -> set[str]:
        found = audit(loaded, as_of=day, **known)  # type: ignore[arg-type]
        return set(found.loc[found["field"] == "updated_at", "unique_id"])

    assert stale() == set()
    assert stale(own_writes=own_writes(client)) == set(before["unique_id"])
