"""Worker threads that can be abandoned on an interrupt."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from opp_analytics.api import STOP
from opp_analytics.writer.apply.send import StopSignal

__all__ = ["work_through"]

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")
_LOOK_EVERY = 0.1


def work_through(
    work: Callable[[_Item], _Done], items: Iterable[_Item], threads: int, stop: StopSignal
) -> Iterator[tuple[_Item, _Done]]:
    """Yield each item with the result of `work`, in the order they finish.

    After an interrupt (`StopSignal.leave_at`), unfinished work is abandoned: its requests are ended, and neither the
    caller nor the exit of the process waits for its threads.

    Raises
    ------
    BaseException
        The first error in `work`, after all other work finished.
    """
    waiting = deque(items)
    ended: queue.SimpleQueue[tuple[_Item, _Done | None, BaseException | None]] = queue.SimpleQueue()
    left = len(waiting)

    def take() -> None:
        STOP.by = stop.requests
        while True:
            try:
                item = waiting.popleft()
            except IndexError:
                return
            try:
                ended.put((item, work(item), None))
            except BaseException as error:
                ended.put((item, None, error))

    for _ in range(min(threads, left)):
        threading.Thread(target=take, name="apply", daemon=True).start()
    failure: BaseException | None = None
    try:
        while left and not (stop.leave_at is not None and time.monotonic() > stop.leave_at):
            try:
                item, done, error = ended.get(timeout=_LOOK_EVERY)
            except queue.Empty:
                continue
            left -= 1
            if error is not None:
                failure = failure or error
                stop.set("an unexpected error")
            else:
                yield item, done  # type: ignore[misc]
    finally:
        if left:
            stop.requests.set()
    if failure is not None:
        raise failure
