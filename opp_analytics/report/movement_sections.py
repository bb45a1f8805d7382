"""The sections on changes since last week and on slippage, which need a history."""

from __future__ import annotations

import pandas as pd

from opp_analytics import plots, text
from opp_analytics.analysis import sentence
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.periods import as_date
from opp_analytics.report.charts import svg
from opp_analytics.report.exhibits import Deals, Exhibit, Section
from opp_analytics.report.formats import worth
from opp_analytics.report.tables import Slippage, Stretch, Tables

__all__ = ["changes", "slippage"]

_MOST_LISTED = 15
"""Largest number of deals in a list on the page; the workbook has all."""


def changes(tables: Tables) -> Section:
    """The waterfall since last week and the deals behind it."""
    title = "What changed since last week"
    try:
        stretch = tables.stretch
    except NotEnoughHistory as reason:
        coming = "deals added, won, lost, moved and revalued, deal by deal"
        return Section("changes", title, missing=_next_week(reason, coming))
    said = f"{_since(tables)}: {sentence(stretch.waterfall)}"
    renamed = {"count": "count_change", "value": "value_change"}
    moved = tables.with_details(stretch.movements).rename(columns=renamed)
    ends = tables.with_details(stretch.ends).rename(columns=renamed)
    behind = pd.concat([moved, ends], ignore_index=True)
    table = stretch.waterfall.reset_index().rename(columns=renamed)
    table = table[(table["deals"] > 0) | table["movement"].isin(["opening", "closing"])]
    columns = tables.deal_columns("stage", "close_date", "value_change")
    steps = Exhibit(
        "changes",
        "Open pipeline, step by step",
        table.reset_index(drop=True),
        ("movement", "deals", "count_change", "value_change"),
        svg(plots.waterfall, stretch.waterfall, key="changes", label=f"Waterfall. {said}"),
        Deals(behind, "movement", columns, "moves"),
        _between(stretch),
    )
    if moved.empty:
        return Section("changes", title, said, (steps,))
    largest = Exhibit(
        "moves",
        "The largest moves",
        behind,
        ("movement", *columns),
        on_page=moved.head(_MOST_LISTED),
        note=_rest(moved, "moves"),
    )
    return Section("changes", title, said, (steps, largest))


def _since(tables: Tables) -> str:
    day = as_date(tables.week_ago, tz=tables.tz)
    return f"Since the record of {text.day(day)}, {text.count((tables.today - day).days, 'day')} before"


def _between(stretch: Stretch) -> str:
    opening, closing = (pd.Timestamp(stretch.waterfall.attrs[f"{end}_at"]) for end in ("opening", "closing"))
    return f"Between the records of {opening:%Y-%m-%d %H:%M} and {closing:%Y-%m-%d %H:%M} UTC; stages and dates as of now."


def slippage(tables: Tables) -> Section:
    """Outcome of the deals that were due, and the deals that were pushed again."""
    title = "Slippage"
    try:
        found = tables.slippages
    except NotEnoughHistory as reason:
        coming = "the outcome of each deal that was due, and which were pushed again"
        return Section("slippage", title, missing=_next_week(reason, coming))
    exhibits = [_slipped(part, tables) for part in found]
    said = f"{found[0].name}: {sentence(found[0].table)}"
    try:
        pushed = tables.pushed
    except NotEnoughHistory as reason:
        return Section("slippage", title, f"{said} Pushed again this week: {reason}.", tuple(exhibits))
    if len(pushed):
        exhibits.append(_pushed(pushed, tables))
    return Section("slippage", title, f"{said} {_again(pushed, tables.currency)}", tuple(exhibits))


def _slipped(part: Slippage, tables: Tables) -> Exhibit:
    first, last = part.table.attrs["period"]
    name = part.name.replace("/", "_")
    said = sentence(part.table)
    columns = tables.deal_columns("stage", "stage_after", "close_date", "close_date_after", "value")
    return Exhibit(
        f"slippage {name}",
        f"Deals due {first} to {last}",
        part.table.reset_index(),
        ("outcome", "count", "count_rate", "value", "value_rate"),
        svg(plots.slippage, part.table, key=f"slippage-{name}", label=f"Slippage of {part.name}. {said}"),
        Deals(tables.with_details(part.deals), "outcome", columns, f"due {name}"),
        "Value, stage and date as of the start.",
    )


def _again(pushed: pd.DataFrame, currency: str | None) -> str:
    again = pushed[pushed["pushed_now"] == "yes"]
    if again.empty:
        return "No deal that had been pushed before was pushed again this week."
    return f"{worth(again['value'], currency)} slipped again this week."


def _pushed(pushed: pd.DataFrame, tables: Tables) -> Exhibit:
    note = (
        "Open deals pushed more than once since the history began. Counts are lower bounds: two edits between two "
        f"records appear as one. {_rest(pushed, 'pushed again')}"
    )
    return Exhibit(
        "pushed again",
        "Deals that slipped again",
        pushed,
        tables.deal_columns(
            "stage", "value", "pushes", "days_pushed", "first_close_date", "close_date", "pushed_now"
        ),
        on_page=pushed.head(_MOST_LISTED),
        note=note.strip(),
    )


def _rest(rows: pd.DataFrame, sheet: str) -> str:
    return f"{len(rows):,} in total, in the workbook's sheet “{sheet}”." if len(rows) > _MOST_LISTED else ""


def _next_week(reason: NotEnoughHistory, coming: str) -> str:
    return (
        f"No history yet: {reason}. Run `opp-analytics record` daily and next week's report shows {coming}."
    )
