"""A plan: the changes that turn one frame into another, checked and ready for review."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import msgspec
import numpy as np
import pandas as pd

from opp_analytics import arguments, org, schema, text
from opp_analytics.api import Client
from opp_analytics.arguments import MethodName
from opp_analytics.certificate import Certificate
from opp_analytics.errors import DataError, PlanError
from opp_analytics.files import check_ending, read_whole, say_failure, write_whole
from opp_analytics.history import History
from opp_analytics.note import note_of
from opp_analytics.periods import Freq, When
from opp_analytics.schema import Json
from opp_analytics.writer import server_rows
from opp_analytics.writer.cells import find_problem, from_wire, read_number, replace_cells, to_text
from opp_analytics.writer.journal import Forms, find_proposer, note_proposal, read_forms
from opp_analytics.writer.plan import difference, display
from opp_analytics.writer.plan.conflicts import compare_three_ways
from opp_analytics.writer.steps import (
    EditedCell,
    Operation,
    PlanProblem,
    Status,
    Step,
    add_base,
    list_changes,
    list_conflicts,
    list_problems,
)

if TYPE_CHECKING:
    from rich.table import Table

_FIGURES = ("booked", "weighted_open", "expected", "low", "high", "open_value", "open_count")
"""Columns of a forecast that an impact compares."""


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """Checked changes to opportunities, not yet sent; made by `plan`, sent by `apply`."""

    steps: list[Step]
    """The writes that carry it out, one per opportunity and operation; the frames below are made
    from them."""
    found_problems: list[PlanProblem]
    before: pd.DataFrame
    """The opportunities that the plan was made from."""
    url: str | None = None
    tenant: str | None = None
    """The API and the tenant it was made for, None when only frames were given."""
    plan_id: str = field(default_factory=lambda: uuid4().hex)
    """Names this plan in the journal, so that applying it again never creates anything twice."""
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it was made, UTC."""
    proposed_by: str | None = None
    """The assistant that proposed it, which `apply` refuses without an approver."""
    approved_by: str | None = None
    """Who approved it at the terminal; never saved."""

    @cached_property
    def changes(self) -> pd.DataFrame:
        """One row per changed cell, created cell, or deleted or recovered opportunity.

        ``unique_id`` (missing for a create), ``operation`` (create, update, delete, recover),
        ``field`` (missing for a delete or recover), ``before``, ``after`` (objects; None is an
        empty cell), ``status`` (clean; already: the server holds it already; conflict: the server
        holds something else; without a client all are clean), ``row`` (index label of the row in
        the edited frame, or its position where labels repeat), ``name``.
        """
        return list_changes(self.steps)

    @cached_property
    def problems(self) -> pd.DataFrame:
        """Problems that must be fixed before anything can be sent.

        ``row unique_id field value problem suggestion``.
        """
        return list_problems(self.found_problems)

    @cached_property
    def conflicts(self) -> pd.DataFrame:
        """Cells that somebody else has changed since the plan was made.

        All cells of a deal that somebody closed or reopened are among them.

        ``unique_id operation field before after remote reason``.
        """
        return list_conflicts(self.steps)

    @property
    def needs(self) -> tuple[str, ...]:
        """Options that `apply` needs for this plan: clear_nulls, allow_delete."""
        return tuple(
            option for option in display.PERMISSIONS if display.list_needing(option, self.steps)
        )

    def __len__(self) -> int:
        """Number of changes."""
        return sum(len(step.cells) for step in self.steps)

    def summary(self, *, words: display.Words = display.PYTHON) -> str:
        """Summarize the changes, the money they move, and the problems to fix first.

        Options and lists in the `words` of Python by default.
        """
        lines = [self.overview(words=words)]
        problems = self.found_problems
        if problems:
            lines.append(
                f"{text.count(len(problems), 'problem')}: nothing is sent until they are fixed"
            )
            lines.append(display.describe_problems(problems, self.before, words))
        return "\n".join(lines)

    def overview(self, *, words: display.Words = display.PYTHON) -> str:
        """Summarize the changes and the money they move.

        Options and lists in the `words` of Python by default.
        """
        return display.summarize_plan(self.steps, words)

    def edited(self) -> pd.DataFrame:
        """Apply the plan to its opportunities, on paper; cells in conflict stay unchanged.

        Returns
        -------
        DataFrame
            As ``before``, with created opportunities at its end (``unique_id`` missing) and without
            deleted ones.
        """
        return _edit_frame(self.before, self.steps)

    def impact(
        self,
        *,
        as_of: When,
        freq: Freq = "M",
        history: History | None = None,
        method: MethodName = "auto",
    ) -> pd.DataFrame:
        """Forecast with and without the plan, period by period.

        Parameters
        ----------
        as_of : date or str
            Day of the forecast.
        freq : str
            Period alias: "M", "Q", a fiscal "Q-JAN", …
        history : History, optional
            Past records, as in `forecast`.
        method : str
            Forecast method, as in `forecast`.

        Returns
        -------
        DataFrame
            Index ``period`` as in `forecast`, and a last row ``total``; for each of ``booked
            weighted_open expected low high open_value open_count`` the columns ``…_before`` and
            ``…_after``, and ``expected_change``; money float64. ``low`` and ``high`` are not
            defined for the total.

            Note: ``method`` of both sides, that of the forecast before; ``why``, with what the
            method cannot see; ``learned_from``, ``learns_on`` and ``freq`` as in `forecast`;
            ``other_deals`` as many as were added. Where `before` is only a part of the pipeline,
            the history's record of its time adds the other deals to both sides; without one they
            are of its own deals alone (``new_business=False``).
        """
        # Here, because planning and applying need no statistics.
        from opp_analytics.analysis import EditImpact

        found = EditImpact(self.before, as_of=as_of, freq=freq, history=history, method=method)
        after = found.find_after(self.edited())
        sides = {"before": found.before, "after": after}
        columns = {
            f"{figure}_{name}": side[figure].astype("float64")
            for figure in _FIGURES
            for name, side in sides.items()
        }
        impact = pd.DataFrame(columns)
        total = impact.sum()
        total[[c for c in columns if c.startswith(("low_", "high_"))]] = float("nan")
        impact = pd.concat([impact, total.rename("total").to_frame().T])
        impact.index = impact.index.astype(schema.TEXT).rename("period")
        impact = impact.assign(expected_change=impact["expected_after"] - impact["expected_before"])
        note = note_of(found.before)
        told = {name: note.figures[name] for name in ("learned_from", "learns_on")}
        told["other_deals"] = 0 if found.rest is None else len(found.rest)
        why = "; ".join(filter(None, (note.why, found.limit)))
        note = replace(note, kind="impact", why=why, figures=told)
        return note.write(impact)

    def save(self, path: str | Path) -> Path:
        """Write the plan, with its opportunities, to `path`, a readable file (JSON).

        The opportunities are those that it was made from. The file replaces any other.

        Raises
        ------
        DataError
            If the file cannot be written.
        """
        head = {
            "plan_id": self.plan_id,
            "url": self.url,
            "tenant": self.tenant,
            "made_at": self.made_at.isoformat(),
            "proposed_by": self.proposed_by,
            **dict.fromkeys(schema.FACTS),
            **schema.keep_facts(self.before.attrs),
        }
        file = arguments.path(path)
        if self.proposed_by is not None:
            note_proposal(self.plan_id, _list_cells(self.steps), self.proposed_by)
        _write_parts(file, head, self.steps, self.found_problems, self.before)
        return file

    @classmethod
    def read(cls, path: str | Path) -> Plan:
        """Read a plan that `save` wrote; the journal treats it as the same plan.

        Raises
        ------
        DataError
            If the file cannot be read, is not a plan, or was saved in another format.
        """
        head, steps, problems, before = _read_parts(arguments.path(path))
        # A file from which the mark was removed is still a proposal.
        known = find_proposer(head["plan_id"], _list_cells(steps))
        head["proposed_by"] = head["proposed_by"] or known
        return cls(steps, problems, before, **head)

    def _repr_html_(self) -> str:
        return display.write_plan_html(self.overview(), self.steps, self.found_problems)

    def __rich__(self) -> Table:
        return display.write_plan_table(self.steps)

    def __repr__(self) -> str:
        return text.printable(f"<Plan {self.plan_id[:8]}: {self.summary()}>", lines=True)


def _edit_frame(before: pd.DataFrame, steps: Iterable[Step]) -> pd.DataFrame:
    """Apply a plan's steps to a copy of its opportunities, except what is in conflict."""
    before, converted, end = before.reset_index(drop=True), org.is_converted(before), len(before)
    places = {unique_id: row for row, unique_id in enumerate(before["unique_id"])}
    rows, cells = dict.fromkeys(range(end)), dict[tuple[int, str], Any]()
    for step in steps:
        if step.operation == "delete" and not step.in_conflict:
            del rows[places[step.unique_id]]
        if step.operation not in ("create", "update"):
            continue
        row = places.get(step.unique_id, end)
        rows[row], end = None, max(end, row + 1)
        edits = {str(cell.field): cell.after for cell in step.cells if cell.status != "conflict"}
        if converted and edits.keys() & {"value", org.CURRENCY}:
            # An amount is the CRM's, and the value beside it what it is in the org's currency.
            amount: Any = (
                edits["value"] if "value" in edits else before[org.VALUE_ORIGINAL].get(row)
            )
            value = None if schema.is_blank(amount) else float(amount) * step.rate
            edits |= {org.VALUE_ORIGINAL: amount, "value": value}
        cells |= {(row, name): value for name, value in edits.items()}
    added = {name for _, name in cells}.difference(before)
    return replace_cells(before.assign(**dict.fromkeys(added)), cells, list(rows))


def plan(before: pd.DataFrame, after: pd.DataFrame, *, client: Client | None = None) -> Plan:
    """Find and check the changes that turn `before` into `after`.

    Rows are matched by ``unique_id``: their order and the index do not matter. A row of `after`
    without a ``unique_id`` is created, a row that `after` lacks is deleted, a column that `after`
    lacks is left alone. To edit some opportunities only, give the same selection for both. Nothing
    is sent; with a client the touched opportunities are read.

    Parameters
    ----------
    before : DataFrame
        Opportunities as they were loaded.
    after : DataFrame
        The same, edited; dtypes may differ (text dates, ints, Decimals).
    client : Client, optional
        If given, every change is also compared with what the server holds now, and a row that
        `before` lacks and the trash holds is recovered.

    Returns
    -------
    Plan
        The changes, problems and conflicts.

    Raises
    ------
    ArgumentTypeError, MissingColumnError, DataError
        If either is not a frame, has no ``unique_id`` or a duplicate column, or a cell of `before`
        is invalid.
    PlanError
        If `before` was loaded from another tenant than the client's.
    ApiError
        If the server cannot be read.
    JournalError
        If there is a journal for the client's tenant that cannot be used.

    Notes
    -----
    The plan belongs to the API and tenant that `before` was loaded from (``before.attrs["load"]``)
    or that the client asks; `apply` refuses it anywhere else. A cell that becomes empty, and a
    removed row, are changes that `apply` refuses without ``clear_nulls`` or ``allow_delete``. A
    value that does not fit is a problem only where it was changed. ``created_at`` and
    ``updated_at`` of a row to be created are the server's to set.

    Examples
    --------
    >>> before = pd.DataFrame(
    ...     {"unique_id": ["a", "b"], "name": ["Acme", "Bolt"], "value": [100.0, 250.0]}
    ... )
    >>> after = before.assign(value=[100.0, 300.0])
    >>> columns = ["unique_id", "operation", "field", "before", "after", "status"]
    >>> plan(before, after).changes[columns]
      unique_id operation  field before  after status
    0         b    update  value  250.0  300.0  clean
    >>> print(plan(before, after).summary())
    1 update (1 cell)
    value of these deals: 250 → 300 (+50)
    """
    base, edited = difference.require_ids(before, "before"), difference.require_ids(after, "after")
    meaning = org.get_org(before)
    org.merge_orgs(meaning, org.get_org(after), names=("before's org", "after's"))
    org.merge_orgs(
        meaning, None if client is None else client.org, names=("before's org", "the client's")
    )
    derived = list(org.Org.of(before).derived)
    edits = difference.find_joined_edits(base, edited)
    base, edited = (frame.drop(columns=derived, errors="ignore") for frame in (base, edited))
    steps, problems = difference.find_difference(base, edited)
    problems += edits
    opportunities = org.conform(base)
    opportunities.attrs = dict(before.attrs)
    steps = add_base(steps, opportunities)
    certificate = Certificate.of(before) or Certificate()
    url, tenant = certificate.source, certificate.tenant
    if client is None:
        return Plan(steps, problems, opportunities, url=url, tenant=tenant)
    if tenant not in (None, client.settings.tenant):
        raise PlanError(
            f"the opportunities were loaded from another tenant ({url}) than the client's "
            f"({client.settings.url}); plan with the address and key that they were loaded with"
        )
    with server_rows.promise_no_writes():
        unknown = [p for p in problems if p.problem == difference.UNKNOWN_ID]
        recovered = (
            server_rows.find_in_trash(client, {p.unique_id for p in unknown}) if unknown else set()
        )
        in_trash = (p for p in unknown if p.unique_id in recovered)
        steps += [Step("recover", p.unique_id, (EditedCell(),), row=p.row) for p in in_trash]
        problems = [
            p
            for p in problems
            if p.problem != difference.UNKNOWN_ID or p.unique_id not in recovered
        ]
        now = server_rows.read_many(
            client, {step.unique_id for step in steps if step.unique_id is not None}
        )
    settings = client.settings
    steps = compare_steps(steps, client, now, read_forms(settings.tenant, steps))
    return Plan(steps, problems, opportunities, url=settings.url, tenant=settings.tenant)


def compare_steps(
    steps: list[Step], client: Client, rows: server_rows.Found, forms: Forms
) -> list[Step]:
    """Compare steps with the server's current rows, by id.

    `forms` are those that the server gave values of earlier runs.
    """
    return [
        compare_three_ways(
            step, rows.get(step.unique_id) if step.unique_id else None, client.org, forms=forms
        )
        for step in steps
    ]


def _list_cells(steps: Iterable[Step]) -> list[str]:
    """List what steps write, whatever else a file says of them, in any order."""
    return sorted(
        json.dumps(
            [step.operation, step.unique_id, cell.field, to_text(cell.field or "", cell.after)],
            default=str,
        )
        for step in steps
        for cell in step.cells
    )


_FORMAT = "opp_analytics plan 5"
"""Plan files are JSON with one step or opportunity per line, easy to read and diff."""
_encode = msgspec.json.Encoder(enc_hook=str).encode


def _write_parts(
    path: Path,
    head: Json,
    steps: list[Step],
    problems: list[PlanProblem],
    before: pd.DataFrame,
) -> None:
    check_ending(path, (".json", ""))
    head = (
        {"format": _FORMAT} | head | {"columns": {str(c): str(t) for c, t in before.dtypes.items()}}
    )
    columns = {
        str(name): [_wire(str(name), value) for value in before[name]] for name in before.columns
    }
    rows = zip(*columns.values(), strict=True)
    blocks = [
        *(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()),
        _block("steps", map(_step_line, steps)),
        _block("problems", map(_problem_line, problems)),
        _block("before", [_encode(dict(zip(columns, row, strict=True))).decode() for row in rows]),
    ]
    with say_failure(f"cannot write the plan to {path}"):
        # Half of a character becomes the escape that JSON has for it.
        write_whole(path, ("{\n" + ",\n".join(blocks) + "\n}\n").encode(errors="backslashreplace"))


def _block(name: str, lines: Iterable[str]) -> str:
    return f'"{name}": [\n' + ",\n".join(lines) + "\n]"


def _step_line(step: Step) -> str:
    head = {
        "operation": step.operation,
        "unique_id": step.unique_id,
        "name": step.name,
        "row": step.row,
    }
    cells = {"cells": [_write_cell(cell) for cell in step.cells]}
    if step.drifted:
        cells |= {"drifted": [_write_cell(cell) for cell in step.drifted]}
    # The standard library also writes half of a character, as a row's label may hold.
    return (
        f"{json.dumps(head, ensure_ascii=False, default=str)[:-1]}, {_encode(cells).decode()[1:]}"
    )


def _write_cell(cell: EditedCell) -> Json:
    field = cell.field or ""
    record = {
        "field": cell.field,
        "before": _wire(field, cell.before),
        "after": _wire(field, cell.after),
    }
    reason = (
        {} if cell.reason is None else {"remote": _wire(field, cell.remote), "reason": cell.reason}
    )
    return record | {"status": cell.status} | reason


def _wire(field: str, value: Any) -> msgspec.Raw:
    return msgspec.Raw((to_text(field, value) or "null").encode())


def _problem_line(problem: PlanProblem) -> str:
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in problem._asdict().items()}
    plain = {
        k: None if schema.is_blank(v) and not isinstance(v, str) else v for k, v in plain.items()
    }
    return json.dumps(plain, ensure_ascii=False, default=str)


class _CellPart(msgspec.Struct):
    """A changed cell in a file."""

    field: str | None
    before: Any
    after: Any
    status: Status
    remote: Any = None
    reason: str | None = None

    def read(self) -> EditedCell:
        before, after, remote = (
            from_wire(self.field or "", cell) for cell in (self.before, self.after, self.remote)
        )
        return EditedCell(self.field, before, after, self.status, remote, self.reason)


class _StepPart(msgspec.Struct):
    """A step in a file."""

    operation: Operation
    unique_id: str | None
    name: str | None
    row: int | float | str | None
    cells: Annotated[list[_CellPart], msgspec.Meta(min_length=1)]
    drifted: list[_CellPart] = []

    def read(self) -> Step:
        cells, drifted = (
            tuple(cell.read() for cell in cells) for cells in (self.cells, self.drifted)
        )
        return Step(self.operation, self.unique_id, cells, self.name, self.row, drifted=drifted)


_HEAD = ("plan_id", "url", "tenant", "made_at", "proposed_by")


class _PlanParts(msgspec.Struct):
    """A plan in a file."""

    plan_id: Annotated[str, msgspec.Meta(min_length=1)]
    url: str | None
    tenant: str | None
    made_at: datetime
    proposed_by: str | None
    columns: dict[str, str]
    steps: list[_StepPart]
    problems: list[Json]
    before: list[Json]


def _read_parts(path: Path) -> tuple[Json, list[Step], list[PlanProblem], pd.DataFrame]:
    """Read the head, steps, problems and opportunities of a plan that `_write_parts` wrote."""
    packed = read_whole(path)
    try:
        # The standard library also reads half of a character.
        content = json.loads(packed.decode(), parse_float=read_number)
    except (ValueError, RecursionError):
        content = None
    found = str(content.get("format")) if isinstance(content, dict) else ""
    if not found.startswith("opp_analytics plan"):
        raise DataError(f"{path} is not a saved plan; plan the edits and save that plan")
    if found != _FORMAT:
        raise DataError(
            f"{path} was saved by another version ({found!r}; this one reads {_FORMAT!r}); plan "
            "the edits again, or undo the run again, and save that plan"
        )
    try:
        parts = msgspec.convert(content, _PlanParts)
        facts = {
            name: fact for name, fact in schema.keep_facts(content).items() if fact is not None
        }
        before = read_before(parts.before, parts.columns, facts)
        steps = [step.read() for step in parts.steps]
        _check(steps, before)
        problems = [PlanProblem(**problem) for problem in parts.problems]
    except (
        msgspec.ValidationError,
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        OverflowError,
    ) as error:
        raise DataError(f"the plan {path} is damaged ({error!r}); plan the edits again") from None
    head = {name: getattr(parts, name) for name in _HEAD}
    return head, add_base(steps, before), problems, before


def _check(steps: list[Step], before: pd.DataFrame) -> None:
    """Raise ValueError for content that `plan` never writes."""
    meaning = org.Org.of(before)
    if before["unique_id"].isna().any() or before["unique_id"].duplicated().any():
        raise ValueError("an opportunity has no id, or an id is duplicated")
    # A recovered opportunity is in the trash, not in what the plan was made from.
    known = {
        *before["unique_id"],
        *(step.unique_id for step in steps if step.operation == "recover"),
    }
    for place, step in enumerate(steps, start=1):
        where, operation = f"step {place}: ", step.operation
        if operation == "create":
            if step.unique_id is not None or step.row is None:
                raise ValueError(f"{where}a create has a row and no id")
        elif step.unique_id is None or step.unique_id not in known:
            raise ValueError(f"{where}{operation} of {step.unique_id!r}, which is not in the plan")
        if operation in ("create", "update"):
            for cell in step.cells:
                if cell.field is None:
                    raise ValueError(f"{where}a cell without a field")
                wrong = find_problem(cell.field, cell.after, meaning)
                # A column that the edits added has no value before.
                if wrong or (cell.before is not None and cell.field not in before):
                    raise ValueError(
                        f"{where}{cell.field!r} cannot be written: "
                        f"{wrong[0] if wrong else 'unknown'}"
                    )
        elif [cell.field for cell in step.cells] != [None]:
            raise ValueError(f"{where}a {operation} has no field")


def read_before(records: list[Json], dtypes: dict[str, str], attrs: dict[Any, Any]) -> pd.DataFrame:
    """Make the opportunities before the edits of what a plan or a workbook holds."""
    frame = pd.DataFrame(records, columns=list(dtypes), dtype="object")
    further = {c: t for c, t in dtypes.items() if c not in schema.COLUMNS}
    frame = frame.astype({c: schema.TEXT if t == "str" else t for c, t in further.items()})
    frame.attrs = dict(attrs)
    return org.conform(frame)
