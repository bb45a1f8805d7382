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
    from opp_analytics.org import FILE, Call, Org, add_call, write_stranger
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
    period: Annotated[
        str, typer.Argument(help="Month, quarter, year or week, as 2026-12, FY27Q4 or 2026-W48.")
    ],
    commit: Annotated[
        str, typer.Argument(help="The amount, as 450k; - withdraws the call.", show_default=False)
    ] = "",
    owner: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="OWNER", help="For this person's number.", show_default="the caller's own"
        ),
    ] = None,
    team: Annotated[str | None, typer.Option("--team", help="For this team's number.")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="For the number of all.")] = False,
    best: Annotated[str | None, typer.Option("--best", metavar="AMOUNT", help="The best case.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in a few words.")] = None,
    made_on: Annotated[
        str | None,
        typer.Option(
            "--made-on", metavar="DAY", help="Day of the call, as 2026-11-28.", show_default="today"
        ),
    ] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Withdraw the call.")] = False,
    folder: HistoryFolder = HISTORY_FOLDER,
    org_file: OrgFile = None,
) -> None:
    """Submit a number for a period: it is added to the calls of the org file, and supersedes the caller's last one."""
    file = org_file or Path(FILE)
    if not file.is_file():
        raise ConfigError(
            f"calls are kept beside an org file, and there is no {file}; write one with: {write_command('org', 'init')}"
        )
    if any(words and words.strip()[:1] in "=+@" for words in (caller, owner, team, reason)):
        raise typer.BadParameter(
            "a text that begins with =, + or @ is a formula to a spreadsheet; begin with a word"
        )
    if (owner is not None) + (team is not None) + whole > 1:
        raise typer.BadParameter("a call is for one number: use one of --for, --team and --whole")
    withdraw = withdraw or commit.strip() in ("-", "−")
    if not (withdraw or commit):
        raise typer.BadParameter("a call needs an amount, such as 450k; --withdraw withdraws the last one")
    if withdraw and (best or commit.strip("-− ")):
        raise typer.BadParameter("a call that withdraws has no amount")
    org = oa.Org.read(file)
    own = None if team or whole else owner or caller
    _check_owner(own, org, folder)
    made = Call(
        as_date(
            made_on if made_on is not None else pd.Timestamp.now("UTC"), tz=org.zone(None), name="--made-on"
        ).date(),
        read_period(period),
        " ".join(caller.split()),
        own,
        team,
        None if withdraw else parse_amount(commit, org),
        parse_amount(best, org),
        " ".join(reason.split()) or None if reason else None,
    )
    if withdraw and _find_in_force(oa.calls(org), made) is None:
        raise DataError(
            f"{made.caller} has no call for {_name_number(made, org)}; there is nothing to withdraw"
        )
    after = add_call(file, made)
    calls = oa.calls(after)
    before = _find_in_force(calls.iloc[:-1], made)
    say(_describe(made, before, after))
    if not calls["in_force"].iloc[-1]:
        note("A later call of the same number stays in force.")
    shown = calls[calls.index.isin([len(calls) - 1, -1 if before is None else before.name])]
    shown.attrs = {"org": shown.attrs["org"]}
    answer(shown)


def _check_owner(name: str | None, org: Org, folder: Path) -> None:
    """Refuse the number of somebody who is neither among the people nor an owner in the history."""
    people = set(org.people["owner_name"])
    if name is None or name in people:
        return
    if (history := find_history(folder, org)) is not None:
        people |= list_owners(history)
    if people and name not in people:
        raise DataError(f"{name!r} is {write_stranger(name, sorted(people))}")


def _find_in_force(calls: pd.DataFrame, made: Call) -> pd.Series | None:
    """Find the call with an amount that stands before another one of its caller, number and period; None without one."""
    wanted = pd.Series({name: getattr(made, name) for name in _NUMBER})
    same = calls[(calls[_NUMBER].eq(wanted) | (calls[_NUMBER].isna() & wanted.isna())).all(axis="columns")]
    last = same[same["made_on"] <= pd.Timestamp(made.made_on)].sort_values("made_on", kind="stable")[-1:]
    return None if last["commit"].isna().all() else last.iloc[0]


def _name_whose(caller: str, owner: str | None, team: str | None) -> str | None:
    """Name whose number a call is; None where it is the caller's own."""
    return f"team {team}" if team else "everyone" if owner is None else None if owner == caller else owner


def _name_number(made: Call, org: Org) -> str:
    """Name the period of a call, and before it whose number it is where it is not the caller's own."""
    period = text.period_name(made.period, org.freq("Q"), today=made.made_on)
    return ", ".join(filter(None, [_name_whose(made.caller, made.owner_name, made.team), period]))


def _describe(made: Call, before: pd.Series | None, org: Org) -> str:
    """Say a call in a sentence, with what it supersedes."""
    money = partial(text.money, currency=org.currency)
    was = "" if before is None else f" (was {money(before['commit'])} on {text.day(before['made_on'])})"
    number = _name_number(made, org)
    if made.commit is None:
        return f"{made.caller} withdraws the call for {number}{was}."
    best = "" if made.best_case is None else f", at best {money(made.best_case)}"
    return f"{made.caller} calls {money(made.commit)}{best} for {number}{was}."


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
