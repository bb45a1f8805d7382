"""`start`: a sandbox in a separate process."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import subprocess
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from opp_analytics.sandbox.arguments import SandboxError, SandboxTypeError, check_number
from opp_analytics.sandbox.handle import Sandbox, end_process
from opp_analytics.sandbox.stages import TenantStages


def start(
    *,
    port: int = 0,
    weeks: int = 26,
    seed: int = 1,
    opportunities: Any = None,
    path: str | os.PathLike[str] | None = None,
    today: date | None = None,
    deals_per_week: float = 10.0,
    org: Any = None,
) -> Sandbox:
    """Start a sandbox server in a separate process and wait until it is ready.

    Parameters
    ----------
    port
        Port on 127.0.0.1; 0 picks a free one.
    weeks
        Weeks of the sales team's work before the start; they end at `today`.
    seed
        Seed of the team and the faults. The same `weeks`, `seed`, `deals_per_week` and `today` give the same
        data, ids included; a `today` whole weeks away gives the same data shifted, except for month and quarter
        ends.
    opportunities
        A DataFrame (or mappings) with the API's column names and any further ones: the initial data, instead of
        simulated weeks. It is stored unchanged, flaws included. A missing `unique_id` is generated, a missing
        `created_at` or `updated_at` is the sandbox's current time, and without a column `status` it follows from
        `stage`.
    path
        SQLite file. An existing file continues with its data, credentials and clock, and all arguments
        but `port` are ignored. None means a temporary file that is removed at the end.
    today
        The simulated date at the start: `now` starts at its midnight in UTC. Default: today, UTC, or the current
        time with `opportunities`. It is never before the newest timestamp of the data. To watch 26 weeks pass
        until today, start with ``today=today - timedelta(weeks=26)`` and advance.
    deals_per_week
        New opportunities in an average week; with 0 the team only works on existing ones.
    org
        An `Org` whose stages, pipelines and names on the wire (``api_columns``) the server has instead of the documented
        ones. The simulated team works by them.

    Raises
    ------
    SandboxError
        When the port is in use, the file is in use or not a sandbox database, or the extra ``[sandbox]`` is not
        installed.
    SandboxTypeError
        When an argument or a row of `opportunities` is of the wrong kind.
    SandboxValueError
        When an argument is out of range, or a row of `opportunities` cannot be stored.
    """
    port = check_number(port, "port", low=0, high=65_535, whole=True)
    weeks = check_number(weeks, "weeks", low=0, high=520, whole=True)
    seed = check_number(seed, "seed", whole=True)
    deals_per_week = check_number(deals_per_week, "deals_per_week", low=0, high=1_000)
    if not isinstance(today, date | None):
        raise SandboxTypeError(f"today={today!r} must be a datetime.date, for example date(2026, 9, 28)")
    key = secrets.token_urlsafe(24)
    config = {
        "port": port,
        "weeks": weeks,
        "seed": seed,
        "seeded": opportunities is not None,
        "path": None if path is None else str(Path(path).absolute()),
        "today": None if today is None else date(today.year, today.month, today.day).isoformat(),
        "deals_per_week": deals_per_week,
        "key": key,
        "org": None if org is None else TenantStages.of(org).to_dict(),
    }
    process = _launch()
    try:
        sandbox = Sandbox(process, _handshake(process, config), key)
        if opportunities is not None:
            sandbox._seed(1, opportunities)
    except BaseException:
        end_process(process)
        raise
    return sandbox


def _launch() -> subprocess.Popen[bytes]:
    missing = [name for name in ("starlette", "uvicorn", "msgspec") if importlib.util.find_spec(name) is None]
    if missing:
        raise SandboxError(f'the sandbox needs {" and ".join(missing)}: pip install "opp_analytics[sandbox]"')
    environment = dict(os.environ)
    root = Path(__file__).parents[2]
    if root.name not in ("site-packages", "dist-packages"):
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (environment.get("PYTHONPATH"), str(root))))
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "opp_analytics.sandbox"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        # Interrupting a notebook cell interrupts its whole process group, so the server must not be in it.
        start_new_session=os.name == "posix",
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def _handshake(process: subprocess.Popen[bytes], config: dict[str, Any]) -> dict[str, Any]:
    """Send the configuration and wait for the server's address or the reason why it cannot start."""
    assert process.stdin
    assert process.stdout
    with suppress(BrokenPipeError):
        process.stdin.write(json.dumps(config).encode() + b"\n")
        process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        code = process.wait()
        raise SandboxError(
            f"the sandbox's process ended with code {code} before it was ready; see its error output"
        )
    said: dict[str, Any] = json.loads(line)
    if "error" in said:
        raise SandboxError(said["error"])
    return said
