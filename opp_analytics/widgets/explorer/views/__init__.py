"""The explorer's views, by name."""

from __future__ import annotations

from opp_analytics.widgets.explorer.choice import VIEWS
from opp_analytics.widgets.explorer.views.changes import ChangesView
from opp_analytics.widgets.explorer.views.forecast import ForecastView
from opp_analytics.widgets.explorer.views.pipeline import PipelineView
from opp_analytics.widgets.explorer.views.slippage import SlippageView
from opp_analytics.widgets.explorer.views.view import View
from opp_analytics.widgets.explorer.views.win_rates import WinRatesView

_TYPES = (PipelineView, WinRatesView, ForecastView, ChangesView, SlippageView)
VIEW_TYPES: dict[str, type[View]] = dict(zip(VIEWS, _TYPES, strict=True))
