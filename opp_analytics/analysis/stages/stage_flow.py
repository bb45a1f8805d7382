"""`stage_flow`: outcome of each entry into a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.history_query import find_span, name_groups
from opp_analytics.analysis.shared.tables import annotate, fill_counts, sort_groups
from opp_analytics.analysis.stages.pipelines import regrouped
from opp_analytics.analysis.stages.stage_flow_deals import FLOW_ENDS, stage_steps, stays_by_pipeline
from opp_analytics.analysis.stats.competing_risks import incidence
from opp_analytics.history import TRANSFERRED
from opp_analytics.periods import When, as_date

if TYPE_CHECKING:
    from opp_analytics.history import History


def stage_flow(
    history: History,
    *,
    start: When,
    end: When,
    by: By = None,
    assume_passed: bool = True,
    tz: str | None = None,
) -> pd.DataFrame:
    """Outcome of the entries into each stage in a time window.

    Parameters
    ----------
    history : History
        Reads ``stage``, ``status`` and `by` of the change log.
    start, end : date-like
        Time window: entries after the last record at `start` and by `end` count, with their outcome by `end`. A
        naive date means the start of its day for `start`, the end of its day for `end`.
    by : str or list of str, optional
        Columns to group by, with their values on entry. Deals in several pipelines need "pipeline" here, and each part has
        the stages of its pipeline.
    assume_passed : bool
        If True, a stage that was skipped between two records counts as entered and advanced from.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``stage`` (below the columns of `by`, where given), always all open stages of the org in order. ``entries``,
        ``advanced`` (to a later stage, or won), ``lost``, ``back`` (to an earlier stage), ``removed`` (deleted,
        disqualified, or moved to an unknown stage or another pipeline), ``still`` (in the stage at the end; the five sum to the entries), all int64;
        after ``history.where`` also ``transferred`` (left for elsewhere, a sixth end; neither in the conversion nor the median);
        ``conversion`` (float64, advanced / (entries − still), NaN without ends), ``median_days`` (float64, days in the
        stage; started days count, and deals still in the stage count as longer; NaN where fewer than half have left),
        ``passed`` (int64, assumed entries).

    Raises
    ------
    NotEnoughHistory
        When `start` is before the first record or no record lies between `start` and `end`.
    ArgumentError, MissingColumnError
        When an argument is of the wrong kind or out of range, or the history has no column of `by`.

    Notes
    -----
    A deal already in a stage at `start` does not count as an entry. The median is the day by which half of the stays
    have ended (Aalen–Johansen, as in `win_rate_curve`); every exit ends a stay, and a current stay is censored. Times
    are only as exact as the time between records, and several changes between two records appear as one
    (``attrs["bound"]``).

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({"unique_id": ["z", "a", "a", "a"], "seen_at": ["2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26"],
    ...                     "stage": ["discovery", "discovery", "proposal", "closed_lost"]})
    >>> flow = stage_flow(History.from_changes(log), start="2026-01-05", end="2026-01-26")
    >>> flow["entries"].to_dict()
    {'discovery': 1, 'qualification': 1, 'proposal': 1, 'negotiation': 0}
    >>> flow.loc["proposal", ["lost", "median_days"]].tolist()
    [1.0, 7.0]
    """
    groups = check_by(by, level="stage")
    asked = find_span(history, start, end, asked_by="stage_flow", by=groups, tz=tz, reads=("stage",))
    keys = [*name_groups(groups), "came_from", "place", "went_to", "days"]
    steps = stage_steps(history, asked, groups)
    counted = history.collect(steps.group_by(keys).agg(times=steps.count().cast("int64")))
    parts = [
        _counted(stays, groups, stages)
        for stages, stays in stays_by_pipeline(
            history, asked, groups, counted, assume_passed=assume_passed, asked_by="stage_flow"
        )
    ]
    table = regrouped(parts, _order(parts, groups))
    if not history.is_part:
        table = table.drop(columns=TRANSFERRED)
    return annotate(
        table,
        made_from=history,
        n=int(table["entries"].sum()),
        as_of=as_date(asked.closing, tz=asked.tz),
        bound="lower: several changes between two records appear as one; times are only as exact as the records",
        **asked.notes(),
    )


def _order(parts: list[pd.DataFrame], groups: list[str]) -> pd.Index[Any] | None:
    """The groups of all pipelines in order."""
    if not groups:
        return None
    held = pd.concat([part.reset_index()[groups] for part in parts]).drop_duplicates()
    held = sort_groups(held, groups)
    return pd.Index(held[groups[0]]) if len(groups) == 1 else pd.MultiIndex.from_frame(held)


def _counted(spells: pd.DataFrame, groups: list[str], stages: list[str]) -> pd.DataFrame:
    """Entries by stage and group, with their outcomes."""
    level = [*name_groups(groups), "stage"]
    passed = spells["passed"].astype(bool)
    ends = pd.DataFrame(
        {
            **{name: spells["times"].where(spells["end"] == name, 0) for name in (*FLOW_ENDS, TRANSFERRED)},
            "passed": spells["times"].where(passed, 0),
        }
    )
    counted = (
        pd.concat([spells[level], ends.astype("int64")], axis="columns").groupby(level, as_index=False).sum()
    )
    table = fill_counts(counted, groups, "stage", stages)
    entries = table[[*FLOW_ENDS, TRANSFERRED]].sum(axis=1)
    done = (entries - table["still"] - table[TRANSFERRED]).astype("float64").replace(0.0, np.nan)
    medians = {key: _median(group) for key, group in spells[~passed].groupby(level if groups else "stage")}
    table.insert(0, "entries", entries)
    median = pd.Series([medians.get(key, np.nan) for key in table.index], index=table.index, dtype="float64")
    return table.assign(conversion=table["advanced"] / done, median_days=median)[
        ["entries", *FLOW_ENDS, TRANSFERRED, "conversion", "median_days", "passed"]
    ]


def _median(spells: pd.DataFrame) -> float:
    """Days after which half of the stays have ended; NaN when more than half are still running."""
    ended = (~spells["end"].isin(["still", TRANSFERRED])).to_numpy()
    times, days = spells["times"].to_numpy(dtype="int64"), spells["days"].to_numpy(dtype="int64")
    curve = incidence(np.repeat(days, times), won=np.repeat(ended, times))
    half = np.flatnonzero(curve.open_share <= 0.5 + 1e-12)
    return float(curve.time[half[0]]) if len(half) else float("nan")
