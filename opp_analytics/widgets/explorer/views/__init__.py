"""The five views: the table of each, the code that makes it, its chart, and the deals under each mark."""

from __future__ import annotations

from opp_analytics.widgets.explorer.views.changes import Changes
from opp_analytics.widgets.explorer.views.forecast import Forecast
from opp_analytics.widgets.explorer.views.pipeline import Pipeline
from opp_analytics.widgets.explorer.views.slippage import Slippage
from opp_analytics.widgets.explorer.views.view import Look, View, states_chances
from opp_analytics.widgets.explorer.views.win_rates import WinRates

__all__ = ["Forecast", "Look", "View", "states_chances", "view_of"]

_VIEWS: dict[str, type[View]] = {
    "pipeline": Pipeline,
    "win_rates": WinRates,
    "forecast": Forecast,
    "changes": Changes,
    "slippage": Slippage,
}


def view_of(look: Look) -> View:
    """The chosen view."""
    return _VIEWS[look.choice.view](look)
