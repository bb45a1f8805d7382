"""Which org a command takes."""

from pathlib import Path

import pytest

from opp_analytics.cli.org_file import find_org
from opp_analytics.errors import OrgError


def test_find_org__takes_a_file_a_preset_or_the_folders_own(here: Path) -> None:
    assert find_org(None) is None
    assert "Closed Won" in find_org(Path("salesforce")).stages.won
    (here / "mine.toml").write_text('currency = "EUR"\n')
    (here / "opp-analytics.toml").write_text('currency = "USD"\n')
    assert [org and org.currency for org in (find_org(Path("mine.toml")), find_org(None))] == ["EUR", "USD"]
    with pytest.raises(OrgError, match="none.toml"):
        find_org(Path("none.toml"))
