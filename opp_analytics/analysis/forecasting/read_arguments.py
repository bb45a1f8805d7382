"""`read_arguments`: the checked arguments of a forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import arguments
from opp_analytics.analysis.forecasting.deals_by_period import Deals
from opp_analytics.analysis.forecasting.learned import Past
from opp_analytics.analysis.forecasting.method import Method, read_method
from opp_analytics.analysis.forecasting.targets import Target, Targets, read_targets
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.history import History
from opp_analytics.org import DEFAULT, Org, get_org, merge_orgs
from opp_analytics.periods import When, as_date, as_period, check_freq

if TYPE_CHECKING:
    from opp_analytics.analysis.shared.replay import Replay


@dataclass(frozen=True)
class Asked:
    """The checked arguments of a forecast."""

    today: pd.Timestamp
    freq: str
    method: Method
    history: History | Replay | None
    targets: Targets
    periods: Sequence[str]
    """Labels of periods that have a row in any case."""
    confidence: float
    seed: int
    tz: str
    org: Org
    past: Past | None = None
    """What the method learns from, if read already."""
    only: bool = False
    """True if no other period is asked about."""

    def wanted(self, deals: Deals) -> list[pd.Period]:
        """The periods asked about."""
        if self.only:
            return [pd.Period(label, self.freq) for label in self.periods]
        return deals.periods([*self.periods, *self.targets.periods])


def read_arguments(
    opportunities: pd.DataFrame,
    as_of: When,
    freq: str,
    method: str | Method,
    history: Any,
    *,
    target: Target = None,
    periods: int | Sequence[str] | None = None,
    only: bool = False,
    confidence: float = 0.8,
    seed: int = 0,
    tz: str | None = None,
    by: Sequence[str] = (),
    totals: bool = False,
) -> Asked:
    """The checked arguments of a forecast, with what the frame's and the history's org say where the caller does not."""
    how = read_method(method)
    if how.new_business and by:
        raise ArgumentValueError(
            "new_business=True does not work with by=; use method='learned', which splits new business by group"
        )
    org = (
        merge_orgs(get_org(opportunities), get_org(history), names=("the frame's org", "the history's"))
        or DEFAULT
    )
    zone, alias = org.zone(tz), org.freq(check_freq(freq))
    today = as_date(as_of, tz=zone)
    return Asked(
        today,
        alias,
        how,
        history,
        read_targets(
            target, alias, by, totals=totals, org=org, owners_of=lambda: _owners(opportunities, history)
        ),
        _labels(periods, today, alias),
        arguments.between(confidence, "confidence", example=0.8),
        arguments.whole(seed, "seed", low=0, example=0),
        zone,
        org,
        only=only,
    )


def _owners(opportunities: Any, history: Any) -> set[str]:
    """Everybody who owns or owned a deal."""
    named = [opportunities["owner_name"]] if "owner_name" in getattr(opportunities, "columns", ()) else []
    if isinstance(history, History) and "owner_name" in history.table.columns:
        named.append(history.collect(history.table.select("owner_name").distinct())["owner_name"])
    return {str(name) for column in named for name in column.dropna().unique()}


def _labels(periods: int | Sequence[str] | None, today: pd.Timestamp, freq: str) -> list[str]:
    """The labels of the requested periods."""
    if periods is None:
        return []
    if isinstance(periods, (list, tuple, pd.Index)):
        return list(dict.fromkeys(str(as_period(label, freq, name="periods")) for label in periods))
    if isinstance(periods, str):
        raise ArgumentTypeError(f"periods={periods!r} is text; use a list of labels or a number of periods")
    count = arguments.whole(periods, "periods", example=3)
    return [str(pd.Period(today, freq) + k) for k in range(count)]
