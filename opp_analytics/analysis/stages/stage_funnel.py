"""`stage_funnel`: open deals in each stage, and bounds on the deals that reached it.

The pipelines follow one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import schema
from opp_analytics.analysis.shared.groups import (
    By,
    Groups,
    check_by,
    group_by,
    read,
)
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.arrays import Codes, Flags, Series
from opp_analytics.errors import ArgumentValueError
from opp_analytics.org import (
    CONFLICT,
    DISQUALIFIED,
    LOST,
    OPEN,
    PIPELINE,
    UNKNOWN,
    WON,
    Org,
    outcome_codes,
    split_by,
)
from opp_analytics.schema import NO_LABEL, TEXT
from opp_analytics.text import joined


def stage_funnel(opportunities: pd.DataFrame, *, by: By = None) -> pd.DataFrame:
    """Count the open deals in each stage, with bounds on the number of deals that ever reached it.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``, ``value`` (money), ``status`` if present, and the columns of `by`.
    by : str or list of str, optional
        One funnel for each value of these columns; a missing value is shown as "(none)". Deals in
        several pipelines need "pipeline" here, and each funnel has the stages of its pipeline.

    Returns
    -------
    DataFrame
        Index ``stage`` (str; below the columns of `by`): the org's open stages in order, then
        "(none)" if an open deal has none. Columns:

        - ``open_count`` (int64), ``open_value`` (float64, money; a missing value counts 0).
        - ``reached_low`` (int64): deals that must have reached this stage.
        - ``reached_high`` (int64): deals that may have reached it.
        - ``reached_high_forward`` (int64): the same, if no deal ever moved back.

        Note: ``n`` deals counted, ``left_out`` (contradictions, unknown stages, open deals without
        a value). Empty input gives the open stages with zeros; with `by` no rows.

    Raises
    ------
    MissingColumnError
        When a column is missing.
    ArgumentValueError
        When the deals are in several pipelines of the org and `by` does not tell them apart.

    Notes
    -----
    One frame has no history, so the deals that reached stage s are known only within bounds: at
    least (open at or beyond s) + won; at most that + all lost + disqualified + open below s that
    may have moved back. An open deal without a stage has no rank and is in the upper bounds only.
    `stage_flow` counts actual entries, from history. A deal that closed with a date still to come
    has left the funnel, while a rate as of a day counts it as open until then.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {"stage": ["discovery", "proposal", "closed_won", "closed_lost"], "value": [5, 8, 9, 1]}
    ... )
    >>> stage_funnel(frame)[["open_count", "open_value", "reached_low", "reached_high"]]
                   open_count  open_value  reached_low  reached_high
    stage
    discovery               1         5.0            3             4
    qualification           0         0.0            2             4
    proposal                1         8.0            2             4
    negotiation             0         0.0            1             4
    """
    names = check_by(by, level="stage")
    org = Org.of(opportunities)
    own = split_by(opportunities) if hasattr(opportunities, "columns") else []
    frame = read(opportunities, "stage", "value", *own, by=names)
    outcome = outcome_codes(frame)
    open_ = outcome == OPEN
    pipelines = split_pipelines(org, frame[PIPELINE], names, "stage_funnel") if own else [None]
    parts = []
    for pipeline in pipelines:
        rows = _select_pipeline(frame, pipeline, names)
        parts.append(
            _count_funnel(frame[rows], outcome[rows], names, list_open_stages(org, pipeline))
        )
    groups = group_by(frame, names)
    table = merge_pipelines(parts, groups.index)
    return annotate(
        table,
        "stage_funnel",
        made_from=opportunities,
        n=int(((outcome != CONFLICT) & (outcome != UNKNOWN)).sum()),
        left_out={
            "conflict": int((outcome == CONFLICT).sum()),
            "unknown": int((outcome == UNKNOWN).sum()),
            "open_without_value": int((open_ & frame["value"].isna().to_numpy()).sum()),
        },
    )


def _select_pipeline(frame: pd.DataFrame, pipeline: str | None, names: Sequence[str]) -> Flags:
    """Mask the deals of a pipeline, or all deals if the funnel has only one."""
    if PIPELINE not in names or PIPELINE not in frame:
        return np.ones(len(frame), dtype=bool)
    mine = (
        frame[PIPELINE].isna()
        if pipeline is None
        else frame[PIPELINE].astype(schema.TEXT) == pipeline
    )
    return mine.to_numpy(dtype=bool)


def _count_funnel(
    frame: pd.DataFrame, outcome: Codes, names: list[str], ranked: Sequence[str]
) -> pd.DataFrame:
    """Count the funnel of one pipeline, whose open stages are ranked.

    Open deals in none of them are counted in a last row, "(none)".
    """
    groups, n = group_by(frame, names), len(ranked)
    open_, places = outcome == OPEN, frame["stage"].cat.set_categories(ranked).cat.codes.to_numpy()
    nowhere = (open_ & (places < 0)).any()
    labels = [*ranked, *([NO_LABEL] if nowhere else [])]
    shape = groups.size, len(labels)
    codes = groups.codes * len(labels) + np.where(places < 0, n, places)
    cells = Groups(codes, pd.RangeIndex(groups.size * len(labels)))
    count = cells.count(open_).reshape(shape)
    won, lost, out = (groups.count(outcome == code)[:, None] for code in (WON, LOST, DISQUALIFIED))
    beyond, unranked = count[:, :n][:, ::-1].cumsum(axis=1)[:, ::-1], count[:, n:]
    high = np.broadcast_to(won + lost + out + count.sum(axis=1, keepdims=True), shape)
    forward = beyond + won + lost + out + unranked.sum(axis=1, keepdims=True)
    columns = {
        "open_count": count,
        "open_value": cells.sum(frame["value"].to_numpy(), open_),
        "reached_low": np.hstack([beyond + won, unranked]),
        "reached_high": high,
        "reached_high_forward": np.hstack([forward, high[:, n:]]),
    }
    stages = pd.Index(np.tile(labels, groups.size), name="stage", dtype=schema.TEXT)
    flat = {name: values.reshape(-1) for name, values in columns.items()}
    return pd.DataFrame(flat, index=groups.nest(stages, len(labels)))


def split_pipelines(org: Org, found: Series, by: Sequence[str], asked_by: str) -> list[str | None]:
    """List the pipelines to count one by one; a single None where all stages are ranked together.

    Refuse deals in several pipelines with stages of their own that `by` does not tell apart.
    """
    if len(org.stages.pipelines) < 2:
        return [None]
    names = found.astype(TEXT).dropna().unique().tolist()
    if PIPELINE in by:
        return [*names, *([None] if found.isna().any() or not names else [])]
    if len(names) > 1:
        raise ArgumentValueError(
            f"the pipelines {joined([repr(name) for name in names], most=5)} have stages of their "
            "own, in an order of their own",
            where=asked_by,
            python_way='use by="pipeline", or keep the deals of one of them',
            shell_way="use --by pipeline",
        )
    return list(names) or [None]


def list_open_stages(org: Org, pipeline: str | None) -> tuple[str, ...]:
    """List the open stages of a pipeline in order.

    All of the org's for a pipeline that it does not know.
    """
    return (org.stages.of(pipeline) if pipeline in org.stages.pipelines else org.stages).open


def merge_pipelines(parts: Sequence[pd.DataFrame], groups: pd.Index[Any] | None) -> pd.DataFrame:
    """Merge the tables of the pipelines into one, in the order of the groups."""
    if groups is None or len(parts) == 1:
        return parts[0]
    table = pd.concat(parts)
    assert isinstance(table.index, pd.MultiIndex)
    places = groups.get_indexer(table.index.droplevel(-1))
    return table.iloc[pd.Series(places).argsort(kind="stable").to_numpy()]
