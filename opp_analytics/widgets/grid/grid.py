"""The editing grid: a notebook widget to edit opportunities as in a spreadsheet."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import traitlets

from opp_analytics import schema, text
from opp_analytics.api import Client
from opp_analytics.arguments import texts, whole
from opp_analytics.charts import shorten
from opp_analytics.errors import ArgumentValueError
from opp_analytics.history import History
from opp_analytics.org import OPEN, Org, find_day, outcome_codes
from opp_analytics.periods import Freq, When, as_date
from opp_analytics.schema import Json
from opp_analytics.text import count, number
from opp_analytics.widgets.grid.drafts import (
    Change,
    Draft,
    KeptDraft,
    find_drafts,
    spell_changes,
    take_in,
)
from opp_analytics.widgets.grid.requests import KINDS, Area, GridCell, GridRow, Keys
from opp_analytics.widgets.grid.review import (
    ForecastEffect,
    Review,
    find_main,
    show_receipt,
    show_review,
)
from opp_analytics.widgets.grid.sheet import EditResult, EditSheet, GridColumn, Key, to_arrow
from opp_analytics.widgets.widget import (
    Widget,
    deflate,
    find_cell,
    remember,
)
from opp_analytics.writer import Plan, plan

_STATIC = Path(__file__).parent.parent / "static"
_WRITES = ("apply", "undo run")
_STATIC_ROWS = 10
"""Rows in a saved notebook: enough to recognize the table."""
_STATIC_NAME = 60
"""Letters of a cell there; a longer one would push the other columns out of sight."""


class Grid(Widget):
    """The editing grid; `edit` makes it."""

    _esm = _STATIC / "grid.js"
    _css = _STATIC / "grid.css"
    _kinds = KINDS
    _columns: traitlets.List[Json] = traitlets.List().tag(sync=True)
    _data = traitlets.Bytes().tag(sync=True)
    _open = traitlets.Bytes().tag(sync=True)
    _height = traitlets.Int().tag(sync=True)
    _today = traitlets.Unicode().tag(sync=True)
    _layout = traitlets.Dict().tag(sync=True)
    _rows: traitlets.Dict[str, bool] = traitlets.Dict().tag(sync=True)
    _only: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    _drafts: traitlets.List[dict[str, str]] = traitlets.List().tag(sync=True)

    def __init__(
        self,
        opportunities: pd.DataFrame,
        *,
        client: Client | None,
        history: History | None,
        as_of: When | None,
        freq: Freq | None,
        height: int,
        cell: str,
        columns: Sequence[str] = (),
        add: bool = True,
        remove: bool = True,
    ) -> None:
        # Who types "today" means that of the calendar.
        typed_on = as_date(
            datetime.now(UTC) if as_of is None else as_of, tz=Org.of(opportunities).zone(None)
        )
        given = [each.org for each in (client, history) if each is not None]
        orgs = [Org.of(opportunities), *filter(None, given)]
        people = [name for org in orgs for name in org.people["owner_name"]]
        self._sheet = EditSheet(
            opportunities,
            today=typed_on.date(),
            people=people,
            columns=columns,
            add=add,
            remove=remove,
        )
        day = find_day(opportunities) if as_of is None else typed_on
        targets = next((org.targets for org in orgs if len(org.targets)), None)
        self._effect = ForecastEffect(
            self._sheet, as_of=day, freq=freq, history=history, targets=targets
        )
        self._review = Review(self._sheet, client)
        self.watchers: list[Callable[[], None]] = []
        """Called after each edit and write."""
        self._kept, self._draft = (
            find_drafts(self._sheet.frame, cell),
            Draft(self._sheet.frame, cell),
        )
        self._unkept = ""
        super().__init__(
            _columns=[asdict(column) for column in self._sheet.columns],
            _data=deflate(to_arrow(self._sheet.frame, self._sheet.columns)),
            _open=deflate(_flag_open(self._sheet.frame)),
            _height=height,
            _today=f"{typed_on:%Y-%m-%d}",
            _rows={"add": add, "remove": remove},
            _drafts=self._show_drafts(),
        )

    def close(self) -> None:
        """Take the grid off the page; the next one of these deals offers its edits."""
        # One that could not be made is closed, too.
        if draft := vars(self).get("_draft"):
            draft.release()
        super().close()

    @property
    def edited(self) -> pd.DataFrame:
        """Edited opportunities, ready for `plan`, with the same dtypes.

        Removed rows are left out; new ones are last, without ``unique_id``.
        """
        with self._lock:
            return self._sheet.edited

    @property
    def named(self) -> pd.DataFrame:
        """`edited`, with the ids ``new 1``, ``new 2``, … of new deals."""
        with self._lock:
            return self._sheet.named

    @property
    def opportunities(self) -> pd.DataFrame:
        """Opportunities as the server holds them: as given, with edits applied since.

        This holds as far as is known.
        """
        with self._lock:
            return self._sheet.base

    @property
    def is_written(self) -> bool:
        """True once a plan was applied."""
        return self._review.run is not None

    def show_only(self, ids: Iterable[str], label: str) -> None:
        """Show some deals by their ids, under a name, until *Show all*; edits of others stay."""
        with self._lock:
            rows = self._sheet.rows_by_id
            self._only = {
                "rows": sorted({rows[each] for each in ids if each in rows}),
                "label": label,
            }
            self._post({"only": self._only})

    @property
    def changes(self) -> pd.DataFrame:
        """The changes, as in `Plan.changes`."""
        return self.plan().changes

    @property
    def refused(self) -> pd.DataFrame:
        """Refused edits, one row each: ``unique_id name field problem`` str, ``value`` as typed."""
        value = self._sheet.value
        with self._lock:
            rows = [
                (value(row, "unique_id"), value(row, "name"), name, cell.typed, cell.why)
                for (row, name), cell in self._sheet.problems.items()
            ]
        texts = dict.fromkeys(("unique_id", "name", "field", "problem"), schema.TEXT)
        columns = ["unique_id", "name", "field", "value", "problem"]
        return pd.DataFrame(rows, columns=columns, dtype="object").astype(texts)

    @property
    def drafts(self) -> pd.DataFrame:
        """Edits of these deals that an earlier grid kept on disk, the newest first.

        The grid may be of another kernel.

        ``at`` (UTC) when they were last changed, ``edits`` and ``deals`` int, ``notebook`` str,
        empty where unknown. None is applied by itself: `take_draft` takes one in, `drop_draft`
        removes it.
        """
        rows = [(draft.at, len(draft.changes), draft.deals, draft.notebook) for draft in self._kept]
        dtypes: Json = {"at": "datetime64[us, UTC]", "edits": "int64", "deals": "int64"}
        dtypes["notebook"] = schema.TEXT
        return pd.DataFrame(rows, columns=list(dtypes)).astype(dtypes)

    def take(self, changes: pd.DataFrame) -> str:
        """Take a table of edits in, as one step to undo; what came of them, in words.

        So a plan that code has made can be looked at and corrected by hand:
        ``grid.take(oa.plan(before, after).changes)``.

        Parameters
        ----------
        changes : DataFrame
            ``unique_id field after`` and, to find cells that have changed since, ``before``:
            `Plan.changes`. New and removed deals of a plan are left
            out.

        Raises
        ------
        MissingColumnError
            When one of the three columns is missing.
        """
        with self._lock:
            answer = self._take(list(spell_changes(self._sheet, changes)))
        self._post(answer)
        return str(answer["said"])

    def take_draft(self, number: int = 0) -> str:
        """Take the edits of a row of `drafts` in, as one step to undo; what came of them, in words.

        Each is judged anew. A cell that was something else when it was edited is marked with both
        values.

        Raises
        ------
        ArgumentValueError
            When there is no such draft.
        """
        with self._lock:
            draft = self._find_draft(number)
            answer = self._take(draft.changes, draft)
        self._post(answer)
        return str(answer["said"])

    def drop_draft(self, number: int = 0) -> None:
        """Remove a row of `drafts` from the disk.

        Raises
        ------
        ArgumentValueError
            When there is no such draft.
        """
        with self._lock:
            self._post(self._drop(self._find_draft(number)))

    @property
    def state(self) -> Json:
        """The layout set in the browser: columns, their order and widths, sort and filters."""
        return dict(self._layout)

    def plan(self, client: Client | None = None) -> Plan:
        """The plan of the edits; with a client, compared with the server's current data.

        What was decided in the review's conflicts is part of it.

        Raises
        ------
        ApiError
            When the server cannot be read.
        """
        with self._lock:
            sheet = self._review.decide()
            base, edited = sheet.base, sheet.edited
        return plan(base, edited, client=client)

    def __repr__(self) -> str:
        with self._lock:
            waits = [
                (
                    f"{draft['said']} are kept: grid.take_draft({at or ''}) or "
                    f"grid.drop_draft({at or ''})"
                )
                for at, draft in enumerate(self._show_drafts())
            ]
            deals = count(len(self._sheet.frame), "opportunity")
            return f"<Grid of {deals}: {'; '.join([self._summary(), *waits])}>"

    def _static(self) -> Json:
        with self._lock:
            summary = text.capital(self._summary())
            return {"text/plain": repr(self), "text/html": _static_table(self._sheet, summary)}

    def name_changes(self) -> str:
        """Write “3 planned changes in 2 deals”."""
        with self._lock:
            return self._count_changes("planned change") or "No planned changes yet"

    def _summary(self) -> str:
        problems = self._sheet.counts["problems"]
        refused = f", {number(problems)} refused" if problems else ""
        return (self._count_changes("change") or "no changes") + refused

    def _count_changes(self, noun: str) -> str:
        counts = self._sheet.counts
        return (
            f"{count(counts['changes'], noun)} in {count(counts['deals'])}"
            if counts["changes"]
            else ""
        )

    # -- messages

    def _check(self, kind: type[Any], value: Any) -> Any:
        fits = (
            type(value) is int and 0 <= value < self._sheet.end
            if kind is GridRow
            else type(value) is str and value in self._sheet.column
        )
        if not fits:
            what = "row" if kind is GridRow else "column"
            raise ValueError(f"{reprlib.repr(value)} is not a {what} of the grid")
        return kind(value)

    def _remember(self, do: str) -> Callable[[], None] | None:
        if do in _ON_SHEET or do == "take draft":
            return remember(self._sheet, self._review)
        return None if do in _WRITES else remember()

    def _respond(self, request: Json) -> Json:
        sheet = self._sheet
        asked = {name: each for name, each in request.items() if name not in ("do", "from")}
        match request["do"]:
            case do if do in _ON_SHEET:
                return self._show_done(_ON_SHEET[do](sheet, **asked))
            case do if do in _ON_REVIEW:
                return self._act_on_review(request)
            case do if do in _QUESTIONS:
                answers, ask = _QUESTIONS[do]
                return {answers: ask(sheet, **asked)}
            case "layout":
                self._layout = msgspec.to_builtins(request["layout"])
                return {"kept": True}
            case "strip":
                return {"strip": self._show_strip()}
            case "take draft":
                draft = self._find_draft(**asked)
                return self._take(draft.changes, draft)
            case "drop draft":
                return self._drop(self._find_draft(**asked))
            case _:
                return self._show(sheet.list_edits())

    def _show_done(self, answer: EditResult) -> Json:
        """Show what an edit has done, which asks for a new check and is kept on disk."""
        said = answer.message
        if answer.cells or answer.rows:
            self._review.reset()
            said += self._keep(answer)
        return self._show(answer) | {"said": said}

    def _keep(self, answer: EditResult | None = None) -> str:
        """Keep the edits of an answer, or all of them, on disk; what to say if that fails, once."""
        before, self._unkept = self._unkept, self._draft.keep(self._sheet, answer)
        for told in self.watchers:
            told()
        new = self._unkept and self._unkept != before
        return f" · Not kept on disk: {self._unkept}" if new else ""

    # -- drafts

    def _show_drafts(self) -> list[dict[str, str]]:
        frame = self._sheet.frame
        return [{"draft": draft.file.stem, "said": draft.describe(frame)} for draft in self._kept]

    def _find_draft(self, draft: str | int) -> KeptDraft:
        for at, kept in enumerate(self._kept):
            if draft in (at, kept.file.stem):
                return kept
        raise ArgumentValueError(
            "There is no such draft: it was taken in or dropped. Look at grid.drafts."
        )

    def _drop(self, draft: KeptDraft, left: list[Change] | None = None) -> Json:
        draft.leave(left or [])
        self._kept = [each for each in self._kept if each is not draft]
        self._drafts = self._show_drafts()
        return {"drafts": self._drafts}

    def _take(self, changes: list[Change], draft: KeptDraft | None = None) -> Json:
        """Take edits in; once they are kept here, their draft keeps only those without a place."""
        answer, left = take_in(self._sheet, changes)
        shown = self._show_done(answer)
        return shown if draft is None or self._unkept else shown | self._drop(draft, left)

    def _act_on_review(self, request: Json) -> Json:
        review = self._review
        match request["do"]:
            case "receipt":
                return {"drawer": show_receipt(review)}
            case "check":
                review.check()
            case "choose":
                review.choose((request["row"], request["field"]), request["keep"])
            case "apply":
                if review.apply(self._post_progress):
                    return self._show_written()
                self._keep()
            case "undo run":
                review.undo_run(self._post_progress)
                return self._show_written()
        return {"drawer": show_review(review, self._effect)}

    def _post_progress(self, done: int, total: int) -> None:
        # A long run reports a hundred times at most.
        if done == total or done % max(1, total // 100) == 0:
            self._post({"progress": [done, total]})

    def _show(self, answer: EditResult) -> Json:
        """Show an answer: cells, rows, deals opened or closed, and the counts after it."""
        sheet = self._sheet
        undo, redo = sheet.step_labels
        moved = {row for row, name in answer.cells if name in ("stage", "status")}
        return {
            "cells": _show_cells(sheet, answer.cells),
            "rows": [(row, sheet.row_state(row)) for row in answer.rows],
            "said": answer.message,
            "refused": answer.refused,
            "offer": answer.offer,
            "open": [(row, int(sheet.is_open(row))) for row in moved],
            "counts": sheet.counts,
            "undo": undo,
            "redo": redo,
            "drafts": self._drafts,
            "kept": not self._unkept,
        }

    def _show_written(self) -> Json:
        self._effect.forget()
        self._keep()
        return self._show(self._sheet.list_edits()) | {
            "reset": True,
            "drawer": show_receipt(self._review),
        }

    def _show_strip(self) -> Json:
        receipt, forecast = show_receipt(self._review), self._effect.show()
        periods = forecast.pop("periods")
        return {
            **self._sheet.counts,
            "period": find_main(periods),
            "changed": [period for period in periods if period["change"] or period["weighted"]],
            **forecast,
            "run": receipt and {key: receipt[key] for key in ("written", "at", "undone")},
        }


def _flag_open(opportunities: pd.DataFrame) -> bytes:
    """Make one byte a row: 1 for an open deal."""
    if "stage" not in opportunities:
        return bytes([1]) * len(opportunities)
    return bytes((outcome_codes(opportunities) == OPEN).tolist())


# -- cells in messages


def list_cells(
    areas: Iterable[Area], spell: Callable[[int, str], str | None], end: int = 0
) -> Iterator[tuple[int, str, str | None]]:
    """List the cells of an edit: in each area a block of texts, repeated over its rows and fields.

    An area goes on in its number of new rows, which begin at `end`.
    """
    for area in areas:
        rows, end = [*area.rows, *range(end, end + area.new)], end + area.new
        for down, row in enumerate(rows):
            line = area.block[down % len(area.block)]
            for across, name in enumerate(area.fields):
                cell = line[across % len(line)]
                yield row, name, spell(cell.row, cell.field) if isinstance(cell, GridCell) else cell


def _edit_areas(sheet: EditSheet, areas: list[Area], label: str, aside: str) -> EditResult:
    end = sheet.end
    added = sheet.reserve_rows(sum(area.new for area in areas))
    return sheet.edit(list_cells(areas, sheet.spell, end), label, aside, added=added)


def _list_keys(areas: list[Keys]) -> list[Key]:
    return [(row, name) for area in areas for row in area.rows for name in area.fields]


_ON_SHEET: dict[str, Callable[..., EditResult]] = {
    "edit": _edit_areas,
    "revert": lambda sheet, areas: sheet.revert(_list_keys(areas)),
    "dismiss": lambda sheet, areas: sheet.dismiss(_list_keys(areas)),
    "bulk": EditSheet.change_many,
    **{
        name: getattr(EditSheet, name)
        for name in ("add", "duplicate", "remove", "undo", "redo", "agree")
    },
}
"""What each message does to the sheet, by one step that can be undone."""
_QUESTIONS: dict[str, tuple[str, Callable[..., Any]]] = {
    "judge": ("judged", EditSheet.judge),
    "operands": ("judged", EditSheet.read_operands),
    "preview": ("preview", EditSheet.preview),
    "problems": ("problems", EditSheet.list_problems),
}
"""What is asked of the sheet, with the name of the answer."""
_ON_REVIEW = ("review", "receipt", "check", "choose", "apply", "undo run")


def _show_cells(sheet: EditSheet, keys: Iterable[Key]) -> list[tuple[Any, ...]]:
    """Show cells as (field, value, was, why, typed, rows); cells that look alike share one entry.

    ``was`` is the old value of a changed cell, in a tuple of its own since it may be None.
    """
    alike: dict[tuple[Any, ...], list[int]] = {}
    for row, name in keys:
        column, cell = sheet.column[name], sheet.edit_of((row, name))
        was, why, typed = None, "", None
        if cell is not None:
            why, typed = cell.why, None if cell.typed is None else str(cell.typed)
            if cell.changed and not sheet.is_new(row):
                was = (column.encode(sheet.base_value(row, name)),)
        entry = (name, column.encode(sheet.value(row, name)), was, why, typed)
        alike.setdefault(entry, []).append(row)
    return [(*entry, rows) for entry, rows in alike.items()]


# -- where no widget runs, as on a code host


def _static_table(sheet: EditSheet, summary: str) -> str:
    """Write the edits in words and the first rows as HTML; everything in it is text.

    Changed deals come first; a changed cell shows its old value struck through, a deal marked for
    removal its name.
    """
    columns = [column for column in sheet.columns if not column.hidden]
    changed = sheet.changed_rows
    others = set(range(sheet.end)).difference(changed)
    rows = [row for row in (*changed, *sorted(others)) if sheet.row_state(row) != "gone"]
    heads = "".join(f"<th>{escape(text.printable(column.title))}</th>" for column in columns)
    lines = "".join(
        f"<tr>{_static_row(sheet, row, columns)}</tr>" for row in islice(rows, _STATIC_ROWS)
    )
    about = f"<p>{summary}</p>" if changed or sheet.problems else ""
    rest = len(rows) - _STATIC_ROWS
    more = f"<p>… and {count(rest, 'more deal')}</p>" if rest > 0 else ""
    return (
        "<div "
        f'class="oap-still">{about}<table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table>{more}</div>"
    )


def _static_row(sheet: EditSheet, row: int, columns: list[GridColumn]) -> str:
    new, removed = sheet.is_new(row), sheet.row_state(row) == "removed"
    cells = []
    for column in columns:
        value, base = sheet.value(row, column.field), sheet.base_value(row, column.field)
        cell = _static_cell(column, value)
        if removed:
            cell = f"<s>{cell}</s>" if cell else ""
        elif new or value != base:
            old = "" if new or schema.is_blank(base) else f"<s>{_static_cell(column, base)}</s> "
            cell = f"{old}<b>{cell or 'empty'}</b>" if cell or old else ""
        cells.append(f"<td>{cell}</td>")
    return "".join(cells)


def _static_cell(column: GridColumn, value: object) -> str:
    return (
        ""
        if schema.is_blank(value)
        else escape(shorten(text.printable(column.show(value)), _STATIC_NAME))
    )


def edit(
    opportunities: pd.DataFrame,
    *,
    client: Client | None = None,
    history: History | None = None,
    org: Org | None = None,
    as_of: When | None = None,
    freq: Freq | None = None,
    columns: Sequence[str] | None = None,
    add: bool = True,
    remove: bool = True,
    height: int = 470,
) -> Grid:
    """Edit opportunities in a grid, as in a spreadsheet.

    Nothing is written before the plan is reviewed and applied.

    Type, paste blocks, drag the corner of a selection to fill, undo with Ctrl+Z and redo with
    Ctrl+Y. Every edit is checked at once: a value that the API would refuse is marked, and the cell
    keeps its old value. The strip below counts the changes and shows what they do to the forecast;
    *Review plan* lists them, checks them against the server, and writes them after a confirmation.
    `docs/grid.md` has the keys.

    Parameters
    ----------
    opportunities : DataFrame
        Any frame of opportunities with ``unique_id``; it is not changed.
    client : Client, optional
        Where the plan is checked and written; without one the review shows the lines that do it.
    history : History, optional
        Past records, from which the forecast learns.
    org : Org, optional
        Stages, people and targets; by default those that the opportunities have.
    as_of : date or str, optional
        Day of the forecast; by default that of the opportunities.
    freq : str, optional
        Period of the forecast: "M", "Q", a fiscal "Q-JAN", …; by default that of the org's report,
        else "M".
    columns : list of str, optional
        Columns that can be edited; by default all that the API takes. A cell of another one says
        why it can't be.
    add, remove : bool
        Whether deals can be added, and marked for removal.
    height : int
        Height of the rows in pixels.

    Returns
    -------
    Grid
        The widget; ``.edited``, ``.changes``, ``.refused`` and ``.plan(client)`` return its edits.

    Raises
    ------
    MissingColumnError, DataError
        When there is no ``unique_id``, an id is missing or repeated, or a cell does not fit its
        column, or one of `columns` is not there.
    ArgumentTypeError, ArgumentValueError
        When `height` is not a whole number of at least 120, `freq` is not a period, or `columns`
        are not names.
    ConfigError
        When anywidget is not installed.

    Examples
    --------
    >>> grid = edit(pd.DataFrame({"unique_id": ["5f0c2a7e"], "name": ["Acme"], "value": [1200.0]}))
    >>> grid
    <Grid of 1 opportunity: no changes>
    >>> len(grid.changes)
    0
    """
    return Grid(
        opportunities if org is None else org.apply(opportunities),
        client=client,
        history=history,
        as_of=as_of,
        freq=freq,
        height=whole(height, "height", low=120, example=470),
        cell=find_cell(),
        columns=texts(columns, "columns"),
        add=add,
        remove=remove,
    )
