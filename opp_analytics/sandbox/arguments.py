"""The sandbox's errors, and the checks of its arguments.

    SandboxError                a RuntimeError: the sandbox could not start, or no longer runs
    ├── SandboxTypeError        also a TypeError: an argument of the wrong kind
    └── SandboxValueError       also a ValueError: an argument out of range, or an unknown option

Refusals of the served API are HTTP answers, never exceptions of this module.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

Json = dict[str, Any]
"""An object of JSON."""


class SandboxError(RuntimeError):
    """The sandbox could not carry out a request; the message says why and what to do."""


class SandboxTypeError(SandboxError, TypeError):
    """An argument is of the wrong kind."""


class SandboxValueError(SandboxError, ValueError):
    """An argument is out of range, or not one of the options."""


def check_number(
    value: Any, name: str, *, low: float = -math.inf, high: float = math.inf, whole: bool = False
) -> Any:
    """Check that `value` is a number from `low` to `high`, and return it as int or float.

    Numpy scalars are allowed.
    """
    allowed = f"{'a whole' if whole else 'a'} number from {low:,g} to {high:,g}"
    if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
        raise SandboxTypeError(f"{name}={value!r} must be {allowed}")
    number = int(value) if isinstance(value, Integral) else float(value)
    if not (low <= number <= high and math.isfinite(number)):
        raise SandboxValueError(f"{name}={value!r} must be {allowed}")
    return number
