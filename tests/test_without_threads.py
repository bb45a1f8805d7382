"""Reading exports, histories, forecasts, the page and the explorer need no threads, processes,
connections or locks."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import opp_analytics as oa
from opp_analytics import files
from tests.without_threads import answers, refuse_calls

_ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.posix  # Windows has locks of its own
def test_without_threads__every_answer_is_that_of_an_ordinary_process(tmp_path: Path) -> None:
    for name in ("refused", "ordinary"):
        (tmp_path / name).mkdir()
    asked = [sys.executable, "-m", "tests.without_threads", str(tmp_path / "refused")]
    done = subprocess.run(asked, cwd=_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for question, answer in answers(tmp_path / "ordinary"):
        assert found.pop(question) == json.loads(json.dumps(answer)), question
    assert not found
    assert "Warning" not in done.stderr


def test_client_and_sandbox__say_what_they_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_calls(functools.partial(monkeypatch.setattr, raising=False))
    with pytest.raises(
        oa.errors.ConfigError, match="starts no thread .* read an export or a history"
    ):
        oa.load(oa.Client("http://127.0.0.1:9", "token", "key"))
    with pytest.raises(
        oa.sandbox.SandboxError, match="cannot start here: Function not implemented"
    ):
        oa.sandbox.start()


@pytest.mark.posix
def test_files__are_written_where_nothing_can_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    left = tmp_path / ".page.0123456789abcdef"
    left.touch()
    for content in (b"first", b"second"):
        with files.in_turn(tmp_path / "page"), files.stage_folder(tmp_path, "work"):
            files.write_whole(tmp_path / "page", content)
    assert (tmp_path / "page").read_bytes() == b"second"
    os.utime(left, (1, 1))
    files.write_whole(tmp_path / "page", b"third")
    assert [file.name for file in tmp_path.iterdir()] == ["page"]
