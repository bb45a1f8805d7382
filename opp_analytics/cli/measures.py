"""The commands of a leader's other questions: win rate, funnel, slippage, forecast categories, and how owners compare."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, cast

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.analysis import evidence
from opp_analytics.cli.console import heading, say, show
from opp_analytics.cli.output import answer, with_tables
from opp_analytics.cli.source import (
    HISTORY_FOLDER,
    By,
    CommandSource,
    Freq,
    HistoryFolder,
    Method,
    OrgFile,
    choose_freq,
    find_history,
    find_org,
    open_history,
    reads_deals,
)
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.org import split_by
from opp_analytics.periods import as_date
from opp_analytics.schema import BUCKETS

_RATES = ["won", "lost", "rate", "rate_low", "rate_high", "value_rate", "won_value", "open", "to_date"]
_FUNNEL = ["open_count", "open_value", "reached_low", "reached_high"]
_CATEGORIES = ["closed", "commit", "best_case", "pipeline", "commit_total", "best_case_total", "omitted"]
_CARD = ["won", "lost", "rate", "differs", "days_to_win", "slip_rate", "forecast_bias", "n", "due"]
"""Columns shown, the first ones the last to be left out of a narrow terminal."""
_MOST = 60
_Since = Annotated[
    str | None, typer.Option("--since", help="First close date, as 2026-01-01.", show_default=False)
]
_Until = Annotated[
    str | None, typer.Option("--until", help="Last close date, as 2026-03-31.", show_default=False)
]


@with_tables()
@reads_deals
def win_rate_command(
    source: CommandSource,
    by: By = None,
    freq: Annotated[
        str | None,
        typer.Option("--freq", help="One row for each period: W, M, Q, Y.", show_default="all in one"),
    ] = None,
    since: _Since = None,
    until: _Until = None,
) -> None:
    """Show the share of closed deals that were won, by count and by money, with its interval."""
    table = oa.win_rate(
        source.opportunities,
        by=by or None,
        freq=None if freq is None else choose_freq(source.org, freq),
        start=since,
        end=until,
        as_of=source.day,
        tz=source.zone,
    )
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
        typer.Option("--start", help="First day, as 2026-03-01.", show_default="of the last ended period"),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--end", help="Last day, as 2026-03-31.", show_default="of the last ended period"),
    ] = None,
    freq: Freq = None,
    by: By = None,
    folder: HistoryFolder = HISTORY_FOLDER,
    org_file: OrgFile = None,
) -> None:
    """Show the outcome of the deals that were due: won, lost, slipped, pulled out, removed or still due."""
    org = find_org(org_file)
    history = open_history(folder, org)
    zone = (org or oa.Org()).zone(None)
    newest = as_date(history.records["recorded_at"].iloc[-1], tz=zone)
    ended = pd.Period(newest if end is None else as_date(end, tz=zone, name="--end"), choose_freq(org, freq))
    if start is None and end is None:
        ended -= 1
        begins = as_date(history.records["recorded_at"].iloc[0], tz=zone)
        if ended.start_time < begins:
            raise NotEnoughHistory(
                f"{folder} begins on {begins:%Y-%m-%d}, so it does not know what was due in {ended}; record every day, and ask of "
                "days since then with --start and --end"
            )
    first = ended.start_time if start is None else as_date(start, tz=zone, name="--start")
    last = newest if start is not None else ended.end_time.normalize()
    last = last if end is None else as_date(end, tz=zone, name="--end")
    table = oa.slippage(history, start=first, end=last, by=by or None, tz=zone)
    heading("Slippage", f"deals due {text.days(first, last)}")
    _tell(table, list(map(str, table)), rows=table["count"] > 0 if by else slice(None))


@with_tables()
@reads_deals
def categories_command(source: CommandSource, freq: Freq = None, by: By = None) -> None:
    """Show closed, commit, best case and pipeline money of each period, each alone and added up."""
    table = oa.forecast_categories(
        source.opportunities,
        as_of=source.day,
        freq=choose_freq(source.org, freq),
        by=by or None,
        tz=source.zone,
    )
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
    table = oa.scorecard(
        source.opportunities,
        find_history(folder, source.org),
        as_of=source.day,
        by=by or "owner_name",
        start=since,
        freq=choose_freq(source.org, freq),
        method=cast("Any", method),
        tz=source.zone,
    )
    _tell(table, _CARD)


def _tell(table: pd.DataFrame, columns: list[str], *, index: bool = True, rows: Any = slice(None)) -> None:
    """End a command of one table: its sentence, these rows and columns with something in them, all of it."""
    say(oa.sentence(table))
    known = [name for name in columns if name in table and table[name].notna().any()]
    show(table.loc[rows, known], index=index, most=_MOST)
    answer(table)
