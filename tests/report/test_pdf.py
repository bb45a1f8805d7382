"""The PDF: printed by a browser of this machine, or said how to print."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from opp_analytics import errors
from opp_analytics.report import pdf as module
from opp_analytics.report.pdf import find_browser, pdf


@pytest.mark.browser
def test_pdf__holds_what_the_page_says() -> None:
    printed = pdf(b"<!doctype html><title>Weekly</title><p>March will reach $180K.", browser=find_browser())
    assert printed.startswith(b"%PDF-")
    assert printed.rstrip().endswith(b"%%EOF")


def test_find_browser__without_any_says_how_to_print(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "_PLACES", ())
    with pytest.raises(
        errors.ConfigError,
        match="a PDF needs Chromium, Chrome or Edge, and none was found; install one, or open",
    ):
        find_browser()


def test_pdf__of_a_browser_that_prints_nothing_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(errors.DataError, match="did not print the page; open it in a browser"):
        pdf(b"<p>", browser=str(broken))
    with pytest.raises(errors.DataError, match="did not print the page"):
        pdf(b"<p>", browser=str(tmp_path / "none"))
