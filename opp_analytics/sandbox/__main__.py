"""The server's process, ``python -m opp_analytics.sandbox``.

`opp_analytics.sandbox.start` starts it.

It reads one line of JSON from standard input (the configuration, with the owner's key, which
therefore appears in no process list) and writes one to standard output (its address, or the reason
why it cannot start). The process ends when standard input closes, because the owner stopped the
sandbox or died.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
import tempfile
import threading
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import filelock
import uvicorn

from opp_analytics.sandbox.arguments import Json, SandboxError
from opp_analytics.sandbox.clock import Clock, from_text, midnight, to_text
from opp_analytics.sandbox.faults import Faults, TrackedProtocol
from opp_analytics.sandbox.server import build
from opp_analytics.sandbox.simulator import Simulator
from opp_analytics.sandbox.store import DealStore
from opp_analytics.sandbox.team import TenantStages

_BACKLOG = 128
"""Connections that may wait to be accepted, more than any client here opens."""


def main() -> int:
    """Serve until standard input closes, and return the exit code."""
    config = json.loads(sys.stdin.buffer.readline() or b"{}")
    if not config:
        _say(
            error=(
                "this module is started by opp_analytics.sandbox.start(), or by: opp-analytics "
                "sandbox"
            )
        )
        return 2
    with ExitStack() as stack:
        try:
            listening = stack.enter_context(_listen(config["port"]))
            store, simulator = _open(_claim_file(config["path"], stack), config)
        except SandboxError as error:
            _say(error=str(error))
            return 1
        stack.callback(store.close)
        app = build(store, simulator, Faults(config["seed"]), config["key"])
        token, access = next(each for each in store.access.items() if each[1].tenant == 1)
        _say(port=listening.getsockname()[1], token=token, api_key=access.api_key)
        _serve(app, listening)
        store.save_settings(clock=to_text(store.clock.now()))
    return 0


def _say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _listen(port: int) -> socket.socket:
    # asyncio spares an answer the wait for delayed acknowledgements, 40 ms, only on a socket that
    # is called TCP.
    listening = socket.socket(proto=socket.IPPROTO_TCP)
    if os.name == "posix":
        # On Windows the option would let two servers share a port.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        raise SandboxError(
            f"cannot listen on 127.0.0.1:{port} ({error}); use another port, or 0 for a free one"
        ) from None
    return listening


def _claim_file(path: str | None, stack: ExitStack) -> Path:
    """Lock the database file until the stack unwinds."""
    if path is None:
        # Created here and not by the owner, so that it is removed when the owner is killed.
        scratch = tempfile.TemporaryDirectory(prefix="opp_sandbox_", ignore_cleanup_errors=True)
        folder = stack.enter_context(scratch)
        return Path(folder) / "sandbox.db"
    if not Path(path).parent.is_dir():
        raise SandboxError(f"the folder of {path} does not exist; create it, or use another file")
    if Path(path).is_dir():
        raise SandboxError(f"{path} is a folder; use a file")
    try:
        stack.enter_context(filelock.FileLock(f"{path}.lock", timeout=0))
    except filelock.Timeout:
        raise SandboxError(f"{path} is in use by another sandbox; stop that one first") from None
    except OSError as error:
        raise SandboxError(
            f"cannot write beside {path} ({error.strerror}); use another folder"
        ) from None
    return Path(path)


def _open(path: Path, config: Json) -> tuple[DealStore, Simulator]:
    """Open the database with its team: an existing one, or a new one simulated up to its start."""
    clock = Clock()
    store = DealStore(path, clock)
    simulator = Simulator(store)
    if store.is_new:
        _fill(store, simulator, config)
    elif config["seeded"]:
        store.close()
        raise SandboxError(f"{path} already contains data; omit opportunities, or use another file")
    elif not store.read_setting("complete"):
        store.close()
        raise SandboxError(f"{path} is incomplete because an earlier start failed; delete it")
    else:
        clock.reach(from_text(store.read_setting("clock")))
    return store, simulator


def _fill(store: DealStore, simulator: Simulator, config: Json) -> None:
    """Fill a new database: settings, credentials, and the team's work.

    The work is left out if data is about to be seeded.
    """
    now = datetime.now(UTC)
    today = date.fromisoformat(config["today"]) if config["today"] else now.date()
    with store.transaction():
        store.add_tenant()
        store.save_settings(
            seed=config["seed"],
            deals_per_week=config["deals_per_week"],
            complete=not config["seeded"],
            org=config["org"],
        )
        store.stages = TenantStages.of(config["org"])
        if config["seeded"]:
            store.clock.reach(midnight(today) if config["today"] else now)
        else:
            store.clock.reach(midnight(today - timedelta(weeks=config["weeks"])))
            simulator.play(today)
            store.clock.reach(midnight(today))
        store.save_settings(clock=to_text(store.clock.now()))


def _serve(app: Any, listening: socket.socket) -> None:
    quiet = ("access_log", "server_header", "date_header", "proxy_headers")
    off: Json = dict.fromkeys(quiet, False)
    config = uvicorn.Config(
        app,
        http=TrackedProtocol,
        lifespan="off",
        log_level="warning",
        **off,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)

    def leave() -> None:
        # A connection cut off by the stop is not an error worth a message.
        logging.disable()
        for transport in list(TrackedProtocol.transports.values()):
            transport.abort()
        server.should_exit = True

    async def serve() -> None:
        loop = asyncio.get_running_loop()

        def watch_owner() -> None:
            # Not through the buffered reader: a thread blocked in it breaks the interpreter's
            # shutdown.
            while os.read(sys.stdin.fileno(), 1024):
                pass
            with suppress(RuntimeError):  # the loop is closed: we are leaving already
                loop.call_soon_threadsafe(leave)

        threading.Thread(target=watch_owner, daemon=True).start()
        await server.serve(sockets=[listening])

    asyncio.run(serve())


if __name__ == "__main__":
    sys.exit(main())
