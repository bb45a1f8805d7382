"""What views of the changes between two records share."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

import pandas as pd

from opp_analytics.history import History
from opp_analytics.widgets.explorer.views.view import COLUMNS, AnalysisCall, Kpi, Option, View, rate_closed


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
        words = {"start": self.selector.spell(self.start), "end": self.selector.spell(self.end, end=True)}
        window = {name: Option(self._options[name], json.dumps(spelled)) for name, spelled in words.items()}
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
    def lack(self) -> str:
        if len(self.selector.moments) < 2:
            return "history"
        if self.start == self.end:
            return "window"
        return "match" if self.source is None else "nothing" if self.table.empty else ""

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
