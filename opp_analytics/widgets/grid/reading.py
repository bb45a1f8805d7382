"""Typed text as values of a column, and the sentence that refuses it."""

from __future__ import annotations

from datetime import date
from typing import Any

from opp_analytics import inputs, schema, text
from opp_analytics.schema import BadCell
from opp_analytics.widgets.grid.columns import GridColumn
from opp_analytics.writer import find_problem, normalize

__all__ = ["operand", "read", "refusal"]


def read(column: GridColumn, typed: Any, *, today: date | None = None) -> Any:
    """Typed text as a value of the frame; None when blank.

    Raises
    ------
    BadCell
        When the value cannot be written; the message completes a sentence that quotes what was typed.

    Examples
    --------
    >>> read(GridColumn("value", "Value", "money"), "45k"), read(GridColumn("stage", "Stage", "choice", options=("closed_won",)), "Closed won")
    (45000.0, 'closed_won')
    """
    if column.locked:
        raise BadCell("is in a column that is read only")
    bare = typed.strip() if isinstance(typed, str) else typed
    if schema.is_blank(bare):
        if column.field == "name":
            raise BadCell("is blank; a deal needs a name")
        return None
    value = _value(column, str(bare), today)
    # A choice is one of its options by now.
    if column.field in schema.COLUMNS and column.kind != "choice":
        wrong = find_problem(column.field, value)
        if wrong:
            raise BadCell("; ".join(wrong))
        return normalize(column.field, value)
    return value


def operand(column: GridColumn, typed: str, *, today: date | None = None) -> Any:
    """The amount or date that a filter compares a column with, read as it is in a cell; read-only columns too.

    Raises
    ------
    BadCell
        When it is neither an amount nor a date.

    Examples
    --------
    >>> operand(GridColumn("value", "Value", "money"), "20k"), operand(GridColumn("probability", "Chance", "percent"), "62.5")
    (20000.0, 62.5)
    """
    if column.kind in ("date", "instant"):
        return inputs.read_date(typed, year=None if today is None else today.year)
    return inputs.read_percent(typed) if column.kind == "percent" else inputs.read_amount(typed)


def _value(column: GridColumn, typed: str, today: date | None) -> Any:
    match column.kind:
        case "money" | "number":
            return inputs.read_amount(typed)
        case "percent":
            return _whole(inputs.read_percent(typed), typed.rstrip("% "))
        case "whole":
            return _whole(inputs.read_amount(typed), typed)
        case "date":
            return inputs.read_date(typed, year=None if today is None else today.year)
        case "choice":
            return _choice(column, typed)
        case "flag":
            return inputs.read_flag(typed)
        case _:
            return typed


def _whole(number: float, typed: str) -> int:
    if number != int(number):
        raise BadCell(f"is not a whole number; type {int(number)} or {int(number) + 1}")
    if abs(number) >= 2**53:
        raise BadCell("is too large")
    return int(number)


def _choice(column: GridColumn, typed: str) -> str:
    option = inputs.match_name(typed, column.options)
    if option is not None:
        return option
    near = inputs.did_you_mean(typed, column.options, most=2, write=text.label)
    raise BadCell(f"is not a {column.title.lower()}{near and f'; {near}'}")


def refusal(typed: Any, reason: str) -> str:
    """The sentence about a refused value: what was typed, what is wrong, and what to type.

    Examples
    --------
    >>> refusal("Closed", "is not a stage; did you mean closed won?")
    '“Closed” is not a stage. Did you mean closed won?'
    """
    what, _, way_out = reason.partition("; ")
    quoted = "An empty cell" if schema.is_blank(typed) else f"“{str(typed).strip()}”"
    if quoted.startswith("An empty") and way_out:
        return way_out[:1].upper() + way_out[1:] + "."
    said = f"{quoted} {what}."
    if way_out:
        said += f" {way_out[:1].upper()}{way_out[1:]}" + ("" if way_out.endswith("?") else ".")
    return said
