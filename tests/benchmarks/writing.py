"""Bulk updates of 2,000 opportunities, 20 ms away, over 8 connections.

Against the loop of ``requests.put`` that people write; against the floor of the calls made; against
the same number of bare updates over as many threads, without plan, re-read or journal, which is
what this machine makes of that floor; and the same run without its journal. Interleaved rounds,
medians.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any
from unittest.mock import patch

import pandas as pd
import requests

import opp_analytics as oa
from opp_analytics.writer.journal import Journal
from tests.benchmarks._figures import Figure, in_turns
from tests.benchmarks._process import Run, cost

ROWS, LATENCY, CONNECTIONS, ROUNDS = 2_000, 0.020, 8, 3
LOOP_ROWS = 200
"""The loop is timed over fewer rows and scaled: each of its calls costs the same."""


def _opportunities(rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unique_id": [f"o{n:05d}" for n in range(rows)],
            "name": [f"Deal {n}" for n in range(rows)],
            "value": 1000.0,
            "stage": "proposal",
            "close_date": "2026-06-30",
            "probability": 40,
        }
    )


def _measured(server: oa.sandbox.Sandbox, work: Callable[[], Any]) -> tuple[Run, int]:
    """What the work takes, the server in this process included, and its calls that reached the
    server."""
    asked = server.requests
    run = cost(work)
    return run, server.requests - asked


def _loop(
    server: oa.sandbox.Sandbox, client: oa.Client, rows: int, value: float
) -> tuple[Run, int]:
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

    run, calls = _measured(server, put_all)
    scale = rows // LOOP_ROWS
    return replace(run, cpu=run.cpu * scale, clock=run.clock * scale), calls * scale


def _bare(
    server: oa.sandbox.Sandbox, client: oa.Client, rows: int, value: float
) -> tuple[Run, int]:
    def put_all() -> None:
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for _ in pool.map(
                lambda number: client.update(f"o{number:05d}", value=value), range(rows)
            ):
                pass

    return _measured(server, put_all)


def _applied(
    server: oa.sandbox.Sandbox, client: oa.Client, rows: int, value: float
) -> tuple[Run, int]:
    before = oa.load(client, refresh="full", progress=False)
    made = oa.plan(before, before.assign(value=value))
    run, calls = _measured(server, lambda: oa.apply(made, client, progress=False))
    receipt = run.answer
    if set(receipt.table["outcome"]) != {"applied"} or len(receipt.table) != rows:
        raise RuntimeError(receipt.summary())
    return run, calls


def _unjournalled(
    server: oa.sandbox.Sandbox, client: oa.Client, rows: int, value: float
) -> tuple[Run, int]:
    with (
        patch.object(Journal, "intend", lambda *_: None),
        patch.object(Journal, "settle", lambda *_: None),
    ):
        return _applied(server, client, rows, value)


Way = Callable[[oa.sandbox.Sandbox, oa.Client, int, float], tuple[Run, int]]
WAYS: dict[str, Way] = {
    "loop": _loop,
    "bare": _bare,
    "apply": _applied,
    "no journal": _unjournalled,
}


def _take(
    work: Way, server: oa.sandbox.Sandbox, client: oa.Client, rows: int, values: count[int]
) -> tuple[Run, int]:
    """Cost and calls of one way, which sets a value that no other did."""
    return work(server, client, rows, float(next(values)))


def run(quick: bool) -> list[Figure]:
    """Seconds of each way over interleaved rounds."""
    rows, rounds = (200, 1) if quick else (ROWS, ROUNDS)
    with tempfile.TemporaryDirectory() as folder, oa.sandbox.start(weeks=0) as server:
        os.environ["XDG_STATE_HOME"] = folder
        tenant = server.add_tenant(_opportunities(rows))
        with oa.Client(server.url, *tenant, concurrency=CONNECTIONS, cache_dir=folder) as client:
            server.faults.latency = LATENCY
            values = count(1)
            runs = in_turns(
                rounds,
                {
                    way: partial(_take, work, server, client, rows, values)
                    for way, work in WAYS.items()
                },
            )
    taken = {way: [run for run, _ in found] for way, found in runs.items()}
    name = f"{rows:,} updates, {LATENCY * 1000:g} ms latency, {CONNECTIONS} connections"
    figures = [
        Figure.of_runs(name, against, taken["apply"], taken[way], by_clock=True, at_most=at_most)
        for against, way, at_most in (
            ("requests.put loop", "loop", 0.33),
            ("bare threads, not read again", "bare", None),
            ("without its journal", "no journal", 1.15),
        )
    ]
    if not quick:
        floor = [calls * LATENCY / CONNECTIONS for _, calls in runs["apply"]]
        clock = [run.clock for run in taken["apply"]]
        figures.append(Figure.of(name, "floor of the calls made", clock, floor, at_most=1.3))
    return figures
