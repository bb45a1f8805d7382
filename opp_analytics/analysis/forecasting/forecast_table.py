"""The table of a forecast: a row for each group and period, from the deals and what the method says of each period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import schema
from opp_analytics.analysis.forecasting.chances import check_columns, stated_chances
from opp_analytics.analysis.forecasting.choose import Chosen, Situation, choose
from opp_analytics.analysis.forecasting.deals_by_period import (
    Deals,
    read_deals,
    slot,
    value_rates,
)
from opp_analytics.analysis.forecasting.forecasters import Forecaster, fit
from opp_analytics.analysis.forecasting.learned import Past
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.outlook import Outlook, nothing_open
from opp_analytics.analysis.forecasting.targets import Targets
from opp_analytics.org import Org, org_of
from opp_analytics.schema import BUCKETS

if TYPE_CHECKING:
    from opp_analytics.analysis.shared.replay import Replay
    from opp_analytics.history import History

Floats = NDArray[np.float64]


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
    if not isinstance(opportunities, pd.DataFrame) or org_of(opportunities) == org:
        return opportunities
    frame = opportunities.copy(deep=False)
    frame.attrs = {**opportunities.attrs, "org": org.facts}
    return frame


def forecast_table(made: Forecasted, asked: Asked, by: Sequence[str]) -> pd.DataFrame:
    """The rows of every group: overdue, unscheduled, then the periods."""
    deals = made.deals
    rows = _Rows.of(deals, list(made.outlooks))
    stated = stated_chances(deals.frame, deals.open, asked.method)
    no_value = np.isnan(deals.value)
    rated = "probability" in deals.frame or asked.method.rates is not None
    columns: dict[str, NDArray[np.generic]] = {
        "booked": rows.sum(deals.value, deals.booked),
        "open_count": rows.count(deals.open),
        "open_value": rows.sum(deals.value, deals.open),
        "weighted_open": rows.sum(deals.value * stated, deals.open) if rated else rows.filled(np.nan),
        **_expectations(rows, made, asked.confidence),
        **_against_targets(rows, made, asked.targets, by),
        "won_later_value": rows.sum(deals.value, deals.later),
        "no_value": rows.count(deals.open & no_value),
        "no_probability": rows.count(deals.open & ~no_value & (made.unpriced | (rated & np.isnan(stated)))),
        "to_date": np.tile([label == str(deals.current) for label in rows.labels], deals.size),
    }
    table = pd.DataFrame({name: column.ravel() for name, column in columns.items()}, index=rows.index)
    money = table["target"] - table["booked"]
    table["gap"] = money
    table["pipeline_coverage"] = (table["open_value"] / money).where(money > 0)
    rates = np.repeat(value_rates(deals), len(rows.labels))
    table["needed_pipeline"] = money / np.where(rates > 0, rates, np.nan) - table["open_value"]
    table["attainment"] = (table["booked"] / table["target"]).where(table["target"] > 0)
    return table[COLUMNS]


COLUMNS = [
    "booked", "open_count", "open_value", "weighted_open", "expected_open", "new_business", "expected",
    "low", "median", "high", "target", "p_target", "gap", "pipeline_coverage", "needed_pipeline", "attainment",
    "won_later_value", "no_value", "no_probability", "to_date",
]  # fmt: skip


@dataclass(frozen=True)
class _Rows:
    """The rows of a table: groups times buckets and periods."""

    labels: list[str]
    """Buckets and periods."""
    cell: NDArray[np.intp]
    """Row of each deal; −1 for none."""
    groups: int
    index: pd.Index[str] | pd.MultiIndex

    @classmethod
    def of(cls, deals: Deals, wanted: Sequence[pd.Period]) -> _Rows:
        """The rows of all groups."""
        slots = np.array([-2, -1, *(slot(period) for period in wanted)])
        labels = [*BUCKETS, *map(str, wanted)]
        place = np.searchsorted(slots, deals.period)
        inside = (deals.group >= 0) & (deals.open | deals.booked | deals.later)
        inside &= slots[np.minimum(place, len(slots) - 1)] == deals.period
        cell = np.where(inside, deals.group * len(slots) + place, -1)
        periods = pd.Index(labels, name="period", dtype=schema.TEXT)
        if deals.groups is None:
            return cls(labels, cell, 1, periods)
        levels = [deals.groups.get_level_values(k).repeat(len(labels)) for k in range(deals.groups.nlevels)]
        index = pd.MultiIndex.from_arrays(
            [*levels, pd.Index(np.tile(labels, deals.size), dtype=schema.TEXT)],
            names=[*deals.groups.names, "period"],
        )
        return cls(labels, cell, deals.size, index)

    @property
    def shape(self) -> tuple[int, int]:
        """Groups, and rows of each."""
        return self.groups, len(self.labels)

    def sum(self, amounts: Floats, mask: NDArray[np.bool_]) -> Floats:
        """Sum of amounts in each row; missing amounts count 0."""
        kept = np.flatnonzero(mask & (self.cell >= 0) & ~np.isnan(amounts))
        size = self.shape[0] * self.shape[1]
        return (
            np.bincount(self.cell[kept], weights=amounts[kept], minlength=size)
            .astype(np.float64)
            .reshape(self.shape)
        )

    def count(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Number of deals in each row."""
        return self.sum(np.ones(len(self.cell)), mask).astype(np.int64)

    def filled(self, value: float) -> Floats:
        """The same value in each row."""
        return np.full(self.shape, value)


def _expectations(rows: _Rows, made: Forecasted, confidence: float) -> dict[str, Floats]:
    """Expected money and the range of each row."""
    deals = made.deals
    open_part, new, expected = rows.filled(0.0), rows.filled(0.0), rows.filled(0.0)
    ranges = np.full((3, *rows.shape), np.nan)
    levels = ((1 - confidence) / 2, 0.5, (1 + confidence) / 2)
    for place, (period, outlook) in enumerate(made.outlooks.items(), start=len(BUCKETS)):
        open_part[:, place], new[:, place] = outlook.expected_open, outlook.new_business
        expected[:, place] = deals.booked_in(period) + outlook.expected_open + outlook.new_business
        for group, total in enumerate(outlook.totals):
            if total is not None:
                ranges[:, group, place] = [total.quantile(level) for level in levels]
    return {
        "expected_open": open_part,
        "new_business": new,
        "expected": expected,
        **dict(zip(("low", "median", "high"), ranges, strict=True)),
    }


def _against_targets(rows: _Rows, made: Forecasted, targets: Targets, by: Sequence[str]) -> dict[str, Floats]:
    """The target of each row, and the chance that it is reached."""
    target, reached = rows.filled(np.nan), rows.filled(np.nan)
    deals = made.deals
    for place, (period, outlook) in enumerate(made.outlooks.items(), start=len(BUCKETS)):
        booked = deals.booked_in(period)
        for group, labels in enumerate(deals.labels):
            amount = targets.of(by, labels, str(period))
            target[group, place] = amount
            reached[group, place] = outlook.p_target(group, float(booked[group]), amount)
    return {"target": target, "p_target": reached}
