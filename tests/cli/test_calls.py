"""`opp-analytics call` and `calls`: a number submitted in one line, and what was submitted."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from tests.cli.kinds import Command
from tests.support import row

ORG = (
    'currency = "USD"\nfiscal_year_start = 2\n[people]\nrows = [{owner_name = "Ann", team = '
    '"East"}]\n'
)


@pytest.fixture
def org(here: Path) -> Path:
    (here / "opp-analytics.toml").write_text(ORG)
    return here / "opp-analytics.toml"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "Ann 2099-12 $450,000 --best 520k",
            "Ann calls $450,000, at best $520,000 for December 2099.",
        ),
        ("Bob Dec-99 1.2M --for Ann", "Bob calls $1,200,000 for Ann, December 2099."),
        ("Bob FY99Q4 1bn --team East", "Bob calls $1,000,000,000 for team East, FY99 Q4."),
        ("Bob 2099-W01 0 --whole", "Bob calls $0 for everyone, the week of Dec 29, 2098."),
    ],
)
def test_call__says_what_was_called_and_for_whom(
    command: Command, org: Path, words: str, said: str
) -> None:
    new = "Bob is a new caller.\n" * said.startswith("Bob")
    assert command("call", *words.split()) == (0, f"{said}\n{new}", "")
    assert len(oa.calls(oa.Org.read(org))) == 1


def test_call__says_what_it_replaces_and_withdraws(command: Command, org: Path) -> None:
    command("call", "Ann", "2099-12", "430k", "--made-on", "2025-12-01")
    assert command(
        "call", "Ann", "2099-12", "450k", "--made-on", "2025-12-08", "--reason", " Oak\nsigned "
    )[1] == ("Ann calls $450,000 for December 2099 (was $430,000 on Dec 1).\n")
    assert (
        "A later call of the same number stays in force."
        in command("call", "Ann", "2099-12", "1", "--made-on", "2025-12-02")[1]
    )
    assert command("call", "Ann", "2099-12", "-", "--made-on", "2025-12-09")[1] == (
        "Ann withdraws the call for December 2099 (was $450,000 on Dec 8).\n"
    )
    calls = oa.calls(oa.Org.read(org))
    assert calls["reason"].tolist()[1] == "Oak signed"
    assert not calls["in_force"].any()
    assert command("call", "Ann", "2099-12", "-", "--made-on", "2025-12-10")[1] == (
        "Ann withdraws the call for December 2099 (none was in force).\n"
    )


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (
            "Anne 2099-12 1",
            1,
            (
                "owner_name 'Anne': nobody under [people] of the org, and owner of no deal; did "
                "you mean 'Ann'? Correct it"
            ),
        ),
        ("Bob 2099-12 1", 1, "for another's number use --for, --team or --whole"),
        ("Ann 2099-12 1 --for Bo", 1, "owner_name 'Bo': nobody under [people]"),
        (
            "Ann 2099-12 1 --team Est",
            1,
            "team 'Est': nobody under [people] is in this team; did you mean East?",
        ),
        ("Ann 2099-12 1 --made-on 2098-01-01", 1, "made_on 2098-01-01: in the future"),
        ("Ann 2099-12 5 --besst 6", 2, "--besst"),
        ("Ann 2099-12 much", 2, "'much' is not an amount"),
        ("Ann 2099-12", 2, "Missing argument"),
        ("Ann 2099-12 1 --for Ann --whole", 2, "use one of --for, --team and --whole"),
        ("Ann 2099-12 1 --reason =1+1", 2, "is a formula to a spreadsheet"),
        ("Ann 2099-12 1 --reason=-cmd|x", 2, "is a formula to a spreadsheet"),
        ("Ann 2099-12 1 --reason caf\udce9", 2, "a text is not in UTF-8"),
        (
            "Ann 2099-12 1 --org none.toml",
            1,
            "there is no none.toml; write one with: opp-analytics org init",
        ),
    ],
)
def test_call__refuses_by_name_and_writes_nothing(
    command: Command, org: Path, words: str, code: int, says: str
) -> None:
    found = command("call", *words.split())
    assert found[0] == code
    assert says in " ".join(found[2].replace("│", " ").split())
    assert [path.name for path in org.parent.iterdir()] == ["opp-analytics.toml"]


def test_call__knows_the_owners_of_a_history(command: Command, org: Path) -> None:
    oa.History(org.parent / "opp-history").record(
        pd.DataFrame([row(1, owner_name="Cy")]), at="2026-03-02T08:00Z"
    )
    assert command("call", "Cy", "2099-12", "1")[0] == 0
    assert command("call", "Di", "2099-12", "1")[0] == 1


def test_calls__lists_those_in_force_or_all(command: Command, org: Path) -> None:
    assert "No calls yet. Make one with:" in command("calls", "--list")[1]
    for amount, day in (("430k", "2025-12-01"), ("450k", "2025-12-08")):
        command("call", "Ann", "2099-12", amount, "--made-on", day)
    command("call", "Bob", "2099-12", "400k", "--for", "Ann", "--made-on", "2025-12-09")
    lines = command("calls", "--list")[1].splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["Dec", "9,", "2025", "Dec", "2099", "Bob", "Ann", "$400,000"],
        ["Dec", "8,", "2025", "Dec", "2099", "Ann", "Ann", "$450,000"],
    ]
    table = json.loads(command("calls", "--list", "--all", "--json")[1])
    assert [(each["commit"], each["in_force"]) for each in table["rows"]] == [
        (430e3, False),
        (450e3, True),
        (400e3, True),
    ]
    assert "calls      3 calls of 2 callers, 2099-12\n" in command("org", "check")[1]


def test_call__knows_a_week_by_its_number(command: Command, org: Path) -> None:
    command("call", "Dana Whitfield", "2099-W01", "1", "--for", "Ann")
    assert "new caller" not in command("call", "Dana Whitfield", "2099-W01", "2", "--for", "Ann")[1]
    assert oa.calls(oa.Org.read(org))["in_force"].tolist() == [False, True]
    assert "2099-W01,Dana" in (org.parent / "calls.csv").read_text()
    assert "2099-W01" in command("calls", "--list")[1]


def test_calls__says_which_are_withdrawn(command: Command, org: Path) -> None:
    command("call", "Ann", "2099-12", "430k", "--reason", "a long reason " * 20)
    command("call", "Ann", "2099-12", "-")
    assert command("calls", "--list")[1] == "All calls are withdrawn; --all lists them.\n"
    out = command("calls", "--list", "--all")[1]
    assert "withdrawn" in out
    assert "$430,000" in out


def test_calls__without_an_org_file_names_the_command_that_writes_one(
    command: Command, here: Path
) -> None:
    assert "org init" in command("calls")[1]


def test_check__names_near_names_of_calls(command: Command, org: Path) -> None:
    rows = "made_on,period,caller,owner_name,commit\n2025-12-01,2099-12,Bob,,1\n2025-12-01,2099-12,Bob,Anne,1\n"  # noqa: E501
    (org.parent / "calls.csv").write_text(rows)
    org.write_text(ORG + '[calls]\nfile = "calls.csv"\n')
    out = command("org", "check")[1]
    assert "calls.csv line 3: owner_name = 'Anne'" in out
    assert "did you mean 'Ann'?" in out


def test_calls__kept_as_rows_move_to_a_file_as_the_error_says(command: Command, org: Path) -> None:
    rows = (
        '[calls]\nrows = [{made_on = 2025-12-01, period = "2099-12", caller = "Ann", owner_name '
        '= "Ann", commit = "430k"}]\n'
    )
    org.write_text(ORG + rows)
    code, _, err = command("call", "Ann", "2099-12", "450k")
    assert (code, "calls --list --all --out calls.csv" in err) == (1, True)
    before = oa.calls(oa.Org.read(org))
    assert command("calls", "--list", "--all", "--out", "calls.csv")[0] == 0
    org.write_text(ORG + '[calls]\nfile = "calls.csv"\n')
    assert oa.calls(oa.Org.read(org)).equals(before)
    assert "(was $430,000 on Dec 1)" in command("call", "Ann", "2099-12", "450k")[1]
