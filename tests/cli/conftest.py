"""An account for the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from tests.cli.kinds import Account


@pytest.fixture
def account(tenant: Callable[..., oa.Client], monkeypatch: pytest.MonkeyPatch) -> Account:
    """The settings of a tenant with rows, as a user would export them."""

    def make(opportunities: pd.DataFrame | int) -> oa.Client:
        client = tenant(opportunities)
        monkeypatch.setenv("BLOCKS_API_URL", client.settings.url)
        monkeypatch.setenv("BLOCKS_AUTH_TOKEN", client.settings.token.reveal())
        monkeypatch.setenv("BLOCKS_API_KEY", client.settings.api_key.reveal())
        return client

    return make


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the commands run in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
