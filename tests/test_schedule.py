"""The jobs of the page on schedules, run as their schedulers would."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pandas as pd
import pytest

import opp_analytics as oa
from tests.pages import ROOT, blocks
from tests.report.delivery.mail_server import run_server
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
    (tmp_path / "opp-analytics.toml").write_text(
        '[deliver]\nmail_from = "forecast@example.com"\nmail_to = ["vp@example.com"]\n'
    )
    program = tmp_path / ".venv/bin/opp-analytics"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m opp_analytics "$@"\n')
    program.chmod(0o755)
    ours = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    lines = [line.split(maxsplit=5)[5] for line in block("crontab", "0 6").splitlines()]
    with run_server(login=False) as mail:
        secrets = {f"BLOCKS_{name}": value for name, value in secrets.items()}
        secrets["OPP_ANALYTICS_SMTP_URL"] = f"smtp://127.0.0.1:{mail.port}"
        (tmp_path / "secrets.env").write_text("".join(f"{k}='{v}'\n" for k, v in secrets.items()))
        for line in [*lines, lines[0]]:
            call = line.replace("/srv/sales", str(tmp_path))
            subprocess.run(["/bin/sh", "-c", call], env=ours, cwd="/", check=True)
    assert len(oa.History(tmp_path / "opp-history").records) >= 1
    assert list((tmp_path / "reports").glob("weekly-*.html"))
    assert mail.receivers == ["vp@example.com"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
def test_systemd__takes_the_service(tmp_path: Path) -> None:
    unit = tmp_path / "opp-report.service"
    # A program that is there, since the service is refused without.
    printed = block("ini", "# /etc/systemd").replace(
        "/srv/sales/.venv/bin/opp-analytics", "/bin/true"
    )
    unit.write_text(printed)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


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
