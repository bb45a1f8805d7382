"""The forecast of a report: of the whole, by person, a week ago, over time, and deal by deal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import analysis, text
from opp_analytics.analysis import Method, track_record
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.periods import as_date
from opp_analytics.report.inputs import Inputs
from opp_analytics.report.tables.earlier import Earlier, earlier_record
from opp_analytics.report.tables.source import Source, rows_of
from opp_analytics.schema import ALL

__all__ = ["Forecasts", "method_name"]

_AHEAD = 3
"""Periods ahead on the page."""
_TREND = 9
"""Weeks of the way to the target."""


@dataclass(frozen=True)
class Forecasts(Source):
    """The tables of a forecast."""

    @cached_property
    def _asked(self) -> dict[str, Any]:
        inputs = self.inputs
        return {"freq": inputs.freq, "history": inputs.history, "target": inputs.target, "tz": inputs.tz}

    def _people(self, frame: pd.DataFrame, day: pd.Timestamp, method: str | Method) -> pd.DataFrame:
        """The forecast of the current period by team and person, with "(all)" rows; empty where nobody is named."""
        inputs = self.inputs
        if not inputs.by:
            return self.forecast.iloc[:0]
        return analysis.forecast_of_period(
            frame, period=str(inputs.period), as_of=day, by=list(inputs.by), method=method, **self._asked
        )

    @cached_property
    def forecast(self) -> pd.DataFrame:
        """`oa.forecast` of the whole, with rows for the current period and those ahead."""
        inputs = self.inputs
        return analysis.forecast(
            inputs.opportunities,
            as_of=inputs.today,
            periods=_AHEAD + 1,
            method=inputs.method,
            **self._asked,
        )

    @property
    def stated(self) -> bool:
        """True when the forecast knows the stated chances alone, which say no chance of a target."""
        return method_name(self.forecast).startswith("stated")

    @property
    def current(self) -> pd.Series[Any]:
        """The forecast's row of the current period."""
        return self.forecast.loc[[str(self.inputs.period)]].iloc[0]

    @cached_property
    def ahead(self) -> pd.DataFrame:
        """The forecast's rows of the periods ahead."""
        names = [str(self.inputs.period + step) for step in range(1, _AHEAD + 1)]
        return rows_of(self.forecast, self.forecast.index.isin(names))

    @cached_property
    def people(self) -> pd.DataFrame:
        """`oa.forecast` of the current period by team and person, with "(all)" rows; empty where nobody is named."""
        return self._people(self.inputs.opportunities, self.inputs.today, self.inputs.method)

    @property
    def method(self) -> str | Method:
        """The method of the forecast: the one that was asked for, or the one that "auto" chose."""
        asked = self.inputs.method
        return method_name(self.forecast) if asked == "auto" else asked

    @cached_property
    def earlier(self) -> Earlier:
        """The record to compare with, and the forecast as it was then, by the method of now.

        Raises
        ------
        NotEnoughHistory
            When there is none, or when the method could not serve then.
        """
        inputs = self.inputs
        moment = earlier_record(inputs)
        day = as_date(moment, tz=inputs.tz)
        frame = self._history().as_of(moment)
        try:
            whole = analysis.forecast(
                frame, as_of=day, periods=[str(inputs.period)], method=self.method, **self._asked
            )
        except NotEnoughHistory:
            method = text.label(method_name(self.forecast))
            raise NotEnoughHistory(
                f"the method changed: {method} had too few records on {inputs.day(day)}, so that day’s forecast cannot be compared"
            ) from None
        return Earlier(moment, day, whole, self._people(frame, day, self.method))

    @cached_property
    def no_changes(self) -> str:
        """Why there is nothing to compare with; empty when there is."""
        try:
            _ = self.earlier
        except NotEnoughHistory as reason:
            return str(reason)
        return ""

    @cached_property
    def fan(self) -> pd.DataFrame:
        """`oa.forecast_fan` of the current period.

        Raises
        ------
        NotEnoughHistory
            When no record of the last weeks can forecast it.
        """
        inputs = self.inputs
        table = analysis.forecast_fan(
            self._history(),
            period=str(inputs.period),
            freq=inputs.freq,
            method=self.method,
            as_of=inputs.today,
            tz=inputs.tz,
        )
        weekly = _weekly(table, inputs)
        if weekly.empty:
            raise NotEnoughHistory(f"no record in the {_TREND} weeks before {inputs.day(inputs.today)}")
        shown = weekly.assign(target=float(self.current["target"]))
        shown.attrs = {**table.attrs, "as_of": str(inputs.today.date())}
        return shown

    @property
    def change(self) -> pd.DataFrame:
        """`oa.forecast_change` of the current period, from the earlier record to the last one.

        Raises
        ------
        NotEnoughHistory
            When there are no two records to compare, or the method could not serve at the first.
        """
        return self._change[0]

    @property
    def change_deals(self) -> pd.DataFrame:
        """`oa.forecast_change_deals` of the same.

        Raises
        ------
        NotEnoughHistory
            As for `change`.
        """
        return self._change[1]

    @cached_property
    def _change(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        inputs, history = self.inputs, self._history()
        start, last = earlier_record(inputs), inputs.records["recorded_at"].iloc[-1]
        if last <= start:
            raise NotEnoughHistory(
                f"no record after {inputs.day(as_date(start, tz=inputs.tz))} shows what moved"
            )
        return analysis.forecast_change_with_deals(
            history,
            start=start,
            end=inputs.until,
            period=str(inputs.period),
            freq=inputs.freq,
            method=inputs.method,
            tz=inputs.tz,
        )

    @cached_property
    def categories(self) -> pd.DataFrame:
        """`oa.forecast_categories`."""
        inputs = self.inputs
        return analysis.forecast_categories(
            inputs.opportunities, as_of=inputs.today, freq=inputs.freq, tz=inputs.tz
        )

    @cached_property
    def forecast_deals(self) -> pd.DataFrame:
        """`oa.forecast_deals`."""
        inputs = self.inputs
        return analysis.forecast_deals(
            inputs.opportunities,
            as_of=inputs.today,
            freq=inputs.freq,
            method=inputs.method,
            history=inputs.history,
            target=inputs.target,
            tz=inputs.tz,
        )

    @cached_property
    def swings(self) -> pd.DataFrame:
        """`oa.forecast_deals` of the current period, the deal with the largest share of what is uncertain first."""
        inputs, table = self.inputs, self.forecast_deals
        now = table[table["period"] == str(inputs.period)]
        details = ["unique_id", *(name for name in inputs.by if name not in now)]
        joined = now.merge(inputs.deals[details], on="unique_id", how="left")
        joined.attrs = table.attrs
        return joined

    @cached_property
    def track_record(self) -> pd.DataFrame:
        """`track_record`: past forecasts made equally far before the end of earlier periods.

        Raises
        ------
        NotEnoughHistory
            When no ended period has a record at that distance.
        DataError
            When recorded values cannot be used, such as a probability above 100.
        """
        inputs = self.inputs
        return track_record(
            self._history(), as_of=inputs.today, freq=inputs.freq, method=inputs.method, tz=inputs.tz
        )

    @property
    def persons(self) -> pd.DataFrame:
        """The rows of `people` of single persons, by name."""
        people = self.people
        totals = [ALL in (label if isinstance(label, tuple) else (label,)) for label in people.index]
        rows = people.loc[~np.array(totals, dtype=bool)]
        return rows.droplevel(list(range(rows.index.nlevels - 1))) if rows.index.nlevels > 1 else rows

    @cached_property
    def call_deals(self) -> pd.DataFrame:
        """`call_deals`: the open deals that could still close in the current period, by person."""
        inputs = self.inputs
        assert inputs.person is not None
        return analysis.call_deals(
            inputs.opportunities, as_of=inputs.today, freq=inputs.freq, by=inputs.person, tz=inputs.tz
        )

    @cached_property
    def call_sheets(self) -> pd.DataFrame:
        """`call_sheets`: what each person short of the target can do."""
        return analysis.call_sheets(self.call_deals, self.persons)


def method_name(table: pd.DataFrame) -> str:
    """The method of a forecast, without why it was chosen."""
    return str(table.attrs["method"]).partition(":")[0]


def _weekly(table: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """The last record of each week back from the as-of day."""
    days = (inputs.today - pd.DatetimeIndex(table.index).tz_convert(inputs.tz).tz_localize(None)).days
    weeks = pd.Series((days.to_numpy() + 1) // 7, index=table.index)
    kept = ~weeks.duplicated(keep="last") & (weeks < _TREND)
    return table[kept.to_numpy(dtype=bool)]
