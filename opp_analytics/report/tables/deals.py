"""What the deals of a report say as they are now: flags, stages, win rates, findings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from opp_analytics import analysis
from opp_analytics.org import Org, split_by
from opp_analytics.report.tables.source import Source

__all__ = ["DealTables"]


@dataclass(frozen=True)
class DealTables(Source):
    """The tables of the deals."""

    @cached_property
    def flags(self) -> pd.DataFrame:
        """`oa.deal_flags`, the largest flagged value first."""
        inputs = self.inputs
        return analysis.deal_flags(
            inputs.opportunities,
            None if inputs.records.empty else inputs.history,
            as_of=inputs.today,
            own_writes=inputs.own_writes,
            tz=inputs.tz,
        )

    @cached_property
    def funnel(self) -> pd.DataFrame:
        """`oa.stage_funnel`."""
        return analysis.stage_funnel(self.inputs.opportunities, by=split_by(self.inputs.opportunities))

    @property
    def closed_since(self) -> pd.Timestamp:
        """First day of the window of the win rates: this quarter and the three before."""
        return (pd.Period(self.inputs.today, Org.of(self.inputs.opportunities).freq("Q")) - 3).start_time

    @cached_property
    def win_rate(self) -> pd.Series[Any]:
        """`oa.win_rate` of the window as one row."""
        return self._win_rate(None).iloc[0]

    @cached_property
    def win_rates(self) -> pd.DataFrame:
        """`oa.win_rate` of the window by person; empty where nobody is named."""
        return self._win_rate(self.inputs.person) if self.inputs.person else self._win_rate(None).head(0)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """`oa.scorecard` of the window, without a history: whose win rate differs beyond chance."""
        inputs = self.inputs
        assert inputs.person is not None
        return analysis.scorecard(
            inputs.opportunities, as_of=inputs.today, by=inputs.person, start=self.closed_since, tz=inputs.tz
        )

    def _win_rate(self, by: str | None) -> pd.DataFrame:
        inputs = self.inputs
        return analysis.win_rate(
            inputs.opportunities, start=self.closed_since, end=inputs.today, as_of=inputs.today, by=by
        )

    @cached_property
    def findings(self) -> pd.DataFrame:
        """`oa.audit`."""
        inputs = self.inputs
        return analysis.audit(
            inputs.opportunities, as_of=inputs.today, own_writes=inputs.own_writes, tz=inputs.tz
        )

    @cached_property
    def finding_summary(self) -> pd.DataFrame:
        """`oa.audit_summary` of errors and warnings, the most money first."""
        table = analysis.audit_summary(self.findings[self.findings["severity"] != "info"])
        return table.sort_values(["value", "deals"], ascending=False)
