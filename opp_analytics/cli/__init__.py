"""The command line, `opp-analytics`.

What reports warnings is imported where there is one: help and completion answer at once.
"""

from __future__ import annotations

import os
import sys
import warnings
from io import TextIOWrapper
from types import TracebackType
from typing import Any

from opp_analytics.cli.app import app


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # Into a file or a pipe, Windows writes in a code page that has neither → nor −.
        if (
            isinstance(stream, TextIOWrapper)
            and not stream.isatty()
            and "PYTHONIOENCODING" not in os.environ
        ):
            stream.reconfigure(encoding="utf-8")
    warnings.showwarning = _warn
    sys.excepthook = _crash
    try:
        app()
    finally:
        if "opp_analytics.cli.console" in sys.modules:
            from opp_analytics.cli.console import say_gathered

            say_gathered()


def _warn(*warning: Any, **named: Any) -> None:
    from opp_analytics.cli.console import gather_warning

    gather_warning(*warning, **named)


def _crash(kind: type[BaseException], error: BaseException, frames: TracebackType | None) -> None:
    from opp_analytics.cli.console import say_crash

    say_crash(kind, error, frames)
