"""Notes: what each number means, what is left out, and how far to trust it."""

from __future__ import annotations

import pandas as pd

from opp_analytics import text
from opp_analytics.org import Org, is_converted
from opp_analytics.report.model import Block, Terms
from opp_analytics.report.tables import Tables


def notes(tables: Tables) -> Block:
    """Show two folds: definitions, and trust."""
    return Block(
        "notes",
        "",
        parts=(
            Terms("What each number means", _definitions(tables)),
            Terms("What is left out, and how far to trust it", remarks=_trust(tables)),
        ),
    )


def _definitions(tables: Tables) -> tuple[tuple[str, str], ...]:
    noun, attrs = tables.inputs.noun, tables.forecast.attrs
    confidence, method, why = text.percent(attrs["confidence"]), str(attrs["method"]), attrs["why"] or ""
    words = {
        "Closed won": f"Value of deals won with a close date in the {noun}, up to today.",
        "Forecast": f"{SUMS[method]} Method: {text.label(method)}{why and f' ({why})'}.",
        "Range": f"{confidence} of outcomes lie inside, if the chances are right. “Past ranges” shows how often it held.",
        "Chance of target": "Share of outcomes that reach the target. “None due” means that no open deal is due, not that the "
        "target cannot be reached.",
        "Gap": "Target minus closed. A plus sign: past target.",
        "Coverage": f"Open value due in the {noun} ÷ gap.",
        "Slipped": f"Due in the {noun} when it began, and open past its date or moved later. Removed: deleted or disqualified.",
        "Win rate": "Won ÷ (won + lost). Open and disqualified deals count in neither. Interval: Wilson’s.",
        "Stated": "Chance of a deal as the CRM says it.",
        "From history": f"Chance that a deal is won in the {noun} it is due in, as past deals like it were; past its date or "
        f"without one, in this {noun}."
        + ("" if len(tables.chances) else " This forecast’s method takes none."),
    }
    return tuple(words.items())


SUMS = {
    "learned": "Closed won, plus value × chance from history of every open deal, plus usual new business.",
    "stage": "Closed won, plus value × chance from history of the open deals due.",
    "stated": "Closed won, plus value × stated chance of the open deals due.",
    "run_rate": "Closed won, plus what past periods still won from the same day on.",
}
"""What a forecast sums, by its method."""


def _trust(tables: Tables) -> tuple[str, ...]:
    said, name = certificate(tables)[0], tables.inputs.only
    remarks = (
        f"{name}’s figures are those of the row on the page of the whole." if name else "",
        _not_counted(tables),
        said,
        _converted(tables),
        _records(tables),
        _left_out(tables),
        _not_checked(tables),
    )
    return tuple(filter(None, remarks))


def _not_checked(tables: Tables) -> str:
    lacks = tables.findings.attrs.get("not_checked", [])
    said = text.joined([text.label(name) for name in lacks])
    return f"The data has no {said}: the audit leaves out what needs it." if said else ""


def _not_counted(tables: Tables) -> str:
    money, table = tables.inputs.money, tables.forecast
    overdue, undated = (float(table["open_value"][name]) for name in ("overdue", "unscheduled"))
    said = f"Open pipeline is {money(table['open_value'].sum())}."
    parts = [f"{money(overdue)} is past its close date"] if overdue else []
    parts += [f"{money(undated)} has no close date"] if undated else []
    if parts:
        left = "neither is" if len(parts) > 1 else "it is not"
        counts = f"; the forecast of this {tables.inputs.noun} counts {'both' if len(parts) > 1 else 'it'} at the chance from history"
        learned = tables.forecast.attrs["method"] == "learned"
        said += f" {' and '.join(parts)}, so {left} due in any period{counts if learned else ''}."
    valueless = int(table["no_value"].sum())
    return (
        f"{said} {text.capital(text.spelled(valueless, 'open deal'))} without a value adds nothing."
        if valueless
        else said
    )


def certificate(tables: Tables) -> tuple[str, bool]:
    """Put the load certificate in words; return them, and True if they are a warning."""
    load, origin, deals = tables.inputs.load, tables.inputs.origin, tables.inputs.deals
    if load:
        when = "at an unknown time" if load.fetched_at is None else f"{load.fetched_at:%Y-%m-%d %H:%M} UTC"
        rows = len(deals) if load.rows is None else load.rows
        said = f"Loaded {when} from {load.source or 'an unknown source'}: {text.count(rows, 'opportunity')}"
        if load.unreadable:
            said = f"{said}, without {load.unreadable_cells}, which can't be read"
        if load.complete and load.unreadable:
            return f"{said}.", True
        if load.complete:
            return f"{said}; complete.", False
        return f"{said}; NOT complete: {'; '.join(load.reasons) or 'no reason given'}.", True
    if recorded_at := origin.get("recorded_at"):
        moment = f"{pd.Timestamp(recorded_at):%Y-%m-%d %H:%M} UTC"
        return f"As recorded at {moment}: {text.count(len(deals), 'opportunity')}.", False
    blank = origin.get("unreadable") or []
    said = f"; cells that can't be read are blank: {'; '.join(blank)}" if blank else ""
    return (
        f"{text.capital(text.count(len(deals), 'opportunity'))}, from an export or another file: unlike a load from the API, "
        f"nothing shows whether these are all{said}.",
        bool(blank),
    )


def _records(tables: Tables) -> str:
    inputs = tables.inputs
    if inputs.records.empty:
        return "No record of the pipeline: changes, slippage and past ranges are not known."
    first, last = (
        inputs.day(inputs.records["recorded_at"].iloc[place].tz_convert(inputs.tz)) for place in (0, -1)
    )
    cadence = tables.coverage.attrs["cadence_days"]
    pace = f", usually {text.count(round(cadence), 'day')} apart" if cadence and cadence >= 0.5 else ""
    gaps = [] if inputs.history is None else [*inputs.history.find_gaps("stage", "close_date")]
    known = (
        f" Stages and planned dates are known from {text.day((gaps[-1] + 1).start_time, year=True)} on: the imported history lacks "
        "those of most deals closed before."
        if len(gaps)
        else ""
    )
    return (
        f"{text.capital(text.count(len(inputs.records), 'record'))}{pace}, from {first} to {last}. Two edits between two records look like "
        f"one, so pushes are lower bounds.{known}"
    )


def _converted(tables: Tables) -> str:
    org = Org.of(tables.inputs.opportunities)
    if not is_converted(tables.inputs.opportunities):
        return ""
    newest = org.currency_rates["date"].max()
    of = "" if pd.isna(newest) else f" at the rates of {org.rates_file} (newest {text.day(newest)})"
    return f"Converted to {org.currency}{of}: closed deals at their close date, open ones at the day of the data."


def _left_out(tables: Tables) -> str:
    held = tables.forecast.attrs.get("left_out") or {}
    said = text.joined(f"{count:,} {text.label(why)}" for why, count in held.items())
    return f"Left out of the forecast: {said}." if said else ""
