"""The tables of a report, each computed once when first read."""

from __future__ import annotations

from dataclasses import dataclass

from opp_analytics.report.tables.deals import DealTables
from opp_analytics.report.tables.forecasts import Forecasts, method_name
from opp_analytics.report.tables.movements import Movements
from opp_analytics.report.tables.slippages import Slippage

__all__ = ["Slippage", "Tables", "method_name"]


@dataclass(frozen=True)
class Tables(Forecasts, Movements, DealTables):
    """The result tables of a report."""
