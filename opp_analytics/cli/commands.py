"""The commands: each one parses its options, calls the package, and prints."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from opp_analytics.api import Client
from opp_analytics.cli.console import heading, out, show
from opp_analytics.errors import DataError
from opp_analytics.loading import load as load_opportunities
from opp_analytics.text import count as counted

__all__ = ["app"]

app = typer.Typer(
    name="opp-analytics",
    help=(
        "Sales pipeline analytics over the 23blocks CRM Opportunities API.\n\n"
        "Start with [bold]demo[/]: it plays half a year of a sales team on a local server and shows everything. "
        "With an account go on at 2; each command has [bold]--help[/] with an example. "
        "BLOCKS_CURRENCY, such as EUR, names the money in reports and charts."
    ),
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)

_HISTORY = typer.Option("--history", help="Folder of the recorded history.")
_HISTORY_FOLDER = Path("opp-history")


@app.command(epilog="Example: opp-analytics demo --out ./opp-demo")
def demo(
    folder: Annotated[Path, typer.Option("--out", help="Where the charts go.")] = Path("opp-demo"),
    seed: Annotated[int, typer.Option(help="Another seed is another sales team.")] = 1,
) -> None:
    """Half a year of a simulated sales team, end to end: load, record, analyse, chart, edit in bulk."""
    from opp_analytics.cli.demo import run

    run(folder, seed=seed)


@app.command(epilog="Example: opp-analytics sandbox --port 8723 --weeks 26 --db team.db")
def sandbox(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port on this machine; 0 picks a free one.")
    ] = 8723,
    weeks: Annotated[int, typer.Option(min=0, help="Weeks of simulated history to begin with.")] = 26,
    db: Annotated[
        Path | None, typer.Option(help="Keep the data in this file; it goes on from there next time.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another sales team.")] = 1,
) -> None:
    """A local server of the same API with a simulated sales team, to practise on. Ctrl-C stops it."""
    from opp_analytics import sandbox as server_of

    with server_of.start(port=port, weeks=weeks, seed=seed, path=db) as server:
        out.print(f"export BLOCKS_API_URL={server.url}", highlight=False, soft_wrap=True)
        out.print(f"export BLOCKS_AUTH_TOKEN={server.token}", highlight=False, soft_wrap=True)
        out.print(f"export BLOCKS_API_KEY={server.api_key}", highlight=False, soft_wrap=True)
        server.wait()


@app.command(epilog="Example: opp-analytics load --out pipeline.csv")
def load(
    file: Annotated[
        Path | None, typer.Option("--out", help="Write the frame to this .csv, .parquet or .xlsx file.")
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Fetch even when the cached frame is fresh.")
    ] = False,
    max_age: Annotated[str, typer.Option(help="How old a cached frame may be.")] = "15min",
    search: Annotated[str | None, typer.Option(help="Only opportunities that match this text.")] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="The trash instead of the list.")] = False,
) -> None:
    """Load all opportunities; print what came, or write it to a file."""
    if file is not None:
        _check_ending(file)
    opportunities = load_opportunities(
        max_age=max_age, refresh="full" if refresh else None, search=search, deleted=deleted
    )
    certificate = opportunities.attrs["load"]
    _say_certificate(certificate)
    if file is not None:
        _write(opportunities, file)
        out.print(f"written to {file}", highlight=False)
    elif len(opportunities):
        _say_stock(opportunities)


@app.command(epilog="Example: opp-analytics record --history ./opp-history   (every day, from cron)")
def record(history: Annotated[Path, _HISTORY] = _HISTORY_FOLDER) -> None:
    """Load afresh and add what changed to the history: the API itself keeps none."""
    from opp_analytics.history import History

    store = History(history)
    store.record(load_opportunities(refresh="full"))
    latest = store.records.iloc[-1]
    out.print(
        f"recorded {counted(int(latest['rows']), 'opportunity')}, {latest['changed']:,} changed, in {history} "
        f"as record {len(store.records)}",
        highlight=False,
    )


@app.command(epilog="Example: opp-analytics doctor")
def doctor() -> None:
    """Check settings, reach the API, read one page; never writes."""
    client = Client.from_env(retries=1)
    out.print(f"settings   ok: {client.settings.url}, token and key set", highlight=False)
    page = client.list(1, 5, sort="-updated_at")
    out.print(f"API        ok: {_count(page.total_records)} opportunities", highlight=False)
    trash = client.list_deleted(1, 1)
    out.print(f"trash      ok: {_count(trash.total_records)} deleted", highlight=False)
    newest = [str(row.get("updated_at") or "") for row in page.rows]
    obeyed = newest == sorted(newest, reverse=True)
    out.print(
        f"sorting    {'ok' if obeyed else 'NOT obeyed: loads cannot vouch for their completeness'}",
        highlight=False,
    )
    out.print(f"cache      {client.storage.folder}", highlight=False)


def _count(total: int | None) -> str:
    return "an unknown number of" if total is None else f"{total:,}"


def _say_certificate(certificate: dict[str, Any]) -> None:
    fetched = datetime.fromisoformat(certificate["fetched_at"]).strftime("%Y-%m-%d %H:%M UTC")
    state = "[green]complete[/]" if certificate["complete"] else "[bold red]NOT complete[/]"
    out.print(
        f"{counted(certificate['records'], 'opportunity')} from {certificate['source']}, {counted(certificate['pages'], 'page')}, "
        f"fetched {fetched}: {state}",
        highlight=False,
    )
    for reason in certificate["reasons"]:
        out.print(f"  [red]{reason}[/]", highlight=False)


def _say_stock(opportunities: pd.DataFrame) -> None:
    stock = opportunities.groupby("stage", observed=True).agg(
        count=("unique_id", "size"), value=("value", "sum")
    )
    heading("By stage", f"as loaded, {date.today():%Y-%m-%d}")
    show(stock)


_ENDINGS = (".csv", ".parquet", ".xlsx")


def _check_ending(file: Path) -> None:
    if file.suffix.lower() not in _ENDINGS:
        raise DataError(f"{file} ends in {file.suffix!r}; use one of {', '.join(_ENDINGS)}")
    if not file.parent.is_dir():
        raise DataError(f"the folder {file.parent} does not exist; make it first")


def _write(opportunities: pd.DataFrame, file: Path) -> None:
    """All or nothing: a full disk leaves an older file as it was."""
    staged = file.with_name(f".{file.name}.part{file.suffix}")
    try:
        match file.suffix.lower():
            case ".csv":
                opportunities.to_csv(staged, index=False)
            case ".parquet":
                opportunities.to_parquet(staged, index=False)
            case _:
                _write_xlsx(opportunities, staged)
        staged.replace(file)
    except OSError as error:
        raise DataError(f"cannot write {file}: {error.strerror or error}") from None
    finally:
        staged.unlink(missing_ok=True)


def _write_xlsx(opportunities: pd.DataFrame, file: Path) -> None:
    try:
        import openpyxl  # noqa: F401  pandas would name the package, not the extra
    except ImportError:
        raise DataError('xlsx needs openpyxl; install it with: pip install "opp-analytics[excel]"') from None
    instants = opportunities.select_dtypes("datetimetz").columns
    # A spreadsheet has no time zones: instants are written as UTC wall time.
    naive = opportunities.assign(**{name: opportunities[name].dt.tz_localize(None) for name in instants})
    with pd.ExcelWriter(file, engine="openpyxl", datetime_format="yyyy-mm-dd hh:mm:ss") as book:
        naive.to_excel(book, sheet_name="opportunities", index=False, freeze_panes=(1, 1))
        for row in book.sheets["opportunities"].iter_rows(min_row=2):
            for cell in row:
                if cell.data_type == "f":
                    cell.data_type = "s"  # text that begins with = stays text
