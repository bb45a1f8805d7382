"""What moved between the records of a report's history."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from opp_analytics import analysis
from opp_analytics.history import coverage
from opp_analytics.org import split_by
from opp_analytics.periods import check_freq
from opp_analytics.report.tables.slippages import Slippage, slippages
from opp_analytics.report.tables.source import Source, rows_of

__all__ = ["Movements"]

_WEEKS = 13
"""Weeks of the stage flow."""


@dataclass(frozen=True)
class Movements(Source):
    """The tables of a history."""

    @cached_property
    def created(self) -> pd.DataFrame:
        """`oa.pipeline_created` by weeks that end on the as-of day.

        Raises
        ------
        NotEnoughHistory
            When there is no record.
        """
        inputs = self.inputs
        weekly = check_freq(f"W-{inputs.today:%a}".upper())
        table = analysis.pipeline_created(self._history(), freq=weekly, tz=inputs.tz)
        return rows_of(table, table.index <= str(pd.Period(inputs.today, weekly)))

    @cached_property
    def created_by(self) -> pd.DataFrame:
        """`oa.pipeline_created` of the current period by person.

        Raises
        ------
        NotEnoughHistory
            When there is no record.
        MissingColumnError
            When the history does not know whose a deal is.
        """
        inputs = self.inputs
        table = analysis.pipeline_created(self._history(), freq=inputs.freq, by=inputs.person, tz=inputs.tz)
        now = rows_of(table, table.index.get_level_values("period") == str(inputs.period))
        return now.droplevel("period")

    @cached_property
    def created_deals(self) -> pd.DataFrame:
        """The deals behind `created`: each with its period, at the value first seen.

        Raises
        ------
        NotEnoughHistory
            When there is no record.
        """
        return analysis.pipeline_created_deals(
            self._history(), freq=self.created.attrs["freq"], tz=self.inputs.tz
        )

    @cached_property
    def created_by_deals(self) -> pd.DataFrame:
        """The deals behind `created_by`, by person.

        Raises
        ------
        NotEnoughHistory, MissingColumnError
            As for `created_by`.
        """
        inputs = self.inputs
        return analysis.pipeline_created_deals(
            self._history(), freq=inputs.freq, by=inputs.person, tz=inputs.tz
        )

    @cached_property
    def slippages(self) -> list[Slippage]:
        """`oa.slippage` of the two periods before and of the current one so far, in order of time.

        Raises
        ------
        NotEnoughHistory
            When there are no two records to compare.
        """
        return slippages(self.inputs, self._history())

    @cached_property
    def pushed(self) -> pd.DataFrame:
        """The open deals of `oa.close_date_moves` that were pushed more than once.

        Raises
        ------
        NotEnoughHistory
            When there is no record.
        """
        inputs = self.inputs
        moves = analysis.close_date_moves(self._history(), end=inputs.until, tz=inputs.tz)
        often = moves[moves["pushes"] > 1].drop(columns="last_close_date")
        table = inputs.deals[inputs.deals["outcome"] == "open"].merge(
            often.reset_index(names="unique_id"), on="unique_id"
        )
        return table.sort_values(
            ["pushes", "value", "unique_id"], ascending=[False, False, True], ignore_index=True
        )

    @cached_property
    def flow(self) -> pd.DataFrame:
        """`oa.stage_flow` of the last thirteen weeks.

        Raises
        ------
        NotEnoughHistory
            When the records do not cover any of it.
        """
        return analysis.stage_flow(self._history(), **self._flow())

    @cached_property
    def flow_deals(self) -> pd.DataFrame:
        """The entries behind `flow`.

        Raises
        ------
        NotEnoughHistory
            As for `flow`.
        """
        return analysis.stage_flow_deals(self._history(), **self._flow())

    @property
    def flow_since(self) -> pd.Timestamp:
        """Start of `flow`: thirteen weeks ago, or the first record where that is later."""
        inputs = self.inputs
        first = inputs.today - pd.Timedelta(weeks=_WEEKS)
        begins = pd.Timestamp(inputs.records["recorded_at"].iloc[0])
        return max(first.tz_localize(inputs.tz).tz_convert("UTC"), begins)

    def _flow(self) -> dict[str, Any]:
        inputs = self.inputs
        return {
            "start": self.flow_since,
            "end": inputs.until,
            "by": split_by(inputs.opportunities),
            "tz": inputs.tz,
        }

    @cached_property
    def coverage(self) -> pd.DataFrame:
        """`History.coverage` of the records up to the as-of day.

        Raises
        ------
        NotEnoughHistory
            When there is no record.
        """
        self._history()
        return coverage(self.inputs.records, self.inputs.freq)
