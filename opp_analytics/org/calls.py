"""`calls`: the numbers that people submitted for a period, and those in force on a day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from opp_analytics.arrays import Series
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, DataWarning, OrgProblem
from opp_analytics.inputs import did_you_mean
from opp_analytics.org.org import Org
from opp_analytics.org.people import mask_in_force
from opp_analytics.periods import as_period
from opp_analytics.text import joined


def calls(history_or_org: Any) -> pd.DataFrame:
    """List the calls of an org: the numbers that people submitted for a period.

    Parameters
    ----------
    history_or_org : History or Org
        A history answers for its org.

    Returns
    -------
    DataFrame
        One row a call, in the order of the org file: ``made_on`` (datetime64[us], a day),
        ``period`` (str, such as "2026-12" or the fiscal "2027Q4"), ``caller``, ``owner_name``,
        ``team`` (str; a number with neither is the whole's), ``commit``, ``best_case`` (float64,
        money; a missing ``commit`` withdraws), ``reason`` (str) and ``in_force`` (bool: the last
        call of this caller for this number and period, and not withdrawn). A call for another's
        number is an override, and both stay. Attrs name the ``file`` with the ``lines`` of the
        rows. Without calls it is empty.

    Raises
    ------
    ArgumentTypeError
        When it is neither a history nor an org.

    Examples
    --------
    >>> import opp_analytics as oa
    >>> said = {"period": "2024-12", "caller": "Ann", "owner_name": "Ann"}
    >>> org = oa.Org(
    ...     calls=[
    ...         {"made_on": "2024-12-01", "commit": 430_000, **said},
    ...         {"made_on": "2024-12-08", "commit": 450_000, **said},
    ...     ]
    ... )
    >>> oa.calls(org)[["caller", "commit", "in_force"]].values.tolist()
    [['Ann', 430000.0, False], ['Ann', 450000.0, True]]
    """
    if not (isinstance(history_or_org, Org) or hasattr(history_or_org, "org")):
        raise ArgumentTypeError(
            f"history_or_org is a {type(history_or_org).__name__}; use a History or an Org, such "
            "as oa.Org.read('opp-analytics.toml')"
        )
    return (history_or_org if isinstance(history_or_org, Org) else Org.of(history_or_org)).calls


def calls_known(calls: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """List the calls in force on a day: made by then, not superseded, and not withdrawn."""
    known = calls[calls["made_on"] <= day]
    return known[mask_in_force(known)].assign(in_force=True)


def write_in_force(calls: pd.DataFrame) -> Series:
    """Write for each call whether it is in force, or "withdrawn" where it takes a number back."""
    return calls["in_force"].astype("object").mask(calls["commit"].isna(), "withdrawn")


def find_called_period(label: str, freq: str, org: Org) -> pd.Period | None:
    """Find the period of a call.

    None where it has another length than `freq`, or its fiscal year is another than the org's.
    """
    try:
        period = as_period(label, freq)
        same = freq[0] in "DW" or org.period_days(label)[1] == period.end_time.normalize()
    except ArgumentValueError:
        return None
    return period if same else None


def find_strangers(
    calls: pd.DataFrame, owners_of: Callable[[], Iterable[str]] = tuple
) -> dict[int, OrgProblem]:
    """Find the calls for unknown people: not in the org, and owners of no deal.

    If the org has no people, none is unknown.
    """
    people = set(Org.of(calls).people["owner_name"])
    strange = set(calls["owner_name"].dropna()) - people
    if not people or not strange or not (strange := strange - (known := people | set(owners_of()))):
        return {}
    file, lines = calls.attrs.get("file"), calls.attrs.get("lines")
    nobody = "nobody under [people] of the org" + ", and owner of no deal" * (
        owners_of is not tuple
    )
    problems: dict[int, OrgProblem] = {}
    for row, name in zip(calls.index.tolist(), calls["owner_name"], strict=True):
        if name in strange:
            near = did_you_mean(name, known)
            right = f"{nobody}; {f'{near} Correct it' if near else 'correct it'}, or add the person"
            key, line = (
                ("owner_name", lines[row]) if lines else (f"calls.rows[{row}].owner_name", None)
            )
            problems[row] = OrgProblem(key, repr(name), right, line, file)
    return problems


def leave_strangers_out(
    calls: pd.DataFrame, owners_of: Callable[[], Iterable[str]]
) -> pd.DataFrame:
    """Leave out the rows that `find_strangers` finds, with a warning that names each."""
    if strange := find_strangers(calls, owners_of):
        DataWarning.warn(f"calls left out: {joined(list(map(str, strange.values())), most=3)}")
    return calls.drop(index=list(strange))
