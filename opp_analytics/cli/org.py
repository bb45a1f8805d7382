"""The commands `org init` and `org check`: an org file to begin with, and what an org file says in words."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.cli.console import heading, say, show, write_command
from opp_analytics.cli.output import check_ending, write_staged
from opp_analytics.cli.source import DayFirst, DecimalComma, FromFile
from opp_analytics.crm import explain_export, recognize
from opp_analytics.errors import DataError, DataWarning
from opp_analytics.org import FILE, Draft, Stage, draft_org
from opp_analytics.schema import COLUMNS


def init_command(
    file: Annotated[Path, typer.Argument(help="The org file to write.")] = Path(FILE),
    source: FromFile = None,
    day_first: DayFirst = None,
    decimal_comma: DecimalComma = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write an org file from what your data shows: stages with counts, and guesses marked as guesses."""
    check_ending(file, (".toml",))
    if file.exists() and not force:
        raise DataError(
            f"{file} exists and may hold what you know; name another file, or use --force to replace it"
        )
    draft = _from_api() if source is None else _from_export(source, day_first, decimal_comma)
    with write_staged(file) as staged:
        staged.write_bytes(draft.text.encode())
    if draft.stages:
        heading("Stages found", "in the order of the file")
        show(_tabulate_stages(draft), index=False, most=40)
    if draft.without_stage:
        say(f"{text.capital(draft.without_stage)}.")
    guesses = sum(bool(one.guess) for one in draft.stages)
    review = (
        f" Correct the {text.count(guesses, 'guess')} in it, then run:" if guesses else " To read it back:"
    )
    check = write_command("org", "check", *(() if str(file) == FILE else (file,)))
    say(f"Written to {file}.{review} {check}")


def _from_api() -> Draft:
    with warnings.catch_warnings():
        # A column under another name is in the draft.
        warnings.simplefilter("ignore", DataWarning)
        opportunities = oa.load(oa.Client.from_env(org=oa.Org()))
    return draft_org(opportunities, month=_month())


def _from_export(source: Path, day_first: bool | None, decimal_comma: bool | None) -> Draft:
    preset = recognize(source).preset
    export = explain_export(
        source,
        oa.Org(preset=preset) if preset else oa.Org(),
        day_first=day_first,
        decimal_comma=decimal_comma,
    )
    guessed = export.mapping[export.mapping["how"] == "guessed"]
    pairs = zip(guessed["theirs"].astype("str"), guessed["ours"].astype("str"), strict=True)
    columns = {theirs: ours for theirs, ours in pairs if ours in _COLUMNS}
    return draft_org(export.opportunities, preset=preset, columns=columns, month=_month())


_COLUMNS = (*COLUMNS, "owner_name", "currency", "pipeline", "category")


def _month() -> str:
    return f"{datetime.now(UTC):%Y-%m}"


def _tabulate_stages(draft: Draft) -> pd.DataFrame:
    rows = [{**_row(one.stage), "deals": one.deals, "guess": one.guess or None} for one in draft.stages]
    return _without_empty(pd.DataFrame(rows)[["stage", "pipeline", "kind", "deals", "aliases", "guess"]])


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


def check_command(file: Annotated[Path, typer.Argument(help="The org file to check.")] = Path(FILE)) -> None:
    """Say what an org file means, or every mistake in it with its line."""
    if not file.exists():
        raise DataError(f"there is no {file}; write one with: {write_command('org', 'init')}")
    org = oa.Org.read(file)
    heading("Stages", "in order")
    show(_without_empty(pd.DataFrame([_row(stage) for stage in org.stages])), index=False, most=100)
    say("")
    for name, said in _facts(org):
        say(f"{name:<11}{said}")
    say(f"\n{file} has no mistakes.")


def _facts(org: oa.Org) -> list[tuple[str, str]]:
    year = f"{datetime(2000, org.fiscal_year_start, 1):%B}"
    today = pd.Timestamp.now(org.zone(None))
    freq = org.freq("Q")
    quarter = text.period(str(pd.Period(today.tz_localize(None), freq)), freq)
    return [
        ("currency", _currency(org)),
        ("time zone", org.timezone or "none, so times become days in UTC"),
        ("year", f"begins in {year}; today is in {quarter}"),
        ("people", _people(org)),
        ("targets", _targets(org)),
        ("exports", _columns(org.columns, "known by the API's names only")),
        ("API", _columns(org.api_columns, "attributes by the API's own names")),
        ("report", text.joined([f"{name} = {value}" for name, value in org.report.items()]) or "by default"),
        ("links", org.record_url or "none, so deals have no link"),
    ]


def _currency(org: oa.Org) -> str:
    return (
        f"{text.currency_name(org.currency)} ({org.currency})"
        if org.currency
        else "none, so amounts have no sign"
    )


def _people(org: oa.Org) -> str:
    people = org.people
    if people.empty:
        return "none, so there are no teams"
    names = people["owner_name"].nunique()
    parts = [text.count(names, "person")]
    for column in org.derived:
        values = people[column].dropna().unique()
        parts.append(f"{text.count(len(values), column)} ({text.joined(values, most=5)})")
    moves = len(people) - names
    return ", ".join([*parts, *([text.count(moves, "move")] if moves else [])])


def _targets(org: oa.Org) -> str:
    targets = org.targets
    if targets.empty:
        return "none"
    whose = {
        "of the whole": targets["owner_name"].isna() & targets["team"].isna(),
        "of teams": targets["team"].notna(),
        "of people": targets["owner_name"].notna(),
    }
    said = [
        f"{text.money(float(targets.loc[mask, 'target'].sum()), org.currency)} {name} in {text.count(int(mask.sum()), 'target')}"
        for name, mask in whose.items()
        if mask.any()
    ]
    periods = sorted(targets["period"].unique())
    span = periods[0] if len(periods) == 1 else f"{periods[0]} to {periods[-1]}"
    return f"{text.joined(said)}, {span}"


def _columns(columns: object, otherwise: str) -> str:
    assert hasattr(columns, "items")
    said = [f"{theirs} → {ours}" for theirs, ours in columns.items()]
    return text.joined(said, most=6) or otherwise


ORG_COMMANDS = {"init": init_command, "check": check_command}
"""The commands after ``opp-analytics org``."""
