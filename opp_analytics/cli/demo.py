"""The `demo` and `sandbox` commands: a simulated sales team to try everything on."""

from __future__ import annotations

import os
import shutil
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import opp_analytics as oa
from opp_analytics.cli.app import runs
from opp_analytics.cli.output import write_staged
from opp_analytics.cli.source import OrgFile, find_org

if runs():
    import numpy as np
    import pandas as pd

    from opp_analytics import text
    from opp_analytics.analysis import describe_method
    from opp_analytics.cli.console import heading, say, show, write_command
    from opp_analytics.files import say_failure
    from opp_analytics.org import split_by
    from opp_analytics.schema import BUCKETS
    from opp_analytics.text import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STATE = "XDG_STATE_HOME"
_WEEKS = 26
_PUSH = timedelta(days=30)
_TARGET = 400_000
"""Target of each month, in money."""
_MANAGER, _OVERRIDDEN = "Dana Whitfield", "Dmitri Volkov"
"""Who doubts the calls of the rep who is most optimistic."""


def demo_command(
    folder: Annotated[Path, typer.Option("--out", help="Folder for the charts and the weekly page.")] = Path(
        "opp-demo"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Random seed; another seed gives another sales team.")] = 1,
    org_file: OrgFile = None,
) -> None:
    """Simulate half a year of a sales team: load, record, analyze, chart, edit in bulk."""
    org = find_org(org_file)
    with say_failure(f"cannot create the folder {folder}", "; name another one with --out"):
        folder.mkdir(parents=True, exist_ok=True)
    heading("A sales team at work", f"{_WEEKS} weeks on a local sandbox server, loaded over HTTP every week")
    client, history = oa.demo(_WEEKS, seed, org=org)
    opportunities = oa.load(client, progress=False)
    today = history.records["recorded_at"].iloc[-1].tz_localize(None).normalize()
    say(
        f"{text.count(len(history.records), 'record')} of history, "
        f"{text.count(int(history.records['changed'].sum()), 'change')}, "
        f"{text.count(len(opportunities), 'opportunity')} today"
    )
    _analyze(opportunities, history, today, folder, seed)
    with _keep_journal_apart():
        _edit(client, today)
    _say_next(folder)


def save_chart(axes: Axes, file: Path) -> None:
    """Save the figure of a chart as a PNG."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    with write_staged(file) as staged:
        figure.savefig(staged, format="png", dpi=150, bbox_inches="tight")


def _analyze(
    opportunities: pd.DataFrame, history: oa.History, today: pd.Timestamp, folder: Path, seed: int
) -> None:
    start = today - pd.Timedelta(weeks=6)
    funnel = oa.stage_funnel(opportunities, by=split_by(opportunities))
    rates = oa.win_rate(opportunities, by="owner_name")
    # The question of the weekly page, so that both give one answer.
    expected = oa.forecast(opportunities, as_of=today, freq="M", history=history, target=_TARGET)
    slipped = oa.slippage(history, start=start, end=today)

    heading("Stage funnel", "deals open in each stage, and deals that reached it (at least, at most)")
    show(funnel[["open_count", "open_value", "reached_low", "reached_high"]])
    heading("Win rate by owner", "won / (won + lost), with a 95% Wilson interval")
    show(rates[["won", "lost", "open", "rate", "rate_low", "rate_high"]])
    say(
        f"The simulated team's true rate is {text.percent(oa.sandbox.TRUE_WIN_RATE, 1)}; "
        "a young pipeline shows less, because deals are lost sooner than won."
    )
    heading("Forecast by month", f"as of {text.day(today, year=True)}")
    say(oa.sentence(expected))
    say(describe_method(expected))
    ahead = expected[(expected.index >= str(pd.Period(today, "M"))) | expected.index.isin(BUCKETS)]
    show(ahead[["booked", "open_count", "open_value", "expected", "low", "high", "target", "p_target"]])
    heading("Slippage", f"outcome of the deals that were due {text.days(start, today)}")
    show(slipped)

    charts = {
        "funnel": oa.plots.stage_funnel(funnel),
        "win_rate": oa.plots.win_rate(rates),
        "forecast": oa.plots.forecast(expected),
        "slippage": oa.plots.slippage(slipped),
    }
    for name, axes in charts.items():
        save_chart(axes, folder / f"{name}.png")
    org = oa.Org(**{**oa.Org.of(opportunities).to_dict(), "calls": _simulate_calls(history, seed)})
    added = oa.forecast_value_added(history, org=org)
    heading("Calls", f"what the reps said each month, and {_MANAGER} of {_OVERRIDDEN}’s number")
    say(oa.sentence(added))
    show(added[["n", "wape", "bias", "error_ratio", "differs"]])
    oa.weekly_report(opportunities, history, as_of=today, out=folder / "weekly.html", target=_TARGET, org=org)
    say(f"\nFour charts and the weekly page are in {folder}/.")


def _simulate_calls(history: oa.History, seed: int) -> list[dict[str, object]]:
    """Simulate what each rep calls at each record: what closed in the month, and what is due at the stated chances, as it seems to them."""
    random, rows = np.random.default_rng(seed), []
    for moment in history.records["recorded_at"]:
        deals, made = history.as_of(moment), {"made_on": f"{moment:%Y-%m-%d}", "period": f"{moment:%Y-%m}"}
        deals = deals[deals["close_date"].dt.strftime("%Y-%m") == made["period"]]
        outcome, stated = oa.outcomes(deals), deals["value"] * deals["probability"].astype("float64") / 100
        parts = deals["value"] * (outcome == "won"), stated * (outcome == "open")
        won, due = (part.groupby(deals["owner_name"].astype("str")).sum() for part in parts)
        for name in won.index:
            commit = float(won[name] + due[name] * random.lognormal(0.1, 0.3))
            rows.append({**made, "owner_name": name, "caller": name, "commit": round(commit, -3)})
            if name == _OVERRIDDEN:
                rows.append({**rows[-1], "caller": _MANAGER, "commit": round(0.7 * commit, -3)})
    return rows


def _edit(client: oa.Client, today: pd.Timestamp) -> None:
    before = oa.load(client, progress=False)
    due = _find_due(before, today)
    to = today + _PUSH
    after = before.copy()
    after.loc[due, "close_date"] = to
    changes = oa.plan(before, after)
    pushed = f"push {text.count(int(due.sum()))}, overdue or due within a week, to {text.day(to, year=True)}"
    heading("A bulk edit", pushed)
    show(changes.changes[["name", "field", "before", "after"]], index=False, most=8)
    receipt = oa.apply(changes, client, progress=False)
    say(f"Receipt: {text.joined(f'{n:,} {outcome}' for outcome, n in receipt.counts().items())}.")
    again = oa.load(client, progress=False)
    say(
        f"Loaded again from the server: {text.count(int(_find_due(again, today).sum()))} overdue or due within a week, "
        f"{text.count(int((again['close_date'] == to).sum()))} due on {text.day(to, year=True)}."
    )


def _find_due(opportunities: pd.DataFrame, today: pd.Timestamp) -> pd.Series[bool]:
    """Mark open deals that are overdue or due within seven days."""
    still_open = oa.outcomes(opportunities) == "open"
    return still_open & (opportunities["close_date"] < today + pd.Timedelta(days=7))


@contextmanager
def _keep_journal_apart() -> Iterator[None]:
    """Keep the demo's run out of the user's own journals: its server is temporary."""
    old = os.environ.get(_STATE)
    with tempfile.TemporaryDirectory(prefix="opp-demo-") as folder:
        os.environ[_STATE] = folder
        try:
            yield
        finally:
            os.environ.pop(_STATE)
            if old is not None:
                os.environ[_STATE] = old


def _say_next(folder: Path) -> None:
    heading("What next")
    say(f"Open the weekly page       {folder / 'weekly.html'}")
    programs = Path(sysconfig.get_path("scripts"))
    if write_command() != "opp-analytics" and (programs / "activate").is_file():
        activate = write_command(program="activate")
        source = activate if os.name == "nt" else f"source {activate}"
        say(f"Activate the environment   {source}      (or type the full paths below)")
    say(f"Practice on a server       {write_command('sandbox')}     (prints what to paste where)")
    notebook = Path("notebooks/01_explore.ipynb")
    if notebook.is_file() and shutil.which("jupyter", path=programs):
        say(f"Take the tour              {write_command('lab', notebook, program='jupyter')}")
    say(f"See all commands           {write_command('--help')}")


def sandbox_command(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port on this computer; 0 picks a free one.")
    ] = 8723,
    weeks: Annotated[int, typer.Option(min=0, help="Weeks of simulated sales at the start.")] = 26,
    db: Annotated[
        Path | None,
        typer.Option(help="Keep the data in this file; the next start with the same file continues from it."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed; another seed gives another sales team.")] = 1,
    org_file: OrgFile = None,
) -> None:
    """Run a local practice server of the same API with a simulated sales team. Ctrl-C stops it."""
    with oa.sandbox.start(port=port, weeks=weeks, seed=seed, path=db, org=find_org(org_file)) as server:
        say(f"The sandbox is running at {server.url}. It holds {_describe(server)}.")
        say(f"\nPaste into another terminal:\n\n{server.exports}\n{write_command('doctor')}")
        keys = f'"{server.url}", "{server.token}", "{server.api_key}"'
        say("\nOr into Python:\n\nimport opp_analytics as oa")
        say(f"client = oa.Client({keys})\nopportunities = oa.load(client)")
        kept = f"The data stays in {db}." if db else "The data is then deleted; use --db FILE to keep it."
        say(f"\nPress Ctrl-C here to stop it. {kept}")
        server.wait()


def _describe(server: oa.sandbox.Sandbox) -> str:
    """Count the opportunities, and say their time span."""
    with oa.Client(server.url, server.token, server.api_key) as client:
        page = client.list(1, 1, sort="created_at")
    total = page.total_records or 0
    if not page.rows:
        return count(total, "opportunity")
    age = pd.Timestamp(server.now) - pd.Timestamp(page.rows[0]["created_at"])
    return f"{count(total, 'opportunity')} from {count(-(-age // pd.Timedelta(weeks=1)), 'week')} of simulated sales"
