"""Starting a sandbox process, and holding on to it.

Only the standard library is needed on this side until data is seeded, so that importing the sandbox costs
nothing.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import secrets
import subprocess
import sys
import weakref
from contextlib import suppress
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, NamedTuple

from opp_analytics.sandbox.errors import SandboxError
from opp_analytics.sandbox.rows import wire_rows

__all__ = ["FaultSettings", "Sandbox", "Tenant", "start"]

_CHUNK = 5_000
_SECONDS_TO_STOP = 10


class Tenant(NamedTuple):
    """The credentials of a tenant."""

    token: str
    api_key: str


class _Control:
    """The wire to the server's control routes."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key

    def ask(self, action: str, body: bytes = b"") -> dict[str, Any]:
        """What the server answers; a connection each, so that any thread may ask."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        try:
            connection.request("POST", f"/-/sandbox/{action}", body, {"X-Sandbox-Key": self._key})
            response = connection.getresponse()
            status, content = response.status, response.read()
        except (OSError, http.client.HTTPException):
            raise SandboxError(
                "the sandbox does not answer: it was stopped, or its process has ended"
            ) from None
        finally:
            connection.close()
        if status == 422:
            raise ValueError(json.loads(content)["error"])
        if status != 200:
            raise SandboxError(f"the sandbox failed at {action!r} with status {status}; see its error output")
        answer: dict[str, Any] = json.loads(content)
        return answer


class _Fault:
    """One fault as an attribute that is read from and written to the server."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, faults: FaultSettings, owner: type) -> float:
        value: float = faults.as_dict()[self._name]
        return value

    def __set__(self, faults: FaultSettings, value: float) -> None:
        faults.set(**{self._name: value})


class FaultSettings:
    """What goes wrong, settable while the server runs; everything is 0, which is off, at first.

    Attributes
    ----------
    latency : float
        Seconds that every answer is late; requests wait side by side.
    error_rate : float
        Fraction of requests answered 500 before anything is done.
    rate_limit : float
        Requests a second that are let through; the others get 429 with Retry-After.
    cut_rate : float
        Fraction of requests whose connection is dropped before anything is done.
    lose_answer_rate : float
        Fraction of writes that are done but whose connection is dropped instead of answered.
    """

    latency = _Fault()
    error_rate = _Fault()
    rate_limit = _Fault()
    cut_rate = _Fault()
    lose_answer_rate = _Fault()

    _control: _Control
    _NAMES: ClassVar = ("latency", "error_rate", "rate_limit", "cut_rate", "lose_answer_rate")

    def __init__(self, control: _Control) -> None:
        object.__setattr__(self, "_control", control)

    def __setattr__(self, name: str, value: Any) -> None:
        # A misspelt fault would otherwise be set on this object, and nothing would ever go wrong.
        if name not in self._NAMES:
            raise AttributeError(f"no fault is called {name!r}; there are {', '.join(self._NAMES)}")
        object.__setattr__(self, name, value)

    def set(self, **settings: float | None) -> None:
        """Set several faults at once; None switches one off.

        Raises
        ------
        ValueError
            A name or a value that is not possible; nothing is changed then.
        """
        plain = {name: 0.0 if value is None else value for name, value in settings.items()}
        self._control.ask("faults", json.dumps(plain, allow_nan=False).encode())

    def reset(self) -> None:
        """Switch every fault off."""
        self.set(**dict.fromkeys(self._NAMES, 0.0))

    def as_dict(self) -> dict[str, float]:
        """All faults as they are now."""
        settings: dict[str, float] = self._control.ask("state")["faults"]
        return settings

    def __repr__(self) -> str:
        return f"FaultSettings({', '.join(f'{name}={value:g}' for name, value in self.as_dict().items())})"


class Sandbox:
    """A running sandbox; as a context manager it is stopped at the end. Made by `start`.

    Attributes
    ----------
    url : str
        The API's base URL, without a trailing slash.
    token, api_key : str
        Credentials of the tenant that the sales team works for.
    read_only_token : str
        A token of the same tenant that may not write (403).
    faults : FaultSettings
        What goes wrong.
    """

    def __init__(self, process: subprocess.Popen[bytes], ready: dict[str, Any], key: str) -> None:
        self.url = f"http://127.0.0.1:{ready['port']}"
        self.token: str = ready["token"]
        self.read_only_token: str = ready["read_only_token"]
        self.api_key: str = ready["api_key"]
        self._process = process
        self._control = _Control(ready["port"], key)
        self.faults = FaultSettings(self._control)
        # Also runs when the object is forgotten and when the interpreter ends.
        self._end = weakref.finalize(self, _end, process)

    @property
    def requests(self) -> int:
        """API requests that reached the server, whatever became of them."""
        return int(self._control.ask("state")["requests"])

    @property
    def now(self) -> datetime:
        """The sandbox's clock, UTC: it runs on with real time, and `advance` moves it."""
        return datetime.fromisoformat(self._control.ask("state")["now"])

    @property
    def exports(self) -> str:
        """Three shell lines that point a client at this sandbox."""
        return (
            f"export BLOCKS_API_URL={self.url}\n"
            f"export BLOCKS_AUTH_TOKEN={self.token}\n"
            f"export BLOCKS_API_KEY={self.api_key}"
        )

    def advance(self, days: int = 7) -> datetime:
        """Let `days` pass, and the sales team work in them; returns the new `now`.

        The clock moves by exactly that much, and the team plays every day that has ended by then: on working
        days it moves, pushes, revalues, closes, reopens, deletes and recovers opportunities as they are at
        that time in the database, edits over the API included, and finds new ones. The same edits at the same
        days give the same data again.

        Raises
        ------
        ValueError
            `days` is negative or no whole number.
        """
        return datetime.fromisoformat(
            self._control.ask("advance", json.dumps({"days": days}).encode())["now"]
        )

    def add_tenant(self, opportunities: Any = None) -> Tenant:
        """Another tenant with its own data: none, or `opportunities` as in `start`; no team works for it."""
        made = self._control.ask("tenant")
        self._seed(made["tenant"], () if opportunities is None else opportunities)
        return Tenant(made["token"], made["api_key"])

    def add_token(self, *, read_only: bool = False) -> str:
        """Another token of the first tenant."""
        return str(self._control.ask("token", json.dumps({"read_only": read_only}).encode())["token"])

    def wait(self) -> None:
        """Stay in the foreground until the server ends or Ctrl-C is pressed, then stop it."""
        with suppress(KeyboardInterrupt):
            self._process.wait()
        self.stop()

    def stop(self) -> None:
        """End the server's process; stopping twice is no error. A file given as `path` stays."""
        self._end()

    def _seed(self, tenant: int, opportunities: Any) -> None:
        import msgspec  # here, because importing the sandbox needs only the standard library

        encode = msgspec.json.Encoder(decimal_format="number").encode
        rows = wire_rows(opportunities)
        while True:
            chunk = list(islice(rows, _CHUNK))
            done = len(chunk) < _CHUNK
            self._control.ask("seed", encode({"tenant": tenant, "rows": chunk, "done": done}))
            if done:
                return

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"stopped with code {self._process.poll()}" if self._process.poll() is not None else "running"
        return f"<Sandbox {self.url} {state}>"


def start(
    *,
    port: int = 0,
    weeks: int = 26,
    seed: int = 1,
    opportunities: Any = None,
    path: str | os.PathLike[str] | None = None,
    today: date | None = None,
    deals_per_week: float = 10.0,
) -> Sandbox:
    """A sandbox server in a process of its own, ready to answer.

    Parameters
    ----------
    port
        The port on 127.0.0.1; 0 takes a free one.
    weeks
        Weeks of the sales team's work to play before the start. They end at `today`.
    seed
        Seeds the team and the faults. The same `weeks`, `seed`, `deals_per_week` and `today` give the same
        data, ids included; a `today` some whole weeks away gives the same data shifted, but for month and
        quarter ends.
    opportunities
        A DataFrame (or mappings) with the API's column names and any further ones: the data to begin with,
        instead of a played history. Kept as it is, dirt included. A missing `unique_id` is generated, a
        missing `created_at` or `updated_at` is the sandbox's now; without a column `status` it follows from
        `stage`.
    path
        The SQLite file. One that exists is carried on with: its data, credentials and clock, and then
        everything but `port` is ignored. None: a temporary file that is removed at the end.
    today
        The simulated day that begins at the start: `now` is its midnight in UTC and runs on from there.
        Default: today, UTC; with `opportunities` the present instant instead. Never before the newest
        timestamp of the data. To watch 26 weeks pass until today, begin with ``today=today -
        timedelta(weeks=26)`` and advance.
    deals_per_week
        New opportunities in an average week; 0 for a team that only works on what is there.

    Raises
    ------
    SandboxError
        The port is in use, the file is no sandbox database or in use, or the extra ``[sandbox]`` is not
        installed.
    ValueError
        An argument or a row of `opportunities` is not possible.
    """
    if not 0 <= weeks <= 520 or weeks != int(weeks):
        raise ValueError(f"weeks must be a whole number from 0 to 520, not {weeks!r}")
    if not 0 <= deals_per_week <= 1_000:
        raise ValueError(f"deals_per_week must be between 0 and 1000, not {deals_per_week!r}")
    if not isinstance(today, date | None):
        raise ValueError(f"today must be a datetime.date, not {today!r}")
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
    }
    process = _launch()
    try:
        sandbox = Sandbox(process, _handshake(process, config), key)
        if opportunities is not None:
            sandbox._seed(1, opportunities)
    except BaseException:
        _end(process)
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
        # Interrupting a notebook cell interrupts its whole process group: the server must not be in it.
        start_new_session=os.name == "posix",
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def _handshake(process: subprocess.Popen[bytes], config: dict[str, Any]) -> dict[str, Any]:
    """Hand the configuration over, and wait until the server says where it listens or why it cannot."""
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


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process: it leaves by itself when its standard input closes."""
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with suppress(OSError):
                pipe.close()
    try:
        process.wait(_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
