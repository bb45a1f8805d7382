"""`read_export`: the opportunities of another CRM's export."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import arguments
from opp_analytics.arrays import Series
from opp_analytics.crm.file_day import find_file_day
from opp_analytics.crm.find_shape import LOGS, find_shape, name_any
from opp_analytics.crm.guess_columns import find_column
from opp_analytics.crm.mapping import (
    CLOSED_AT,
    FLAGS,
    USED_UP,
    Mapped,
    Reading,
    match_labels,
    name_opportunities,
    tabulate,
)
from opp_analytics.crm.values import STATUSES, UNREADABLE, read_columns
from opp_analytics.errors import ArgumentTypeError, DataError
from opp_analytics.inputs import BadValue, list_bad, refuse
from opp_analytics.org import (
    CLOSED,
    LOST,
    WON,
    Org,
    check_currency,
    get_org,
    list_probabilities,
    merge_orgs,
    outcome_codes,
    tell_kind,
)
from opp_analytics.periods import to_dates
from opp_analytics.progress import note
from opp_analytics.schema import COLUMNS, TEXT, BadCell
from opp_analytics.table_files import FileTable, TableSource, drop_footer, read_table
from opp_analytics.text import count


@dataclass(frozen=True, kw_only=True)
class Export(Reading):
    """An export that was read, with the fate of its columns."""

    opportunities: pd.DataFrame
    """The opportunities, as `read_export` returns them."""
    decimal_comma: bool | None
    """True if the file's amounts have a decimal comma; None when nothing settles it."""


def read_export(
    source: TableSource,
    org: Org,
    *,
    day_first: bool | None = None,
    decimal_comma: bool | None = None,
    unreadable: str = "refuse",
    encoding: str | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Read the opportunities of another CRM's export, or of a file that this package wrote.

    Parameters
    ----------
    source : path or DataFrame
        A CSV file, an ``.xlsx`` workbook or a Parquet file, or a frame of its rows: a report of
        opportunities or deals, or a data export, as a CRM writes them. Titles above and footers
        below the table, byte order marks, quoted line breaks, Windows-1252, ``$120,000.00``,
        ``80%`` and ``11/25/2026`` are read.
    org : Org
        Meaning of the columns and stages: that of a preset such as ``Org.salesforce()``, or your
        own.
    day_first : bool, optional
        Whether ``03/04/2027`` is April 3. By default the file's other rows tell; where none does,
        it is refused.
    decimal_comma : bool, optional
        Whether ``45.000`` is 45,000. By default the column's other amounts tell; else a file with
        semicolons and dates such as ``31.12.2026`` has a decimal comma, and says so. Where nothing
        tells, it is refused.
    unreadable : {"refuse", "blank"}
        What to do with an amount, date or percentage that can't be read, such as ``TBD`` or
        ``~90k``: refuse the file with a list of all such cells, or read the rest with these cells
        missing, warn of them, and list them in ``attrs["unreadable"]``. A cell with two readings,
        and a mark of won, lost, closed or deleted, is always refused. ``n/a``, ``none`` and ``-``
        are empty cells.
    encoding : str, optional
        Encoding of a CSV file, where the one found is wrong.
    progress : bool, optional
        If True, print what was mapped, guessed and dropped; if False, don't. Default: in a notebook
        or terminal.

    Returns
    -------
    DataFrame
        Opportunities, with ``attrs["org"]`` and, of a file, ``attrs["seen_on"]``: the day that it
        shows. It is the day in its name or the head of the report, else that of its last
        modification, if within a week, else that of the newest creation, update or close. Columns
        that the org does not name follow under their own labels. A frame, Parquet file or
        `to_excel` workbook that holds its org and its moment (``attrs["load"]``,
        ``attrs["recorded_at"]``) keeps them; an org in it that contradicts `org` is refused. CSV
        holds neither. ``probability`` is rounded to whole percents; without
        such a column, it is that of the stage in the org. A deal whose stage does not
        say how it ended gets a ``status`` from the CRM's own signs where it has any: marks of won,
        lost, closed or archived, a lost reason, a day of closing. Where these say closed, and not
        how, it is ``unknown``, in no sum and no rate; the
        ``close_date`` of a closed deal is the day it was closed where the CRM writes that apart.
        Columns of the dates and times of each stage, as HubSpot has them, are left out.

    Raises
    ------
    DataError
        When the file is of another kind or holds no table, or a cell can't be read: all are listed
        by row, column and value.
    MissingColumnError
        When there is no column for ``unique_id`` or ``stage``.

    See Also
    --------
    Org.salesforce, Org.hubspot, Org.pipedrive, History.from_changes

    Examples
    --------
    >>> report = pd.DataFrame(
    ...     {
    ...         "Opportunity ID": ["001M000000qfPyS"],
    ...         "Stage": ["Closed Won"],
    ...         "Amount": ["$120,000.00"],
    ...         "Close Date": ["11/25/2026"],
    ...         "Probability (%)": ["100%"],
    ...     }
    ... )
    >>> read_export(report, Org.salesforce(currency="USD"))[["unique_id", "value", "close_date"]]
                unique_id     value close_date
    0  001M000000qfPySIAU  120000.0 2026-11-25
    """
    export = explain_export(
        source,
        org,
        encoding=encoding,
        day_first=day_first,
        decimal_comma=decimal_comma,
        unreadable=unreadable,
    )
    note(progress, export.describe())
    return export.opportunities


def explain_export(
    source: TableSource,
    org: Org,
    *,
    encoding: str | None = None,
    draft: bool = False,
    **written: Any,
) -> Export:
    """Read an export, with the fate of its columns and rows.

    See `read_export`, and `ColumnReader.of` for what is `written`.

    A `draft` keeps amounts in several currencies, and the dates of closing.
    """
    if not isinstance(org, Org):
        raise ArgumentTypeError(
            f"org is a {type(org).__name__}, not an Org; use for example org=oa.Org.salesforce()"
        )
    arguments.one_of(written.get("unreadable", "refuse"), "unreadable", UNREADABLE)
    table = read_table(source, name_any(org.columns).know, encoding)
    org = (
        merge_orgs(get_org(table), org, names=(f"the org of {table.file}", "the given org")) or org
    )
    if find_shape(table.labels, org.columns) in LOGS:
        raise DataError(
            f"{table.file} is a field history; begin a history with it: "
            "oa.History.from_changes(file, org=org), or opp-analytics import-crm FILE --history "
            "FOLDER"
        )
    matched = [
        _drop_stage_date(line)
        for line in match_labels(table.labels, name_opportunities(org.columns))
    ]
    table = drop_footer(table, find_column("unique_id", matched, table))
    find_column("stage", matched, table)
    columns, lines, reader = read_columns(table, matched, org, **written)
    frame, left_out = _make_opportunities(columns, org, table, lines, draft)
    if table.modified_at is not None and not {"load", "recorded_at", "seen_on"} & set(table.facts):
        frame.attrs["seen_on"] = f"{find_file_day(table, frame):%Y-%m-%d}"
    if reader.blanked:
        frame.attrs["unreadable"] = list_bad(reader.blanked)
    return Export(
        opportunities=frame,
        decimal_comma=reader.decimal_comma,
        mapping=tabulate(lines),
        read_as=table.read_as,
        left_out=(*table.left_out, *left_out),
    )


_STAGE_DATE = re.compile(
    r"""(date (entered|exited)|((latest|cumulative) )?time in) ["'“].+["'”]|"""
    r"hs_(v2_)?(date_(entered|exited)|(latest_|cumulative_)?time_in)_.+",
    re.IGNORECASE,
)
"""Labels of dates and times of each stage, in exports of HubSpot and in its API."""


def _drop_stage_date(line: Mapped) -> Mapped:
    """Leave out a column of one stage: hundreds of them would be columns of the deals."""
    if line.how != "kept" or not _STAGE_DATE.fullmatch(line.theirs):
        return line
    note = "a history of the stages is the property history"
    return replace(line, ours="", how="dropped", note=note)


def _make_opportunities(
    columns: dict[str, Series], org: Org, table: FileTable, lines: list[Mapped], draft: bool
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Make opportunities of the columns; with the rows left out, in words.

    Derived columns are added to `lines`.
    """
    frame = pd.DataFrame(columns)
    frame = _derive_status(frame, org, lines, draft)
    frame = _fill_probability(frame, org, lines)
    frame, deleted = _drop_deleted(frame)
    frame = _settle_closed(frame, org, lines)
    if not draft:
        _check_currency(frame, org, lines)
    frame, repeated = _drop_copies(frame, table, lines)
    kept = [
        name
        for name in (*COLUMNS, *frame.columns)
        if name in frame and (draft or name not in USED_UP)
    ]
    frame = frame[list(dict.fromkeys(kept))].reset_index(drop=True)
    if "probability" in frame:
        frame["probability"] = (frame["probability"] + 1e-9).round().astype("Int64")
    # A file of ours may hold converted values.
    frame = org.bare(frame) if org.converts else frame
    frame.attrs.update(table.facts)
    return org.apply(frame), (*deleted, *repeated)


_STATUSES = (*STATUSES.values(), "unknown", "deleted")
"""Statuses that need no other sign."""
_OPEN = re.compile(
    r"open|offen|laufend|ouverte?|abiert[oa]|abert[oa]|apert[oa]|otwart[aey]|aktiv|acti[fv][aeo]?|"
    r"actief|ativ[ao]|attiv[ao]|aktywn[ay]",
    re.IGNORECASE,
)
"""Statuses of open deals, in eight languages."""
_OURS = {"won": "won", "lost": "lost", "disqualified": "inactive", "open": "active"}
"""The status of each kind."""
_PLAIN = re.compile(r"(closed\W+)?\w+", re.IGNORECASE)
"""A status that means what its one word does; "waiting for a signed order" is no win."""


def _derive_status(frame: pd.DataFrame, org: Org, lines: list[Mapped], draft: bool) -> pd.DataFrame:
    """Derive status from the CRM's own signs of won, lost and closed.

    A stage that says how a deal ended decides alone, so that an edit of it needs no second one. An
    open one gives way to a sign: Odoo's lost deals stay in their stage. A deal that is closed, and
    nothing says how, is what the org's stages say of its status, or of `CLOSED` without one; else
    unknown. A draft asks under that name. A status that agrees with its stage is spelled as ours.
    """
    signs = [name for name in (*FLAGS, *CLOSED_AT, "lost_reason") if name in frame]
    signs = [name for name in signs if name not in ("is_deleted", "won_at")]
    no = pd.Series(False, index=frame.index)
    given = frame.get("status", pd.Series(None, index=frame.index, dtype=TEXT))
    tally = given[~given.str.casefold().isin(_STATUSES)].value_counts()
    plain = {
        word: "open" if _OPEN.fullmatch(word) else tell_kind(word)
        for word in tally.index
        if _PLAIN.fullmatch(word)
    }
    meant = {word: org.stages.kinds.get(word) or plain.get(word) for word in tally.index}
    words = {word: kind for word, kind in meant.items() if kind}
    if not signs and not words:
        return frame
    said = given.map(words)

    def says(name: str) -> Series:
        return frame[name].notna() if name in (*CLOSED_AT, "lost_reason") and name in frame else no

    flagged = frame.get("is_closed", no)
    # A day of winning may be the expected one.
    won = frame.get("is_won", no) | (said == "won")
    lost = frame.get("is_lost", no) | says("lost_at") | ~frame.get("is_active", ~no)
    # A deal that was opened again may keep its reason.
    lost |= says("lost_reason") & (flagged if "is_closed" in frame else ~no)
    lost |= flagged & ~won if "is_won" in frame else no
    lost |= said == "lost"
    closed = flagged | says("closed_at") | (said == "closed")
    said = said.mask(closed & said.isna() & ~won & ~lost, org.stages.kinds.get(CLOSED))
    won, lost, inactive = won | (said == "won"), lost | (said == "lost"), said == "disqualified"
    kinds = frame["stage"].map(org.stages.kinds)
    told = (kinds == "open") & (won | lost | inactive | closed)
    told |= kinds.isna() & (said.notna() | (given.isna() & bool(signs)))
    told &= ~given.str.casefold().isin(_STATUSES).fillna(False).astype("bool")
    lines += [
        Mapped(word, _OURS[kind], "mapped", f"status, {count(int(tally[word]))}")
        for word, kind in words.items()
        if kind in _OURS
    ]
    given = given.where((said != kinds).fillna(True).astype("bool"), said.map(_OURS).astype(TEXT))
    frame = frame.assign(status=given) if words else frame
    if not told.any():
        return frame
    status = pd.Series(
        np.select(
            [won, lost, inactive, closed & (said != "open")],
            ["won", "lost", "inactive", "unknown"],
            "active",
        ),
        index=frame.index,
        dtype=TEXT,
    )
    if draft:
        status = status.mask(status == "unknown", given.fillna(CLOSED))
    note = f"the CRM's own marks, for {count(int(told.sum()))} in unknown or open stages"
    marks = [*signs, *map(repr, words)]
    lines.append(Mapped(" and ".join(marks), "status", "mapped", note))
    return frame.assign(status=status.where(told, given))


def _fill_probability(frame: pd.DataFrame, org: Org, lines: list[Mapped]) -> pd.DataFrame:
    """Take the probability of each deal's stage where the export has none."""
    if "probability" in frame:
        return frame
    chances = look_up_chances(frame, org)
    if not chances.notna().any():
        return frame
    lines.append(
        Mapped("", "probability", "mapped", "the export has no probability; each stage's was used")
    )
    return frame.assign(probability=chances)


def _drop_deleted(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    deleted = pd.Series(False, index=frame.index)
    if "is_deleted" in frame:
        deleted |= frame["is_deleted"]
    if "deleted_at" in frame:
        deleted |= frame.pop("deleted_at").notna()
    if "status" in frame:
        deleted |= frame["status"].str.casefold() == "deleted"
    if not deleted.any():
        return frame, ()
    return frame[~deleted], (f"{count(int(deleted.sum()), 'row')} of deleted deals",)


def _settle_closed(frame: pd.DataFrame, org: Org, lines: list[Mapped]) -> pd.DataFrame:
    """Give closed deals their final date and value, if the CRM also keeps expected ones."""
    marks = [name for name in CLOSED_AT if name in frame]
    if not marks and "won_value" not in frame:
        return frame
    codes = outcome_codes(org.apply(frame[[name for name in ("stage", "status") if name in frame]]))
    if "won_value" in frame:
        won = (codes == WON) & frame["won_value"].notna()
        lines.append(
            Mapped("won_value", "value", "mapped", f"of {count(int(won.sum()), 'won deal')}")
        )
        frame = frame.assign(value=frame["won_value"].where(won, frame.get("value", np.nan)))
    if not marks:
        return frame
    closed_at = frame[marks[0]]
    for name in marks[1:]:
        closed_at = closed_at.fillna(frame[name])
    days = to_dates(closed_at, tz=org.zone(None))
    closed = (codes <= LOST) & days.notna()
    expected = frame.get("close_date", pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us]"))
    lines.append(
        Mapped(
            " and ".join(marks),
            "close_date",
            "mapped",
            f"of {count(int(closed.sum()), 'closed deal')}",
        )
    )
    return frame.assign(close_date=expected.where(~closed, days))


def _check_currency(frame: pd.DataFrame, org: Org, lines: list[Mapped]) -> None:
    if "currency" not in frame or org.converts:
        return
    check_currency(org.apply(frame[["unique_id", "currency"]]))
    code = next(iter(frame["currency"].dropna()), None)
    if code and org.currency is None:
        note = f'currency; add currency = "{code}" to the org file'
        lines.append(Mapped(str(code), "", "unknown", note))


def _drop_copies(
    frame: pd.DataFrame, table: FileTable, lines: list[Mapped]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Drop rows that repeat another whole one; refuse two different rows of one id."""
    twice = frame["unique_id"].duplicated()
    if not twice.any():
        return frame, ()
    kept = frame.drop_duplicates()
    differing = kept[kept["unique_id"].duplicated()]
    if len(differing):
        twin = kept[kept["unique_id"] == differing["unique_id"].iloc[0]]
        (other, *_) = (name for name in twin.columns if len(twin[name].drop_duplicates()) > 1)
        labels = {line.ours: line.theirs for line in lines}
        first, second = (int(row) for row in twin.index[:2])
        bad = BadValue(
            second,
            labels.get("unique_id", "unique_id"),
            differing["unique_id"].iloc[0],
            BadCell(
                f"is also in row {first}, with another {labels.get(other, other)}",
                "export one row for each deal, without products or splits",
            ),
        )
        refuse(table.file, [bad])
    return kept, (f"{count(len(frame) - len(kept), 'row')} that repeat another one",)


def look_up_chances(opportunities: pd.DataFrame, org: Org) -> Series:
    """Look up the probability (Int64, percent) of each deal's stage in the org.

    A stage has its probability in the deal's own pipeline.
    """
    found = org.stages.look_up(opportunities, list_probabilities)
    return pd.Series(found, index=opportunities.index).astype("Int64")
