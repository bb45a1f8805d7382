"""One history, the questions to it, and the engines that answer them."""

from __future__ import annotations

import functools
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opp_analytics import org, schema
from opp_analytics.analysis import (
    backtest,
    close_date_moves,
    deal_flags,
    deal_reasons,
    forecast,
    forecast_change,
    movements,
    pipeline_created,
    slippage,
    stage_flow,
    transitions,
    waterfall,
    world_changes,
)
from opp_analytics.history import History
from opp_analytics.org import STAGES, Org, Stage
from tests.scratch import scratch_history

WEEKS = pd.date_range("2026-01-05", periods=5, freq="7D", tz="UTC")
WINDOW: dict[str, Any] = {"start": WEEKS[1], "end": WEEKS[4]}
DUE = ("2026-01-15", "2026-02-15")
QUESTIONS = {
    "slippage": lambda history: slippage(history, **WINDOW, by="owner_name"),
    "waterfall": lambda history: waterfall(history, **WINDOW),
    "waterfall due": lambda history: waterfall(history, **WINDOW, due=DUE),
    "waterfall by": lambda history: waterfall(history, **WINDOW, by="owner_name"),
    "waterfall by team": lambda history: waterfall(history.read_by(TEAMS), **WINDOW, by="team"),
    "waterfall where": lambda history: waterfall(history.where(owner_name=["Ann", None]), **WINDOW),
    "changes where": lambda history: history.where(owner_name="Ann").changes(),
    "records where": lambda history: history.where(owner_name="Ann").records,
    "movements": lambda history: movements(history, **WINDOW, due=DUE, by="owner_name"),
    "pipeline_created": lambda history: pipeline_created(history, freq="W", by="owner_name"),
    "world_changes": lambda history: world_changes(history, freq="D", by="owner_name"),
    "forecast_change": lambda history: forecast_change(
        history, **WINDOW, period="2026-02", method="stated", by="owner_name"
    ),
    # Without their moment, the deals are those of the later day.
    "learned forecast": lambda history: forecast(
        pd.DataFrame(history.as_of(WEEKS[4])),
        as_of="2026-02-09",
        history=history,
        method="learned",
        freq="W",
        by="owner_name",
        periods=2,
    ),
    "backtest": lambda history: backtest(history, freq="W", methods="stated", by="owner_name"),
    "deal_reasons": lambda history: deal_reasons(
        pd.DataFrame(history.as_of(WEEKS[4])), history, as_of="2026-02-09", freq="W"
    ),
    "deal_flags": lambda history: deal_flags(history.as_of(WEEKS[4]), history, as_of=WEEKS[4]),
    "transitions": transitions,
    "close_date_moves": lambda history: close_date_moves(history, **WINDOW, by="owner_name"),
    "stage_flow": lambda history: stage_flow(history, **WINDOW, by="owner_name"),
    "changes": lambda history: history.changes(),
    "coverage": lambda history: history.coverage(),
    "as_of": lambda history: history.as_of(WEEKS[2]),
}


ORG = Org(stages=[*STAGES, Stage("on hold", "open")])
EUROS: Org = Org(
    stages=[*ORG.stages],
    currency="USD",
    currency_rates=[
        {"date": day, "currency": "EUR", "rate": rate}
        for day, rate in (
            ("2026-01-04", 1.2),
            ("2026-01-15", 1.1),
            ("2026-02-01", 0.9),
            ("2026-02-28", 1.0),
        )
    ],
)
TEAMS: Org = Org(
    stages=[*ORG.stages],
    people=[
        {"owner_name": "Ann", "team": "East"},
        {"owner_name": "Ann", "team": "West", "from_date": "2026-01-15"},
        {"owner_name": "Bo", "team": "West"},
    ],
)


def play_history() -> History:
    """Eighty deals over five weeks, in which everything happens to some of them."""
    dice = random.Random(7)

    def deal(number):
        return {
            "unique_id": f"d{number}",
            "name": f"Déal {number}",
            "value": dice.choice([None, 0.1, 10.01, 2500.0]),
            "stage": dice.choice([*org.STAGES.names, "on hold", None]),
            "close_date": dice.choice(
                [None, "2026-01-04", "2026-01-20", "2026-02-15", "2026-03-01"]
            ),
            "status": dice.choice(["active"] * 6 + ["inactive", "won", None]),
            "probability": dice.choice([None, 10, 90]),
            "owner_name": dice.choice(["Ann", "Bo", None]),
        }

    held = {number: deal(number) for number in range(60)}
    history = scratch_history(ORG)
    for week in WEEKS:
        history.record(pd.DataFrame(held.values()).astype({"owner_name": schema.TEXT}), at=week)
        for number in range(80):
            fate = dice.random()
            if fate < 0.2:
                held[number] = deal(number)
            elif fate < 0.25:
                held.pop(number, None)
    return history


@functools.cache
def _ask(own: History, name: str) -> pd.DataFrame:
    """What the engine of this machine answers: once, whatever others are compared with it."""
    return QUESTIONS[name](own)


def assert_same_answers(there, own, *, but=()):
    for name in QUESTIONS.keys() - set(but):
        found, wanted = QUESTIONS[name](there), _ask(own, name)
        if name == "as_of":
            found = found[list(wanted.columns)]
        pd.testing.assert_frame_equal(found, wanted, obj=name)
        assert {**found.attrs} == {**wanted.attrs}, name


class Abroad(History):
    """A history over a table of a warehouse that is not at hand: questions end as its SQL."""

    dialect = ""
    records = pd.DataFrame({"recorded_at": WEEKS, "complete": True})

    def collect(self, expression):
        import ibis

        raise Compiled(ibis.to_sql(expression, dialect=self.dialect))


class Compiled(Exception):
    """What would be sent."""


def start_spark() -> Iterator[Any]:
    """Ibis on Spark in local mode; skipped where there is none."""
    pytest.importorskip("pyspark", reason='Spark is an extra: pip install "opp-analytics[spark]"')
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("Spark needs Java")
    import ibis
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "1")
        # Compiling a query takes longer than eighty deals do.
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .getOrCreate()
    )
    yield ibis.pyspark.connect(session)
    session.stop()


def start_postgres(folder: Path) -> Iterator[Any]:
    """Ibis on a Postgres server of its own, on a socket in `folder`; skipped where Debian's server
    is missing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("there is no Postgres server; apt-get install postgresql")
    import ibis

    # The server refuses to run as root.
    prefix = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if prefix:
        shutil.chown(folder, "postgres")

    def run(name: str, *arguments: str) -> None:
        command = [*prefix, str(found[-1].with_name(name)), "-D", str(folder / "data")]
        subprocess.run([*command, *arguments], check=True, cwd=folder, stdout=subprocess.DEVNULL)

    run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
    # No port is taken: the name of the socket's file is all that the number is for.
    run(
        "pg_ctl",
        "-w",
        "-l",
        str(folder / "log"),
        "-o",
        f"-c listen_addresses= -k {folder} -c fsync=off",
        "start",
    )
    try:
        connection = ibis.postgres.connect(host=str(folder), user="postgres", database="postgres")
        yield connection
        connection.disconnect()
    finally:
        run("pg_ctl", "-w", "-m", "fast", "stop")
