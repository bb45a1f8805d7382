"""Where progress is shown: on a terminal and in a notebook's kernel, and nowhere else."""

import sys
from types import SimpleNamespace

import pytest

from opp_analytics.progress import note, progress_bar


def _ask(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    note(None, "3 deals imported")
    with progress_bar(None, desc="deals", unit="deal", total=3) as bar:
        bar.update(3)
    out, err = capsys.readouterr()
    return out, err


def test_progress__is_quiet_where_a_kernel_is_imported_but_none_runs(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert _ask(capsys) == ("", "")


def test_progress__is_shown_in_a_kernel_that_runs(monkeypatch, capsys):
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    out, err = _ask(capsys)
    assert out == "3 deals imported\n"
    assert "deals" in err
