"""Our command line at another moment: ``python -m tests.clocked …``, with the moment (ISO, UTC) in
``CLOCK``."""

from __future__ import annotations

import datetime as dt
import os
import sys
from importlib import import_module
from typing import Any

import pandas as pd

from opp_analytics.cli import main

_ASK_THE_TIME = (
    "cli.load",
    "cli.report",
    "cli.source",
    "history.recording",
    "loading.load",
    "loading.refresh",
    "org.check_file",
    "report.delivery.ledger",
)
_NOW = dt.datetime.fromisoformat(os.environ["CLOCK"])


class _Kind(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, dt.datetime)


class _Clock(dt.datetime, metaclass=_Kind):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return _NOW.astimezone(tz)


def _now(cls: type[pd.Timestamp], tz: Any = None) -> pd.Timestamp:
    return cls(_NOW).tz_convert(tz)


if __name__ == "__main__":
    for name in _ASK_THE_TIME:
        module = import_module(f"opp_analytics.{name}")
        if hasattr(module, "datetime"):
            vars(module)["datetime"] = _Clock
    pd.Timestamp.now = classmethod(_now)  # type: ignore[method-assign,assignment]
    sys.argv[0] = "opp-analytics"
    main()
