"""Ages of deals: days from creation to the end or to today, and the outcome."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from opp_analytics import org, periods
from opp_analytics.analysis.shared.groups import (
    By,
    Groups,
    check_by,
    group_by,
    read,
)
from opp_analytics.analysis.shared.history_query import find_ends
from opp_analytics.analysis.stats.competing_risks import Incidence, incidence
from opp_analytics.arrays import Codes, Counts, Flags, Series
from opp_analytics.history import History
from opp_analytics.periods import When


def measure_ages(
    frame: pd.DataFrame, today: pd.Timestamp, tz: str, ends: Series | None = None
) -> tuple[Counts, Codes, dict[str, int]]:
    """Count each conformed row's days from creation to its end, or to `today` if open.

    Without `ends` from a history, a won or lost deal ends on its ``close_date``, `today` at the
    latest, and the end of a disqualified deal is unknown. Returns the days, −1 for a deal that
    cannot be followed, the outcome, and the number left out by reason.
    """
    outcome, closed_on = org.close_by(frame, today, tz)
    created = periods.to_dates(frame["created_at"], tz=tz)
    closed, dropped = outcome <= org.LOST, outcome == org.DISQUALIFIED
    end = closed_on.where(closed, today).mask(dropped)
    if ends is not None:
        end = ends.where((closed | dropped) & ends.notna().to_numpy(), end)
    days = (end - created).dt.days
    undated = end.isna().to_numpy()
    reasons = {
        "conflict": outcome == org.CONFLICT,
        "unknown": outcome == org.UNKNOWN,
        "disqualified": dropped & undated,
        "without_created_at": created.isna().to_numpy(),
        "created_after_as_of": (created > today).to_numpy(),
        "closed_without_date": closed & undated,
        "closed_before_created": (closed | dropped) & (days < 0).to_numpy(),
    }
    left = np.zeros(len(frame), dtype=bool)
    counts: dict[str, int] = {}
    for reason, mask in reasons.items():
        counts[reason] = int((mask & ~left).sum())
        left |= mask
    whole = np.asarray(days.where(~left, -1).fillna(-1), dtype=np.int64)
    return whole, outcome.astype(np.int8), counts


def follow_deals(
    opportunities: pd.DataFrame,
    as_of: When,
    by: By,
    tz: str | None,
    history: History | None = None,
    *further: str,
) -> tuple[pd.DataFrame, Groups, Counts, Codes, dict[str, int], pd.Timestamp]:
    """Check the frame, with `further` columns, and measure the age and outcome of each deal."""
    names = check_by(by)
    tz = org.Org.of(opportunities).zone(tz)
    today = org.find_known_day(opportunities, periods.as_date(as_of, tz=tz), tz)
    columns = ("stage", *further, "close_date", "created_at")
    frame = read(opportunities, *columns, by=names, unique=history is not None)
    ends = None if history is None else find_ends(history, frame, today, tz)
    days, outcome, left_out = measure_ages(frame, today, tz, ends)
    groups = group_by(frame, names)
    return frame, groups, days, outcome, left_out, today


def find_entry_ages(
    frame: pd.DataFrame, days: Counts, observed_from: pd.Timestamp, tz: str
) -> tuple[Counts, Flags]:
    """Find each deal's age on the first observed day, and the deals that ended before it.

    The age is at least 0.
    """
    created = periods.to_dates(frame["created_at"], tz=tz)
    entry = np.asarray((observed_from - created).dt.days.fillna(0), dtype=np.int64)
    return np.maximum(entry, 0), (days >= 0) & (days < entry)


def fit_curves(
    groups: Groups,
    days: Counts,
    outcome: Codes,
    entry: Counts | None = None,
) -> list[Incidence]:
    """Fit the incidence curve of each group; won, lost and disqualified are ends.

    `entry` is the age from which each deal was watched.
    """
    rows = np.flatnonzero(days >= 0)
    rows = rows[np.argsort(groups.codes[rows], kind="stable")]
    cuts = np.searchsorted(groups.codes[rows], np.arange(groups.size + 1))
    parts = [rows[first:last] for first, last in pairwise(cuts)]
    return [
        incidence(
            days[part],
            won=outcome[part] == org.WON,
            lost=outcome[part] == org.LOST,
            disqualified=outcome[part] == org.DISQUALIFIED,
            entry=None if entry is None else entry[part],
        )
        for part in parts
    ]
