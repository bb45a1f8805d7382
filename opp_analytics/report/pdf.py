"""The page as a PDF, by a browser of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from opp_analytics.errors import ConfigError, DataError

__all__ = ["find_browser", "pdf"]

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
_SECONDS = 120


def find_browser() -> str:
    """Path of a Chromium, Chrome or Edge.

    Raises
    ------
    ConfigError
        When there is none.
    """
    found = next(filter(None, map(shutil.which, (*_BROWSERS, *_PLACES))), None)
    if found is None:
        raise ConfigError(
            "a PDF needs Chromium, Chrome or Edge, and none was found; install one, or open the page in any browser "
            "and print it to a file"
        )
    return found


def pdf(page: bytes, *, browser: str) -> bytes:
    """The page as it prints.

    Raises
    ------
    DataError
        When the browser does not print it.
    """
    with tempfile.TemporaryDirectory(prefix="opp-analytics-pdf-") as folder:
        source, printed = Path(folder, "page.html"), Path(folder, "page.pdf")
        source.write_bytes(page)
        # Chromium has no sandbox for the superuser; the page is ours, and has no script.
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            f"--user-data-dir={folder}/profile",
            "--no-pdf-header-footer",
            *root,
            f"--print-to-pdf={printed}",
            source.as_uri(),
        ]
        try:
            subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603  a browser of this machine
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DataError(f"{browser} did not print the page: {error}") from None
        if not printed.is_file():
            raise DataError(f"{browser} did not print the page; open it in a browser and print it to a file")
        return printed.read_bytes()
