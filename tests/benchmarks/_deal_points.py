"""Single deals: chances said and wins that came, and the days between which a win was said to
come."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from opp_analytics import text
from opp_analytics.analysis.forecasting.forecast_deals import HORIZON_DAYS, find_win_dates
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.moment import NEVER
from opp_analytics.analysis.forecasting.past_forecasts import PastForecasts
from opp_analytics.analysis.forecasting.question import Question
from opp_analytics.analysis.stats.intervals import wilson
from opp_analytics.history import History
from opp_analytics.org import WON

_EDGES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 1.0)
"""Edges of the bins of chances: narrow where most deals are."""


def list_points(history: History, freq: str) -> pd.DataFrame:
    """List each open deal at each week's last record, from the first on that learned can be asked.

    The period is the one that runs after the record's day. ``chance`` is said by learned,
    ``stated`` in the record, ``won`` tells whether the deal was won in the period; ``won_on`` is
    the day of a win whenever it came, else NaN. ``low``, ``median``, ``high`` are the days said for
    a win, and ``due`` the planned one.
    """
    question = Question.of_past(
        history, "the proof", freq=freq, method=Method("stated"), as_of=None
    )
    past = PastForecasts(question)
    records, learned = past.records, past.learned
    versions, parts = learned.versions, []
    deal = versions.find_deals(np.arange(len(versions.seen)))
    won_on = np.full(len(versions.first), np.nan)
    ends = np.flatnonzero(
        (versions.every.outcome == WON) & (versions.until == versions.until.max())
    )
    won_on[deal[ends]] = versions.every.due[ends]
    # Days from Monday on: day 0, January 1, 1970, was a Thursday.
    weeks = (records.days + 3) // 7
    for record in np.flatnonzero(np.diff(weeks, append=weeks[-1] + 1)).tolist():
        day = int(records.days[record])
        period = records.period(day + 1)
        final = records.find_final(period)
        if final < 0 or learned.learn(day, period) is None:
            continue
        moment = versions.at(record)
        rows = np.flatnonzero((versions.seen <= record) & (versions.until > record))
        dates = find_win_dates(versions, moment).astype("datetime64[D]")
        low, median, high = np.where(np.isnat(dates), np.nan, dates.astype(np.float64))
        wins = versions.wins(final, period)
        parts.append(
            pd.DataFrame(
                {
                    "day": day,
                    "deal": deal[rows],
                    "period": str(period),
                    "chance": learned.chance(moment, period),
                    "stated": moment.columns["probability"].fractions,
                    "won": np.isin(deal[rows], deal[wins]),
                    "won_on": won_on[deal[rows]],
                    "low": low,
                    "median": median,
                    "high": high,
                    "due": np.where(moment.due < NEVER, moment.due, np.nan),
                }
            )[moment.open]
        )
    return pd.concat(parts, ignore_index=True)


def list_chances(points: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Chances said and shares that came, by bins, with the 95% interval of the share as if deals
    were independent."""
    rows = {}
    for part, own in points.groupby(pd.cut(points["chance"], _EDGES), observed=True):
        low, high = map(float, wilson(own["won"].sum(), len(own)))
        rows[f"{100 * part.left:g} to {100 * part.right:g}%"] = {
            "deals": f"{len(own):,}",
            "said": text.percent(own["chance"].mean(), 1),
            "came": (
                f"{text.percent(own['won'].mean(), 1)} "
                f"({text.percent(low, 1)}–{text.percent(high, 1)})"
            ),
        }
    return rows


def score_chances(points: pd.DataFrame) -> dict[str, str]:
    """Deals, the share won, the Brier scores of learned, base rate and stated chances, and
    learned's AUC, as text."""
    won, base = points["won"], points["won"].mean()
    brier = [((points[name] - won) ** 2).mean() for name in ("chance", "stated")]
    ranks, wins = rankdata(points["chance"]), int(won.sum())
    pairs = wins * (len(won) - wins)
    area = (ranks[won].sum() - wins * (wins + 1) / 2) / pairs if pairs else np.nan
    return {
        "deals": f"{len(won):,}",
        "won": text.percent(base, 1),
        "Brier": f"{brier[0]:.3f}",
        "base rate": f"{base * (1 - base):.3f}",
        "stated": f"{brier[1]:.3f}",
        "AUC": f"{area:.2f}",
    }


def score_dates(points: pd.DataFrame) -> dict[str, str]:
    """Of the deals won in the days that the dates are learned from: the share before, between and
    after those said, and median misses."""
    won = points[
        points["won_on"].between(points["day"], points["day"] + HORIZON_DAYS)
        & points["median"].notna()
    ]
    early, late = won["won_on"] < won["low"], won["won_on"] > won["high"]
    misses = [(won[name] - won["won_on"]).abs().median() for name in ("median", "due")]
    return {
        "deals won": f"{len(won):,}",
        "before": text.percent(early.mean()),
        "between": text.percent(1 - early.mean() - late.mean()),
        "after": text.percent(late.mean()),
        "days off": text.number(misses[0]),
        "planned off": text.number(misses[1]),
    }
