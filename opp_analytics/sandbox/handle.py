"""The handle of a running sandbox.

This side needs only the standard library until data is seeded, so that importing the sandbox is fast.
"""

from __future__ import annotations

import subprocess
import weakref
from contextlib import suppress
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import Any, NamedTuple

from opp_analytics.sandbox.arguments import check_number
from opp_analytics.sandbox.clock import LONGEST_DAYS
from opp_analytics.sandbox.control_wire import ControlWire
from opp_analytics.sandbox.errors import SandboxError, SandboxValueError
from opp_analytics.sandbox.fault_settings import FaultSettings
from opp_analytics.sandbox.wire_rows import wire_rows

__all__ = ["Sandbox", "Tenant", "end_process"]

_CHUNK = 5_000
_SECONDS_TO_STOP = 10


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
    read_only_token : str
        Token of the same tenant without permission to write (403).
    faults : FaultSettings
        Faults of the server. Set latency, error_rate, rate_limit, cut_rate, lose_answer_rate, commit_delay, drip,
        clock_skew, late_stamps, normalize or endless, as in ``server.faults.latency = 0.2``, or call
        expire_token(). `FaultSettings` describes each one.
    """

    def __init__(self, process: subprocess.Popen[bytes], ready: dict[str, Any], key: str) -> None:
        self.url = f"http://127.0.0.1:{ready['port']}"
        self.token: str = ready["token"]
        self.read_only_token: str = ready["read_only_token"]
        self.api_key: str = ready["api_key"]
        self._process = process
        self._wire = ControlWire(ready["port"], key)
        self.faults = FaultSettings(self._wire, self._renew_token)
        # Also runs when the object is forgotten and when the interpreter ends.
        self._end = weakref.finalize(self, end_process, process)

    @property
    def requests(self) -> int:
        """Number of API requests that reached the server, answered or not."""
        return int(self._wire.ask("state")["requests"])

    @property
    def now(self) -> datetime:
        """The sandbox's clock, UTC: it runs with real time, and `advance` moves it."""
        return datetime.fromisoformat(self._wire.ask("state")["now"])

    @property
    def exports(self) -> str:
        """Three shell lines that point a client at this sandbox."""
        return (
            f"export BLOCKS_API_URL={self.url}\n"
            f"export BLOCKS_AUTH_TOKEN={self.token}\n"
            f"export BLOCKS_API_KEY={self.api_key}"
        )

    def advance(self, days: int = 7) -> datetime:
        """Let `days` pass, with the sales team at work, and return the new `now`.

        The clock moves by exactly that much, and the team works on every day that has ended by then: on working days
        it moves, pushes, revalues, closes, reopens, deletes and recovers the opportunities in the database, including
        those edited over the API, and adds new ones. The same edits on the same days give the same data.

        Raises
        ------
        SandboxTypeError, SandboxValueError
            When `days` is not a whole number from 0 to 3,660.
        """
        days = check_number(days, "days", low=0, high=LONGEST_DAYS, whole=True)
        return datetime.fromisoformat(self._wire.send("advance", days=days)["now"])

    def wait_for_requests(self, count: int, *, timeout: float = 60.0) -> int:
        """Wait until `count` requests have reached the server since its start, and return `requests`.

        Raises
        ------
        SandboxError
            When fewer arrive within `timeout` seconds.
        """
        count = check_number(count, "count", low=0, whole=True)
        timeout = check_number(timeout, "timeout", low=0)
        arrived = int(self._wire.send("wait", count=count, timeout=timeout)["requests"])
        if arrived < count:
            raise SandboxError(f"only {arrived:,} of {count:,} requests arrived within {timeout:g} s")
        return arrived

    def add_tenant(self, opportunities: Any = None) -> Tenant:
        """Add a tenant with no data, or with `opportunities` as in `start`; no team works for it."""
        made = self._wire.ask("tenant")
        self._seed(made["tenant"], () if opportunities is None else opportunities)
        return Tenant(made["token"], made["api_key"])

    def add_token(self, *, read_only: bool = False) -> str:
        """Add a token of the first tenant."""
        return str(self._wire.send("token", read_only=read_only)["token"])

    def _renew_token(self, token: str | None) -> str:
        new = str(self._wire.send("expire", token=self.token if token is None else token)["token"])
        if token in (None, self.token):
            self.token = new
        return new

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

        encode = msgspec.json.Encoder(decimal_format="number").encode
        rows = wire_rows(opportunities)
        while True:
            chunk = list(islice(rows, _CHUNK))
            done = len(chunk) < _CHUNK
            try:
                body = encode({"tenant": tenant, "rows": chunk, "done": done})
            except (UnicodeError, OverflowError, RecursionError) as error:
                raise SandboxValueError(
                    f"an opportunity contains a value that JSON cannot represent ({error}); change it"
                ) from None
            self._wire.ask("seed", body)
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
