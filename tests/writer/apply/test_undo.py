from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from opp_analytics.api import Client
from opp_analytics.errors import DataWarning
from opp_analytics.writer import apply, own_writes, plan, runs, undo
from tests.writer.clients import dying
from tests.writer.frames import edited
from tests.writer.kills import held, mixed, rows_of, wanted


def test_undo__goes_back_and_leaves_later_edits_alone(client: Client, before: pd.DataFrame) -> None:
    receipt = apply(plan(before, edited(before)), client, allow_delete=True)
    client.update("o000", stage="discovery")
    back = undo(client)
    assert sorted(back.changes["operation"]) == ["delete", "recover", "update", "update", "update"]
    assert back.conflicts[["unique_id", "field", "remote"]].to_numpy().tolist() == [
        ["o000", "stage", "discovery"]
    ]
    undone = apply(back, client, allow_delete=True)
    assert sorted(undone.table["outcome"]) == [
        "applied",
        "applied",
        "applied",
        "conflict",
        "skipped",
    ]
    held = pd.DataFrame(client.list(page_size=100).rows).set_index("unique_id")
    assert sorted(held.index) == before["unique_id"].tolist()
    assert held.loc["o001", "value"] == 1100
    assert held.loc["o000", "stage"] == "discovery"
    assert runs()["applied"].tolist() == [3, len(receipt.table)]
    written = own_writes(client)
    assert {"o000", "o001", "o005"} <= set(written["unique_id"])
    mine = written[written["unique_id"] == "o001"].iloc[-1]
    assert mine["updated_after"] == pd.Timestamp(client.get("o001")["updated_at"])
    assert mine["updated_before"] < mine["updated_after"]


def test_undo__tells_what_the_opportunities_are_worth(client: Client, before: pd.DataFrame) -> None:
    after = before.iloc[:5].assign(
        probability=[60, 60, 40, 40, 40], value=[1000.0, 1100, 1200, 5000, 1400]
    )
    after = pd.concat([after, pd.DataFrame({"name": ["New"], "value": [500.0]})], ignore_index=True)
    apply(plan(before, after), client, allow_delete=True)
    client.update("o001", value=9)
    back = undo(client)
    assert "value of these deals: 6,509 → 2,309 (−4,200)" in back.summary()
    assert back.conflicts.empty
    impact = back.impact(as_of="2026-06-01")
    assert impact.loc["2026-06", ["weighted_open_before", "weighted_open_after"]].tolist() == [
        600 + 5.4 + 2000,
        400 + 3.6 + 520,
    ]


def test_undo__of_deletions_makes_no_statement_about_money(
    client: Client, before: pd.DataFrame
) -> None:
    apply(plan(before, before.iloc[1:]), client, allow_delete=True)
    assert undo(client).summary() == "1 recovery"


def test_undo__of_an_unfinished_run_warns_and_undoes_what_was_written(
    client: Client, before: pd.DataFrame, tmp_path: Path
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
    assert own_writes(client).empty


def test_undo__of_an_overwritten_change_restores_what_the_other_person_wrote(
    client: Client, before: pd.DataFrame
) -> None:
    client.update("o000", value=77.5)
    made = plan(before, before.assign(value=before["value"].where(before.index > 0, 5.0)))
    assert apply(made, client, on_conflict="overwrite").complete
    assert float(client.get("o000")["value"]) == 5
    assert apply(undo(client), client).complete
    assert float(client.get("o000")["value"]) == 77.5


def test_undo__goes_back_all_the_way_and_undone_goes_forth_again(
    asking: Callable[..., Client],
) -> None:
    made = mixed()
    client = asking(made.before)
    first = apply(made, client, allow_delete=True)
    assert apply(undo(client, first.run_id), client, allow_delete=True).complete
    assert held(client) == rows_of(made.before)
    again = undo(client)
    assert len(again.changes) == 24 + 10 + 6
    assert apply(again, client, allow_delete=True).complete
    assert held(client) == wanted(made)


def test_undo__of_an_undo_within_a_second_waits_for_nothing(
    asking: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = mixed()
    client = asking(made.before)
    first = apply(made, client, allow_delete=True)
    # Its answers tell whole seconds, so the server's clock may seem to go back.
    tell = Client.server_time
    monkeypatch.setattr(Client, "server_time", lambda self: tell(self) - timedelta(seconds=1))
    assert apply(undo(client, first.run_id), client, allow_delete=True).complete
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        raise TimeoutError

    monkeypatch.setattr("time.sleep", pause)
    assert len(undo(client).changes) == 24 + 10 + 6
    assert pauses == []
