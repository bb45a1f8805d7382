"""The line of a key in a TOML file."""

from __future__ import annotations

import tomllib
from typing import Any

__all__ = ["line_of"]

_MISSING = object()
_ENDINGS = ("", "]", "}", "}]", "]}", "]}]", '"', '"""')
"""What closes a file that was cut off after a line."""


def line_of(text: str, place: tuple[int | str, ...]) -> int | None:
    r"""The line at which the key at `place` is complete, from 1; None when it cannot be told.

    It is the shortest beginning of the file that already holds the final value.

    Examples
    --------
    >>> line_of('currency = "USD"\n[report]\nfreq = "M"\n', ("report", "freq"))
    3
    """
    try:
        final = _at(tomllib.loads(text), place)
    except tomllib.TOMLDecodeError:
        return None
    lines = text.splitlines()
    for number in range(1, len(lines) + 1):
        if final is not _MISSING and _holds("\n".join(lines[:number]), place, final):
            return number
    return None


def _holds(beginning: str, place: tuple[int | str, ...], final: Any) -> bool:
    for ending in _ENDINGS:
        try:
            found = _at(tomllib.loads(beginning + ending), place)
        except tomllib.TOMLDecodeError:
            continue
        if found is not _MISSING and found == final:
            return True
    return False


def _at(settings: Any, place: tuple[int | str, ...]) -> Any:
    for step in place:
        inside = isinstance(settings, dict) and step in settings
        listed = isinstance(settings, list) and isinstance(step, int) and step < len(settings)
        if not (inside or listed):
            return _MISSING
        settings = settings[step]
    return settings
