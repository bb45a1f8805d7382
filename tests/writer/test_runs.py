from __future__ import annotations

from pathlib import Path

import pandas as pd

from opp_analytics.analysis import audit
from opp_analytics.api import Client
from opp_analytics.loading import load
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import apply, own_writes, plan


def test_own_writes__are_no_sign_of_life_to_the_audit(client: Client, before: pd.DataFrame) -> None:
    apply(plan(before, before.assign(value=before["value"] + 1)), client)
    loaded = load(client, progress=False)
    day = loaded["updated_at"].max() + pd.Timedelta("2D")

    def stale(**known: pd.DataFrame) -> set[str]:
        found = audit(loaded, as_of=day, stale_days=30, **known)  # type: ignore[arg-type]
        return set(found.loc[found["field"] == "updated_at", "unique_id"])

    assert stale() == set()
    assert stale(own_writes=own_writes(client)) == set(before["unique_id"])


def test_own_writes__of_another_server_say_nothing_about_the_same_ids(
    client: Client, server: Sandbox, before: pd.DataFrame, tmp_path: Path
) -> None:
    other = server.add_tenant(before)
    with Client(server.url, other.token, other.api_key, cache_dir=tmp_path / "other") as elsewhere:
        apply(plan(before, before.assign(value=before["value"] + 1)), elsewhere)
        written = own_writes(elsewhere)
        assert set(written["tenant"]) == {elsewhere.settings.tenant}
    assert own_writes(client).empty
    assert set(written["url"]) == {server.url}

    loaded = load(client, progress=False)
    # The owners touched their deals here in the very moment in which we wrote to the namesakes
    # there.
    touched = loaded.assign(
        updated_at=written.set_index("unique_id")["updated_after"][loaded["unique_id"]].array
    )
    day = touched["updated_at"].max() + pd.Timedelta("2D")
    assert "stale" not in set(audit(touched, as_of=day, own_writes=written)["check"])
    assert "stale" in set(
        audit(touched, as_of=day, own_writes=written.drop(columns="tenant"))["check"]
    )
