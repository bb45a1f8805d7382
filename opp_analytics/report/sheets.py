"""The sheets of the workbook: the report's tables in full, and every deal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.report.inputs import Inputs
from opp_analytics.report.tables import Tables

__all__ = ["Figure", "Sheet", "figures", "sheets"]


@dataclass(frozen=True)
class Sheet:
    """A table on a sheet of its own."""

    name: str
    table: pd.DataFrame
    summed: tuple[str, ...] = ()
    """Columns with a total below."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Titles of columns that mean something of their own on this sheet."""


@dataclass(frozen=True)
class Figure:
    """A figure of the summary."""

    title: str
    value: Any
    column: str
    """The forecast's column, which says the unit; also the name of the cell."""
    before: Any = None


def figures(tables: Tables) -> list[Figure]:
    """The figures of the first screen, as numbers, with those of the earlier record."""
    titles = {
        "booked": "Closed won",
        "expected": "Forecast",
        "low": "Range from",
        "high": "Range to",
        "target": "Target",
        "gap": "Gap",
        "p_target": "Chance of target",
        "open_count": "Open deals due",
        "open_value": "Open value due",
        "pipeline_coverage": "Coverage",
    }
    period, earlier = str(tables.inputs.period), None if tables.no_changes else tables.earlier
    return [
        Figure(title, tables.current[column], column, earlier.figure(period, column) if earlier else None)
        for column, title in titles.items()
    ]


def sheets(tables: Tables) -> Iterator[Sheet]:
    """Every sheet that has something to hold, in order."""
    for build in (
        _people,
        _to_win,
        _periods,
        _deals,
        _change,
        _created,
        _categories,
        _slippage,
        _due,
        _pushed,
        _past,
        _flow,
        _entries,
        _win_rates,
        _findings,
        _records,
    ):
        try:
            sheet = build(tables)
        except (NotEnoughHistory, DataError):
            continue  # The page says why.
        if len(sheet.table):
            yield sheet


_MONEY = ("booked", "open_count", "open_value", "weighted_open", "expected", "target", "gap")


def _people(tables: Tables) -> Sheet:
    table = tables.people
    return Sheet("People", _without_totals(table).reset_index(), tuple(c for c in _MONEY if c in table))


def _without_totals(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that the total below adds up."""
    return table[~table.index.get_level_values(-1).isin(["(all)"])] if len(table) else table


def _to_win(tables: Tables) -> Sheet:
    """What each person short of the target can do; the page shows the first ones with their deals."""
    return Sheet("To win", tables.to_win.reset_index(), ("gap",))


def _periods(tables: Tables) -> Sheet:
    return Sheet("Periods", tables.forecast.reset_index())


def _deals(tables: Tables) -> Sheet:
    """One row per deal: whose, when, what became of it, what it adds to the forecast; the id last."""
    inputs = tables.inputs
    deals = inputs.deals
    # An open deal may also close in a later period; here it counts in the one in which it is due.
    chances = tables.forecast_deals[["unique_id", "period", "chance", "weighted"]]
    chances = chances.rename(columns={"weighted": "expected_value"})
    table = deals.merge(chances, on=["unique_id", "period"], how="left", validate="one_to_one")
    flags = tables.flags[["risk", "reasons"]].astype({"risk": "Int64"})
    table = table.merge(flags, left_on="unique_id", right_index=True, how="left")
    first = [
        "name",
        *inputs.by,
        "stage",
        "outcome",
        "period",
        "close_date",
        "value",
        "probability",
        "chance",
        "expected_value",
        "risk",
        "reasons",
    ]
    first = [column for column in first if column in table]
    last = ["unique_id"]
    further = [column for column in table.columns if column not in (*first, *last)]
    return Sheet("Deals", table[[*first, *further, *last]], ("value", "expected_value"))


def _change(tables: Tables) -> Sheet:
    """The deals that moved the forecast; the steps of the page are their sums."""
    return Sheet("Change", _id_last(tables.change_deals), ("expected",), {"expected": "Change in forecast"})


def _created(tables: Tables) -> Sheet:
    """The deals created, by week, at the value first seen."""
    return Sheet("Created", _id_last(tables.created_deals), ("value",))


def _categories(tables: Tables) -> Sheet:
    return Sheet("Categories", tables.categories.reset_index())


def _slippage(tables: Tables) -> Sheet:
    found = {part.period: part.table for part in tables.slippages}
    named = {"count": "Deals", "count_rate": "Share of deals", "value_rate": "Share of value"}
    return Sheet("Slippage", pd.concat(found, names=["period"]).reset_index(), titles=named)


def _due(tables: Tables) -> Sheet:
    found = pd.concat([part.deals.assign(due_in=part.period) for part in tables.slippages], ignore_index=True)
    return Sheet("Due deals", _id_last(found))


def _pushed(tables: Tables) -> Sheet:
    table = tables.pushed
    moved = ["pushes", "days_pushed", "net_days", "first_close_date", "close_date"]
    first = ["name", *tables.inputs.by, "stage", "value", *moved]
    first = [column for column in first if column in table]
    return Sheet("Pushed", _id_last(table[[*first, *(c for c in table if c not in first)]]), ("value",))


def _past(tables: Tables) -> Sheet:
    return Sheet("Past ranges", tables.track_record.reset_index())


def _flow(tables: Tables) -> Sheet:
    return Sheet("Stage flow", tables.flow.reset_index())


def _entries(tables: Tables) -> Sheet:
    """The deals that entered each stage, with what became of them there."""
    return Sheet("Stage entries", _id_last(tables.flow_deals))


def _win_rates(tables: Tables) -> Sheet:
    return Sheet(
        "Win rates",
        tables.win_rates.reset_index(),
        ("won", "lost", "open", "won_value", "lost_value"),
        {
            "value_rate": "Win rate by value",
            "value_rate_low": "By value from",
            "value_rate_high": "By value to",
        },
    )


def _findings(tables: Tables) -> Sheet:
    inputs: Inputs = tables.inputs
    names = inputs.deals[["unique_id", "name", *inputs.by]]
    table = tables.findings.merge(names, on="unique_id", how="left")
    first = ["check", "severity", "name", *inputs.by]
    return Sheet("Findings", _id_last(table[[*first, *(c for c in table if c not in first)]]))


def _records(tables: Tables) -> Sheet:
    return Sheet("Records", tables.coverage.reset_index())


def _id_last(table: pd.DataFrame) -> pd.DataFrame:
    return table[[*(column for column in table if column != "unique_id"), "unique_id"]]
