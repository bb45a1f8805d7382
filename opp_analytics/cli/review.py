"""The Monday commands: changes, forecast, risk, rates, owners, proof and audit."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.cli.console import heading, note, say, show, write_command
from opp_analytics.cli.output import answer, check_ending, with_tables, write_staged
from opp_analytics.cli.source import (
    HISTORY_FOLDER,
    By,
    CommandSource,
    Explain,
    Freq,
    HistoryFolder,
    Method,
    OrgFile,
    Target,
    choose_freq,
    find_history,
    find_org,
    open_history,
    parse_amount,
    reads_deals,
    say_method,
)
from opp_analytics.errors import ArgumentValueError, NotEnoughHistory
from opp_analytics.note import note_of
from opp_analytics.org import money_of, require, split_by
from opp_analytics.periods import as_date, as_period, to_dates
from opp_analytics.schema import ALL, BUCKETS, label_groups, unstack_level

_AHEAD = [
    *("booked", "expected", "low", "high", "target", "p_target"),
    *("needed_pipeline", "pipeline_coverage", "open_value"),
]
_FLAGGED = ["name", "value", "reasons", "owner_name", "probability", "chance", "close_date", "risk"]
_RATES = [
    "won",
    "lost",
    "rate",
    "rate_low",
    "rate_high",
    "value_rate",
    "won_value",
    "open",
    "to_date",
]
_FUNNEL = ["open_count", "open_value", "reached_low", "reached_high"]
_CATEGORIES = [
    "closed",
    "commit",
    "best_case",
    "pipeline",
    "commit_total",
    "best_case_total",
    "omitted",
]
_CARD = ["won", "lost", "rate", "differs", "days_to_win", "slip_rate", "forecast_bias", "n", "due"]
"""Columns of the commands' tables, the first ones the last to be left out of a narrow terminal."""
_KNOWN_BY = ("name", "owner_name", "stage")
_LISTED = ["check", "name", "field", "cell", "suggestion"]


@with_tables()
def changes_command(
    since: Annotated[
        str | None,
        typer.Option(
            help="First day, as 2026-03-24.", show_default="a week before the last record"
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(help="Last day, as 2026-03-31.", show_default="that of the last record"),
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(
            help="Period whose forecast is explained, as 2026-03.", show_default="the current one"
        ),
    ] = None,
    freq: Freq = None,
    by: By = None,
    method: Method = "auto",
    folder: HistoryFolder = HISTORY_FOLDER,
    org_file: OrgFile = None,
) -> None:
    """Show what changed between two days: why the forecast and the pipeline moved.

    Also shows the deals behind the change of the forecast.
    """
    from opp_analytics.analysis import explain_change

    org = find_org(org_file)
    history = open_history(folder, org, least=2)
    zone, alias = (org or oa.Org()).zone(None), choose_freq(org, freq)
    start, end = _choose_days(history.records["recorded_at"], since, until, zone)
    label = str(
        pd.Period(end, alias) if period is None else as_period(period, alias, name="period")
    )
    groups: list[str] = by or []
    tables: dict[str, pd.DataFrame] = {}
    pipeline = oa.waterfall(history, start=start, end=end, by=groups, tz=zone)
    try:
        asked: dict[str, Any] = {
            "start": start,
            "end": end,
            "period": label,
            "freq": alias,
            "tz": zone,
        }
        explained = explain_change(history, by=groups, **asked | {"method": method})
        change, deals = explained.sum_up(), explained.list_deals()
    except NotEnoughHistory as reason:
        heading("Forecast")
        say(f"Not known: {reason.in_shell({'method': '--method'})}.")
    else:
        heading("Forecast", text.days(as_date(start, tz=zone), end))
        say(oa.sentence(change))
        show(_list_steps(change))
        if groups:
            heading("By " + text.joined(map(text.label, groups)))
            show(_compare_ends(change))
        heading("Deals", "those that moved it most")
        rows = deals.reset_index() if groups else deals
        rows = rows.sort_values("expected", key=abs, ascending=False, kind="stable")
        steps = map(text.movement, rows["movement"], rows["expected"])
        named = rows.assign(name=rows["name"].fillna(rows["unique_id"]), movement=list(steps)).drop(
            columns="unique_id"
        )
        show(named, index=False)
        tables |= {"forecast": change, "deals": deals}
    heading("Pipeline")
    say(oa.sentence(pipeline))
    moves = oa.movements(history, start=start, end=end, by=groups, tz=zone)
    answer({**tables, "pipeline": pipeline, "movements": moves})


@with_tables()
@reads_deals
def forecast_command(
    source: CommandSource,
    freq: Freq = None,
    by: By = None,
    target: Target = None,
    periods: Annotated[int, typer.Option(min=1, help="Periods, from the current one on.")] = 3,
    method: Method = "auto",
    explain: Explain = False,
    folder: HistoryFolder = HISTORY_FOLDER,
) -> None:
    """Show each period's forecast: closed, expected, range, chance and pipeline to add.

    The chance is that of the target.
    """
    from opp_analytics.analysis import evidence

    goals = (
        source.org.targets
        if target is None and source.org is not None and len(source.org.targets)
        else parse_amount(target, source.org)
    )
    table = oa.forecast(
        source.opportunities,
        by=by or None,
        target=goals,
        method=cast("Any", method),
        history=find_history(folder, source.org),
        periods=periods,
        totals=bool(by),
        **source.ask(freq),
    )
    heading("Forecast", f"as of {text.day(source.day, year=True)}")
    say(oa.sentence(table))
    say_method(table, explain=explain)
    ahead = table.index.get_level_values("period")
    now = pd.Period(source.day, note_of(table).freq)
    # A group has no row for overdue or undated deals that it does not have.
    idle = ahead.isin(BUCKETS) & (table["open_count"] == 0) & bool(by)
    shown = table[ahead.isin([*BUCKETS, *evidence.keep_ahead(ahead, table)]) & ~idle]
    if by:
        shown = _put_whole_first(shown, [str(now + k) for k in range(periods)])
    # Stated chances know only the deals due now: they give no chance of a target
    # (docs/definitions.md).
    stated = note_of(table).method == "stated"
    money = money_of(table)
    to_add = [
        evidence.say_pipeline_to_add(row, money, stated=stated) for _, row in shown.iterrows()
    ]
    known = [
        name for name in _AHEAD if shown[name].notna().any() and not (stated and name == "p_target")
    ]
    show(shown.assign(needed_pipeline=to_add)[known], most=60)
    answer(table)


@with_tables()
@reads_deals
def risk_command(
    source: CommandSource,
    by: By = None,
    most: Annotated[int, typer.Option(min=1, help="Number of deals to list.")] = 20,
    method: Method = "auto",
    explain: Explain = False,
    folder: HistoryFolder = HISTORY_FOLDER,
) -> None:
    """List the open deals to question, the most money first, each with its reasons in words."""
    from opp_analytics.analysis import compare_chances, select_own_chances

    history, day = find_history(folder, source.org), source.day
    writes = source.own_writes()
    table = oa.deal_flags(
        source.opportunities, history, as_of=day, tz=source.zone, own_writes=writes
    )
    require(source.opportunities, *(by or []))
    asked = source.ask(None) | {"history": history, "method": method}
    priced = oa.forecast_deals(source.opportunities, **asked)
    own = select_own_chances(priced).set_index("unique_id")["chance"]
    table = table.assign(
        probability=source.opportunities.set_index("unique_id").get("probability"),
        chance=own.reindex(table.index),
    )
    say(oa.sentence(table))
    if doubt := compare_chances(priced):
        note(f"{doubt}.")
    flagged = table[table["risk"] > 0]
    tables: dict[str, pd.DataFrame] = {}
    if by:
        named = (
            source.opportunities.set_index("unique_id")[by].reindex(table.index).apply(label_groups)
        )
        groups = _sum_flagged(flagged, named)
        table = named.join(table.drop(columns=[name for name in by if name in table]))
        tables[f"by_{'_and_'.join(by)}"] = groups
        if len(flagged):
            heading("By " + text.joined(map(text.label, by)))
            show(groups)
    if len(flagged):
        heading("Deals")
        show(flagged[_FLAGGED], index=False, most=most, wrap=("reasons",))
        if own.isna().all() and note_of(priced).why:
            say_method(priced, explain=explain)
    answer({**tables, "deals": table})


@with_tables()
def created_command(
    freq: Freq = None,
    by: By = None,
    folder: HistoryFolder = HISTORY_FOLDER,
    org_file: OrgFile = None,
) -> None:
    """Show whether enough comes in: pipeline created, and open at the end, by period."""
    org = find_org(org_file)
    table = oa.pipeline_created(
        open_history(folder, org), freq=choose_freq(org, freq), by=by or None
    )
    say(oa.sentence(table))
    show(table, most=60)
    if table["open_value"].any():
        note(
            "Coverage alone predicts little: what new pipeline is worth depends on win rate and "
            "time to win."
        )
    answer(table)


@with_tables(out=())
def prove_command(
    freq: Freq = None,
    folder: HistoryFolder = HISTORY_FOLDER,
    org_file: OrgFile = None,
    picture: Annotated[
        Path | None, typer.Option("--out", help="Draw the table into this .png file.")
    ] = None,
) -> None:
    """Prove the forecast: score past forecasts and the formulas of others against what closed."""
    from opp_analytics.analysis import EVERY

    check_ending(picture, (".png",))
    org = find_org(org_file)
    history, alias = open_history(folder, org), choose_freq(org, freq)
    table = oa.score(oa.backtest(history, freq=alias, methods="all"))
    judged = table[table["n"] > 0]
    say(oa.sentence(table))
    show(judged)
    few = [name for name in EVERY if name not in judged.index]
    if few:
        named = text.joined(text.method(name, alias) for name in few)
        note(f"Too few past forecasts to judge: {named}.")
    if picture is not None:
        figure = oa.plots.score(judged).get_figure(root=True)
        assert figure is not None
        with write_staged(picture) as staged:
            figure.savefig(staged, format="png")
        note(f"Written to {picture}.")
    answer(table)


_MOST = 60
_Since = Annotated[str | None, typer.Option("--since", help="First close date, as 2026-01-01.")]
_Until = Annotated[str | None, typer.Option("--until", help="Last close date, as 2026-03-31.")]


@with_tables()
@reads_deals
def win_rate_command(
    source: CommandSource,
    by: By = None,
    freq: Annotated[
        str | None,
        typer.Option(
            "--freq", help="One row for each period: W, M, Q, Y.", show_default="all in one"
        ),
    ] = None,
    since: _Since = None,
    until: _Until = None,
) -> None:
    """Show the share of closed deals that were won, by count and by money, with its interval."""
    asked: dict[str, Any] = {"start": since, "end": until, "as_of": source.day, "tz": source.zone}
    period = None if freq is None else choose_freq(source.org, freq)
    table = oa.win_rate(source.opportunities, by=by or None, freq=period, **asked)
    _tell(table, _RATES, index=bool(by or freq))


@with_tables()
@partial(reads_deals, dated=False)
def funnel_command(source: CommandSource, by: By = None) -> None:
    """Show the open deals in each stage, and how many deals reached it, at least and at most."""
    # Each pipeline has stages of its own.
    groups = dict.fromkeys([*split_by(source.opportunities), *(by or [])])
    _tell(oa.stage_funnel(source.opportunities, by=list(groups)), _FUNNEL)


@with_tables()
def slippage_command(
    start: Annotated[
        str | None,
        typer.Option(
            "--start", help="First day, as 2026-03-01.", show_default="of the last ended period"
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(
            "--end", help="Last day, as 2026-03-31.", show_default="of the last ended period"
        ),
    ] = None,
    freq: Freq = None,
    by: By = None,
    folder: HistoryFolder = HISTORY_FOLDER,
    org_file: OrgFile = None,
) -> None:
    """Show how the deals due ended: won, lost, slipped, pulled out, removed or still due."""
    org = find_org(org_file)
    history = open_history(folder, org)
    zone = (org or oa.Org()).zone(None)
    newest = as_date(history.records["recorded_at"].iloc[-1], tz=zone)
    ended = pd.Period(
        newest if end is None else as_date(end, tz=zone, name="end"), choose_freq(org, freq)
    )
    if start is None and end is None:
        ended -= 1
        begins = as_date(history.records["recorded_at"].iloc[0], tz=zone)
        if ended.start_time < begins:
            raise NotEnoughHistory(
                f"{folder} begins on {begins:%Y-%m-%d}, so it does not know what was due in "
                f"{ended}; record every day, and ask of days since then with --start and --end"
            )
    first = ended.start_time if start is None else as_date(start, tz=zone, name="start")
    last = newest if start is not None else ended.end_time.normalize()
    last = last if end is None else as_date(end, tz=zone, name="end")
    table = oa.slippage(history, start=first, end=last, by=by or None, tz=zone)
    heading("Slippage", f"deals due {text.days(first, last)}")
    _tell(table, list(map(str, table)), rows=table["count"] > 0 if by else slice(None))


@with_tables()
@reads_deals
def pacing_command(
    source: CommandSource, freq: Freq = None, by: By = None, folder: HistoryFolder = HISTORY_FOLDER
) -> None:
    """Show what has closed beside the last four periods at the same point.

    Also shows what was open then.
    """
    history = find_history(folder, source.org)
    table = oa.pacing(source.opportunities, history, by=by or None, **source.ask(freq))
    _tell(table, list(table.columns.drop("to_date")))


@with_tables()
@reads_deals
def categories_command(source: CommandSource, freq: Freq = None, by: By = None) -> None:
    """Show closed, commit, best case and pipeline money of each period, each alone and added up."""
    from opp_analytics.analysis import evidence

    table = oa.forecast_categories(source.opportunities, by=by or None, **source.ask(freq))
    labels = table.index.get_level_values("period")
    _tell(table, _CATEGORIES, rows=labels.isin([*BUCKETS, *evidence.keep_ahead(labels, table)]))


@with_tables()
@reads_deals
def scorecard_command(
    source: CommandSource,
    by: By = None,
    freq: Freq = None,
    since: _Since = None,
    method: Method = "auto",
    folder: HistoryFolder = HISTORY_FOLDER,
) -> None:
    """Compare owners or other groups: win rate, days to win, slip rate and forecast bias."""
    asked = source.ask(freq) | {"by": by or "owner_name", "start": since, "method": method}
    table = oa.scorecard(source.opportunities, find_history(folder, source.org), **asked)
    _tell(table, _CARD)


def _tell(
    table: pd.DataFrame, columns: list[str], *, index: bool = True, rows: Any = slice(None)
) -> None:
    """End a one-table command: say its sentence, show part of it, and answer with all.

    Shown are `rows`, and those of `columns` that hold something.
    """
    say(oa.sentence(table))
    known = [name for name in columns if name in table and table[name].notna().any()]
    show(table.loc[rows, known], index=index, most=_MOST)
    answer(table)


@with_tables(plan_file=(".json",))
@reads_deals
def audit_command(
    source: CommandSource,
    plan_file: Annotated[
        Path | None, typer.Option("--fix", help="Save the suggested fixes as a plan for `apply`.")
    ] = None,
    stale_days: Annotated[
        int, typer.Option(min=1, help="Days without an update that make a deal stale.")
    ] = 30,
    most: Annotated[int, typer.Option(min=0, help="Number of findings to list.")] = 20,
) -> None:
    """Find data problems: deals and money by check, each finding, and a plan of fixes."""
    opportunities = source.opportunities
    writes = source.own_writes()
    findings = oa.audit(opportunities, as_of=source.day, stale_days=stale_days, own_writes=writes)
    summary = oa.audit_summary(findings)
    checked = text.count(len(opportunities), "opportunity")
    heading("Audit", f"{checked}, as of {note_of(findings).day}")
    lacks = note_of(findings).figures.get("not_checked", [])
    if lacks:
        note(f"Not checked, as the data lacks it: {text.joined(lacks)}.")
    known = [name for name in _KNOWN_BY if name in opportunities]
    named = findings.merge(opportunities[["unique_id", *known]], on="unique_id", how="left")
    named = named[
        ["unique_id", *known, *(name for name in findings.columns if name != "unique_id")]
    ]
    if summary.empty:
        say("Nothing found.")
    else:
        show(summary.reset_index()[["severity", "check", "deals", "value"]], index=False)
        if most:
            heading("Findings", "the most severe first")
            listed = [name for name in _LISTED if name in named]
            show(
                named[[*([] if "name" in named else ["unique_id"]), *listed]],
                index=False,
                most=most,
            )
        _offer_fixes(opportunities, findings, plan_file)
    answer({"summary": summary, "findings": named})


def _offer_fixes(opportunities: pd.DataFrame, findings: pd.DataFrame, file: Path | None) -> None:
    cells = int(findings["suggestion"].notna().sum())
    if not cells:
        say("No finding has a suggested fix.")
    elif file is None:
        say(
            f"{text.count(cells, 'suggested fix')}; --fix plan.json plans "
            f"{'it' if cells == 1 else 'them'}."
        )
    else:
        fixes = oa.plan(opportunities, oa.fix(opportunities, findings))
        fixes.save(file)
        command = write_command("apply", file)
        say(f"{text.count(len(fixes), 'change')} planned in {file}. To review and apply: {command}")


def _choose_days(
    records: pd.Series[Any], since: str | None, until: str | None, zone: str
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Choose the last record by the first day, as the page does, and the last day.

    By default the week to the last record.
    """
    end = as_date(records.iloc[-1] if until is None else until, tz=zone, name="until")
    start = end - pd.Timedelta(days=7) if since is None else as_date(since, tz=zone, name="since")
    if end < start:
        raise ArgumentValueError(
            f"--until {end:%Y-%m-%d} is before --since {start:%Y-%m-%d}; swap them"
        )
    by_then = records[to_dates(records, tz=zone) <= start]
    if by_then.empty:
        return (records.iloc[0] if since is None else start), end
    return by_then.iloc[-1], end


def _put_whole_first(table: pd.DataFrame, periods: list[str]) -> pd.DataFrame:
    """Put the rows of the whole before group rows, for `periods` and undated deals."""
    labels = table.index.get_level_values("period")
    kept = table[labels.isin([*BUCKETS, *periods])]
    totals = np.sum(
        [kept.index.get_level_values(k) == ALL for k in range(kept.index.nlevels)], axis=0
    )
    return kept.iloc[np.argsort(-totals, kind="stable")]


def _list_steps(change: pd.DataFrame) -> pd.DataFrame:
    """List both forecasts and the steps between them, of all groups."""
    from opp_analytics.analysis import list_steps

    whole = change.groupby(level="movement", sort=False)[["expected", "deals"]].sum()
    then, now = ((end, *whole.loc[end], ()) for end in ("then", "now"))
    rows = [
        (name, float(expected), int(deals), ", ".join(deal for deal, _ in movers))
        for name, expected, deals, movers in (
            then,
            *(step[1:5] for step in list_steps(change)),
            now,
        )
    ]
    table = pd.DataFrame(rows, columns=["movement", "expected", "deals", "largest"]).set_index(
        "movement"
    )
    table.attrs = change.attrs
    return table


def _compare_ends(change: pd.DataFrame) -> pd.DataFrame:
    """Compare both forecasts of each group, the largest change first."""
    expected = unstack_level(change["expected"], "movement")
    ends = {"then": "expected_before", "now": "expected_after"}
    table = (
        expected[list(ends)].rename(columns=ends).assign(change=expected["now"] - expected["then"])
    )
    table = table.sort_values("change", key=abs, ascending=False, kind="stable")
    table.attrs = change.attrs
    return table.rename_axis(columns=None)


def _sum_flagged(flagged: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """Sum flagged deals and their value by group, the most value first."""
    names = list(groups)
    rows = groups.join(flagged[["risk", "value"]], how="inner")
    table = rows.groupby(names).agg(deals=("risk", "size"), value=("value", "sum"))
    table = table.sort_values("value", ascending=False, kind="stable")
    table.attrs = flagged.attrs
    return table
