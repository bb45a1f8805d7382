"""Calls whose failures do not keep the frames in which they happened: those hold headers with the token and the key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def attempt(call: Callable[[], _T]) -> _T | BaseException:
    """What `call` returns, or what it raises, Ctrl-C included, without its traceback and what led to it.

    The caller raises it after this has returned, so that it becomes no other error's context either.
    """
    try:
        return call()
    except BaseException as error:
        failure = error
    failure.__traceback__ = failure.__cause__ = failure.__context__ = None
    return failure
