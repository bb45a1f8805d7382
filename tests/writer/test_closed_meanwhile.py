"""A plan made while deals were open, carried out when some of them are not."""

from __future__ import annotations

import pandas as pd
import pytest

from opp_analytics.api import Client
from opp_analytics.writer import Plan, apply, plan, undo
from tests.writer.conftest import opportunities

LATER = "2026-09-30"


def later(before: pd.DataFrame) -> pd.DataFrame:
    return before.assign(close_date=pd.Timestamp(LATER))


def dates(client: Client) -> list[str]:
    return [client.get(f"o{n:03d}")["close_date"] for n in range(6)]


def test_apply__leaves_a_deal_alone_that_was_closed_meanwhile(
    client: Client, before: pd.DataFrame, tmp_path: object
) -> None:
    saved = plan(before, later(before)).save(f"{tmp_path}/plan.json")
    client.update("o001", stage="closed_won", status="won")
    client.update("o002", status="lost")
    client.update("o003", stage="negotiation")
    receipt = apply(Plan.read(saved), client)
    assert dates(client) == [LATER, "2026-06-30", "2026-06-30", LATER, LATER, LATER]
    table = receipt.table.set_index("unique_id")
    assert table.loc[["o001", "o002"], ["outcome", "error"]].to_numpy().tolist() == [
        ["conflict", "closed on the server meanwhile (stage closed_won, status won)"],
        ["conflict", "closed on the server meanwhile (status lost)"],
    ]
    assert apply(Plan.read(saved), client, on_conflict="overwrite").complete
    assert dates(client) == [LATER] * 6


def test_plan__sees_a_deal_that_was_closed_or_reopened_meanwhile(client: Client) -> None:
    before = opportunities().assign(stage=["closed_lost", *["proposal"] * 5])
    client.update("o001", stage="closed_won")
    client.update("o004", value=7, stage="closed_lost")
    made = plan(before, later(before).assign(value=5.0), client=client)
    found = made.conflicts.set_index(["unique_id", "field"])["reason"]
    closed, lost = (f"closed on the server meanwhile (stage closed_{how})" for how in ("won", "lost"))
    assert found.to_dict() == {
        ("o000", "value"): "reopened on the server meanwhile",
        ("o000", "close_date"): "reopened on the server meanwhile",
        ("o001", "value"): closed,
        ("o001", "close_date"): closed,
        ("o004", "value"): "changed on the server meanwhile",
        ("o004", "close_date"): lost,
    }
    assert set(made.changes.loc[made.changes["status"] == "conflict", "unique_id"]) == {
        "o000",
        "o001",
        "o004",
    }
    assert (
        "6 cells in conflict: changed on the server meanwhile, closed on the server meanwhile, "
        "reopened on the server meanwhile" in made.summary()
    )


@pytest.mark.parametrize("theirs", [{"stage": "closed_won"}, {"status": "won"}])
def test_apply__closing_a_deal_that_somebody_closed_alike_is_no_conflict(
    client: Client, before: pd.DataFrame, theirs: dict[str, str]
) -> None:
    after = later(before).assign(stage="closed_won", status="won")
    client.update("o001", fields=theirs)
    assert apply(plan(before, after), client).complete
    assert dates(client) == [LATER] * 6


def test_undo__leaves_a_deal_alone_that_was_closed_since(client: Client, before: pd.DataFrame) -> None:
    apply(plan(before, later(before)), client)
    client.update("o001", stage="closed_won")
    back = undo(client)
    assert back.conflicts[["unique_id", "reason"]].to_numpy().tolist() == [
        ["o001", "closed on the server meanwhile (stage closed_won)"]
    ]
    apply(back, client)
    assert dates(client) == ["2026-06-30", LATER, *["2026-06-30"] * 4]


def test_undo__goes_back_where_a_closed_deal_was_overwritten(client: Client, before: pd.DataFrame) -> None:
    made = plan(before, later(before))
    client.update("o001", stage="closed_won")
    apply(made, client, on_conflict="overwrite")
    back = undo(client)
    assert back.conflicts.empty
    apply(back, client)
    assert dates(client) == ["2026-06-30"] * 6
