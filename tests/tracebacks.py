"""What an error keeps of the calls that led to it, and Ctrl-C in the middle of one."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Iterator
from types import FrameType

import pytest


def errors_of(error: BaseException) -> Iterator[BaseException]:
    """The error and all that hang on it."""
    known: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is not None and one not in known:
            known.append(one)
            left += [one.__cause__, one.__context__]
    yield from known


def frames_of(error: BaseException) -> list[FrameType]:
    """Every frame that the error keeps but the tests' own."""
    frames = [
        frame for one in errors_of(error) for frame, _ in traceback.walk_tb(one.__traceback__)
    ]
    return [frame for frame in frames if "/tests/" not in frame.f_code.co_filename]


def safe_repr(value: object) -> str:
    """The repr, also of what is half made."""
    try:
        return repr(value)
    except AttributeError as error:
        return f"<{error}>"


def interrupt_in(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
    """Let Ctrl-C come, once, while this method runs."""
    plain = getattr(owner, name)
    done: list[bool] = []

    def interrupted(*args: object, **options: object) -> object:
        if not done:
            done.append(True)
            signal.raise_signal(signal.SIGINT)
        return plain(*args, **options)

    monkeypatch.setattr(owner, name, interrupted)
