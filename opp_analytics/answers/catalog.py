"""The questions, listed once: pages, commands and notebooks are lists of their keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd

from opp_analytics.answers.answer import Answer
from opp_analytics.answers.at_risk import at_risk
from opp_analytics.answers.categories import categories
from opp_analytics.answers.context import Context, read_context
from opp_analytics.answers.data_to_fix import data_to_fix
from opp_analytics.answers.past_ranges import past_ranges
from opp_analytics.answers.pipeline_created import pipeline_created
from opp_analytics.answers.slippage import slippage
from opp_analytics.answers.stages import stages
from opp_analytics.answers.why_it_moved import why_it_moved
from opp_analytics.answers.will_we_make_it import will_we_make_it
from opp_analytics.answers.win_rates import win_rates
from opp_analytics.arguments import MethodName
from opp_analytics.errors import ArgumentValueError
from opp_analytics.history import History
from opp_analytics.inputs import did_you_mean
from opp_analytics.org import Org, find_day
from opp_analytics.periods import Freq, When


class Question(NamedTuple):
    """A question that people ask, and what it takes to answer it."""

    ask: Callable[[Context], Answer]
    words: str
    """How people ask it."""
    needs: tuple[str, ...]
    """What it cannot be answered without: history, people, targets or calls."""
    command: str
    """The command that shows it."""


CATALOG = {
    "will_we_make_it": Question(will_we_make_it, "Do we make the target?", (), "forecast"),
    "at_risk": Question(at_risk, "Which deals should we question first?", (), "risk"),
    "categories": Question(categories, "How much of the period rests on commit?", (), "categories"),
    "why_it_moved": Question(why_it_moved, "Why did the forecast move?", ("history",), "changes"),
    "pipeline_created": Question(
        pipeline_created,
        "Does enough new pipeline come in, and whose?",
        ("history",),
        "created",
    ),
    "slippage": Question(slippage, "Do close dates hold?", ("history",), "slippage"),
    "past_ranges": Question(
        past_ranges, "Can we believe the range?", ("history",), "ask past_ranges"
    ),
    "stages": Question(stages, "Where do deals end?", (), "funnel"),
    "win_rates": Question(win_rates, "Who wins more or fewer than the others?", (), "win-rate"),
    "data_to_fix": Question(data_to_fix, "Which data should we fix first?", (), "audit"),
}


def questions() -> pd.DataFrame:
    """List the questions that `ask` answers.

    Returns
    -------
    DataFrame
        Index ``key``. Columns: ``question`` (str), ``needs`` (str): what it cannot be answered
        without; ``command`` (str): the command that shows the answer.

    Examples
    --------
    >>> questions()["question"]["at_risk"]
    'Which deals should we question first?'
    """
    rows = [(key, one.words, ", ".join(one.needs), one.command) for key, one in CATALOG.items()]
    columns = ["key", "question", "needs", "command"]
    return pd.DataFrame(rows, columns=columns, dtype="str").set_index("key")


def ask(
    key: str,
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    as_of: When | None = None,
    org: Org | None = None,
    freq: Freq | None = None,
    target: Any = None,
    by: str | list[str] | None = None,
    since: When | None = None,
    method: MethodName = "auto",
    part: str | None = None,
    own_writes: pd.DataFrame | None = None,
) -> Answer:
    """Answer a question of a pipeline, as the weekly page and the commands show it.

    Parameters
    ----------
    key : str
        The question; `questions` lists them.
    opportunities : DataFrame
        All opportunities, from `load`, `History.as_of` or `read_export`.
    history : History, optional
        Past records, for what needs them.
    as_of : date or str, optional
        The day to answer for; by default the day of the data.
    org, freq, target, by, since, method, own_writes
        As for `weekly_report`.
    part : str, optional
        Name of a person or a team, to ask about their deals alone.

    Returns
    -------
    Answer
        ``sentence``, ``tables``, ``notes`` and ``code``; ``to_dict()`` gives it as JSON.
        It shows itself in a notebook.

    Raises
    ------
    ArgumentValueError
        When there is no such question.

    Examples
    --------
    >>> import opp_analytics as oa
    >>> with oa.sandbox.start(weeks=4) as server:
    ...     client = oa.Client(server.url, server.token, server.api_key)
    ...     opportunities = oa.load(client, progress=False)
    >>> answer = ask("at_risk", opportunities)
    >>> [table.adds for table in answer.tables][:1]
    ['value']
    """
    if key not in CATALOG:
        near = did_you_mean(key, CATALOG) or f"use one of {', '.join(CATALOG)}"
        raise ArgumentValueError.of("key", key, "is not a question", near)
    context = read_context(
        opportunities,
        history,
        as_of=find_day(opportunities) if as_of is None else as_of,
        org=org,
        freq=freq,
        target=target,
        by=by,
        since=since,
        method=method,
        only=part,
        own_writes=own_writes,
    )
    return CATALOG[key].ask(context)
