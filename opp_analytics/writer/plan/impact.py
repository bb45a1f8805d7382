"""A plan's impact on the forecast."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import org, schema
from opp_analytics.errors import ArgumentValueError
from opp_analytics.periods import Freq, When
from opp_analytics.schema import BUCKETS
from opp_analytics.writer.steps import Step

if TYPE_CHECKING:
    from opp_analytics.arguments import MethodName
    from opp_analytics.history import History

_FIGURES = ("booked", "weighted_open", "expected", "low", "high", "open_value", "open_count")


def edit_frame(before: pd.DataFrame, steps: Iterable[Step]) -> pd.DataFrame:
    """Apply a plan's steps to a copy of its opportunities, except what is in conflict."""
    edits: dict[str, dict[str | None, Any]] = {}
    deleted, created = [], []
    for step in steps:
        if step.operation == "create":
            created.append(step.fields)
        elif step.operation == "delete" and not step.in_conflict:
            deleted.append(step.unique_id)
        elif step.operation == "update":
            for cell in step.cells:
                if cell.status != "conflict":
                    edits.setdefault(str(cell.field), {})[step.unique_id] = cell.after
    edited = before.set_index("unique_id")
    for field, values in edits.items():
        column = (
            edited[field].astype("object") if field in edited else pd.Series(None, edited.index, "object")
        )
        column.loc[pd.Index(values)] = list(values.values())
        edited[field] = column
    kept = edited.drop(index=deleted).reset_index()
    if created:
        kept = pd.concat([kept.astype("object"), pd.DataFrame(created, dtype="object")], ignore_index=True)
        further = {c: t for c, t in before.dtypes.items() if c not in schema.COLUMNS}
        kept = kept.astype({c: t for c, t in further.items() if not kept[c].isna().any()})
    return org.conform(kept)


def forecast_impact(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    as_of: When,
    freq: Freq,
    history: History | None,
    method: MethodName,
) -> pd.DataFrame:
    """Forecast before and after a plan, period by period: see `Plan.impact`."""
    # Here, because planning and applying need no statistics.
    from opp_analytics.analysis import forecast

    if method == "run_rate":
        raise ArgumentValueError(
            "method='run_rate' does not look at single deals; use 'learned', or 'stated' without a history"
        )
    asked: dict[str, Any] = {"as_of": as_of, "freq": freq, "history": history}
    found = forecast(before, method=method, **asked)
    used: MethodName = found.attrs["method"]
    why: str = found.attrs["why"]
    if used == "run_rate":
        used, why = "stated", f"{why}; the run rate does not look at single deals"
        found = forecast(before, method=used, **asked)
    sides = {"before": found, "after": forecast(after, method=used, **asked)}
    first = list(BUCKETS)
    periods = [*first, *sorted({p for side in sides.values() for p in side.index} - set(first))]
    columns = {}
    for figure in _FIGURES:
        for name, side in sides.items():
            column = side[figure].reindex(periods).astype("float64")
            # A period that only one side has holds nothing on the other.
            columns[f"{figure}_{name}"] = column.where(column.index.isin(side.index), 0.0)
    impact = pd.DataFrame(columns, index=pd.Index(periods, dtype=schema.TEXT, name="period"))
    total = impact.sum()
    total[[c for c in columns if c.startswith(("low_", "high_"))]] = float("nan")
    impact = pd.concat([impact, total.rename("total").to_frame().T])
    impact.index = impact.index.astype(schema.TEXT).rename("period")
    impact = impact.assign(expected_change=impact["expected_after"] - impact["expected_before"])
    impact.attrs["method"], impact.attrs["why"] = used, why
    return impact
