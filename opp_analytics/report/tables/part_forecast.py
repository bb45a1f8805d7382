"""The forecast of one person or team, as the forecast of the whole has it: a page shows what its row shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.report.narrow import Part
from opp_analytics.schema import ALL

__all__ = ["change_of_part", "rows_of_part", "target_of_part"]

_RANGE = ["low", "median", "high", "p_target"]
_LEAST = 0.005
"""Money below which a deal moved nothing."""


def target_of_part(part: Part, periods: Iterable[str]) -> Any:
    """The targets of the whole; one amount for all of a period is the part's own.

    Parameters
    ----------
    periods : list of str
        Labels of the periods that a single number is meant for.
    """
    target, whose = part.whole_target, {part.column: part.name}
    if isinstance(target, pd.DataFrame):
        known = part.target if isinstance(part.target, pd.DataFrame) else target
        return target if part.column in known else target.assign(**whose)
    if isinstance(target, Mapping):
        if any(isinstance(key, tuple) for key in target):
            return target
        return pd.DataFrame({"period": list(target), "target": list(target.values()), **whose})
    return target if target is None else pd.DataFrame({"period": list(periods), "target": target, **whose})


def rows_of_part(table: pd.DataFrame, part: Part, levels: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The part's rows of a forecast of the whole: of the part by period, and of who is in it by name and period.

    Parameters
    ----------
    table : DataFrame
        From `oa.forecast` by `levels`, with totals.
    """
    place = levels.index(part.column)
    above: list[Any] = list(levels[:place])
    members: list[Any] = list(levels[place + 1 :])
    mine = table[table.index.get_level_values(part.column) == part.name]
    mine = mine.droplevel(above) if above else mine
    if members:
        mine = mine.droplevel(part.column)
        total = np.logical_and.reduce([mine.index.get_level_values(name) == ALL for name in members])
        whole, people = mine[total].droplevel(members), mine
    else:
        whole = mine.droplevel(part.column)
        people = pd.concat([mine, mine.rename(index={part.name: ALL}, level=part.column)])
    whole = whole if len(whole) else _nothing(table)
    for rows in (whole, people):
        # What the whole leaves out is not the part's.
        rows.attrs = {name: value for name, value in table.attrs.items() if name != "left_out"}
    return whole, people


def _nothing(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a part that had no deal yet."""
    labels = table.index.get_level_values("period").unique()
    empty = pd.DataFrame(0.0, index=labels, columns=table.columns)
    return empty.assign(**dict.fromkeys([*_RANGE, "target"], np.nan))


def change_of_part(table: pd.DataFrame, deals: pd.DataFrame, part: Part) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The part's rows of `oa.forecast_change` and `oa.forecast_change_deals` of the whole, without groups.

    Between two members of a team a deal moves nothing.
    """
    mine, moved = (one[one.index.get_level_values(part.column) == part.name] for one in (table, deals))
    steps = mine.groupby(level="movement", sort=False)[["expected", "value", "deals"]].sum()
    moved = moved.groupby(["unique_id", "movement"], sort=False, as_index=False).agg(
        name=("name", "first"), expected=("expected", "sum"), value=("value", "first")
    )
    moved = moved[moved["expected"].abs() >= _LEAST]
    moved = moved.sort_values(
        ["expected", "unique_id"], key=lambda column: -column.abs() if column.name == "expected" else column
    )
    by_step = moved.assign(name=moved["name"].fillna(moved["unique_id"])).groupby("movement")["name"]
    ends = steps.index.isin(["then", "now"])
    counted = steps["deals"].where(ends, by_step.size().reindex(steps.index).fillna(0)).astype("int64")
    largest = by_step.first().reindex(steps.index)
    steps = steps.assign(
        deals=counted, largest=largest.where(~ends, mine.groupby(level="movement")["largest"].first())
    )
    moved = moved[["unique_id", "name", "movement", "expected", "value"]].reset_index(drop=True)
    steps.attrs, moved.attrs = table.attrs, deals.attrs
    return steps, moved
