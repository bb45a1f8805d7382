"""Calls: read from org files and settings, listed, and in force on a day."""

from __future__ import annotations

import pickle
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.org import calls_known, find_strangers, leave_strangers_out

ORG = """\
currency = "USD"
fiscal_year_start = 2
[people]
rows = [{owner_name = "Ann", team = "East"}, {owner_name = "Bob", team = "West"}]
[calls]
file = "calls.csv"
"""


def read(folder: Path, rows: str, org: str = ORG) -> oa.Org:
    (folder / "calls.csv").write_text(rows, encoding="utf-8")
    (folder / "opp-analytics.toml").write_text(org, encoding="utf-8")
    return oa.Org.read(folder / "opp-analytics.toml")


def test_calls__are_read_as_people_write_them(tmp_path: Path) -> None:
    org = read(
        tmp_path,
        "\ufeffmade on;period;caller;owner_name;team;commit;best case;notes\n"
        "11/15/2025;Dec 2025;Ann;Ann;;450k;$520,000.00;Oak signed\n"
        "2025-11-20;2025-W48;Bob;Ann;;€;;\n".replace("€", "1.2M")
        + "2025-11-21;FY26 Q4;Bob;;West;-;;lost it\n",
    )
    calls = oa.calls(org)
    assert calls.drop(columns="in_force").astype("object").where(
        calls.notna(), None
    ).values.tolist() == [
        [
            pd.Timestamp("2025-11-15"),
            "2025-12",
            "Ann",
            "Ann",
            None,
            450_000.0,
            520_000.0,
            "Oak signed",
        ],
        [
            pd.Timestamp("2025-11-20"),
            "2025-11-24/2025-11-30",
            "Bob",
            "Ann",
            None,
            1_200_000.0,
            None,
            None,
        ],
        [pd.Timestamp("2025-11-21"), "2026Q4", "Bob", None, "West", None, None, "lost it"],
    ]
    assert (calls.attrs["file"], calls.attrs["lines"]) == ("calls.csv", [2, 3, 4])
    # The last one withdraws.
    assert calls["in_force"].tolist() == [True, True, False]
    assert calls["made_on"].dtype == "datetime64[us]"


def test_calls__of_settings_are_those_of_the_file(tmp_path: Path) -> None:
    org = read(
        tmp_path, "made_on,period,caller,owner_name,commit\n2025-11-15,2025-12,Ann,Ann,430000\n"
    )
    same = oa.Org(**org.to_dict())
    assert same == org
    assert pickle.loads(pickle.dumps(org)) == org
    assert oa.calls(same).equals(oa.calls(org))
    assert oa.Org(**org.to_dict() | {"calls": oa.calls(org)}) == org
    assert oa.calls(oa.Org()).dtypes.equals(oa.calls(org).dtypes)
    with pytest.raises(oa.errors.ArgumentTypeError, match="use a History or an Org"):
        oa.calls("opp-analytics.toml")


def test_calls__of_a_forecast_tool_are_dated_where_the_org_is(tmp_path: Path) -> None:
    org = read(
        tmp_path,
        (
            "Create date,Created by,Forecast submission,Forecast "
            "period,Team\n2025-10-11T02:42:51.001Z,Mia,125000.5,Q4 2025,East\n"
        ),
        ORG.replace("fiscal_year_start = 2", 'timezone = "America/Chicago"'),
    )
    calls = oa.calls(org)
    assert calls[["made_on", "caller", "commit", "period", "team"]].values.tolist() == [
        [pd.Timestamp("2025-10-10"), "Mia", 125_000.5, "2025Q4", "East"]
    ]


HEAD = "made_on,period,caller,owner_name,team,commit,best_case"


@pytest.mark.parametrize(
    ("row", "mistake"),
    [
        (
            "2025-11-15,2025-13,Ann,Ann,,1,",
            "period = '2025-13': use a month, quarter, year or week",
        ),
        (
            "2025-12-15,2025-11,Ann,Ann,,1,",
            "made_on = 2025-12-15: 2025-11 was over by then: it ended on 2025-11-30",
        ),
        (
            "2026-02-01,2026Q4,Ann,Ann,,1,",
            "made_on = 2026-02-01: 2026Q4 was over by then: it ended on 2026-01-31",
        ),
        ("2099-01-01,2099-01,Ann,Ann,,1,", "made_on = 2099-01-01: in the future"),
        ("someday,2025-12,Ann,Ann,,1,", "made_on = 'someday': use a date such as 2026-11-01"),
        ("12/10/2099,2099-12,Ann,Ann,,1,", "made_on = 2099-12-10: in the future"),
        ("2025-11-15,2025-12,Ann,Ann,,a lot,", "commit = 'a lot': is not an amount"),
        (
            "2025-11-15,2025-12,Ann,Ann,,€5,",
            "commit = '€5': is in €, not in USD",
        ),
        ("2025-11-15,2025-12,Ann,Ann,,-5,", "commit = -5.0: use an amount of money, 0 or more"),
        ("2025-11-15,2025-12,Ann,Ann,,7,6", "best_case = 6.0: below the commit, 7"),
        ("2025-11-15,2025-12,Ann,Ann,,,6", "best_case = 6.0: without a commit"),
        ("2025-11-15,2025-12,,Ann,,7,", "caller: missing; add it"),
        (
            "2025-11-15,2025-12,Bob,,Wets,7,",
            "team = 'Wets': nobody under [people] is in this team; did you mean West?",
        ),
    ],
)
def test_calls__refuse_a_row_by_name(tmp_path: Path, row: str, mistake: str) -> None:
    good = "2025-11-15,2025-12,Ann,Ann,,1,"
    with pytest.raises(oa.errors.OrgError) as caught:
        read(tmp_path, f"{HEAD}\n{good}\n{row}\n")
    assert [str(one).partition(mistake)[:2] for one in caught.value.problems] == [
        ("calls.csv line 3: ", mistake)
    ]


def test_calls__of_a_workbook_may_be_for_months_that_it_keeps_as_days(tmp_path: Path) -> None:
    row = {
        "made_on": date(2025, 10, 1),
        "period": pd.Timestamp(2025, 10, 1),
        "caller": "Ann",
        "commit": 1,
    }
    pd.DataFrame([row]).to_excel(tmp_path / "calls.xlsx", index=False)
    (org := tmp_path / "opp-analytics.toml").write_text(
        ORG.replace("csv", "xlsx"), encoding="utf-8"
    )
    assert oa.Org.read(org).calls["period"].tolist() == ["2025-10"]


def test_calls__without_a_column_of_owners_are_of_their_callers(tmp_path: Path) -> None:
    rows = "made_on,period,caller,commit\n2025-11-15,2025-12,Ann,1\n2025-11-15,2025-12,Mia,2\n"
    assert read(tmp_path, rows).calls["owner_name"].fillna("").tolist() == ["Ann", ""]
    rows = rows.replace("caller", "caller,team").replace("Ann", "Ann,").replace("Mia", "Mia,")
    assert read(tmp_path, rows).calls["owner_name"].isna().all()


def test_calls__a_file_without_a_needed_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(oa.errors.OrgError, match=r"no column for made_on.*the file has"):
        read(tmp_path, "period,caller,commit\n2025-12,Ann,1\n")


def test_find_strangers__names_each_row_of_a_number_that_is_nobodys(tmp_path: Path) -> None:
    rows = [f"2025-11-15,2025-12,Mia,{owner},,1," for owner in ("Ann", "Cy", "Anne", "", "Zed")]
    org = read(tmp_path, "\n".join([HEAD, *rows, ""]))
    said = "nobody under [people] of the org, and owner of no deal"
    assert list(map(str, find_strangers(oa.calls(org), lambda: ["Cy"]).values())) == [
        (
            f"calls.csv line 4: owner_name = 'Anne': {said}; did you mean 'Ann'? Correct it, or "
            "add the person"
        ),
        f"calls.csv line 6: owner_name = 'Zed': {said}; correct it, or add the person",
    ]
    with pytest.warns(
        oa.errors.DataWarning, match=r"calls left out: .*line 4.*did you mean 'Ann'.*line 6"
    ):
        assert leave_strangers_out(oa.calls(org), lambda: ["Cy"]).index.tolist() == [0, 1, 3]
    # Without people every name is somebody's.
    assert find_strangers(oa.calls(oa.Org(calls=org.to_dict()["calls"]))) == {}


NAMES = st.sampled_from(["Ann", "Bob"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "made_on": st.integers(1, 9).map(lambda day: f"2025-11-0{day}"),
            "period": st.sampled_from(["2025-11", "2025-12", "2025Q4"]),
            "caller": NAMES,
        },
        optional={"owner_name": NAMES, "commit": st.integers(0, 9)},
    ),
    max_size=12,
)


@given(ROWS, st.integers(0, 10))
def test_calls_known__is_the_last_of_each_caller_for_a_number(
    rows: list[dict[str, Any]], day: int
) -> None:
    calls = oa.calls(oa.Org(calls=rows))
    said: dict[tuple[Any, ...], tuple[str, int]] = {}
    for place, row in enumerate(rows):
        key = (row["caller"], row.get("owner_name"), row["period"])
        if int(row["made_on"][-1]) <= day and said.get(key, ("", 0))[0] <= row["made_on"]:
            said[key] = (row["made_on"], place)
    known = calls_known(calls, pd.Timestamp(2025, 11, 1) + pd.Timedelta(days=day - 1))
    assert list(known.index) == sorted(
        place for _, place in said.values() if "commit" in rows[place]
    )
    if day == 10:
        assert list(calls.index[calls["in_force"]]) == list(known.index)
