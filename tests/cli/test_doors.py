"""The three doors of the docs' start page: each leads from nothing to the weekly page by the
commands it prints."""

from __future__ import annotations

import shutil
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import opp_analytics as oa
from tests.cli.kinds import Account, Command
from tests.pages import ROOT, told
from tests.salesforce_files import salesforce_files
from tests.support import row

DOCS = ROOT / "docs"
SHEET = [
    ("Pipeline Q4", None, None, None, None, None),
    ("Deal", "Rep", "Stage", "Amount", "Expected close", "Created"),
    ("Acme rollout", "Ann", "Proposal", "$45,000", "12/18/2026", "10/2/2026"),
    ("Beta renewal", "Bob", "Negotiation", "$12,500", "12/30/2026", "9/20/2026"),
    ("Gamma pilot", "Ann", "Won", "$8,000", "11/12/2026", "9/1/2026"),
    ("Delta", "Bob", "Lost", "$20,000", "11/3/2026", "8/15/2026"),
    ("Total", None, None, "$85,500", None, None),
]
"""A sheet as somebody keeps it by hand."""


def follow(page: str, command: Command) -> str:
    """Run the commands of a page up to its first `start`, whose questions take their guesses, and
    read the weekly page."""
    calls = told(DOCS / page)
    last = next(place for place, call in enumerate(calls) if call[0] == "start")
    for call in calls[: last + 1]:
        code, out, err = command(
            *call, *(("--yes", "--target", "400k") if call[0] == "start" else ())
        )
        assert code == 0, (call, out, err)
    assert len(oa.History("opp-history").records)
    return Path("weekly.html").read_text()


def test_index__shows_the_page_and_leads_to_each_door() -> None:
    index = (DOCS / "index.md").read_text()
    assert "](weekly.png#gh-light-mode-only)" in index
    for page in ("start-23blocks.md", "other-crm.md", "start-spreadsheet.md"):
        assert f"]({page})" in index


@pytest.mark.slow
def test_23blocks__leads_to_the_page_and_goes_on_from_there(
    command: Command, account: Account, here: Path
) -> None:
    account(pd.DataFrame([row(number) for number in range(12)]))
    assert "400K" in follow("start-23blocks.md", command)
    for call in told(DOCS / "start-23blocks.md"):
        if call[0] in ("record", "report"):
            assert command(*call)[0] == 0
    assert list(Path("reports").glob("weekly-*.html"))


@pytest.mark.slow
def test_another_crm__leads_to_the_page(command: Command, here: Path, tmp_path: Path) -> None:
    files = salesforce_files(tmp_path / "export", weeks=12)
    shutil.copy(files.opportunities, "deals.csv")
    shutil.copy(files.field_history, "changes.csv")
    assert "400K" in follow("other-crm.md", command)


@pytest.mark.slow
def test_spreadsheet__leads_to_the_page(command: Command, here: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for line in SHEET:
        book.active.append(list(line))
    book.save("deals.xlsx")
    assert "400K" in follow("start-spreadsheet.md", command)
