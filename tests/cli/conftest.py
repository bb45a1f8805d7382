"""A command line to run, and an account for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from tests.cli.kinds import Account, Command


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], recwarn: object
) -> Command:
    """Runs the command line in this process."""
    from opp_analytics.cli import main

    # A console that is imported while COLUMNS is set keeps that width.
    import_module("opp_analytics.cli.console")
    monkeypatch.setenv("COLUMNS", "200")
    # As in an activated environment.
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["opp-analytics", *map(str, arguments)])
        monkeypatch.setattr("warnings.showwarning", None)
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        assert isinstance(code, int)
        return code, captured.out, captured.err

    return run


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
