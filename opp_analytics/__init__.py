"""Sales pipeline analytics in pandas over the 23blocks CRM Opportunities API.

Everything is a frame of opportunities; time is a history of such frames; a change is the difference between two.

>>> import opp_analytics as oa
>>> with oa.sandbox.start() as server:
...     client = oa.Client(server.url, server.token, server.api_key)
...     opportunities = oa.load(client, progress=False)
...     rates = oa.win_rate(opportunities, by="owner_name")
>>> bool(rates["rate"].between(0, 1).all())
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opp_analytics import errors, plots, sandbox
    from opp_analytics.analysis import (  # type: ignore[no-redef]  # `outcomes` is a module there, too
        audit,
        backtest,
        backtest_horizons,
        backtest_methods,
        calibration,
        close_date_moves,
        forecast,
        forecast_deals,
        forecast_fan,
        mend,
        movements,
        outcomes,
        recalibrated,
        sentence,
        slippage,
        slippage_deals,
        stage_flow,
        stage_funnel,
        stage_rates,
        time_to_win,
        transitions,
        velocity,
        waterfall,
        win_rate,
        win_rate_cohorts,
        win_rate_curve,
        win_rate_definitions,
    )
    from opp_analytics.client import Client, Page
    from opp_analytics.errors import (
        ApiError,
        ArgumentError,
        AuthError,
        CacheError,
        ConfigError,
        ConnectionFailed,
        DataError,
        DataWarning,
        ForbiddenError,
        HistoryError,
        JournalError,
        LoadError,
        MissingColumnError,
        NotEnoughHistory,
        NotFoundError,
        OppAnalyticsError,
        PlanError,
        RateLimitError,
        RecordRefused,
        ServerError,
        UnexpectedResponse,
        ValidationError,
    )
    from opp_analytics.history import History
    from opp_analytics.loader import load
    from opp_analytics.report import WeeklyReport, weekly_report
    from opp_analytics.widgets import Explorer, edit, explore
    from opp_analytics.writer import (
        Plan,
        Receipt,
        apply,
        own_writes,
        plan,
        read_csv,
        read_excel,
        resume,
        runs,
        to_csv,
        to_excel,
        undo,
    )

_HOMES = {
    "analysis": (
        "audit",
        "backtest",
        "backtest_horizons",
        "backtest_methods",
        "calibration",
        "close_date_moves",
        "forecast",
        "forecast_deals",
        "forecast_fan",
        "mend",
        "movements",
        "outcomes",
        "recalibrated",
        "sentence",
        "slippage",
        "slippage_deals",
        "stage_flow",
        "stage_funnel",
        "stage_rates",
        "time_to_win",
        "transitions",
        "velocity",
        "waterfall",
        "win_rate",
        "win_rate_cohorts",
        "win_rate_curve",
        "win_rate_definitions",
    ),
    "client": ("Client", "Page"),
    "errors": (
        "ApiError",
        "ArgumentError",
        "AuthError",
        "CacheError",
        "ConfigError",
        "ConnectionFailed",
        "DataError",
        "DataWarning",
        "ForbiddenError",
        "HistoryError",
        "JournalError",
        "LoadError",
        "MissingColumnError",
        "NotEnoughHistory",
        "NotFoundError",
        "OppAnalyticsError",
        "PlanError",
        "RateLimitError",
        "RecordRefused",
        "ServerError",
        "UnexpectedResponse",
        "ValidationError",
    ),
    "history": ("History",),
    "loader": ("load",),
    "report": ("WeeklyReport", "weekly_report"),
    "widgets": ("Explorer", "edit", "explore"),
    "writer": (
        "Plan",
        "Receipt",
        "apply",
        "own_writes",
        "plan",
        "read_csv",
        "read_excel",
        "resume",
        "runs",
        "to_csv",
        "to_excel",
        "undo",
    ),
}
_MODULES = ("errors", "plots", "sandbox")
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__version__ = "0.1.0"
__all__ = ["__version__", *sorted([*_HOME_OF, *_MODULES])]


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing the package costs little more than pandas."""
    if name in _MODULES:
        return import_module(f"opp_analytics.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'opp_analytics' has no attribute {name!r}")
    value = getattr(import_module(f"opp_analytics.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
