"""The way of a plan from the grid to the server: its effect on the forecast, conflicts, apply, and take back; the drawer as plain JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pandas as pd

from opp_analytics import schema, text, writer
from opp_analytics.analysis import evidence, forecast
from opp_analytics.api import Client
from opp_analytics.errors import ArgumentValueError, NotFoundError, OppAnalyticsError
from opp_analytics.history import History, add_rest, find_rest, holds_part
from opp_analytics.org import UNKNOWN, Org, money_of, outcome_codes
from opp_analytics.periods import Freq, When, as_date, check_freq
from opp_analytics.schema import BUCKETS
from opp_analytics.widgets.grid.sheet import EditSheet, Key

_READ = (
    "unique_id", "value", "stage", "close_date", "probability", "status", "pipeline", "currency", "value_original",
)  # fmt: skip
"""Columns that a forecast without a history reads of open deals."""
_CHANCES = {"learned": "by chances from history", "stated": "by stated chances", "run_rate": "by run rate"}
"""Each method in the words of the strip."""


class ForecastEffect:
    """Forecast before and after the edits, by the rules of `Plan.impact`: `oa.forecast` of the two frames.

    A part of a pipeline is completed by its last record. Deals add up, except under the run rate; so only touched deals are forecast again.
    """

    def __init__(
        self,
        sheet: EditSheet,
        *,
        as_of: When,
        freq: Freq,
        history: History | None,
        targets: pd.DataFrame | None = None,
    ) -> None:
        self._sheet, self._history, self._targets = sheet, history, targets
        self._asked: dict[str, Any] = {"as_of": as_date(as_of), "freq": check_freq(freq), "history": history}
        self._before: pd.DataFrame | None = None
        self._labels: list[str] = []
        """Periods that edits have touched."""
        self.why = ""
        """Reason for having no forecast."""

    def forget(self) -> None:
        """Forecast everything again, after a write."""
        self._before = None

    @cached_property
    def rest(self) -> pd.DataFrame | None:
        """The other deals of the pipeline as last recorded, where the sheet holds a part of it; None if none are known."""
        return find_rest(self._sheet.frame, self._history)

    @cached_property
    def is_part(self) -> bool:
        """True if the sheet holds a part of the pipeline whose rest is unknown: then only its own deals count."""
        return self.rest is None and holds_part(self._sheet.frame, self._history)

    def show_periods(self) -> list[dict[str, Any]]:
        """Forecast the running and the next period, and each that the edits change: ``label period over before after change weighted moved target chance chance_after``, as written.

        A period that is ``over`` has no chance. ``after`` is None where it reads the same, ``change`` empty where nothing changes, and ``moved`` its amount; ``before`` says what is likely outside the range.
        ``weighted`` has the weighted pipeline before and after where it changes and the run rate, which does not see it, forecasts.
        """
        table = self._forecast_before()
        if table is None:
            return []
        changes = self._sum_changes(table)
        touched = [str(label) for label in changes.index[changes.round(2).any(axis="columns")]]
        if not set(touched) <= set(table.index):
            self._labels, self._before = sorted({*self._labels, *touched}), None
            return self.show_periods()
        money, day = money_of(self._sheet.frame), table.attrs["as_of"]
        labels = [each for each in table.index if each in {*self._next_two, *touched}.difference(BUCKETS)]
        changes = changes.reindex(index=table.index, columns=["expected", "weighted_open"]).fillna(0.0)
        sides = self._find_chances(table, touched)
        periods = []
        for label in labels:
            now, due = (float(table[figure][label]) for figure in changes)
            change, weighted = (float(each) for each in changes.loc[label])
            over, target = label < self._next_two[0], table["target"][label]
            chance, chance_after = ("" if over else side.get(label, "") for side in sides)
            texts = money(now), money(now + change)
            outside = evidence.name_outside(table.loc[label], money) if texts[0] == texts[1] else ""
            periods.append(
                {
                    "label": label,
                    "period": text.period_name(label, str(table.attrs["freq"]), today=day, short=True),
                    "over": over,
                    "before": f"{texts[0]}{outside and f' ({outside})'}",
                    "after": None if texts[0] == texts[1] else texts[1],
                    "change": money(change, signed=True) if round(change, 2) else "",
                    "weighted": (money(due), money(due + weighted)) if round(weighted, 2) else None,
                    "moved": abs(change) or abs(weighted),
                    "target": "" if pd.isna(target) else money(target),
                    "chance": chance,
                    "chance_after": None if chance_after == chance else chance_after,
                }
            )
        return periods

    def _find_chances(
        self, before: pd.DataFrame, touched: list[str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Write the chance of each target before and after the edits; none by stated chances, whose range is too narrow for one."""
        method, sides = before.attrs["method"], [before["p_target"]]
        if method in ("stated", "stage"):
            return {}, {}
        targeted = [label for label in touched if not pd.isna(before["target"][label])]
        if targeted:
            asked: dict[str, Any] = {"target": self._targets, "periods": targeted, "only": True}
            edited = add_rest(self._sheet.edited, self.rest)
            sides.append(forecast(edited, **self._asked, method=method, **asked)["p_target"])
        was, *now = ({str(k): text.percent(float(p)) for k, p in side.dropna().items()} for side in sides)
        return was, {**was, **dict.fromkeys(targeted, ""), **(now[0] if now else {})}

    def by_deal(self, rows: list[int], label: str) -> dict[int, float]:
        """Compute the change of a period's expected money, row by row; none under the run rate, which sees no deal."""
        table = self._forecast_before()
        if table is None or not rows or table.attrs["method"] == "run_rate":
            return {}
        sides = (self._sheet.before(rows), self._sheet.after(rows))
        parts = (self._expect(side.assign(row=rows), by="row", periods=[label], only=True) for side in sides)
        before, after = (part.groupby(level="row").sum() for part in parts)
        return {int(str(row)): float(change) for row, change in after.sub(before, fill_value=0.0).items()}

    @property
    def about(self) -> dict[str, str]:
        """What is forecast, ``of``, and ``how``, with ``limit``: what the method cannot show of an edit."""
        table = self._forecast_before()
        if table is None:
            return {"of": "", "how": "", "limit": ""}
        method, deals = str(table.attrs["method"]), len(self._sheet.frame)
        these, how = "this deal" if deals == 1 else f"these {text.count(deals)}", _CHANCES.get(method, method)
        if self.rest is not None:
            how += f", with {text.count(len(self.rest), 'other deal')} as recorded {text.day(self.rest.attrs['recorded_at'])}"
        day = self._asked["as_of"]
        if day != as_date(datetime.now(UTC), tz=Org.of(self._sheet.frame).zone(None)):
            how += f", as of {text.day(day, year=True)}"
        return {
            "of": f"of {these}, " if self.is_part else "",
            "how": how,
            "limit": text.capital(writer.RUN_RATE_LIMIT) if method == "run_rate" else "",
        }

    def _forecast_before(self) -> pd.DataFrame | None:
        """Forecast the deals before the edits, once; None where it cannot be done."""
        if self._before is None and not self.why:
            target, new_business = None if self.is_part else self._targets, not self.is_part
            asked = {**self._asked, "target": target, "periods": [*self._next_two, *self._labels]}
            try:
                deals = add_rest(self._sheet.base, self.rest)
                self._before = forecast(deals, **asked, new_business=new_business)
            except OppAnalyticsError as reason:
                self.why = str(reason)
        return self._before

    @property
    def _next_two(self) -> list[str]:
        """Labels of the running period and the next."""
        current = pd.Period(self._asked["as_of"], Org.of(self._sheet.frame).freq(self._asked["freq"]))
        return [str(current), str(current + 1)]

    def _sum_changes(self, before: pd.DataFrame) -> pd.DataFrame:
        """Sum what the edits change: ``expected``, and by run rate ``weighted_open``, by period."""
        figures = ["expected", "weighted_open"] if before.attrs["method"] == "run_rate" else ["expected"]
        if not self._sheet.changed_rows:
            return before[figures] * 0.0
        if before.attrs["method"] == "run_rate":
            periods = [label for label in before.index if label not in BUCKETS]
            edited = add_rest(self._sheet.edited, self.rest)
            after = forecast(edited, **self._asked, method="run_rate", periods=periods)
            return after[figures].sub(before[figures], fill_value=0.0)
        # What a history has taught may read any column.
        fields = None if self._history is not None else [c for c in _READ if c in self._sheet.column]
        was, now = (self._expect(side, periods=2) for side in _take_sides(self._sheet, fields))
        return now.sub(was, fill_value=0.0).to_frame()

    def _expect(self, frame: pd.DataFrame, **options: Any) -> pd.Series[Any]:
        """Forecast touched deals alone; where all of a few are in unknown stages, nothing is expected of them."""
        known = frame[outcome_codes(frame) != UNKNOWN]
        return forecast(known, **self._asked, new_business=False, **options)["expected"]


def find_main(periods: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Find the period that the edits change most, one that is over only if no other; the running one if they change none."""
    return max(
        periods,
        key=lambda period: (bool(period["change"]), not period["over"], period["moved"]),
        default=None,
    )


def _take_sides(sheet: EditSheet, fields: list[str] | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take the changed rows before and after the edits, numbered as in the sheet, without those that a side lacks."""
    rows = sheet.changed_rows
    before = [row for row in rows if not sheet.is_new(row)]
    after = [row for row in rows if sheet.row_state(row) != "removed"]
    return sheet.before(before, fields).set_axis(before), sheet.after(after, fields).set_axis(after)


def make_plan(sheet: EditSheet, **options: Any) -> writer.Plan:
    """Make the plan of the edits from the changed deals; its ``row`` is the sheet's."""
    return writer.plan(*_take_sides(sheet), **options)


NOTHING = "Nothing is changed, so there is nothing to review."
Keep = Literal["mine", "theirs"]
ShowProgress = Callable[[int, int], None]
_WORDS = {"applied": "written", "already": "already there", "failed": "refused", "pending": "not sent"}
_AUTHORS = ("updated_by_name", "updated_by", "modified_by_name", "modified_by", "last_modified_by")
"""Attributes in which an API may name the author of the last change."""


@dataclass
class Conflict:
    """A change that contradicts somebody else's change on the server."""

    reason: str
    remote: Any
    """The server's value of the cell; None if the whole deal is in conflict."""
    deal: dict[str, Any] | None
    """The deal's values on the server; None if it was deleted there, which leaves only their way."""
    author: str
    """Who changed it last and when, as far as known."""
    keep: Keep | None = None


@dataclass(frozen=True)
class ReceiptLine:
    """A change in a receipt."""

    row: int
    field: str
    before: Any
    after: Any
    operation: str
    outcome: str
    why: str

    @property
    def is_written(self) -> bool:
        """Whether the change is on the server."""
        return self.outcome in ("written", "already there")


@dataclass
class AppliedPlan:
    """A plan that was applied."""

    run_id: str | None
    at: datetime
    lines: list[ReceiptLine]
    theirs: int
    stopped: str | None
    undone: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def written(self) -> int:
        """Number of changes that are on the server."""
        return sum(line.is_written for line in self.lines)


class Review:
    """A sheet's plan under review; the client checks and writes it."""

    def __init__(self, sheet: EditSheet, client: Client | None) -> None:
        self.sheet, self.client = sheet, client
        self.checked = False
        self.conflicts: dict[Key, Conflict] = {}
        self.run: AppliedPlan | None = None

    def reset(self) -> None:
        """Ask for a new check, after an edit."""
        self.checked = False
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
            raise ArgumentValueError(left if self.checked else "Check the plan against the server first.")
        planned = make_plan(self.decide(), client=self._server)
        conflicts, theirs = self._find_conflicts(planned), self.theirs
        for key, conflict in self.conflicts.items():
            _settle(self.sheet, key, conflict)
        self.conflicts = conflicts
        if conflicts:
            return False
        receipt = self._send(planned, progress)
        lines = self._absorb(planned, receipt)
        self.run = AppliedPlan(receipt.run_id, datetime.now(), lines, theirs, receipt.stopped)
        self.sheet.forget_steps()
        self.reset()
        return True

    def undo_run(self, progress: ShowProgress | None = None) -> None:
        """Take the last run back."""
        if self.run is None or self.run.run_id is None or self.run.undone:
            raise ArgumentValueError("There is no run to undo.")
        planned = writer.undo(self._server, self.run.run_id)
        lines = self._absorb(planned, self._send(planned, progress))
        left = [line for line in lines if not line.is_written]
        self.run.undone = not left
        self.run.notes = [
            f"{self.sheet.deal_name(line.row)}: {line.why or 'changed since then, left as it is'}"
            for line in left
        ]
        self.sheet.forget_steps()
        self.reset()

    # -- inside

    @property
    def _server(self) -> Client:
        if self.client is None:
            raise ArgumentValueError(
                "This grid has no client to write with: open it with oa.edit(opportunities, client=client)."
            )
        return self.client

    def _send(self, planned: writer.Plan, progress: ShowProgress | None) -> writer.Receipt:
        # The drawer's confirmation names what is cleared and deleted.
        clear, delete = (need in planned.needs for need in ("clear_nulls", "allow_delete"))
        return writer.apply(
            planned, self._server, progress=progress or False, clear_nulls=clear, allow_delete=delete
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
        ours = writer.own_writes(self._server)
        deals = {each: self._read_deal(each, ours) for each in planned.conflicts["unique_id"].unique()}
        conflicts = {}
        for drift in planned.conflicts.to_dict("records"):
            name = "" if drift["operation"] == "delete" else str(drift["field"])
            unique_id = drift["unique_id"]
            remote = drift["remote"] if name else None
            conflicts[rows[unique_id], name] = Conflict(str(drift["reason"]), remote, *deals[unique_id])
        return conflicts

    def _read_deal(self, unique_id: str, ours: pd.DataFrame) -> tuple[dict[str, Any] | None, str]:
        """Read a deal's values on the server, and who changed it last; None if it was deleted."""
        try:
            remote = self._server.get(unique_id)
        except NotFoundError:
            return None, ""
        fields = [field for field in self.sheet.column if field in remote]
        cells = {field: writer.normalize_or_keep(field, remote[field]) for field in fields}
        at = pd.to_datetime(str(remote.get("updated_at") or ""), utc=True, errors="coerce")
        mine = ours[(ours["unique_id"] == unique_id) & (ours["updated_after"] == at)]
        who = f"your run {mine['run_id'].iloc[-1]}" if len(mine) else _find_author(remote)
        zone = Org.of(self.sheet.frame).zone(None)
        when = format_moment(at, zone) if isinstance(at, pd.Timestamp) else ""
        return cells, ", ".join(part for part in (who, when) if part)

    def _absorb(self, planned: writer.Plan, receipt: writer.Receipt) -> list[ReceiptLine]:
        """Store the values that are on the server now, and mark those that it refused."""
        lines = []
        for row, change in zip(self._rows(planned), receipt.table.to_dict("records"), strict=True):
            name, why = ("" if schema.is_blank(change[c]) else str(change[c]) for c in ("field", "error"))
            outcome, what = change["outcome"], (change["before"], change["after"], change["operation"])
            lines.append(ReceiptLine(row, name, *what, _WORDS.get(outcome, outcome), why))
            if outcome in ("applied", "already"):
                self._store(row, name, change)
            elif outcome in ("failed", "conflict", "unknown"):
                self.sheet.refuse((row, name), _explain(outcome, why))
        return lines

    def _store(self, row: int, name: str, change: dict[Any, Any]) -> None:
        operation = change["operation"]
        if operation in ("delete", "recover"):
            self.sheet.settle_deleted(row, recovered=operation == "recover")
            return
        if operation == "create":
            self.sheet.settle_created(row, str(change["unique_id"]))
        self.sheet.settle({(row, name): change["after"]})


def _settle(sheet: EditSheet, key: Key, conflict: Conflict) -> None:
    """Store the deal's values on the server, and drop the change if theirs stays."""
    row, _ = key
    if conflict.keep == "theirs":
        sheet.drop_change(key)
    if conflict.deal is None:
        sheet.settle_deleted(row)
    else:
        sheet.settle({(row, column): value for column, value in conflict.deal.items()})


def _find_author(remote: dict[str, Any]) -> str:
    names = (remote.get(name) for name in _AUTHORS)
    return next((text.printable(name) for name in names if isinstance(name, str) and name.strip()), "")


def format_moment(at: pd.Timestamp, zone: str) -> str:
    """Write a moment as people say it: “today, 4:10 PM”, or “Nov 28, 4:10 PM”."""
    local, now = at.tz_convert(zone), datetime.now(UTC).astimezone(ZoneInfo(zone))
    day = "today" if local.date() == now.date() else text.day(local, year=local.year != now.year)
    return f"{day}, {local:%I:%M %p}".replace(" 0", " ")


def _explain(outcome: str, why: str) -> str:
    done = {"failed": "The server refused", "unknown": "Perhaps not written"}.get(outcome, "Not written")
    return f"{done}: {text.printable(why)}" if why else f"{done}."


_LISTED = 200
"""Deals in the drawer, as many as somebody reads; a longer plan is listed in ``grid.changes``."""
_RANKED = 1000
"""Deals whose effect is forecast, to list the largest: the drawer opens within a second."""


def show_review(review: Review, effect: ForecastEffect) -> dict[str, Any]:
    """Show the plan: problems, deals with their changes, conflicts, and what comes next."""
    sheet = review.sheet
    rows, periods = sheet.changed_rows, effect.show_periods()
    fields, main = sheet.list_fields(rows), find_main(periods) or {"label": "", "period": ""}
    effects = effect.by_deal(rows[:_RANKED], main["label"])
    in_conflict = {row for row, _ in review.conflicts}
    ordered = sorted(rows, key=lambda row: (row not in in_conflict, -abs(effects.get(row, 0.0)), row))
    dropped = {key for key, conflict in review.conflicts.items() if conflict.keep == "theirs"}
    written = sum(any((row, name) not in dropped for name in names) for row, names in fields.items())
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
        "periods": periods,
        "why": effect.why,
        "about": effect.about,
        "problems": [sheet.name_cell(key) | {"why": cell.why} for key, cell in [*problems.items()][:_LISTED]],
        "problem_count": len(problems),
        "items": [
            _show_deal(review, row, fields[row], effects.get(row, 0.0), main["period"])
            for row in ordered[:_LISTED]
        ],
        "more": max(0, len(rows) - _LISTED),
        "client": review.client is not None,
        "checked": review.checked,
        "conflicts": len(review.conflicts),
        "undecided": review.undecided,
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


def _show_deal(review: Review, row: int, names: list[str], moved: float, period: str) -> dict[str, Any]:
    sheet = review.sheet
    owner = sheet.base_value(row, "owner_name")
    notes = [str(owner)] if owner else []
    if round(moved, 2):
        notes.append(f"{period} {money_of(sheet.frame)(moved, signed=True)}")
    return {
        "row": row,
        "deal": sheet.deal_name(row),
        "note": " · ".join(notes),
        "lines": [_show_line(review, row, name) for name in names],
    }


def _show_line(review: Review, row: int, name: str) -> dict[str, Any]:
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
    options = ["plan", "client", *(f"{option}=True" for option, changes in needs.items() if changes)]
    return f"plan = grid.plan(client)\nreceipt = oa.apply({', '.join(options)})"


def show_receipt(review: Review) -> dict[str, Any] | None:
    """Show the receipt of the last run."""
    run = review.run
    if run is None:
        return None
    by_row: dict[int, list[ReceiptLine]] = {}
    for line in run.lines:
        by_row.setdefault(line.row, []).append(line)
    troubled = sorted(by_row, key=lambda row: all(line.outcome == "written" for line in by_row[row]))
    stopped = run.stopped or ""
    return {
        "kind": "receipt",
        "run": run.run_id or "",
        "at": f"{run.at:%I:%M %p}".lstrip("0"),
        "written": run.written,
        "all": len(run.lines),
        "unsent": sum(line.outcome == "not sent" for line in run.lines),
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


def _show_receipt_line(sheet: EditSheet, line: ReceiptLine, stopped: str) -> dict[str, Any]:
    # The reason that stopped the run is said once, above the lines.
    result = {"outcome": line.outcome, "why": "" if line.why == stopped else line.why}
    if not line.field:
        done = "recovered" if line.operation == "recover" else f"{line.operation}d"
        return {"title": "Deal", "old": "", "new": done} | result
    column = sheet.column[line.field]
    return {"title": column.title, "old": column.show(line.before), "new": column.show(line.after)} | result
