"""The `doctor` command, and the errors that its report shows."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.api import state_folder
from opp_analytics.cli.doctor import _read_errors, note_error
from opp_analytics.errors import DataError
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


@pytest.mark.posix
def test_doctor__writes_a_report_without_secrets(
    command: Command, account: Account, here: Path
) -> None:
    client = account(20)
    oa.History("opp-history").record(oa.load(client, progress=False))
    command("load")
    command("load", "--out", "missing-folder/deals.csv")
    code, out, err = command("doctor", "--report", "help.txt")
    assert (code, err) == (0, "")
    assert "report     help.txt: read it before you send it" in out
    file = Path("help.txt")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = file.read_text()
    sections = dict(part.split("\n", 1) for part in found.split("\n\n")[1:])
    assert f"pandas {pd.__version__}" in sections["Versions"]
    assert "BLOCKS_AUTH_TOKEN set" in sections["Settings"]
    assert "20 opportunities" in sections["Checks"]
    assert "frame-" in sections["Cache"]
    assert "no runs" in sections["Journal"]
    assert "opp-history: 1 record" in sections["History"]
    assert "20 rows, complete True" in sections["History"]
    assert "load  DataError" in sections["Last errors"]
    assert "missing-folder" in sections["Last errors"]
    for secret in (client.settings.token, client.settings.api_key):
        assert secret.reveal() not in found


def test_doctor__that_fails_still_writes_the_report_of_its_failure(
    command: Command, account: Account, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(1)
    monkeypatch.setenv("BLOCKS_AUTH_TOKEN", "wrong-token")
    code, _, _ = command("doctor", "--report", "help.txt")
    assert code == 1
    found = Path("help.txt").read_text()
    assert "failed     AuthError" in found or "failed     Unauthorized" in found
    assert "wrong-token" not in found
    assert "does not exist" in found


def raised(error: BaseException) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


@pytest.mark.posix
def test_note_error__keeps_the_last_twenty_and_no_message_of_another_library() -> None:
    for number in range(25):
        error = raised(DataError(f"number {number}"))
        note_error(error, error.__traceback__)
    strange = raised(KeyError("Acme Corp"))
    note_error(strange, strange.__traceback__)
    kept = _read_errors()
    assert [entry["message"] for entry in kept] == [*(f"number {n}" for n in range(6, 25)), ""]
    assert kept[-1]["kind"] == "KeyError"
    file = state_folder() / "last_errors.json"
    assert b"Acme" not in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"[[[", b"7", b"\xff"])
def test_last_errors__of_a_damaged_file_are_none(content: bytes) -> None:
    (state_folder()).mkdir(parents=True, exist_ok=True)
    (state_folder() / "last_errors.json").write_bytes(content)
    assert _read_errors() == []
