"""`call_sheets`: which of a person's own deals would close the gap to the target, and how likely that is."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import schema, text
from opp_analytics.analysis.shared.groups import read
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.analysis.stats.distribution import distribute
from opp_analytics.org import OPEN, Money, Org, money_of, outcome_codes
from opp_analytics.periods import Freq, When, as_date, check_freq

_FEWEST, _MOST = 3, 8
"""Deals on a sheet: the largest ones, until they cover the gap."""
_DEALS = ["unique_id", "name", "stage", "value", "chance", "close_date", "action"]


def call_deals(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    freq: Freq = "M",
    by: str = "owner_name",
    near_days: int = 35,
    likely: float = 0.5,
    tz: str | None = None,
) -> pd.DataFrame:
    """The open deals that could still close in the current period, by person, the largest first.

    Parameters
    ----------
    opportunities : DataFrame
        ``unique_id``, ``stage``, ``value`` (money), ``close_date`` (date), ``probability`` (percent) and `by`; ``name``
        and ``status`` if present.
    as_of : date-like
        The day.
    freq : str
        Period alias.
    by : str
        Column that says whose a deal is.
    near_days, likely : int, float
        A deal due after the period counts when it is due within so many days, at this stated chance or above.
    tz : str, optional
        Business time zone.

    Returns
    -------
    DataFrame
        Index `by` (str): ``unique_id``, ``name``, ``stage`` (str), ``value`` (float64, money), ``chance`` (float64,
        fraction, as stated), ``close_date`` (datetime64[us]), ``action`` (str): "due", "overdue" (re-date or close it) or
        "pull_in". A deal without a value is left out.

    Raises
    ------
    MissingColumnError, DataError, ArgumentTypeError, ArgumentValueError
        When a column is missing, or an argument cannot be used.

    Examples
    --------
    >>> frame = pd.DataFrame({
    ...     "unique_id": ["a", "b", "c"], "stage": "proposal", "value": [90.0, 10.0, 50.0], "probability": [50, 80, 40],
    ...     "close_date": ["2026-03-02", "2026-03-20", "2026-04-02"], "owner_name": "Zoe"})
    >>> call_deals(frame, as_of="2026-03-10")[["value", "action"]].values.tolist()
    [[90.0, 'overdue'], [10.0, 'due']]
    """
    org = Org.of(opportunities)
    today = as_date(as_of, tz=org.zone(tz))
    ends = pd.Period(today, check_freq(org.freq(freq))).end_time.normalize()
    further = [
        name for name in ("name",) if isinstance(opportunities, pd.DataFrame) and name in opportunities
    ]
    frame = read(opportunities, "stage", "value", "close_date", "probability", *further, by=by, unique=True)
    date, chance = frame["close_date"], frame["probability"].astype("float64") / 100
    late, due = date < today, (date >= today) & (date <= ends)
    near = (date > ends) & (date <= today + pd.Timedelta(days=near_days)) & (chance >= likely)
    kept = (outcome_codes(frame) == OPEN) & (frame["value"] > 0).to_numpy() & (late | due | near).to_numpy()
    frame = frame.assign(
        name=frame["name"] if further else frame["unique_id"],
        stage=frame["stage"].astype(schema.TEXT),
        chance=chance,
        action=pd.Series(
            np.select([late, due], ["overdue", "due"], "pull_in"), frame.index, dtype=schema.TEXT
        ),
        **{by: frame[by].astype(schema.TEXT).fillna(schema.NO_LABEL)},
    )
    rows = frame[kept].sort_values([by, "value", "unique_id"], ascending=[True, False, True])
    table = rows.set_index(by)[_DEALS]
    return annotate(table, made_from=opportunities, n=len(table), as_of=today, freq=freq)


def call_sheets(deals: pd.DataFrame, people: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """What each person short of the target can do about it, the largest gap first.

    Parameters
    ----------
    deals : DataFrame
        From `call_deals`.
    people : DataFrame
        Rows of `forecast` for one period, with people as the index: ``booked``, ``target``, ``gap`` (money).
    seed : int
        Random seed, for more than 15 deals.

    Returns
    -------
    DataFrame
        Index as that of `people`, those with a gap: ``booked``, ``target``, ``gap`` (float64, money); ``deals`` (int64): how
        many of the person's deals, the largest ones, are called for; ``value`` (float64, money): theirs together;
        ``p_enough`` (float64, fraction): chance that enough of them close, NaN without a deal; ``advice`` (str): which
        of them cover the gap, in words.

    Notes
    -----
    ``p_enough`` = P(Σ value·Bernoulli(chance) ≥ gap) over the deals called for, each on its own. Up to eight deals are called
    for: the three largest, and further ones while these do not cover the gap.

    Examples
    --------
    >>> deals = pd.DataFrame({"name": ["Oak: data", "Elm", "Fir"], "value": [90.0, 50.0, 40.0], "chance": [0.5, 0.5, 0.5]},
    ...                      index=pd.Index(["Zoe"] * 3, name="owner_name"))
    >>> people = pd.DataFrame({"booked": 20.0, "target": 100.0, "gap": 80.0}, index=pd.Index(["Zoe"], name="owner_name"))
    >>> sheet = call_sheets(deals, people).loc["Zoe"]
    >>> sheet["advice"], float(sheet["p_enough"])
    ('win Oak, or both others', 0.625)
    """
    short = people[people["gap"] > 0].sort_values("gap", ascending=False, kind="stable")
    table = short[["booked", "target", "gap"]].copy()
    money = partial(money_of(deals), fine=True)
    found = [
        _sheet(deals, name, float(gap), seed, money)
        for name, gap in zip(table.index, table["gap"], strict=True)
    ]
    table["deals"] = np.array([sheet[0] for sheet in found], dtype=np.int64)
    table["value"] = np.array([sheet[1] for sheet in found], dtype=np.float64)
    table["p_enough"] = np.array([sheet[2] for sheet in found], dtype=np.float64)
    table["advice"] = pd.Series([sheet[3] for sheet in found], index=table.index, dtype=schema.TEXT)
    table.attrs = deals.attrs
    return table


def _sheet(
    deals: pd.DataFrame, name: Any, gap: float, seed: int, money: Money
) -> tuple[int, float, float, str]:
    """Number and value of the deals called for, the chance that enough of them close, and the advice."""
    mine = deals[deals.index == name]
    values = mine["value"].to_numpy(dtype=float)
    count = min(max(_FEWEST, int(np.searchsorted(np.cumsum(values), gap) + 1)), _MOST, len(mine))
    if not count:
        return 0, 0.0, float("nan"), "no open deal of yours could close in time"
    called, chances = values[:count], mine["chance"].to_numpy(dtype=float)[:count]
    enough = distribute(called, np.nan_to_num(chances), sure=0.0, seed=seed).at_least(gap)
    return (
        count,
        float(called.sum()),
        float(enough),
        advice(mine["name"].tolist()[:count], called, gap, money),
    )


def advice(names: list[str], values: NDArray[np.float64], gap: float, money: Money = text.money) -> str:
    """Which deals, the largest first, cover a gap.

    Examples
    --------
    >>> [advice(list("abc"), np.array(values), 10.0) for values in ([12.0, 11.0, 10.0], [12.0, 11.0, 1.0], [12.0, 2.0, 1.0])]
    ['win any one of these three', 'win one of the first two', 'win a; the rest does not cover it']
    >>> [advice(list("abc"), np.array(values), 10.0) for values in ([8.0, 2.0, 2.0], [6.0, 5.0, 5.0], [5.0, 3.0, 2.0], [3.0, 2.0, 1.0])]
    ['win a and one of the other two', 'win two of these three', 'win all three', 'all below bring only 6']
    """
    n = len(values)
    if values.sum() < gap:
        return f"{'this deal brings' if n == 1 else 'all below bring'} only {money(float(values.sum()))}"
    alone = int((values >= gap).sum())
    if alone:
        return _one_is_enough(names, values, gap, alone)
    if n == 2:
        return "win both"
    fewest = int(np.searchsorted(np.cumsum(values), gap) + 1)
    if values[n - fewest :].sum() >= gap:
        return (
            f"win {text.spelled(fewest)} of these {text.spelled(n)}"
            if fewest < n
            else f"win all {text.spelled(n)}"
        )
    if n == 3 and values[0] + values[2] >= gap:
        return f"win {short_name(names, 0)} and one of the other two"
    return f"win the first {text.spelled(fewest)}" if fewest < n else f"win all {text.spelled(n)}"


def _one_is_enough(names: list[str], values: NDArray[np.float64], gap: float, alone: int) -> str:
    n = len(values)
    if n == 1:
        return "this one deal covers it"
    if alone == n:
        return f"win {'either' if n == 2 else f'any one of these {text.spelled(n)}'}"
    if alone > 1:
        return f"win one of the first {text.spelled(alone)}"
    largest, rest = short_name(names, 0), float(values[1:].sum())
    if rest < gap:
        return f"win {largest}; the rest does not cover it"
    return f"win {largest}, or {'both others' if n == 3 else 'enough of the others'}"


def short_name(names: list[str], place: int) -> str:
    """A deal's name up to its colon, where that tells it from the others.

    Examples
    --------
    >>> short_name(["Oak: data", "Elm: data"], 0), short_name(["Oak: data", "Oak: support"], 0)
    ('Oak', 'Oak: data')
    """
    heads = [str(name).partition(": ")[0] for name in names]
    return heads[place] if heads.count(heads[place]) == 1 else str(names[place])
