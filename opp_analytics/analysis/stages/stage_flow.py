"""`stage_flow`: outcome of the entries into each stage; `stage_flow_deals`: each of these entries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import schema
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.history_query import (
    Span,
    count_days,
    find_span,
    instant,
    keep_until,
    name_groups,
    read_log,
)
from opp_analytics.analysis.shared.tables import annotate_span, fill_counts, index_by_groups, sort_groups
from opp_analytics.analysis.stages.stage_funnel import list_open_stages, merge_pipelines, split_pipelines
from opp_analytics.analysis.stats.competing_risks import incidence
from opp_analytics.history import TRANSFERRED, History, ibis, missing
from opp_analytics.org import NOT_RECORDED, PIPELINE, Org
from opp_analytics.periods import When
from opp_analytics.schema import NO_LABEL


def stage_flow(
    history: History,
    *,
    start: When,
    end: When,
    by: By = None,
    assume_passed: bool = True,
    tz: str | None = None,
) -> pd.DataFrame:
    """Count the outcomes of the entries into each stage in a time window.

    Parameters
    ----------
    history : History
        Reads ``stage``, ``status`` and `by` of the change log.
    start, end : date or str
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
        When `start` is before the first record, no record lies between `start` and `end`, or an imported history lacks the
        stages of their months.
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
    >>> log = pd.DataFrame({"unique_id": ["z", "a", "a", "a"], "seen_at": ["2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26"],
    ...                     "stage": ["discovery", "discovery", "proposal", "closed_lost"]})
    >>> flow = stage_flow(History.from_changes(log), start="2026-01-05", end="2026-01-26")
    >>> flow["entries"].to_dict()
    {'discovery': 1, 'qualification': 1, 'proposal': 1, 'negotiation': 0}
    >>> flow.loc["proposal", ["lost", "median_days"]].tolist()
    [1.0, 7.0]
    """
    asked, groups, steps = _ask(history, start, end, by=by, tz=tz, asked_by="stage_flow")
    keys = [*name_groups(groups), "came_from", "place", "went_to", "days"]
    counted = history.collect(steps.group_by(keys).agg(times=steps.count().cast("int64")))
    stays = split_by_pipeline(
        history, asked, groups, counted, assume_passed=assume_passed, asked_by="stage_flow"
    )
    return _sum_up(history, asked, list(stays), groups)


def read_stage_flow(
    history: History, *, start: When, end: When, by: By = None, tz: str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the steps of deals once, for both `stage_flow` and `stage_flow_deals`."""
    asked, groups, steps = _ask(history, start, end, by=by, tz=tz, asked_by="stage_flow")
    listed = history.collect(steps).assign(times=1)
    stays = list(split_by_pipeline(history, asked, groups, listed, assume_passed=True, asked_by="stage_flow"))
    return _sum_up(history, asked, stays, groups), _list_deals(history, asked, stays, groups)


def _ask(
    history: History, start: When, end: When, *, by: By, tz: str | None, asked_by: str
) -> tuple[Span, list[str], ibis.Table]:
    groups = check_by(by, level="stage")
    asked = find_span(
        history, start, end, asked_by=asked_by, by=groups, tz=tz, reads=("stage",), needs=("stage",)
    )
    return asked, groups, build_steps(history, asked, groups)


def _sum_up(
    history: History, asked: Span, stays: list[tuple[list[str], pd.DataFrame]], groups: list[str]
) -> pd.DataFrame:
    parts = [_count_entries(mine, groups, stages) for stages, mine in stays]
    table = merge_pipelines(parts, _order_groups(parts, groups))
    if not history.is_part:
        table = table.drop(columns=TRANSFERRED)
    bound = "lower: several changes between two records appear as one; times are only as exact as the records"
    return annotate_span(table, asked, made_from=history, n=int(table["entries"].sum()), bound=bound)


def _order_groups(parts: list[pd.DataFrame], groups: list[str]) -> pd.Index[Any] | None:
    if not groups:
        return None
    held = pd.concat([part.reset_index()[groups] for part in parts]).drop_duplicates()
    held = sort_groups(held, groups)
    return pd.Index(held[groups[0]]) if len(groups) == 1 else pd.MultiIndex.from_frame(held)


def _count_entries(spells: pd.DataFrame, groups: list[str], stages: list[str]) -> pd.DataFrame:
    level = [*name_groups(groups), "stage"]
    passed = spells["passed"].astype(bool)
    ends = {name: spells["end"] == name for name in (*FLOW_ENDS, TRANSFERRED)} | {"passed": passed}
    times = {name: spells["times"].where(mask, 0).astype("int64") for name, mask in ends.items()}
    counted = spells[level].assign(**times).groupby(level, as_index=False).sum()
    table = fill_counts(counted, groups, "stage", stages)
    entries = table[[*FLOW_ENDS, TRANSFERRED]].sum(axis=1)
    done = (entries - table["still"] - table[TRANSFERRED]).astype("float64").replace(0.0, np.nan)
    each = spells[~passed].groupby(level if groups else "stage")
    medians = {key: _find_median(group) for key, group in each}
    table.insert(0, "entries", entries)
    median = pd.Series([medians.get(key, np.nan) for key in table.index], index=table.index, dtype="float64")
    return table.assign(conversion=table["advanced"] / done, median_days=median)[
        ["entries", *FLOW_ENDS, TRANSFERRED, "conversion", "median_days", "passed"]
    ]


def _find_median(spells: pd.DataFrame) -> float:
    """Find the days after which half of the stays have ended; NaN when more than half are still running."""
    ended = (~spells["end"].isin(["still", TRANSFERRED])).to_numpy()
    times, days = spells["times"].to_numpy(dtype="int64"), spells["days"].to_numpy(dtype="int64")
    curve = incidence(np.repeat(days, times), won=np.repeat(ended, times))
    half = np.flatnonzero(curve.open_share <= 0.5 + 1e-12)
    return float(curve.time[half[0]]) if len(half) else float("nan")


FLOW_ENDS = ("advanced", "lost", "back", "removed", "still")
"""Outcomes of an entry into a stage; each entry has exactly one."""
_WON, _LOST, _REMOVED = "(won)", "(lost)", "(removed)"
"""Places of deals that are not open, besides the open stages."""
_APART = "\x1f"
"""Between a stage and its pipeline in the name of a place."""


def stage_flow_deals(
    history: History,
    *,
    start: When,
    end: When,
    by: By = None,
    assume_passed: bool = True,
    tz: str | None = None,
) -> pd.DataFrame:
    """List the entries behind `stage_flow`: each deal that entered a stage, with its outcome there.

    Parameters
    ----------
    history, start, end, by, assume_passed, tz
        As for `stage_flow`.

    Returns
    -------
    DataFrame
        One row per entry, by the order of the stages, then ``unique_id`` (with `by`, within each group, which is the index):
        ``stage`` (str), ``unique_id``, ``name`` (str, as on entry), ``outcome`` (str: one of advanced, lost, back, removed, still;
        transferred after ``history.where``), ``days`` (int64, in the stage so far), ``passed`` (bool: assumed). If nothing
        entered, no rows.

    Raises
    ------
    NotEnoughHistory, ArgumentError, MissingColumnError
        As for `stage_flow`, which counts these rows.

    Examples
    --------
    >>> log = pd.DataFrame({"unique_id": ["z", "a", "a", "a"], "seen_at": ["2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26"],
    ...                     "stage": ["discovery", "discovery", "proposal", "closed_lost"]})
    >>> entries = stage_flow_deals(History.from_changes(log), start="2026-01-05", end="2026-01-26")
    >>> entries[["stage", "unique_id", "outcome", "passed"]].to_numpy().tolist()
    [['discovery', 'a', 'advanced', False], ['qualification', 'a', 'advanced', True], ['proposal', 'a', 'lost', False]]
    """
    asked, groups, steps = _ask(history, start, end, by=by, tz=tz, asked_by="stage_flow_deals")
    listed = history.collect(steps).assign(times=1)
    stays = split_by_pipeline(
        history, asked, groups, listed, assume_passed=assume_passed, asked_by="stage_flow_deals"
    )
    return _list_deals(history, asked, list(stays), groups)


def _list_deals(
    history: History, asked: Span, stays: list[tuple[list[str], pd.DataFrame]], groups: list[str]
) -> pd.DataFrame:
    ranked = [
        mine.assign(rank=mine["stage"].map({stage: rank for rank, stage in enumerate(stages)}))
        for stages, mine in stays
    ]
    every = pd.concat(ranked, ignore_index=True)
    found = sort_groups(every, name_groups(groups), "rank", "unique_id", "days")
    kinds: dict[str, Any] = dict.fromkeys(("stage", "unique_id", "name", "outcome"), schema.TEXT)
    kinds |= {"days": "int64", "passed": "bool"}
    table = found.assign(outcome=found["end"])[list(kinds)].astype(kinds)
    return annotate_span(index_by_groups(table, found, groups), asked, made_from=history, n=len(table))


def split_by_pipeline(
    history: History,
    asked: Span,
    groups: list[str],
    steps: pd.DataFrame,
    *,
    assume_passed: bool,
    asked_by: str,
) -> Iterator[tuple[list[str], pd.DataFrame]]:
    """Yield the open stages of each pipeline in order, and the stays in them with their ``end``.

    `steps` are those of `build_steps`, each with its number of ``times``. Where all stages rank together, there is one
    pipeline.
    """
    for pipeline in split_pipelines(asked.org, _list_pipelines(history, asked.org), groups, asked_by):
        mine = steps
        if place := _place_pipeline(groups, asked.org):
            label = pipeline or NO_LABEL
            mine = steps[steps[place] == label]
            # What keeps its pipeline is a stage of another one: neither before nor behind a stage of this one.
            ends = ("came_from", "place", "went_to")
            mine = mine.assign(**{name: mine[name].str.removesuffix(_APART + label) for name in ends})
        ranks = {stage: rank for rank, stage in enumerate(list_open_stages(asked.org, pipeline))}
        stays = _add_ends(mine, ranks)
        if assume_passed:
            stays = pd.concat([stays, _assume_passed(mine, ranks)], ignore_index=True)
        yield list(ranks), stays


def _place_pipeline(groups: list[str], org: Org) -> str | None:
    """Name the grouping column of the pipeline; None where all stages rank together."""
    several = PIPELINE in groups and len(org.stages.pipelines) > 1
    return name_groups(groups)[groups.index(PIPELINE)] if several else None


def _list_pipelines(history: History, org: Org) -> pd.Series[Any]:
    table = history.table
    if len(org.stages.pipelines) < 2 or PIPELINE not in table.columns:
        return pd.Series(dtype=schema.TEXT)
    found: pd.Series[Any] = history.collect(table.select(PIPELINE).distinct())[PIPELINE]
    return found.sort_values(ignore_index=True)


def build_steps(history: History, asked: Span, groups: list[str]) -> ibis.Table:
    """Build the steps of deals from place to place between two records, with the next place and the days until then.

    A place is the stage of an open deal (with its pipeline, where they rank one by one), won, lost, or removed for every
    other deal. A deal that leaves the history's part goes to the place transferred.
    """
    log = keep_until(read_log(history, "name", by=groups), asked.closing)
    log = log.filter((log["outcome"] != "open") | (log["stage"].fill_null("") != NOT_RECORDED))
    stage, pipeline = log["stage"].fill_null(""), _place_pipeline(groups, asked.org)
    place = ibis.cases(
        (log["outcome"] == "open", stage + _APART + log[pipeline] if pipeline else stage),
        (log["outcome"] == "won", _WON),
        (log["outcome"] == "lost", _LOST),
        else_=_REMOVED,
    )
    own = ibis.window(group_by="unique_id", order_by="seen_at")
    log = log.mutate(place=place)
    log = log.mutate(came_from=log["place"].lag().over(own))
    log = log.mutate(entered=missing(log["came_from"]) | (log["came_from"] != log["place"]))
    log = log.filter(log["entered"] | ~log["within"])
    log = log.mutate(
        went_to=ibis.ifelse(log["within"], log["place"], TRANSFERRED).lead().over(own),
        went_at=log["seen_at"].lead().over(own),
    )
    log = log.filter(log["entered"], log["within"], log["seen_at"] > instant(asked.opening))
    keys = name_groups(groups)
    # With the end of the window as its end, an open stay needs no special case.
    days = count_days(log["seen_at"], log["went_at"].fill_null(instant(asked.closing)))
    return log.select(
        *keys, "unique_id", "name", "came_from", "place", "went_to", days=days.ceil().cast("int64")
    )


def _add_ends(steps: pd.DataFrame, ranks: dict[str, int]) -> pd.DataFrame:
    """Select the stays in ranked open stages, each with its end."""
    spells = steps[steps["place"].isin(list(ranks))]
    here, there = (spells[name].map({**ranks, _WON: len(ranks)}) for name in ("place", "went_to"))
    ends = {
        "still": spells["went_to"].isna(),
        TRANSFERRED: spells["went_to"] == TRANSFERRED,
        "lost": spells["went_to"] == _LOST,
        "advanced": there > here,
        "back": there < here,
    }
    end = np.select(list(ends.values()), list(ends), "removed")
    return spells.assign(stage=spells["place"], end=end, passed=False)


def _assume_passed(steps: pd.DataFrame, ranks: dict[str, int]) -> pd.DataFrame:
    """Assume a stay in each stage that a jump forward skipped."""
    here, there = (steps[name].map({**ranks, _WON: len(ranks)}) for name in ("came_from", "place"))
    jumped = []
    for stage, rank in ranks.items():
        over = steps[(here < rank) & (there > rank)]
        jumped.append(over.assign(stage=stage, end="advanced", days=0, passed=True))
    return pd.concat(jumped, ignore_index=True).astype({"stage": schema.TEXT})
