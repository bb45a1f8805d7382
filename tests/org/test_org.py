"""`Org`: what it says, what it refuses, and how it travels with a frame."""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.org import Org, read_folder_org
from opp_analytics.org.org import day_of, money_of

SETTINGS: dict[str, Any] = {
    "currency": "EUR",
    "timezone": "Europe/Berlin",
    "fiscal_year_start": 2,
    "stages": [
        {
            "name": "Demo",
            "kind": "open",
            "probability": 20,
            "category": "pipeline",
            "aliases": ["Call"],
        },
        {"name": "Verbal", "kind": "open", "probability": 80},
        {"name": "Signed", "kind": "won"},
        {"name": "Dead", "kind": "lost"},
        {"name": "Spam", "kind": "disqualified"},
    ],
    "people": [
        {"owner_name": "Ann", "team": "East"},
        {"owner_name": "Ann", "team": "West", "from_date": "2026-07-01"},
        {"owner_name": "Bo", "team": "East", "region": "EU"},
    ],
    "targets": [
        {"period": "2027Q4", "owner_name": "Ann", "target": 1000.0},
        {"period": "2027Q4", "target": 5000.0},
    ],
    "columns": {"Amount": "value", "Name": ["unique_id", "name"]},
    "api_columns": {"total": "value"},
    "report": {"by": "owner_name", "alert_when": "p_target < 0.5"},
}

FILE = """
preset = "salesforce"
currency = "USD"
timezone = "America/Chicago"
fiscal_year_start = 2
record_url = "https://crm.example.com/opportunities/{unique_id}"
stages = [ {name = "Demo", kind = "open", probability = 20, category = "pipeline", aliases = ["Discovery call"]},
           {name = "Verbal", kind = "open", probability = 80, category = "commit"},
           {name = "Signed", kind = "won"}, {name = "Dead", kind = "lost"} ]
[columns]
"Deal size" = "value"
[api.columns]
total = "value"
[people]
file = "people.csv"
[targets]
file = "targets.csv"
[report]
by = "owner_name"
freq = "M"
alert_when = "p_target < 0.5"
"""  # noqa: E501


def test_org__without_settings_has_the_six_stages_of_the_api() -> None:
    org = oa.Org()
    assert org.stages.names[:2] == ("discovery", "qualification")
    assert (org.currency, org.timezone, org.fiscal_year_start) == (None, None, 1)
    assert (org.people.empty, org.targets.empty) == (True, True)


def test_org__is_its_own_dict_again_and_cannot_be_changed() -> None:
    org = oa.Org(**SETTINGS)
    assert oa.Org(**org.to_dict()) == org == pickle.loads(pickle.dumps(org)) == copy.deepcopy(org)
    assert hash(org) == hash(oa.Org(**SETTINGS))
    with pytest.raises(AttributeError):
        org.currency = "USD"  # type: ignore[misc]
    with pytest.raises(TypeError):
        org.columns["Amount"] = "name"  # type: ignore[index]


def test_read__takes_file_tables_and_preset(tmp_path: Path) -> None:
    file = tmp_path / "opp-analytics.toml"
    file.write_text(FILE)
    (tmp_path / "people.csv").write_text(
        "\ufeffowner_name,team,region,from_date\nAnn,East,,\nAnn,West,US,2026-07-01\n"
    )
    (tmp_path / "targets.csv").write_text(
        'period,owner_name,target\n2027Q4,Ann,"$1,200,000"\n2027Q4,,2000000\n'
    )
    org = oa.Org.read(file)
    assert (org.currency, org.timezone, org.fiscal_year_start) == ("USD", "America/Chicago", 2)
    assert org.stages.names == (
        "Demo",
        "Verbal",
        "Signed",
        "Dead",
    )  # those of the preset are replaced whole
    assert org.columns["Deal size"] == org.columns["Amount"] == "value"  # its columns are merged
    assert org.api_columns == {"total": "value"}
    assert org.people["team"].tolist() == ["East", "West"]
    assert org.people["from_date"].tolist() == [pd.NaT, pd.Timestamp("2026-07-01")]
    assert org.targets["target"].tolist() == [1_200_000, 2_000_000]
    assert org.targets["owner_name"].isna().tolist() == [False, True]
    assert org.targets.attrs["file"] == "targets.csv"
    assert org.report == {"by": "owner_name", "freq": "M", "alert_when": "p_target < 0.5"}


BAD = """curency = "USD"
timezone = "America/Chicagoo"
fiscal_year_start = -2
record_url = 12
stages = [
  {name = "Demo", kind = "opne", probability = 120, aliases = ["Verbal"]},
  {name = "Demo", kind = "open"},
  {name = "Verbal", kind = "open", aliases = ["Demo", "X"]},
  {kind = "won"},
  {name = "Won", kind = "won", aliases = ["X"]},
]
[columns]
"Amount" = 3
"Name" = []
currency = "USD"
stages = [{name = "Demo", kind = "open"}]
[api.columns]
total = "value"
budget = "value"
[people]
file = "people.csv"
[targets]
rows = [{period = "2027-13", target = -1}, {period = "2027Q1", owner_name = "Ann", team = "East", target = 1}]
[report]
fre = "M"
"""  # noqa: E501


def test_read__finds_every_mistake_at_once_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "opp-analytics.toml"
    file.write_text(BAD)
    (tmp_path / "people.csv").write_text("owner_name,taem,from_date\nAnn,East,\n,East,soon\n")
    with pytest.raises(oa.errors.OrgError) as caught:
        oa.Org.read(file)
    found = {(problem.key, problem.line): problem for problem in caught.value.problems}
    assert set(found) == {
        ("curency", 1),
        ("timezone", 2),
        ("fiscal_year_start", 3),
        ("record_url", 4),
        ("stages[0].kind", 6),
        ("stages[0].probability", 6),
        ("stages[0].aliases[0]", 6),
        ("stages[1].name", 7),
        ("stages[2].aliases[0]", 8),
        ("stages[3].name", 9),
        ("stages[4].aliases[0]", 10),
        ("columns.Amount", 13),
        ("columns.Name", 14),
        ("columns.currency", 15),
        ("columns.stages", 16),
        ("api.columns.total", 18),
        ("api.columns.budget", 19),
        ("people.file", None),
        ("owner_name", 3),
        ("from_date", 3),
        ("targets.rows[0].period", 23),
        ("targets.rows[0].target", 23),
        ("targets.rows[1].team", 23),
        ("report.fre", 25),
    }
    said = str(caught.value)
    assert f"{file}: 25 mistakes" in said
    assert "line 1: curency = 'USD': unknown key; did you mean currency?" in said
    assert "stages[0].kind = 'opne': did you mean open? use open, won, lost or disqualified" in said
    assert (
        "columns.stages = [{'name': 'Demo', 'kind': 'open'}]: stages is no column; move the line "
        "above"
    ) in said
    assert "people.csv line 3: from_date = 'soon': use a date" in said
    assert (
        """'people.csv': the file has "owner_name", "taem", "from_date"; is "taem" the team?"""
        in said
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            ".".join("a" * 900_000) + " = 1",
            "a key has more than 64 parts; use keys such as report.by",
        ),
        ("[" + ".".join(['"a b"'] * 100_000) + "]", "a key has more than 64 parts"),
        (
            "currency = " + "[" * 100_000 + "]" * 100_000,
            "lists or tables are too deep within each other",
        ),
        (
            "currency = " + "{a = " * 100_000 + "1" + "}" * 100_000,
            "lists or tables are too deep within each other",
        ),
        (
            "currency = " + ("{" + ".".join("a" * 60) + " = ") * 200 + "1" + "}" * 200,
            "line 1: currency = "
            if sys.version_info >= (3, 14)
            else "lists or tables are too deep",
        ),
        ("currency = " + "[" * 300 + "]" * 300, "currency = [[[[["),
        ("x" * 1_900_000, "not TOML: "),
        ("#" * 2_000_001, "opp-analytics.toml has more than 2,000,000 bytes; name a smaller file"),
    ],
)
def test_read__of_a_deep_or_large_file_names_it_at_once(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "opp-analytics.toml"
    file.write_text(text)
    begun = time.process_time()
    with pytest.raises(oa.errors.OrgError) as refused:
        oa.Org.read(file)
    assert time.process_time() - begun < 10
    assert str(file) in str(refused.value)
    assert says in str(refused.value)


@pytest.mark.posix
def test_read_folder_org__refuses_a_pipe_in_the_place_of_the_org_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "opp-analytics.toml")
    with pytest.raises(
        oa.errors.OrgError, match="opp-analytics.toml is a pipe, and a pipe is not read"
    ):
        read_folder_org(tmp_path)


def test_read__of_a_long_file_finds_the_lines_of_its_mistakes(tmp_path: Path) -> None:
    file = tmp_path / "opp-analytics.toml"
    rows = [f'  {{owner_name = "P{number}", team = "East"}},' for number in range(3_000)]
    rows[10], rows[2_000] = (
        "  {owner_name = 5},",
        '  {owner_name = "Ann",  team = "", region = """\nUS"""},',
    )
    file.write_text("\n".join(["[people]", "rows = [", *rows, "]", "[report]", "freq = 5"]))
    begun = time.process_time()
    with pytest.raises(oa.errors.OrgError) as refused:
        oa.Org.read(file)
    assert time.process_time() - begun < 20
    assert [(problem.key, problem.line) for problem in refused.value.problems] == [
        ("people.rows[10].owner_name", 13),
        ("people.rows[2000].team", 2003),
        ("report.freq", 3006),
    ]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"stages": []}, "stages = []: use a list with at least one stage"),
        ({"stages": [{"name": "A", "kind": "open", "aliases": ["A"]}]}, "means 'A' already"),
        ({"currency": "dollars"}, "not a currency"),
        ({"preset": "salesfroce"}, "did you mean salesforce"),
        ({"record_url": "https://crm.example.com/"}, "{unique_id}"),
        ({"fiscal_year_start": True}, "use the number of a month"),
        (
            {
                "people": [
                    {"owner_name": "Ann", "team": "East"},
                    {"owner_name": "Ann", "team": "West"},
                ]
            },
            "people.rows[1].owner_name = 'Ann': a second row of this person from the same date; "
            "keep one, or date the move by from_date",
        ),
        (
            {
                "people": [{"owner_name": "Ann", "team": "East"}],
                "targets": [{"period": "2026-11", "team": "Esat", "target": 5}],
            },
            (
                "targets.rows[0].team = 'Esat': nobody under [people] is in this team; did you "
                "mean East? the teams are East"
            ),
        ),
        (
            {
                "stages": [
                    {"name": "A", "kind": "open", "pipeline": "x"},
                    {"name": "A", "kind": "won", "pipeline": "y"},
                ]
            },
            "'A' is 'open' in another pipeline",
        ),
    ],
)
def test_org__refuses_what_no_org_can_be(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(oa.errors.OrgError) as caught:
        oa.Org(**settings)
    assert says in str(caught.value)
    assert isinstance(caught.value, (oa.errors.ConfigError, ValueError))


@pytest.mark.parametrize("content", [b"stages = [", b"\xff\xfe", None])
def test_read__refuses_what_is_no_file_of_toml(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "opp-analytics.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(oa.errors.OrgError, match="1 mistake"):
        oa.Org.read(file)


def test_presets__have_stages_of_all_that_is_needed() -> None:
    for org in (oa.Org.salesforce(), oa.Org.hubspot()):
        assert (org.stages.won, org.stages.lost) == (("Closed Won",), ("Closed Lost",))
    assert oa.Org.hubspot().stages.kinds.get("closedwon") == "won"
    assert oa.Org.pipedrive(currency="EUR").currency == "EUR"
    assert oa.Org(preset="zoho").stages.lost == ("Closed Lost", "Closed-Lost to Competition")
    assert oa.Org(preset="dynamics").stages.kinds.get("2-Develop") == "open"


def deals() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unique_id": ["a", "b", "c", "d"],
            "stage": ["Call", "Signed", "Spam", "Hm"],
            "close_date": ["2026-08-01", "2026-06-30", "2026-06-30", None],
            "owner_name": ["Ann", "Ann", "Bo", "Cy"],
        },
        index=[5, 6, 7, 8],
    )


def test_apply__gives_stages_their_meaning_and_owners_their_team() -> None:
    frame = deals()
    frame.attrs["load"] = {"fetched_at": "2026-07-15T10:00:00Z"}
    applied = oa.Org(**SETTINGS).apply(frame)
    assert applied["stage"].tolist() == ["Demo", "Signed", "Spam", "Hm"]
    assert list(applied["stage"].cat.categories) == [
        "Demo",
        "Verbal",
        "Signed",
        "Dead",
        "Spam",
        "Hm",
    ]
    assert oa.outcomes(applied).tolist() == ["open", "won", "disqualified", "unknown"]
    # Ann moved to West on July 1: her won deal of June stays East, her open one is West at the load
    # in July.
    assert applied["team"].fillna("").tolist() == ["West", "East", "East", ""]
    assert applied["region"].fillna("").tolist() == ["", "", "EU", ""]
    assert applied.index.tolist() == [5, 6, 7, 8]
    assert "team" not in frame


def test_apply__is_undone_by_nothing_that_keeps_attrs(tmp_path: Path) -> None:
    org = oa.Org(**SETTINGS)
    frame = org.apply(deals())
    frame.to_parquet(tmp_path / "deals.parquet")
    for kept in (
        frame[frame["stage"] == "Signed"],
        frame.copy(),
        frame.assign(x=1),
        pickle.loads(pickle.dumps(frame)),
        pd.read_parquet(tmp_path / "deals.parquet"),
        pd.concat([frame, frame]),
    ):
        assert kept.attrs["org"] == frame.attrs["org"]
        assert (oa.outcomes(kept)[kept["stage"] == "Signed"] == "won").all()
    assert org.apply(frame)["team"].equals(frame["team"])


def test_apply__gives_each_frame_attrs_of_its_own() -> None:
    org = oa.Org(**SETTINGS)
    frame, other = org.apply(deals()), org.apply(deals())
    copy, known = frame.copy(), dict(other.attrs["org"])
    copy.attrs["org"]["currency"] = "XXX"
    copy.attrs["org"]["stages"].clear()
    assert frame.attrs["org"] == other.attrs["org"] == org.facts == known
    assert oa.Org.of(frame) is org


def test_apply__refuses_a_team_of_the_frames_own() -> None:
    with pytest.raises(oa.errors.DataError, match=r"column 'team' of its own.*\[columns\]"):
        oa.Org(**SETTINGS).apply(deals().assign(team="North"))


def test_of__refuses_attrs_that_are_no_org() -> None:
    frame = deals()
    frame.attrs["org"] = {"stages": "Demo"}
    with pytest.raises(oa.errors.DataError, match=r'attrs\["org"\] is not an org'):
        oa.outcomes(frame)


def test_from_env__finds_the_org_file_of_the_working_folder_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("BLOCKS_API_URL", "BLOCKS_AUTH_TOKEN", "BLOCKS_API_KEY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1" if name.endswith("URL") else "secret")
    monkeypatch.chdir(tmp_path)
    assert oa.Client.from_env().org is None
    (tmp_path / "opp-analytics.toml").write_text('currency = "EUR"\n')
    with caplog.at_level(logging.INFO, logger="opp_analytics"):
        client = oa.Client.from_env()
    assert client.org is not None
    assert client.org.currency == "EUR"
    assert "opp-analytics.toml" in caplog.text
    assert "opp-analytics.toml" in repr(client)
    # A client made by hand never looks.
    assert oa.Client("http://127.0.0.1:1", "token", "key").org is None
    assert oa.Client.from_env(org=oa.Org(currency="USD")).org == oa.Org(currency="USD")


def test_client__refuses_what_is_no_org() -> None:
    with pytest.raises(oa.errors.ArgumentTypeError, match="org is a str, not an Org"):
        oa.Client("http://127.0.0.1:1", "token", "key", org="opp-analytics.toml")  # type: ignore[arg-type]


def test_money_of__writes_in_the_currency_of_the_org() -> None:
    money = money_of(Org(currency="EUR").apply(pd.DataFrame({"value": [1.0]})))
    assert money(12_000) == "€12K"
    assert money(-500.5, full=True) == "−€500.50"
    assert money_of(pd.DataFrame())(12_000) == "12K"
    assert money_of(pd.DataFrame())(-78.4) == "−78.4"
    assert money_of(pd.DataFrame(), beside=87_000.0)(-78.4) == "−78"


def test_day_of__follows_the_zone_of_the_org() -> None:
    table = Org(timezone="America/Chicago").apply(pd.DataFrame())
    assert str(day_of(table, "2026-03-10T03:00Z").date()) == "2026-03-09"


PEOPLE = [
    {"owner_name": "Ann", "team": "East", "email": "ann@x.com"},
    {"owner_name": "Bo", "team": "East"},
]


def test_org__has_addresses_where_some_are_given_and_in_no_frame(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("Owner,Team,E-Mail\nAnn,East,ann@x.com\nBo,East,\n")
    file = tmp_path / "opp-analytics.toml"
    file.write_text(
        '[people]\nfile = "people.csv"\n[deliver]\nmail_from = "Prévision <f@x.com>"\nmail_to = '
        '["vp@x.com"]\n'
    )
    org = Org.read(file)
    assert org.people["email"].fillna("").tolist() == ["ann@x.com", ""]
    assert dict(org.deliver) == {"mail_from": "Prévision <f@x.com>", "mail_to": ["vp@x.com"]}
    assert Org(**org.to_dict()).to_dict() == org.to_dict()
    assert "email" not in Org(people=[PEOPLE[1]]).people
    applied = org.apply(pd.DataFrame({"unique_id": ["a"], "owner_name": ["Ann"]}))
    assert "x.com" not in "".join([json.dumps(applied.attrs["org"]), repr(org), applied.to_csv()])


@pytest.mark.parametrize(
    ("deliver", "says"),
    [
        (
            {"mail_from": "forecast"},
            "deliver.mail_from = 'forecast': not a mail address; use one such as",
        ),
        ({"mail_from": "Sales, West <f@x.com>"}, "deliver.mail_from = .* not a mail address"),
        ({"mail_from": "A <f@x.com>\nBcc: b@x.com"}, "deliver.mail_from = .* not a mail address"),
        (
            {"mail_to": "vp@x.com"},
            r"deliver.mail_to = 'vp@x.com': use a list of mail addresses, such as \[",
        ),
        (
            {"mail_to": ["vp@x.com", "V <cfo@x.com>"]},
            r"deliver.mail_to\[1\] = 'V <cfo@x.com>': not a mail address",
        ),
        ({"mail_to": ["vp@x.com", 3]}, r"deliver.mail_to\[1\] = 3: use a list of mail addresses"),
        (
            {"teams": {"Est": ["e@x.com"]}},
            "deliver.teams.Est = .*: nobody under .people. is in this team; did you mean East",
        ),
        (
            {"teams": {"East": ["é@x.com"]}},
            r"deliver.teams.East\[0\] = 'é@x.com': not a mail address",
        ),
        (
            {"mail_to": ["vp@x.com"]},
            "deliver.mail_from: missing, and mail needs a sender; use a mail address",
        ),
        (
            {"mail_form": "f@x.com"},
            "deliver.mail_form = 'f@x.com': unknown key; did you mean mail_from",
        ),
    ],
)
def test_org__names_each_address_that_is_none(deliver: dict[str, Any], says: str) -> None:
    with pytest.raises(oa.errors.OrgError, match=says):
        Org(people=PEOPLE, deliver=deliver)


def test_org__refuses_a_second_address_of_a_person() -> None:
    moved = {"owner_name": "Ann", "team": "West", "from_date": "2026-05-01"}
    assert len(Org(people=[*PEOPLE, moved]).people) == 3
    with pytest.raises(
        oa.errors.OrgError,
        match=r"people.rows\[2\].email = 'a@y.com': a second address of Ann, who has ann@x.com",
    ):
        Org(people=[*PEOPLE, {**moved, "email": "a@y.com"}])
    with pytest.raises(
        oa.errors.OrgError, match=r"people.rows\[0\].email = 'ann': not a mail address"
    ):
        Org(people=[{**PEOPLE[0], "email": "ann"}])


def test_read__says_a_mistake_of_every_row_of_a_file_once(tmp_path: Path) -> None:
    rows = "".join(f"{month}.2026,Ann Lee,-5\n" for month in range(1, 13))
    (tmp_path / "quota.csv").write_text(f"Month,Rep,Quota\n{rows}")
    file = tmp_path / "opp-analytics.toml"
    file.write_text('[targets]\nfile = "quota.csv"\n')
    with pytest.raises(oa.errors.OrgError) as refused:
        oa.Org.read(file)
    head, *lines = str(refused.value).splitlines()
    assert head.endswith("12 mistakes")
    assert lines == [
        "  quota.csv line 2: target = -5.0: use an amount of money, 0 or more (and 11 more of its "
        "rows)"
    ]
    assert len(refused.value.problems) == 12
