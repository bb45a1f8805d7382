"""The commands `org init` and `org check`: draft an org file, and say what one means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.cli.console import heading, say, show, write_command
from opp_analytics.cli.output import answer, check_ending, with_tables, write_staged
from opp_analytics.cli.source import FromFile, reads_cells
from opp_analytics.crm import draft_from_export, read_org_text, recognize
from opp_analytics.errors import DataError, DataWarning
from opp_analytics.org import (
    FILE,
    Columns,
    Stage,
    draft_org,
    find_strangers,
    list_names,
)


@reads_cells
def init_command(
    file: Annotated[Path, typer.Argument(help="The org file to write.")] = Path(
        "opp-analytics.toml"
    ),
    source: FromFile = None,
    update: Annotated[
        bool,
        typer.Option(
            "--update", help="Add what is new to an existing file; all that is in it stays."
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    *,
    written: Mapping[str, Any],
) -> None:
    """Write an org file from your data: stages with counts, and guesses marked as guesses."""
    check_ending(file, (".toml",))
    if file.exists() and not (force or update):
        raise DataError(
            f"{file} exists and may hold what you know; use --update to add what is new, or "
            "--force to replace it"
        )
    old = read_org_text(file)
    kept = None if force else old
    if source is None:
        org = oa.Org() if kept is None else oa.Org.read(file)
        with DataWarning.muted():
            # A column under another name is in the draft.
            opportunities = oa.load(oa.Client.from_env(org=org))
        draft = draft_org(
            opportunities,
            month=f"{datetime.now(UTC):%Y-%m}",
            known=None if kept is None else org.stages,
            old=kept,
        )
    else:
        drafted = draft_from_export(source, file, kept, **written)
        draft = drafted.draft
        if drafted.preset is None and (doubt := recognize(drafted.table).doubt):
            say(f"{text.capital(doubt)}.")
        if drafted.guesses:
            rows = [
                (guess.theirs, " and ".join(list_names(guess.ours)), guess.why)
                for guess in drafted.guesses
            ]
            heading("Columns guessed", "the others are carried along")
            show(
                pd.DataFrame(rows, columns=["your column", "read as", "why"]), index=False, most=40
            )
    changed = draft.text != kept
    if changed:
        write_org(file, draft.text, old)
    if draft.stages:
        heading("Stages found", "in the order of the file")
        stages = [
            _row(one.stage)
            | {"deals": one.deals, "guess": one.guess or None}
            | ({"kind": "unknown"} if one.unknown else {})
            for one in draft.stages
        ]
        show(
            _without_empty(
                pd.DataFrame(stages)[["stage", "pipeline", "kind", "deals", "aliases", "guess"]]
            ),
            index=False,
            most=40,
        )
    unknown = [f'"{one.stage.name}"' for one in draft.stages if one.unknown]
    if unknown:
        say(
            f"Unknown: {text.joined(unknown)}. Write what "
            f"{'they mean' if unknown[1:] else 'it means'} under stages in {file}."
        )
    if draft.without_stage:
        say(f"{text.capital(draft.without_stage)}.")
    check = write_command("org", "check", *(() if str(file) == FILE else (file,)))
    if not changed:
        say(f"Nothing new: {file} stays as it is. To read it: {check}")
        return
    guesses = text.count(draft.guesses, "guess")
    review = f" Correct the {guesses} in it, then run:" if draft.guesses else " To read it back:"
    say(f"{'Written to' if kept is None else 'Added to'} {file}.{review} {check}")


def write_org(file: Path, content: str, old: str | None) -> None:
    """Write an org file whole, unless it has changed since it was drafted.

    `old` is the text that the draft began with; None: there was no file.
    """
    with write_staged(file) as staged:
        staged.write_bytes(content.encode())
        if read_org_text(file) != old:
            raise DataError(
                f"{file} was changed by another program in the meantime, and is left as it is; "
                "run this again"
            )


def _row(stage: Stage) -> dict[str, object]:
    return {
        "stage": stage.name,
        "pipeline": stage.pipeline,
        "kind": stage.kind,
        "probability": None if stage.probability is None else text.percent(stage.probability / 100),
        "category": stage.category and text.label(stage.category),
        "aliases": ", ".join(stage.aliases) or None,
    }


def _without_empty(table: pd.DataFrame) -> pd.DataFrame:
    return table.dropna(axis="columns", how="all")


@with_tables()
def check_command(
    file: Annotated[Path, typer.Argument(help="The org file to check.")] = Path(
        "opp-analytics.toml"
    ),
) -> None:
    """Say what an org file means, or every mistake in it with its line."""
    if not file.exists():
        raise DataError(f"there is no {file}; write one with: {write_command('org', 'init')}")
    org = oa.Org.read(file)
    heading("Stages", "in order")
    stages = pd.DataFrame([_row(stage) for stage in org.stages])
    show(_without_empty(stages), index=False, most=100)
    say("")
    facts = pd.DataFrame(_facts(org), columns=["fact", "meaning"])
    for name, said in facts.itertuples(index=False):
        say(f"{name:<11}{said}")
    strange = [
        str(one) for one in find_strangers(org.calls).values() if "did you mean" in one.right
    ]
    say("\n".join(["", *strange, f"{file} has no {'other ' * bool(strange)}mistakes."]))
    numbers = pd.Series([stage.probability for stage in org.stages], dtype="Int64")
    answer({"stages": stages.assign(probability=numbers), "facts": facts})


def _facts(org: oa.Org) -> list[tuple[str, str]]:
    year = f"{datetime(2000, org.fiscal_year_start, 1):%B}"
    today = pd.Timestamp.now(org.zone(None))
    freq = org.freq("Q")
    quarter = text.period(str(pd.Period(today.tz_localize(None), freq)), freq)
    return [
        (
            "currency",
            f"{text.currency_name(org.currency)} ({org.currency})"
            if org.currency
            else "none, so amounts have no sign",
        ),
        ("time zone", org.timezone or "none, so times become days in UTC"),
        ("year", f"begins in {year}; today is in {quarter}"),
        ("people", describe_people(org)),
        ("targets", describe_targets(org)),
        *([("calls", describe_calls(org))] if len(org.calls) else []),
        *([("rates", describe_rates(org))] if org.converts else []),
        *(("join", describe_join(org, join.name)) for join in org.joins),
        ("exports", _columns(org.columns, "known by the API's names only")),
        ("API", _columns(org.api_columns, "attributes by the API's own names")),
        (
            "report",
            text.joined([f"{name} = {value}" for name, value in org.report.items()])
            or "by default",
        ),
        ("deliver", _describe_delivery(org)),
        ("links", org.record_url or "none, so deals have no link"),
    ]


def _describe_delivery(org: oa.Org) -> str:
    """Describe who gets the report by mail, and whose page reaches nobody."""
    asked, people = org.deliver, org.people
    if not asked:
        return "nobody, so report --send has nobody to mail to"
    reached = set(people.dropna(subset="email")["owner_name"]) if "email" in people else set()
    without = [
        name for name in people["team"].dropna().unique() if name not in asked.get("teams", {})
    ]
    without += [name for name in people["owner_name"].unique() if name not in reached]
    return "; ".join(
        [
            f"from {asked.get('mail_from', 'nobody, so no mail can be sent')}",
            f"to {text.joined(asked.get('mail_to', ()), most=5) or 'nobody'}",
            *([f"teams {text.joined(asked['teams'], most=5)}"] if asked.get("teams") else []),
            *([f"without an address {text.joined(without, most=5)}"] if without else []),
        ]
    )


def describe_people(org: oa.Org) -> str:
    """Describe the people of an org: how many, in which teams and regions."""
    people = org.people
    if people.empty:
        return "none, so there are no teams"
    names = people["owner_name"].nunique()
    parts = [text.count(names, "person")]
    for column in [name for name in org.derived if name in people]:
        values = people[column].dropna().unique()
        parts.append(f"{text.count(len(values), column)} ({text.joined(values, most=5)})")
    moves = len(people) - names
    return ", ".join([*parts, *([text.count(moves, "move")] if moves else [])])


def describe_targets(org: oa.Org) -> str:
    """Describe the targets of an org: how many, and for which periods."""
    targets = org.targets
    if targets.empty:
        return "none"
    absent = targets.attrs.get("left_out")
    left_out = f"; left out: {text.joined(absent)}" if absent else ""
    return f"{text.count(len(targets), 'target')}, {_span(targets)}{left_out}"


def describe_calls(org: oa.Org) -> str:
    """Describe an org's calls: how many, by whom, for which periods, and unknown owners."""
    calls = org.calls
    callers = text.count(calls["caller"].nunique(), "caller")
    strange = sorted(calls.loc[list(find_strangers(calls)), "owner_name"].unique())
    own = f"; not under [people]: {text.joined(strange, most=5)}" if strange else ""
    return f"{text.count(len(calls), 'call')} of {callers}, {_span(calls)}{own}"


def _span(table: pd.DataFrame) -> str:
    """Name the first and the last period of a table."""
    return " to ".join(dict.fromkeys([table["period"].min(), table["period"].max()]))


def describe_rates(org: oa.Org) -> str:
    """Describe the currency rates of an org: the newest of each currency."""
    rates = org.currency_rates
    newest = rates.groupby("currency")["date"].max()
    said = [f"{code} (newest {text.day(day, year=True)})" for code, day in newest.items()]
    return f"{text.joined(said, most=6)}, to {org.currency}"


def describe_join(org: oa.Org, name: str) -> str:
    """Describe a joined table: its file, rows, keys and columns."""
    join = next(join for join in org.joins if join.name == name)
    given = text.joined(join.columns, most=6)
    rows, keys = text.count(len(join.table), "row"), text.joined(join.keys, last="or")
    return f"{join.file}, {rows} by {keys}: {given}"


def _columns(columns: Columns, otherwise: str) -> str:
    said = [f"{theirs} → {' and '.join(list_names(ours))}" for theirs, ours in columns.items()]
    return text.joined(said, most=6) or otherwise


ORG_COMMANDS = {"init": init_command, "check": check_command}
"""The commands after ``opp-analytics org``."""
