"""Threads that nobody waits for, so that Ctrl-C ends a load or a plan while the server is still thinking.

The interpreter waits at its end for the threads of a `ThreadPoolExecutor`; these end by themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from opp_analytics.api.stop import STOP, Stop

_T = TypeVar("_T")


class Threads:
    """At most `count` threads; leaving the ``with`` block ends their requests and drops what has not begun."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._threads: list[threading.Thread] = []
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._stop = Stop()

    def __enter__(self) -> Threads:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for _thread in self._threads:
            self._tasks.put(None)

    def submit(self, call: Callable[..., _T], *args: Any) -> Future[_T]:
        """The result of ``call(*args)``, made in one of the threads."""
        future: Future[_T] = Future()
        self._tasks.put((future, lambda: call(*args)))
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._work, name="opp-analytics", daemon=True)
            self._threads.append(thread)
            thread.start()
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
