"""Given chances of the deals due in a period: stated, from a column, or by stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from opp_analytics.analysis.forecasting.method import METHODS, Method, Rates
from opp_analytics.analysis.forecasting.moment import Floats, Moment
from opp_analytics.analysis.forecasting.outlook import Mix, Outlook
from opp_analytics.analysis.forecasting.stage_rates import stage_rates
from opp_analytics.errors import ArgumentTypeError, MissingColumnError

if TYPE_CHECKING:
    from collections.abc import Collection

    from opp_analytics.history import History


@dataclass(frozen=True)
class Stated:
    """The method that takes each deal due in a period at its given chance, and expects nothing else."""

    column: str | None
    """The column of chances; None under "stage"."""
    rates: Rates
    """Chances for deals without one of their own."""
    seed: int = 0

    def chance(self, moment: Moment, period: pd.Period) -> Floats:
        """Chance of each deal due in the period, NaN where it has none; 0 for others."""
        return np.where(moment.due_in(period), self.every_chance(moment), 0.0)

    def outlook(self, moment: Moment, period: pd.Period, new: Floats | None = None) -> Outlook:
        """Forecast a current or future period; there is no new business, so `new` is not used."""
        booked, chance = moment.booked_in(period), self.chance(moment, period)
        uncertain = moment.due_in(period) & ~np.isnan(moment.value) & ~np.isnan(chance)
        totals = []
        for group in range(moment.size):
            rows = np.flatnonzero(uncertain & (moment.group == group))
            totals.append(Mix(rows, moment.value[rows], chance[rows], float(booked[group]), seed=self.seed))
        return Outlook(chance, moment.sum(moment.value * chance, moment.open), np.zeros(moment.size), totals)

    def every_chance(self, moment: Moment) -> Floats:
        """Look up the chance of each open deal, in whatever period it is due; NaN without one."""
        given = moment.columns.get(self.column) if self.column else None
        if given is not None:
            given.check(moment.open, moment.ids)
        return look_up_chances(moment, self.column, self.rates)


def look_up_chances(moment: Moment, column: str | None, rates: Rates) -> Floats:
    """Look up the chance of each open deal in a column, else that of its stage, by pipeline where that is given.

    One out of range counts as missing.
    """
    # The labels are the stage and its pipeline, those of rates the pipeline and its stage.
    given = [rates.get((labels[-1], labels[0]), rates.get(labels[0], np.nan)) for labels in moment.stages]
    by_stage = np.array([*given, np.nan])[moment.stage]
    own = moment.columns.get(column) if column else None
    if own is None:
        return np.where(moment.open, by_stage, np.nan)
    inside = (own.fractions >= 0) & (own.fractions <= 1)
    return np.where(moment.open, np.where(inside, own.fractions, by_stage), np.nan)


def fit_stated(method: Method, moment: Moment, history: History | None, *, tz: str, seed: int = 0) -> Stated:
    """Fit "stated", or "stage" with the rates learned from the records up to the moment where none are given."""
    if method.name == "stated" or method.stage_rates is not None:
        return Stated(method.column if method.name == "stated" else None, method.stage_rates or {}, seed)
    if history is None:
        raise ArgumentTypeError(
            "method='stage' learns its rates from history=; pass a history, or give rates: stage_rates={'proposal': 0.4, …}"
        )
    learned = stage_rates(history, as_of=moment.today, tz=tz)["rate"].dropna()
    return Stated(None, cast("Rates", learned.to_dict()), seed)


def check_column(method: Method, known: Collection[str], *, of: str) -> None:
    """Check that a frame or history has the column of chances that the method reads."""
    if method.name == "stated" and method.column not in known:
        raise MissingColumnError(
            f"method={method.label!r}: the {of} has no column {method.column!r}; use {', '.join(map(repr, METHODS))}, "
            f"or probability= with one of {', '.join(map(str, known))}"
        )
