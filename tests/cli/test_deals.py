"""The commands for single opportunities."""

from __future__ import annotations

import io
import json

import pytest

import opp_analytics as oa
from tests.cli.deals import deals
from tests.cli.kinds import Account, Command


@pytest.fixture
def asked(account: Account) -> oa.Client:
    """A client of the tenant that the commands use."""
    return account(deals().assign(owner_name="Ann"))


def test_get__shows_every_attribute(command: Command, asked: oa.Client) -> None:
    code, said, _ = command("get", "o001")
    assert code == 0
    for text in ("unique id", "o001", "Deal 1", "1,100", "proposal", "owner name", "Ann"):
        assert text in said
    (row,) = json.loads(command("get", "o001", "--json")[1])["rows"]
    assert (row["unique_id"], row["value"], row["close_date"][:10]) == (
        "o001",
        1100.0,
        "2026-06-30",
    )
    code, _, said = command("get", "nobody")
    assert code == 1
    assert "no opportunity 'nobody'" in said
    assert "`opp-analytics search TEXT` lists those there are" in said


def test_search__lists_a_page_of_deals_or_of_the_trash(command: Command, asked: oa.Client) -> None:
    code, said, _ = command("search", "Deal", "--page-size", "4", "--sort", "-value")
    assert code == 0
    assert "4 of 6 opportunities" in said
    assert "page 1 of 2" in said
    assert said.index("Deal 5") < said.index("Deal 2")
    assert "Deal 1" not in said
    asked.delete("o003")
    rows = json.loads(command("search", "Deal", "--deleted", "--json")[1])["rows"]
    assert [row["unique_id"] for row in rows] == ["o003"]
    assert command("search", "nothing like it")[1] == "No opportunity matches 'nothing like it'.\n"
    assert (
        command("search", "Deal", "--page", "9")[1] == "No opportunity on page 9 matches 'Deal'.\n"
    )
    code, said, _ = command("search", "nothing like it", "--deleted", "--json")
    assert (code, json.loads(said)["rows"]) == (0, [])


def test_search__shows_ids_first_and_whole_however_narrow(
    command: Command, asked: oa.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    header, row = command("search", "Deal", "--page-size", "1")[1].splitlines()[2:4]
    assert header.startswith("unique_id  name")
    assert row.startswith("o00")


def test_update__shows_old_and_new_asks_and_can_be_undone(
    command: Command, asked: oa.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    edits = (
        "update",
        "o001",
        "value=$45k",
        "Stage=Closed Won",
        "close_date=12/31/2026",
        "owner_name=Ben",
    )
    code, said, _ = command(*edits, "--dry-run")
    assert (code, asked.get("o001")["value"]) == (0, 1100)
    assert "1,100" in said
    assert "45,000" in said
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert command(*edits)[0] == 1
    assert asked.get("o001")["value"] == 1100

    code, said, _ = command(*edits, "--yes")
    assert code == 0
    assert "4 applied (changes of 1 opportunity)" in said
    assert f"To undo it: opp-analytics undo {oa.runs()['run_id'].iloc[0]}" in said
    deal = asked.get("o001")
    assert [deal[name] for name in ("value", "stage", "close_date", "owner_name")] == [
        45_000,
        "closed_won",
        "2026-12-31",
        "Ben",
    ]
    assert "Nothing to send" in "".join(command(*edits, "--yes")[1:])
    code, said, _ = command("update", "o001", "close_date=", "--yes")
    assert (code, "1 cell cleared\n" in said, "--clear-nulls" in said) == (0, True, False)
    assert asked.get("o001")["close_date"] is None

    oa.apply(oa.undo(asked), asked, progress=False)
    assert asked.get("o001")["close_date"] == "2026-12-31"


def test_create__makes_one_deal(command: Command, asked: oa.Client) -> None:
    code, said, _ = command(
        "create", "name=Acme renewal", "value=12k", "owner_name=Ben", "--yes", "--json"
    )
    assert code == 0
    (made,) = {row["unique_id"] for row in json.loads(said)["rows"]}
    deal = asked.get(made)
    assert [deal[name] for name in ("name", "value", "owner_name")] == [
        "Acme renewal",
        12_000,
        "Ben",
    ]
    assert oa.own_writes(asked)["unique_id"].tolist() == [made]


def test_delete_recover__go_by_the_journal(command: Command, asked: oa.Client) -> None:
    code, said, _ = command("delete", "o001", "o002", "--yes")
    assert (code, "--allow-delete" in said, "2 deletes" in said) == (0, False, True)
    assert {row["unique_id"] for row in asked.list_deleted().rows} == {"o001", "o002"}
    code, said, _ = command("recover", "o002", "--yes")
    assert code == 0
    assert "1 applied" in said
    assert asked.get("o002")["name"] == "Deal 2"
    assert len(oa.runs()) == 2


@pytest.mark.parametrize(
    ("edits", "says"),
    [
        (["stage"], "'stage' is not FIELD=VALUE; write for example stage=proposal"),
        (["stge=proposal"], "no field 'stge'; did you mean 'stage'?"),
        (["stage=proposal", "Stage=discovery"], "stage is given twice"),
        (
            ["probability=140"],
            "Error: probability=140 is not between 0 and 100; write a whole percentage such as 60",
        ),
        (["probability=0.8"], "probability='0.8' may mean 80% or 0.8%; type the sign: 80%"),
        (["value=45.000"], "Error: value='45.000' may mean 45,000 or 45; type 45000 or 45"),
        (["value=€45.000"], "Error: value='€45.000' may mean 45,000 or 45; type 45000 or 45"),
        (["value=CHF 45.000"], "Error: value='CHF 45.000' may mean 45,000 or 45; type 45000 or 45"),
        (
            ["close_date=03/04/2027"],
            "close_date='03/04/2027' may mean Mar 4, 2027 or Apr 3, 2027; write it as 2027-03-04",
        ),
        (
            ["close_date=soon", "stage=won?"],
            "close_date='soon' is not a date; try 12/31/2026 or 2026-12-31",
        ),
        (["unique_id=x"], "unique_id is set by the server; leave it out"),
    ],
)
def test_update__refuses_what_it_cannot_read_before_anything_is_sent(
    command: Command, asked: oa.Client, edits: list[str], says: str
) -> None:
    before = asked.get("o001")
    for target in (["update", "o001"], ["create", *(["name=New"] if "=" in edits[0] else [])]):
        code, out, err = command(*target, *edits, "--yes")
        assert code == 1
        assert says in " ".join((out + err).split())
    assert (asked.get("o001"), asked.list().total_records, len(oa.runs())) == (before, 6, 0)


def test_recover__of_a_live_or_unknown_deal_says_where_the_trash_is_listed(
    command: Command, asked: oa.Client
) -> None:
    code, out, err = command("recover", "o001", "nobody", "o001", "--yes")
    way_out = "is not in the trash; `opp-analytics search --deleted TEXT` lists what is"
    assert (code, out) == (1, "")
    assert err == f"Error: 'o001' {way_out}\n  'nobody' {way_out}\n"


def test_delete__needs_every_id_to_be_known(command: Command, asked: oa.Client) -> None:
    code, _, said = command("delete", "o001", "nobody", "--yes")
    assert code == 1
    assert "nobody" in said
    assert asked.get("o001")["unique_id"] == "o001"


def test_commands__without_a_terminal_send_nothing(
    command: Command, asked: oa.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, _, said = command("delete", "o001")
    assert code == 1
    assert "Use --yes in scripts" in said
    assert asked.get("o001")["unique_id"] == "o001"
