"""The explorer's views, by name."""

from __future__ import annotations

from opp_analytics.widgets.explorer.choice import Choice
from opp_analytics.widgets.explorer.views.at_risk import AtRiskView
from opp_analytics.widgets.explorer.views.changes import ChangesView
from opp_analytics.widgets.explorer.views.forecast import ForecastView
from opp_analytics.widgets.explorer.views.people import PeopleView
from opp_analytics.widgets.explorer.views.pipeline import PipelineView
from opp_analytics.widgets.explorer.views.slippage import SlippageView
from opp_analytics.widgets.explorer.views.view import View
from opp_analytics.widgets.explorer.views.win_rates import WinRatesView

_TYPES: dict[str, type[View]] = {
    "pipeline": PipelineView,
    "win_rates": WinRatesView,
    "forecast": ForecastView,
    "changes": ChangesView,
    "slippage": SlippageView,
    "at_risk": AtRiskView,
}


def find_type(choice: Choice) -> type[View]:
    """Find the type of a choice's view: a forecast by anything but periods has one of its own."""
    by_name = choice.view == "forecast" and choice.grouping not in ("M", "Q")
    return PeopleView if by_name else _TYPES[choice.view]
