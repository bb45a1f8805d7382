"""`stage_funnel`: open deals in each stage, with bounds on the deals that reached it, one pipeline after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import schema
from opp_analytics.analysis.shared.groups import (
    By,
    Groups,
    Key,
    check_by,
    combine,
    make_column_key,
    read,
)
from opp_analytics.analysis.shared.tables import annotate
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

        Attrs: ``n`` deals counted, ``left_out`` (contradictions, unknown stages, open deals without
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
    ...     {"stage": ["discovery", "proposal", "closed_won", "closed_lost"], "value": [5.0, 8, 9, 1]}
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
    groups = combine([make_column_key(frame[name]) for name in names], len(frame))
    table = merge_pipelines(parts, groups.index)
    return annotate(
        table,
        made_from=opportunities,
        n=int(((outcome != CONFLICT) & (outcome != UNKNOWN)).sum()),
        left_out={
            "conflict": int((outcome == CONFLICT).sum()),
            "unknown": int((outcome == UNKNOWN).sum()),
            "open_without_value": int((open_ & frame["value"].isna().to_numpy()).sum()),
        },
    )


def _select_pipeline(
    frame: pd.DataFrame, pipeline: str | None, names: Sequence[str]
) -> NDArray[np.bool_]:
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
    frame: pd.DataFrame, outcome: NDArray[np.int8], names: list[str], ranked: Sequence[str]
) -> pd.DataFrame:
    """Count the funnel of one pipeline, whose open stages are ranked."""
    groups = combine([make_column_key(frame[name]) for name in names], len(frame))
    open_ = outcome == OPEN
    stage = _make_stage_key(frame["stage"], open_, ranked)
    cells = _count_cells(frame, groups, stage, open_)
    return _make_frame(_add_bounds(cells, groups, stage, outcome, len(ranked)), groups, stage)


def _make_stage_key(column: pd.Series[Any], open_: NDArray[np.bool_], ranked: Sequence[str]) -> Key:
    """Make a key of the open stages, then "(none)" if an open deal is in none of them; −1 for deals that are not open."""
    codes = column.cat.codes.to_numpy().astype(np.intp)
    categories = [str(c) for c in column.cat.categories]
    # The last cell is that of a missing stage.
    lookup = np.full(len(categories) + 1, len(ranked), dtype=np.intp)
    lookup[[categories.index(name) for name in ranked]] = np.arange(len(ranked))
    places = np.where(open_, lookup[codes], -1)
    labels = [*ranked, *([NO_LABEL] if (places == len(ranked)).any() else [])]
    return Key("stage", places, pd.Index(labels, dtype=schema.TEXT))


def _count_cells(
    frame: pd.DataFrame, groups: Groups, stage: Key, open_: NDArray[np.bool_]
) -> dict[str, NDArray[np.generic]]:
    """Count open deals and their value per group and stage, one row per group."""
    width = len(stage.labels)
    flat = Groups(
        np.where(stage.codes < 0, -1, groups.codes * width + stage.codes),
        pd.RangeIndex(groups.size * width),
    )
    shape = (groups.size, width)
    return {
        "open_count": flat.count(open_).reshape(shape),
        "open_value": flat.sum(frame["value"].to_numpy(), open_).reshape(shape),
    }


def _add_bounds(
    cells: dict[str, NDArray[Any]],
    groups: Groups,
    stage: Key,
    outcome: NDArray[np.int8],
    ranks: int,
) -> dict[str, NDArray[Any]]:
    count = cells["open_count"]
    won, lost, out = (groups.count(outcome == code)[:, None] for code in (WON, LOST, DISQUALIFIED))
    ranked, unranked = count[:, :ranks], count[:, ranks:].sum(axis=1, keepdims=True)
    beyond = ranked[:, ::-1].cumsum(axis=1)[:, ::-1]
    below = ranked.sum(axis=1, keepdims=True) - beyond
    low, forward = beyond + won, beyond + won + lost + out + unranked
    everything = np.broadcast_to(forward + below, forward.shape)[:, :1]
    everything = everything.repeat(len(stage.labels) - ranks, axis=1)
    return {
        **cells,
        "reached_low": np.hstack([low, count[:, ranks:]]),
        "reached_high": np.hstack([forward + below, everything]),
        "reached_high_forward": np.hstack([forward, everything]),
    }


def _make_frame(table: dict[str, NDArray[Any]], groups: Groups, stage: Key) -> pd.DataFrame:
    labels = pd.Index(np.tile(stage.labels, groups.size), name="stage", dtype=schema.TEXT)
    flat = {name: values.reshape(-1) for name, values in table.items()}
    return pd.DataFrame(flat, index=groups.nest(labels, len(stage.labels)))


def split_pipelines(
    org: Org, found: pd.Series[Any], by: Sequence[str], asked_by: str
) -> list[str | None]:
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
            f"{asked_by}: the pipelines {joined([repr(name) for name in names], most=5)} have "
            "stages of their own, in an order "
            f'of their own; use by="pipeline", or keep the deals of one of them'
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
