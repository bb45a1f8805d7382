"""The command that reads another CRM's export and field history, as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

import opp_analytics as oa
from opp_analytics.history import History
from tests.cli.kinds import Command

LONG = """unique_id,changed_at,field,new_value
a,2026-01-05T08:00:00,stage,discovery
a,2026-01-06T08:00:00.5,value,1200.50
b,2026-01-06T09:00:00Z,stage,proposal
a,2026-01-07T08:00:00,close_date,2026-03-31
a,2026-01-08T08:00:00,close_date,
a,2026-01-08T08:00:00,owner_name,Ann
"""
DEALS = """"Opportunity ID","Opportunity Name","Stage","Amount","Close Date","Created Date","Opportunity Owner","Notes"
"006Hs00001AbCdE","Acme","Closed Won","$120,000.00","11/20/2026","9/1/2026","Ann Lee","x"
"006Hs00001AbCdF","Beta","Demo","$5,000.00","12/1/2026","9/2/2026","Bob Roe",""

"Confidential Information - Do Not Distribute"
"""  # noqa: E501
CHANGES = """"Opportunity ID","Field / Event","Old Value","New Value","Edit Date","Edited By"
"006Hs00001AbCdE","Stage","Negotiation/Review","Closed Won","11/20/2026 9:14 AM","Ann Lee"
"006Hs00001AbCdE","Amount","$100,000.00","$120,000.00","11/2/2026 9:14 AM","Ann Lee"
"""


def write_staged(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_import_crm__of_a_salesforce_export_shows_what_each_column_became(
    command: Command, here: Path, tmp_path: Path
) -> None:
    file = write_staged(tmp_path, "deals.csv", DEALS)
    code, out, err = command("import-crm", file, "--out", tmp_path / "deals.parquet")
    assert (code, err) == (0, "")
    assert "No org file: read with the preset salesforce" in out
    assert "2 opportunities, CSV, UTF-8" in out
    for theirs, ours, how in (
        ("Amount", "value", "mapped"),
        ("Notes", "Notes", "carried"),
        ("Demo", "–", "unknown"),
    ):
        line = next(line for line in out.splitlines() if line.startswith(f"{theirs} "))
        assert line.split()[1:3] == [ours, how]
    assert "Left out: 1 row below the table: row 5" in out
    assert oa.read_export(tmp_path / "deals.parquet", oa.Org.salesforce())["value"].tolist() == [
        120_000,
        5_000,
    ]


def test_import_crm__begins_a_history_that_record_carries_on(
    command: Command, here: Path, tmp_path: Path
) -> None:
    deals, changes = (
        write_staged(tmp_path, "deals.csv", DEALS),
        write_staged(tmp_path, "changes.csv", CHANGES),
    )
    folder = tmp_path / "history"
    code, out, err = command(
        "import-crm", deals, changes, "--org", "salesforce", "--history", folder
    )
    assert (code, err) == (0, "")
    assert "Began a history" in out
    assert "2 opportunities, 5 changes, 4 records" in out
    org = oa.Org.salesforce()
    history = History(folder, org=org)
    assert history.as_of("2026-11-10").set_index("name").loc[
        "Acme", ["stage", "value"]
    ].tolist() == [
        "Negotiation/Review",
        120_000,
    ]
    assert history.check().empty
    recorded = history.record(oa.read_export(deals, org), at="2026-11-25")
    assert (recorded.new, recorded.deleted) == (0, 0)


def test_import_crm__of_deals_alone_records_them(
    command: Command, here: Path, tmp_path: Path
) -> None:
    file = write_staged(tmp_path, "deals.csv", DEALS)
    code, out, _ = command("import-crm", file, "--history", tmp_path / "history")
    assert code == 0
    assert "Recorded 2 opportunities" in out
    assert History(tmp_path / "history").records["rows"].tolist() == [2]


@pytest.mark.parametrize(
    ("texts", "options", "says"),
    [
        ([DEALS, DEALS], [], "both hold deals; give one file of each"),
        (
            ["a,b\n1,2\n"],
            [],
            (
                '0.csv holds nothing known: it has "a", "b", and is read if it holds deals (an id '
                "and a stage)"
            ),
        ),
        (
            ["month,rep,quota\n2026-11,Ann,5\n"],
            [],
            "0.csv holds targets; start with it: opp-analytics start",
        ),
        ([DEALS], ["--org", "none.toml"], "none.toml"),
        ([DEALS], ["--out", "deals.txt"], "ends in '.txt'; use"),
        (
            [CHANGES.replace("20/2026", "2/2026")],
            [],
            (
                "rows 2 and 3: Edit Date='11/2/2026 9:14 AM' may mean Nov 2, 2026 or Feb 11, 2026, "
                "and no other row of the file tells"
            ),
        ),
        (
            [DEALS, CHANGES.replace("100,000.00", "100.000,00")],
            [],
            "row 3: Old Value='$100.000,00' has a decimal comma",
        ),
    ],
)
def test_import_crm__refuses_before_anything_is_made(
    command: Command, here: Path, tmp_path: Path, texts: list[str], options: list[str], says: str
) -> None:
    files = [write_staged(tmp_path, f"{place}.csv", text) for place, text in enumerate(texts)]
    code, _, err = command("import-crm", *files, "--history", tmp_path / "history", *options)
    assert code == 1
    assert says in err
    assert err.count("Error:") == 1
    assert not (tmp_path / "history").exists()


def test_import_crm__refuses_a_folder_in_use(command: Command, here: Path, tmp_path: Path) -> None:
    file = write_staged(tmp_path, "log.csv", LONG)
    assert command("import-crm", file, "--history", tmp_path / "history")[0] == 0
    code, _, err = command("import-crm", file, "--history", tmp_path / "history")
    assert code == 1
    assert "already contains records" in err
