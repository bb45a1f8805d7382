from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from opp_analytics.api import Client, Opportunity
from opp_analytics.errors import ConnectionFailed, PlanError
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import apply, plan, resume, runs
from opp_analytics.writer.apply import engine
from tests.writer.clients import dying
from tests.writer.frames import edited


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("write", [1, 2, 3, 4])
def test_resume__finishes_exactly_the_rest(
    client: Client,
    before: pd.DataFrame,
    tmp_path: Path,
    write: int,
    after: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A create that was never sent counts as lost after twice the client's timeout, which is a
    # minute.
    monkeypatch.setattr(engine, "choose_wait", lambda client: 0.5)
    victim = dying(client, tmp_path)
    victim.die_at(write, after=after)
    with pytest.raises(SystemExit):
        apply(plan(before, edited(before)), victim, allow_delete=True)
    assert runs()["state"].tolist() == ["unfinished"]
    receipt = resume(client)
    assert receipt.complete, receipt.summary()
    held = pd.DataFrame(client.list(page_size=100).rows).set_index("unique_id")
    assert sorted(held["name"]) == ["Deal 0", "Deal 1", "Deal 2", "Deal 3", "Deal 4", "New"]
    assert held.loc["o000", "stage"] == "negotiation"
    assert held.loc["o001", "value"] == 1234.56
    assert runs()["state"].tolist() == ["finished"]
    again = resume(client)
    assert again.table.empty
    assert list(again.table.columns) == list(receipt.table.columns)
    with pytest.raises(PlanError, match="no run 'none' in the journal"):
        resume(client, "none")


def test_resume__retries_failures_but_not_refusals(
    client: Client, server: Sandbox, before: pd.DataFrame
) -> None:
    after = before.astype({"value": "object"})
    after.loc[0, "value"] = 1e16
    after.loc[1, "value"] = 7
    server.faults.set(error_rate=1.0)
    settings = client.settings
    with Client(settings.url, settings.token, settings.api_key, retries=0, concurrency=2) as hasty:
        first = apply(plan(before, after), hasty)
    server.faults.reset()
    assert first.table["outcome"].tolist() == ["failed", "failed"]
    second = resume(client)
    assert second.table["outcome"].tolist() == ["failed", "applied"]
    assert resume(client).table.empty


def test_apply__a_dead_server_leaves_a_run_to_resume(client: Client, before: pd.DataFrame) -> None:
    made = plan(before, before.assign(value=before["value"] + 1))

    class Cut(Client):
        def get(self, unique_id: str) -> Opportunity:
            raise ConnectionFailed("no answer")

    settings = client.settings
    with Cut(settings.url, settings.token, settings.api_key) as cut:
        receipt = apply(made, cut)
    assert set(receipt.table["outcome"]) == {"failed"}
    assert f"resume(client, {receipt.run_id!r})" in receipt.summary()
    assert resume(client).complete


@pytest.mark.slow
def test_resume__sends_a_create_once_more_that_left_no_trace(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SHORTEST_WAIT", 0.01)
    new = pd.DataFrame({"unique_id": [None], "name": ["New"]})
    made = plan(pd.DataFrame({"unique_id": pd.Series([], dtype="str")}), new)

    class Failing(Client):
        def create(self, **fields: object) -> Opportunity:
            raise ConnectionFailed("no answer")

    settings = client.settings
    with Failing(settings.url, settings.token, settings.api_key, timeout=0.1) as failing:
        assert apply(made, failing).table["outcome"].tolist() == ["unknown"]
        assert resume(failing).table["outcome"].tolist() == ["unknown"]
    with Client(settings.url, settings.token, settings.api_key, timeout=1) as patient:
        table = resume(patient).table
    assert table[["outcome", "attempts"]].to_numpy().tolist() == [["applied", 4]]
    assert client.list().total_records == 7
