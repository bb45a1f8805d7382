"""Plans of many changes, and command lines that apply them and may be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.org import conform
from opp_analytics.sandbox.jsonapi import normalize
from opp_analytics.writer import Plan
from opp_analytics.writer.apply import engine
from tests.writer.frames import opportunities

__all__ = [
    "Round",
    "five_hundred",
    "held",
    "mixed",
    "press_ctrl_c_twice",
    "respelled",
    "rows_of",
    "wait_for_silence",
    "wanted",
]


def five_hundred() -> Plan:
    """A plan of 500 changes: 200 opportunities updated in one cell and 50 in two, 50 created with
    three, 50 deleted."""
    before = opportunities(300)
    after = before.iloc[:250].assign(value=before["value"] + 0.5)
    after.loc[:49, "close_date"] = pd.Timestamp("2026-12-31")
    names = [f"New {n % 40}" for n in range(50)]
    new = pd.DataFrame({"name": names, "value": 7.25, "close_date": pd.Timestamp("2027-01-31")})
    return oa.plan(before, conform(pd.concat([after, new], ignore_index=True)))


def respelled() -> Plan:
    """The same 500 changes, in values that a normalizing server keeps in a form of its own, and a
    name for 40 deals."""
    before = opportunities(300)
    after = before.iloc[:250].assign(value=before["value"] + 0.5037)
    after.loc[:49, "close_date"] = pd.Timestamp("2026-12-31")
    after.loc[210:, "name"] = [f"  Cafe\u0301  {n} " for n in range(210, 250)]
    names = [f" New  {n % 40}" for n in range(50)]
    new = pd.DataFrame({"name": names, "value": 7.2549, "close_date": pd.Timestamp("2027-01-31")})
    return oa.plan(before, conform(pd.concat([after, new], ignore_index=True)))


def mixed() -> Plan:
    """60 changes: 24 cells of 20 opportunities, 10 created with three cells each, some of them
    alike, 6 deleted."""
    before = opportunities(30)
    after = before.iloc[:24].assign(
        value=before["value"].where(before.index >= 20, before["value"] + 0.5)
    )
    after.loc[:3, "probability"] = 55
    new = pd.DataFrame(
        {"name": ["Same"] * 4 + list("ABCDEF"), "value": 7.25, "close_date": "2027-01-31"}
    )
    return oa.plan(before, conform(pd.concat([after, conform(new)], ignore_index=True)))


def held(client: oa.Client) -> Counter[tuple[Any, ...]]:
    """What the server holds: name, value and close date of every opportunity, with how often each
    occurs."""
    return rows_of(conform(pd.DataFrame(client.list(page_size=1000).rows)))


def wanted(plan: Plan, *, normalized: bool = False) -> Counter[tuple[Any, ...]]:
    """What the server holds once the plan is carried out: name, value and close date of every
    opportunity."""
    edited = plan.edited()
    if normalized:
        forms = [
            normalize({"name": name, "value": Decimal(str(value))})
            for name, value in zip(edited["name"], edited["value"], strict=True)
        ]
        edited = edited.assign(**{c: [form[c] for form in forms] for c in ("name", "value")})
    return rows_of(conform(edited))


def rows_of(frame: pd.DataFrame) -> Counter[tuple[Any, ...]]:
    dates = frame["close_date"].dt.strftime("%Y-%m-%d")
    return Counter(zip(frame["name"], frame["value"], dates, strict=True))


def wait_for_silence(server: oa.sandbox.Sandbox, beyond: int) -> None:
    """Wait until the server has seen more requests than `beyond`, and then none for half a
    second."""
    seen, since, until = server.requests, time.monotonic(), time.monotonic() + 120
    while seen <= beyond or time.monotonic() - since < 0.5:
        if time.monotonic() > until:
            raise AssertionError("the server was not left in peace for two minutes")
        time.sleep(0.02)
        if server.requests != seen:
            seen, since = server.requests, time.monotonic()


def press_ctrl_c_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C at the first update from now on, and again as soon as it was noticed; nothing is
    sent meanwhile."""
    update, signals, once, left = (
        oa.Client.update,
        engine.StopSignal,
        threading.Lock(),
        threading.Event(),
    )
    interrupt, cut = signals.interrupt, signals.cut

    def interrupted(self: oa.Client, *given: Any, **fields: Any) -> Any:
        if once.acquire(blocking=False):
            signal.raise_signal(signal.SIGINT)
        assert left.wait(60)
        return update(self, *given, **fields)

    def interrupt_again(self: engine.StopSignal, *given: Any) -> None:
        interrupt(self, *given)
        signal.raise_signal(signal.SIGINT)

    def cut_and_go_on(self: engine.StopSignal) -> None:
        cut(self)
        monkeypatch.setattr(oa.Client, "update", update)
        monkeypatch.setattr(signals, "interrupt", interrupt)
        monkeypatch.setattr(signals, "cut", cut)
        left.set()

    monkeypatch.setattr(oa.Client, "update", interrupted)
    monkeypatch.setattr(signals, "interrupt", interrupt_again)
    monkeypatch.setattr(signals, "cut", cut_and_go_on)


class Round:
    """One plan on one tenant, applied by processes that may be killed.

    Parameters
    ----------
    server : Sandbox
        Serves it.
    folder : Path
        For the plan file, the journal and the cache.
    plan : Plan
        Over opportunities that a new tenant is given.
    """

    def __init__(self, server: oa.sandbox.Sandbox, folder: Path, plan: Plan) -> None:
        self.server, self.plan = server, plan
        tenant = server.add_tenant(plan.before)
        self.client = oa.Client(server.url, *tenant, cache_dir=folder / "pages")
        self.file = plan.save(folder / "plan.json")
        self.environment = os.environ | {
            "BLOCKS_API_URL": server.url,
            "BLOCKS_AUTH_TOKEN": tenant.token,
            "BLOCKS_API_KEY": tenant.api_key,
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CACHE_HOME": str(folder / "cache"),
        }

    def start(self, *arguments: str, shell: str = 'exec "$@"') -> subprocess.Popen[str]:
        """The command line in a process of its own."""
        return self._start("opp_analytics", *arguments, shell=shell)

    def script(self, *plans: Path, timeout: float = 1) -> subprocess.Popen[str]:
        """A script in a process of its own: it applies a plan, or without one resumes the newest
        run."""
        return self._start("tests.writer.applying", *map(str, plans), str(timeout))

    def _start(
        self, module: str, *arguments: str, shell: str = 'exec "$@"'
    ) -> subprocess.Popen[str]:
        command = ["sh", "-c", shell, "sh", sys.executable, "-m", module, *arguments]
        return subprocess.Popen(
            command, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def apply(self, **options: str) -> subprocess.Popen[str]:
        """The plan, being applied."""
        return self.start("apply", str(self.file), "--yes", "--allow-delete", **options)

    def wait_for_requests(self, process: subprocess.Popen[str], requests: int) -> None:
        """Wait until the server has seen so many further requests, or the process has ended."""
        wanted = self.server.requests + requests
        until = time.monotonic() + 120
        while process.poll() is None and self.server.requests < wanted:
            if time.monotonic() > until:
                raise AssertionError(f"the server saw no {requests} requests within two minutes")
            time.sleep(0.002)

    def wait_for_silence(self, process: subprocess.Popen[str]) -> None:
        """Wait until nothing more reaches the server."""
        wait_for_silence(self.server, 0)
        if process.poll() is not None:
            raise AssertionError(f"the process ended:\n{process.communicate()}")

    def signal_after(self, process: subprocess.Popen[str], requests: int, number: int) -> None:
        """Send a signal once the server has seen so many further requests, unless the process ended
        before."""
        self.wait_for_requests(process, requests)
        process.send_signal(number)

    def killed(self, process: subprocess.Popen[str], requests: int) -> bool:
        """Kill the process at that moment; whether that came before its end."""
        self.signal_after(process, requests, signal.SIGKILL)
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def finish(self, *arguments: str) -> str:
        """The output of a command that must succeed."""
        process = self.start(*arguments)
        said, complaint = process.communicate()
        if process.returncode:
            raise AssertionError(f"{arguments} failed:\n{said}\n{complaint}")
        return said

    def check(self, rows: Counter[tuple[Any, ...]], when: str) -> None:
        """Compare what the server holds with what it should."""
        held = self.held()
        if held != rows:
            raise AssertionError(f"{when}: lacks {rows - held}, has too much {held - rows}")

    def held(self) -> Counter[tuple[Any, ...]]:
        """What the server holds."""
        return rows_of(oa.load(self.client, refresh="full", progress=False))

    def close(self) -> None:
        """Let go of connections and files."""
        self.client.close()
