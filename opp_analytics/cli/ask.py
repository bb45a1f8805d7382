"""Commands that ask: each reads the pipeline, asks its questions, and shows the answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import opp_analytics as oa
from opp_analytics.cli.console import OUTPUT, heading, note, say, show
from opp_analytics.cli.output import (
    TABLES,
    Command,
    Options,
    add_options,
    answer,
    echo_json,
    with_tables,
    write_staged,
    write_tables,
)
from opp_analytics.cli.source import (
    By,
    CommandSource,
    Explain,
    Freq,
    Method,
    Target,
    parse_amount,
    reads_deals,
    reads_records,
)
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.note import note_of
from opp_analytics.schema import Json

if TYPE_CHECKING:
    from opp_analytics.answers import Answer

_MOST = 20
"""Rows of a table in a terminal, unless --most says otherwise."""
_WRAPPED = ("reasons", "largest")
"""Columns of texts that go on below."""
FILES = (*TABLES, ".html", ".json")
"""Endings of the files that hold an answer."""
_OPTIONS: Options = {
    "part": (
        Annotated[
            str | None, typer.Option("--for", help="Ask about this person's or team's deals alone.")
        ],
        None,
    ),
    "freq": (Freq, None),
    "period": (
        Annotated[
            str | None,
            typer.Option(help="Period to ask about, as 2026-03.", show_default="the current one"),
        ],
        None,
    ),
    "target": (Target, None),
    "by": (By, None),
    "since": (
        Annotated[
            str | None,
            typer.Option(
                help="Compare with the last record by this day, as 2026-03-24.",
                show_default="a week before",
            ),
        ],
        None,
    ),
    "start": (
        Annotated[
            str | None,
            typer.Option(
                "--start",
                help="First close date that counts, as 2026-01-01.",
                show_default="that of this quarter and the three before",
            ),
        ],
        None,
    ),
    "confidence": (
        Annotated[
            float | None,
            typer.Option(help="Level of the forecast's range, as 0.5.", show_default="0.8"),
        ],
        None,
    ),
    "method": (Method, "auto"),
}
"""Options of questions, each with its kind and default."""
_SHOWING: Options = {
    "most": (
        Annotated[
            int | None,
            typer.Option(
                min=1, help="Number of rows of a table.", show_default=f"{_MOST}, with --json all"
            ),
        ],
        None,
    ),
    "after": (
        Annotated[
            str | None,
            typer.Option(help="Go on after the row of this id, that of more_after with --json."),
        ],
        None,
    ),
}
"""Options of every answer."""


def asks(
    *keys: str, options: Sequence[str], records: bool = False
) -> Callable[[Callable[[], None]], Command]:
    """Make a command that answers questions, with these `options` of `oa.ask`.

    With `records` it reads the history alone.
    """

    def decorate(command: Callable[[], None]) -> Command:
        def run(source: CommandSource, history: oa.History | None, typed: Json) -> None:
            show_answers(keys, source, history, typed)

        run.__name__, run.__doc__ = command.__name__, command.__doc__
        reads = reads_records if records else reads_deals
        return with_tables(FILES)(reads(takes(options, run)))

    return decorate


def takes(options: Sequence[str], command: Command) -> Command:
    """Give a command these options of `oa.ask` and those of showing, as `typed`."""
    explain = {"explain": (Explain, False)} if "method" in options else {}
    taken = {name: _OPTIONS[name] for name in options} | explain | _SHOWING

    def run(**others: Any) -> None:
        command(typed={name: others.pop(name) for name in taken}, **others)

    return add_options(run, command, taken, given=("typed",))


def show_answers(
    keys: Sequence[str],
    source: CommandSource,
    history: oa.History | None,
    typed: Json,
) -> Answer:
    """Answer questions of what a command works on; return the first answer.

    They are shown in the terminal, as JSON, and in the file of --out.
    """
    from opp_analytics.answers import CATALOG, ask_together, forecasts

    most, after, explain = (typed.pop(name, None) for name in ("most", "after", "explain"))
    options = {name: value for name, value in typed.items() if value not in (None, [], "auto")}
    if "target" in options:
        options["target"] = parse_amount(options["target"], source.org)
    answers = ask_together(
        keys,
        source.opportunities,
        history,
        as_of=source.day,
        org=source.org,
        own_writes=source.own_writes(),
        **options,
    )
    ids = [{row.id for table in one.tables[:1] for row in table.rows} for one in answers]
    # An id is of one answer; that of none is refused by the first.
    begins = [after if after in known_ids else None for known_ids in ids]
    begins = begins if any(begins) else [after, *begins[1:]]
    written = [
        one.to_dict(most=most, after=begin) for one, begin in zip(answers, begins, strict=True)
    ]
    if OUTPUT.get().as_json:
        echo_json(_join(written))
    if CATALOG[keys[0]].needs and not any(one.tables for one in answers):
        problem, way = answers[0].sentence.removesuffix("."), answers[0].lacks[0].shell_way
        raise NotEnoughHistory(problem, shell_way=way)
    for one, begin in zip(answers, begins, strict=True):
        show_answer(one, most, begin, is_further=one is not answers[0])
    methods = [one for one in answers if one.method]
    if methods:
        context, is_told = methods[0].context, bool(explain)
        is_told |= not note_of(forecasts.forecast(context)).why
        more = "" if is_told else " (--explain for the rest)"
        note(f"{forecasts.say_method(context, explain=bool(explain))}{more}")
    file = OUTPUT.get().file
    if file is not None and file.suffix.lower() in FILES:
        _write(answers, _join(written), file)
        note(f"Written to {file}.")
    return answers[0]


def _join(answers: list[Json]) -> Json:
    return answers[0] if len(answers) == 1 else {"answers": answers}


def show_answer(
    answer: Answer, most: int | None = None, after: str | None = None, *, is_further: bool = False
) -> None:
    """Show an answer in the terminal: finding, figures, tables, notes, and what it lacks.

    A further one does not say again when the data were last seen.
    """
    from opp_analytics.answers import explain_figure, write_lack

    heading(answer.title)
    say(f"{answer.say(answer.finding)}." if is_further else answer.sentence)
    figures = [(one.name, *explain_figure(answer, one)) for one in answer.figures]
    wide = [max(map(len, column)) for column in zip(*figures, strict=True)]
    for name, value, remark in figures:
        say(f"{name:<{wide[0]}}  {value:<{wide[1]}}  {remark}".rstrip())
    for number, table in enumerate(answer.main_tables):
        say("")
        titles = answer.title_columns(table)
        rows = answer.to_frame(table)[["name", *titles]].dropna(axis="columns", how="all")
        rows["name"] = ["  " * row.depth + row.name.write(None) for row in table.rows]
        begin = [row.id for row in table.rows].index(after) + 1 if after and not number else 0
        is_of_deals = any(row.kind == "deal" for row in table.rows)
        heads = {"name": table.heads.get("name", "Deal" if is_of_deals else "")}
        heads |= titles
        wrap = tuple(name for name in _WRAPPED if name in rows)
        show(rows.iloc[begin:], index=False, most=most or _MOST, wrap=wrap, heads=heads)
    for words in answer.sentences:
        note(words)
    for lack in answer.lacks:
        note(write_lack(lack))


def _write(answers: Sequence[Answer], document: Json, file: Path) -> None:
    """Write answers to a file: JSON or a page of all, else their tables in full."""
    from opp_analytics.answers import write_page

    match file.suffix.lower():
        case ".json":
            written = json.dumps(document, ensure_ascii=False)
        case ".html":
            written = write_page(*answers)
        case _:
            tables = [(one, table) for one in answers for table in one.tables]
            names = [table.name for _, table in tables]
            write_tables(
                {
                    name if names.count(name) == 1 else f"{one.key} {name}": one.to_frame(table)
                    for name, (one, table) in zip(names, tables, strict=True)
                },
                file,
            )
            return
    with write_staged(file) as staged:
        staged.write_text(f"{written}\n", encoding="utf-8")


def _lists(command: Command) -> Command:
    """Let a command list the questions where none is asked, without reading deals."""

    def run(*, key: str | None, **others: Any) -> None:
        if key is not None:
            command(key=key, **others)
            return
        listed = oa.questions()
        show(listed[["question", "command"]], most=len(listed))
        answer(listed)

    return add_options(run, command, {})


@with_tables(FILES)
@_lists
@reads_deals
@partial(takes, tuple(_OPTIONS))
def ask_command(
    source: CommandSource,
    history: oa.History | None,
    key: Annotated[
        str | None,
        typer.Argument(help="The question, such as at_risk; without one, all are listed."),
    ] = None,
    *,
    typed: Json,
) -> None:
    """Answer a question, as the weekly page answers it; without one, list the questions."""
    show_answers([str(key)], source, history, typed)
