"""What the sandbox raises.

    SandboxError            a RuntimeError: the sandbox could not start, or is no longer running

Answers of the served API are HTTP answers, never exceptions of this module.
"""

from __future__ import annotations

__all__ = ["SandboxError"]


class SandboxError(RuntimeError):
    """The sandbox could not do what was asked; the message says why and what to do."""
