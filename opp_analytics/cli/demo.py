"""The demo: one simulated half-year, told week by week, on a real server over real HTTP."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from rich.progress import track

from opp_analytics import analysis, org, plots, sandbox
from opp_analytics.api import Client
from opp_analytics.cli.console import heading, out, show
from opp_analytics.errors import DataError
from opp_analytics.history import History
from opp_analytics.loading import load
from opp_analytics.report import weekly_report
from opp_analytics.writer import apply, plan

__all__ = ["run"]

_WEEKS = 26
_PUSH = timedelta(days=30)
_TARGET = 400_000
"""Money to reach in each month."""


def run(folder: Path, *, seed: int) -> None:
    """Play, analyse, chart, edit, prove; charts go to `folder`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be made a folder ({error.strerror}); name another one with --out"
        ) from None
    start_day = datetime.now(UTC).date() - timedelta(weeks=_WEEKS)
    with (
        tempfile.TemporaryDirectory(prefix="opp-demo-") as scratch,
        sandbox.start(weeks=13, seed=seed, today=start_day) as server,
        Client(server.url, server.token, server.api_key, cache_dir=Path(scratch) / "cache") as client,
    ):
        heading(
            "A sales team at work",
            f"sandbox server on {server.url}, {_WEEKS} weeks, loaded over HTTP every week",
        )
        history = _play(server, client, Path(scratch) / "history")
        _analyse(load(client, progress=False), history, pd.Timestamp(server.now), folder)
        _edit(client, pd.Timestamp(server.now))
    _say_next(folder)


def _play(server: sandbox.Sandbox, client: Client, folder: Path) -> History:
    history = History(folder)
    for week in track(range(_WEEKS + 1), description="playing weeks"):
        if week:
            server.advance(7)
        history.record(load(client, refresh="full", progress=False), at=server.now)
    records = history.records
    out.print(
        f"{len(records)} records of history, {int(records['changed'].sum()):,} changes, "
        f"{int(records['rows'].iloc[-1]):,} opportunities today",
        highlight=False,
    )
    return history


def _analyse(opportunities: pd.DataFrame, history: History, now: pd.Timestamp, folder: Path) -> None:
    as_of = now.tz_convert("UTC").tz_localize(None).normalize()
    funnel = analysis.stage_funnel(opportunities)
    rates = analysis.win_rate(opportunities, by="owner_name")
    forecast = analysis.forecast(opportunities, as_of=as_of, freq="M")
    start = as_of - pd.Timedelta(weeks=6)
    slipped = analysis.slippage(history, start=start, end=as_of)

    heading("Stage funnel", "what is open where, and bounds on how many got that far")
    show(funnel[["open_count", "open_value", "reached_low", "reached_high"]])
    heading(
        "Win rate by owner",
        "won / (won + lost), 95 % Wilson interval; the team's true rate is known to the sandbox",
    )
    show(rates[["won", "lost", "open", "rate", "rate_low", "rate_high"]])
    out.print(
        f"[dim]true rate once every deal has closed: {sandbox.TRUE_WIN_RATE:.1%}; "
        "a young pipeline reads lower, since deals are lost sooner than won[/]",
        highlight=False,
    )
    heading(
        "Forecast by month", f"as of {as_of:%Y-%m-%d}: booked, and open value weighted by stated probability"
    )
    show(forecast[["booked", "open_count", "open_value", "weighted_open", "expected"]])
    heading("Slippage", f"deals open on {start:%Y-%m-%d} and due by {as_of:%Y-%m-%d}: where they stand now")
    show(slipped)

    _save(plots.stage_funnel(funnel), folder / "funnel.png")
    _save(plots.win_rate(rates), folder / "win_rate.png")
    _save(plots.forecast(forecast), folder / "forecast.png")
    _save(plots.slippage(slipped), folder / "slippage.png")
    weekly_report(opportunities, history, as_of=as_of, out=folder / "weekly.html", target=_TARGET)
    out.print(f"\nfour charts and the weekly page written to {folder}/", highlight=False)


def _save(axes: Axes, file: Path) -> None:
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.savefig(file, dpi=150, bbox_inches="tight")


def _edit(client: Client, now: pd.Timestamp) -> None:
    today = now.tz_convert("UTC").tz_localize(None).normalize()
    before = load(client, progress=False)
    pressing = _pressing(before, today)
    after = before.copy()
    after.loc[pressing, "close_date"] = today + _PUSH
    edit = plan(before, after)
    heading(
        "A bulk edit",
        f"push {int(pressing.sum())} deals that are overdue or due this week to {today + _PUSH:%Y-%m-%d}",
    )
    show(edit.changes[["unique_id", "field", "before", "after", "name"]], index=False, most=8)
    receipt = apply(edit, client, progress=False)
    outcomes = receipt.table["outcome"].value_counts()
    out.print("applied: " + ", ".join(f"{n} {outcome}" for outcome, n in outcomes.items()), highlight=False)
    reloaded = load(client, progress=False)
    out.print(
        f"reloaded from the server: {int(_pressing(reloaded, today).sum())} deals left overdue or due this week, "
        f"{int((reloaded['close_date'] == today + _PUSH).sum())} due on {today + _PUSH:%Y-%m-%d}",
        highlight=False,
    )


def _pressing(opportunities: pd.DataFrame, today: pd.Timestamp) -> pd.Series[bool]:
    """Open deals that are overdue or due within seven days."""
    still_open = org.outcomes(opportunities) == "open"
    return still_open & (opportunities["close_date"] < today + pd.Timedelta(days=7))


def _say_next(folder: Path) -> None:
    heading("Try next")
    out.print(
        f"  open the weekly page      {folder}/weekly.html\n"
        f"  look at the charts        {folder}/funnel.png  win_rate.png  forecast.png  slippage.png\n"
        "  practise on a server      opp-analytics sandbox     (prints three lines to paste into another terminal)\n"
        "  then there                opp-analytics doctor, load --out pipeline.csv, record\n"
        "  in a notebook             jupyter lab notebooks/01_explore.ipynb",
        highlight=False,
    )
