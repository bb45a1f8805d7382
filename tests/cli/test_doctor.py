"""The `doctor` command."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.cli.kinds import Account, Command
from tests.report.delivery.mail_server import PASSWORD, run_server


@pytest.mark.parametrize("arguments", [["doctor"], ["load"], ["record"]])
def test_commands__without_settings_say_what_to_set_in_one_error(
    command: Command, arguments: Any
) -> None:
    code, out, err = command(*arguments)
    assert code == 1
    assert err.startswith("Error: BLOCKS_API_URL, BLOCKS_AUTH_TOKEN, BLOCKS_API_KEY not set")
    assert "Traceback" not in err + out


def test_doctor__reports_each_check_and_writes_nothing(
    command: Command, account: Account, tmp_path: Path
) -> None:
    client = account(20)
    before = client.list(1, 100).rows
    code, out, err = command("doctor")
    assert (code, err) == (0, "")
    assert "settings   ok" in out
    assert "20 opportunities" in out
    assert "sorting    ok" in out
    assert client.list(1, 100).rows == before
    assert client.settings.token.reveal() not in out


def test_doctor__with_a_wrong_token_says_so(
    command: Command, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(1)
    monkeypatch.setenv("BLOCKS_AUTH_TOKEN", "wrong")
    code, _, err = command("doctor")
    assert code == 1
    assert "BLOCKS_AUTH_TOKEN" in err


def test_doctor__logs_in_to_the_mail_server_and_sends_nothing(
    command: Command, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(1)
    with run_server() as server:
        monkeypatch.setenv("OPP_ANALYTICS_SMTP_URL", server.url)
        code, out, err = command("doctor")
        assert (code, err) == (0, "")
        assert f"mail       ok: 127.0.0.1:{server.port} takes the login" in out
        assert (server.logins, server.messages) == (1, [])
        monkeypatch.setenv(
            "OPP_ANALYTICS_SMTP_URL", server.url.replace(quote(PASSWORD, safe=""), "wrong")
        )
        code, out, err = command("doctor")
        assert (code, err) == (1, "")
        assert f"mail       127.0.0.1:{server.port} refused the login" in out
        assert "cache" in out
