"""`start` and the handle of a running sandbox, the owner's side of its process.

This side needs only the standard library until data is seeded, so that importing the sandbox is
fast.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import math
import os
import secrets
import subprocess
import sys
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from opp_analytics.sandbox.arguments import (
    Json,
    SandboxError,
    SandboxTypeError,
    SandboxValueError,
    check_number,
)
from opp_analytics.sandbox.clock import LONGEST_DAYS
from opp_analytics.sandbox.team import TenantStages

_DAY = 86_400.0
LIMITS = {
    **dict.fromkeys(("latency", "rate_limit", "commit_delay"), (0.0, math.inf)),
    **dict.fromkeys(("error_rate", "cut_rate", "lose_answer_rate"), (0.0, 1.0)),
    **dict.fromkeys(("late_stamps", "replica_lag"), (0.0, _DAY)),
    "clock_skew": (-_DAY, _DAY),
}
"""Least and largest value of each fault that is a number."""
OFF: Mapping[str, float | bool] = {
    **dict.fromkeys(LIMITS, 0.0),
    **dict.fromkeys(("normalize", "reshape", "echo", "duplicates"), False),
}
"""Every fault, switched off."""


def check_faults(settings: Mapping[str, Any]) -> dict[str, float | bool]:
    """Return the settings with their proper types; None switches a fault off."""
    checked: dict[str, float | bool] = {}
    for name, value in settings.items():
        if name not in OFF:
            raise SandboxValueError(f"unknown fault {name!r}; use one of {', '.join(OFF)}")
        flag = isinstance(OFF[name], bool)
        if value is None or (flag and isinstance(value, bool)):
            checked[name] = OFF[name] if value is None else value
        elif flag:
            raise SandboxTypeError(f"{name}={value!r} must be True or False")
        else:
            low, high = LIMITS[name]
            checked[name] = float(check_number(value, name, low=low, high=high))
    return checked


class FaultSettings:
    """Faults of the server, settable while it runs.

    At the start, every fault is off: 0 or False.
    """

    latency: float
    """Delay of every answer in seconds; requests wait in parallel."""
    error_rate: float
    """Fraction of requests answered with 500, without being carried out."""
    rate_limit: float
    """Accepted requests per second; the others get 429 with Retry-After."""
    cut_rate: float
    """Fraction of requests whose connection is dropped, without being carried out."""
    lose_answer_rate: float
    """Fraction of writes that are carried out, but whose connection is dropped instead of an
    answer."""
    commit_delay: float
    """Seconds between the arrival of a write and its commit, even if the client has given up by
    then.

    A write whose answer is lost loses its connection at once and is committed later. Waiting writes
    are committed when the fault is switched off.
    """
    clock_skew: float
    """Seconds by which the clock of a second server node is ahead (or, when negative, behind).

    The two nodes take turns, so every second `created_at` and `updated_at` is off by that much, and
    timestamps no longer increase from write to write.
    """
    late_stamps: float
    """Seconds by which `updated_at` (and a new row's `created_at`) is earlier than the commit, as
    on a server that takes the time at the start of a long transaction."""
    replica_lag: float
    """Seconds by which every read (an opportunity, the list, the trash) is behind the writes, as on
    a replica that follows late: an opportunity made a moment ago is a 404, and a changed one still
    shows its old values."""
    normalize: bool
    """If True, the server changes what it stores: it rounds values to cents, trims texts, collapses
    runs of blanks, composes letters (Unicode NFC), replaces a blank or null stage or status by its
    default, and takes a new row's missing status from its stage."""
    reshape: bool
    """If True, the server stores other values than it is sent: names in lower case and cut after 30
    letters, values in whole units, close dates a day later, a probability of its own beside a stage
    that is sent, and no notes."""
    echo: bool
    """If True, answers to writes repeat what was sent, whatever was stored."""
    duplicates: bool
    """If True, a create with the name of an opportunity is answered with that one, and makes
    none."""

    _wire: ControlWire

    def __init__(self, wire: ControlWire) -> None:
        vars(self)["_wire"] = wire

    def __getattr__(self, name: str) -> Any:
        if name not in OFF:
            raise AttributeError(name)
        return self.as_dict()[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self.set(**{name: value})

    def set(self, **settings: float | None) -> None:
        """Set several faults at once; None switches one off.

        Raises
        ------
        SandboxTypeError, SandboxValueError
            When there is no such fault, or it cannot have that value; nothing changes.
        """
        self._wire.send("faults", **check_faults(settings))

    def reset(self) -> None:
        """Switch every fault off."""
        self._wire.send("faults", **OFF)

    def as_dict(self) -> dict[str, float | bool]:
        """Read the current values of all faults."""
        settings: dict[str, float | bool] = self._wire.ask("state")["faults"]
        return settings

    def __repr__(self) -> str:
        shown = (
            f"{name}={value if isinstance(value, bool) else format(value, 'g')}"
            for name, value in self.as_dict().items()
        )
        return f"FaultSettings({', '.join(shown)})"


class ControlWire:
    """The connection to the server's control routes, with the owner's key.

    Users of the API do not know the key.
    """

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key

    def ask(self, action: str, body: bytes = b"") -> Json:
        """Send a control request and return its answer.

        Each uses its own connection, so any thread may ask.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        try:
            connection.request("POST", f"/-/sandbox/{action}", body, {"X-Sandbox-Key": self._key})
            response = connection.getresponse()
            status, content = response.status, response.read()
        except (OSError, http.client.HTTPException):
            raise SandboxError(
                "The sandbox does not answer: it was stopped, or its process has ended. Start a "
                "new one"
            ) from None
        finally:
            connection.close()
        if status == 422:
            answer = json.loads(content)
            raise (SandboxTypeError if answer["wrong"] == "kind" else SandboxValueError)(
                answer["error"]
            )
        if status != 200:
            raise SandboxError(
                f"The sandbox failed at {action!r} with status {status}; see its error output"
            )
        found: Json = json.loads(content)
        return found

    def send(self, action: str, **what: Any) -> Json:
        """Send a control request whose body is the keywords as JSON."""
        return self.ask(action, json.dumps(what, allow_nan=False).encode())


def wire_rows(opportunities: Any) -> Iterator[Json]:
    """Yield one dict per opportunity of a frame or an iterable of mappings."""
    if hasattr(opportunities, "columns"):
        # Whole numbers beside missing ones are floats in pandas, and so would ids be.
        frame = opportunities.convert_dtypes()
        # By column, because a row of a frame has one dtype, which would turn integers into floats.
        columns = [frame.iloc[:, place].tolist() for place in range(len(frame.columns))]
        names = [str(name) for name in frame.columns]
        rows: Iterable[Any] = (
            dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)
        )
    else:
        rows = opportunities
    for row in rows:
        if not isinstance(row, Mapping):
            raise SandboxTypeError(
                f"opportunities must be a DataFrame or mappings, not {type(row).__name__}"
            )
        day: Any = row.get("close_date")
        # NaT is not equal to itself.
        is_time = isinstance(day, datetime) and day == day
        yield {**row, "close_date": day.date()} if is_time else dict(row)


def _make_plain(value: Any) -> Any:
    """Make JSON of what msgspec does not know: cells of pandas and NumPy."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, datetime):
        return value.isoformat() if value == value else None
    return None if type(value).__name__ == "NAType" else str(value)


_CHUNK = 5_000
"""Rows seeded per request, a few MB of JSON."""
_SECONDS_TO_STOP = 10
"""Wait for the server to end by itself; it takes under two seconds, then it is killed."""


class Tenant(NamedTuple):
    """The credentials of a tenant."""

    token: str
    api_key: str


class Sandbox:
    """A running sandbox; `start` makes it. As a context manager, it stops at the end.

    Attributes
    ----------
    url : str
        The API's base URL, without a trailing slash.
    token, api_key : str
        Credentials of the sales team's tenant.
    faults : FaultSettings
        Faults of the server, set as in ``server.faults.latency = 0.2``; `FaultSettings` describes
        each one.
    """

    def __init__(self, process: subprocess.Popen[bytes], ready: Json, key: str) -> None:
        self.url = f"http://127.0.0.1:{ready['port']}"
        self.token: str = ready["token"]
        self.api_key: str = ready["api_key"]
        self._process = process
        self._wire = ControlWire(ready["port"], key)
        self.faults = FaultSettings(self._wire)
        # Also runs when the object is forgotten and when the interpreter ends.
        self._end = weakref.finalize(self, end_process, process)

    @property
    def requests(self) -> int:
        """Number of API requests that reached the server, answered or not."""
        return int(self._wire.ask("state")["requests"])

    @property
    def now(self) -> datetime:
        """Clock of the sandbox in UTC, as in the `Date` of its answers.

        It runs with real time, and `advance` moves it.
        """
        return datetime.fromisoformat(self._wire.ask("state")["now"])

    @property
    def exports(self) -> str:
        """Three shell lines that point a client at this sandbox.

        On Windows, lines of PowerShell.
        """
        named = ("BLOCKS_API_URL", "BLOCKS_AUTH_TOKEN", "BLOCKS_API_KEY")
        settings = dict(zip(named, (self.url, self.token, self.api_key), strict=True))
        return "\n".join(write_setting(*setting) for setting in settings.items())

    def advance(self, days: int = 7) -> datetime:
        """Let `days` pass, with the sales team at work, and return the new `now`.

        The clock moves by exactly that much, and the team works on every day that has ended by
        then: on working days it moves, pushes, revalues, closes, reopens, deletes and recovers the
        opportunities in the database, including those edited over the API, and adds new ones. The
        same edits on the same days give the same data.

        Raises
        ------
        SandboxTypeError, SandboxValueError
            When `days` is not a whole number from 0 to 3,660.
        """
        days = check_number(days, "days", low=0, high=LONGEST_DAYS, whole=True)
        return datetime.fromisoformat(self._wire.send("advance", days=days)["now"])

    def add_tenant(self, opportunities: Any = None) -> Tenant:
        """Add a tenant with no data, or with `opportunities` as in `start`.

        No team works for it.
        """
        made = self._wire.ask("tenant")
        self._seed(made["tenant"], () if opportunities is None else opportunities)
        return Tenant(made["token"], made["api_key"])

    def wait(self) -> None:
        """Run in the foreground until the server ends or Ctrl-C is pressed, then stop it."""
        with suppress(KeyboardInterrupt):
            self._process.wait()
        self.stop()

    def stop(self) -> None:
        """End the server's process; a second call does nothing. A file given as `path` is kept."""
        self._end()

    def _seed(self, tenant: int, opportunities: Any) -> None:
        import msgspec  # here, because importing the sandbox needs only the standard library

        encode = msgspec.json.Encoder(decimal_format="number", enc_hook=_make_plain).encode
        rows = wire_rows(opportunities)
        while True:
            chunk = list(islice(rows, _CHUNK))
            done = len(chunk) < _CHUNK
            try:
                body = encode({"tenant": tenant, "rows": chunk, "done": done})
            except (ValueError, OverflowError, RecursionError) as error:
                raise SandboxValueError(
                    f"an opportunity contains a value that JSON cannot represent ({error}); "
                    "change it"
                ) from None
            self._wire.ask("seed", body)
            if done:
                return

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = (
            f"stopped with code {self._process.poll()}"
            if self._process.poll() is not None
            else "running"
        )
        return f"<Sandbox {self.url} {state}>"


def write_setting(name: str, value: str) -> str:
    """Write the line of this system's shell that sets a variable of the environment."""
    return f"$env:{name} = '{value}'" if os.name == "nt" else f"export {name}={value}"


def end_process(process: subprocess.Popen[bytes]) -> None:
    """End the process, which stops when its standard input closes."""
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with suppress(OSError):
                pipe.close()
    try:
        process.wait(_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


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
        Seed of the team and the faults. The same `weeks`, `seed`, `deals_per_week` and `today` give
        the same data, ids included; a `today` whole weeks away gives the same data shifted, except
        for month and quarter ends.
    opportunities
        A DataFrame (or mappings) with the API's column names and any further ones: the initial
        data, instead of simulated weeks. It is stored unchanged, flaws included. A missing
        `unique_id` is generated, a missing `created_at` or `updated_at` is the sandbox's current
        time, and without a column `status` it follows from `stage`.
    path
        SQLite file. An existing file continues with its data, credentials and clock, and all
        arguments but `port` are ignored. None means a temporary file that is removed at the end.
    today
        The simulated date at the start: `now` starts at its midnight in UTC. Default: today, UTC,
        or the current time with `opportunities`. It is never before the newest timestamp of the
        data. To watch 26 weeks pass until today, start with ``today=today - timedelta(weeks=26)``
        and advance.
    deals_per_week
        New opportunities in an average week; with 0 the team only works on existing ones.
    org
        An `Org` whose stages, pipelines and names on the wire (``api_columns``) the server has
        instead of the documented ones. The simulated team works by them.

    Raises
    ------
    SandboxError
        When the port is in use, the file is in use or not a sandbox database, or the extra
        ``[sandbox]`` is not installed.
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
        raise SandboxTypeError(
            f"today={today!r} must be a datetime.date, for example date(2026, 9, 28)"
        )
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
    missing = [
        name
        for name in ("starlette", "uvicorn", "msgspec")
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise SandboxError(
            f'the sandbox needs {" and ".join(missing)}: pip install "opp_analytics[sandbox]"'
        )
    environment = dict(os.environ)
    root = Path(__file__).parents[2]
    if root.name not in ("site-packages", "dist-packages"):
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, (environment.get("PYTHONPATH"), str(root)))
        )
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "opp_analytics.sandbox"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            # Interrupting a notebook cell interrupts its whole process group, so the server must
            # not be in it.
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    except OSError as error:
        raise SandboxError(
            f"the sandbox is a process of its own, which cannot start here: {error.strerror}"
        ) from None


def _handshake(process: subprocess.Popen[bytes], config: Json) -> Json:
    """Send the configuration and wait for the server's address.

    If the server cannot start, it sends the reason instead.
    """
    assert process.stdin
    assert process.stdout
    with suppress(BrokenPipeError):
        process.stdin.write(json.dumps(config).encode() + b"\n")
        process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        code = process.wait()
        raise SandboxError(
            f"the sandbox's process ended with code {code} before it was ready; see its error "
            "output"
        )
    said: Json = json.loads(line)
    if "error" in said:
        raise SandboxError(said["error"])
    return said
