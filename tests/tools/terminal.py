"""A terminal at which a person reads a word and types it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

_WORD = re.compile(r"type (\w{6})")
Answer = Callable[[str], str | None]
"""What is typed once a word is asked for; None is Ctrl-D."""


def converse(terminal: int, answer: Answer) -> str:
    """Read a terminal to its end, and type an answer where a word is asked for."""
    shown, typed = "", False
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux says so that the other end is closed.
            part = b""
        if not part:
            return shown
        shown += part.decode(errors="replace")
        if not typed and (asked := _WORD.search(shown)):
            said = answer(asked[1])
            os.write(terminal, b"\x04" if said is None else f"{said}\r".encode())
            typed = True
