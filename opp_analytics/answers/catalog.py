"""The questions, listed once: pages, commands and notebooks are lists of their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

import pandas as pd

from opp_analytics import text
from opp_analytics.answers.act_today import act_today
from opp_analytics.answers.alerts import alerts
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.at_risk import at_risk
from opp_analytics.answers.calls import calls
from opp_analytics.answers.categories import categories
from opp_analytics.answers.context import Context, read_context
from opp_analytics.answers.coverage import coverage
from opp_analytics.answers.data_to_fix import data_to_fix
from opp_analytics.answers.deals import deals
from opp_analytics.answers.impact import impact
from opp_analytics.answers.months import months
from opp_analytics.answers.past_ranges import past_ranges
from opp_analytics.answers.people import people
from opp_analytics.answers.pipeline_created import pipeline_created
from opp_analytics.answers.proof import proof
from opp_analytics.answers.scorecard import scorecard
from opp_analytics.answers.slippage import slippage
from opp_analytics.answers.stages import stages
from opp_analytics.answers.trend import trend
from opp_analytics.answers.why_it_moved import why_it_moved
from opp_analytics.answers.will_we_make_it import will_we_make_it
from opp_analytics.answers.win_rates import win_rates
from opp_analytics.arguments import MethodName
from opp_analytics.errors import ArgumentValueError
from opp_analytics.history import History
from opp_analytics.inputs import did_you_mean
from opp_analytics.org import Org, find_day
from opp_analytics.periods import Freq, When


class Look(NamedTuple):
    """The look of an answer on the page."""

    nav: str = ""
    """Its name in the page's contents, and that of its sheet unless `sheets.toml` names some."""
    reads: str = ""
    """How to read its picture."""
    most: int | None = None
    """Rows that there is room for."""


class Question(NamedTuple):
    """A question that people ask, what it takes to answer it, and where it is shown.

    The command `ask` and the explorer list every question.
    """

    ask: Callable[[Context], Answer]
    words: str
    """How people ask it."""
    command: str
    """The command that shows it."""
    options: tuple[str, ...] = ()
    """Options of `ask` that change its answer, beside those that say whose deals and which day."""
    needs: tuple[str, ...] = ()
    """What it cannot be answered without: history, people, targets or calls."""
    filters: tuple[str, ...] = ("part",)
    """Ways to ask about some of the deals: a person's or team's, or any deals chosen."""
    place: Literal["first", "second", "more"] = "more"
    """How near to the top it is listed."""
    look: Look | None = None
    """How page and workbook show it; None for what has no block."""
    has_tool: bool = False
    """Whether assistants have a tool for it; the command `ask` tells them the others."""

    @property
    def takes(self) -> tuple[str, ...]:
        """The filters and options that `ask` takes; records know nothing of edited deals."""
        edits = () if "history" in self.needs else ("edited",)
        return (*self.filters, *edits, *self.options)


_HISTORY = ("history",)
_CHOSEN = ("part", "deals")
CATALOG = {
    "will_we_make_it": Question(
        will_we_make_it,
        "Do we make the target?",
        "forecast",
        ("freq", "target", "by", "since", "method", "confidence"),
        place="first",
        has_tool=True,
    ),
    "act_today": Question(
        act_today,
        "Which deals should we act on today?",
        "act",
        ("freq", "target", "by", "method"),
        place="first",
        look=Look("Act today"),
        has_tool=True,
    ),
    "people": Question(
        people,
        "Who is short, and who carries?",
        "ask people",
        ("freq", "target", "by", "since", "method", "confidence"),
        place="first",
        look=Look(),
        has_tool=True,
    ),
    "why_it_moved": Question(
        why_it_moved,
        "Why did the forecast move?",
        "changes",
        ("freq", "period", "since", "method"),
        _HISTORY,
        place="second",
        look=Look("Why it moved"),
        has_tool=True,
    ),
    "trend": Question(
        trend,
        "Is the forecast on its way to the target?",
        "ask trend",
        ("freq", "target", "since", "method", "confidence"),
        place="second",
        look=Look(),
    ),
    "months": Question(
        months,
        "Do the next periods have enough?",
        "forecast",
        ("freq", "target", "method", "confidence"),
        place="second",
        look=Look(),
        has_tool=True,
    ),
    "at_risk": Question(
        at_risk,
        "Which deals should we question first?",
        "risk",
        ("freq", "by", "method"),
        filters=_CHOSEN,
        look=Look("At risk", most=9),
        has_tool=True,
    ),
    "slippage": Question(
        slippage,
        "Do close dates hold?",
        "slippage",
        ("freq",),
        _HISTORY,
        look=Look(
            "Slippage",
            "What became of the deals due when each {noun} began, by value, other wins apart; "
            "total due at right",
        ),
        has_tool=True,
    ),
    "categories": Question(
        categories,
        "How much of the period rests on commit?",
        "categories",
        ("freq", "period", "target"),
        filters=_CHOSEN,
        look=Look("Categories", "Running total beside each bar; line: the target"),
    ),
    "pipeline_created": Question(
        pipeline_created,
        "Does enough new pipeline come in, and whose?",
        "created",
        ("freq", "by"),
        _HISTORY,
        look=Look(),
    ),
    "stages": Question(stages, "Where do deals end?", "funnel", look=Look()),
    "win_rates": Question(
        win_rates,
        "Who wins more or fewer than the others?",
        "win-rate",
        ("freq", "by", "start"),
        filters=_CHOSEN,
        look=Look("Win rates", "Vertical line: all. Blue: differs from the others beyond chance"),
        has_tool=True,
    ),
    "calls": Question(
        calls,
        "Who makes the number better?",
        "calls",
        ("freq",),
        ("history", "calls"),
        look=Look("Calls"),
    ),
    "past_ranges": Question(
        past_ranges,
        "Can we believe the range?",
        "ask past_ranges",
        ("freq", "method"),
        _HISTORY,
        look=Look(
            reads="Forecast with as many days to go as today (blue: tick and range) and what "
            "closed (dot)"
        ),
        has_tool=True,
    ),
    "data_to_fix": Question(
        data_to_fix,
        "Which data should we fix first?",
        "audit",
        ("by",),
        filters=_CHOSEN,
        look=Look(
            "Data to fix", "Open a line for the deals and the fix; the workbook has all kinds", 8
        ),
    ),
    "coverage": Question(
        coverage,
        "Are we on pace, and is there enough open pipeline?",
        "pacing",
        ("freq", "target"),
        has_tool=True,
    ),
    "proof": Question(
        proof,
        "Does the forecast hold, against what others do?",
        "prove",
        ("freq",),
        _HISTORY,
        (),
    ),
    "scorecard": Question(
        scorecard,
        "How do people compare?",
        "scorecard",
        ("freq", "by", "start", "method"),
    ),
    "deals": Question(
        deals, "Which deals are there?", "ask deals", ("freq", "by", "method"), filters=_CHOSEN
    ),
    "impact": Question(
        impact,
        "What do the edits do to the forecast?",
        "ask impact",
        ("freq", "target", "method"),
        filters=(),
    ),
    "alerts": Question(alerts, "What did we ask to be told of?", "ask alerts", ("freq", "target")),
}
"""The questions by key, in the order of the page."""


def questions() -> pd.DataFrame:
    """List the questions that `ask` answers.

    Returns
    -------
    DataFrame
        Index ``key``. Columns: ``question`` (str), ``needs`` (str): what it cannot be answered
        without; ``options`` (str): options of `ask` that change its answer; ``command`` (str): the
        command that shows the answer.

    Examples
    --------
    >>> questions()["question"]["at_risk"]
    'Which deals should we question first?'
    """
    rows = [
        (key, one.words, ", ".join(one.needs), ", ".join(one.takes), one.command)
        for key, one in CATALOG.items()
    ]
    columns = ["key", "question", "needs", "options", "command"]
    return pd.DataFrame(rows, columns=columns, dtype="str").set_index("key")


def ask(
    key: str,
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    as_of: When | None = None,
    org: Org | None = None,
    part: str | None = None,
    deals: Iterable[str] | None = None,
    edited: pd.DataFrame | None = None,
    own_writes: pd.DataFrame | None = None,
    freq: Freq | None = None,
    period: str | None = None,
    target: Any = None,
    by: str | list[str] | None = None,
    since: When | None = None,
    start: When | None = None,
    method: MethodName | None = None,
    confidence: float | None = None,
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
    org, own_writes
        As for `weekly_report`.
    part : str, optional
        Name of a person or a team, to ask about their deals alone.
    deals : list of str, optional
        Ids, to ask about these deals alone; their chances and flags stay those of the whole.
    edited : DataFrame, optional
        The opportunities with planned changes: what the answer would be. The history is the same.
    freq, target, by, since, method
        As for `weekly_report`; these, the following and the three above are refused by a question
        that they would not change. `questions` lists those of each.
    period : str, optional
        Period to ask about; by default that of the day.
    start : date or str, optional
        First close date that counts; by default that of this quarter and the three before.
    confidence : float, optional
        Level of the forecast's range; by default 0.8.

    Returns
    -------
    Answer
        ``sentence``, ``tables``, ``notes`` and ``code``; ``to_dict()`` gives it as JSON.
        It shows itself in a notebook.

    Raises
    ------
    ArgumentValueError
        When there is no such question, or it has no such option.

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
    (answer,) = ask_together(
        [key],
        opportunities,
        history,
        as_of=as_of,
        org=org,
        part=part,
        deals=deals,
        edited=edited,
        own_writes=own_writes,
        freq=freq,
        period=period,
        target=target,
        by=by,
        since=since,
        start=start,
        method=method,
        confidence=confidence,
    )
    return answer


def ask_together(
    keys: Sequence[str],
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    as_of: When | None = None,
    org: Org | None = None,
    part: str | None = None,
    deals: Iterable[str] | None = None,
    edited: pd.DataFrame | None = None,
    own_writes: pd.DataFrame | None = None,
    **options: Any,
) -> list[Answer]:
    """Answer several questions of one pipeline, what they share read once; arguments as `ask`."""
    for key in keys:
        if key not in CATALOG:
            named = [one for one, question in CATALOG.items() if question.command == key]
            near = (
                f"it is the command of {text.joined(list(map(repr, named)), last='and')}"
                if named
                else did_you_mean(key, CATALOG) or f"use one of {', '.join(CATALOG)}"
            )
            raise ArgumentValueError.of("key", key, "is not a question", near)
    asked = [CATALOG[key] for key in keys]
    given = {name: value for name, value in options.items() if value is not None}
    known = {name for one in asked for name in one.takes}
    for name, value in {**given, "part": part, "deals": deals, "edited": edited}.items():
        if value is not None and name not in known:
            has = f"it has {text.joined(sorted(known))}" if known else "it has none"
            what, shown = text.joined(keys), value if isinstance(value, (str, float)) else "…"
            raise ArgumentValueError.of(name, shown, f"is no option of {what}", has)
    context = read_context(
        opportunities,
        history,
        as_of=find_day(opportunities) if as_of is None else as_of,
        org=org,
        own_writes=own_writes,
        **given,
    )
    context = context if edited is None else context.edited(edited)
    context = context if part is None else context.narrow_to(part, "part")
    context = context if deals is None else context.choose(deals)
    return [one.ask(context) for one in asked]
