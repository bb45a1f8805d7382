"""Tables joined to the deals: what they are read as, what they give frames, and what is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.errors import DataError, DataWarning, MissingColumnError, OrgError

ACCOUNTS = (
    "Account ID,Industry,Region,Founded,Seats,Renews\n"
    "A1,Steel,East,1996,1200.5,2026-12-31\n"
    "A2,Food,West,2004,80,2027-03-31\n"
    "A3,Food,,1987,,\n"
)
STAGES = (
    '[{name = "Demo", kind = "open"}, {name = "Won", kind = "won"}, {name = "Lost", kind = "lost"}]'
)


def write_org(folder: Path, *lines: str, **files: str) -> oa.Org:
    """Read an org of three stages with these lines, beside CSV files."""
    for name, content in {"accounts": ACCOUNTS, **files}.items():
        (folder / f"{name}.csv").write_text(content)
    file = folder / "opp-analytics.toml"
    file.write_text("\n".join([f"stages = {STAGES}", *lines]))
    return oa.Org.read(file)


def deals(**columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "unique_id": list("abcd"),
            "account_id": ["A1", "A2", "A3", None],
            "stage": ["Won", "Won", "Lost", "Demo"],
            "value": [100.0, 200.0, 300.0, 400.0],
            "close_date": ["2026-11-02", "2026-11-03", "2026-11-04", "2026-12-20"],
        }
    ).assign(**columns)
    frame.attrs["recorded_at"] = "2026-11-20T09:00:00+00:00"
    return frame


JOIN = ("[join.accounts]", 'file = "accounts.csv"')


def test_apply__adds_the_columns_of_accounts_at_their_types(tmp_path: Path) -> None:
    frame = write_org(tmp_path, *JOIN).apply(deals())
    assert frame["Industry"].fillna("").tolist() == ["Steel", "Food", "Food", ""]
    assert frame["Region"].fillna("").tolist() == ["East", "West", "", ""]
    assert str(frame["Founded"].dtype) == "Int64"
    assert frame["Seats"].tolist()[:2] == [1200.5, 80.0]
    assert frame["Renews"].tolist() == [
        pd.Timestamp("2026-12-31"),
        pd.Timestamp("2027-03-31"),
        pd.NaT,
        pd.NaT,
    ]
    rates = oa.win_rate(frame, by="Industry")
    assert rates["rate"].round(2).to_dict() | {"(none)": None} == {
        "Food": 0.5,
        "Steel": 1.0,
        "(none)": None,
    }


def test_apply__adds_a_column_called_self(tmp_path: Path) -> None:
    org = write_org(tmp_path, *JOIN, accounts="account_id,self\nA1,x\nA2,y\nA3,z\n")
    assert org.apply(deals())["self"].fillna("").tolist() == ["x", "y", "z", ""]


def test_apply__again_replaces_what_it_added(tmp_path: Path) -> None:
    org = write_org(tmp_path, *JOIN)
    frame = org.apply(deals())
    again = org.apply(frame.assign(account_id=pd.Series(["A2", "A2", "A3", None])))
    assert again["Industry"].tolist()[:2] == ["Food", "Food"]
    assert list(again.columns) == list(frame.columns)


@pytest.mark.parametrize(
    ("column", "label", "key"),
    [
        ("account_id", "Account ID", ""),
        ("account_name", "Account Name", ""),
        ("account_name", "account", ""),
        ("account", "account", ""),
        ("account_id", "Id", 'key = {"Id" = "account_id"}'),
        ("client", "client", 'key = "client"'),
        ("account_name", "Firm", 'key = "account_name"\n[columns]\nFirm = "account_name"'),
    ],
)
def test_key__is_found_by_its_name_its_label_or_the_columns_of_the_org(
    tmp_path: Path, column: str, label: str, key: str
) -> None:
    org = write_org(tmp_path, *JOIN, key, accounts=ACCOUNTS.replace("Account ID", label))
    frame = org.apply(deals().rename(columns={"account_id": column}))
    assert frame["Industry"].fillna("").tolist() == ["Steel", "Food", "Food", ""]


def test_key__of_a_salesforce_report_is_the_one_of_its_api(tmp_path: Path) -> None:
    org = write_org(tmp_path, *JOIN, accounts="Account ID,Industry\n001M000000qfPyS,Steel\n")
    assert org.apply(deals(account_id="001M000000qfPySIAU"))["Industry"].tolist() == ["Steel"] * 4


def test_columns__are_chosen_and_renamed(tmp_path: Path) -> None:
    assert write_org(tmp_path, *JOIN, 'columns = ["Industry"]').derived == ("Industry",)
    renamed = write_org(
        tmp_path, *JOIN, 'columns = {"Industry" = "industry", "Founded" = "founded"}'
    )
    assert renamed.apply(deals())["industry"].tolist()[0] == "Steel"
    assert renamed.derived == ("industry", "founded")


def test_columns__that_only_look_like_numbers_stay_text(tmp_path: Path) -> None:
    accounts = (
        "Account "
        "ID,zip,phone,note,size\nA1,02134,12345678901234567,5,$1.2M\nA2,10115,1,five,$800K\nA3,1,1,,\n"
    )
    frame = write_org(tmp_path, *JOIN, accounts=accounts).apply(deals())
    assert frame[["zip", "phone", "note"]].iloc[0].tolist() == ["02134", "12345678901234567", "5"]
    assert frame["size"].tolist()[:2] == [1_200_000, 800_000]


@pytest.mark.parametrize(
    ("lines", "files", "said"),
    [
        (
            (),
            {"accounts": "Account ID,Industry\nA1,x\nA2,y\nA1,z\n"},
            r"accounts.csv line 4: Account ID = 'A1': .*row 2",
        ),
        (
            (),
            {"accounts": "Account ID,value\nA1,5\n"},
            r"every deal gives 'value' already; .*\"accounts_value\"",
        ),
        (
            ("[people]", 'rows = [{owner_name = "Ann", team = "East"}]'),
            {"accounts": "Account ID,team\nA1,x\n"},
            r"\[people\] gives 'team'",
        ),
        (
            ("[join.firms]", 'file = "accounts.csv"', 'key = "account_id"'),
            {},
            r"accounts.csv gives 'Industry' already",
        ),
        (
            ('key = "firm"',),
            {},
            (
                r"join.accounts.key = 'firm'|the file has 'Account ID'.*key = \{\"Its label\" = "
                r"\"firm\"\}"
            ),
        ),
        (('columns = ["Industri"]',), {}, r"'Industri': did you mean Industry\?"),
        (
            ('colums = ["Industry"]',),
            {},
            r"join.accounts.colums = .*unknown key; did you mean columns\?",
        ),
        (('key = {a = "b", c = "d"}',), {}, r"join.accounts.key = .*use keys such as file"),
        (
            ("[join.x]", 'file = "nofile.csv"', 'key = "unique_id"'),
            {},
            r"join.x.file = 'nofile.csv': .* does not exist",
        ),
        (("[join.x]", 'file = "accounts.csv"'), {}, r"join.x.key: missing; name the column"),
        (
            ("[join.activities]", 'file = "acts.csv"'),
            {"acts": "unique_id,kind\na,call\n"},
            r"join.activities.date: the file has",
        ),
        (
            ("[join.activities]", 'file = "acts.csv"'),
            {"acts": "unique_id,date\na,soon\n"},
            r"acts.csv line 2: date = 'soon'",
        ),
    ],
)
def test_read__refuses_a_table_that_cannot_be_joined(
    tmp_path: Path, lines: tuple[str, ...], files: dict[str, str], said: str
) -> None:
    with pytest.raises(OrgError, match=said):
        write_org(tmp_path, *JOIN, *lines, **files)


def test_apply__refuses_a_name_that_the_deals_have(tmp_path: Path) -> None:
    org = write_org(tmp_path, *JOIN)
    with pytest.raises(
        DataError, match=r"'Industry' of its own.*accounts\.csv.*columns = \{\"Industry\""
    ):
        org.apply(deals(Industry="Retail"))


def test_apply__counts_the_deals_without_a_row_once(tmp_path: Path) -> None:
    org = write_org(tmp_path, *JOIN)
    with pytest.warns(
        DataWarning,
        match=r"accounts\.csv has no row for 1 of 3 deals' accounts, by account_id: such as 'A9'",
    ) as said:
        frame = org.apply(deals(account_id=["A1", "A2", "A9", None]))
    assert len(said) == 1
    org.apply(frame)


def test_missing_column__says_which_table_gives_it(tmp_path: Path) -> None:
    frame = write_org(tmp_path, *JOIN).apply(deals().drop(columns="account_id"))
    with pytest.raises(
        MissingColumnError, match=r"accounts\.csv gives Industry to deals with a column account_id"
    ):
        oa.win_rate(frame, by="Industry")


def test_last_touch__is_the_newest_day_up_to_the_moment(tmp_path: Path) -> None:
    acts = (
        "unique_id,Activity "
        "Date,kind\na,2026-10-03,call\na,2026-11-21,meeting\na,2026-09-01,call\nb,11/18/2026,mail\n,2026-11-01,mail\n"
    )
    org = write_org(tmp_path, "[join.activities]", 'file = "acts.csv"', acts=acts)
    frame = org.apply(deals())
    assert frame["last_touch"].tolist() == [
        pd.Timestamp("2026-10-03"),
        pd.Timestamp("2026-11-18"),
        pd.NaT,
        pd.NaT,
    ]
    later = deals()
    later.attrs["recorded_at"] = "2026-11-21T09:00:00+00:00"
    assert org.apply(later)["last_touch"].iloc[0] == pd.Timestamp("2026-11-21")
    assert "kind" not in frame


def test_last_touch__of_a_time_is_the_day_in_the_orgs_zone(tmp_path: Path) -> None:
    calls = "Deal,When\na,2026-11-03T02:00:00Z\n"
    lines = ("[join.calls]", 'file = "calls.csv"', 'key = {"Deal" = "unique_id"}', 'date = "When"')
    org = write_org(tmp_path, 'timezone = "America/Chicago"', *lines, calls=calls)
    assert org.apply(deals())["last_touch"].iloc[0] == pd.Timestamp("2026-11-02")


def test_last_touch__warns_only_where_no_deal_has_an_activity(tmp_path: Path) -> None:
    org = write_org(
        tmp_path, "[join.activities]", 'file = "acts.csv"', acts="unique_id,date\nT1,2026-10-03\n"
    )
    with pytest.warns(
        DataWarning, match=r"acts\.csv has no row for 4 of 4 deals' activities, by unique_id"
    ):
        org.apply(deals())


@pytest.mark.parametrize("ending", ["xlsx", "parquet"])
def test_read__takes_workbooks_and_parquet(tmp_path: Path, ending: str) -> None:
    table = pd.DataFrame(
        {
            "Account ID": ["A1", "A2", "A3"],
            "Industry": ["Steel", "Food", "Food"],
            "Founded": [1996, 2004, 1987],
        }
    )
    table["Renews"] = pd.to_datetime(pd.Series(["2026-12-31", "2027-03-31", None]))
    write = table.to_parquet if ending == "parquet" else table.to_excel
    write(tmp_path / f"accounts.{ending}", index=False)
    frame = write_org(tmp_path, "[join.accounts]", f'file = "accounts.{ending}"').apply(deals())
    assert (frame["Industry"].iloc[0], frame["Founded"].iloc[1], str(frame["Founded"].dtype)) == (
        "Steel",
        2004,
        "Int64",
    )
    assert frame["Renews"].iloc[0] == pd.Timestamp("2026-12-31")


def test_org__is_its_own_dict_again_and_its_attrs_stay_short(tmp_path: Path) -> None:
    org = write_org(tmp_path, *JOIN)
    again = oa.Org(**org.to_dict())
    assert again == org == pickle.loads(pickle.dumps(org))
    assert again.apply(deals())["Industry"].equals(org.apply(deals())["Industry"])
    frame = org.apply(deals())
    assert len(json.dumps(dict(frame.attrs["org"]))) < 1_000
    assert frame.attrs["org"]["derived"] == list(org.derived)


def test_history__is_grouped_by_what_accounts_say_today_and_records_none_of_it(
    tmp_path: Path,
) -> None:
    org = write_org(tmp_path, *JOIN)
    history = oa.History(tmp_path / "history", org=org)
    first = deals(stage="Demo", close_date="2026-11-30")
    history.record(org.apply(first), at="2026-11-02T09:00Z")
    history.record(org.apply(deals(stage=["Won", "Demo", "Lost", "Demo"])), at="2026-12-01T09:00Z")
    assert "Industry" not in oa.History(tmp_path / "history").as_of("2026-12-02").columns
    assert history.as_of("2026-12-02")["Industry"].fillna("").tolist() == [
        "Steel",
        "Food",
        "Food",
        "",
    ]
    assert "Industry" not in history.changes().columns
    table = oa.slippage(history, start="2026-11-03", end="2026-12-02", by="Industry")
    due = table["count"].groupby(level=0).sum()
    assert due.to_dict() == {"Food": 2, "Steel": 1, "(none)": 1}
    moved = oa.waterfall(history, start="2026-11-03", end="2026-12-02", by="Industry")["value"][
        "Food"
    ]
    assert moved[["opening", "won", "lost", "closing"]].tolist() == [500, 0, -300, 200]
    part = history.where(Industry="Food")
    assert part.as_of("2026-11-03")["unique_id"].tolist() == ["b", "c"]
    assert oa.scorecard(
        history.as_of("2026-12-02"), by="Industry", as_of="2026-12-02"
    ).index.tolist() == [
        "Food",
        "Steel",
        "(none)",
    ]


def test_history__groups_numbers_days_and_last_touch_as_a_frame_does(tmp_path: Path) -> None:
    acts = "unique_id,date\na,2026-10-03\na,2026-12-24\n"
    org = write_org(tmp_path, *JOIN, "[join.activities]", 'file = "acts.csv"', acts=acts)
    history = oa.History.from_changes(deals().assign(seen_at="2026-11-02T09:00Z"), org=org)
    rows = history.collect(
        history.table.select("unique_id", "Founded", "Renews", "last_touch")
    ).sort_values("unique_id")
    frame = history.as_of("2026-11-02T09:00Z")
    for name in ("Founded", "Renews", "last_touch"):
        assert (
            rows[name].astype("object").where(rows[name].notna(), None).tolist()
            == frame[name].astype("object").where(frame[name].notna(), None).tolist()
        )


def test_history__refuses_a_name_that_its_records_have(tmp_path: Path) -> None:
    history = oa.History.from_changes(
        deals(Industry="Retail", seen_at="2026-11-02T09:00Z"), org=write_org(tmp_path, *JOIN)
    )
    with pytest.raises(
        DataError, match=r"the history has a column 'Industry' of its own, and accounts\.csv"
    ):
        history.collect(history.table.count())


def test_plan__of_an_edited_joined_column_is_a_problem_that_names_its_file(tmp_path: Path) -> None:
    org = write_org(tmp_path, *JOIN)
    before = org.apply(deals())
    plan = oa.plan(
        before,
        before.assign(
            Industry=pd.Series(["Steel", "Retail", "Food", None]),
            Founded=before["Founded"].astype("float64"),
        ),
    )
    assert plan.problems[["unique_id", "field", "problem"]].values.tolist() == [
        ["b", "Industry", "comes from accounts.csv ([join.accounts]) and is never written"]
    ]
    assert plan.changes.empty


def test_plan__sends_nothing_that_a_new_key_joins(tmp_path: Path) -> None:
    org = write_org(tmp_path, *JOIN)
    before = org.apply(deals())
    after = org.apply(before.assign(account_id=pd.Series(["A2", "A2", "A3", None])))
    plan = oa.plan(before, after)
    assert plan.problems.empty
    assert plan.changes["field"].tolist() == ["account_id"]
