"""The way of a plan from the grid to the server, with the drawer as plain JSON.

The plan shows its effect on the forecast and its conflicts; it can be applied and taken back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pandas as pd

from opp_analytics import text, writer
from opp_analytics.answers import Impact, Row, is_news, read_context
from opp_analytics.api import Client
from opp_analytics.errors import ArgumentValueError, NotFoundError, OppAnalyticsError
from opp_analytics.history import History
from opp_analytics.org import Org, money_of
from opp_analytics.periods import Freq, When, as_date, check_freq
from opp_analytics.schema import Json
from opp_analytics.widgets.grid.sheet import EditSheet, Key


class ForecastEffect:
    """The effect of a sheet's edits on the forecast, as in `Plan.impact`, for the strip."""

    def __init__(
        self,
        sheet: EditSheet,
        *,
        as_of: When,
        freq: Freq | None,
        history: History | None,
        targets: pd.DataFrame | None = None,
    ) -> None:
        self._sheet = sheet
        self._read = partial(
            read_context,
            history=history,
            as_of=as_date(as_of),
            freq=None if freq is None else check_freq(freq),
            target=targets,
        )
        self._impact: Impact | None = None

    def forget(self) -> None:
        """Forecast everything again, after a write."""
        self._impact = None

    def show(self) -> Json:
        """Show ``periods``, ``why`` there are none, and ``about`` the forecast.

        ``about`` has what is forecast, ``of``, and ``how``, with the ``limit`` of the method.
        """
        try:
            if self._impact is None:
                self._impact = Impact(self._read(self._sheet.frame))
                # A deal that was deleted here is none of the others.
                self._impact.forecasts.opportunities = self._sheet.base
            impact, edited = self._impact, self._sheet.changed_rows
            answer = impact.answer(self._sheet.writable if edited else None)
        except OppAnalyticsError as reason:
            self._impact, nothing = None, {"of": "", "how": "", "limit": ""}
            return {"periods": [], "why": str(reason), "about": nothing}
        about = {
            "of": impact.of,
            "how": impact.how,
            "limit": text.capital(impact.forecasts.limit),
        }
        periods = [_show_period(row, answer.context.money) for row in answer.tables[0].rows]
        return {"periods": periods, "why": "", "about": about}

    def by_deal(self, rows: list[int], label: str) -> dict[int, float]:
        """Compute the change of a period's expected money, row by row.

        None under the run rate, which sees no deal.
        """
        if self._impact is None or not rows:
            return {}
        return self._impact.by_deal(*_take_sides(self._sheet, rows), label)


def _show_period(row: Row, money: Callable[..., str]) -> Json:
    """Show a period of the answer, as written.

    Keys: ``label period over expected before after change weighted moved target chance
    chance_after``.

    A period that is ``over`` has no chance. ``after`` is None where it reads the same, ``change``
    empty where nothing changes, and ``moved`` its amount; ``before`` says what is likely outside
    the range. ``weighted`` has the weighted pipeline before and after where it changes and the run
    rate, which does not see it, forecasts.
    """
    known = row.values
    # Of a period too far ahead nothing is known.
    before, after = (
        money(known[name]) if name in known else text.MISSING
        for name in ("expected_before", "expected_after")
    )
    chances = [
        text.percent(known[name]) if name in known else ""
        for name in ("p_target_before", "p_target_after")
    ]
    outside = row.words.get("expected_before") if before == after else None
    weighted = [known[name] for name in known if name.startswith("weighted_open")]
    expected, change = (known.get(name, 0.0) for name in ("expected_before", "change"))
    change = change if is_news(change, expected) else 0.0
    return {
        "label": row.id,
        "period": str(row.name.value),
        "over": row.folded,
        "expected": expected,
        "before": f"{before} ({outside.write()})" if outside else before,
        "after": after if change and before != after else None,
        "change": money(change, signed=True) if change else "",
        "weighted": tuple(map(money, weighted)) if weighted else None,
        "moved": abs(change) or abs(sum(weighted[1:]) - sum(weighted[:1])),
        "target": money(known["target"]) if "target" in known else "",
        "chance": chances[0],
        "chance_after": None if chances[0] == chances[1] else chances[1],
    }


def find_main(periods: list[Json]) -> Json | None:
    """Find the period that the edits change most, one that is over only if no other.

    The running one if they change none.
    """
    return max(
        periods,
        key=lambda period: (bool(period["change"]), not period["over"], period["moved"]),
        default=None,
    )


def _take_sides(sheet: EditSheet, rows: list[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take rows before and after the edits, numbered as in the sheet.

    Each side leaves out the rows that it lacks.
    """
    before = [row for row in rows if not sheet.is_new(row)]
    after = [row for row in rows if sheet.row_state(row) != "removed"]
    return sheet.before(before).set_axis(before), sheet.after(after).set_axis(after)


def make_plan(sheet: EditSheet, **options: Any) -> writer.Plan:
    """Make the plan of the edits from the changed deals; its ``row`` is the sheet's."""
    return writer.plan(*_take_sides(sheet, sheet.changed_rows), **options)


NOTHING = "Nothing is changed, so there is nothing to review."
Keep = Literal["mine", "theirs"]
ShowProgress = Callable[[int, int], None]
_WORDS = {
    "applied": "written",
    "already": "already there",
    "failed": "refused",
    "pending": "not sent",
}
_WRITTEN = ("applied", "already")
"""Outcomes of changes that are on the server."""
_AUTHORS = ("updated_by_name", "updated_by", "modified_by_name", "modified_by", "last_modified_by")
"""Attributes in which an API may name the author of the last change."""


@dataclass
class Conflict:
    """A change that contradicts somebody else's change on the server."""

    reason: str
    remote: Any
    """The server's value of the cell; None if the whole deal is in conflict."""
    deal: Json | None
    """The deal's values on the server; None if it was deleted there, which leaves only their
    way."""
    author: str
    """Who changed it last and when, as far as known."""
    keep: Keep | None = None


@dataclass
class AppliedPlan:
    """A plan that was applied."""

    receipt: writer.Receipt
    lines: list[Json]
    """The rows of its table, with the sheet's ``row``."""
    theirs: int
    at: datetime = field(default_factory=datetime.now)
    undone: bool = False
    notes: list[str] = field(default_factory=list)


class Review:
    """A sheet's plan under review; the client checks and writes it."""

    def __init__(self, sheet: EditSheet, client: Client | None) -> None:
        self.sheet, self.client = sheet, client
        self.checked = self.stopped = False
        self.conflicts: dict[Key, Conflict] = {}
        self.run: AppliedPlan | None = None

    def reset(self) -> None:
        """Ask for a new check, after an edit."""
        self.checked = self.stopped = False
        self.conflicts = {}

    @property
    def undecided(self) -> int:
        """Number of conflicts without a decision."""
        return sum(conflict.keep is None for conflict in self.conflicts.values())

    @property
    def theirs(self) -> int:
        """Number of changes that give way to the server's."""
        return sum(conflict.keep == "theirs" for conflict in self.conflicts.values())

    def check(self) -> None:
        """Compare every change with the server; nothing is written."""
        self.conflicts = self._find_conflicts(make_plan(self.sheet, client=self._server))
        self.checked = True

    def choose(self, key: Key, keep: Keep) -> None:
        """Decide a conflict; in a deleted deal only theirs is possible, for all its cells."""
        conflict = self.conflicts.get(key)
        if conflict is None:
            raise ArgumentValueError(
                "This cell has no conflict by now. Check the plan against the server again."
            )
        conflict.keep = "theirs" if conflict.deal is None else keep

    def decide(self) -> EditSheet:
        """Copy the edits with the decisions on each deal that has no open conflict."""
        sheet = self.sheet.copy()
        undecided = {row for (row, _), conflict in self.conflicts.items() if conflict.keep is None}
        for key, conflict in self.conflicts.items():
            if key[0] not in undecided:
                _settle(sheet, key, conflict)
        return sheet

    def apply(self, progress: ShowProgress | None = None) -> bool:
        """Write the plan; False if the server has new conflicts, which must be decided first.

        When the server cannot be read, nothing has changed.
        """
        if not self.sheet.changed_rows:
            raise ArgumentValueError(NOTHING)
        if not self.checked or self.undecided:
            left = f"Choose mine or theirs in {text.count(self.undecided, 'conflict')} first."
            raise ArgumentValueError(
                left if self.checked else "Check the plan against the server first."
            )
        planned = make_plan(self.decide(), client=self._server)
        conflicts, theirs = self._find_conflicts(planned), self.theirs
        for key, conflict in self.conflicts.items():
            _settle(self.sheet, key, conflict)
        self.conflicts = conflicts
        if conflicts:
            self.stopped = True
            return False
        receipt = self._send(planned, progress)
        self.run = AppliedPlan(receipt, self._absorb(planned, receipt), theirs)
        self.sheet.forget_steps()
        self.reset()
        return True

    def undo_run(self, progress: ShowProgress | None = None) -> None:
        """Take the last run back."""
        if self.run is None or self.run.receipt.run_id is None or self.run.undone:
            raise ArgumentValueError("There is no run to undo.")
        planned = writer.undo(self._server, self.run.receipt.run_id)
        lines = self._absorb(planned, self._send(planned, progress))
        self.run.notes = [
            (
                f"{self.sheet.deal_name(line['row'])}: "
                f"{line['error'] or 'changed since then, left as it is'}"
            )
            for line in lines
            if line["outcome"] not in _WRITTEN
        ]
        self.run.undone = not self.run.notes
        self.sheet.forget_steps()
        self.reset()

    # -- inside

    @property
    def _server(self) -> Client:
        if self.client is None:
            raise ArgumentValueError(
                "This grid has no client to write with: open it with oa.edit(opportunities, "
                "client=client)."
            )
        return self.client

    def _send(self, planned: writer.Plan, progress: ShowProgress | None) -> writer.Receipt:
        # The drawer's confirmation names what is cleared and deleted.
        clear, delete = (need in planned.needs for need in ("clear_nulls", "allow_delete"))
        return writer.apply(
            planned,
            self._server,
            progress=progress or False,
            clear_nulls=clear,
            allow_delete=delete,
        )

    def _rows(self, planned: writer.Plan) -> list[int]:
        """Find the sheet's row of each change of a plan."""
        ids = self.sheet.rows_by_id
        pairs = zip(planned.changes["row"], planned.changes["unique_id"], strict=True)
        return [int(row) if pd.isna(unique_id) else ids[unique_id] for row, unique_id in pairs]

    def _find_conflicts(self, planned: writer.Plan) -> dict[Key, Conflict]:
        if planned.conflicts.empty:
            return {}
        rows = dict(zip(planned.changes["unique_id"], self._rows(planned), strict=True))
        deals = {each: self._read_deal(each) for each in planned.conflicts["unique_id"].unique()}
        conflicts = {}
        for drift in planned.conflicts.to_dict("records"):
            name = "" if drift["operation"] == "delete" else str(drift["field"])
            unique_id = drift["unique_id"]
            remote = drift["remote"] if name else None
            conflicts[rows[unique_id], name] = Conflict(
                str(drift["reason"]), remote, *deals[unique_id]
            )
        return conflicts

    def _read_deal(self, unique_id: str) -> tuple[Json | None, str]:
        """Read a deal's values on the server, and who changed it last; None if it was deleted."""
        try:
            remote = self._server.get(unique_id)
        except NotFoundError:
            return None, ""
        fields = [field for field in self.sheet.column if field in remote]
        cells = {field: writer.normalize_or_keep(field, remote[field]) for field in fields}
        at = pd.to_datetime(str(remote.get("updated_at") or ""), utc=True, errors="coerce")
        zone = Org.of(self.sheet.frame).zone(None)
        when = format_moment(at, zone) if isinstance(at, pd.Timestamp) else ""
        return cells, ", ".join(filter(None, (_find_author(remote), when)))

    def _absorb(self, planned: writer.Plan, receipt: writer.Receipt) -> list[Json]:
        """Store the values that are on the server now, and mark those that it refused."""
        table = receipt.table.fillna({"field": "", "error": ""}).assign(row=self._rows(planned))
        lines: list[Json] = table.to_dict("records")  # type: ignore[assignment]
        for line in lines:
            row, name, outcome = line["row"], line["field"], line["outcome"]
            if outcome in _WRITTEN and line["operation"] in ("delete", "recover"):
                self.sheet.settle_deleted(row, recovered=line["operation"] == "recover")
            elif outcome in _WRITTEN:
                if line["operation"] == "create":
                    self.sheet.settle_created(row, str(line["unique_id"]))
                self.sheet.settle({(row, name): line["after"]})
            elif outcome not in ("skipped", "pending"):
                self.sheet.refuse((row, name), _explain(outcome, line["error"]))
        return lines


def _settle(sheet: EditSheet, key: Key, conflict: Conflict) -> None:
    """Store the deal's values on the server, and drop the change if theirs stays."""
    row, _ = key
    if conflict.keep == "theirs":
        sheet.drop_change(key)
    if conflict.deal is None:
        sheet.settle_deleted(row)
    else:
        sheet.settle({(row, column): value for column, value in conflict.deal.items()})


def _find_author(remote: Json) -> str:
    names = (remote.get(name) for name in _AUTHORS)
    return next(
        (text.printable(name) for name in names if isinstance(name, str) and name.strip()), ""
    )


def format_moment(at: pd.Timestamp, zone: str) -> str:
    """Write a moment as people say it: “today, 4:10 PM”, or “Nov 28, 4:10 PM”."""
    local, now = at.tz_convert(zone), datetime.now(UTC).astimezone(ZoneInfo(zone))
    day = "today" if local.date() == now.date() else text.day(local, year=local.year != now.year)
    return f"{day}, {local:%I:%M %p}".replace(" 0", " ")


def _explain(outcome: str, why: str) -> str:
    done = {
        "failed": "The server refused",
        "unknown": "Perhaps not written",
        "not_kept": "Not kept",
        "overwritten": "Written, but",
    }.get(outcome, "Not written")
    return f"{done}: {text.printable(why)}" if why else f"{done}."


_LISTED = 200
"""Deals in the drawer, as many as somebody reads; a longer plan is listed in ``grid.changes``."""
_RANKED = 1000
"""Deals whose effect is forecast, to list the largest: the drawer opens within a second."""


def show_review(review: Review, effect: ForecastEffect) -> Json:
    """Show the plan: problems, deals with their changes, conflicts, and what comes next."""
    sheet = review.sheet
    rows, forecast = sheet.changed_rows, effect.show()
    fields = {row: sheet.list_fields(row) for row in rows}
    main = find_main(forecast["periods"]) or {"label": "", "period": "", "expected": 0.0}
    effects = effect.by_deal(rows[:_RANKED], main["label"])
    in_conflict = {row for row, _ in review.conflicts}
    ordered = sorted(
        rows, key=lambda row: (row not in in_conflict, -abs(effects.get(row, 0.0)), row)
    )
    dropped = {key for key, conflict in review.conflicts.items() if conflict.keep == "theirs"}
    written = sum(
        any((row, name) not in dropped for name in names) for row, names in fields.items()
    )
    changes = sheet.counts["changes"]
    problems = sheet.problems
    edited = ((row, name) for row, names in fields.items() for name in names if name)
    cleared = sum(sheet.value(*key) is None for key in edited)
    removed = sum(sheet.row_state(row) == "removed" for row in rows)
    return {
        "kind": "review",
        "changes": changes,
        "nothing": "" if changes or problems else NOTHING,
        "deals": len(rows),
        **forecast,
        "problems": [
            sheet.name_cell(key) | {"why": cell.why} for key, cell in [*problems.items()][:_LISTED]
        ],
        "problem_count": len(problems),
        "items": [
            _show_deal(review, row, fields[row], effects.get(row, 0.0), main)
            for row in ordered[:_LISTED]
        ],
        "more": max(0, len(rows) - _LISTED),
        "client": review.client is not None,
        "checked": review.checked,
        "conflicts": len(review.conflicts),
        "undecided": review.undecided,
        "stopped": review.stopped,
        "theirs": review.theirs,
        "writes": changes - review.theirs,
        "written_deals": written,
        # A confirmation must name cells that are cleared, and deals that are deleted.
        "warnings": text.joined(
            [f"clears {text.count(cleared, 'cell')}"] * bool(cleared)
            + [f"deletes {text.count(removed)}"] * bool(removed)
        ),
        "code": _write_code(cleared, removed),
    }


def _show_deal(review: Review, row: int, names: list[str], moved: float, main: Json) -> Json:
    sheet = review.sheet
    owner = sheet.base_value(row, "owner_name")
    notes = [str(owner)] if owner else []
    if is_news(moved, main["expected"]):
        notes.append(f"{main['period']} {money_of(sheet.frame)(moved, signed=True)}")
    return {
        "row": row,
        "deal": sheet.deal_name(row),
        "note": " · ".join(notes),
        "lines": [_show_line(review, row, name) for name in names],
    }


def _show_line(review: Review, row: int, name: str) -> Json:
    sheet = review.sheet
    if name:
        column = sheet.column[name]
        title, old = column.title, column.show(sheet.base_value(row, name))
        new = column.show(sheet.value(row, name))
    else:
        value = sheet.value(row, "value")
        worth = "" if value is None else f", {sheet.column['value'].show(value)}"
        title, old, new = "Deal", "", ("Create" if sheet.is_new(row) else "Delete") + worth
    note = sheet.note_of(row, name) if name else ""
    shown = {"field": name, "title": title, "old": old, "new": new, "note": note}
    conflict = review.conflicts.get((row, name))
    if conflict is None:
        return shown | {"conflict": None}
    why = conflict.reason.replace("changed on the server since then", "changed on the server too")
    why = text.capital(why) + (f": {conflict.author}" if conflict.author else "")
    mine, theirs = new, sheet.column[name].show(conflict.remote) if name else "keep the deal"
    if conflict.deal is None:
        mine, theirs = "", "drop my changes"
    return shown | {"conflict": {"why": why, "mine": mine, "theirs": theirs, "keep": conflict.keep}}


def _write_code(cleared: int, removed: int) -> str:
    needs = {"clear_nulls": cleared, "allow_delete": removed}
    options = [
        "plan",
        "client",
        *(f"{option}=True" for option, changes in needs.items() if changes),
    ]
    return f"plan = grid.plan(client)\nreceipt = oa.apply({', '.join(options)})"


def show_receipt(review: Review) -> Json | None:
    """Show the receipt of the last run."""
    run = review.run
    if run is None:
        return None
    by_row: dict[int, list[Json]] = {}
    for line in run.lines:
        by_row.setdefault(line["row"], []).append(line)
    troubled = sorted(
        by_row, key=lambda row: all(line["outcome"] == "applied" for line in by_row[row])
    )
    stopped, outcomes = run.receipt.stopped or "", [line["outcome"] for line in run.lines]
    return {
        "kind": "receipt",
        "run": run.receipt.run_id or "",
        "at": f"{run.at:%I:%M %p}".lstrip("0"),
        "written": sum(outcome in _WRITTEN for outcome in outcomes),
        "all": len(outcomes),
        "unsent": outcomes.count("pending"),
        "theirs": run.theirs,
        "stopped": stopped,
        "undone": run.undone,
        "notes": run.notes,
        "items": [
            {
                "deal": review.sheet.deal_name(row),
                "lines": [_show_receipt_line(review.sheet, line, stopped) for line in by_row[row]],
            }
            for row in troubled[:_LISTED]
        ],
        "more": max(0, len(by_row) - _LISTED),
    }


def _show_receipt_line(sheet: EditSheet, line: Json, stopped: str) -> Json:
    # The reason that stopped the run is said once, above the lines.
    outcome = _WORDS.get(line["outcome"], line["outcome"])
    result = {"outcome": outcome, "why": "" if line["error"] == stopped else line["error"]}
    if not line["field"]:
        done = "recovered" if line["operation"] == "recover" else f"{line['operation']}d"
        return {"title": "Deal", "old": "", "new": done} | result
    column = sheet.column[line["field"]]
    return {
        "title": column.title,
        "old": column.show(line["before"]),
        "new": column.show(line["after"]),
    } | result
