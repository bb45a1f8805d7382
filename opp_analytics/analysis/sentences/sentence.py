"""`sentence`: the finding of a result table in words."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from opp_analytics import arguments
from opp_analytics.analysis.sentences import calls, forecasts, movements, rates
from opp_analytics.errors import ArgumentTypeError
from opp_analytics.note import note_of
from opp_analytics.text import day, joined

_RENAMED = {
    "categories": "forecast_categories",
    "flags": "deal_flags",
    "value_added": "forecast_value_added",
}
_SENTENCES: dict[str, Callable[[pd.DataFrame], str | tuple[str, ...]]] = {
    _RENAMED.get(kind, kind): function
    for module in (calls, forecasts, movements, rates)
    for name, function in vars(module).items()
    if (kind := name.removeprefix("describe_")) != name and kind not in ("leans", "method")
}
"""The function that describes each kind of table, in a sentence or in its clauses."""
_HEADS = {
    "deal_flags": rates.count_flagged,
    "forecast": lambda table: forecasts.say_forecast(table)[0],
    "forecast_change": movements.head_forecast_change,
    "waterfall": movements.head_waterfall,
}
"""First clauses of sentences in which more follows."""


def sentence(table: pd.DataFrame, kind: str | None = None) -> str:
    """Describe the finding of a result table in one sentence.

    Parameters
    ----------
    table : DataFrame
        Result of a forecast, rate, stage or movement analysis or of `audit` or `deal_flags`, or
        some of its rows; of a waterfall or a change by groups, those of one. A waterfall needs its
        rows opening and closing, a change of forecast then and now. For a forecast the sentence
        covers the current period, or the first one.
    kind : str, optional
        The function that returned the table, such as "forecast", for a table that lost its note.

    Returns
    -------
    str
        One sentence, with money and percent formatted as in charts and reports. It names the day
        of the data where the table is as of a later one.

    Raises
    ------
    ArgumentTypeError
        When the table is not a result of these functions, or lost the note that says so.

    Examples
    --------
    >>> from opp_analytics.analysis.movement.waterfall import waterfall
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "b", "a"],
    ...         "seen_at": ["2026-01-05", "2026-01-12", "2026-01-12"],
    ...         "value": [100.0, 50.0, 120.0],
    ...         "stage": ["proposal", "discovery", "closed_won"],
    ...     }
    ... )
    >>> sentence(waterfall(History.from_changes(log), start="2026-01-05", end="2026-01-12"))
    'Pipeline went from 100 (1 deal) to 50 (1 deal): new 50 (1), amount raised 20 (1), won 120 (1).'
    """
    said = f"{describe(table, kind)}."
    seen = note_of(table).seen_on
    return f"As last seen on {day(seen, year=True)}: {said}" if seen else said


def describe(table: pd.DataFrame, kind: str | None = None) -> str:
    """Say the sentence without its full stop, and without the day on which the data were seen."""
    return "; ".join(_list_clauses(table, _find_kind(table, kind)))


def _list_clauses(table: pd.DataFrame, name: str) -> list[str]:
    try:
        said = _SENTENCES[name](table)
    except KeyError as error:
        raise ArgumentTypeError(
            f"the table of {name} lacks {error}; give sentence the table as {name} returns it, or "
            "some of its rows"
        ) from error
    clauses = (said,) if isinstance(said, str) else said
    return [one.removesuffix(".") for one in clauses if one]


def heading(table: pd.DataFrame, kind: str | None = None) -> str:
    """Title a chart of a result table: its head, else its sentence's first clause.

    The title has no full stop.
    """
    name = _find_kind(table, kind)
    head = _HEADS[name](table) if name in _HEADS else _list_clauses(table, name)[0]
    return head.removesuffix(".")


def _find_kind(table: pd.DataFrame, kind: str | None) -> str:
    """Find the function that returned a table: the one named, else the one in its note."""
    arguments.refuse_foreign(table, "table")
    functions = joined(_SENTENCES, last="or")
    if not isinstance(table, pd.DataFrame):
        raise ArgumentTypeError(
            f"sentence needs a table from {functions}, not a {type(table).__name__}"
        )
    name = kind or note_of(table).kind
    if name in _SENTENCES:
        return name
    got = (
        f"one from {name}"
        if name
        else "one without a note of what it is; name it, for example "
        "sentence(table, kind='forecast')"
    )
    raise ArgumentTypeError(f"sentence needs a table from {functions}, not {got}")
