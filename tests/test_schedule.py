"""The jobs of the page on schedules, run as their schedulers would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import duckdb
import pandas as pd
import pytest

import opp_analytics as oa
from tests.pages import ROOT, blocks, refusal
from tests.support import row

PAGE = ROOT / "docs" / "schedule.md"


def block(language: str, first: str) -> str:
    """The block of the page that begins with this comment."""
    [found] = [code for code in blocks(PAGE, language) if code.startswith(first)]
    return found


@pytest.mark.posix
@pytest.mark.slow
def test_cron__runs_as_printed(shared_sandbox: oa.sandbox.Sandbox, tmp_path: Path) -> None:
    token, api_key = shared_sandbox.add_tenant(pd.DataFrame([row(number) for number in range(5)]))
    secrets = {"API_URL": shared_sandbox.url, "AUTH_TOKEN": token, "API_KEY": api_key}
    (tmp_path / "secrets.env").write_text(
        "".join(f"BLOCKS_{name}='{value}'\n" for name, value in secrets.items())
    )
    (tmp_path / "opp-analytics.toml").touch()
    ours = {"PATH": "/usr/bin:/bin", "TZ": "UTC", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    ours["XDG_STATE_HOME"] = os.fspath(tmp_path / "state")

    def run(*words: str, **more: str) -> None:
        subprocess.run(words, env=ours | more, cwd=tmp_path, check=True, capture_output=True)

    program = [sys.executable, "-m", "opp_analytics"]
    run(*program, "record", **{f"BLOCKS_{name}": value for name, value in secrets.items()})
    run(*program, "schedule", "--for", "cron", "--out", ".")
    printed = (tmp_path / "opp-schedule.crontab").read_text()
    assert printed.replace(str(tmp_path), "/srv/sales") == block("crontab", "# Made by")
    lines = [line for line in printed.splitlines() if not line.startswith("#")]
    for line in lines:
        run("/bin/sh", "-c", line.split(maxsplit=5)[5])
    assert len(oa.History(tmp_path / "opp-history").records) >= 2
    written = [file.suffix for file in sorted((tmp_path / "reports").glob("weekly-*"))]
    assert written == [".eml", ".html", ".xlsx"]
    run(*program, "schedule", "--for", "systemd", "--out", ".")
    timer = (tmp_path / "opp-report.timer").read_text()
    assert timer.replace("06:30 UTC", "06:30 America/Chicago") == block("ini", "# Made by")


def test_airflow__runs_commands_that_we_have(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks: list[dict[str, Any]] = []

    class Dag:
        def __init__(self, name: str, **options: Any) -> None:
            assert options["catchup"] is False
            assert len(options["schedule"].split()) == 5

        def __enter__(self) -> Dag:
            return self

        def __exit__(self, *error: object) -> None:
            pass

    sdk, bash = ModuleType("airflow.sdk"), ModuleType("airflow.providers.standard.operators.bash")
    sdk.DAG, bash.BashOperator = Dag, lambda **options: tasks.append(options)  # type: ignore[attr-defined]
    for module in (sdk, bash):
        parts = module.__name__.split(".")
        for end in range(1, len(parts)):
            monkeypatch.setitem(
                sys.modules, ".".join(parts[:end]), ModuleType(".".join(parts[:end]))
            )
        monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(block("py", "# dags/"), "dags/pipeline.py", "exec"), {})
    assert [task["task_id"] for task in tasks] == ["record", "report"]
    for task in tasks:
        program, *call = task["bash_command"].split()
        assert program == ".venv/bin/opp-analytics"
        assert refusal(call) == ""


def test_dbt__asks_a_snapshot_for_its_forecast() -> None:
    rows = [
        ("006A", "Acme", "Prospecting", 100.0, "2026-12-01", "2026-10-01", "2026-11-01"),
        ("006A", "Acme", "Negotiation/Review", 120.0, "2026-12-01", "2026-11-01", None),
        ("006B", "Beta", "Prospecting", 50.0, "2026-11-15", "2026-10-01", "2026-11-02"),
        ("006C", "Gamma", "Closed Won", 70.0, "2026-11-02", "2026-11-02", None),
    ]
    names = ["id", "name", "stage_name", "amount", "close_date", "dbt_valid_from", "dbt_valid_to"]
    snapshot = pd.DataFrame(rows, columns=names).assign(owner_name="Ann", created_at="2026-09-01")
    times = ["close_date", "created_at", "dbt_valid_from", "dbt_valid_to"]
    snapshot[times] = snapshot[times].apply(pd.to_datetime)
    session = duckdb.connect()
    session.register("opportunity_snapshot", snapshot)
    settings: dict[str, Any] = {}
    dbt = SimpleNamespace(ref=session.table, config=lambda **options: settings.update(options))
    code: dict[str, Any] = {}
    exec(compile(block("py", "# models/"), "models/pipeline_forecast.py", "exec"), code)
    forecast = code["model"](dbt, session).set_index("period")
    assert settings == {"materialized": "table"}
    # Beta was deleted on the day that ended its last version.
    assert forecast.loc["2026-11", ["booked", "open_value"]].tolist() == [70.0, 0.0]
    assert forecast.loc["2026-12", "open_value"] == 120.0
    session.register("pipeline_forecast", forecast.reset_index())
    assert session.table("pipeline_forecast").count("*").fetchall() == [(len(forecast),)]
