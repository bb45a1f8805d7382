"""Bulk updates against the loop of ``requests.put`` that people write: 2,000 of them, 20 ms away, 8 connections."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import requests

import opp_analytics as oa

ROWS, LATENCY, CONNECTIONS = 2_000, 0.020, 8
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


def _loop(url: str, token: str, api_key: str, value: float) -> None:
    headers = {"Authorization": f"Bearer {token}", "AppId": api_key}
    for number in range(LOOP_ROWS):
        body = {"opportunity": {"value": value}}
        requests.put(
            f"{url}/opportunities/o{number:05d}/", json=body, headers=headers, timeout=30
        ).raise_for_status()


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def run() -> list[dict[str, Any]]:
    """Rows of the benchmark table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, oa.sandbox.start(weeks=0) as server:
        os.environ["XDG_STATE_HOME"] = folder
        tenant = server.add_tenant(_opportunities())
        client = oa.Client(
            server.url, tenant.token, tenant.api_key, concurrency=CONNECTIONS, cache_dir=folder
        )
        before = oa.load(client, progress=False)
        server.faults.latency = LATENCY
        looped = _seconds(lambda: _loop(server.url, *tenant, value=1.0)) * ROWS / LOOP_ROWS
        before = oa.load(client, refresh="full", progress=False)
        for reread, value in (("auto", 2.0), ("each", 3.0)):
            made = oa.plan(before, before.assign(value=value))
            asked = server.requests
            receipts: list[oa.Receipt] = []
            ours = _seconds(
                lambda p=made, r=reread, out=receipts: out.append(
                    oa.apply(p, client, reread=r, progress=False)
                )
            )
            if not receipts[0].complete:
                raise RuntimeError(receipts[0].summary())
            calls = server.requests - asked
            floor = calls * LATENCY / CONNECTIONS
            before = before.assign(value=value)
            name = f"{ROWS:,} updates, reread={reread!r}"
            rows += [
                {
                    "benchmark": f"{name} / requests.put loop",
                    "ours": ours,
                    "other": looped,
                    "ratio": looped / ours,
                    "wanted": "≥ 5" if reread == "auto" else "",
                },
                {
                    "benchmark": f"{name} / floor of its {calls:,} calls",
                    "ours": ours,
                    "other": floor,
                    "ratio": ours / floor,
                    "wanted": "≤ 1.3",
                },
            ]
    return rows
