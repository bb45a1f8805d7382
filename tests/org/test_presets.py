"""Files of people and targets as people keep them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import opp_analytics as oa
from opp_analytics.crm import recognize
from opp_analytics.errors import OrgError
from opp_analytics.org.presets import find_periods, name_table
from tests.crm.files import workbook

ORG = 'currency = "USD"\nfiscal_year_start = 2\n[targets]\nfile = "{}"\n'


def read(folder: Path, rows: Sequence[Sequence[Any]] | str) -> oa.Org:
    """The org whose targets are these rows of a workbook, or this text of a CSV file."""
    name = "targets.csv" if isinstance(rows, str) else "targets.xlsx"
    if isinstance(rows, str):
        (folder / name).write_text(rows, encoding="utf-8")
    else:
        workbook(folder, rows, name=name)
    (folder / "org.toml").write_text(ORG.format(name))
    return oa.Org.read(folder / "org.toml")


def list_targets(org: oa.Org) -> list[list[Any]]:
    table = org.targets[["period", "owner_name", "target"]]
    return table.astype("object").where(table.notna(), None).to_numpy().tolist()


def test_read__takes_a_workbook_of_targets_as_people_type_them(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["Targets 2027", None, None, None],
        [],
        ["Rep", "Quarter", "Quota", "Comment"],
        ["Ann", "FY27 Q4", "$150k", None],
        ["Bob", "Q4 FY27", 250_000, "new"],
        ["Cem", "Dec 2026", "1.2M", None],
        ["Dee", "12/2026", "150 000", None],
        ["Total", None, 1_750_000, None],
    ]
    org = read(tmp_path, rows)
    assert list_targets(org) == [
        ["2027Q4", "Ann", 150_000],
        ["2027Q4", "Bob", 250_000],
        ["2026-12", "Cem", 1_200_000],
        ["2026-12", "Dee", 150_000],
    ]
    assert org.targets.attrs["left_out"] == [
        "2 rows above the header",
        "1 row of totals: row 8 'Total'",
        "the column Comment",
    ]


@pytest.mark.parametrize(
    "labels",
    [
        ["Nov 2026", "Dec 2026", "Q4 FY27"],
        [datetime(2026, 11, 1), datetime(2026, 12, 1), "FY27 Q4"],
    ],
)
def test_read__takes_targets_with_a_column_for_each_period(
    tmp_path: Path, labels: list[Any]
) -> None:
    rows = [
        ["Owner", *labels, "Total"],
        ["Ann", "100k", "n/a", 400_000, 500_000],
        ["Bob", None, 70_000, "-", 70_000],
        ["Total", 100_000, 70_000, 400_000, 570_000],
    ]
    org = read(tmp_path, rows)
    assert list_targets(org) == [
        ["2026-11", "Ann", 100_000],
        ["2027Q4", "Ann", 400_000],
        ["2026-12", "Bob", 70_000],
    ]
    assert org.targets.attrs["lines"] == [2, 2, 3]
    assert recognize(tmp_path / "targets.xlsx").shape == "targets"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "Rep,Quater,Quota\n" + "Ann,FY27 Q4,5\n" * 239,
            (
                "no column for period (or month, quarter, year, fiscal period); the file has "
                '"Rep", '
                '"Quater", "Quota"; is "Quater" the period?'
            ),
        ),
        (
            "Who,When\nAnn,FY27 Q4\n",
            (
                "no column for period (or month, quarter, year, fiscal period) and target (or "
                "quota, "
                'goal, target amount, sales target); the file has "Who", "When"'
            ),
        ),
        (
            "period,target,owner_nam\n2026-11,5,Ann\n",
            'the file has "period", "target", "owner_nam"; is "owner_nam" the owner_name?',
        ),
        ("Who,Q4 2027,Q3 2027\nAnn,5,6\n", "no column for owner_name or team; the file has"),
        ("Rep,Q4 2027,FY27 Q4\nAnn,5,6\n", "two columns for 2027Q4"),
        (
            'period,target\n2026-11,"€150,000"\n',
            "targets.csv line 2: target = '€150,000': is in €, not in USD",
        ),
        (
            "period,target\n2026-10-01,5\n2027-01-01,5\n",
            "targets.csv line 2: period = '2026-10-01': use a month, quarter or year",
        ),
    ],
)
def test_read__names_a_wrong_file_of_targets_once(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(OrgError) as caught:
        read(tmp_path, text)
    said = [str(problem) for problem in caught.value.problems]
    assert says in said[0]
    assert len(said) == (2 if "2027-01-01" in text else 1)


def test_read__takes_a_sheet_of_people_beside_their_managers_and_the_columns_of_the_org_file(
    tmp_path: Path,
) -> None:
    (tmp_path / "quota.csv").write_text("Rep,Manager,2026-11\nAnn,Zed,5\n,East,9\n")
    (tmp_path / "calls.csv").write_text("rep_name,Week,Commit,Date\nAnn,2025-W48,1000,2025-11-24\n")
    (tmp_path / "people.csv").write_text("Wer,Manager,Gruppe\nAnn,Zed,East\n")
    file = tmp_path / "org.toml"
    file.write_text(
        '[columns]\nWer = "owner_name"\ngruppe = "team"\n'
        + "".join(f'[{kind}]\nfile = "{kind}.csv"\n' for kind in ("people", "calls"))
        + '[targets]\nfile = "quota.csv"\n'
    )
    org = oa.Org.read(file)
    assert org.people[["owner_name", "team"]].to_numpy().tolist() == [["Ann", "East"]]
    assert list_targets(org) == [["2026-11", "Ann", 5], ["2026-11", None, 9]]
    assert org.targets["team"].isna().tolist() == [True, False]
    assert org.targets.attrs["left_out"] == ["the team beside a person in 1 row"]
    call = org.calls.loc[0, ["caller", "owner_name", "period", "commit"]]
    assert call.tolist() == ["Ann", "Ann", "2025-11-24/2025-11-30", 1000]


def test_name_table__takes_the_likeliest_label() -> None:
    assert name_table("people", ["sales_agent", "manager", "regional_office"]) == {
        "sales_agent": "owner_name",
        "manager": "team",
        "regional_office": "region",
    }


def test_find_periods__reads_first_days_of_months_where_they_are_no_quarters() -> None:
    assert find_periods(["Rep", "FY27 Q4", "Nov 2026"]) == {
        "FY27 Q4": "2027Q4",
        "Nov 2026": "2026-11",
    }
    assert find_periods(["2026-11-01 00:00:00", "2026-12-01 00:00:00"]) == {
        "2026-11-01 00:00:00": "2026-11",
        "2026-12-01 00:00:00": "2026-12",
    }
    assert find_periods(["2026-10-01 00:00:00", "2027-01-01 00:00:00"]) == {}
