"""What all tables of a report are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.periods import as_date
from opp_analytics.report.inputs import Inputs

__all__ = ["Source", "rows_of"]


@dataclass(frozen=True)
class Source:
    """The inputs of a report."""

    inputs: Inputs

    @property
    def first_record(self) -> pd.Timestamp:
        """Day of the first record of all."""
        assert self.inputs.history is not None
        return as_date(self.inputs.history.records["recorded_at"].iloc[0], tz=self.inputs.tz)

    def _history(self) -> History:
        """The history, which holds a record.

        Raises
        ------
        NotEnoughHistory
            When it does not.
        """
        if self.inputs.history is None or self.inputs.records.empty:
            raise NotEnoughHistory("no record of the pipeline up to this day")
        return self.inputs.history


def rows_of(table: pd.DataFrame, kept: Any) -> pd.DataFrame:
    """Some rows of a table, with its attrs."""
    part: pd.DataFrame = table[kept]
    part.attrs = table.attrs
    return part
