"""The effect of the edits on the forecast of the running period, and their plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import forecast
from opp_analytics.errors import OppAnalyticsError
from opp_analytics.org import money_of
from opp_analytics.periods import Freq, When, as_date, check_freq
from opp_analytics.widgets.grid.sheet import EditSheet
from opp_analytics.writer import Plan, plan

if TYPE_CHECKING:
    from opp_analytics.history import History


_READ = ("unique_id", "value", "stage", "close_date", "probability", "status")
"""Columns that a forecast without a history reads."""


class ForecastEffect:
    """Forecast of the running period and the next, before and after the edits.

    Expected money adds up deal by deal, so only the touched deals are forecast again.
    """

    def __init__(self, sheet: EditSheet, *, as_of: When, freq: Freq, history: History | None) -> None:
        self._sheet, self._history = sheet, history
        self._day, self._freq = as_date(as_of), check_freq(freq)
        current = pd.Period(self._day, self._freq)
        self._periods = [str(current), str(current + 1)]
        self._before: pd.Series[Any] | None = None
        self.why = ""
        """Reason for having no forecast."""

    def forget(self) -> None:
        """Forecast everything again, after a write."""
        self._before = None

    def show_periods(self) -> list[dict[str, Any]]:
        """Forecast the running and the next period: ``period``, and expected money ``before``, ``after``, ``change``.

        ``after`` is None where it reads the same.
        """
        if self._before is None:
            self._before = self._expect(self._sheet.base)
        if self.why:
            return []
        # What a history has taught may read any column.
        fields = None if self._history is not None else [c for c in _READ if c in self._sheet.column]
        before, after = (self._expect(side) for side in _take_sides(self._sheet, fields))
        money, periods = money_of(self._sheet.frame), []
        for period in self._periods:
            now, moved = float(self._before[period]), float(after[period] - before[period])
            texts = money(now), money(now + moved)
            later = None if texts[0] == texts[1] else texts[1]
            change = money(moved, signed=True)
            periods.append(
                {"period": self._name(period), "before": texts[0], "after": later, "change": change}
            )
        return periods

    def by_deal(self, rows: list[int]) -> dict[int, float]:
        """Compute the change of the running period's expected money, row by row."""
        if self.why or not rows:
            return {}
        before, after = (
            self._expect_rows(frame, rows) for frame in (self._sheet.before(rows), self._sheet.after(rows))
        )
        change = after.sub(before, fill_value=0.0)
        return {row: float(change[row]) for row in change.index}

    @property
    def current(self) -> str:
        """Name of the running period."""
        return self._name(self._periods[0])

    def _name(self, period: str) -> str:
        return f"{pd.Timestamp(period):%b}" if self._freq == "M" else text.period(period, self._freq)

    def _expect(self, frame: pd.DataFrame) -> pd.Series[Any]:
        method = "stated" if self._history is None else "auto"
        options: dict[str, Any] = {"method": method, "history": self._history, "periods": self._periods}
        try:
            return forecast(frame, as_of=self._day, freq=self._freq, **options)["expected"]
        except OppAnalyticsError as reason:
            self.why = str(reason)
            return pd.Series(0.0, index=self._periods)

    def _expect_rows(self, frame: pd.DataFrame, rows: list[int]) -> pd.Series[Any]:
        current = self._periods[:1]
        table = forecast(frame.assign(row=rows), as_of=self._day, freq=self._freq, by="row", periods=current)
        expected = table["expected"].xs(current[0], level="period")
        return expected.set_axis([int(row) for row in expected.index])


def _take_sides(sheet: EditSheet, fields: list[str] | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take the changed rows before and after the edits, numbered as in the sheet, without those that a side lacks."""
    rows = sheet.changed_rows
    before = [row for row in rows if not sheet.is_new(row)]
    after = [row for row in rows if sheet.row_state(row) != "removed"]
    return sheet.before(before, fields).set_axis(before), sheet.after(after, fields).set_axis(after)


def make_plan(sheet: EditSheet, **options: Any) -> Plan:
    """Make the plan of the edits from the changed deals; its ``row`` is the sheet's."""
    return plan(*_take_sides(sheet), **options)
