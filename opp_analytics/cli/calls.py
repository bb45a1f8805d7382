"""The commands of calls: submit a number for a period, and list those that were submitted."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import typer

import opp_analytics as oa
from opp_analytics.cli.app import runs
from opp_analytics.cli.output import answer, with_tables
from opp_analytics.cli.source import (
    HISTORY_FOLDER,
    Freq,
    HistoryFolder,
    OrgFile,
    choose_freq,
    find_history,
    find_org,
    open_history,
    parse_amount,
)

if runs():
    import pandas as pd

    from opp_analytics import text
    from opp_analytics.cli.console import heading, note, say, show, write_command
    from opp_analytics.errors import ConfigError, DataError
    from opp_analytics.history import list_owners
    from opp_analytics.org import FILE, Call, Org, add_call, calls_known, write_stranger
    from opp_analytics.periods import as_date, read_period

_MOST = 60
_SHOWN = ["made_on", "period", "caller", "for", "commit", "best_case", "reason"]
_ACCURACY = ["n", "wape", "bias", "bias_low", "bias_high", "model_wape", "differs", "over", "under", "moved"]
_ADDED = ["n", "wape", "bias", "error_ratio", "ratio_low", "ratio_high", "differs", "better"]
_NUMBER = ["caller", "owner_name", "team", "period"]
"""Columns that tell whose number a call is, and by whom."""


@with_tables(out=())
def call_command(
    caller: Annotated[str, typer.Argument(help="Who submits the number.")],
    period: Annotated[str, typer.Argument(help="Month, quarter, year or week: 2026-12, FY27Q4, 2026-W48.")],
    commit: Annotated[str, typer.Argument(help="The amount, as 450k; - withdraws.", show_default=False)] = "",
    owner: Annotated[str | None, typer.Option("--for", help="For this person's number.")] = None,
    team: Annotated[str | None, typer.Option("--team", help="For this team's number.")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="For the number of all.")] = False,
    best: Annotated[str | None, typer.Option("--best", help="The best case, an amount.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in a few words.")] = None,
    made_on: Annotated[str | None, typer.Option(help="Day of the call.", show_default="today")] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Withdraw the call.")] = False,
    folder: HistoryFolder = HISTORY_FOLDER,
    org_file: OrgFile = None,
) -> None:
    """Submit a number for a period: it is added to the calls of the org file, and supersedes the caller's last one."""
    file = org_file or Path(FILE)
    if not file.is_file():
        way_out = f"write one with: {write_command('org', 'init')}"
        raise ConfigError(f"calls are kept beside an org file, and there is no {file}; {way_out}")
    if any(str(words).strip().startswith(("=", "+", "@")) for words in (caller, owner, team, reason)):
        raise typer.BadParameter(
            "a text that begins with =, + or @ is a formula to a spreadsheet; add a word"
        )
    if (owner is not None) + (team is not None) + whole > 1:
        raise typer.BadParameter("a call is for one number: use one of --for, --team and --whole")
    amount = "" if commit.strip() in ("-", "−") else commit
    if (withdraw or amount != commit) == bool(best or amount):
        wrong = (
            "a call that withdraws has no amount"
            if amount or best
            else "a call needs an amount, such as 450k"
        )
        raise typer.BadParameter(f"{wrong}; --withdraw withdraws the last one")
    org = oa.Org.read(file)
    day = as_date(made_on or pd.Timestamp.now("UTC"), tz=org.zone(None), name="--made-on")
    caller, own = " ".join(caller.split()), None if team or whole else owner or caller
    _check_owner(own, org, folder)
    amounts = (parse_amount(amount or None, org), parse_amount(best, org))
    said = " ".join(reason.split()) if reason else ""
    made = Call(day.date(), read_period(period), caller, own, team, *amounts, said or None)
    if made.commit is None and not _find_known(oa.calls(org), made):
        raise DataError(f"{caller} has no call for {_name_number(made, org)}; there is nothing to withdraw")
    calls = oa.calls(add_call(file, made))
    say(_describe(made, _find_known(calls.iloc[:-1], made), org))
    if not calls["in_force"].iloc[-1]:
        note("A later call of the same number stays in force.")
    calls.attrs = {"org": calls.attrs["org"]}
    answer(calls.tail(1))


def _check_owner(name: str | None, org: Org, folder: Path) -> None:
    """Refuse the number of somebody who is neither among the people nor an owner in the history."""
    known = set(org.people["owner_name"])
    if name not in known | {None} and (history := find_history(folder, org)) is not None:
        known |= list_owners(history)
    if name is not None and known and name not in known:
        raise DataError(f"{name!r} is {write_stranger(name, sorted(known))}")


def _find_known(calls: pd.DataFrame, made: Call) -> list[tuple[pd.Timestamp, float]]:
    """Find the day and amount of the call that is in force for a caller's number and period when the next one is made."""
    known = calls_known(calls, pd.Timestamp(made.made_on)).astype(dict.fromkeys(_NUMBER, "object"))
    same = known[_NUMBER].fillna("").eq([getattr(made, name) or "" for name in _NUMBER]).all(axis="columns")
    return list(known.loc[same, ["made_on", "commit"]].itertuples(index=False, name=None))


def _name_whose(caller: str, owner: str | None, team: str | None) -> str | None:
    """Name whose number a call is; None where it is the caller's own."""
    return f"team {team}" if team else "everyone" if owner is None else None if owner == caller else owner


def _name_number(made: Call, org: Org) -> str:
    """Name the period of a call, and before it whose number it is where it is not the caller's own."""
    period = text.period_name(made.period, org.freq("Q"), today=made.made_on)
    return ", ".join(filter(None, [_name_whose(made.caller, made.owner_name, made.team), period]))


def _describe(made: Call, before: list[tuple[pd.Timestamp, float]], org: Org) -> str:
    """Say a call in a sentence, with what it supersedes."""
    money = partial(text.money, currency=org.currency)
    was = "".join(f" (was {money(amount)} on {text.day(day)})" for day, amount in before)
    best = "" if made.best_case is None else f", at best {money(made.best_case)}"
    what = "withdraws the call" if made.commit is None else f"calls {money(made.commit)}{best}"
    return f"{made.caller} {what} for {_name_number(made, org)}{was}."


@with_tables()
def calls_command(
    listed: Annotated[
        bool, typer.Option("--list", help="List the calls in force, the newest first.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="List the superseded and withdrawn ones too.")] = False,
    by: Annotated[
        str, typer.Option("--by", metavar="COLUMN", help="Judge each caller, or each owner_name or team.")
    ] = "caller",
    freq: Freq = None,
    folder: HistoryFolder = HISTORY_FOLDER,
    org_file: OrgFile = None,
) -> None:
    """Judge the calls beside the forecasts of the same days, and show who makes the number better; or list them."""
    org = find_org(org_file) or oa.Org()
    if listed or every or org.calls.empty:
        _list_calls(oa.calls(org), every=every)
        return
    history, alias = open_history(folder, org), choose_freq(org, freq)
    accuracy = oa.call_accuracy(history, by=cast("Any", by), freq=alias)
    added = oa.forecast_value_added(history, by=None if by == "caller" else cast("Any", by), freq=alias)
    heading("Calls", "against the model, on the same days before each end")
    say(oa.sentence(accuracy))
    show(accuracy[_ACCURACY], most=_MOST)
    heading("Who makes the number better")
    say(oa.sentence(added))
    show(added[_ADDED], most=_MOST)
    note("--list lists the calls in force.")
    answer({"accuracy": accuracy, "value_added": added})


def _list_calls(calls: pd.DataFrame, *, every: bool) -> None:
    if calls.empty:
        say(f"No calls yet. Make one with: {write_command('call', 'Ann', '2026-12', '450k')}")
    calls.attrs = {"org": calls.attrs["org"]}
    if not every:
        calls = calls[calls["in_force"] & calls["commit"].notna()]
    shown = calls[::-1].sort_values("made_on", ascending=False, kind="stable")
    numbers = shown[_NUMBER].astype("object").where(shown[_NUMBER].notna(), None).itertuples(index=False)
    shown["for"] = [_name_whose(*each[:3]) for each in numbers]
    shown["period"] = [text.period(label, Org.of(calls).freq("Q")) for label in shown["period"]]
    columns = [*_SHOWN, *(["in_force"] if every else [])]
    if len(shown):
        show(shown[columns].dropna(axis="columns", how="all"), index=False, most=_MOST, wrap=("reason",))
    answer(calls)
