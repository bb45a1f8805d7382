"""The effect of edits on a forecast, for a plan's impact and the grid's strip."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pandas as pd

from opp_analytics.analysis.forecasting.forecast import forecast
from opp_analytics.analysis.forecasting.targets import Target
from opp_analytics.arguments import MethodName
from opp_analytics.arrays import Series
from opp_analytics.errors import DataWarning
from opp_analytics.history import History, add_rest, find_rest, holds_part
from opp_analytics.note import note_of
from opp_analytics.org import UNKNOWN, outcome_codes
from opp_analytics.schema import BUCKETS, Json


class EditImpact:
    """Forecasts of opportunities before and after edits, by one method and over the same periods.

    Where they are a part of their pipeline, the record of their time adds the other deals to both
    sides; without one they are forecast alone, without a target.
    """

    def __init__(
        self,
        opportunities: pd.DataFrame,
        *,
        history: History | None,
        method: MethodName = "auto",
        periods: int | None = None,
        target: Target = None,
        **asked: Any,
    ) -> None:
        self.opportunities = opportunities
        """Those before the edits; what the server holds of them after a write may take their
        place."""
        self.rest = find_rest(opportunities, history)
        """The other deals of the pipeline; None if there are none, or none are known."""
        self.is_part = self.rest is None and holds_part(opportunities, history)
        """True if the other deals of the pipeline are unknown."""
        self._asked = asked | {"history": history, "target": None if self.is_part else target}
        self._first: Json = {"method": method, "periods": periods}

    @cached_property
    def before(self) -> pd.DataFrame:
        """The forecast before the edits, as of `forecast`."""
        return self._forecast(self.opportunities, **self._first)

    def find_after(self, edited: pd.DataFrame) -> pd.DataFrame:
        """Forecast the edited opportunities.

        A period that only they have is then in `before` too.
        """
        first = self.before
        with DataWarning.muted():  # which `before` gave
            # A period without deals on one side may have new business on both.
            after = self._forecast(edited, **self._same(first))
            if not after.index.isin(first.index).all():
                self.before = self._forecast(self.opportunities, **self._same(after))
                self.before.attrs = first.attrs
        return after

    @property
    def limit(self) -> str:
        """The part of an edit that the method cannot show; empty if nothing."""
        if note_of(self.before).method != "run_rate":
            return ""
        return "the run rate sees wins, not the value, date, stage or chance of an open deal"

    def by_row(self, before: pd.DataFrame, after: pd.DataFrame, period: str) -> Series:
        """Compute what each row, by its label, changes of a period's expected money.

        None under the run rate, which sees no deal.
        """
        method = note_of(self.before).method
        if method == "run_rate":
            return pd.Series(dtype="float64")
        asked = self._asked | {"target": None, "method": method, "by": "row", "new_business": False}
        # Where all of a few are in unknown stages, nothing is expected of them.
        known = (side[outcome_codes(side) != UNKNOWN] for side in (before, after))
        sides = (
            forecast(each.assign(row=each.index), periods=[period], only=True, **asked)
            for each in known
        )
        was, now = (side["expected"].groupby(level="row").sum() for side in sides)
        return now.sub(was, fill_value=0.0)

    def _same(self, table: pd.DataFrame) -> Json:
        return {
            "method": note_of(self.before).method,
            "periods": [*table.index.difference(list(BUCKETS))],
        }

    def _forecast(self, opportunities: pd.DataFrame, **how: Any) -> pd.DataFrame:
        whole = add_rest(opportunities, self.rest)
        return forecast(whole, **self._asked, **how, new_business=not self.is_part)
