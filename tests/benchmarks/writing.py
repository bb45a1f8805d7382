"""Bulk updates of 2,000 opportunities, 20 ms away, over 8 connections.

Against the loop of ``requests.put`` that people write; against the floor of the calls made; against the same number of
bare updates over as many threads, without plan, re-read or journal, which is what this machine makes of that floor; and
the same run without its journal. Interleaved rounds, medians.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from statistics import median
from typing import Any
from unittest.mock import patch

import pandas as pd
import requests

import opp_analytics as oa
from opp_analytics.writer.journal import entries

ROWS, LATENCY, CONNECTIONS, ROUNDS = 2_000, 0.020, 8, 3
LOOP_ROWS = 200
"""The loop is timed over fewer rows and scaled: each of its calls costs the same."""


def _opportunities() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unique_id": [f"o{n:05d}" for n in range(ROWS)],
            "name": [f"Deal {n}" for n in range(ROWS)],
            "value": 1000.0,
            "stage": "proposal",
            "close_date": "2026-06-30",
            "probability": 40,
        }
    )


def _measured(server: oa.sandbox.Sandbox, work: Callable[[], Any]) -> tuple[float, int, Any]:
    """Seconds, calls that reached the server, and what the work returned."""
    asked, began = server.requests, time.perf_counter()
    result = work()
    return time.perf_counter() - began, server.requests - asked, result


def _loop(server: oa.sandbox.Sandbox, client: oa.Client, value: float) -> tuple[float, int]:
    settings = client.settings
    headers = {
        "Authorization": f"Bearer {settings.token.reveal()}",
        "AppId": settings.api_key.reveal(),
    }

    def put_all() -> None:
        for number in range(LOOP_ROWS):
            url = f"{settings.url}/opportunities/o{number:05d}/"
            body = {"opportunity": {"value": value}}
            requests.put(url, json=body, headers=headers, timeout=30).raise_for_status()

    seconds, calls, _ = _measured(server, put_all)
    return seconds * ROWS / LOOP_ROWS, calls * ROWS // LOOP_ROWS


def _bare(server: oa.sandbox.Sandbox, client: oa.Client, value: float) -> tuple[float, int]:
    def put_all() -> None:
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for _ in pool.map(lambda number: client.update(f"o{number:05d}", value=value), range(ROWS)):
                pass

    return _measured(server, put_all)[:2]


def _applied(server: oa.sandbox.Sandbox, client: oa.Client, value: float) -> tuple[float, int]:
    before = oa.load(client, refresh="full", progress=False)
    made = oa.plan(before, before.assign(value=value))
    seconds, calls, receipt = _measured(server, lambda: oa.apply(made, client, progress=False))
    if set(receipt.table["outcome"]) != {"applied"} or len(receipt.table) != ROWS:
        raise RuntimeError(receipt.summary())
    return seconds, calls


def _unjournalled(server: oa.sandbox.Sandbox, client: oa.Client, value: float) -> tuple[float, int]:
    with (
        patch.object(entries, "intend", lambda *_: None),
        patch.object(entries, "settle", lambda *_: None),
    ):
        return _applied(server, client, value)


WAYS: dict[str, Callable[[oa.sandbox.Sandbox, oa.Client, float], tuple[float, int]]] = {
    "loop": _loop,
    "bare": _bare,
    "apply": _applied,
    "no journal": _unjournalled,
}


def _medians(server: oa.sandbox.Sandbox, client: oa.Client) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds and calls of each way over interleaved rounds."""
    found: dict[str, list[tuple[float, int]]] = {way: [] for way in WAYS}
    values = count(1)
    for _ in range(ROUNDS):
        for way, carry_out in WAYS.items():
            found[way].append(carry_out(server, client, float(next(values))))
    seconds = {way: median(s for s, _ in pairs) for way, pairs in found.items()}
    return seconds, {way: median(c for _, c in pairs) for way, pairs in found.items()}


def run() -> list[dict[str, Any]]:
    """Rows of the benchmark table."""
    with tempfile.TemporaryDirectory() as folder, oa.sandbox.start(weeks=0) as server:
        os.environ["XDG_STATE_HOME"] = folder
        tenant = server.add_tenant(_opportunities())
        with oa.Client(server.url, *tenant, concurrency=CONNECTIONS, cache_dir=folder) as client:
            server.faults.latency = LATENCY
            seconds, calls = _medians(server, client)
    rows = []

    def row(way: str, against: str, other: float, ratio: float, wanted: str = "") -> None:
        rows.append(
            {
                "benchmark": f"{ROWS:,} updates, {way} / {against}",
                "ours": seconds[way],
                "other": other,
                "ratio": ratio,
                "wanted": wanted,
            }
        )

    floor = calls["apply"] * LATENCY / CONNECTIONS
    row("apply", "requests.put loop", seconds["loop"], seconds["loop"] / seconds["apply"], "≥ 3")
    row("apply", f"floor of its {calls['apply']:,.0f} calls", floor, seconds["apply"] / floor, "≤ 1.3")
    row("apply", "bare threads", seconds["bare"], seconds["apply"] / seconds["bare"])
    row(
        "apply",
        "without its journal",
        seconds["no journal"],
        seconds["apply"] / seconds["no journal"],
        "≤ 1.15",
    )
    row(
        "bare",
        "its own floor",
        ROWS * LATENCY / CONNECTIONS,
        seconds["bare"] * CONNECTIONS / ROWS / LATENCY,
    )
    return rows
