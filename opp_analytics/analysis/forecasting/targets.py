"""Targets of a forecast: one amount, amounts by label, or a table by person and team."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from opp_analytics import arguments, periods, schema
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.inputs import did_you_mean
from opp_analytics.org import DEFAULT, Org, find_org_of_targets, place_targets
from opp_analytics.schema import ALL
from opp_analytics.text import compose, split_key

Target = float | Mapping[Any, float] | pd.DataFrame | None
"""The type of the argument `target`."""
_PERSON, _TEAM, _REGION = "owner_name", "team", "region"
_LARGER_FIRST = (_REGION, _TEAM)
_FINER_FIRST = ("M", "Q", "Y")


class TargetRow(NamedTuple):
    """One target."""

    labels: tuple[str, ...]
    """Whose it is, a label for each key; a blank one means all."""
    period: str
    """Its label in the forecast."""
    target: float
    where: str
    """Its place, for messages."""


@dataclass(frozen=True)
class Targets:
    """Checked targets."""

    number: float | None = None
    """One amount for every period of the whole."""
    rows: tuple[TargetRow, ...] | None = None
    keys: tuple[str, ...] = ()
    """The columns that say whose a target is, those of larger groups first."""
    left_out: dict[str, int] = field(default_factory=dict)
    placed: bool = False
    """True where people are known by their teams, so that a person without a label is in none; else
    in one of them."""

    @property
    def periods(self) -> list[str]:
        """Labels of the periods with a target of their own."""
        return list(self._by_period)

    @cached_property
    def _by_period(self) -> dict[str, list[TargetRow]]:
        found: dict[str, list[TargetRow]] = {}
        for row in self.rows or ():
            found.setdefault(row.period, []).append(row)
        return found

    def groups(self, by: Sequence[str]) -> list[tuple[str, ...]]:
        """The groups with a target, for some grouping columns that are keys."""
        if self.rows is None or not by or not set(by) <= set(self.keys):
            return []
        places = [self.keys.index(name) for name in by]
        named = [tuple(row.labels[place] for place in places) for row in self.rows]
        return [labels for labels in dict.fromkeys(named) if all(labels)]

    def of(self, by: Sequence[str], group: Sequence[str], period: str) -> float:
        """The target of a group in a period: its own, else the sum of its parts'.

        NaN where there is none.
        """
        if self.rows is None:
            return float("nan") if by or self.number is None else self.number
        if not set(by) <= set(self.keys):
            return float("nan")
        asked = [(self.keys.index(name), label) for name, label in zip(by, group, strict=True)]
        rows = self._by_period.get(period, ())
        rows = [row for row in rows if all(row.labels[place] == label for place, label in asked)]
        return self._sum(rows, [place for place, key in enumerate(self.keys) if key not in by])

    def _sum(self, rows: Sequence[TargetRow], places: Sequence[int]) -> float:
        """Sum the targets of rows without further labels, else those of their parts.

        Parts are the rows with the same first further label.
        """
        if not rows:
            return float("nan")
        own = [row.target for row in rows if not any(row.labels[place] for place in places)]
        if own:
            return math.fsum(own)
        parts: dict[str, list[TargetRow]] = {}
        for row in rows:
            parts.setdefault(row.labels[places[0]], []).append(row)
        if "" in parts and len(parts) > 1:
            # A team of several regions belongs to none of them: the sum is that of the teams.
            if self.placed:
                return self._sum(rows, places[1:])
            parts.pop("")
        return math.fsum(self._sum(part, places[1:]) for part in parts.values())


_NO_CENTS = 1e15


def find_gap(target: Any, reached: Any) -> Any:
    """Find the gap to a target, rounded to the cent: positive below it, negative past it.

    Within half a cent of the target the gap is 0.

    Every comparison with a target is one with this gap.

    >>> find_gap(0.8, 0.7 + 0.1), find_gap(100.0, 99.99), find_gap(100.0, 130.0)
    (0.0, 0.01, -30.0)
    """
    gap = np.asarray(target, dtype=np.float64) - np.asarray(reached, dtype=np.float64)
    # Larger amounts have no cents. Adding 0 turns −0 into 0.
    cents = np.round(np.clip(gap, -_NO_CENTS, _NO_CENTS), 2) + 0.0
    found = np.where(np.abs(gap) < _NO_CENTS, cents, gap)
    return found if found.ndim else float(found)


def read_moneys(
    target: Any,
    freq: str,
    by: Sequence[str],
    *,
    totals: bool = False,
    org: Org = DEFAULT,
    owners_of: Callable[[], set[str]] = set,
    day: pd.Timestamp | None = None,
) -> Targets:
    """Read and check the targets: an amount, a mapping by period or labels, or a table.

    With `totals`, a key may leave out the last columns of `by`: it is the target of their sum. The
    org's people have the teams and regions that the table does not name; a target must be one of
    theirs, or of `owners_of`, which is asked only then. People are in their teams of `day`.
    """
    if target is None:
        return Targets()
    if isinstance(target, pd.DataFrame):
        read = _from_table(target, freq, org, day)
        people = find_org_of_targets(target, org).people
    elif isinstance(target, (Mapping, pd.Series)):
        read = _from_mapping(dict(target.items()), freq, by, totals=totals)
        people = org.people
    else:
        if isinstance(target, str) or not pd.api.types.is_scalar(target):
            raise ArgumentTypeError.of(
                "target",
                target,
                "is not an amount of money",
                "use a number, a mapping by period, or a table",
            )
        return Targets(number=arguments.number(target, "target", low=0, example=100_000))
    _check_names(read, people, owners_of)
    return read


def _check_names(targets: Targets, people: pd.DataFrame, owners_of: Callable[[], set[str]]) -> None:
    """Refuse a target of somebody who is neither among the people nor an owner of a deal."""
    if people.empty or not targets.rows or _PERSON not in targets.keys:
        return
    place, known = targets.keys.index(_PERSON), {"", schema.NO_LABEL, *people[_PERSON]}
    strange = {
        row.labels[place]: row.where
        for row in reversed(targets.rows)
        if row.labels[place] not in known
    }
    if not strange:
        return
    owners = owners_of()
    for name, where in strange.items():
        if name not in owners:
            near = did_you_mean(name, sorted({*people[_PERSON], *owners}))
            meant = f"{near} Correct it" if near else "correct it"
            raise ArgumentValueError(
                f"{where}: {name!r} is nobody under [people] of the org and owns no deal; "
                f"{meant}, or add the person"
            )


def _from_mapping(
    amounts: dict[Any, Any], freq: str, by: Sequence[str], *, totals: bool
) -> Targets:
    keys = list(map(split_key, amounts))
    # Without `by`, the labels only tell the parts of the whole.
    names = list(by) or [f"label {place}" for place in range(1, max(map(len, keys), default=1))]
    rows = []
    for parts, (key, amount) in zip(keys, amounts.items(), strict=True):
        where = f"target[{key!r}]"
        if len(parts) > len(names) + 1 or (by and len(parts) < len(by) + 1 and not totals):
            raise ArgumentValueError(
                f"{where}: with by={list(by)!r}, use a key such as {(*by, 'period')!r}"
            )
        labels = ["" if str(label) == ALL else compose(label) for label in parts[:-1]]
        labels += [""] * (len(names) - len(labels))
        period = str(periods.as_period(parts[-1] if parts else "", freq))
        checked = arguments.number(amount, where, low=0, example=100_000)
        rows.append(TargetRow(tuple(labels), period, checked, where))
    return Targets(rows=tuple(rows), keys=tuple(names))


def _from_table(table: pd.DataFrame, freq: str, org: Org, day: pd.Timestamp | None) -> Targets:
    arguments.frame(table, "target", "period", "target", made_by="org.targets")
    placed = place_targets(table, org, day, freq)
    keys = [str(name) for name in placed.columns if name not in ("period", "target")]
    keys.sort(
        key=lambda name: (
            _LARGER_FIRST.index(name) if name in _LARGER_FIRST else 2 + (name == _PERSON)
        )
    )
    shown = placed[keys].astype(schema.TEXT).fillna("").apply(lambda names: names.map(compose))
    file, lines = table.attrs.get("file"), table.attrs.get("lines") or range(2, len(table) + 2)
    rows, own, longer = [], set(), set()
    read: dict[str, tuple[str | None, bool, int]] = {}
    labeled = shown.itertuples(index=False, name=None)
    each = zip(placed.index, labeled, placed["period"], placed["target"], strict=True)
    for at, labels, label, amount in each:
        row = f"{file} line {lines[at]}" if file else f"target, row {at}"
        named = [part for part in (*labels, str(label)) if part not in ("", schema.NO_LABEL)]
        where = f"{row} ({', '.join(named)})"
        if (text := str(label)) not in read:
            read[text] = _period(text, freq, where)
        period, given, _ = read[text]
        checked = arguments.number(amount, where, low=0, example=100_000)
        if period is None:
            longer.add(at)
            continue
        rows.append((given, TargetRow(tuple(labels), period, checked, where)))
        if given:
            own.add((labels, period))
    # A target of the period itself is used, not the sum of those of its months; that of some of
    # them is none.
    told: Counter[str] = Counter()
    for period, given, days in read.values():
        if period and not given:
            told[period] += days
    short = {period for period, days in told.items() if days < _count_days(period, freq)}
    used = [
        row
        for given, row in rows
        if given or ((row.labels, row.period) not in own and row.period not in short)
    ]
    left_out = {"targets_of_longer_periods": len(longer)}
    return Targets(
        rows=tuple(used), keys=tuple(keys), left_out=left_out, placed=placed is not table
    )


def _count_days(period: str, freq: str) -> int:
    whole = pd.Period(period, freq)
    return (whole.end_time - whole.start_time).days + 1


def _period(text: str, freq: str, name: str) -> tuple[str | None, bool, int]:
    """The forecast period of a target's period, True if they are the same, and its own days.

    None for a longer one.
    """
    anchor = freq.partition("-")[2]
    for alias in (
        freq,
        *(f"{unit}-{anchor}" if anchor and unit != "M" else unit for unit in _FINER_FIRST),
    ):
        try:
            period = periods.as_period(text, alias)
        except ArgumentValueError:
            continue
        first, last = (pd.Period(day, freq) for day in (period.start_time, period.end_time))
        found = str(first) if first == last else None
        return found, alias == freq, _count_days(str(period), alias)
    raise ArgumentValueError(
        f"{name}: {text!r} is not a period; write it like {str(pd.Period('2026-03', freq))!r}"
    )
