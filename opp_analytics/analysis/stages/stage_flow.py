"""`stage_flow`: outcome of the entries into each stage.

`stage_flow_deals`: each of these entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
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
    keep_group,
    lag,
    lead,
    name_groups,
)
from opp_analytics.analysis.shared.tables import (
    annotate_span,
    fill_counts,
    index_by_groups,
    sort_groups,
)
from opp_analytics.analysis.stages.stage_funnel import (
    list_open_stages,
    split_pipelines,
)
from opp_analytics.analysis.stats.competing_risks import incidence
from opp_analytics.arrays import Series
from opp_analytics.history import TRANSFERRED, History, ibis, missing
from opp_analytics.org import NOT_RECORDED, PIPELINE
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
        Time window: entries after the last record at `start` and by `end` count, with their outcome
        by `end`. A naive date means the start of its day for `start`, the end of its day for `end`.
    by : str or list of str, optional
        Columns to group by, with their values on entry. Deals in several pipelines need "pipeline"
        here, and each part has the stages of its pipeline.
    assume_passed : bool
        If True, a stage that was skipped between two records counts as entered and advanced from.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``stage`` (below the columns of `by`, where given), always all open stages of the org
        in order. ``entries``, ``advanced`` (to a later stage, or won), ``lost``, ``back`` (to an
        earlier stage), ``removed`` (deleted, disqualified, or moved to an unknown stage or another
        pipeline), ``still`` (in the stage at the end; the five sum to the entries), all int64;
        after ``history.where`` also ``transferred`` (left for elsewhere, a sixth end; neither in
        the conversion nor the median); ``conversion`` (float64, advanced / (entries − still), NaN
        without ends), ``median_days`` (float64, days in the stage; started days count, and deals
        still in the stage count as longer; NaN where fewer than half have left), ``passed`` (int64,
        assumed entries).

    Raises
    ------
    NotEnoughHistory
        When `start` is before the first record, no record lies between `start` and `end`, or an
        imported history lacks the stages of their months.
    ArgumentError, MissingColumnError
        When an argument is of the wrong kind or out of range, or the history has no column of `by`.

    Notes
    -----
    A deal already in a stage at `start` does not count as an entry. The median is the day by which
    half of the stays have ended (Aalen–Johansen, as in `win_rate_curve`); every exit ends a stay,
    and a current stay is censored. Times are only as exact as the time between records, and several
    changes between two records appear as one (``bound`` in the note).

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": ["z", "a", "a", "a"],
    ...         "seen_at": ["2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26"],
    ...         "stage": ["discovery", "discovery", "proposal", "closed_lost"],
    ...     }
    ... )
    >>> flow = stage_flow(History.from_changes(log), start="2026-01-05", end="2026-01-26")
    >>> flow["entries"].to_dict()
    {'discovery': 1, 'qualification': 1, 'proposal': 1, 'negotiation': 0}
    >>> flow.loc["proposal", ["lost", "median_days"]].tolist()
    [1.0, 7.0]
    """
    entries = StageEntries.read(history, start, end, by, tz, "stage_flow", listed=False)
    return entries.sum_up(assume_passed=assume_passed)


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
    median = pd.Series(
        [medians.get(key, np.nan) for key in table.index], index=table.index, dtype="float64"
    )
    return table.assign(conversion=table["advanced"] / done, median_days=median)[
        ["entries", *FLOW_ENDS, TRANSFERRED, "conversion", "median_days", "passed"]
    ]


def _find_median(spells: pd.DataFrame) -> float:
    """Find the days after which half of the stays have ended.

    NaN when more than half are still running.
    """
    ended = (~spells["end"].isin(["still", TRANSFERRED])).to_numpy()
    times, days = spells["times"].to_numpy(dtype="int64"), spells["days"].to_numpy(dtype="int64")
    curve = incidence(np.repeat(days, times), won=np.repeat(ended, times))
    half = np.flatnonzero(curve.open_share <= 0.5 + 1e-12)
    return curve.time[half[0]] if len(half) else float("nan")


FLOW_ENDS = ("advanced", "lost", "back", "removed", "still")
"""Outcomes of an entry into a stage; each entry has exactly one."""
_WON, _LOST, _REMOVED = "(won)", "(lost)", "(removed)"
"""Places of deals that are not open, besides the open stages."""
_BOUND = (
    "lower: several changes between two records appear as one; times are only as exact as the "
    "records"
)
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
        One row per entry, by the order of the stages, then ``unique_id`` (with `by`, within each
        group, which is the index): ``stage`` (str), ``unique_id``, ``name`` (str, as on entry),
        ``outcome`` (str: one of advanced, lost, back, removed, still; transferred after
        ``history.where``), ``days`` (int64, in the stage so far), ``passed`` (bool: assumed). If
        nothing entered, no rows.

    Raises
    ------
    NotEnoughHistory, ArgumentError, MissingColumnError
        As for `stage_flow`, which counts these rows.

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": ["z", "a", "a", "a"],
    ...         "seen_at": ["2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26"],
    ...         "stage": ["discovery", "discovery", "proposal", "closed_lost"],
    ...     }
    ... )
    >>> entries = stage_flow_deals(History.from_changes(log), start="2026-01-05", end="2026-01-26")
    >>> entries[["stage", "unique_id", "outcome", "passed"]].to_numpy().tolist()
    [['discovery', 'a', 'advanced', False], ['qualification', 'a', 'advanced', True],
     ['proposal', 'a', 'lost', False]]
    """
    entries = StageEntries.read(history, start, end, by, tz, "stage_flow_deals", listed=True)
    return entries.list_deals(assume_passed=assume_passed)


@dataclass(frozen=True)
class StageEntries:
    """The stays of deals in the stages that they entered, by group."""

    asked: Span
    asked_by: str
    steps: pd.DataFrame
    """What `_build_steps` finds, or how many alike there were."""

    @classmethod
    def read(
        cls,
        history: History,
        start: When,
        end: When,
        by: By,
        tz: str | None,
        asked_by: str,
        *,
        listed: bool,
        apart: bool = False,
    ) -> StageEntries:
        """Read a history, after checks; for `keep_group`, with each group `apart`.

        Unless the deals are `listed`, they are counted where the history is.
        """
        groups, reads = check_by(by, level="stage"), ("stage",)
        asked = find_span(
            history,
            start,
            end,
            asked_by=asked_by,
            by=groups,
            tz=tz,
            reads=reads,
            needs=reads,
            apart=apart,
        )
        steps = _build_steps(asked)
        if not listed:
            alike = steps.group_by([*asked.keys, "came_from", "place", "went_to", "days"])
            steps = alike.agg(times=steps["times"].sum().cast("int64"))
        return cls(asked, asked_by, history.collect(steps))

    def keep_group(self, name: str, part: History) -> StageEntries:
        """Keep one group of the first column, of which `part` is the history."""
        by, asked = self.asked.by, self.asked.keep_group(part)
        return StageEntries(asked, self.asked_by, keep_group(self.steps, name, by, asked.by))

    @cached_property
    def stays(self) -> list[tuple[list[str], pd.DataFrame]]:
        """The open stages of each pipeline in order, and the stays in them."""
        return list(_split_by_pipeline(self.asked, self.steps, self.asked_by))

    def _select(self, assume_passed: bool) -> list[tuple[list[str], pd.DataFrame]]:
        return (
            self.stays
            if assume_passed
            else [(own, mine[~mine["passed"]]) for own, mine in self.stays]
        )

    def sum_up(self, *, assume_passed: bool = True) -> pd.DataFrame:
        """Make the table of `stage_flow`."""
        groups = self.asked.by
        parts = [
            _count_entries(mine, groups, stages) for stages, mine in self._select(assume_passed)
        ]
        table = pd.concat(parts)
        if groups:
            table = sort_groups(table.reset_index(), groups).set_index([*groups, "stage"])
        if not self.asked.history.is_part:
            table = table.drop(columns=TRANSFERRED)
        n = int(table["entries"].sum())
        return annotate_span(table, "stage_flow", self.asked, n=n, bound=_BOUND)

    def list_deals(self, *, assume_passed: bool = True) -> pd.DataFrame:
        """Make the table of `stage_flow_deals`."""
        ranked = [
            mine.assign(rank=mine["stage"].map({stage: rank for rank, stage in enumerate(stages)}))
            for stages, mine in self._select(assume_passed)
        ]
        every = pd.concat(ranked, ignore_index=True)
        found = sort_groups(every, self.asked.keys, "rank", "unique_id", "days")
        kinds: dict[str, Any] = dict.fromkeys(
            ("stage", "unique_id", "name", "outcome"), schema.TEXT
        )
        kinds |= {"days": "int64", "passed": "bool"}
        table = found.assign(outcome=found["end"])[list(kinds)].astype(kinds)
        indexed = index_by_groups(table, found, self.asked.by)
        return annotate_span(indexed, "stage_flow_deals", self.asked, n=len(table))


def _split_by_pipeline(
    asked: Span, steps: pd.DataFrame, asked_by: str
) -> Iterator[tuple[list[str], pd.DataFrame]]:
    """Yield the open stages of each pipeline in order, and the stays in them with their ``end``.

    One pipeline where all stages rank together.
    """
    for pipeline in split_pipelines(asked.org, _list_pipelines(asked), asked.by, asked_by):
        mine = steps
        if place := _place_pipeline(asked):
            label = pipeline or NO_LABEL
            mine = steps[steps[place] == label]
            # What keeps its pipeline is a stage of another one: neither before nor behind a stage
            # of this one.
            ends = ("came_from", "place", "went_to")
            mine = mine.assign(
                **{name: mine[name].str.removesuffix(_APART + label) for name in ends}
            )
        ranks = {stage: rank for rank, stage in enumerate(list_open_stages(asked.org, pipeline))}
        stays = [_add_ends(mine, ranks), _assume_passed(mine, ranks)]
        yield list(ranks), pd.concat(stays, ignore_index=True)


def _place_pipeline(asked: Span) -> str | None:
    """Name the grouping column of the pipeline; None where all stages rank together."""
    several = PIPELINE in asked.by and len(asked.org.stages.pipelines) > 1
    return asked.keys[asked.by.index(PIPELINE)] if several else None


def _list_pipelines(asked: Span) -> Series:
    several = len(asked.org.stages.pipelines) > 1
    if not several or PIPELINE not in asked.history.table.columns:
        return pd.Series(dtype=schema.TEXT)
    table = asked.history.table
    found: Series = asked.history.collect(table.select(PIPELINE).distinct())[PIPELINE]
    return found.sort_values(ignore_index=True)


def _build_steps(asked: Span) -> ibis.Table:
    """Build the steps of deals from place to place between two records.

    Each step has the next place and the days until then.

    A place is the stage of an open deal (with its pipeline, where they rank one by one), won, lost,
    or removed for every other deal. A deal that leaves the history's part goes to the place
    transferred.
    """
    log = asked.read_log("name")
    log = log.filter((log["outcome"] != "open") | (log["stage"].fill_null("") != NOT_RECORDED))
    stage, pipeline = log["stage"].fill_null(""), _place_pipeline(asked)
    place = ibis.cases(
        (log["outcome"] == "open", stage + _APART + log[pipeline] if pipeline else stage),
        (log["outcome"] == "won", _WON),
        (log["outcome"] == "lost", _LOST),
        else_=_REMOVED,
    )
    log = log.mutate(place=place)
    log = log.mutate(came_from=lag(log["place"]), was=lag(log["here"]))
    log = log.mutate(entered=missing(log["came_from"]) | (log["came_from"] != log["place"]))
    log = log.filter(log["entered"] | (log["was"] != log["here"]))
    left = lead(log["here"]) != log["here"]
    log = log.mutate(
        went_to=ibis.ifelse(left, TRANSFERRED, lead(log["place"])), went_at=lead(log["seen_at"])
    )
    log = log.filter(log["entered"], log["within"], log["seen_at"] > instant(asked.opening))
    # With the end of the window as its end, an open stay needs no special case.
    days = count_days(log["seen_at"], log["went_at"].fill_null(instant(asked.closing)))
    return log.select(
        *asked.keys,
        "unique_id",
        "name",
        "came_from",
        "place",
        "went_to",
        days=days.ceil().cast("int64"),
        times=1,
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
