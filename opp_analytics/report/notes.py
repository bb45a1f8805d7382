"""Notes on the numbers: what each means, what is left out, and how far to trust it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.answers import Context, data_to_fix, forecasts, tables
from opp_analytics.note import note_of
from opp_analytics.org import Org, is_converted
from opp_analytics.report.model import Block, Terms

_SAID: dict[str, dict[str, str]] = tomllib.loads(
    Path(__file__).with_name("terms.toml").read_text(encoding="utf-8")
)
"""What each number means, and what a forecast sums, by its method."""


def notes(context: Context) -> Block:
    """Show two folds: definitions, and trust."""
    return Block(
        "notes",
        "",
        parts=(
            Terms("What each number means", _definitions(context)),
            Terms("What is left out, and how far to trust it", remarks=_trust(context)),
        ),
    )


def _definitions(context: Context) -> tuple[tuple[str, str], ...]:
    note = note_of(forecasts.forecast(context))
    words = {
        "noun": context.noun,
        "confidence": text.percent(note.confidence),
        "sums": _SAID["sums"][note.method],
        "method": forecasts.say_method(context),
        "unused": "" if len(forecasts.chances(context)) else " This forecast’s method uses none.",
    }
    return tuple(
        (term.format_map(words), said.format_map(words))
        for term, said in _SAID["terms"].items()
        if term != "Call" or len(forecasts.calls(context))
    )


def _trust(context: Context) -> tuple[str, ...]:
    said, name = certificate(context)[0], context.only
    remarks = (
        f"{name}’s figures are those of the row on the page of the whole." if name else "",
        _not_counted(context),
        said,
        _converted(context),
        _records(context),
        _left_out(context),
        *(text.capital(f"{lack.what}.") for lack in data_to_fix(context).lacks),
    )
    return tuple(filter(None, remarks))


def _not_counted(context: Context) -> str:
    money, table = context.money, forecasts.forecast(context)
    overdue, undated = (float(table["open_value"][name]) for name in ("overdue", "unscheduled"))
    said = f"Open pipeline is {money(table['open_value'].sum())}."
    parts = [f"{money(overdue)} is past its close date"] if overdue else []
    parts += [f"{money(undated)} has no close date"] if undated else []
    if parts:
        said += f" {' and '.join(parts)}, due in no period."
    valueless = int(table["no_value"].sum())
    adds = (
        f"{text.spelled(valueless, 'open deal')} without a value "
        f"{'adds' if valueless == 1 else 'add'} nothing."
    )
    return f"{said} {text.capital(adds)}" if valueless else said


def certificate(context: Context) -> tuple[str, bool]:
    """Put the load certificate in words; return them, and True if they are a warning."""
    load, origin, deals = context.load, context.origin, context.deals
    if load:
        when = "at an unknown time" if load.fetched_at is None else _write_moment(load.fetched_at)
        rows = len(deals) if load.rows is None else load.rows
        said = (
            f"Loaded {when} from {load.source or 'an unknown source'}: "
            f"{text.count(rows, 'opportunity')}"
        )
        if load.unreadable:
            said = f"{said}, without {load.unreadable_cells}, which can't be read"
        if load.complete:
            return (f"{said}.", True) if load.unreadable else (f"{said}; complete.", False)
        return f"{said}; NOT complete: {'; '.join(load.reasons) or 'no reason given'}.", True
    if recorded_at := origin.get("recorded_at"):
        counted = text.count(len(deals), "opportunity")
        return f"As recorded at {_write_moment(recorded_at)}: {counted}.", False
    counted = (
        f"{text.capital(text.count(len(deals), 'opportunity'))}, from an export or another file"
    )
    if blank := origin.get("unreadable"):
        return f"{counted}; cells that can't be read are blank: {'; '.join(blank)}.", True
    return f"{counted}: unlike a load from the API, nothing shows whether these are all.", False


def _write_moment(moment: Any) -> str:
    return f"{text.day(moment, year=True)}, {pd.Timestamp(moment):%H:%M} UTC"


def _records(context: Context) -> str:
    if context.records.empty:
        return "No record of the pipeline: changes, slippage and past ranges are not known."
    first, last = (
        context.write_day(context.records["recorded_at"].iloc[place].tz_convert(context.tz))
        for place in (0, -1)
    )
    cadence = note_of(tables.coverage(context)).figures["cadence_days"]
    pace = (
        f", usually {text.count(round(cadence), 'day')} apart" if cadence and cadence >= 0.5 else ""
    )
    gaps = [] if context.history is None else [*context.history.find_gaps("stage", "close_date")]
    known = ""
    if gaps:
        since = text.day((gaps[-1] + 1).start_time, year=True)
        known = f" Stages and planned dates are known from {since} on: "
        known += "the imported history lacks those of many deals closed before."
    return (
        f"{text.capital(text.count(len(context.records), 'record'))}{pace}, from {first} to "
        f"{last}. Two edits between two records look like one, so pushes are lower bounds.{known}"
    )


def _converted(context: Context) -> str:
    org = Org.of(context.opportunities)
    if not is_converted(context.opportunities):
        return ""
    newest = org.currency_rates["date"].max()
    of = "" if pd.isna(newest) else f" at the rates of {org.rates_file} (newest {text.day(newest)})"
    return (
        f"Converted to {org.currency}{of}: closed deals at their close date, open ones at the "
        "day of the data."
    )


def _left_out(context: Context) -> str:
    held = note_of(forecasts.forecast(context)).figures.get("left_out") or {}
    said = text.joined(f"{count:,} {text.label(why)}" for why, count in held.items())
    return f"Left out of the forecast: {said}." if said else ""
