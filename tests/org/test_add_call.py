"""A call added to its file: by people at once, by a process that is killed, to files that people
keep in their own way."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.errors import ArgumentValueError, DataError
from opp_analytics.org import add_call

CALL = {
    "made_on": date(2025, 11, 20),
    "period": "2025-12",
    "caller": "Ann",
    "owner_name": "Ann",
    "commit": 450_000.0,
    "reason": "Oak signed",
}
HEAD = "made_on,period,caller,owner_name,team,commit,best_case,reason\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "opp-analytics.toml"
    path.write_text('currency = "USD"\n# Mine\n[report]\nfreq = "M"\n', encoding="utf-8")
    return path


def name_file(file: Path, name: str) -> Path:
    file.write_text(f'{file.read_text()}\n[calls]\nfile = "{name}"\n', encoding="utf-8")
    return file.with_name(name)


def test_add_call__makes_the_file_and_the_section_and_leaves_nothing_else(file: Path) -> None:
    org = add_call(file, CALL)
    assert org == oa.Org.read(file)
    assert oa.calls(org)["commit"].tolist() == [450_000.0]
    assert (
        file.read_text()
        == 'currency = "USD"\n# Mine\n[report]\nfreq = "M"\n\n[calls]\nfile = "calls.csv"\n'
    )
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "calls.csv",
        "opp-analytics.toml",
    ]
    # As after a kill between the two files.
    file.write_text('currency = "USD"\n', encoding="utf-8")
    assert len(oa.calls(add_call(file, CALL))) == 2


def test_add_call__writes_under_the_labels_that_the_org_file_names(file: Path) -> None:
    file.write_text('[columns]\nWer = "caller"\nBetrag = "commit"\n', encoding="utf-8")
    calls = name_file(file, "calls.csv")
    calls.write_text("Date,Period,Wer,Owner,Betrag,Reason\n2025-11-13,2025-12,Ann,Ann,400000,\n")
    assert oa.calls(add_call(file, CALL))["commit"].tolist() == [400_000.0, 450_000.0]
    assert calls.read_text().splitlines()[2] == "2025-11-20,2025-12,Ann,Ann,450000,Oak signed"


@pytest.mark.parametrize(
    ("content", "added"),
    [
        (HEAD.encode(), b"2025-11-20,2025-12,Ann,Ann,,450000,,Oak signed\n"),
        (
            b"\xef\xbb\xbf" + HEAD.encode()[:-1],
            b"\n2025-11-20,2025-12,Ann,Ann,,450000,,Oak signed\n",
        ),
        (
            (
                "My "
                "calls\r\n\r\nNotes;Commit;Caller;Owner;Period;Mood;Day\r\ngut;450.000,50;Zoë;Ann;Q4 "  # noqa: E501
                "2025;fine;13.11.2025\r\n"
            ).encode("cp1252"),
            b"Oak signed;450000;Ann;Ann;2025-12;;2025-11-20\r\n",
        ),
        (
            HEAD.replace(",", "\t").encode("utf-16"),
            "2025-11-20\t2025-12\tAnn\tAnn\t\t450000\t\tOak signed\n".encode("utf-16-le"),
        ),
    ],
    ids=["plain", "mark, no end", "titles, semicolons, order, Windows-1252", "tabs, UTF-16"],
)
def test_add_call__keeps_the_file_as_it_is_kept(file: Path, content: bytes, added: bytes) -> None:
    calls = name_file(file, "calls.csv")
    calls.write_bytes(content)
    add_call(file, CALL)
    assert calls.read_bytes() == content + added


def test_add_call__writes_cents_as_the_file_has_them(file: Path) -> None:
    calls = name_file(file, "calls.csv")
    calls.write_text("day;period;caller;owner;commit\n13.11.2025;2025-12;Bob;Bob;1.450.000,50\n")
    call = {name: cell for name, cell in CALL.items() if name != "reason"}
    org = add_call(file, call | {"commit": 450_000.5})
    assert calls.read_text().endswith("2025-11-20;2025-12;Ann;Ann;450000,5\n")
    assert oa.calls(org)["commit"].tolist() == [1_450_000.5, 450_000.5]


@pytest.mark.parametrize(
    ("head", "content", "says"),
    [
        ("", "day,period,caller,commit,owner\n", "has no column for reason; add a column"),
        ("", HEAD + "2025-11-20,2025-12,Bob,Bob,,lots,,\n", "calls.csv line 2: commit = 'lots'"),
        ('[[people]]\nowner_name = "Ann"\n', HEAD, "people"),
        ("[calls]\nrows = []\n", None, "opp-analytics calls --list --all --out calls.csv"),
    ],
)
def test_add_call__refuses_and_leaves_all_as_it_was(
    file: Path, head: str, content: str | None, says: str
) -> None:
    file.write_text(f"{file.read_text()}{head}", encoding="utf-8")
    if content is not None:
        name_file(file, "calls.csv").write_text(content, encoding="utf-8")
    before = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    with pytest.raises(DataError) as caught:
        add_call(file, CALL)
    assert says in str(caught.value)
    assert {path.name: path.read_bytes() for path in file.parent.iterdir()} == before


def test_add_call__names_the_mistake_of_a_call(file: Path) -> None:
    with pytest.raises(ArgumentValueError, match="^made_on 2025-11-20: 2025-10 was over by then"):
        add_call(file, CALL | {"period": "2025-10"})
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_add_call__refuses_a_file_that_is_open_in_a_spreadsheet(file: Path) -> None:
    add_call(file, CALL)
    (file.parent / ".~lock.calls.csv#").touch()
    with pytest.raises(DataError, match="open in a spreadsheet"):
        add_call(file, CALL)


def test_add_call__leaves_a_workbook_to_its_spreadsheet(file: Path) -> None:
    calls = name_file(file, "calls.xlsx")
    pd.DataFrame([CALL]).to_excel(calls, index=False)
    content = calls.read_bytes()
    with pytest.raises(
        DataError, match=r"in a workbook.*opp-analytics calls --list --all --out calls.csv"
    ):
        add_call(file, CALL)
    assert calls.read_bytes() == content


ADD = """
import sys
from datetime import date
from pathlib import Path
from opp_analytics.org import add_call
for number in range(int(sys.argv[3])):
    add_call(Path(sys.argv[1]), {"made_on": date(2025, 11, 20), "period": "2025-12", "caller": sys.argv[2], "commit": float(number)})
"""  # noqa: E501


def start(file: Path, caller: str, calls: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", ADD, str(file), caller, str(calls)])


@pytest.mark.slow
def test_add_call__of_processes_at_once_loses_none(file: Path) -> None:
    running = [start(file, name, 4) for name in ("Ann", "Bob", "Cy")]
    assert [one.wait(120) for one in running] == [0, 0, 0]
    said = oa.calls(oa.Org.read(file))
    for name in ("Ann", "Bob", "Cy"):
        assert said.loc[said["caller"] == name, "commit"].tolist() == [
            float(number) for number in range(4)
        ]
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "calls.csv",
        "opp-analytics.toml",
    ]
