"""A report to send, the org that says to whom, and a mail server's certificate."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.answers.alerts import Alert, Watched
from tests.report.delivery.mail_server import Certificate
from tests.report.digests import PEOPLE, digest


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate that nobody trusts unless told."""
    return Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def org() -> oa.Org:
    """Two receivers of the whole, one of a team, and one person with an address of two."""
    return oa.Org(
        timezone="America/Chicago",
        people=[
            {"owner_name": "Ada Lee", "team": "North", "email": "ada@example.com"},
            {"owner_name": "Bo", "team": "South"},
        ],
        deliver={
            "mail_from": "Prévision <forecast@sales.example.com>",
            "mail_to": ["vp@example.com", "cfo@example.com"],
            "teams": {"North": ["north@example.com"]},
        },
    )


@pytest.fixture
def report(tmp_path: Path, org: oa.Org) -> oa.WeeklyReport:
    """A report as `weekly_report` gives it, of a page and a workbook."""
    folder = tmp_path / "reports"
    folder.mkdir()
    page, workbook = folder / "weekly-2026-11-23.html", folder / "weekly-2026-11-23.xlsx"
    page.write_text("<html>the page</html>")
    workbook.write_bytes(b"the workbook")
    return oa.WeeklyReport(
        page,
        workbook,
        day=pd.Timestamp("2026-11-23"),
        digest=digest(PEOPLE),
        watched=Watched((Alert("Low.", True, "2026-11 p_target < 0.5"),)),
        org=org,
    )
