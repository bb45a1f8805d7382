"""A plan: changes to opportunities, every problem in them, and how they read before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pandas as pd

from opp_analytics import schema
from opp_analytics.errors import PlanError
from opp_analytics.periods import When
from opp_analytics.writer.plan.cells import quote_cell
from opp_analytics.writer.plan.display import count, plan_html, plan_table
from opp_analytics.writer.plan.impact import edited_frame, forecast_impact, list_moves, win_rate_impact
from opp_analytics.writer.plan.plan_io import read_parts, write_parts
from opp_analytics.writer.plan.standing import closed, disqualified
from opp_analytics.writer.plan.steps import Step, steps_of

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """Changes to opportunities that have been checked and not yet sent; made by `plan`, carried out by `apply`.

    Attributes
    ----------
    changes : DataFrame
        One row per changed cell, created cell, or deleted or recovered opportunity.
        ``unique_id`` (missing for a create), ``operation`` (create, update, delete, recover), ``field`` (missing
        for a delete or recover), ``before``, ``after`` (objects; None is an empty cell), ``status`` (clean;
        already: the server holds it already; conflict: the server holds something else; without a client all are
        clean), ``needs`` (the option of `apply` without which this is refused: clear_nulls, allow_delete, or
        empty), ``row`` (index label of the row in the edited frame, or its position where labels repeat),
        ``name``.
    problems : DataFrame
        What must be fixed before anything can be sent: ``row unique_id field value problem suggestion``.
    conflicts : DataFrame
        Cells that somebody else has changed meanwhile, and all cells of a deal that somebody closed or reopened:
        ``unique_id operation field before after remote reason``.
    before : DataFrame
        The opportunities that the plan was made from.
    plan_id : str
        Names this plan in the journal, so that applying it again never creates anything twice.
    made_at : datetime
        When it was made, UTC.
    url, account : str or None
        The API it was made for, None when only frames were given.
    """

    changes: pd.DataFrame
    problems: pd.DataFrame
    conflicts: pd.DataFrame
    before: pd.DataFrame
    url: str | None = None
    account: str | None = None
    plan_id: str = field(default_factory=lambda: uuid4().hex)
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def steps(self) -> list[Step]:
        """The writes that carry it out, one per opportunity and operation."""
        return steps_of(self.changes, self.before)

    def __len__(self) -> int:
        """Count of changes."""
        return len(self.changes)

    def check(self, *, clear_nulls: bool, allow_delete: bool) -> None:
        """Refuse what must not be sent.

        Parameters
        ----------
        clear_nulls, allow_delete : bool
            Leave to empty cells and to delete opportunities, as `apply` is given it.

        Raises
        ------
        PlanError
            While there are problems, when cells would be emptied or opportunities deleted without leave, or when
            one opportunity is both deleted and otherwise changed.
        """
        if len(self.problems):
            raise PlanError(
                f"the plan has {count(len(self.problems), 'problem')}; fix them first:\n{self._listed()}"
            )
        for option, given in (("clear_nulls", clear_nulls), ("allow_delete", allow_delete)):
            asked = self.changes[self.changes["needs"] == option]
            if len(asked) and not given:
                raise PlanError(_refusal(option, asked))
        per_id = self.changes.dropna(subset="unique_id").groupby("unique_id")["operation"].agg(frozenset)
        torn = [i for i, operations in per_id.items() if "delete" in operations and len(operations) > 1]
        if torn:
            raise PlanError(
                f"opportunity {torn[0]!r} is both deleted and otherwise changed; drop one of the two"
            )

    def totals(self) -> pd.DataFrame:
        """What the plan does, per operation.

        Returns
        -------
        DataFrame
            Index ``operation`` (those that occur, create, update, delete, recover); ``opportunities`` and
            ``cells`` int64; ``value_before``, ``value_after`` float64, money over the opportunities touched, a
            missing value counting 0.
        """
        deals = self.deals()
        order = pd.CategoricalDtype(["create", "update", "delete", "recover"], ordered=True)
        by = deals.assign(operation=deals["operation"].astype(order), opportunities=1).groupby(
            "operation", observed=True
        )
        totals = by[["opportunities", "cells", "value_before", "value_after"]].sum()
        return totals.set_axis(totals.index.astype(schema.TEXT))

    def deals(self) -> pd.DataFrame:
        """The opportunities that the plan touches, most money moved first.

        Returns
        -------
        DataFrame
            RangeIndex; ``step`` int64 (position in ``steps``), ``unique_id operation name`` str, ``cells`` int64 (fields written), ``value_before``,
            ``value_after``, ``money`` float64: the change in value, or the value itself where only other cells
            change.
        """
        old = (
            self.before.set_index("unique_id")["value"]
            if "value" in self.before
            else pd.Series(dtype="float64")
        )
        names = self.changes["name"].tolist()
        records = []
        for number, step in enumerate(self.steps):
            held = old.get(step.unique_id, 0.0) if step.operation in ("update", "delete") else 0.0
            was = float(held) if pd.notna(held) else 0.0
            now = 0.0 if step.operation == "delete" else float(step.fields.get("value", was) or 0.0)
            deal = (
                number,
                step.unique_id,
                step.operation,
                names[step.cells[0].at],
                len(step.fields),
                was,
                now,
            )
            records.append((*deal, abs(now - was) or abs(was)))
        types: dict[str, Any] = {"step": "int64", "unique_id": schema.TEXT, "operation": schema.TEXT}
        types |= {"name": schema.TEXT, "cells": "int64"}
        types |= dict.fromkeys(("value_before", "value_after", "money"), "float64")
        deals = pd.DataFrame(records, columns=list(types))
        return deals.astype(types).sort_values("money", ascending=False, kind="stable", ignore_index=True)

    def summary(self) -> str:
        """What would be done, how much money it moves, and what stands in the way, in a few lines."""
        lines = [self.overview()]
        if len(self.problems):
            lines.append(f"{count(len(self.problems), 'problem')}: nothing is sent until they are fixed")
            lines.append(self._listed())
        return "\n".join(lines)

    def overview(self) -> str:
        """The summary without the problems."""
        totals = self.totals()
        lines = [self._headline(totals)]
        valued = totals.drop(index="recover", errors="ignore")  # theirs stand in the trash, not in the plan
        if len(valued):
            was, now = valued["value_before"].sum(), valued["value_after"].sum()
            lines.append(f"value of the opportunities touched: {was:,.2f} → {now:,.2f} ({now - was:+,.2f})")
        lines += self._notes()
        for option, what in (("clear_nulls", "emptied"), ("allow_delete", "deleted")):
            asked = int((self.changes["needs"] == option).sum())
            if asked:
                thing = "cell" if option == "clear_nulls" else "opportunity"
                lines.append(f"{count(asked, thing)} {what}: needs {option}=True")
        already = int((self.changes["status"] == "already").sum())
        if already:
            lines.append(f"{count(already, 'change')} already on the server")
        if len(self.conflicts):
            lines.append(
                f"{count(len(self.conflicts), 'cell')} in conflict: {self._drifts()}, see .conflicts"
            )
        return "\n".join(lines)

    def _notes(self) -> list[str]:
        """What forbids nothing and yet surprises: closed deals, deals that no forecast counts, money below zero."""
        edits = [step for step in self.steps if step.operation == "update"]
        over = sum(closed(step.base) for step in self.steps)
        out = sum(disqualified(step.base) and disqualified(step.base | step.fields) for step in edits)
        owed = sum((step.fields.get("value") or 0) < 0 for step in self.steps)
        notes = {
            f"{over:,} of them {_are(over)} already won or lost": over,
            f"{out:,} {_are(out)} disqualified, so in no forecast": out,
            f"{count(owed, 'value')} below zero": owed,
        }
        return [note for note, number in notes.items() if number]

    def _drifts(self) -> str:
        """Why cells are in conflict, each reason once, without what it was in each case."""
        return ", ".join(sorted({reason.partition(" (")[0] for reason in self.conflicts["reason"]}))

    def _headline(self, totals: pd.DataFrame) -> str:
        parts = []
        for operation, row in totals.iterrows():
            cells = f" ({count(int(row['cells']), 'cell')})" if row["cells"] else ""
            parts.append(f"{count(int(row['opportunities']), str(operation))}{cells}")
        return ", ".join(parts) or "no changes"

    def _listed(self, most: int = 10) -> str:
        names = (
            dict(zip(self.before["unique_id"], self.before["name"], strict=True))
            if "name" in self.before
            else {}
        )
        lines = []
        for row, unique_id, column, value, problem, way_out in self.problems.head(most).itertuples(
            index=False
        ):
            where = "every row" if row is None else f"row {row}"
            name = f" {names[unique_id]}" if pd.notna(names.get(unique_id)) else ""
            named = f" ({unique_id}{name})" if pd.notna(unique_id) else ""
            what = "" if schema.is_blank(value) else f"={quote_cell(value)}"
            lines.append(f"  {where}{named}: {column}{what} {problem}; {way_out}")
        if len(self.problems) > most:
            lines.append(f"  … and {len(self.problems) - most} more, see .problems")
        return "\n".join(lines)

    def edited(self) -> pd.DataFrame:
        """The opportunities as they are once the plan is applied; what is in conflict stays as it was.

        Returns
        -------
        DataFrame
            As ``before``, with created opportunities at its end (``unique_id`` missing) and without deleted ones.
        """
        return edited_frame(self)

    def impact(self, *, as_of: When, freq: str = "M") -> pd.DataFrame:
        """What the plan does to the forecast, period by period.

        Parameters
        ----------
        as_of : date-like
            The day of the forecast.
        freq : str
            Period alias.

        Returns
        -------
        DataFrame
            Index ``period`` as in `forecast`, and a last row ``total``; for each of ``booked weighted_open expected low
            high open_value open_count`` the columns ``…_before`` and ``…_after``, and ``expected_change``; money
            float64. ``low`` and ``high`` are not defined for the total.

        See Also
        --------
        moves : the opportunities that change stage or period.
        win_rates : the win rate before and after.
        """
        return forecast_impact(self.before, self.edited(), as_of=as_of, freq=freq)

    def moves(self, *, freq: str = "M") -> pd.DataFrame:
        """The opportunities that change stage or period, most money first.

        Parameters
        ----------
        freq : str
            Period alias of the close date: "M", "Q", a fiscal "Q-JAN", …

        Returns
        -------
        DataFrame
            RangeIndex; ``unique_id name`` str, ``value`` float64 (as planned), ``stage_before stage_after
            period_before period_after`` str.
        """
        return list_moves(self.before, self.edited(), freq=freq)

    def win_rates(self) -> pd.DataFrame:
        """The win rate before and after the plan: index ``before``, ``after``, columns as in `win_rate`."""
        return win_rate_impact(self.before, self.edited())

    def save(self, path: str | Path) -> Path:
        """Write the plan, with the opportunities it was made from, to a readable file (JSON).

        Parameters
        ----------
        path : path
            The file; one that exists is replaced.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        DataError
            When the file cannot be written.
        """
        head = {
            "plan_id": self.plan_id,
            "made_at": self.made_at.isoformat(),
            "url": self.url,
            "account": self.account,
        }
        frames = {name: getattr(self, name) for name in ("changes", "problems", "conflicts", "before")}
        write_parts(Path(path), head, frames)
        return Path(path)

    @classmethod
    def read(cls, path: str | Path) -> Plan:
        """The plan that `save` wrote; the journal knows it as the same plan.

        Raises
        ------
        DataError
            When the file cannot be read or is no plan.
        """
        head, frames = read_parts(Path(path))
        return cls(**(head | frames))

    def _repr_html_(self) -> str:
        return plan_html(self)

    def __rich__(self) -> Table:
        return plan_table(self)

    def __repr__(self) -> str:
        return f"<Plan {self.plan_id[:8]}: {self.summary()}>"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _named(change: pd.Series[Any]) -> str:
    """The opportunity of a change by id and, where it has one, name."""
    name = f" ({change['name']})" if pd.notna(change["name"]) else ""
    return f"{change['unique_id']!r}{name}"


def _refusal(option: str, asked: pd.DataFrame) -> str:
    first = asked.iloc[0]
    if option == "clear_nulls":
        return (
            f"{count(len(asked), 'cell')} would be emptied, such as {first['field']} of {_named(first)}; "
            "pass clear_nulls=True when that is meant, or fill them in"
        )
    return (
        f"{count(len(asked), 'opportunity')} would be deleted, such as {_named(first)}; pass allow_delete=True when "
        "that is meant. Where only their rows are missing among the edited ones, put them back, or begin from just "
        "the opportunities that were edited, and plan again"
    )
