"""The sheets of the workbook: the first words and figures, then a table of an answer each."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.answers import (
    CATALOG,
    Answer,
    Context,
    Row,
    Table,
    forecasts,
    will_we_make_it,
)
from opp_analytics.org import Org, write_in_force
from opp_analytics.report.model import WeeklyPage
from opp_analytics.schema import BUCKETS, Json
from opp_analytics.workbooks import PERIODS


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
    left_out: str = ""
    """What is not on it, which the summary says too."""
    total: str = "Total"
    """What the row of totals is called."""
    levels: tuple[int, ...] = ()
    """Depth of each row, where rows add up those below them: the last is the total, 0, after
    groups, from 1 on."""


@dataclass(frozen=True)
class SheetFigure:
    """A figure of the summary."""

    title: str
    value: Any
    column: str
    """The forecast's column, which says the unit; also the name of the cell."""
    before: Any = None


@dataclass(frozen=True)
class Summary:
    """The first sheet."""

    title: str
    alerts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    figures: tuple[SheetFigure, ...] = ()
    since: str = ""
    """Heads the earlier figures; empty without any."""


SHEETS: dict[str, Json] = tomllib.loads(
    Path(__file__).with_name("sheets.toml").read_text(encoding="utf-8")
)
"""The sheets in their order: each a table of an answer, or what is behind its rows."""
_ASKED = {said["ask"] for said in SHEETS.values()}
SHEETS |= {
    one.look.nav: {"ask": key, "table": ""}
    for key, one in CATALOG.items()
    if one.look and one.look.nav and key not in _ASKED
}
_MOST_LISTED = 500
"""Rows of a sheet, and of each list of deals on one, that somebody may read; all of the deals."""
_NAMED = {"deal": "name", "more": "name", "flag": "check", "step": "movement"}
"""Columns of names by kind of row, where they are not called as the kind."""


def summarize(page: WeeklyPage, context: Context) -> Summary:
    """Keep the page's first words, and its figures with those of the earlier record."""
    return Summary(
        f"{page.heading} · {page.subject}",
        tuple(alert.words for alert in page.alerts),
        page.warnings,
        tuple(filter(None, (page.sentence, page.second))),
        _list_figures(will_we_make_it(context)),
        page.since,
    )


def _list_figures(answer: Answer) -> tuple[SheetFigure, ...]:
    """List the figures of the current period, with those of the earlier record."""
    now, *then = (table.rows[0].values for table in answer.tables)
    before = then[0] if then else {}
    return tuple(
        SheetFigure(title, now.get(column), column, before.get(column))
        for column, title in answer.title_columns(answer.tables[0]).items()
    )


def sheets(context: Context, all_deals: str = "") -> Iterator[Sheet]:
    """Make every sheet that has something to hold, in order.

    `all_deals` is the file beside the workbook of the deals that it only sums up.
    """
    for name, said in SHEETS.items():
        if name == "Calls":
            sheet = Sheet(name, _list_calls(context))
        else:
            sheet = _make_sheet(CATALOG[said["ask"]].ask(context), name, said)
            if said["ask"] == "deals" and all_deals:
                words = f"All deals, in {all_deals}, beside this file."
                sheet = replace(sheet, note=f"{sheet.note} {words}".lstrip(), left_out=words)
        if len(sheet.table):
            titles = {"period": text.capital(context.noun), **sheet.titles}
            if forecasts.by_rate(context):
                titles["new_business"] = "Run rate"
            yield replace(
                sheet,
                table=_read_periods(context, sheet.table),
                titles={**titles, **said.get("titles", {})},
                summed=tuple(said.get("summed", sheet.summed)),
                total=said.get("total", "Total"),
            )


def _make_sheet(answer: Answer, name: str, said: Json) -> Sheet:
    """Show a table of an answer, or the deals behind the rows of its first one.

    Lists of deals have the name of their sheet.
    """
    most = None if answer.key == "deals" else _MOST_LISTED
    # A question that `sheets.toml` does not name shows its first table, with that one's total.
    is_first = said.get("table") == ""
    named = [table for table in answer.tables if table.name == said.get("table")]
    found = [*answer.tables[:1]] if is_first else named
    frames = [_tabulate(answer, table, most) for table in found]
    if "table" not in said:
        for row in answer.tables[0].rows if answer.tables else ():
            behind = answer.opens(row)
            for table in behind.tables if behind else ():
                if text.title(table.name) == name:
                    frame = _tabulate(answer, table, most)
                    for column, label in _name_rows(answer.context, [row]).iloc[0].items():
                        frame.insert(0, str(column), label)
                    found.append(table)
                    frames.append(frame)
    rows = [row for table in found for row in _choose_rows(table)]
    deep = any(row.depth or row.kind == "total" for row in rows)
    levels = tuple(0 if row.kind == "total" else row.depth + 1 for row in rows) if deep else ()
    # A column of some lists only has the type that it has there.
    known = [frame.dropna(axis="columns", how="all") for frame in frames]
    listed = pd.concat(known, ignore_index=True) if frames else pd.DataFrame()
    listed = listed[[name for name in dict.fromkeys(chain(*frames)) if name in listed]]
    # Notes are about the first table and what is behind it.
    is_further = bool(found) and found[0].name in [table.name for table in answer.tables[1:]]
    notes = [] if is_further else answer.sentences
    left_out = " ".join(notes) if answer.key == "deals" else ""
    if len(listed) < len(rows):
        left_out = f"These are {len(listed):,} of {len(rows):,} rows: the first {most:,} of "
        left_out += f"each list. All of them: opp-analytics {CATALOG[answer.key].command}"
        notes.append(left_out)
    rare = [name for name in said.get("rare", ()) if name in listed and not listed[name].any()]
    return Sheet(
        name,
        listed.drop(columns=rare, errors="ignore"),
        summed=tuple(table.adds for table in found if is_first and table.adds),
        titles={key: head for table in found for key, head in table.heads.items() if key != "name"},
        note=" ".join(notes),
        left_out=left_out,
        levels=levels,
    )


def _choose_rows(table: Table) -> list[Row]:
    """Leave out rows that sum up others, and those below them."""
    rows: list[Row] = []
    below_rest = False
    for row in table.rows:
        below_rest = row.kind == "rest" or (below_rest and row.depth > 0)
        rows += [] if below_rest else [row]
    return rows


def _tabulate(answer: Answer, table: Table, most: int | None) -> pd.DataFrame:
    """Tabulate `most` rows at most, with all that is known: names first, a deal's id last."""
    rows = _choose_rows(table)
    rows = rows if rows[-1:] and rows[-1].kind == "more" else rows[:most]
    is_deal = any(row.kind == "deal" for row in rows)
    known = {name: None for row in rows if row.kind != "deal" for name in row.values}
    more = answer.context.by if is_deal else [name for name in known if name not in PERIODS]
    columns = (*table.columns, *(name for name in more if name not in table.columns))
    frame = answer.to_frame(replace(table, columns=columns, rows=tuple(rows)))
    names = _name_rows(answer.context, rows)
    frame = names.join(frame.drop(columns=["id", "name", *names], errors="ignore"))
    ids = [row.id if row.kind == "deal" else None for row in rows]
    return frame.assign(unique_id=pd.Series(ids, dtype="object")) if is_deal else frame


def _name_rows(context: Context, rows: Sequence[Row]) -> pd.DataFrame:
    """Name each row below those that it is part of; periods by their label."""
    cells: list[Json] = []
    above: list[tuple[str, str]] = []
    for row in rows:
        kind, name = row.kind, row.name.write(None)
        if kind == "total":
            above = [(next(iter(cells[0]), kind), "Total")]
        elif kind == "period":
            above = [(kind, str(row.values.get(kind, row.id)))]
        else:
            column = row.part.column if row.part else _NAMED.get(kind, kind)
            column = str(context.person) if kind == "person" else column
            above = [*above[: row.depth], (column, name)]
        cells.append(dict(above))
    return pd.DataFrame(cells)


def _read_periods(context: Context, table: pd.DataFrame) -> pd.DataFrame:
    """Turn labels of periods into what a spreadsheet sorts by time.

    These are months and weeks, and quarters as "2026 Q4"; words come last.
    """
    for name in set(PERIODS) & set(table):
        read = {label: _read_period(context, label) for label in table[name].dropna().unique()}
        periods = pd.Series([*map(read.get, table[name])], table.index, dtype="object")
        table = table.assign(**{name: periods})
    return table


def _read_period(context: Context, label: str) -> pd.Period | str:
    org, freq = Org.of(context.opportunities), context.freq
    if label in BUCKETS:
        return _BUCKETS[label]
    if label[7:]:
        return pd.Period(label[:10], "D")
    kind = "M" if "-" in label else "Q" if "Q" in label else "Y"
    if kind == "M":
        return pd.Period(label, kind)
    shown = text.period(label, freq if freq.startswith(kind) else org.freq(kind))
    return shown if shown.startswith("FY") else f"{label[:4]} {label[4:]}".rstrip()


def _list_calls(context: Context) -> pd.DataFrame:
    """List every call, the newest first, with the days from it to the period's end."""
    calls = context.calls.sort_values("made_on", ascending=False, kind="stable")
    org = Org.of(context.opportunities)
    last = {label: org.period_days(label)[1] for label in calls["period"].unique()}
    ends = pd.Series([last[label] for label in calls["period"]], calls.index, "datetime64[us]")
    calls.insert(2, "days_before", (ends - calls["made_on"]).dt.days)
    calls["in_force"] = write_in_force(calls)
    return calls


_BUCKETS = dict(zip(BUCKETS, ("overdue", "no close date"), strict=True))
"""Words for what has no period."""
