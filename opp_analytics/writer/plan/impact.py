"""What a plan does to the numbers that are reported: the forecast and the win rate, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from opp_analytics import org, schema
from opp_analytics.periods import When, labels
from opp_analytics.schema import BUCKETS

if TYPE_CHECKING:
    from opp_analytics.writer.plan.plans import Plan


_FIGURES = ("booked", "weighted_open", "expected", "low", "high", "open_value", "open_count")


def edited_frame(plan: Plan) -> pd.DataFrame:
    """The plan's opportunities with its changes made, but for those in conflict."""
    changes = plan.changes[plan.changes["status"] != "conflict"]
    by_operation = dict(list(changes.groupby("operation")))
    edited = plan.before.set_index("unique_id")
    if "update" in by_operation:
        for field, cells in by_operation["update"].groupby("field"):
            column = edited[str(field)].astype("object")
            column.loc[cells["unique_id"]] = cells["after"].to_list()
            edited[str(field)] = column
    if "delete" in by_operation:
        edited = edited.drop(index=by_operation["delete"]["unique_id"].to_list())
    kept = edited.reset_index()
    if "create" in by_operation:
        new = [step.fields for step in plan.steps if step.operation == "create"]
        kept = pd.concat([kept.astype("object"), pd.DataFrame(new, dtype="object")], ignore_index=True)
        further = {c: t for c, t in plan.before.dtypes.items() if c not in schema.COLUMNS}
        kept = kept.astype({c: t for c, t in further.items() if not kept[c].isna().any()})
    return org.conform(kept)


def forecast_impact(before: pd.DataFrame, after: pd.DataFrame, *, as_of: When, freq: str) -> pd.DataFrame:
    """See `Plan.impact`."""
    from opp_analytics.analysis import forecast  # here: planning and applying need no statistics

    sides = {
        "before": forecast(before, as_of=as_of, freq=freq),
        "after": forecast(after, as_of=as_of, freq=freq),
    }
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
    return impact.assign(expected_change=impact["expected_after"] - impact["expected_before"])


def list_moves(before: pd.DataFrame, after: pd.DataFrame, *, freq: str) -> pd.DataFrame:
    """See `Plan.moves`."""
    both = after.dropna(subset="unique_id").set_index("unique_id")
    old = before.set_index("unique_id").loc[both.index]
    nothing = pd.Series(index=both.index, dtype=schema.TEXT)
    table = pd.DataFrame(
        {"name": both.get("name", nothing), "value": both.get("value", nothing).astype("float64")}
    )
    for side, frame in (("before", old), ("after", both)):
        table[f"stage_{side}"] = frame.get("stage", nothing).astype(schema.TEXT)
        dated = "close_date" in frame
        table[f"period_{side}"] = labels(frame["close_date"], freq) if dated else nothing
    changed = pd.Series(False, index=table.index)
    for what in ("stage", "period"):
        one, other = table[f"{what}_before"].fillna(""), table[f"{what}_after"].fillna("")
        changed |= one != other
    columns = ["unique_id", "name", "value", "stage_before", "stage_after", "period_before", "period_after"]
    found = table[changed].rename_axis("unique_id").reset_index()[columns]
    return found.sort_values("value", ascending=False, key=abs, kind="stable", ignore_index=True)


def win_rate_impact(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """See `Plan.win_rates`."""
    from opp_analytics.analysis import win_rate

    both = pd.concat([win_rate(before), win_rate(after)])
    return both.set_axis(pd.Index(["before", "after"], dtype=schema.TEXT, name="plan"))
