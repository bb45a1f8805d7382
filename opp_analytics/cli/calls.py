"""The commands of calls: submit a number for a period, and list those that were submitted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

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
from opp_analytics.org import CALL_KEY, FILE, Org, add_call, calls_known, write_in_force
from opp_analytics.periods import as_date, read_period, write_period

_MOST = 60
_SHOWN = ["made_on", "period", "caller", "for", "commit", "best_case", "in_force", "reason"]


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
    own = owner or (None if team or whole else caller)
    texts = {"caller": caller, "owner_name": own, "team": team, "reason": reason}
    said: dict[str, Any] = {
        name: " ".join((words or "").split()) or None for name, words in texts.items()
    }
    if any(words and words[0] in "=+@" for words in said.values()):
        raise typer.BadParameter(
            "a text that begins with =, + or @ is a formula to a spreadsheet; add a word"
        )
    if bool(owner) + bool(team) + whole > 1:
        raise typer.BadParameter("a call is for one number: use one of --for, --team and --whole")
    org = oa.Org.read(file)
    history = find_history(folder, org)
    owners = partial(list_owners, history) if history else tuple[str]
    named = pd.concat(
        [org.people["owner_name"], org.calls["owner_name"], org.calls["caller"]]
    ).dropna()
    spelled = {name.casefold(): name for name in named[::-1]}
    typed = {name: said[name].casefold() for name in ("caller", "owner_name") if said.get(name)}
    if set(typed.values()) - set(spelled):
        spelled = {name.casefold(): name for name in owners()} | spelled
    new = typed["caller"] not in spelled
    said |= {name: spelled.get(folded, said[name]) for name, folded in typed.items()}
    day = as_date(made_on or pd.Timestamp.now("UTC"), tz=org.zone(None), name="made_on")
    amount = None if commit.strip() in ("-", "−") else parse_amount(commit, org)
    amounts = {"commit": amount, "best_case": parse_amount(best, org)}
    given = {"made_on": day.date(), "period": read_period(period), **said, **amounts}
    made = {name: value for name, value in given.items() if value is not None}
    calls = oa.calls(add_call(file, made, owners))
    say(_describe(made, calls))
    if new:
        note(f"{made['caller']} is a new caller.")
    if not calls["in_force"].iloc[-1]:
        note("A later call of the same number stays in force.")
    calls.attrs = {"org": calls.attrs["org"]}
    answer(calls.tail(1))


def _describe(made: Mapping[str, Any], calls: pd.DataFrame) -> str:
    """Say the last of some calls in a sentence, with what it supersedes."""
    org = Org.of(calls)
    money = partial(text.money, currency=org.currency, full=True)
    numbers = calls[CALL_KEY].astype("object").fillna("")
    same = calls[numbers.eq(numbers.iloc[-1]).all(axis="columns")]
    before = calls_known(same.iloc[:-1], same["made_on"].iloc[-1])
    earlier = before[["made_on", "commit"]].itertuples(index=False, name=None)
    was = "".join(f" (was {money(amount)} on {text.day(day)})" for day, amount in earlier)
    best = f", at best {money(made['best_case'])}" if "best_case" in made else ""
    what = f"calls {money(made['commit'])}{best}" if "commit" in made else "withdraws the call"
    period = text.period_name(made["period"], org.freq("Q"), today=made["made_on"])
    whose = _name_whose(made["caller"], made.get("owner_name"), made.get("team"))
    number = ", ".join(filter(None, [whose, period]))
    return (
        f"{made['caller']} {what} for "
        f"{number}{was or ' (none was in force)' * ('commit' not in made)}."
    )


def _name_whose(caller: str, owner: str | None, team: str | None) -> str | None:
    """Name whose number a call is; None where it is the caller's own."""
    return (
        f"team {team}" if team else "everyone" if not owner else None if owner == caller else owner
    )


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
    typed: dict[str, Any],
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
    calls.attrs = {"org": calls.attrs["org"]}
    if not every:
        listed = calls[calls["in_force"] & calls["commit"].notna()]
        if len(calls) > len(listed) == 0:
            say("All calls are withdrawn; --all lists them.")
        calls = listed
    shown = calls[::-1].sort_values("made_on", ascending=False, kind="stable")
    numbers = shown[CALL_KEY].astype("object").fillna("").itertuples(index=False)
    shown["for"] = [_name_whose(*each[:3]) for each in numbers]
    shown["period"] = [
        text.period(write_period(label), Org.of(calls).freq("Q")) for label in shown["period"]
    ]
    shown["in_force"] = write_in_force(shown)
    if len(shown):
        columns = [name for name in _SHOWN if every or name != "in_force"]
        show(
            shown[columns].dropna(axis="columns", how="all"), index=False, most=most, compact=False
        )
    answer(calls)
