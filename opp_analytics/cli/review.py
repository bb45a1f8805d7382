"""The commands of a Monday: what changed, the forecast, deals at risk, pipeline created, and the audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.analysis import compare_chances, select_own_chances
from opp_analytics.cli.console import heading, say, show, write_command
from opp_analytics.cli.output import (
    TABLES,
    check_ending,
    print_json,
    write_csv,
    write_staged,
    write_tables,
)
from opp_analytics.cli.source import (
    HISTORY_FOLDER,
    DayFirst,
    DecimalComma,
    FromFile,
    HistoryFolder,
    OnUnreadable,
    OrgFile,
    Unreadable,
    find_history,
    find_org,
    parse_amount,
    read_source,
)
from opp_analytics.errors import ArgumentValueError, NotEnoughHistory
from opp_analytics.org import require
from opp_analytics.periods import Freq as PeriodFreq
from opp_analytics.periods import as_date, as_period, check_freq
from opp_analytics.report import Proof, judge_forecasts
from opp_analytics.schema import ALL, BUCKETS, label_groups, unstack_level
from opp_analytics.text import count, joined

By = Annotated[
    list[str] | None,
    typer.Option(
        "--by", help="Column to group by, such as owner_name; repeat it for more.", show_default=False
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="Write the tables in full to this .xlsx, .csv or .md file.", show_default=False
    ),
]
Freq = Annotated[
    str | None, typer.Option("--freq", help="Period: W, M, Q, Y, or a fiscal Q-JAN.", show_default="M")
]
_PROVED = ["wape", "bias", "coverage_50", "interval_coverage", "coverage_95", "winkler", "crps", "differs"]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Day, as 2026-03-31.", show_default="today")]


def changes_command(
    since: Annotated[
        str | None,
        typer.Option(help="First day, as 2026-03-24.", show_default="a week before the last record"),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Last day, as 2026-03-31.", show_default="that of the last record")
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(help="Period whose forecast is explained, as 2026-03.", show_default="the current one"),
    ] = None,
    freq: Freq = None,
    by: By = None,
    folder: HistoryFolder = HISTORY_FOLDER,
    org_file: OrgFile = None,
    file: Out = None,
) -> None:
    """Show what changed between two days: why the forecast moved, which deals did it, what moved the pipeline."""
    check_ending(file, TABLES)
    org = find_org(org_file)
    history = _open_history(folder, org, least=2)
    zone, alias = (org or oa.Org()).zone(None), _choose_freq(org, freq)
    start, end = _choose_days(history.records["recorded_at"], since, until, zone)
    label = str(pd.Period(end, alias) if period is None else as_period(period, alias, name="--period"))
    groups: list[str] = by or []
    tables: dict[str, pd.DataFrame] = {}
    pipeline = oa.waterfall(history, start=start, end=end, by=groups, tz=zone)
    try:
        asked: dict[str, Any] = {"start": start, "end": end, "period": label, "freq": alias, "tz": zone}
        change = oa.forecast_change(history, by=groups, **asked)
        deals = oa.forecast_change_deals(history, by=groups, **asked)
    except NotEnoughHistory as reason:
        heading("Forecast")
        say(f"Not known: {reason}.")
    else:
        heading("Forecast", text.days(as_date(start, tz=zone), end))
        say(oa.sentence(change))
        show(_sum_groups(change))
        if groups:
            heading("By " + text.joined(map(text.label, groups)))
            show(_compare_ends(change))
        heading("Deals", "those that moved it most")
        show(_sort_deals(deals, groups), index=False, shorten=("name",))
        tables |= {"Forecast": change.reset_index(), "Deals": _put_ids_last(deals, groups)}
    heading("Pipeline")
    say(oa.sentence(pipeline))
    moves = oa.movements(history, start=start, end=end, by=groups, tz=zone)
    _write(file, {**tables, "Pipeline": pipeline.reset_index(), "Movements": _put_ids_last(moves, groups)})


def forecast_command(
    freq: Freq = None,
    by: By = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="AMOUNT",
            help="Target of each period, as 500000 or 500k.",
            show_default="[targets] of the org file",
        ),
    ] = None,
    periods: Annotated[int, typer.Option(min=1, help="Periods, from the current one on.")] = 3,
    as_of: AsOf = None,
    folder: HistoryFolder = HISTORY_FOLDER,
    source_file: FromFile = None,
    day_first: DayFirst = None,
    decimal_comma: DecimalComma = None,
    unreadable: Unreadable = OnUnreadable.REFUSE,
    org_file: OrgFile = None,
    file: Out = None,
) -> None:
    """Show what each period will bring: closed, expected, the range, the chance of the target, the pipeline to add."""
    check_ending(file, TABLES)
    source = read_source(
        source_file,
        org_file,
        day_first=day_first,
        decimal_comma=decimal_comma,
        unreadable=unreadable,
        asked=as_of,
    )
    history = find_history(folder, source.org)
    day, zone = source.day(as_of), source.zone
    goals = (
        source.org.targets
        if target is None and source.org is not None and len(source.org.targets)
        else parse_amount(target, source.org)
    )
    table = oa.forecast(
        source.opportunities,
        as_of=day,
        freq=_choose_freq(source.org, freq),
        by=by or None,
        target=goals,
        history=history,
        periods=periods,
        totals=bool(by),
        tz=zone,
    )
    method = ": ".join(filter(None, (table.attrs["method"], table.attrs["why"])))
    heading("Forecast", f"as of {day:%Y-%m-%d}, method: {method}")
    say(oa.sentence(table))
    columns = [
        "booked",
        "expected",
        "low",
        "high",
        "target",
        "p_target",
        "open_value",
        "pipeline_coverage",
        "needed_pipeline",
    ]
    ahead = table.index.get_level_values("period")
    now = str(pd.Period(day, table.attrs["freq"]))
    # A group has no row for overdue or undated deals that it does not have.
    idle = ahead.isin(BUCKETS) & (table["open_count"] == 0) & bool(by)
    table_ahead = table[((ahead >= now) | ahead.isin(BUCKETS)) & ~idle]
    shown = table_ahead[[name for name in columns if table_ahead[name].notna().any()]]
    if by:
        shown = _put_whole_first(
            shown, [str(pd.Period(now, table.attrs["freq"]) + k) for k in range(periods)]
        )
    show(shown, most=60, trim=True)
    _write(file, {"Forecast": table.reset_index()})


def risk_command(
    by: By = None,
    as_of: AsOf = None,
    most: Annotated[int, typer.Option(min=1, help="Number of deals to list.")] = 20,
    folder: HistoryFolder = HISTORY_FOLDER,
    source_file: FromFile = None,
    day_first: DayFirst = None,
    decimal_comma: DecimalComma = None,
    unreadable: Unreadable = OnUnreadable.REFUSE,
    org_file: OrgFile = None,
    file: Out = None,
) -> None:
    """List the open deals to question, the most money first, each with its reasons in words."""
    check_ending(file, TABLES)
    source = read_source(
        source_file,
        org_file,
        day_first=day_first,
        decimal_comma=decimal_comma,
        unreadable=unreadable,
        asked=as_of,
    )
    asked: dict[str, Any] = {"as_of": source.day(as_of), "tz": source.zone}
    history = find_history(folder, source.org)
    table = oa.deal_flags(source.opportunities, history, own_writes=source.own_writes(), **asked)
    require(source.opportunities, *(by or []))
    priced = oa.forecast_deals(
        source.opportunities, history=history, freq=_choose_freq(source.org, None), **asked
    )
    own = select_own_chances(priced).set_index("unique_id")["chance"]
    table = table.assign(
        probability=source.opportunities.set_index("unique_id").get("probability"),
        chance=own.reindex(table.index),
    )
    say(oa.sentence(table))
    if doubt := compare_chances(priced):
        say(f"{doubt}.")
    flagged = table[table["risk"] > 0]
    tables: dict[str, pd.DataFrame] = {}
    if by:
        named = source.opportunities.set_index("unique_id")[by].reindex(table.index).apply(label_groups)
        groups = _sum_flagged(flagged, named)
        table = named.join(table.drop(columns=[name for name in by if name in table]))
        title = "By " + text.joined(map(text.label, by))
        tables[title] = groups.reset_index()
    if by and len(flagged):
        heading(title)
        show(groups)
    if len(flagged):
        heading("Deals")
        chances = ["probability", "chance"]
        listed = flagged[["name", "owner_name", "value", *chances, "close_date", "risk", "reasons"]]
        show(listed, index=False, most=most, shorten=("name",), wrap=("reasons",))
        if own.isna().all() and priced.attrs["why"]:
            say(f"No chance from history: {priced.attrs['why']}.")
    _write(file, {**tables, "Deals": _put_ids_last(table.reset_index(), [])})


def created_command(
    freq: Freq = None,
    by: By = None,
    folder: HistoryFolder = HISTORY_FOLDER,
    org_file: OrgFile = None,
    file: Out = None,
) -> None:
    """Show whether enough comes in: pipeline created in each period, and the open pipeline at its end."""
    check_ending(file, TABLES)
    org = find_org(org_file)
    table = oa.pipeline_created(_open_history(folder, org), freq=_choose_freq(org, freq), by=by or None)
    say(oa.sentence(table))
    show(table, most=60, trim=True)
    say("Coverage alone predicts little: what new pipeline is worth depends on win rate and time to win.")
    _write(file, {"Created": table.reset_index()})


def prove_command(
    freq: Freq = None,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Without names and amounts: ratios and percents only.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the tables as JSON; write the page only with --out.")
    ] = False,
    folder: HistoryFolder = HISTORY_FOLDER,
    org_file: OrgFile = None,
    file: Annotated[
        Path | None,
        typer.Option("--out", help="The .html file of the page.", show_default="forecast-proof.html"),
    ] = None,
) -> None:
    """Prove the forecast: past forecasts and the formulas of others against what closed, as a page to hand on."""
    page = file or (None if as_json else Path("forecast-proof.html"))
    check_ending(page, (".html", ".htm"))
    org = find_org(org_file)
    history, alias = _open_history(folder, org), _choose_freq(org, freq)
    proof = Proof(judge_forecasts(history, freq=alias, anonymous=anonymous))
    if page is not None:
        content = proof.render(f"opp-analytics prove --freq {alias}{' --anonymous' if anonymous else ''}")
        with write_staged(page) as staged:
            staged.write_text(content, encoding="utf-8")
    if as_json:
        print_json(proof.tables)
        return
    say(proof.sentence)
    show(proof.methods[_PROVED], trim=True)
    say(f"Written to {page}.")


def _write(file: Path | None, tables: dict[str, pd.DataFrame]) -> None:
    if file is not None:
        write_tables(tables, file)
        say(f"Written to {file}.")


def _choose_freq(org: oa.Org | None, freq: str | None) -> PeriodFreq:
    meant = org or oa.Org()
    return meant.freq(check_freq(freq or str(meant.report.get("freq", "M"))))


def _open_history(folder: Path, org: oa.Org | None, *, least: int = 1) -> oa.History:
    """Open the history of the folder, which needs at least so many records."""
    history = oa.History(folder, org=org)
    if len(history.records) < least:
        holds = "one record, and a change needs two" if len(history.records) else "no records"
        raise NotEnoughHistory(
            f"{folder} holds {holds}; make one every day with: {write_command('record', '--history', folder)}"
        )
    return history


def _choose_days(
    records: pd.Series[Any], since: str | None, until: str | None, zone: str
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Choose the first and the last day; by default the week to the last record, or what was recorded of it."""
    end = as_date(records.iloc[-1] if until is None else until, tz=zone, name="--until")
    if since is None:
        week = end - pd.Timedelta(days=7)
        return (records.iloc[0] if as_date(records.iloc[0], tz=zone) >= week else week), end
    start = as_date(since, tz=zone, name="--since")
    if end < start:
        raise ArgumentValueError(f"--until {end:%Y-%m-%d} is before --since {start:%Y-%m-%d}; swap them")
    return start, end


def _put_whole_first(table: pd.DataFrame, periods: list[str]) -> pd.DataFrame:
    """Put the rows of the whole before those of its groups, for these periods and for deals without one."""
    labels = table.index.get_level_values("period")
    kept = table[labels.isin([*BUCKETS, *periods])]
    totals = np.sum([kept.index.get_level_values(k) == ALL for k in range(kept.index.nlevels)], axis=0)
    return kept.iloc[np.argsort(-totals, kind="stable")]


def _sum_groups(change: pd.DataFrame) -> pd.DataFrame:
    """Sum the steps of all groups; keep those that are not 0."""
    whole = change.groupby(level="movement", sort=False)[["expected", "deals"]].sum()
    return whole[(whole["expected"].abs() >= 0.005) | whole.index.isin(["then", "now"])]


def _compare_ends(change: pd.DataFrame) -> pd.DataFrame:
    """Compare both forecasts of each group, the largest change first."""
    expected = unstack_level(change["expected"], "movement")
    ends = {"then": "expected_before", "now": "expected_after"}
    table = expected[list(ends)].rename(columns=ends).assign(change=expected["now"] - expected["then"])
    table = table.sort_values("change", key=abs, ascending=False, kind="stable")
    table.attrs = change.attrs
    return table.rename_axis(columns=None)


def _sort_deals(deals: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """Sort the deals of all groups, what moved most first, by name."""
    rows = deals.reset_index() if groups else deals
    rows = rows.sort_values("expected", key=abs, ascending=False, kind="stable")
    return rows.assign(name=rows["name"].fillna(rows["unique_id"])).drop(columns="unique_id")


def _sum_flagged(flagged: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """Sum flagged deals and their value by group, the most value first."""
    names = list(groups)
    rows = groups.join(flagged[["risk", "value"]], how="inner")
    table = rows.groupby(names).agg(deals=("risk", "size"), value=("value", "sum"))
    table = table.sort_values("value", ascending=False, kind="stable")
    table.attrs = flagged.attrs
    return table


def _put_ids_last(table: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    rows = table.reset_index() if groups else table
    return rows[[*(name for name in rows if name != "unique_id"), "unique_id"]]


_KNOWN_BY = ("name", "owner_name", "stage")
_LISTED = ["check", "name", "field", "cell", "suggestion"]


def audit_command(
    file: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Write every finding, with the deal's name, owner and stage, to this .csv file.",
            show_default=False,
        ),
    ] = None,
    plan_file: Annotated[
        Path | None,
        typer.Option("--fix", help="Save the suggested fixes as a plan for `apply`.", show_default=False),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Day of the audit, as 2026-03-31.", show_default="today")
    ] = None,
    stale_days: Annotated[
        int, typer.Option(min=1, help="Days without an update that make a deal stale.")
    ] = 30,
    most: Annotated[int, typer.Option(min=0, help="Number of findings to list.")] = 20,
    source_file: FromFile = None,
    day_first: DayFirst = None,
    decimal_comma: DecimalComma = None,
    unreadable: Unreadable = OnUnreadable.REFUSE,
    org_file: OrgFile = None,
) -> None:
    """Find data problems: deals and money by check, each finding, and a plan of fixes."""
    check_ending(file, (".csv",))
    check_ending(plan_file, (".json",))
    source = read_source(
        source_file,
        org_file,
        day_first=day_first,
        decimal_comma=decimal_comma,
        unreadable=unreadable,
        asked=as_of,
    )
    opportunities = source.opportunities
    day = source.day(as_of)
    findings = oa.audit(opportunities, as_of=day, stale_days=stale_days, own_writes=source.own_writes())
    summary = oa.audit_summary(findings)
    heading("Audit", f"{count(len(opportunities), 'opportunity')}, as of {day:%Y-%m-%d}")
    lacks = findings.attrs.get("not_checked", [])
    if lacks:
        say(f"Not checked, as the data lacks it: {joined(lacks)}.")
    if summary.empty:
        say("Nothing found.")
        return
    show(summary.reset_index()[["severity", "check", "deals", "value"]], index=False)
    named = _name_findings(findings, opportunities)
    if most:
        heading("Findings", "the most severe first")
        listed = [name for name in _LISTED if name in named]
        known_by = [] if "name" in named else ["unique_id"]
        show(
            named.head(most)[[*known_by, *listed]],
            index=False,
            most=most,
            shorten=("name", "cell", "suggestion"),
        )
    if len(findings) > most:
        say(f"… and {len(findings) - most:,} more{'' if file else '; --out findings.csv lists them all'}")
    if file is not None:
        write_csv(named, file)
        say(f"{count(len(findings), 'finding')} written to {file}.")
    _offer_fixes(opportunities, findings, plan_file)


def _name_findings(findings: pd.DataFrame, opportunities: pd.DataFrame) -> pd.DataFrame:
    """Add the name, owner and stage of each deal to the findings."""
    known = [name for name in _KNOWN_BY if name in opportunities]
    named = findings.merge(opportunities[["unique_id", *known]], on="unique_id", how="left")
    others = [name for name in findings.columns if name != "unique_id"]
    return named[["unique_id", *known, *others]]


def _offer_fixes(opportunities: pd.DataFrame, findings: pd.DataFrame, file: Path | None) -> None:
    cells = int(findings["suggestion"].notna().sum())
    if not cells:
        say("No finding has a suggested fix.")
    elif file is None:
        say(f"{count(cells, 'suggested fix')}; --fix plan.json plans {'it' if cells == 1 else 'them'}.")
    else:
        fixes = oa.plan(opportunities, oa.fix(opportunities, findings))
        fixes.save(file)
        command = write_command("apply", file)
        say(f"{count(len(fixes), 'change')} planned in {file}. To review and apply: {command}")
