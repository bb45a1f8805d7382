"""The explorer's views, by name."""

from __future__ import annotations

from opp_analytics.widgets.explorer.choice import VIEWS, Choice
from opp_analytics.widgets.explorer.views.at_risk import AtRiskView
from opp_analytics.widgets.explorer.views.changes import ChangesView
from opp_analytics.widgets.explorer.views.forecast import ForecastView
from opp_analytics.widgets.explorer.views.people import PeopleView
from opp_analytics.widgets.explorer.views.pictures import (
    CoverageView,
    CreatedView,
    OverTimeView,
    PacingView,
)
from opp_analytics.widgets.explorer.views.pipeline import PipelineView
from opp_analytics.widgets.explorer.views.slippage import SlippageView
from opp_analytics.widgets.explorer.views.view import View
from opp_analytics.widgets.explorer.views.win_rates import WinRatesView

_TYPES: tuple[type[View], ...] = (
    PipelineView,
    WinRatesView,
    ForecastView,
    ChangesView,
    SlippageView,
    AtRiskView,
)
PICTURES: dict[str, tuple[str, type[View]]] = {
    "over_time": ("over time", OverTimeView),
    "pacing": ("at the same point before", PacingView),
    "coverage": ("coverage", CoverageView),
    "created": ("created against need", CreatedView),
}
"""Further pictures of the forecast, each with its words."""


def find_type(choice: Choice) -> type[View]:
    """Find the type of a choice's view: a forecast by anything but periods has one of its own."""
    if choice.view != "forecast" or choice.grouping in ("M", "Q"):
        return _TYPES[VIEWS.index(choice.view)]
    return PICTURES.get(choice.grouping, ("", PeopleView))[1]
