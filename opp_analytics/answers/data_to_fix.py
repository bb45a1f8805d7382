"""Which data to fix first: the audit's findings, those that touch most money first."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pandas as pd

from opp_analytics import charts, text
from opp_analytics.analysis import (
    audit_summary,
    describe,
    make_duplicate_keys,
    rank_audit_summary,
)
from opp_analytics.answers import tables
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import Lack, Row, Table, make_notes
from opp_analytics.answers.deal import list_deals, read_rows
from opp_analytics.charts import Place
from opp_analytics.columns import write_label
from opp_analytics.note import note_of
from opp_analytics.schema import is_among
from opp_analytics.text import Piece, Sentence

_MOST = 5_000
"""Findings that are listed one by one."""


@keep
def data_to_fix(context: Context) -> Answer:
    """Rank the audit's kinds of findings by money; each opens to its deals and the fix."""
    findings = tables.findings(context)
    table = audit_summary(findings[findings["severity"] != "info"])
    table = rank_audit_summary(table)
    found = {str(check): _find_deals(context, str(check)) for check in table.index}
    checks = table.reset_index().to_dict("records")
    rows = tuple(_make_row(row, found[row["check"]]) for row in checks)
    bars = [_draw(context, row, found[row.id]) for row in rows]
    lacks = text.joined(map(text.label, note_of(findings).figures.get("not_checked", [])))
    words = f"the data has no {lacks}: the audit leaves out what needs it"
    columns = ("deals", "value", "open_count", "open_value")
    return Answer(
        key="data_to_fix",
        context=context,
        title="Data to fix",
        finding=Sentence.of(_say_first(context, table).removesuffix(".")),
        tables=(
            *([Table("findings", columns, rows, "value")] if rows else []),
            *([_list_findings(context)] if len(findings) else []),
        ),
        chart=charts.ChartData(tuple(bars)) if rows else None,
        notes=make_notes("Ranked by money, doubtful ones last" if rows else ""),
        lacks=(Lack(words),) if lacks else (),
        call='oa.audit_summary(oa.audit(deals, as_of="{day}"))',
        opener=partial(_list_deals, context),
    )


def _list_findings(context: Context) -> Table:
    """List each finding, the most severe first, with whose deal it is and the suggested fix.

    Of very many the last row says how many more.
    """
    own = [context.person] if context.person else []
    known = context.deals[["unique_id", "name", "stage", *own]]
    findings = tables.findings(context)
    found = findings.head(_MOST).merge(known, how="left")
    found = found.assign(unique_id=found["unique_id"].astype("str"))
    rows = []
    for values in read_rows(found):
        key = values["unique_id"]
        name = Piece("deal", values.pop("name", key), id=key)
        place = f"{values['check']} {key} {values.get('field')}"
        rows.append(Row(place, name, values, kind="finding"))
    if rest := len(findings) - len(found):
        words = f"{text.count(rest, 'more finding')}; oa.audit lists all"
        rows.append(Row("more", Piece("text", words), {}, kind="more"))
    columns = ("check", "field", "cell", "suggestion", *own, "stage", "severity", "unique_id")
    return Table("each finding", columns, tuple(rows))


def _say_first(context: Context, table: pd.DataFrame) -> str:
    """Say what touches most money; of clean data, how much was checked."""
    if len(table):
        return describe(table)
    deals = len(context.deals)
    found = f"The audit found nothing to fix in {text.count(deals)}."
    return found if deals else "There is no deal to audit."


def _find_deals(context: Context, check: str) -> pd.DataFrame:
    findings, deals = tables.findings(context), context.deals
    mine = findings["unique_id"][findings["check"] == check]
    return deals[is_among(deals["unique_id"], mine)]


def _make_row(row: dict[Any, Any], deals: pd.DataFrame) -> Row:
    check, is_open = str(row["check"]), deals["outcome"] == "open"
    values = {
        "deals": int(row["deals"]),
        "value": row["value"],
        "open_count": int(is_open.sum()),
        "open_value": deals["value"][is_open].sum(),
    }
    words = {}
    if check == "duplicate":
        groups = len(make_duplicate_keys(deals).drop_duplicates())
        words["deals"] = Sentence.of("in ", Piece("count", groups, noun="group"))
    return Row(check, Piece("text", write_label("check", check)), values, words, kind="flag")


def _draw(context: Context, row: Row, found: pd.DataFrame) -> Place:
    """Draw a check by its money, else by its deals.

    Of several outcomes what is open, else won, stands beside it.
    """
    name, value, money = str(row.name.value), row.values["value"], context.money
    deals, parts = text.count(row.values["deals"]), _split(found)
    figure = money(value) if value > 0 else deals
    if row.words:
        figure += f" {row.words['deals'].write()}"
    elif len(parts) > 1:
        count, worth = parts.iloc[0]
        figure += f", {money(worth) if value > 0 else text.number(count)} {parts.index[0]}"
    size = value if math.isfinite(value) else 0.0
    title = f"{name}: {figure}, {deals}"
    return charts.make_bar(name, size, figures=(figure,), title=title, key=row.id)


def _split(deals: pd.DataFrame) -> pd.DataFrame:
    """Count and sum deals by outcome: open, won, then the others."""
    parts = deals.groupby("outcome")["value"].agg(["size", "sum"])
    return parts.sort_index(key=lambda names: names.map({"open": 0, "won": 1}).fillna(2))


def _list_deals(context: Context, row: Row) -> Answer:
    """List a check's deals; who fixes data begins with what still counts."""
    deals = _find_deals(context, row.id)
    found = tables.findings(context)
    found = found[found["check"] == row.id].drop_duplicates("unique_id")
    more = ("severity", "field", "cell", "suggestion")
    note = Sentence.of(_say_suggestion(found, deals))
    return list_deals(
        context,
        str(row.name.value),
        deals.merge(found[["unique_id", *more]], on="unique_id"),
        name="findings",
        more=more,
        folds=row.id != "duplicate" and bool((deals["outcome"] == "open").any()),
        notes=[note],
    )


def _say_suggestion(found: pd.DataFrame, deals: pd.DataFrame) -> str:
    """Say how the deals ended, and the fix where all have the same one; the workbook has each."""
    fixes = found["suggestion"].dropna().unique()
    parts = _split(deals)
    said = text.count(len(deals))
    if len(parts) > 1:
        ended = [f"{count:,} {outcome}" for outcome, count in parts["size"].items()]
        said += f": {text.joined(ended)}"
    if len(fixes) > 1:
        return f"{said}. The workbook’s sheet “Findings” has a suggested fix for each"
    return f"{said}. Suggested fix: {found['field'].iloc[0]} {fixes[0]}" if len(fixes) else said
