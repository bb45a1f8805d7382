"""The table of a forecast: a row for each group and period, from the deals and what the method says of each period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import schema
from opp_analytics.analysis.forecasting.chances import stated_chances
from opp_analytics.analysis.forecasting.deals_by_period import Deals, slot, value_rates
from opp_analytics.analysis.forecasting.look_ahead import Forecasted
from opp_analytics.analysis.forecasting.read_arguments import Asked
from opp_analytics.analysis.forecasting.targets import Targets
from opp_analytics.schema import BUCKETS

Floats = NDArray[np.float64]


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
