"""Stopping the requests of other threads: a load that is interrupted leaves none behind."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

__all__ = ["STOP", "Stop", "Stopped"]


class Stopped(Exception):
    """A request was given up before it was sent, or after the server refused it for now."""


class Stop:
    """The end of all requests of some threads: it ends their pauses, and their waiting for an answer."""

    def __init__(self) -> None:
        self._set = threading.Event()
        self._cut = False
        self._lock = threading.Lock()
        self._waiting: dict[int, socket.socket] = {}

    def begin_nothing(self) -> None:
        """End pauses, and let no request begin; answers are still waited for."""
        self._set.set()

    def set(self) -> None:
        """Stop now."""
        with self._lock:
            self._set.set()
            self._cut = True
            for connection in self._waiting.values():
                with suppress(OSError):
                    # The method of a TLS socket would take its state from under the thread that reads.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def pause(self, seconds: float = 0) -> None:
        """Wait.

        Raises
        ------
        Stopped
            When this was stopped, at once.
        """
        if self._set.wait(seconds):
            raise Stopped

    def watch(self, connection: socket.socket) -> None:
        """The current thread begins to wait for an answer.

        Raises
        ------
        ConnectionAbortedError
            When nobody waits for it any more; what was sent may have been carried out.
        """
        with self._lock:
            self._waiting[threading.get_ident()] = connection
            if self._cut:
                raise ConnectionAbortedError("stopped")

    def forget(self) -> None:
        """The current thread waits no longer."""
        with self._lock:
            self._waiting.pop(threading.get_ident(), None)


class _OfThread(threading.local):
    by = Stop()


STOP = _OfThread()
"""What stops the requests of the current thread; by default nothing does."""
