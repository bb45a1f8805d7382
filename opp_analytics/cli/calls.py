"""The commands of calls: submit a number for a period, and list those that were submitted."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.cli.ask import FILES, show_answers, takes
from opp_analytics.cli.console import note, say, show, write_command
from opp_analytics.cli.output import answer, with_tables
from opp_analytics.cli.source import (
    HISTORY_FOLDER,
    AsOf,
    HistoryFolder,
    OrgFile,
    find_history,
    find_org,
    parse_amount,
    read_last_record,
)
from opp_analytics.errors import ConfigError
from opp_analytics.escaping import is_formula
from opp_analytics.org import CALL_KEY, FILE, Org, add_call, calls_known, write_in_force
from opp_analytics.periods import as_date, read_period, write_period
from opp_analytics.schema import Json

_MOST = 60
_SHOWN = ["made_on", "period", "caller", "owner_name", "team"]
_SHOWN += ["commit", "best_case", "in_force", "reason"]


@with_tables(out=())
def call_command(
    caller: Annotated[str, typer.Argument(help="Who submits the number.")],
    period: Annotated[
        str, typer.Argument(help="Month, quarter, year or week: 2026-12, FY27Q4, 2026-W48.")
    ],
    commit: Annotated[str, typer.Argument(help="The amount, as 450k; - withdraws.")],
    owner: Annotated[str | None, typer.Option("--for", help="For this person's number.")] = None,
    team: Annotated[str | None, typer.Option("--team", help="For this team's number.")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="For the number of all.")] = False,
    best: Annotated[str | None, typer.Option("--best", help="The best case, an amount.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in a few words.")] = None,
    made_on: Annotated[
        str | None, typer.Option(help="Day of the call.", show_default="today")
    ] = None,
    folder: HistoryFolder = HISTORY_FOLDER,
    org_file: OrgFile = None,
) -> None:
    """Submit a number for a period; it supersedes the caller's last one.

    It is added to the calls of the org file.
    """
    from opp_analytics.history import list_owners

    file = org_file or Path(FILE)
    if not file.is_file():
        way_out = f"write one with: {write_command('org', 'init')}"
        raise ConfigError(f"calls are kept beside an org file, and there is no {file}; {way_out}")
    if bool(owner) + bool(team) + whole > 1:
        raise typer.BadParameter("a call is for one number: use one of --for, --team and --whole")
    own = owner or (None if team or whole else caller)
    texts = {"caller": caller, "owner_name": own, "team": team, "reason": reason}
    said = {name: " ".join(words.split()) for name, words in texts.items() if words}
    if any(is_formula(words) for words in said.values()):
        raise typer.BadParameter(
            "a text that begins with =, +, -, @ or ' is a formula to a spreadsheet; add a word"
        )
    if not all(map(text.is_whole, said.values())):
        raise typer.BadParameter("a text is not in UTF-8; type it in a UTF-8 terminal")
    org = oa.Org.read(file)
    history = find_history(folder, org)
    day = as_date(made_on or pd.Timestamp.now("UTC"), tz=org.zone(None), name="made_on")
    made: Json = {"made_on": day.date(), "period": read_period(period), **said}
    for name, typed in (("commit", commit), ("best_case", best)):
        if typed is not None and typed.strip() not in ("-", "−"):
            made[name] = parse_amount(typed, org)
    owners = partial(list_owners, history) if history else tuple[str]
    calls = oa.calls(add_call(file, made, owners))
    say(_describe(made, calls))
    if said["caller"] not in {*org.people["owner_name"], *org.calls["caller"]}:
        note(f"{said['caller']} is a new caller.")
    if "commit" in made and not calls["in_force"].iloc[-1]:
        note("A later call of the same number stays in force.")
    answer(_forget_file(calls).tail(1))


def _forget_file(calls: pd.DataFrame) -> pd.DataFrame:
    """Keep nothing with calls but what the org means."""
    calls.attrs = {"org": calls.attrs["org"]}
    return calls


def _describe(made: Json, calls: pd.DataFrame) -> str:
    """Say the last of some calls in a sentence, with what it supersedes."""
    org, last = Org.of(calls), calls.iloc[-1]
    money = partial(text.money, currency=org.currency, full=True)
    numbers = calls[CALL_KEY].astype("object").fillna("")
    same = calls[numbers.eq(numbers.iloc[-1]).all(axis="columns")]
    before = calls_known(same.iloc[:-1], last["made_on"])
    was = "" if "commit" in made else " (none was in force)"
    for day, amount in before[["made_on", "commit"]].itertuples(index=False):
        was = f" (was {money(amount)} on {text.day(day)})"
    best = f", at best {money(made['best_case'])}" if "best_case" in made else ""
    what = f"calls {money(made['commit'])}{best}" if "commit" in made else "withdraws the call"
    period = text.period_name(made["period"], org.freq("Q"), today=made["made_on"])
    owner, own = made.get("owner_name"), made["caller"]
    whose = f"team {made['team']}" if "team" in made else owner or "everyone"
    number = period if whose == own else f"{whose}, {period}"
    return f"{own} {what} for {number}{was}."


@with_tables(FILES)
@partial(takes, ("part", "freq"))
def calls_command(
    listed: Annotated[
        bool, typer.Option("--list", help="List those in force, the newest first.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="List the superseded and withdrawn ones too.")
    ] = False,
    as_of: AsOf = None,
    folder: HistoryFolder = HISTORY_FOLDER,
    org_file: OrgFile = None,
    *,
    typed: Json,
) -> None:
    """Judge the calls beside the forecasts of the same days, and show who makes the number better.

    Or list them.
    """
    org = find_org(org_file) or oa.Org()
    if listed or every or org.calls.empty:
        most = typed.pop("most") or _MOST
        if any(typed.values()):
            raise typer.BadParameter("--for, --freq and --after judge calls; a list has no such")
        _list_calls(oa.calls(org), most, every=every, known=org.file is not None)
    else:
        show_answers(["calls"], *read_last_record(folder, org, as_of), typed)


def _list_calls(calls: pd.DataFrame, most: int, *, every: bool, known: bool) -> None:
    if calls.empty:
        words = ("call", "Ann", "2026-12", "450k") if known else ("org", "init")
        say(
            f"No calls yet{'' if known else ', and no org file'}. Make one with: "
            f"{write_command(*words)}"
        )
    _forget_file(calls)
    if not every:
        listed = calls[calls["in_force"]]
        if len(calls) > len(listed) == 0:
            say("All calls are withdrawn; --all lists them.")
        calls = listed
    shown = calls[::-1].sort_values("made_on", ascending=False, kind="stable")
    freq = Org.of(calls).freq("Q")
    shown["period"] = [text.period(write_period(label), freq) for label in shown["period"]]
    shown["in_force"] = write_in_force(shown)
    if len(shown):
        columns = [name for name in _SHOWN if every or name != "in_force"]
        show(
            shown[columns].dropna(axis="columns", how="all"), index=False, most=most, compact=False
        )
    answer(calls)
