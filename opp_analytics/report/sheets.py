"""The sheets of the workbook: the report's tables in full, and the deals that it speaks of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.org import Org, write_in_force
from opp_analytics.report.tables import Tables
from opp_analytics.schema import ALL


@dataclass(frozen=True)
class Sheet:
    """A table on a sheet of its own."""

    name: str
    table: pd.DataFrame
    summed: tuple[str, ...] = ()
    """Columns with a total below."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Titles of columns that mean something of their own on this sheet."""
    note: str = ""
    """A line below the table."""


@dataclass(frozen=True)
class Figure:
    """A figure of the summary."""

    title: str
    value: Any
    column: str
    """The forecast's column, which says the unit; also the name of the cell."""
    before: Any = None


_MOST_FINDINGS = 1_000
"""Findings of a check on its sheet."""
_FIGURES = {
    "booked": "Closed won",
    "expected": "Forecast",
    "low": "Range from",
    "high": "Range to",
    "target": "Target",
    "gap": "To go",
    "p_target": "Chance of target",
    "open_count": "Open deals due",
    "open_value": "Open value due",
    "pipeline_coverage": "Coverage",
}


def figures(tables: Tables) -> list[Figure]:
    """List the figures of the first screen, as numbers, with those of the earlier record."""
    period, earlier = str(tables.inputs.period), None if tables.no_changes else tables.earlier
    return [
        Figure(title, tables.current[column], column, earlier.figure(period, column) if earlier else None)
        for column, title in _FIGURES.items()
    ]


def sheets(tables: Tables) -> Iterator[Sheet]:
    """Make every sheet that has something to hold, in order."""
    for name, make, summed, titles in _SHEETS:
        try:
            table = make(tables)
        except (NotEnoughHistory, DataError):
            continue  # The page says why.
        if len(table):
            note = _NOTES[name](tables, table) if name in _NOTES else ""
            yield Sheet(name, table, summed, titles, note)


def _list_people(tables: Tables) -> pd.DataFrame:
    """List the people without the totals, which the row below adds up."""
    people, calls = tables.people, tables.calls.dropna(axis="columns", how="all")
    people = people if tables.calls.empty else people.join(calls)
    return (people[people.index.get_level_values(-1) != ALL] if len(people) else people).reset_index()


def _list_calls(tables: Tables) -> pd.DataFrame:
    """List every call, the newest first, with the days from it to the period's end."""
    calls = tables.inputs.calls.sort_values("made_on", ascending=False, kind="stable")
    org = Org.of(tables.inputs.opportunities)
    last = {label: org.period_days(label)[1] for label in calls["period"].unique()}
    ends = pd.Series([last[label] for label in calls["period"]], calls.index, "datetime64[us]")
    calls.insert(2, "days_before", (ends - calls["made_on"]).dt.days)
    calls["in_force"] = write_in_force(calls)
    return calls


def _list_deals(tables: Tables) -> pd.DataFrame:
    """List each deal that is open or closed lately: whose, when, its outcome, what it adds to the forecast; the id last.

    A column without a value is left out.
    """
    inputs = tables.inputs
    old = inputs.deals["outcome"].isin(_CLOSED_AS) & (inputs.deals["close_date"] < tables.closed_since)
    titles = {"weighted": "expected_value", "why": "why_chance"}
    own = tables.own_chances[["chance", *titles]].rename(columns=titles)
    table = inputs.deals[~old].merge(
        own, left_on="unique_id", right_index=True, how="left", validate="one_to_one"
    )
    flags = tables.flags[["risk", "reasons"]].astype({"risk": "Int64"})
    table = table.merge(flags, left_on="unique_id", right_index=True, how="left")
    table = table.dropna(axis="columns", how="all") if len(table) else table
    dates = ["stage", "outcome", "period", "close_date"]
    amounts = ["value", "probability", "chance", "expected_value", "risk", "reasons", "why_chance"]
    return _order(table, "name", *inputs.by, *dates, *amounts)


def _list_pushed(tables: Tables) -> pd.DataFrame:
    moved = ["pushes", "days_pushed", "net_days", "first_close_date", "close_date"]
    return _order(tables.pushed, "name", *tables.inputs.by, "stage", "value", *moved)


def _list_records(tables: Tables) -> pd.DataFrame:
    """List the periods of the records; without the shares that are known, where all is."""
    table = tables.coverage.reset_index()
    shares = [name for name in ("stage_known", "date_known", "value_known") if name in table]
    return table if (table[shares] < 1).any(axis=None) else table.drop(columns=shares)


def _list_due(tables: Tables) -> pd.DataFrame:
    parts = [part.deals.assign(due_in=part.period) for part in tables.slippages]
    return _order(pd.concat(parts, ignore_index=True))


def _list_findings(tables: Tables) -> pd.DataFrame:
    """List the findings of each check, those of the largest deals first, and only so many as somebody may read."""
    inputs = tables.inputs
    names = inputs.deals[["unique_id", "name", *inputs.by]].assign(deal_value=inputs.deals["value"])
    table = tables.findings.merge(names, on="unique_id", how="left")
    ranks = table.pop("deal_value").groupby(table["check"]).rank("first", ascending=False, na_option="bottom")
    places = np.lexsort((ranks, pd.factorize(table["check"])[0]))
    table = table.iloc[places[ranks.to_numpy()[places] <= _MOST_FINDINGS]]
    return _order(table, "check", "severity", "name", *inputs.by)


def _note_older(tables: Tables, table: pd.DataFrame) -> str:
    """Say how many closed deals are not on their sheet."""
    left = len(tables.inputs.deals) - len(table)
    if not left:
        return ""
    since = text.day(tables.closed_since, year=True)
    return f"Leaves out {text.count(left)} closed before {since}. All deals: opp-analytics export deals.xlsx"


def _note_rest(tables: Tables, table: pd.DataFrame) -> str:
    """Say which findings a sheet holds, if not all."""
    if len(table) == len(tables.findings):
        return ""
    return (
        f"These are {len(table):,} of {len(tables.findings):,} findings: of each check the {_MOST_FINDINGS:,} of the largest deals. "
        "All of them: opp-analytics audit --out findings.xlsx"
    )


def _order(table: pd.DataFrame, *first: str) -> pd.DataFrame:
    """Put the columns in `first` first, as far as there are any, and the id last."""
    front = [name for name in first if name in table]
    rest = [name for name in table if name not in (*front, "unique_id")]
    return table[[*front, *rest, "unique_id"]]


def _list_steps(tables: Tables) -> pd.DataFrame:
    moved = tables.change_deals
    return _order(moved.assign(movement=list(map(text.movement, moved["movement"], moved["expected"]))))


def _compare_periods(tables: Tables) -> pd.DataFrame:
    return pd.concat({part.period: part.table for part in tables.slippages}, names=["period"]).reset_index()


_CLOSED_AS = ("won", "lost", "disqualified")
_NOTES = {"Deals": _note_older, "Findings": _note_rest}
"""Says what of a table is not on its sheet."""
_MONEY = ("booked", "open_count", "open_value", "weighted_open", "expected", "target", "gap")
_SHARES = {"count": "Deals", "count_rate": "Share of deals", "value_rate": "Share of value"}
_CLOSED = ("won", "lost", "open", "won_value", "lost_value")
_CALLED = {"commit": "Commit", "best_case": "Best case", "days_before": "Days before the end"}
_BY_VALUE = {
    "value_rate": "Win rate by value",
    "value_rate_low": "By value from",
    "value_rate_high": "By value to",
}
_CHANCES = {"chance": "From history, its period", "why_chance": "Why this chance"}
_SHEETS: tuple[tuple[str, Callable[[Tables], pd.DataFrame], tuple[str, ...], Mapping[str, str]], ...] = (
    ("People", _list_people, _MONEY, {}),
    ("To win", lambda tables: tables.to_win.reset_index(), ("gap",), {}),
    ("Periods", lambda tables: tables.forecast.reset_index(), (), {}),
    ("Calls", _list_calls, (), _CALLED),
    ("Deals", _list_deals, ("value", "expected_value"), _CHANCES),
    ("Change", _list_steps, ("expected",), {"expected": "Change in forecast"}),
    ("Created", lambda tables: _order(tables.created_deals), ("value",), {}),
    ("Categories", lambda tables: tables.categories.reset_index(), (), {}),
    ("Slippage", _compare_periods, (), _SHARES),
    ("Due deals", _list_due, (), {}),
    ("Pushed", _list_pushed, ("value",), {}),
    ("Past ranges", lambda tables: tables.track_record.reset_index(), (), {}),
    ("Stage flow", lambda tables: tables.flow.reset_index(), (), {}),
    ("Stage entries", lambda tables: _order(tables.flow_deals), (), {}),
    ("Win rates", lambda tables: tables.win_rates.reset_index(), _CLOSED, _BY_VALUE),
    ("Findings", _list_findings, (), {}),
    ("Records", _list_records, (), {}),
)
"""The sheets in their order: name, table, columns with a total, and titles of their own."""
