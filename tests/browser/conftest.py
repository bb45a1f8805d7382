"""A real Chromium for the tests that look at what a person sees."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import CHROMIUM, FLAGS
from tests.browser.jupyter import Lab, jupyter_lab

# How fast the machine is today must not decide a test.
expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window; a test without it is skipped."""
    chromium = shutil.which(CHROMIUM)
    if chromium is None:
        pytest.skip(f"there is no {CHROMIUM}; apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a context of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where screenshots are kept: OPP_ANALYTICS_SCREENSHOTS, else a temporary folder; never the
    project."""
    named = os.environ.get("OPP_ANALYTICS_SCREENSHOTS")
    folder = Path(named) if named else Path(tempfile.mkdtemp(prefix="opp-analytics-screenshots-"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab for all tests."""
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="session")
def notebook(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One Notebook 7."""
    pytest.importorskip("notebook")
    with jupyter_lab(tmp_path_factory.mktemp("notebook"), "notebook") as running:
        yield running


@pytest.fixture(params=["lab", "notebook"])
def host(request: pytest.FixtureRequest) -> Lab:
    """That JupyterLab, and that Notebook 7."""
    found: Lab = request.getfixturevalue(request.param)
    return found
