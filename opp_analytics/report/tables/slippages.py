"""Outcome of the deals due in the current period and in the two before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from opp_analytics import analysis
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.report.inputs import Inputs

__all__ = ["Slippage", "slippages"]


@dataclass(frozen=True)
class Slippage:
    """Outcome of the deals due in one period."""

    name: str
    table: pd.DataFrame
    deals: pd.DataFrame


def slippages(inputs: Inputs, history: History) -> list[Slippage]:
    """`oa.slippage` of the two periods before and of the current one so far, in order of time.

    Raises
    ------
    NotEnoughHistory
        When there are no two records to compare.
    """
    begins = pd.Timestamp(inputs.records["recorded_at"].iloc[0])
    found = []
    for step in (2, 1, 0):
        period = inputs.period - step
        first, last = period.start_time.normalize(), min(period.end_time.normalize(), inputs.today)
        opening = first if first.tz_localize(inputs.tz) >= begins else begins
        if opening is begins and begins.tz_convert(inputs.tz).tz_localize(None) >= last:
            continue
        asked: Any = {"start": opening, "end": last, "tz": inputs.tz}
        try:
            table = analysis.slippage(history, **asked)
        except NotEnoughHistory:
            continue  # No record inside this period; another one may have some.
        found.append(Slippage(str(period), table, analysis.slippage_deals(history, **asked)))
    if not found:
        raise NotEnoughHistory("no period has two records")
    return found
