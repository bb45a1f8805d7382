"""The explorer's views, by name."""

from __future__ import annotations

from opp_analytics.widgets.explorer.choice import VIEWS, Choice
from opp_analytics.widgets.explorer.views.at_risk import AtRiskView
from opp_analytics.widgets.explorer.views.changes import ChangesView
from opp_analytics.widgets.explorer.views.forecast import ForecastView
from opp_analytics.widgets.explorer.views.people import PeopleView
from opp_analytics.widgets.explorer.views.pictures import CoverageView, CreatedView, OverTimeView, PacingView
from opp_analytics.widgets.explorer.views.pipeline import PipelineView
from opp_analytics.widgets.explorer.views.slippage import SlippageView
from opp_analytics.widgets.explorer.views.view import View
from opp_analytics.widgets.explorer.views.win_rates import WinRatesView

_TYPES = (PipelineView, WinRatesView, ForecastView, ChangesView, SlippageView, AtRiskView)
VIEW_TYPES: dict[str, type[View]] = dict(zip(VIEWS, _TYPES, strict=True))
PICTURES = {
    "over_time": "over time",
    "pacing": "at the same point before",
    "coverage": "coverage",
    "created": "created against need",
}
"""Further pictures of the forecast, with their words."""
PICTURE_TYPES: dict[str, type[View]] = dict(
    zip(PICTURES, (OverTimeView, PacingView, CoverageView, CreatedView), strict=True)
)


def find_type(choice: Choice) -> type[View]:
    """Find the type of a choice's view: a forecast by anything but periods has one of its own."""
    if choice.view != "forecast" or choice.grouping in ("M", "Q"):
        return VIEW_TYPES[choice.view]
    return PICTURE_TYPES.get(choice.grouping, PeopleView)
