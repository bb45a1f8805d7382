"""The command line, `opp-analytics`."""

from __future__ import annotations

import sys
import warnings
from types import TracebackType

from opp_analytics.cli.app import app
from opp_analytics.cli.console import complain, say_crash, say_warning
from opp_analytics.cli.last_errors import note_error
from opp_analytics.errors import OppAnalyticsError
from opp_analytics.sandbox import SandboxError

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; an error of ours is one clear line and exit code 1."""
    warnings.showwarning = say_warning
    sys.excepthook = _crash
    try:
        app()
    except (OppAnalyticsError, SandboxError) as error:
        note_error(error, error.__traceback__)
        complain(str(error))
        sys.exit(1)


def _crash(kind: type[BaseException], error: BaseException, frames: TracebackType | None) -> None:
    note_error(error, frames)
    say_crash(kind, error, frames)
