"""The forecast of a report: of the whole, by person, a week ago, over time, and deal by deal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import analysis, text
from opp_analytics.analysis import track_record
from opp_analytics.arguments import MethodName
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.periods import as_date
from opp_analytics.report.inputs import Inputs
from opp_analytics.report.tables.earlier import Earlier, earlier_record
from opp_analytics.report.tables.part_forecast import change_of_part, rows_of_part, target_of_part
from opp_analytics.report.tables.source import Source, rows_of
from opp_analytics.schema import ALL

__all__ = ["Forecasts", "method_name"]

_AHEAD = 3
"""Periods ahead on the page."""
_TREND = 9
"""Weeks of the trend."""
_SAID = ["expected", "low", "high"]
_JUDGED, _CENT = 12, 0.005
"""Past forecasts of a part that are judged, and what money may be off."""


@dataclass(frozen=True)
class Forecasts(Source):
    """The tables of a forecast."""

    @cached_property
    def _asked(self) -> dict[str, Any]:
        inputs, part = self.inputs, self.inputs.part
        asked = {"freq": inputs.freq, "history": inputs.history, "target": inputs.target, "tz": inputs.tz}
        if part is None:
            return asked
        ahead = [str(inputs.period + step) for step in range(_AHEAD + 1)]
        return {**asked, "history": part.whole_history, "target": target_of_part(part, ahead)}

    def _people(self, frame: pd.DataFrame, day: pd.Timestamp, method: MethodName) -> pd.DataFrame:
        """The forecast of the current period by the columns of the forecast, with "(all)" rows."""
        inputs = self.inputs
        table = analysis.forecast(
            frame,
            as_of=day,
            periods=[str(inputs.period)],
            only=True,
            by=list(inputs.levels),
            totals=True,
            method=method,
            **self._asked,
        )
        rows = table[table.index.get_level_values("period") == str(inputs.period)].droplevel("period")
        rows.attrs = table.attrs
        return rows

    def _then(
        self, moment: pd.Timestamp, method: MethodName, period: pd.Period | None = None
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The forecast of a period, the current one by default, as it was at a record: of the page's subject, and of its people."""
        inputs, part, wanted = self.inputs, self.inputs.part, str(period or self.inputs.period)
        day = as_date(moment, tz=inputs.tz)
        if part is None:
            frame = self._history().as_of(moment)
            whole = analysis.forecast(frame, as_of=day, periods=[wanted], method=method, **self._asked)
            return whole, self._people(frame, day, method) if inputs.by else whole.iloc[:0]
        assert part.whole_history is not None
        frame = part.whole_history.as_of(moment)
        table = analysis.forecast(
            frame,
            as_of=day,
            periods=[wanted],
            only=True,
            by=list(inputs.levels),
            totals=True,
            method=method,
            **self._asked,
        )
        whole, people = rows_of_part(table, part, inputs.levels)
        return whole, people.droplevel("period")

    @cached_property
    def _now(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The forecast of the part that the page is of, and by its people."""
        inputs, part = self.inputs, self.inputs.part
        assert part is not None
        table = analysis.forecast(
            part.whole,
            as_of=inputs.today,
            periods=_AHEAD + 1,
            method=inputs.method,
            by=list(inputs.levels),
            totals=True,
            **self._asked,
        )
        return rows_of_part(table, part, inputs.levels)

    @cached_property
    def forecast(self) -> pd.DataFrame:
        """`oa.forecast` of the whole, with rows for the current period and those ahead; on the page of a part its rows."""
        inputs = self.inputs
        if inputs.part is not None:
            return self._now[0]
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
        return method_name(self.forecast) == "stated"

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
        inputs = self.inputs
        if inputs.part is not None:
            rows = self._now[1]
            now = rows_of(rows, rows.index.get_level_values("period") == str(inputs.period))
            return now.droplevel("period")
        if not inputs.by:
            return self.forecast.iloc[:0]
        return self._people(inputs.opportunities, inputs.today, inputs.method)

    @property
    def method(self) -> MethodName:
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
        try:
            whole, people = self._then(moment, self.method)
        except NotEnoughHistory:
            method = text.label(method_name(self.forecast))
            raise NotEnoughHistory(
                f"the method changed: {method} had too few records on {inputs.day(day)}, so that day’s forecast cannot be compared"
            ) from None
        return Earlier(moment, day, whole, people)

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
        table = self._fan_of_part() if inputs.part else self._fan_of_whole()
        weekly = _weekly(self._to_today(table), inputs)
        if weekly.empty:
            raise NotEnoughHistory(f"no record in the {_TREND} weeks before {inputs.day(inputs.today)}")
        shown = weekly.assign(target=float(self.current["target"]))
        shown.attrs = {**table.attrs, "as_of": str(inputs.today.date())}
        return shown

    def _to_today(self, table: pd.DataFrame) -> pd.DataFrame:
        """Past forecasts up to that of today, where the last record is older."""
        inputs, row = self.inputs, self.current
        if as_date(table.index[-1], tz=inputs.tz) >= inputs.today or np.isnan(row["expected"]):
            return table
        figures = row[["booked", "expected", "low", "median", "high"]].to_dict()
        left = (inputs.period.end_time - inputs.today).days // 7
        noon = inputs.today.tz_localize("UTC") + pd.Timedelta(hours=12)
        now = pd.DataFrame({"period": str(inputs.period), "weeks_before": left, **figures}, index=[noon])
        joined: pd.DataFrame = pd.concat([table, now]).rename_axis("made_at")
        joined.attrs = table.attrs
        return joined

    def _fan_of_whole(self) -> pd.DataFrame:
        inputs = self.inputs
        return analysis.forecast_fan(
            self._history(),
            period=str(inputs.period),
            freq=inputs.freq,
            method=self.method,
            as_of=inputs.today,
            tz=inputs.tz,
        )

    def _fan_of_part(self) -> pd.DataFrame:
        """The part's rows of the forecasts of the whole, record by record."""
        inputs = self.inputs
        records = inputs.records.set_index("recorded_at")
        rows = {}
        for moment in _weekly(records, inputs).index:
            try:
                row = self._then(moment, self.method)[0].loc[str(inputs.period)]
            except NotEnoughHistory:
                continue
            rows[moment] = row[["booked", "expected", "low", "median", "high"]]
        table = pd.DataFrame.from_dict(rows, orient="index", dtype="float64").rename_axis("made_at")
        if table.empty or table["expected"].isna().all():
            raise NotEnoughHistory("no record can forecast this period yet")
        table = table[table["expected"].notna()]
        left = (
            inputs.period.end_time - pd.DatetimeIndex(table.index).tz_convert(inputs.tz).tz_localize(None)
        ).days
        table = table.assign(period=str(inputs.period), weeks_before=left // 7)
        table.attrs = self.forecast.attrs
        return table

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
        asked: dict[str, Any] = {
            "start": start,
            "end": inputs.until,
            "period": str(inputs.period),
            "freq": inputs.freq,
            "method": inputs.method,
            "tz": inputs.tz,
        }
        if inputs.part is None:
            return analysis.forecast_change(history, **asked), analysis.forecast_change_deals(
                history, **asked
            )
        assert inputs.part.whole_history is not None
        whole, by = inputs.part.whole_history, list(inputs.levels)
        change = analysis.forecast_change(whole, by=by, **asked)
        return change_of_part(change, analysis.forecast_change_deals(whole, by=by, **asked), inputs.part)

    @cached_property
    def categories(self) -> pd.DataFrame:
        """`oa.forecast_categories`."""
        inputs = self.inputs
        return analysis.forecast_categories(
            inputs.opportunities, as_of=inputs.today, freq=inputs.freq, tz=inputs.tz
        )

    @cached_property
    def forecast_deals(self) -> pd.DataFrame:
        """`oa.forecast_deals`; on the page of a part its rows of those of the whole."""
        inputs, part = self.inputs, self.inputs.part
        asked: dict[str, Any] = {"as_of": inputs.today, "method": inputs.method, **self._asked}
        if part is None:
            return analysis.forecast_deals(inputs.opportunities, **asked)
        by = list(inputs.levels[: inputs.levels.index(part.column) + 1])
        table = analysis.forecast_deals(part.whole, by=by, **asked)
        return rows_of(table, (table[part.column] == part.name).to_numpy(dtype=bool))

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
        table = track_record(
            self._history(), as_of=inputs.today, freq=inputs.freq, method=inputs.method, tz=inputs.tz
        )
        return table if inputs.part is None else self._as_row(table)

    def _as_row(self, table: pd.DataFrame) -> pd.DataFrame:
        """Past forecasts of a part with what the forecasts of the whole said of it then."""
        said = {}
        for label, row in table.tail(_JUDGED).iterrows():
            period = pd.Period(str(label), self.inputs.freq)
            try:
                whole = self._then(row["made_at"], self.inputs.method, period)[0]
            except NotEnoughHistory:
                continue
            said[str(label)] = whole.loc[str(period), _SAID]
        if not said:
            raise NotEnoughHistory("no past forecast of the whole can be judged")
        known = pd.DataFrame.from_dict(said, orient="index", dtype="float64")
        kept = table[table.index.isin(known.index)].copy()
        kept[_SAID] = known
        actual = kept["actual"]
        kept["error"] = kept["expected"] - actual
        kept["held"] = (kept["low"] - _CENT <= actual) & (actual <= kept["high"] + _CENT)
        kept.attrs = table.attrs
        return kept

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


def method_name(table: pd.DataFrame) -> MethodName:
    """Name the method of a forecast."""
    name: MethodName = table.attrs["method"]
    return name


def _weekly(table: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """The last record of each week back from the as-of day."""
    days = (inputs.today - pd.DatetimeIndex(table.index).tz_convert(inputs.tz).tz_localize(None)).days
    weeks = pd.Series((days.to_numpy() + 1) // 7, index=table.index)
    kept = ~weeks.duplicated(keep="last") & (weeks < _TREND)
    return table[kept.to_numpy(dtype=bool)]
