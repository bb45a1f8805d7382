from __future__ import annotations

import threading

import pandas as pd
import pytest

from opp_analytics.api import Client
from opp_analytics.errors import ConnectionFailed, DataWarning, PlanError
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import apply, own_writes, plan, resume, runs, undo
from opp_analytics.writer.apply import run as running
from tests.writer.test_applying import edited


class Dying(Client):
    """A client whose process dies at the nth write: before it is sent, or after the server has carried it out."""

    def die_at(self, write: int, *, after: bool) -> None:
        self.left, self.after, self.one_at_a_time = write, after, threading.Lock()

    def _writing(self, method: str, path: str, body: bytes | None) -> bytes:
        with self.one_at_a_time:
            self.left -= 1
            if self.left < 0 or (self.left == 0 and not self.after):
                raise SystemExit
            answer = super()._writing(method, path, body)
            if self.left == 0:
                raise SystemExit
            return answer


def dying(client: Client, tmp_path: object) -> Dying:
    settings = client.settings
    return Dying(settings.url, settings.token, settings.api_key, concurrency=1, cache_dir=f"{tmp_path}/dying")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("write", [1, 2, 3, 4])
def test_resume__finishes_exactly_the_rest(
    client: Client, before: pd.DataFrame, tmp_path: object, write: int, after: bool
) -> None:
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
    with pytest.raises(PlanError, match="knows no run 'none'"):
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


def test_undo__goes_back_and_leaves_later_edits_alone(client: Client, before: pd.DataFrame) -> None:
    receipt = apply(plan(before, edited(before)), client, allow_delete=True)
    client.update("o000", stage="discovery")
    back = undo(client)
    assert sorted(back.changes["operation"]) == ["delete", "recover", "update", "update", "update"]
    assert back.conflicts[["unique_id", "field", "remote"]].to_numpy().tolist() == [
        ["o000", "stage", "discovery"]
    ]
    undone = apply(back, client, allow_delete=True)
    assert sorted(undone.table["outcome"]) == ["applied", "applied", "applied", "conflict", "skipped"]
    held = pd.DataFrame(client.list(page_size=100).rows).set_index("unique_id")
    assert sorted(held.index) == before["unique_id"].tolist()
    assert held.loc["o001", "value"] == 1100
    assert held.loc["o000", "stage"] == "discovery"
    assert runs()["applied"].tolist() == [3, len(receipt.table)]
    written = own_writes()
    assert {"o000", "o001", "o005"} <= set(written["unique_id"])
    mine = written[written["unique_id"] == "o001"].iloc[-1]
    assert mine["updated_after"] == pd.Timestamp(client.get("o001")["updated_at"])
    assert mine["updated_before"] < mine["updated_after"]


def test_undo__tells_what_the_opportunities_are_worth(client: Client, before: pd.DataFrame) -> None:
    after = before.iloc[:5].assign(probability=[60, 60, 40, 40, 40], value=[1000.0, 1100, 1200, 5000, 1400])
    after = pd.concat([after, pd.DataFrame({"name": ["New"], "value": [500.0]})], ignore_index=True)
    apply(plan(before, after), client, allow_delete=True)
    client.update("o001", value=9)
    back = undo(client)
    deals = back.deals().set_index("name")[["value_before", "value_after"]]
    assert deals.loc[["Deal 0", "Deal 1", "Deal 3", "New"]].to_numpy().tolist() == [
        [1000, 1000],
        [9, 9],
        [5000, 1300],
        [500, 0],
    ]
    assert "value of the opportunities touched: 6,509.00 → 2,309.00 (-4,200.00)" in back.summary()
    assert back.conflicts.empty
    impact = back.impact(as_of="2026-06-01")
    assert impact.loc["2026-06", ["weighted_open_before", "weighted_open_after"]].tolist() == [
        600 + 5.4 + 2000,
        400 + 3.6 + 520,
    ]


def test_undo__of_deletions_makes_no_statement_about_money(client: Client, before: pd.DataFrame) -> None:
    apply(plan(before, before.iloc[1:]), client, allow_delete=True)
    assert undo(client).summary() == "1 recover"


def test_undo__of_an_unfinished_run_warns_and_undoes_what_was_written(
    client: Client, before: pd.DataFrame, tmp_path: object
) -> None:
    victim = dying(client, tmp_path)
    victim.die_at(2, after=True)
    with pytest.raises(SystemExit):
        apply(plan(before, before.assign(value=before["value"] + 1)), victim)
    with pytest.warns(DataWarning, match="is unfinished: 5 opportunities .* resume it"):
        back = undo(client)
    assert len(back) == 1


def test_undo__with_nothing_applied_is_empty(client: Client) -> None:
    assert len(undo(client)) == 0
    assert runs().empty
    assert runs().columns.tolist()[:2] == ["run_id", "started_at"]
    assert own_writes().empty


def test_apply__a_create_whose_answer_never_came_is_looked_up(client: Client, server: Sandbox) -> None:
    new = pd.DataFrame({"unique_id": [None] * 3, "name": ["A", "A", "B"], "value": [1.0, 1.0, 2.0]})
    before = pd.DataFrame({"unique_id": pd.Series([], dtype="str")})
    server.faults.set(lose_answer_rate=1.0)
    receipt = apply(plan(before, new), client)
    server.faults.reset()
    assert receipt.complete
    assert receipt.table["unique_id"].nunique() == 3
    assert client.list().total_records == 9


def test_apply__a_dead_server_leaves_a_run_to_resume(client: Client, before: pd.DataFrame) -> None:
    made = plan(before, before.assign(value=before["value"] + 1))

    class Cut(Client):
        def get(self, unique_id: str) -> dict[str, object]:
            raise ConnectionFailed("no answer")

    settings = client.settings
    with Cut(settings.url, settings.token, settings.api_key) as cut:
        receipt = apply(made, cut)
    assert set(receipt.table["outcome"]) == {"failed"}
    assert f"resume(client, {receipt.run_id!r})" in receipt.summary()
    assert resume(client).complete


def test_undo__of_an_overwritten_change_restores_what_the_other_person_wrote(
    client: Client, before: pd.DataFrame
) -> None:
    client.update("o000", value=77.5)
    made = plan(before, before.assign(value=before["value"].where(before.index > 0, 5.0)))
    assert apply(made, client, on_conflict="overwrite").complete
    assert float(client.get("o000")["value"]) == 5
    assert apply(undo(client), client).complete
    assert float(client.get("o000")["value"]) == 77.5


def test_resume__of_a_create_that_failed_begins_its_attempts_anew(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_GRACE", 0.01)
    new = pd.DataFrame({"unique_id": [None], "name": ["New"]})
    made = plan(pd.DataFrame({"unique_id": pd.Series([], dtype="str")}), new)

    class Failing(Client):
        def create(self, **fields: object) -> dict[str, object]:
            raise ConnectionFailed("no answer")

    settings = client.settings
    with Failing(settings.url, settings.token, settings.api_key) as failing:
        assert apply(made, failing).table["outcome"].tolist() == ["failed"]
        assert resume(failing).table["outcome"].tolist() == ["failed"]
    assert resume(client).table[["outcome", "attempts"]].to_numpy().tolist() == [["applied", 11]]
    assert client.list().total_records == 7
