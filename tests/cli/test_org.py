"""`opp-analytics org init` and `org check`: from data to an org file, and what it means in
words."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.cli.org import ORG_COMMANDS
from opp_analytics.crm import Drafted, draft_from_export
from tests.cli.kinds import Account, Command
from tests.support import row

EXPORT = """Opportunity ID,Opportunity Name,Stage,Amount,Close Date,Probability (%),Opportunity Owner,Deal size
1,Alder,Demo,100,11/30/2026,20,Ann,small
2,Birch,Verbal,200,12/15/2026,80,Bo,small
3,Cedar,Signed,400,10/15/2026,100,Ann,large
"""  # noqa: E501


def test_org__has_the_two_commands_of_the_design() -> None:
    assert list(ORG_COMMANDS) == ["init", "check"]


def test_init__from_the_api_lists_its_stages_and_check_reads_them_back(
    command: Command, account: Account, here: Path
) -> None:
    account(
        pd.DataFrame(
            [
                row(1),
                row(2, stage="Pilot", probability=90),
                row(3, stage="closed_won", status="won"),
            ]
        )
    )
    code, out, err = command("org", "init")
    assert (code, err) == (0, "")
    assert "Correct the 1 guess in it, then run: opp-analytics org check\n" in out
    org = oa.Org.read(here / "opp-analytics.toml")
    assert org.stages.open == ("discovery", "qualification", "proposal", "Pilot", "negotiation")
    code, out, _ = command("org", "check")
    assert code == 0
    assert "opp-analytics.toml has no mistakes." in out
    assert "none, so amounts have no sign" in out


def test_init__from_an_export_needs_no_account(command: Command, here: Path) -> None:
    (here / "deals.csv").write_text(EXPORT)
    code, out, err = command("org", "init", "mine.toml", "--from", "deals.csv")
    assert (code, err) == (0, "")
    assert "org check mine.toml" in out
    org = oa.Org.read(here / "mine.toml")
    assert org.columns["Amount"] == "value"
    assert (org.stages.open, org.stages.won) == (("Demo", "Verbal"), ("Signed",))


def test_init__never_replaces_a_file_unasked_and_then_replaces_it_whole(
    command: Command, account: Account, here: Path
) -> None:
    account(pd.DataFrame([row(1)]))
    # A file with a mistake does not keep a new one from being written.
    (here / "opp-analytics.toml").write_text('currency = "Euro"\n')
    code, _, err = command("org", "init")
    assert (code, (here / "opp-analytics.toml").read_text()) == (1, 'currency = "Euro"\n')
    assert "opp-analytics.toml exists" in err
    assert "--force" in err
    assert command("org", "init", "--force")[0] == 0
    assert oa.Org.read(here / "opp-analytics.toml").currency is None
    assert [file.name for file in here.iterdir()] == ["opp-analytics.toml"]


def test_check__says_every_part_in_words(command: Command, here: Path) -> None:
    (here / "opp-analytics.toml").write_text(
        """
currency = "EUR"
timezone = "Europe/Berlin"
fiscal_year_start = 2
record_url = "https://crm.example.com/{unique_id}"
stages = [
  {name = "Demo", kind = "open", probability = 20, category = "best_case", aliases = ["Call"]},
  {name = "Signed", kind = "won"},
]
[columns]
"Name" = ["unique_id", "name"]
[api.columns]
total = "value"
[people]
rows = [
  {owner_name = "Ann", team = "East"},
  {owner_name = "Bo", team = "East"},
  {owner_name = "Bo", team = "West", from_date = 2026-07-01},
]
[targets]
rows = [{period = "2027Q4", target = 500000}, {period = "2027Q3", team = "East", target = 1000}]
[report]
by = "team"
"""
    )
    code, out, _ = command("org", "check")
    assert code == 0
    said = {" ".join(line.split()) for line in out.splitlines()}
    assert "Demo open 20% best case Call" in said
    for line in (
        "currency euros (EUR)",
        "time zone Europe/Berlin",
        "people 2 people, 2 teams (East and West), 1 move",
        "targets 2 targets, 2027Q3 to 2027Q4",
        "exports Name → unique_id and name",
        "API total → value",
        "report by = team",
        "links https://crm.example.com/{unique_id}",
    ):
        assert line in said
    assert "year begins in February; today is in FY" in " ".join(out.split())


def test_check__lists_every_mistake_with_its_line(command: Command, here: Path) -> None:
    (here / "opp-analytics.toml").write_text(
        'currency = "Euro"\nfiscal_year_start = -2\nstagse = []\n'
    )
    code, out, err = command("org", "check")
    assert (code, out) == (1, "")
    for words in (
        "3 mistakes",
        "line 1: currency = 'Euro'",
        "line 2: fiscal_year_start = -2",
        "did you mean stages?",
    ):
        assert words in err


def test_check__of_no_file_says_how_to_make_one(command: Command, here: Path) -> None:
    code, _, err = command("org", "check")
    assert code == 1
    assert "there is no opp-analytics.toml; write one with: opp-analytics org init" in err


def test_init__update_reads_the_export_with_the_columns_of_the_file_and_keeps_what_is_in_it(
    command: Command, here: Path
) -> None:
    mine = (
        '# Mine\ncurrency = "EUR"  # net\n\n[columns]\n"Nr" = "unique_id"\n"Phase" = "stage"  # '
        "theirs\n"
    )
    (here / "opp-analytics.toml").write_text(mine)
    (here / "deals.csv").write_text("Nr,Phase,deal value\n1,Demo,5\n2,Gewonnen,7\n")
    code, out, err = command("org", "init", "--update", "--from", "deals.csv")
    assert (code, err) == (0, "")
    assert "Added to opp-analytics.toml. Correct the 3 guesses in it" in out
    text = (here / "opp-analytics.toml").read_text()
    assert [line for line in mine.splitlines() if line not in text.splitlines()] == []
    org = oa.Org.read(here / "opp-analytics.toml")
    assert (org.stages.open, org.stages.won, org.currency) == (("Demo",), ("Gewonnen",), "EUR")
    code, out, _ = command("org", "init", "--update", "--from", "deals.csv")
    assert (code, (here / "opp-analytics.toml").read_text()) == (0, text)
    assert "Nothing new: opp-analytics.toml stays as it is." in out


def test_init__leaves_a_file_that_another_session_wrote_in_the_meantime(
    command: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "deals.csv").write_text(EXPORT)

    def draft(*arguments: object, **options: object) -> Drafted:
        drafted = draft_from_export(*arguments, **options)  # type: ignore[arg-type]
        (here / "opp-analytics.toml").write_text('currency = "EUR"\n')
        return drafted

    monkeypatch.setattr("opp_analytics.cli.org.draft_from_export", draft)
    code, _, err = command("org", "init", "--from", "deals.csv")
    assert (code, (here / "opp-analytics.toml").read_text()) == (1, 'currency = "EUR"\n')
    assert "was changed by another program in the meantime" in err
    assert len(list(here.iterdir())) == 2


def test_init__says_two_products_that_the_labels_fit_equally(command: Command, here: Path) -> None:
    (here / "deals.csv").write_text(
        "Deal Name,Deal Stage,Closing Date,Amount\nAcme,discovery,2026-12-01,5\n"
    )
    code, out, _ = command("org", "init", "--from", "deals.csv")
    assert code == 0
    assert out.startswith(
        "The labels fit hubspot and zoho equally: choose one with --org, or with preset ="
    )
    assert oa.Org.read(here / "opp-analytics.toml").columns["Closing Date"] == "close_date"
