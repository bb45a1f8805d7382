"""A result table of the history said in one plain sentence."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from opp_analytics.errors import ArgumentTypeError
from opp_analytics.text import count, label, percent

# In the order in which they are said: what came in, what changed, what went out.
_VERBS = {
    "new": "added",
    "reopened": "reopened",
    "returned": "got back",
    "pulled_in": "pulled in",
    "pushed_in": "pushed in",
    "date_set": "dated",
    "value_up": "raised",
    "value_down": "cut",
    "pushed_out": "pushed out",
    "pulled_out": "pulled out",
    "date_cleared": "undated",
    "won": "won",
    "lost": "lost",
    "disqualified": "disqualified",
    "deleted": "deleted",
    "conflict": "contradictory",
}


def sentence(table: pd.DataFrame) -> str:
    """What a table of the history's analyses says, in one sentence.

    Parameters
    ----------
    table : DataFrame
        As `waterfall`, `movements`, `slippage`, `stage_flow`, `transitions` or `close_date_moves` returns it, with
        its attrs.

    Returns
    -------
    str
        Money in whole units.

    Raises
    ------
    ArgumentTypeError
        When it is none of these tables.

    Examples
    --------
    >>> from opp_analytics.analysis.movement.waterfall import waterfall
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({"unique_id": ["a", "b", "a"], "seen_at": ["2026-01-05", "2026-01-12", "2026-01-12"],
    ...                     "value": [100.0, 50.0, 120.0], "stage": ["proposal", "discovery", "closed_won"]})
    >>> sentence(waterfall(History.from_changes(log), start="2026-01-05", end="2026-01-12"))
    'Pipeline went from 100 (1 deal) to 50 (1 deal): added 50 (1), raised 20 (1), won 120 (1).'
    """
    if isinstance(table, pd.DataFrame):
        for columns, say in _SAYINGS:
            if columns <= set(table.columns) and (say is not _waterfall or "opening" in table.index):
                return say(table)
    raise ArgumentTypeError(
        "expected a table of waterfall, movements, slippage, stage_flow, transitions or close_date_moves"
    )


def _share(rate: float) -> str:
    return "none" if math.isnan(rate) else percent(rate)


def _waterfall(table: pd.DataFrame) -> str:
    rows = {str(name): (row["value"], row["count"], row["deals"]) for name, row in table.iterrows()}
    ends = [f"{rows[end][0]:,.0f} ({count(int(rows[end][1]))})" for end in ("opening", "closing")]
    steps = [
        f"{_VERBS[name]} {abs(rows[name][0]):,.0f} ({int(rows[name][2]):,})"
        for name in _VERBS
        if name in rows and rows[name][2]
    ]
    due = table.attrs.get("due")
    what = f"Pipeline due {due[0]} to {due[1]}" if due else "Pipeline"
    return f"{what} went from {ends[0]} to {ends[1]}: {', '.join(steps) or 'nothing moved'}."


def _movements(table: pd.DataFrame) -> str:
    if table.empty:
        return "Nothing moved the pipeline."
    largest = table.iloc[int(table["value"].abs().to_numpy().argmax())]
    change = table["value"].sum()
    name = largest["unique_id"] if pd.isna(largest["name"]) else largest["name"]
    return (
        f"{count(table['unique_id'].nunique())} moved the pipeline by {change:+,.0f}, {name} most: "
        f"{_VERBS[largest['movement']]} {abs(largest['value']):,.0f}."
    )


def _slippage(table: pd.DataFrame) -> str:
    counts = table.groupby(level="outcome", sort=False)["count"].sum()
    total = counts.sum()
    if not total:
        return "No open deal was due in the period."
    parts = [f"{n:,} {label(str(name))}" for name, n in counts.items() if n]
    value = table["value"].groupby(level="outcome").sum()
    rate = value.get("slipped", 0.0) / value.sum() if value.sum() else float("nan")
    slipped = counts.get("slipped", 0) / total
    return f"Of {count(int(total))} due, {', '.join(parts)}: {percent(slipped)} slipped by count, {_share(rate)} by value."


def _flow(table: pd.DataFrame) -> str:
    summed = table.groupby(level="stage", sort=False)[["entries", "advanced", "still"]].sum()
    done = summed["entries"] - summed["still"]
    parts = [
        f"{name} {percent(advanced / ended)} of {ended:,}"
        for name, advanced, ended in zip(summed.index, summed["advanced"], done, strict=True)
        if ended
    ]
    return f"Of the entries that ended, these advanced: {', '.join(parts) or 'none, no entry ended'}."


def _transitions(table: pd.DataFrame) -> str:
    steps = table[table["from_stage"].notna()]
    back = int((steps["to_stage"].cat.codes < steps["from_stage"].cat.codes).sum())
    return f"{count(table['unique_id'].nunique())} made {count(len(steps), 'step')} between stages that were seen, {back:,} of them back."


def _moves(table: pd.DataFrame) -> str:
    pushed, pulled = table[table["pushes"] > 0], table[table["pulls"] > 0]
    days = f" by a median of {pushed['days_pushed'].median():,.0f} days" if len(pushed) else ""
    were = "was" if len(pushed) == 1 else "were"
    return (
        f"Of {count(len(table))}, at least {len(pushed):,} {were} pushed{days} and {len(pulled):,} pulled in."
    )


_SAYINGS: list[tuple[set[str], Callable[[pd.DataFrame], str]]] = [
    ({"count", "value", "deals"}, _waterfall),
    ({"movement", "unique_id", "value"}, _movements),
    ({"count_rate", "value_rate"}, _slippage),
    ({"entries", "advanced", "still"}, _flow),
    ({"from_stage", "to_stage", "days_in_stage"}, _transitions),
    ({"pushes", "pulls", "days_pushed"}, _moves),
]
