"""`sentence`: the finding of a result table in words."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from opp_analytics.errors import ArgumentTypeError
from opp_analytics.org import currency
from opp_analytics.text import count, days, joined, label, money, number, percent

# In order of mention: entries, changes, exits.
_VERBS = {
    "new": "added",
    "reopened": "reopened",
    "returned": "restored",
    "pulled_in": "pulled in",
    "pushed_in": "pushed in",
    "transferred_in": "taken over",
    "date_set": "newly dated",
    "value_up": "raised",
    "value_down": "cut",
    "pushed_out": "pushed out",
    "pulled_out": "pulled out",
    "date_cleared": "date cleared",
    "won": "won",
    "lost": "lost",
    "disqualified": "disqualified",
    "deleted": "deleted",
    "conflict": "in conflict",
    "transferred_out": "passed on",
}


def sentence(table: pd.DataFrame) -> str:
    """The finding of a result table in one sentence.

    Parameters
    ----------
    table : DataFrame
        Result of `waterfall`, `movements`, `slippage`, `stage_flow`, `transitions` or `close_date_moves`, or some of
        its rows. A waterfall needs its opening and closing rows.

    Returns
    -------
    str
        One sentence, with money and percent formatted as in charts and reports.

    Raises
    ------
    ArgumentTypeError
        When the table is not a result of these functions.

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
            if columns <= set(table.columns) and (say is not _waterfall or _has_ends(table)):
                return say(table)
    raise ArgumentTypeError(
        "sentence needs a table from waterfall, movements, slippage, stage_flow, transitions or close_date_moves, "
        f"not {_named(table)}"
    )


def _named(table: object) -> str:
    if isinstance(table, pd.DataFrame):
        return f"one with the columns {joined(table.columns, most=8)}"
    return f"a {type(table).__name__}"


def _money(value: float) -> str:
    return money(abs(value), currency())


def _share(rate: float) -> str:
    return "none" if math.isnan(rate) else percent(rate)


def _has_ends(table: pd.DataFrame) -> bool:
    return bool({"opening", "closing"} <= set(table.index.get_level_values(-1)))


def _waterfall(table: pd.DataFrame) -> str:
    if table.index.nlevels > 1:
        return f"{_one_waterfall(_whole(table))} {_largest_changes(table)}".strip()
    return _one_waterfall(table)


def _whole(table: pd.DataFrame) -> pd.DataFrame:
    """The whole of a waterfall by group, in which transfers cancel out."""
    whole = table.groupby(level="movement", sort=False)[["count", "value", "deals"]].sum()
    whole = whole.drop(index=["transferred_in", "transferred_out"], errors="ignore")
    whole.attrs = table.attrs
    return whole


def _largest_changes(table: pd.DataFrame) -> str:
    """The groups whose pipeline changed most."""
    ends = table["value"].unstack("movement", sort=False)  # noqa: PD010
    change = (ends["closing"] - ends["opening"]).round(2)
    change = change[change != 0].sort_values(key=abs, ascending=False, kind="stable")
    said = [
        f"{' · '.join(map(str, group)) if isinstance(group, tuple) else group} {money(by, currency(), signed=True)}"
        for group, by in change.items()
    ]
    return (
        f"By {joined([label(str(name)) for name in table.index.names[:-1]])}: {joined(said, most=3)}."
        if said
        else ""
    )


def _one_waterfall(table: pd.DataFrame) -> str:
    rows = {str(name): (row["value"], row["count"], row["deals"]) for name, row in table.iterrows()}
    ends = [f"{_money(rows[end][0])} ({count(int(rows[end][1]))})" for end in ("opening", "closing")]
    steps = [
        f"{_VERBS[name]} {_money(rows[name][0])} ({number(rows[name][2])})"
        for name in _VERBS
        if name in rows and rows[name][2]
    ]
    due = table.attrs.get("due")
    what = f"Pipeline due {days(*due)}" if due else "Pipeline"
    return f"{what} went from {ends[0]} to {ends[1]}: {', '.join(steps) or 'nothing moved'}."


def _movements(table: pd.DataFrame) -> str:
    if table.empty:
        return "Nothing moved the pipeline."
    largest = table.iloc[int(table["value"].abs().to_numpy().argmax())]
    change = money(table["value"].sum(), currency(), signed=True)
    name = largest["unique_id"] if pd.isna(largest["name"]) else largest["name"]
    return (
        f"{count(table['unique_id'].nunique())} moved the pipeline by {change}. The largest move: {name}, "
        f"{_VERBS[largest['movement']]} {_money(largest['value'])}."
    )


def _slippage(table: pd.DataFrame) -> str:
    counts = table.groupby(level="outcome", sort=False)["count"].sum()
    total = counts.sum()
    if not total:
        return "No open deal was due in the period."
    parts = [f"{number(n)} {label(str(name))}" for name, n in counts.items() if n]
    value = table["value"].groupby(level="outcome").sum()
    rate = value.get("slipped", 0.0) / value.sum() if value.sum() else float("nan")
    slipped = counts.get("slipped", 0) / total
    return f"Of {count(int(total))} due, {', '.join(parts)}: {percent(slipped)} slipped by count, {_share(rate)} by value."


def _flow(table: pd.DataFrame) -> str:
    summed = table.groupby(level="stage", sort=False)[["entries", "advanced", "still"]].sum()
    done = summed["entries"] - summed["still"]
    parts = [
        f"{label(str(name))} {percent(advanced / ended)} of {number(ended)}"
        for name, advanced, ended in zip(summed.index, summed["advanced"], done, strict=True)
        if ended
    ]
    return (
        f"Share of finished stays that advanced: {', '.join(parts)}."
        if parts
        else "No stay in a stage has ended yet."
    )


def _transitions(table: pd.DataFrame) -> str:
    steps = table[table["from_stage"].notna()]
    back = int((steps["to_stage"].cat.codes < steps["from_stage"].cat.codes).sum())
    made = count(len(steps), "stage change")
    return f"{count(table['unique_id'].nunique())} made {made}, {number(back)} of them backward."


def _moves(table: pd.DataFrame) -> str:
    pushed, pulled = table[table["pushes"] > 0], table[table["pulls"] > 0]
    far = f" by a median of {number(pushed['days_pushed'].median())} days" if len(pushed) else ""
    were = "was" if len(pushed) == 1 else "were"
    return f"Of {count(len(table))}, at least {number(len(pushed))} {were} pushed{far} and {number(len(pulled))} pulled in."


_SAYINGS: list[tuple[set[str], Callable[[pd.DataFrame], str]]] = [
    ({"count", "value", "deals"}, _waterfall),
    ({"movement", "unique_id", "value"}, _movements),
    ({"count_rate", "value_rate"}, _slippage),
    ({"entries", "advanced", "still"}, _flow),
    ({"from_stage", "to_stage", "days_in_stage"}, _transitions),
    ({"pushes", "pulls", "days_pushed"}, _moves),
]
