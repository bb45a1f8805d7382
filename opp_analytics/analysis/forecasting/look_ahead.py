"""`look_ahead`: the deals of a forecast, its method, and what that says of each period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics.analysis.forecasting.chances import check_columns
from opp_analytics.analysis.forecasting.choose import Chosen, Situation, choose
from opp_analytics.analysis.forecasting.deals_by_period import Deals, read_deals
from opp_analytics.analysis.forecasting.forecasters import Forecaster, fit
from opp_analytics.analysis.forecasting.outlook import Outlook, nothing_open
from opp_analytics.analysis.forecasting.read_arguments import Asked
from opp_analytics.org import Org, get_org

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Forecasted:
    """The deals of a forecast, its method, and what that says of each period."""

    deals: Deals
    chosen: Chosen
    forecaster: Forecaster
    outlooks: Mapping[pd.Period, Outlook]

    @property
    def unpriced(self) -> NDArray[np.bool_]:
        """True for open deals whose chance in the period they are due in is not known to the method."""
        found = np.zeros(len(self.deals.frame), dtype=bool)
        for period, outlook in self.outlooks.items():
            if not np.isnan(outlook.new_business).any():
                found |= self.deals.due_in(period) & np.isnan(outlook.chance)
        return found

    def new_business(self, period: pd.Period, whole: Deals) -> Floats:
        """New business of a period in the coarser groups of `whole`."""
        place = {labels: k for k, labels in enumerate(whole.labels)}
        parts = [place[labels[: len(whole.labels[0])]] for labels in self.deals.labels]
        found = np.bincount(parts, weights=self.outlooks[period].new_business, minlength=whole.size)
        return found.astype(np.float64)


def look_ahead(
    opportunities: pd.DataFrame,
    asked: Asked,
    by: Sequence[str],
    *,
    single_deals: bool = False,
    parts: Forecasted | None = None,
) -> Forecasted:
    """Read the deals, choose the method, and ask it about each period; new business is the sum of `parts`, if any."""
    if isinstance(opportunities, pd.DataFrame):
        check_columns(asked.method, opportunities)
    unique = asked.method.aged and asked.history is not None
    deals = read_deals(
        with_org(opportunities, asked.org),
        asked.method.columns,
        today=asked.today,
        freq=asked.freq,
        by=by,
        tz=asked.tz,
        unique=unique,
    ).with_groups([*asked.targets.groups(by), *({k[: len(by)] for k in parts.deals.labels} if parts else ())])
    chosen = choose(asked.method, Situation.of(deals, asked.history), single_deals=single_deals)
    wanted = asked.wanted(deals)
    forecaster = fit(chosen.method, deals, asked.history, seed=asked.seed, past=asked.past)
    outlooks = {
        period: forecaster.outlook(period, parts.new_business(period, deals) if parts else None)
        if period >= deals.current
        else nothing_open(len(deals.frame), deals.booked_in(period))
        for period in wanted
    }
    return Forecasted(deals, chosen, forecaster, outlooks)


def with_org(opportunities: pd.DataFrame, org: Org) -> pd.DataFrame:
    """The frame with the org of its history where it has none of its own."""
    if not isinstance(opportunities, pd.DataFrame) or get_org(opportunities) == org:
        return opportunities
    frame = opportunities.copy(deep=False)
    frame.attrs = {**opportunities.attrs, "org": org.facts}
    return frame
