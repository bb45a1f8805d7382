"""Threads that nobody waits for, so Ctrl-C ends work while the server still thinks.

Work is a load or a plan.

The interpreter waits at its end for the threads of a `ThreadPoolExecutor`; these end by themselves.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar


class Stopped(Exception):
    """A request was given up before it was sent, or after the server refused it for now."""


class Stop:
    """End of all requests of some threads: it ends pauses, and any wait for an answer."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._cut = False
        self._lock = threading.Lock()
        self._waiting: dict[int, socket.socket] = {}

    def cut(self) -> None:
        """Stop now."""
        with self._lock:
            self._over.set()
            self._cut = True
            for connection in self._waiting.values():
                with suppress(OSError):
                    # The method of a TLS socket would take its state from under the thread that
                    # reads.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def pause(self, seconds: float = 0) -> None:
        """Wait for `seconds`; raise `Stopped` at once when this was stopped."""
        if self._over.wait(seconds):
            raise Stopped

    def watch(self, connection: socket.socket) -> None:
        """Register that the current thread waits for an answer.

        Raise when nobody waits for it any more.
        """
        with self._lock:
            self._waiting[threading.get_ident()] = connection
            if self._cut:
                raise ConnectionAbortedError("stopped")

    def forget(self) -> None:
        """Unregister the current thread."""
        with self._lock:
            self._waiting.pop(threading.get_ident(), None)


class _OfThread(threading.local):
    by = Stop()


STOP = _OfThread()
"""What stops the requests of the current thread; by default nothing does."""

_T = TypeVar("_T")


def start_thread(work: Callable[[], object], name: str) -> None:
    """Start a thread that nobody waits for."""
    threading.Thread(target=work, name=name, daemon=True).start()


class Threads:
    """At most `count` threads.

    Leaving the ``with`` block ends their requests and drops what has not begun.
    """

    def __init__(self, count: int) -> None:
        self._count, self._started = count, 0
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._stop = Stop()

    def __enter__(self) -> Threads:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.cut()
        self._tasks.put(None)

    def submit(self, call: Callable[..., _T], *args: Any) -> Future[_T]:
        """Run ``call(*args)`` in one of the threads; its future."""
        future: Future[_T] = Future()
        self._tasks.put((future, lambda: call(*args)))
        if self._started < self._count:
            start_thread(self._work, "opp-analytics")
            self._started += 1
        return future

    def _work(self) -> None:
        STOP.by = self._stop
        while (task := self._tasks.get()) is not None:
            future, call = task
            try:
                self._stop.pause()
                result = call()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
            del future, call, task
        # To each other thread, also to one whose start Ctrl-C interrupted.
        self._tasks.put(None)
