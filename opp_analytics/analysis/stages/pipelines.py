"""Stages ranked within their pipeline, where an organization has several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from opp_analytics.errors import ArgumentValueError
from opp_analytics.org import PIPELINE, Org
from opp_analytics.schema import TEXT
from opp_analytics.text import joined


def split_pipelines(org: Org, found: pd.Series[Any], by: Sequence[str], asked_by: str) -> list[str | None]:
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
            f"{asked_by}: the pipelines {joined([repr(name) for name in names], most=5)} have stages of their own, in an order "
            f'of their own; use by="pipeline", or keep the deals of one of them'
        )
    return list(names) or [None]


def list_open_stages(org: Org, pipeline: str | None) -> tuple[str, ...]:
    """List the open stages of a pipeline in order; all of the org's for a pipeline that it does not know."""
    return (org.stages.of(pipeline) if pipeline in org.stages.pipelines else org.stages).open


def merge_pipelines(parts: Sequence[pd.DataFrame], groups: pd.Index[Any] | None) -> pd.DataFrame:
    """Merge the tables of the pipelines into one, in the order of the groups."""
    if groups is None or len(parts) == 1:
        return parts[0]
    table = pd.concat(parts)
    assert isinstance(table.index, pd.MultiIndex)
    places = groups.get_indexer(table.index.droplevel(-1))
    return table.iloc[pd.Series(places).argsort(kind="stable").to_numpy()]
