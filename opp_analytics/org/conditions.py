"""Conditions of an org file, such as ``p_target < 50%``, and the sentences that say them.

They are never run as Python.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from string import Formatter
from typing import Any

import pandas as pd

from opp_analytics.arrays import Series
from opp_analytics.errors import ArgumentValueError
from opp_analytics.inputs import did_you_mean, read_amount
from opp_analytics.schema import BadCell
from opp_analytics.text import joined

Figures = Mapping[str, float]
"""The columns of a row; NaN for what is not known."""

_LONGEST, _MOST_PARTS = 1_000, 300
"""Characters, and names, numbers and signs: many times those of a condition that a person reads at
a glance."""
_TOO_LARGE = 1e300
"""No amount of money is near it, and a float holds it."""
_ALLOWED = (
    "use numbers, columns, + - * /, comparisons, and, or, not and ( ), for example p_target < "
    "0.5 or value > 0"
)
_AMOUNT = re.compile(
    r"(?<![\w.])[$€£¥]?\d+(?:,\d{3})*(?:\.\d+)?(?:%|[km]|mm|mn|b|bn|)(?![\w.%])", re.IGNORECASE
)
"""Amounts as people write them elsewhere: ``500k``, ``$500,000``, ``80%``."""
_ARITHMETIC: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda one, other: one / other if other else math.nan,
}
_SIGNS: dict[type, Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_COMPARISONS: dict[type, tuple[Callable[[float, float], bool], str]] = {
    ast.Lt: (operator.lt, "below"),
    ast.LtE: (operator.le, "at or below"),
    ast.Gt: (operator.gt, "above"),
    ast.GtE: (operator.ge, "at or above"),
    ast.Eq: (operator.eq, "at"),
    ast.NotEq: (operator.ne, "other than"),
}
"""What each sign asks, and its word."""
_MIRRORED = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}


@dataclass(frozen=True)
class Comparison:
    """A condition that compares one column with a number, or with a share of another column."""

    column: str
    base: str
    """The column of which `line` is a share; empty for a number."""
    word: str
    """On which side of the line it holds, such as "below"."""
    line: float

    def measure(self, figures: Figures) -> float:
        """The column's figure, or its share of `base`; NaN where that is not known."""
        figure = float(figures[self.column])
        return _ARITHMETIC[ast.Div](figure, float(figures[self.base])) if self.base else figure

    def judge(self, figures: Figures) -> bool | None:
        """True where it holds for these figures, None where that is not known."""
        is_so = next(is_so for is_so, word in _COMPARISONS.values() if word == self.word)
        return _compare([self.measure(figures), self.line], [is_so])


@dataclass(frozen=True)
class Condition:
    """A condition that was read."""

    text: str
    """The condition in one line."""
    columns: tuple[str, ...]
    """The columns that it compares, in its order."""
    judge: Callable[[Figures], bool | None]
    """True where it holds for these figures; None where a missing figure, or a division by zero,
    leaves that open."""
    comparisons: tuple[Comparison, ...]
    """Its parts that compare one column with one line and must all hold."""
    comparison: Comparison | None
    """What it compares, where that is one column with one line."""


def read_condition(typed: str, known: Collection[str] | None) -> Condition:
    """Read a condition on the `known` columns of a forecast.

    None for any column of deals, where one alone means that it is not empty.

    Another part than numbers, columns, arithmetic, comparisons, ``and``, ``or`` and ``not`` is
    refused by name.
    """
    shown = " ".join(typed.split())
    words = shown if len(shown) > _LONGEST else _AMOUNT.sub(_spell_amount, shown)
    tree = _parse(words)
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    columns = dict.fromkeys(node.id for node in sorted(named, key=lambda node: node.col_offset))
    judge = partial(_judge, tree, alone=known is None)
    try:
        judge(dict.fromkeys(columns, math.nan))
    except _Refused as refused:
        part = ast.get_source_segment(words, refused.node) or words
        raise _refuse(part, refused.why) from None
    if unknown := [] if known is None else [name for name in columns if name not in known]:
        near = did_you_mean(unknown[0], known or ())
        raise ArgumentValueError(
            f"the forecast has no column {unknown[0]!r}; "
            f"{near or f'use some of {joined(known or ())}'}"
        )
    if not columns:
        raise ArgumentValueError(
            f"it compares no column{'' if known is None else ' of the forecast'}; {_ALLOWED}"
        )
    parts = tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
    found = [_find_comparison(part) for part in parts]
    return Condition(
        shown,
        tuple(columns),
        judge,
        tuple(filter(None, found)),
        found[0] if len(found) == 1 else None,
    )


def read_conditions(
    settings: Mapping[str, Any], key: str, known: Collection[str] | None
) -> list[Condition]:
    """Read the condition or conditions of a ``[report]`` setting."""
    typed = settings.get(key) or ()
    return [
        read_condition(words, known) for words in ([typed] if isinstance(typed, str) else typed)
    ]


def read_figures(columns: Mapping[str, Series]) -> list[dict[str, float]]:
    """Read the columns of deals as numbers, row by row.

    A cell that is not a number is beyond all numbers; an empty cell, or a box not ticked, is NaN.
    """
    figures = {}
    for name, cells in columns.items():
        blank = cells.isna() | cells.astype("string").str.strip().isin(["", "False"]).fillna(True)
        numbers = pd.to_numeric(cells.astype("object"), errors="coerce").astype("float64")
        figures[name] = numbers.fillna(math.inf).mask(blank)
    rows: list[Any] = pd.DataFrame(figures).to_dict("records")
    return rows


def check_template(typed: str, known: Collection[str] | None) -> None:
    """Refuse a sentence with a placeholder other than `known` ones, such as ``{period}``.

    None allows any name. A placeholder must hold nothing but its name.
    """
    try:
        parts = list(Formatter().parse(typed))
    except ValueError as error:
        raise ArgumentValueError(f"{error}; write {{{{ or }}}} for a brace itself") from None
    for _, name, further, conversion in parts:
        if name is not None and (
            further
            or conversion
            or (not name.isidentifier() if known is None else name not in known)
        ):
            way_out = (
                did_you_mean(name, known or ())
                or f"use some of {joined(known or ['name', 'value'])}"
            )
            raise ArgumentValueError(f"it has no figure for {{{name}}}; {way_out}")


def _spell_amount(found: re.Match[str]) -> str:
    """Spell an amount as Python does."""
    if found[0].replace(".", "").isdecimal():
        return found[0]
    try:
        amount = read_amount(found[0].rstrip("%"))
    except BadCell as error:
        raise ArgumentValueError(f"{found[0]!r} {error}") from None
    return repr(amount / 100 if found[0].endswith("%") else amount)


def _find_comparison(node: ast.expr) -> Comparison | None:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            one, other, kind = _scale(left), _scale(right), type(op)
        case _:
            return None
    if one and other and (not one[0] or (other[0] and one[0] == "target")):
        one, other, kind = other, one, _MIRRORED.get(kind, kind)
    if not one or not other or not one[0] or other[1] or (one[1] and other[0]) or not one[2] > 0:
        return None
    return Comparison(one[0], one[1] or other[0], _COMPARISONS[kind][1], other[2] / one[2])


def _scale(node: ast.expr) -> tuple[str, str, float] | None:
    """Read a number, a multiple of a column, or a ratio of two columns.

    These are ("", "", number), (column, "", factor) and (column, base, 1).
    """
    match node:
        case ast.Name(id=column):
            return column, "", 1.0
        case ast.BinOp(left=ast.Name(id=column), op=ast.Div(), right=ast.Name(id=base)):
            return column, base, 1.0
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right):
            one, other = _scale(left), _scale(right)
            if one and other and isinstance(op, ast.Mult) and not one[0]:
                one, other = other, one
            if one and other and not other[0]:
                return *one[:2], _ARITHMETIC[type(op)](one[2], other[2])
        case _ if not any(isinstance(each, ast.Name) for each in ast.walk(node)):
            return "", "", _measure(node, {})
    return None


def _parse(words: str) -> ast.expr:
    if len(words) > _LONGEST:
        raise ArgumentValueError(
            f"it has more than {_LONGEST:,} characters; use several conditions"
        )
    if "#" in words:
        raise _refuse(words[words.index("#") :])
    try:
        with warnings.catch_warnings(
            action="ignore"
        ):  # the parser's, of a style that is refused below
            tree = ast.parse(words, mode="eval").body
    except SyntaxError as error:
        raise _refuse(words[max((error.offset or 1) - 1, 0) :] or words, "cannot be read") from None
    except (ValueError, RecursionError, MemoryError):
        raise _refuse(words) from None
    if sum(1 for _ in ast.walk(tree)) > _MOST_PARTS:
        raise ArgumentValueError(f"it has more than {_MOST_PARTS} parts; use several conditions")
    return tree


def _refuse(part: str, why: str = "is not allowed") -> ArgumentValueError:
    shown = part if len(part) <= 40 else f"{part[:39]}…"
    return ArgumentValueError(f"{shown!r} {why}; {_ALLOWED}")


class _Refused(Exception):
    def __init__(self, node: ast.expr, why: str = "is not allowed") -> None:
        super().__init__(why)
        self.node, self.why = node, why


def _judge(node: ast.expr, figures: Figures, *, alone: bool) -> bool | None:
    """Judge what holds or not; `alone`, a column holds where it is not empty."""
    match node:
        case ast.BoolOp(op=op, values=values):
            parts = [_judge(value, figures, alone=alone) for value in values]
            return _combine(parts, isinstance(op, ast.Or))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            part = _judge(operand, figures, alone=alone)
            return None if part is None else not part
        case ast.Compare(left=left, ops=ops, comparators=others):
            if all(type(op) in _COMPARISONS for op in ops):
                ends = [_measure(end, figures) for end in (left, *others)]
                return _compare(ends, [_COMPARISONS[type(op)][0] for op in ops])
        case ast.Name() if alone:
            return not math.isnan(_measure(node, figures))
        case ast.Name() | ast.Constant() | ast.BinOp() | ast.UnaryOp():
            _measure(node, figures)  # where that is wrong itself, it says so
            raise _Refused(node, "is compared with nothing")
    raise _Refused(node)


def _measure(node: ast.expr, figures: Figures) -> float:
    """Measure what has a figure."""
    match node:
        case ast.Name(id=name):
            return float(figures[name])
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return _ARITHMETIC[type(op)](_measure(left, figures), _measure(right, figures))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _SIGNS:
            return _SIGNS[type(op)](_measure(operand, figures))
        case ast.Constant(value=int() | float() as value):
            if not isinstance(value, bool) and abs(value) < _TOO_LARGE:
                return float(value)
    raise _Refused(node)


def _combine(parts: Sequence[bool | None], settles: bool) -> bool | None:
    """Combine what holds: one part that `settles` does, else what is not known leaves it open."""
    return settles if settles in parts else None if None in parts else not settles


def _compare(
    ends: Sequence[float], compare: Sequence[Callable[[float, float], bool]]
) -> bool | None:
    pairs = zip(compare, pairwise(ends), strict=True)
    return _combine(
        [is_so(*two) if all(map(math.isfinite, two)) else None for is_so, two in pairs], False
    )
