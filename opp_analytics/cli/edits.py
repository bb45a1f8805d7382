"""The commands that edit: out to a spreadsheet, back as a plan that shows what it does, and only then to the server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from opp_analytics.api import Client
from opp_analytics.cli.commands import app
from opp_analytics.cli.console import heading, out, show
from opp_analytics.errors import ArgumentTypeError, DataError, PlanError
from opp_analytics.loading import load as load_opportunities
from opp_analytics.writer import (
    OUTCOMES,
    Plan,
    Receipt,
    check,
    count,
    read_csv,
    read_excel,
    shown,
    to_csv,
    to_excel,
)
from opp_analytics.writer import apply as apply_plan
from opp_analytics.writer import plan as make_plan
from opp_analytics.writer import resume as resume_run
from opp_analytics.writer import runs as all_runs
from opp_analytics.writer import undo as undo_run

__all__ = ["apply", "export", "plan", "resume", "runs", "undo"]

_RUN = typer.Argument(metavar="RUN_ID", help="As `runs` lists it; the newest by default.", show_default=False)
_OUT = typer.Option("--out", help="Where the plan is saved.")


_EACH = typer.Option(
    "--reread-each", help="Read every opportunity by itself just before its write, however many there are."
)


class OnConflict(StrEnum):
    """What to do where somebody else changed a planned cell."""

    skip = "skip"
    overwrite = "overwrite"
    stop = "stop"


@app.command(epilog="Example: opp-analytics export deals.xlsx")
def export(
    file: Annotated[Path, typer.Argument(help="The .xlsx or .csv file to write.", show_default=False)],
    search: Annotated[str | None, typer.Option(help="Only opportunities that match this text.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Load all opportunities into a file made for editing; `plan` reads it back."""
    write = {".xlsx": to_excel, ".csv": to_csv}.get(file.suffix.lower())
    if write is None:
        raise DataError(f"{file} ends in {file.suffix!r}; use .xlsx or .csv")
    if file.exists() and not force:
        raise DataError(f"{file} exists and may hold edits; choose another name, or --force to replace it")
    opportunities = load_opportunities(refresh="full", search=search)
    write(opportunities, file)
    _say(f"{len(opportunities):,} opportunities written to {file}")
    if write is to_excel:
        _say(f"edit it, save it, then: opp-analytics plan {file}")
    else:
        _say(f"keep it as it is and edit a copy, then: opp-analytics plan {file} COPY.csv")


@app.command(epilog="Example: opp-analytics plan deals.xlsx   or: opp-analytics plan before.csv after.csv")
def plan(
    before: Annotated[
        Path, typer.Argument(help="An edited .xlsx from `export`; or what was exported.", show_default=False)
    ],
    after: Annotated[
        Path | None,
        typer.Argument(help="The edited copy, with BEFORE as .csv or .parquet.", show_default=False),
    ] = None,
    file: Annotated[Path, _OUT] = Path("plan.json"),
    as_of: Annotated[str | None, typer.Option(help="Day of the forecast; today (UTC) by default.")] = None,
    freq: Annotated[str, typer.Option(help="Period of the forecast: M, Q, Q-JAN, Y.")] = "M",
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not compare with what the server holds now.")
    ] = False,
) -> None:
    """What the edits would do: every change, every problem, conflicts, and the forecast before and after."""
    frames = _frames(before, after)
    made = make_plan(*frames, client=None if offline else Client.from_env())
    _show_plan(made)
    if len(made.problems):
        heading("Problems", "nothing is sent until they are fixed")
        show(_with_names(made.problems, made), index=False)
        found = count(len(made.problems), "problem")
        raise PlanError(f"{found} in {after or before}; fix them there and plan again")
    if len(made):
        _show_impact(made, as_of, freq)
        _save(made, file)


@app.command(epilog="Example: opp-analytics apply plan.json")
def apply(
    file: Annotated[
        Path, typer.Argument(metavar="PLAN.json", help="As `plan` or `undo` saved it.", show_default=False)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, for scripts.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and send nothing.")] = False,
    on_conflict: Annotated[
        OnConflict, typer.Option(help="Where somebody changed a planned cell meanwhile.")
    ] = OnConflict.skip,
    stop_on_failure: Annotated[
        bool, typer.Option("--stop-on-failure", help="Begin nothing further after the first refusal.")
    ] = False,
    clear_nulls: Annotated[bool, typer.Option("--clear-nulls", help="Leave to empty cells.")] = False,
    allow_delete: Annotated[
        bool, typer.Option("--allow-delete", help="Leave to delete opportunities.")
    ] = False,
    each: Annotated[bool, _EACH] = False,
    receipt: Annotated[
        Path | None, typer.Option("--receipt", help="Write what became of every change to this .csv file.")
    ] = None,
) -> None:
    """Carry out a plan, after showing its counts and money and asking. Ctrl-C ends after the calls in flight."""
    made = Plan.read(file)
    client = Client.from_env()
    with _own_words():
        check(made, client, clear_nulls=clear_nulls, allow_delete=allow_delete)
    _show_plan(made)
    if not (yes or dry_run or not len(made)):
        _ask(f"Write this to {client.settings.url}?")
    with _own_words():
        done = apply_plan(
            made,
            client,
            on_conflict=on_conflict.value,
            dry_run=dry_run,
            clear_nulls=clear_nulls,
            allow_delete=allow_delete,
            on_failure="stop" if stop_on_failure else "continue",
            reread="each" if each else "auto",
        )
    if dry_run:
        _say(_typed(f"dry run, nothing was sent: {done.summary()}"))
        return
    _finish(done, receipt)


@app.command(epilog="Example: opp-analytics resume")
def resume(
    run_id: Annotated[str | None, _RUN] = None,
    each: Annotated[bool, _EACH] = False,
    receipt: Annotated[
        Path | None, typer.Option("--receipt", help="Write what became of every change to this .csv file.")
    ] = None,
) -> None:
    """Finish a run that was killed, cut off or stopped: settle what is in doubt, send the rest, each change once."""
    with _own_words():
        done = resume_run(Client.from_env(), run_id, reread="each" if each else "auto")
    _finish(done, receipt)


@app.command(epilog="Example: opp-analytics undo 20260331T101500-a1b2c3 --out undo.json")
def undo(
    run_id: Annotated[str | None, _RUN] = None,
    file: Annotated[Path, _OUT] = Path("undo.json"),
) -> None:
    """The plan back to before a run; nothing is sent. What somebody changed since is left as they left it."""
    with _own_words():
        made = undo_run(Client.from_env(), run_id)
    _show_plan(made)
    if len(made):
        _save(made, file)


@app.command(epilog="Example: opp-analytics runs")
def runs() -> None:
    """Every run of a plan on this computer, newest first, with its outcomes."""
    found = all_runs()
    if found.empty:
        _say("no plan was applied on this computer yet")
        return
    for url, group in found.groupby("url", sort=False):
        heading("Runs", str(url))
        table = group.assign(outcomes=[_outcomes(run) for _, run in group.iterrows()])
        show(table[["run_id", "started_at", "opportunities", "outcomes"]], index=False)


def _outcomes(run: pd.Series[Any]) -> str:
    """Counts per outcome as one text, so that the ids of runs have room."""
    counts = ", ".join(f"{run[outcome]:,} {outcome}" for outcome in OUTCOMES if run[outcome])
    return counts if run["state"] == "finished" else f"{counts}: resume"


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def _frames(before: Path, after: Path | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    missing = [file for file in (before, after) if file is not None and not file.exists()]
    if missing:
        raise DataError(f"there is no file {missing[0]}; check its name and folder")
    if after is None:
        if before.suffix.lower() != ".xlsx":
            raise ArgumentTypeError(
                f"{before} does not hold what it was before; give both: opp-analytics plan {before} EDITED"
            )
        return read_excel(before)
    old = _frame(before)
    return old, _frame(after, old)


def _frame(file: Path, before: pd.DataFrame | None = None) -> pd.DataFrame:
    match file.suffix.lower():
        case ".csv":
            return read_csv(file, before)
        case ".xlsx":
            return read_excel(file)[1]
        case ".parquet":
            try:
                return pd.read_parquet(file)
            except (OSError, ValueError) as error:
                raise DataError(f"the file {file} cannot be read as Parquet ({error})") from None
        case ending:
            raise DataError(f"{file} ends in {ending!r}; use .xlsx, .csv or .parquet")


_WORDS = {
    r"clear_nulls=True": "--clear-nulls",
    r"allow_delete=True": "--allow-delete",
    r"see \.conflicts": "listed below",
    r"see \.table": "see --receipt",
    r"see \.problems": "all in the plan's file",
    r" \(max_age=[^)]*\)": "",
    r"runs\(\)": "opp-analytics runs",
    r"resume\(client, '([^']+)'\)": r"opp-analytics resume \1",
}
"""What the package says in Python → what a person types here."""


def _typed(text: str) -> str:
    for python, shell in _WORDS.items():
        text = re.sub(python, shell, text)
    return text


@contextmanager
def _own_words() -> Iterator[None]:
    try:
        yield
    except PlanError as error:
        raise PlanError(_typed(str(error))) from None


def _show_plan(made: Plan) -> None:
    if len(made):
        out.print(made)
    _say(_typed(made.overview()))
    if len(made.conflicts):
        heading("Conflicts", "what somebody did on the server meanwhile; left alone")
        show(_with_names(made.conflicts, made), index=False)


def _with_names(lines: pd.DataFrame, made: Plan) -> pd.DataFrame:
    """Problems or conflicts with the opportunity's name beside its id."""
    if "name" not in made.before:
        return lines
    named = made.before.drop_duplicates("unique_id").set_index("unique_id")["name"]
    table = lines.copy()
    table.insert(list(table.columns).index("unique_id") + 1, "name", lines["unique_id"].map(named))
    return table


def _show_impact(made: Plan, as_of: str | None, freq: str) -> None:
    day = as_of or f"{datetime.now(UTC):%Y-%m-%d}"
    impact = made.impact(as_of=day, freq=freq)
    moves = made.moves(freq=freq)
    heading("Forecast, before → after", f"as of {day}; periods that change, and the total")
    show(_side_by_side(impact), index=False)
    rates = made.win_rates()["rate"]
    _say(
        f"{len(moves):,} opportunities change stage or period; win rate of all closed: "
        f"{_rate(rates['before'])} → {_rate(rates['after'])}"
    )


def _side_by_side(impact: pd.DataFrame) -> pd.DataFrame:
    """The periods in which anything changes, and the total; every figure as one text."""
    figures = ("booked", "weighted_open", "expected", "low", "high", "open_count")
    sides = {f: (impact[f"{f}_before"], impact[f"{f}_after"]) for f in figures}
    changed = pd.concat([was.fillna(0) != now.fillna(0) for was, now in sides.values()], axis="columns")
    kept = changed.any(axis="columns") | (impact.index == "total")
    texts = {f: [_change(*pair) for pair in zip(was, now, strict=True)] for f, (was, now) in sides.items()}
    return pd.DataFrame(texts, index=impact.index)[kept].rename_axis("period").reset_index()


def _change(was: float, now: float) -> str:
    one, other = shown(float(was)), shown(float(now))
    return one if one == other else f"{one} → {other}"


def _rate(rate: float) -> str:
    return "–" if pd.isna(rate) else f"{rate:.1%}"


def _save(made: Plan, file: Path) -> None:
    statuses = set(made.changes["status"])
    if statuses == {"already"}:
        _say("nothing is left to do: the server holds all of it already; no plan was saved")
        return
    made.save(file)
    flags = {"clear_nulls": " --clear-nulls", "allow_delete": " --allow-delete"}
    needed = "".join(flag for need, flag in flags.items() if (made.changes["needs"] == need).any())
    if "clean" in statuses:
        _say(f"saved; to carry it out: opp-analytics apply {file}{needed}")
    else:
        over = f"opp-analytics apply {file}{needed} --on-conflict overwrite"
        _say(f"saved; only conflicts are left, to overwrite them: {over}")


def _ask(question: str) -> None:
    try:
        agreed = typer.confirm(question)
    except typer.Abort:
        raise PlanError("nobody answered, so nothing was sent; use --yes where nobody can") from None
    if not agreed:
        _say("nothing was sent")
        raise typer.Exit(1)


def _finish(done: Receipt, file: Path | None) -> None:
    """Say how it went; anything that is not on the server is exit code 1."""
    if done.run_id is not None:
        _say(f"run {done.run_id}")
    _say(_typed(done.summary()))
    if file is not None:
        table = done.table.assign(**{c: done.table[c].map(_plain) for c in ("before", "after")})
        try:
            table.to_csv(file, index=False)
        except OSError as error:
            raise DataError(f"the receipt cannot be written to {file} ({error.strerror})") from None
        _say(f"receipt written to {file}")
    if not done.complete:
        raise typer.Exit(1)


def _plain(cell: Any) -> Any:
    return f"{cell:%Y-%m-%d}" if isinstance(cell, datetime) else cell
