"""The effect of the edits on the forecast of the running period, and their plan."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import evidence, forecast
from opp_analytics.errors import OppAnalyticsError
from opp_analytics.history import History, holds_part
from opp_analytics.org import UNKNOWN, money_of, outcome_codes
from opp_analytics.periods import Freq, When, as_date, check_freq
from opp_analytics.widgets.grid.sheet import EditSheet
from opp_analytics.writer import RUN_RATE_LIMIT, Plan, plan

_READ = (
    "unique_id", "value", "stage", "close_date", "probability", "status", "pipeline", "currency", "value_original",
)  # fmt: skip
"""Columns that a forecast without a history reads of open deals."""
_CHANCES = {"learned": "by chances from history", "stated": "by stated chances", "run_rate": "by run rate"}
"""Each method in the words of the strip."""


class ForecastEffect:
    """Forecast of the running period and the next, before and after the edits: `oa.forecast` of the two frames.

    Its deals add up, except under the run rate; so only the touched deals are forecast again.
    """

    def __init__(
        self,
        sheet: EditSheet,
        *,
        as_of: When,
        freq: Freq,
        history: History | None,
        targets: pd.DataFrame | None = None,
    ) -> None:
        self._sheet, self._history, self._targets = sheet, history, targets
        self._asked: dict[str, Any] = {"as_of": as_date(as_of), "freq": check_freq(freq), "history": history}
        self._before: pd.DataFrame | None = None
        self.why = ""
        """Reason for having no forecast."""

    def forget(self) -> None:
        """Forecast everything again, after a write."""
        self._before = None

    @cached_property
    def is_part(self) -> bool:
        """True if the sheet holds a part of the pipeline: then only its own deals count."""
        return holds_part(self._sheet.frame, self._history)

    def show_periods(self) -> list[dict[str, Any]]:
        """Forecast the running and the next period: ``period before after change target``, as written.

        ``after`` is None where it reads the same; ``before`` then says what is likely outside the range.
        """
        table = self._forecast_before()
        if table is None:
            return []
        moved, money, periods = self._sum_changes(table), money_of(self._sheet.frame), []
        current = pd.Period(table.attrs["as_of"], table.attrs["freq"])
        for period in (str(current), str(current + 1)):
            now, change, target = float(table["expected"][period]), moved[period], table["target"][period]
            texts = money(now), money(now + change)
            outside = evidence.name_outside(table.loc[period], money) if texts[0] == texts[1] else ""
            periods.append(
                {
                    "period": self._name(table, period),
                    "before": f"{texts[0]}{outside and f' ({outside})'}",
                    "after": None if texts[0] == texts[1] else texts[1],
                    "change": money(change, signed=True),
                    "target": "" if pd.isna(target) else money(target),
                }
            )
        return periods

    def by_deal(self, rows: list[int]) -> dict[int, float]:
        """Compute the change of the running period's expected money, row by row; none under the run rate, which sees no deal."""
        table = self._forecast_before()
        if table is None or not rows or table.attrs["method"] == "run_rate":
            return {}
        sides = (self._sheet.before(rows), self._sheet.after(rows))
        parts = (self._expect(side.assign(row=rows), by="row", periods=1, only=True) for side in sides)
        before, after = (part.groupby(level="row").sum() for part in parts)
        return {int(str(row)): float(change) for row, change in after.sub(before, fill_value=0.0).items()}

    @property
    def current(self) -> str:
        """Name of the running period."""
        table = self._forecast_before()
        return "" if table is None else self._name(table, str(table.index[table["to_date"]][0]))

    @property
    def about(self) -> dict[str, str]:
        """What is forecast, ``of``, and ``how``, with ``limit``: what the method cannot show of an edit."""
        table = self._forecast_before()
        if table is None:
            return {"of": "", "how": "", "limit": ""}
        method, deals = str(table.attrs["method"]), len(self._sheet.frame)
        these = "this deal" if deals == 1 else f"these {text.count(deals)}"
        return {
            "of": f"of {these}, " if self.is_part else "",
            "how": _CHANCES.get(method, method),
            "limit": text.capital(RUN_RATE_LIMIT) if method == "run_rate" else "",
        }

    def _name(self, table: pd.DataFrame, period: str) -> str:
        freq = str(table.attrs["freq"])
        return f"{pd.Timestamp(period):%b}" if freq == "M" else text.period(period, freq)

    def _forecast_before(self) -> pd.DataFrame | None:
        """Forecast the deals before the edits, once; None where it cannot be done."""
        if self._before is None and not self.why:
            asked: dict[str, Any] = {
                "target": None if self.is_part else self._targets,
                "new_business": not self.is_part,
            }
            try:
                self._before = forecast(self._sheet.base, **self._asked, **asked, periods=2)
            except OppAnalyticsError as reason:
                self.why = str(reason)
        return self._before

    def _sum_changes(self, before: pd.DataFrame) -> pd.Series[Any]:
        """Sum what the edits change in each period."""
        if not self._sheet.changed_rows:
            return before["expected"] * 0.0
        if before.attrs["method"] == "run_rate":
            after = forecast(self._sheet.edited, **self._asked, method="run_rate", periods=2)
            return after["expected"].sub(before["expected"])
        # What a history has taught may read any column.
        fields = None if self._history is not None else [c for c in _READ if c in self._sheet.column]
        was, now = (self._expect(side, periods=2) for side in _take_sides(self._sheet, fields))
        return now.sub(was)

    def _expect(self, frame: pd.DataFrame, **options: Any) -> pd.Series[Any]:
        """Forecast touched deals alone; where all of a few are in unknown stages, nothing is expected of them."""
        known = frame[outcome_codes(frame) != UNKNOWN]
        return forecast(known, **self._asked, new_business=False, **options)["expected"]


def _take_sides(sheet: EditSheet, fields: list[str] | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take the changed rows before and after the edits, numbered as in the sheet, without those that a side lacks."""
    rows = sheet.changed_rows
    before = [row for row in rows if not sheet.is_new(row)]
    after = [row for row in rows if sheet.row_state(row) != "removed"]
    return sheet.before(before, fields).set_axis(before), sheet.after(after, fields).set_axis(after)


def make_plan(sheet: EditSheet, **options: Any) -> Plan:
    """Make the plan of the edits from the changed deals; its ``row`` is the sheet's."""
    return plan(*_take_sides(sheet), **options)
