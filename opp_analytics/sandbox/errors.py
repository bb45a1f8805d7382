"""The errors of the sandbox.

    SandboxError                a RuntimeError: the sandbox could not start, or no longer runs
    ├── SandboxTypeError        also a TypeError: an argument of the wrong kind
    └── SandboxValueError       also a ValueError: an argument out of range, or an unknown option

Refusals of the served API are HTTP answers, never exceptions of this module.
"""

from __future__ import annotations

__all__ = ["SandboxError", "SandboxTypeError", "SandboxValueError"]


class SandboxError(RuntimeError):
    """The sandbox could not carry out a request; the message says why and what to do."""


class SandboxTypeError(SandboxError, TypeError):
    """An argument is of the wrong kind."""


class SandboxValueError(SandboxError, ValueError):
    """An argument is out of range, or not one of the options."""
