"""The practice files: what they say is what the team of the same seed did."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

import opp_analytics as oa
from opp_analytics.sandbox import SandboxError, SandboxValueError, salesforce_files

TODAY = date(2026, 11, 23)


def rows_of(file: Path) -> list[dict[str, str]]:
    lines = file.read_text().partition("\n\n")[0].splitlines()
    return list(csv.DictReader(lines))


def test_salesforce_files__hold_the_deals_of_the_team(tmp_path: Path) -> None:
    files = salesforce_files(tmp_path / "new", weeks=8, today=TODAY)
    deals = rows_of(files.opportunities)
    with (
        oa.sandbox.start(weeks=8, today=TODAY) as server,
        oa.Client(server.url, server.token, server.api_key) as client,
    ):
        team = oa.load(client, progress=False).set_index("name")
    assert sorted(deal["Opportunity Name"] for deal in deals) == sorted(team.index)
    one = next(deal for deal in deals if deal["Stage"] == "Closed Won")
    theirs = team.loc[[one["Opportunity Name"]]]
    assert f"${theirs['value'].iloc[0]:,.2f}" == one["Amount"]
    closed = theirs["close_date"].iloc[0]
    assert one["Close Date"] == f"{closed.month}/{closed.day}/{closed.year}"
    assert all(len(deal["Opportunity ID"]) == 15 for deal in deals)
    assert len({deal["Opportunity ID"] for deal in deals}) == len(deals)


def test_salesforce_files__changes_lead_from_the_creation_to_the_deal(tmp_path: Path) -> None:
    files = salesforce_files(tmp_path, weeks=8, today=TODAY)
    deals = {deal["Opportunity ID"]: deal for deal in rows_of(files.opportunities)}
    changes = rows_of(files.field_history)[::-1]
    assert {
        change["Opportunity ID"] for change in changes if change["Field / Event"] == "Created."
    } == set(deals)
    last: dict[tuple[str, str], str] = {}
    for change in changes:
        key = change["Opportunity ID"], change["Field / Event"]
        assert last.get(key, change["Old Value"]) == change["Old Value"]
        last[key] = change["New Value"]
    del_created = {key: value for key, value in last.items() if key[1] != "Created."}
    assert {key: deals[key[0]][key[1]] for key in del_created} == del_created
    assert len(del_created) > 20


def test_salesforce_files__are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    one, other = (salesforce_files(tmp_path / name, weeks=2, today=TODAY) for name in "ab")
    assert one.opportunities.read_bytes() == other.opportunities.read_bytes()
    assert one.field_history.read_bytes() == other.field_history.read_bytes()
    third = salesforce_files(tmp_path / "c", weeks=2, today=TODAY, seed=2)
    assert third.opportunities.read_bytes() != one.opportunities.read_bytes()


def test_salesforce_files__refuse(tmp_path: Path) -> None:
    with pytest.raises(SandboxValueError, match="weeks"):
        salesforce_files(tmp_path, weeks=-1)
    (tmp_path / "file").touch()
    with pytest.raises(SandboxError, match="cannot write into"):
        salesforce_files(tmp_path / "file", weeks=0)
