"""Targets of a forecast: one amount, amounts by label, or a table of people's and teams' targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from opp_analytics import arguments, periods, schema
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError

Target = float | Mapping[Any, float] | pd.DataFrame | None
"""The type of the argument `target`."""
ALL = "(all)"
"""Label of a group that is the sum of others."""
_PERSON, _TEAM = "owner_name", "team"
_FINER_FIRST = ("M", "Q", "Y")


@dataclass(frozen=True)
class Targets:
    """Checked targets."""

    number: float | None = None
    """One amount for every period of the whole."""
    rows: pd.DataFrame | None = None
    """Amounts: a column for each key, then ``period`` (its label in the forecast) and ``target``. A blank key is a target
    of all."""
    keys: tuple[str, ...] = ()
    """The key columns, those of larger groups first."""
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def periods(self) -> list[str]:
        """Labels of the periods with a target of their own."""
        return [] if self.rows is None else list(dict.fromkeys(self.rows["period"]))

    def groups(self, by: Sequence[str]) -> list[tuple[str, ...]]:
        """The groups with a target, for some grouping columns that are keys."""
        if self.rows is None or not by or not set(by) <= set(self.keys):
            return []
        named = self.rows[list(by)]
        named = named[(named != "").all(axis=1)].drop_duplicates()
        return [tuple(row) for row in named.itertuples(index=False)]

    def of(self, by: Sequence[str], group: Sequence[str], period: str) -> float:
        """The target of a group in a period: its own, else the sum of its parts'; NaN where there is none."""
        if self.rows is None:
            return float("nan") if by or self.number is None else self.number
        if not set(by) <= set(self.keys):
            return float("nan")
        rows = self.rows[self.rows["period"] == period]
        for column, label in zip(by, group, strict=True):
            rows = rows[rows[column] == label]
        return _sum(rows, [key for key in self.keys if key not in by])


def read_targets(target: Any, freq: str, by: Sequence[str], *, totals: bool = False) -> Targets:
    """The checked targets.

    Parameters
    ----------
    target : float, mapping or DataFrame
        One amount for each period of the whole; amounts by period label or, with `by`, by the tuple of labels; or a table
        with ``period``, ``target`` and the columns that say whose it is, such as ``owner_name`` and ``team``.
    totals : bool
        If True, a key may leave out the last columns of `by`: it is the target of their sum.
    """
    if target is None:
        return Targets()
    if isinstance(target, pd.DataFrame):
        return _from_table(target, freq, by)
    if isinstance(target, (Mapping, pd.Series)):
        return _from_mapping(dict(target.items()), freq, by, totals=totals)
    if isinstance(target, str) or not pd.api.types.is_scalar(target):
        raise ArgumentTypeError(
            f"target={target!r} is not an amount of money; use a number, a mapping by period, or a table"
        )
    return Targets(number=arguments.number(target, "target", low=0, example=100_000))


def _from_mapping(amounts: dict[Any, Any], freq: str, by: Sequence[str], *, totals: bool) -> Targets:
    rows = []
    for key, amount in amounts.items():
        parts = key if isinstance(key, tuple) else (key,)
        name = f"target[{key!r}]"
        if len(parts) > len(by) + 1 or (len(parts) < len(by) + 1 and not totals):
            example = (*by, "period") if by else "2026-03"
            raise ArgumentValueError(f"{name}: with by={list(by)!r}, use a key such as {example!r}")
        labels = ["" if str(label) == ALL else str(label) for label in parts[:-1]]
        labels += [""] * (len(by) - len(labels))
        period = str(periods.as_period(parts[-1], freq, name=name))
        rows.append([*labels, period, arguments.number(amount, name, low=0, example=100_000)])
    return Targets(rows=pd.DataFrame(rows, columns=[*by, "period", "target"]), keys=tuple(by))


def _from_table(table: pd.DataFrame, freq: str, by: Sequence[str]) -> Targets:
    arguments.frame(table, "target", "period", "target", made_by="org.targets")
    keys = [str(name) for name in table.columns if name not in ("period", "target")]
    keys.sort(key=lambda name: name == _PERSON)
    shown = table[keys].astype(schema.TEXT).fillna("")
    read, longer = [], 0
    for place, (label, amount) in enumerate(zip(table["period"], table["target"], strict=True)):
        name = f"target, row {place} ({', '.join([*shown.iloc[place], str(label)])})"
        period, given = _period(label, freq, name)
        checked = arguments.number(amount, name, low=0, example=100_000)
        longer += period is None
        if period is not None:
            read.append([*shown.iloc[place], period, given, checked])
    rows = pd.DataFrame(read, columns=[*keys, "period", "given", "target"])
    # A target of the period itself is used, not the sum of those of its months.
    own = rows.groupby([*keys, "period"])["given"].transform("any") if len(rows) else rows["given"]
    rows = rows[rows["given"] | ~own.astype(bool)].drop(columns="given")
    return Targets(rows=rows, keys=tuple(keys), left_out={"targets_of_longer_periods": longer})


def _period(label: Any, freq: str, name: str) -> tuple[str | None, bool]:
    """The forecast period of a target's period, and True if they are the same; None for a longer one."""
    text = str(label)
    anchor = freq.partition("-")[2]
    for alias in (freq, *(f"{unit}-{anchor}" if anchor and unit != "M" else unit for unit in _FINER_FIRST)):
        try:
            period = periods.as_period(text, alias)
        except ArgumentValueError:
            continue
        first, last = (pd.Period(day, freq) for day in (period.start_time, period.end_time))
        return (str(first), alias == freq) if first == last else (None, False)
    raise ArgumentValueError(
        f"{name}: {text!r} is not a period; write it like {str(pd.Period('2026-03', freq))!r}"
    )


def _sum(rows: pd.DataFrame, keys: Sequence[str]) -> float:
    """The target of all rows: that of the rows without further keys if there are any, else the sum over the first key."""
    if rows.empty:
        return float("nan")
    own = rows[(rows[list(keys)] == "").all(axis=1)]
    if len(own) or not keys:
        return float(own["target"].sum())
    return float(sum(_sum(part, keys[1:]) for _, part in rows.groupby(keys[0])))
