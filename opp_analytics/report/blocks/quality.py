"""Deals to question, data to fix, and notes on the numbers.

Notes say what each number means, what is left out, and how far to trust it.
"""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import (
    audit_summary,
    compare_chances,
    describe_method,
    make_duplicate_keys,
)
from opp_analytics.charts import Place
from opp_analytics.columns import write_label
from opp_analytics.note import note_of
from opp_analytics.org import Org, is_converted
from opp_analytics.report.cells import (
    list_deals,
    name_deal,
    open_chance,
    say_finding,
    say_win_dates,
    show_stated,
)
from opp_analytics.report.model import (
    Block,
    Cell,
    Deals,
    Fold,
    Group,
    Line,
    Opening,
    PageColumn,
    Saying,
    Table,
    Terms,
    say_only,
)
from opp_analytics.report.tables import Tables
from opp_analytics.schema import NO_LABEL

_MOST_RISKS, _MOST_FIXES = 9, 8
"""Rows of a block that fit on a sheet with its neighbors."""
_SPELLED = 10
"""Numbers below are words."""
_SAID: dict[str, dict[str, str]] = tomllib.loads(
    Path(__file__).with_name("terms.toml").read_text(encoding="utf-8")
)
"""What each number means, and what a forecast sums, by its method."""


def risk(tables: Tables) -> Block:
    """Show what to question first: open deals with flags and reasons, most value first."""
    inputs, table, nav = tables.inputs, tables.flags, "At risk"
    flagged = table[table["risk"] > 0]
    if flagged.empty:
        return say_only("risk", "Deals at risk", f"{say_finding(table)}.", nav)
    details = [
        "unique_id",
        "stage",
        *(["probability"] if "probability" in inputs.deals else []),
        *inputs.by,
    ]
    rows = flagged.head(_MOST_RISKS).reset_index()[
        ["unique_id", "name", "value", "close_date", "reasons"]
    ]
    rows = rows.merge(inputs.deals[details], on="unique_id", how="left")
    columns = (
        PageColumn("Deal", right=False, phone="full", kind="deal"),
        *([PageColumn("Owner", right=False, kind="o")] if inputs.person else []),
        PageColumn("Stage", right=False, kind="stage"),
        *map(PageColumn, filter(None, ("Value", "Stated", tables.name_history(), "Close"))),
        PageColumn("Why", right=False, phone="full", kind="why"),
    )
    records = rows.to_dict("records")
    lines = tuple(_describe_risk(tables, row) for row in records)
    shown = Table(columns, (Group(lines),), "risk")
    # The sentence goes on to name kinds and the largest, which the table shows.
    told = "" if len(table) == 1 else f"{say_finding(table).partition(';')[0]}. The largest first"
    rest = len(flagged) - len(records)
    note = ". ".join(filter(None, (compare_chances(tables.forecast_deals), told)))
    more = f"; {text.count(rest, 'more deal')} in the workbook" if rest and told else ""
    says = tuple(_say_risk(tables, row) for row in records)
    return Block(
        "risk",
        _say_doubt(tables, flagged),
        f"{note}{more}",
        (shown, *_fold_late(tables)),
        nav,
        says,
        note=note and f"{note}.",
        rest=rest,
    )


def _fold_late(tables: Tables) -> list[Fold]:
    """List all deals past the close date under a fold."""
    late = tables.inputs.overdue
    words = text.capital(f"{text.spelled(len(late), 'deal')} past the close date")
    listed = list_deals(tables, late, words)
    return [Fold(words, listed)] if listed else []


def _say_doubt(tables: Tables, flagged: pd.DataFrame) -> str:
    """Say which deals due are in doubt, and what is late.

    Without either, how many deals have a flag.
    """
    words = [*_say_due(tables, flagged), *_say_late(tables)]
    if not words:
        have = "has" if len(flagged) == 1 else "have"
        return f"{text.capital(text.spelled(len(flagged), 'open deal'))} {have} a flag"
    return text.capital("; ".join(words))


def _say_due(tables: Tables, flagged: pd.DataFrame) -> list[str]:
    inputs = tables.inputs
    due = inputs.open_now["unique_id"]
    mine = int(due.isin(flagged.index).sum())
    if len(due) == 1:
        return [f"the deal due has {'a' if mine else 'no'} flag"]
    if not len(due):
        return []
    count = text.spelled if len(due) < _SPELLED else text.number
    of = f"{count(mine) if mine else 'none'} of {count(len(due))} deals"
    of = "neither deal" if len(due) == 2 and not mine else of
    return [f"{of} due {'has' if mine <= 1 else 'have'} a flag"]


def _say_late(tables: Tables) -> list[str]:
    inputs, late = tables.inputs, tables.inputs.overdue
    if late.empty:
        return []
    who = (
        f"{text.spelled(len(late))} more"
        if len(inputs.open_now)
        else text.spelled(len(late), "deal")
    )
    return [
        f"{who} ({inputs.money(late['value'].sum())}) {'is' if len(late) == 1 else 'are'} overdue"
    ]


def _describe_risk(tables: Tables, row: dict[Any, Any]) -> Line:
    inputs = tables.inputs
    first, *others = row["reasons"].split(" · ")
    return Line(
        (
            name_deal(inputs, row),
            *([Cell(str(row[inputs.person]), name=True)] if inputs.person else []),
            Cell(text.stage(row["stage"])),
            Cell(text.number(row["value"])),
            Cell(show_stated(row.get("probability"))),
            *([Cell(tables.show_history(row["unique_id"]))] if len(tables.chances) else []),
            Cell(inputs.day(row["close_date"])),
            Cell(". ".join(["", *map(text.capital, others)]) + ".", lead=text.capital(first)),
        ),
        teams=tables.find_teams(row["unique_id"]),
        opens=open_chance(tables, row, say_win_dates(tables, row["unique_id"])),
    )


def _say_risk(tables: Tables, row: dict[Any, Any]) -> Saying:
    """Say a deal's value, owner and flags, and its stage if no flag names it.

    Flags are said without what they are measured by.
    """
    inputs, stage = tables.inputs, text.stage(row["stage"])
    flags = [reason.partition("; ")[0] for reason in row["reasons"].split(" · ")]
    flags += [] if any(stage in flag for flag in flags) else [f"in {stage}"]
    listed = ("; " if any(", " in flag for flag in flags) else ", ").join(flags)
    owner = [str(row[inputs.person])] if inputs.person and len(tables.persons) > 1 else []
    facts = [inputs.money(row["value"]), *owner]
    said = "".join(f", {fact}" for fact in facts if fact not in (text.MISSING, NO_LABEL))
    return Saying(name_deal(inputs, row).text, f"{said}: {listed}")


def fix(tables: Tables) -> Block:
    """Show what costs most money: the audit's findings, each with its deals and the fix."""
    inputs, nav, findings = tables.inputs, "Data to fix", tables.findings
    table = audit_summary(findings[findings["severity"] != "info"])
    table = table.sort_values(["value", "deals"], ascending=False)
    if table.empty:
        deals = len(inputs.deals)
        found = f"The audit found nothing to fix in {text.count(deals)}."
        words = found if deals else "There is no deal to audit."
        return say_only("fix", nav, words, nav)
    place = pd.Index(inputs.deals["unique_id"]).get_indexer(findings["unique_id"])
    amounts, opened = [], []
    for row in table.head(_MOST_FIXES).reset_index().to_dict("records"):
        here = findings["check"].eq(row["check"]).to_numpy()
        mine = inputs.deals.iloc[np.unique(place[here & (place >= 0)])]
        amounts.append(_measure(tables, row, mine))
        opened.append(_list_findings(tables, amounts[-1], mine, findings[here]))
    rest = len(table) - _MOST_FIXES
    more = f"; {rest} more kinds in the workbook" if rest > 0 else ""
    rows = svg.bars(amounts, label_width=272, stacked=True)
    sub = f"Ranked by money. Open a line for the deals and the fix{more}"
    return Block("fix", say_finding(table), sub, (Opening(rows, tuple(opened)),), nav)


def _measure(tables: Tables, row: dict[Any, Any], found: pd.DataFrame) -> Place:
    """Measure a check by its money, else by its deals.

    Of several outcomes what is open, else won, stands beside it.
    """
    name, value, money = (
        write_label("check", row["check"]),
        float(row["value"]),
        tables.inputs.money,
    )
    deals = text.count(int(row["deals"]))
    figure = money(value) if value > 0 else deals
    parts = _split(found)
    if row["check"] == "duplicate":
        groups = make_duplicate_keys(found).drop_duplicates()
        figure = f"{figure} in {text.count(len(groups), 'group')}"
    elif len(parts) > 1:
        count, worth = parts.iloc[0]
        figure += f", {money(worth) if value > 0 else text.number(count)} {parts.index[0]}"
    size = value if math.isfinite(value) else 0.0
    return svg.make_bar(name, size, figure, f"{name}: {figure}, {deals}", row["check"])


def _split(deals: pd.DataFrame) -> pd.DataFrame:
    """Count and sum deals by outcome: open, won, then the others."""
    parts = deals.groupby("outcome")["value"].agg(["size", "sum"])
    return parts.sort_index(key=lambda names: names.map({"open": 0, "won": 1}).fillna(2))


def _list_findings(
    tables: Tables, amount: Place, rows: pd.DataFrame, found: pd.DataFrame
) -> Deals | None:
    note = _say_suggestion(rows, found.drop_duplicates("unique_id"))
    open_ones = rows["outcome"] == "open"
    closed, further = rows[~open_ones], {}
    if amount.key != "duplicate" and 0 < len(closed) < len(rows):
        # Who fixes data begins with what still counts.
        rows, further = (
            rows[open_ones],
            {text.count(len(closed), "closed deal"): closed["value"].sum()},
        )
    return list_deals(tables, rows, amount.name, sheet="Findings", note=note, further=further)


def _say_suggestion(rows: pd.DataFrame, found: pd.DataFrame) -> str:
    """Say how the deals ended, and the fix where all have the same one; the workbook has each."""
    fixes, parts, deals = found["suggestion"].dropna().unique(), _split(rows), text.count(len(rows))
    if len(parts) > 1:
        deals += (
            f": {text.joined([f'{count:,} {outcome}' for outcome, count in parts['size'].items()])}"
        )
    if not len(fixes):
        return f"{deals}."
    if len(fixes) > 1:
        return f"{deals}. The workbook’s sheet “Findings” has a suggested fix for each."
    return f"{deals}. Suggested fix: {found['field'].iloc[0]} {fixes[0]}."


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
    note = note_of(tables.forecast)
    words = {
        "noun": tables.inputs.noun,
        "confidence": text.percent(note.confidence),
        "sums": _SAID["sums"][note.method],
        "method": describe_method(tables.forecast),
        "unused": "" if len(tables.chances) else " This forecast’s method uses none.",
    }
    return tuple(
        (term, said.format_map(words))
        for term, said in _SAID["terms"].items()
        if term != "Call" or len(tables.calls)
    )


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
    lacks = note_of(tables.findings).figures.get("not_checked", [])
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
        counts = (
            f"; the forecast of this {tables.inputs.noun} counts "
            f"{'both' if len(parts) > 1 else 'it'} at the chance from history"
        )
        learned = tables.method == "learned"
        said += f" {' and '.join(parts)}, so {left} due in any period{counts if learned else ''}."
    valueless = int(table["no_value"].sum())
    adds = (
        f"{text.spelled(valueless, 'open deal')} without a value "
        f"{'adds' if valueless == 1 else 'add'} nothing."
    )
    return f"{said} {text.capital(adds)}" if valueless else said


def certificate(tables: Tables) -> tuple[str, bool]:
    """Put the load certificate in words; return them, and True if they are a warning."""
    load, origin, deals = tables.inputs.load, tables.inputs.origin, tables.inputs.deals
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


def _records(tables: Tables) -> str:
    inputs = tables.inputs
    if inputs.records.empty:
        return "No record of the pipeline: changes, slippage and past ranges are not known."
    first, last = (
        inputs.day(inputs.records["recorded_at"].iloc[place].tz_convert(inputs.tz))
        for place in (0, -1)
    )
    cadence = note_of(tables.coverage).figures["cadence_days"]
    pace = (
        f", usually {text.count(round(cadence), 'day')} apart" if cadence and cadence >= 0.5 else ""
    )
    gaps = [] if inputs.history is None else [*inputs.history.find_gaps("stage", "close_date")]
    known = ""
    if gaps:
        since = text.day((gaps[-1] + 1).start_time, year=True)
        known = f" Stages and planned dates are known from {since} on: "
        known += "the imported history lacks those of most deals closed before."
    return (
        f"{text.capital(text.count(len(inputs.records), 'record'))}{pace}, from {first} to {last}. "
        f"Two edits between two records look like one, so pushes are lower bounds.{known}"
    )


def _converted(tables: Tables) -> str:
    org = Org.of(tables.inputs.opportunities)
    if not is_converted(tables.inputs.opportunities):
        return ""
    newest = org.currency_rates["date"].max()
    of = "" if pd.isna(newest) else f" at the rates of {org.rates_file} (newest {text.day(newest)})"
    return (
        f"Converted to {org.currency}{of}: closed deals at their close date, open ones at the "
        "day of the data."
    )


def _left_out(tables: Tables) -> str:
    held = note_of(tables.forecast).figures.get("left_out") or {}
    said = text.joined(f"{count:,} {text.label(why)}" for why, count in held.items())
    return f"Left out of the forecast: {said}." if said else ""
