"""The notes on trust: definitions, the load certificate, and the history's coverage."""

from __future__ import annotations

import pandas as pd

from opp_analytics import text
from opp_analytics.report.exhibits import Exhibit, Section
from opp_analytics.report.tables import Tables

__all__ = ["certificate", "meaning", "sources"]

_MOST_PERIODS = 12
_TERMS = (
    ("Booked", "Value of deals won with a close date in the period and not after the as-of day."),
    (
        "Weighted open",
        "Value times probability of open deals due in the period, from the as-of day on. Deals that are overdue "
        "or have no date are in no period.",
    ),
    ("Expected", "Booked + weighted open."),
    (
        "Range",
        "10% to 90% of the distribution of booked + the open deals that may be won, each with its own probability "
        "and independent of the others. It leaves out deals not created yet, deals that slip in or out, and changes "
        "of value, and so is too narrow as a rule: the headline says how often past ranges held, and “How past forecasts turned out” shows them.",
    ),
    ("Probability of target", "Chance that the same distribution reaches the target."),
    ("Coverage", "Open value due in the period ÷ (target − booked)."),
    (
        "Won, lost, open",
        "Won means a won stage or status won; lost likewise. Both at once is a contradiction, left out and listed "
        "by the audit. Status inactive with an open stage is disqualified: neither open nor lost.",
    ),
    (
        "Win rate",
        "Won ÷ (won + lost) of the deals closed in the window, with Wilson's 95% interval. Open "
        "deals are not in it.",
    ),
    (
        "Slipped",
        "Due in the period when it began (or when the history began) and still open at its end. Pulled out: its date "
        "moved before the period. Removed: deleted or disqualified.",
    ),
    (
        "Movements",
        "Sums over consecutive records, signed, so that opening + movements = closing, exactly. Two edits between two "
        "records appear as one.",
    ),
    ("Slipped again", "Pushed to a later date this week, having been pushed before."),
)


def meaning(tables: Tables) -> Section:
    """Definitions of the terms, then the deals left out of today's tables."""
    named = {
        "the forecast": tables.forecast,
        "the funnel": tables.funnel,
        "the win rates": tables.win_rates,
    }
    left_out = tuple((f"Left out of {name}", _left_out(table)) for name, table in named.items())
    return Section("meaning", "What each number means and leaves out", meaning=(*_TERMS, *left_out))


def _left_out(table: pd.DataFrame) -> str:
    held = table.attrs.get("left_out") or {}
    return ", ".join(f"{count:,} {text.label(why)}" for why, count in held.items()) or "nothing"


def sources(tables: Tables) -> Section:
    """The load certificate and the history's coverage."""
    said, alarm = certificate(tables)
    title = "Load and history"
    if tables.records.empty:
        none = "No history yet: no record of the pipeline up to this day."
        return Section("sources", title, said, alarm=alarm, missing=none)
    cadence = tables.coverage.attrs["cadence_days"]
    pace = f", usually {text.number(cadence, 1)} days apart" if cadence else ""
    table = tables.coverage.reset_index()
    exhibit = Exhibit(
        "coverage",
        "What the history covers",
        table,
        ("period", "records", "longest_gap_days", "answers"),
        note=f"{text.count(len(tables.records), 'record')}{pace}.",
        on_page=table.tail(_MOST_PERIODS),
    )
    return Section("sources", title, said, (exhibit,), alarm=alarm)


def certificate(tables: Tables) -> tuple[str, bool]:
    """The load certificate in words, and True if it is a warning."""
    load, recorded_at = tables.load, tables.origin.get("recorded_at")
    if load:
        when = "at an unknown time" if load.fetched_at is None else f"{load.fetched_at:%Y-%m-%d %H:%M} UTC"
        rows = len(tables.deals) if load.rows is None else load.rows
        said = f"Loaded {when} from {load.source or 'an unknown source'}: {text.count(rows, 'opportunity')}"
        if load.pages is not None:
            said += f" on {text.count(load.pages, 'page')}"
        if load.complete:
            return f"{said}; complete.", False
        return f"{said}; NOT complete: {'; '.join(load.reasons) or 'no reason given'}.", True
    if recorded_at:
        return (
            f"As recorded at {pd.Timestamp(recorded_at):%Y-%m-%d %H:%M} UTC: "
            f"{text.count(len(tables.deals), 'opportunity')}."
        ), False
    return "No load certificate: these may not be all opportunities.", True
