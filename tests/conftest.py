"""What every test stands on: no settings from outside, own cache and state folders, one shared
sandbox."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from _pytest.doctest import DoctestModule
from hypothesis import settings

import opp_analytics as oa
from opp_analytics.api import VARIABLES
from tests.cli.kinds import Command
from tests.examples import FAST, FULL
from tests.pipelines import AS_OF, LAST_WEEK, THIS_WEEK, pipeline, recorded
from tests.support import row

SLOW = {"browser", "live", "office", "spark"}
"""What is slow by what it needs."""


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples each property tries, forget the width of this terminal, and hear
    Ctrl-C."""
    settings.load_profile(FAST if config.getoption("markexpr") == "not slow" else FULL)
    # A console that is made while COLUMNS is set keeps that width, and pytest-xdist sets it for its
    # workers; without, a console reads it with each line, as the tests of the command line want.
    os.environ.pop("COLUMNS", None)
    # A shell's background job ignores Ctrl-C, and so do its children; some tests send it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run a part of the tests in one process: another would take longer to begin than most parts
    take."""
    return None if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Collect tests only: their modules have no doctests, and to search 400 of them takes each
    process seconds."""
    found = yield
    return [collector for collector in found if not isinstance(collector, DoctestModule)]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what needs a browser and the like, before pytest selects by marks, and skip what
    a machine lacks."""
    no_office = pytest.mark.skipif(
        shutil.which("soffice") is None,
        reason="there is no LibreOffice; apt-get install libreoffice-calc",
    )
    no_posix = pytest.mark.skipif(
        os.name != "posix", reason="uses modes, links, pipes or signals of POSIX"
    )
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if marks & SLOW:
            item.add_marker("slow")
        if "posix" in marks:
            item.add_marker(no_posix)
        if "office" in marks:
            item.add_marker(no_office)


@pytest.fixture(autouse=True)
def _own_surroundings(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    if "live" not in request.keywords:
        delivery = [
            name
            for name in os.environ
            if name.startswith(("OPP_ANALYTICS_SMTP", "OPP_ANALYTICS_CHAT"))
        ]
        for name in (*VARIABLES, *delivery):
            monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[oa.sandbox.Sandbox]:
    """One server process for all tests that only need a tenant of their own."""
    with oa.sandbox.start(weeks=0, deals_per_week=0) as server:
        yield server


@pytest.fixture
def tenant(
    shared_sandbox: oa.sandbox.Sandbox, tmp_path: Path
) -> Iterator[Callable[..., oa.Client]]:
    """Makes a client of a new tenant that holds the given rows; faults are off again afterwards."""

    def make(opportunities: pd.DataFrame | int = 0, **options: Any) -> oa.Client:
        if isinstance(opportunities, int):
            opportunities = pd.DataFrame([row(number) for number in range(opportunities)])
        token, api_key = shared_sandbox.add_tenant(opportunities)
        return oa.Client(
            shared_sandbox.url, token, api_key, cache_dir=tmp_path / "pages", **options
        )

    yield make
    shared_sandbox.faults.reset()


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
def opportunities() -> pd.DataFrame:
    """A small pipeline."""
    return pipeline(THIS_WEEK)


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> oa.History:
    """Its records of 1 and 9 March, as known last week, and of 16 March."""
    first = [(*row[:5], row[5].replace("2026-03-20", "2026-03-10"), *row[6:]) for row in LAST_WEEK]
    kept = oa.History(tmp_path_factory.mktemp("kept") / "history")
    return recorded(kept, {"2026-03-01": first, "2026-03-09": LAST_WEEK, AS_OF: THIS_WEEK})
