"""The command line, `opp-analytics`."""

from __future__ import annotations

import sys
import warnings

from opp_analytics.cli.app import app
from opp_analytics.cli.console import complain, say_crash, say_warning
from opp_analytics.errors import OppAnalyticsError
from opp_analytics.sandbox import SandboxError

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; an error of ours is one clear line and exit code 1."""
    warnings.showwarning = say_warning
    sys.excepthook = say_crash
    try:
        app()
    except (OppAnalyticsError, SandboxError) as error:
        complain(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        complain("Stopped. Nothing is half-done; run the command again to continue.")
        sys.exit(130)
