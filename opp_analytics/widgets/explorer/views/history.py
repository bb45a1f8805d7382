"""What views of the changes between two records share."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.history import History
from opp_analytics.widgets.explorer.choice import Option
from opp_analytics.widgets.explorer.views.view import (
    COLUMNS,
    AnalysisCall,
    Kpi,
    Lack,
    View,
    rate_closed,
)


class HistoryView(View):
    """A view of the changes between two records; its figures are those of its table."""

    needs_history = True

    analysis: str
    """The name of the analysis."""

    @property
    def _options(self) -> dict[str, Any]:
        """What the analysis and its deals are asked for."""
        return {"start": self.start, "end": self.end}

    @property
    def call(self) -> AnalysisCall:
        # With the ends of the window as code spells them.
        words = {
            "start": self.selector.spell(self.start),
            "end": self.selector.spell(self.end, end=True),
        }
        window = {
            name: Option(self._options[name], json.dumps(spelled))
            for name, spelled in words.items()
        }
        return AnalysisCall(self.analysis, self._options | window)

    @cached_property
    def source(self) -> History | None:
        """The history of the selected deals; None without two records or without a deal."""
        return self.selector.select_history(self.choice) if len(self.selector.moments) > 1 else None

    @property
    def history(self) -> History:
        """The history of the selected deals, once nothing lacks."""
        assert self.source is not None
        return self.source

    @cached_property
    def deals(self) -> pd.DataFrame:
        if self.source is None:
            return self.selector.opportunities.iloc[:0]
        return self.selector.select_recorded(self.choice, self.end)

    @property
    def lack(self) -> str | Lack:
        if len(self.selector.moments) < 2:
            return "history"
        if self.start == self.end:
            return "window"
        if self.source is None:
            unknown = self.unrecorded
            words = f"{unknown} What changes after the next record is shown here."
            lack = Lack(title="Not recorded yet.", text=words, code="opp-analytics record")
            return lack if unknown else "match"
        return "nothing" if self.table.empty else ""

    @property
    def notes(self) -> list[str]:
        return [self.unrecorded] if self.unrecorded else []

    @cached_property
    def unrecorded(self) -> str:
        """A sentence on chosen names that no deal of the history ever had.

        Empty if there are none.
        """
        never = [
            f"the {text.group_label(column)} {text.joined(map(str, values), last='or')}"
            for column, values in self.selector.list_unrecorded(self.choice).items()
            if values
        ]
        return f"No record has a deal with {text.joined(never, last='or')}." if never else ""

    def write_code(self) -> list[str]:
        if len(self.selector.moments) < 2:
            return []
        return [*self.selector.write_history_code(self.choice), *self.call.write_code("chosen")]

    def _sum(self, column: str, row: str) -> float:
        """Sum a column of the table over all groups, in one row of each."""
        return float(self.table[column][self.table.index.get_level_values(-1) == row].sum())

    def _rate(self, column: str, which: str) -> Kpi:
        return rate_closed(self._sum(column, "won"), self._sum(column, "lost"), which)

    def _last_known(self) -> pd.DataFrame:
        """Take deals as at the window's end; those that are gone by then as last recorded."""
        gone = self.history.changes().sort_values("seen_at", ascending=False, kind="stable")
        frame = pd.concat([self.deals, gone[gone["seen_at"] <= pd.Timestamp(self.end)]])
        frame = frame[[column for column in COLUMNS if column in frame]]
        return frame.drop_duplicates("unique_id")
