"""The errors that `doctor --report` tells."""

from __future__ import annotations

import stat

import pytest

from opp_analytics.api import state_folder
from opp_analytics.cli.last_errors import last_errors, note_error
from opp_analytics.errors import DataError


def raised(error: BaseException) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def test_note_error__keeps_the_last_twenty_and_no_message_of_another_library() -> None:
    for number in range(25):
        error = raised(DataError(f"number {number}"))
        note_error(error, error.__traceback__)
    strange = raised(KeyError("Acme Corp"))
    note_error(strange, strange.__traceback__)
    kept = last_errors()
    assert [entry["message"] for entry in kept] == [*(f"number {n}" for n in range(6, 25)), ""]
    assert kept[-1]["kind"] == "KeyError"
    file = state_folder() / "last_errors.json"
    assert b"Acme" not in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"[[[", b"7", b"\xff"])
def test_last_errors__of_a_damaged_file_are_none(content: bytes) -> None:
    (state_folder()).mkdir(parents=True, exist_ok=True)
    (state_folder() / "last_errors.json").write_bytes(content)
    assert last_errors() == []
