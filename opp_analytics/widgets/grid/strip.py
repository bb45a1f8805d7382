"""The plan strip: what the edits do to the forecast of the running period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import forecast
from opp_analytics.errors import OppAnalyticsError
from opp_analytics.org import Money, money_of
from opp_analytics.periods import When, as_date, check_freq
from opp_analytics.widgets.grid.sheet import Sheet
from opp_analytics.writer import Plan, plan

if TYPE_CHECKING:
    from opp_analytics.history import History

__all__ = ["Outlook", "money_change", "plan_of"]


_READ = ("unique_id", "value", "stage", "close_date", "probability", "status")


class Outlook:
    """Forecast of the running period and the next, before and after the edits.

    Expected money adds up deal by deal, so only the touched deals are forecast again.
    """

    def __init__(self, sheet: Sheet, *, as_of: When, freq: str, history: History | None) -> None:
        self._sheet, self._history = sheet, history
        self._day, self._freq = as_date(as_of), check_freq(freq)
        current = pd.Period(self._day, self._freq)
        self._labels = [str(current), str(current + 1)]
        self._before: pd.Series[Any] | None = None
        self._why = ""

    def forget(self) -> None:
        """Forecast everything again, after a write."""
        self._before = None

    def periods(self) -> list[dict[str, Any]]:
        """The running and the next period: ``period``, and the expected money ``before``, ``after``, ``change``."""
        if self._before is None:
            self._before = self._expected(self._sheet.base)
        if self._why:
            return []
        money = money_of(self._sheet.frame)
        sides = _sides(self._sheet, self._sheet.changed_rows, self._fields)
        before, after = (self._expected(frame) for frame in sides)
        return [
            {"period": self._name(label)}
            | money_change(
                now := float(self._before[label]), now + float(after[label] - before[label]), money
            )
            for label in self._labels
        ]

    def by_deal(self, rows: list[int]) -> dict[int, float]:
        """Change of the running period's expected money, row by row."""
        if self._why:
            return {}
        before, after = (
            self._expected_deals(frame, rows)
            for frame in ((self._sheet.before(rows), self._sheet.after(rows)))
        )
        change = after.sub(before, fill_value=0.0)
        return {row: float(change[row]) for row in change.index}

    @property
    def why(self) -> str:
        """Reason for having no forecast."""
        return self._why

    @property
    def current(self) -> str:
        """Name of the running period."""
        return self._name(self._labels[0])

    @property
    def _fields(self) -> list[str] | None:
        """Columns that the forecast reads; what a history has taught may read any."""
        return None if self._history is not None else [c for c in _READ if c in self._sheet.column]

    @property
    def _method(self) -> str:
        return "stated" if self._history is None else "auto"

    def _name(self, label: str) -> str:
        monthly = self._freq == "M"
        return f"{pd.Timestamp(label):%b}" if monthly else text.period(label, self._freq)

    def _forecast(self, frame: pd.DataFrame, **options: Any) -> pd.DataFrame:
        return forecast(
            frame, as_of=self._day, freq=self._freq, method=self._method, history=self._history, **options
        )

    def _expected(self, frame: pd.DataFrame) -> pd.Series[Any]:
        try:
            return self._forecast(frame, periods=self._labels)["expected"]
        except OppAnalyticsError as reason:
            self._why = str(reason)
            return pd.Series(0.0, index=self._labels)

    def _expected_deals(self, frame: pd.DataFrame, rows: list[int]) -> pd.Series[Any]:
        deals = frame.assign(row=rows)
        table = forecast(deals, as_of=self._day, freq=self._freq, by="row", periods=self._labels[:1])
        expected = table["expected"].xs(self._labels[0], level="period")
        return expected.set_axis([int(row) for row in expected.index])


def _sides(
    sheet: Sheet, rows: list[int], fields: list[str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows before and after the edits, without those that are not there on a side."""
    return (
        sheet.before([row for row in rows if not sheet.is_new(row)], fields),
        sheet.after([row for row in rows if sheet.row_state(row) != "removed"], fields),
    )


def plan_of(sheet: Sheet, **options: Any) -> Plan:
    """The plan of the edits, made from the touched deals."""
    return plan(*_sides(sheet, sheet.changed_rows), **options)


def money_change(before: float, after: float, money: Money) -> dict[str, str | None]:
    """Two amounts as people read them; no second one where they read the same."""
    was, now = money(before), money(after)
    return {
        "before": was,
        "after": None if was == now else now,
        "change": money(after - before, signed=True),
    }
