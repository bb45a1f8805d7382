"""The commands that look back over a week: the report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from opp_analytics.api import Settings
from opp_analytics.cli.commands import app
from opp_analytics.cli.console import out
from opp_analytics.errors import ConfigError
from opp_analytics.history import History
from opp_analytics.loading import load as load_opportunities
from opp_analytics.periods import as_date, as_instant
from opp_analytics.writer import own_writes

__all__ = ["report"]


@app.command(
    epilog="Example: opp-analytics report --target 500000 --freq M --out weekly.html   (every Monday, from cron)"
)
def report(
    file: Annotated[
        Path, typer.Option("--out", help="The .html file, or a folder; the .xlsx stands beside it.")
    ] = Path("opp-report"),
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Day of the report, as 2026-03-31; a past one is read from the history.",
            show_default="today",
        ),
    ] = None,
    target: Annotated[
        float | None, typer.Option(help="Money to reach in each period.", show_default=False)
    ] = None,
    freq: Annotated[str, typer.Option(help="Period of the forecast: W, M, Q, Y, or a fiscal Q-JAN.")] = "M",
    by: Annotated[
        str | None, typer.Option(help="Column to group win rates by.", show_default="owner_name")
    ] = None,
    history: Annotated[Path, typer.Option(help="Folder of the recorded history.")] = Path("opp-history"),
    record: Annotated[
        bool, typer.Option(help="Add what was loaded to the history, so that the next report can compare.")
    ] = True,
    tz: Annotated[str, typer.Option(help="Business time zone.")] = "UTC",
) -> None:
    """The weekly page and its workbook: headline, forecast, what changed, what slipped, win rates, audit."""
    from opp_analytics.report import weekly_report

    store = History(history)
    today = as_date(datetime.now(UTC), tz=tz)
    day = today if as_of is None else as_date(as_of, tz=tz)
    if day < today:
        opportunities = store.as_of(as_instant(day, tz=tz, end=True))
    else:
        opportunities = load_opportunities()
        if record:
            _remember(opportunities, store)
    written = weekly_report(
        opportunities,
        store,
        as_of=day,
        out=file,
        target=target,
        freq=freq,
        by=by,
        own_writes=_our_writes(opportunities),
        tz=tz,
    )
    out.print(f"written to {written.html} and {written.xlsx}", highlight=False, soft_wrap=True)


def _our_writes(opportunities: pd.DataFrame) -> pd.DataFrame | None:
    """Our own writes to the tenant of a load; a recorded state does not say whose it is, so the settings do."""
    if "load" in opportunities.attrs:
        return own_writes(opportunities.attrs["load"]["tenant"])
    try:
        return own_writes(Settings.from_env().tenant)
    except ConfigError:
        return None


def _remember(opportunities: pd.DataFrame, store: History) -> None:
    """Record a load that vouches for itself and is newer than the last record."""
    certificate = opportunities.attrs["load"]
    moments = store.records["recorded_at"]
    fetched = pd.Timestamp(certificate["fetched_at"])
    if certificate["complete"] and (moments.empty or moments.iloc[-1] < fetched):
        store.record(opportunities)
