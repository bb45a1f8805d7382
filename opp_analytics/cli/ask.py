"""The command that answers any question of the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

import opp_analytics as oa
from opp_analytics.cli.console import heading, note, say, show
from opp_analytics.cli.output import answer, with_tables
from opp_analytics.cli.source import (
    HISTORY_FOLDER,
    By,
    CommandSource,
    Freq,
    HistoryFolder,
    Method,
    Target,
    find_history,
    parse_amount,
    reads_deals,
)

if TYPE_CHECKING:
    from opp_analytics.answers import Answer

For = Annotated[
    str | None, typer.Option("--for", help="Ask about this person's or team's deals alone.")
]
Most = Annotated[int, typer.Option(min=1, help="Number of rows to show.")]


@with_tables()
@reads_deals
def ask_command(
    source: CommandSource,
    key: Annotated[
        str | None,
        typer.Argument(help="The question, such as at_risk; without one, all are listed."),
    ] = None,
    part: For = None,
    most: Most = 20,
    freq: Freq = None,
    by: By = None,
    target: Target = None,
    method: Method = "auto",
    folder: HistoryFolder = HISTORY_FOLDER,
) -> None:
    """Answer a question, as the weekly page answers it; without one, list the questions."""
    if key is None:
        show(oa.questions())
        answer(oa.questions())
        return
    found = oa.ask(
        key,
        source.opportunities,
        find_history(folder, source.org),
        as_of=source.day,
        org=source.org,
        freq=cast("Any", freq),
        target=parse_amount(target, source.org),
        by=by,
        method=cast("Any", method),
        part=part,
        own_writes=source.own_writes(),
    )
    show_answer(found, most)


def show_answer(found: Answer, most: int) -> None:
    """Show an answer: its finding, its tables and its notes; as JSON or a file where asked for."""
    heading(found.title)
    say(found.sentence)
    tables = {one.name: found.to_frame(one) for one in found.tables}
    for rows in tables.values():
        show(rows.drop(columns="id"), index=False, most=most, wrap=("reasons",))
    for words in found.notes:
        note(f"{found.say(words)}.")
    for lack in found.lacks:
        note(f"Not known: {lack.what}. {lack.shell_way}".rstrip())
    answer(tables, found.to_dict(most=most))
