"""The `export` and `plan` commands: the pipeline as a spreadsheet, and its edits as a plan."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics import files, text
from opp_analytics.cli.console import heading, program, say, show
from opp_analytics.cli.org_file import find_org
from opp_analytics.cli.output import check_ending
from opp_analytics.cli.plan_view import WRAPPED, named, save_plan, show_plan
from opp_analytics.cli.source import DayFirst, FromFile, OrgFile, read_source
from opp_analytics.errors import ConfigError, DataError, MissingColumnError, PlanError
from opp_analytics.org import Money, money_of
from opp_analytics.periods import as_date, check_freq

__all__ = ["export_command", "plan_command"]

_WRITERS = {".xlsx": oa.to_excel, ".csv": oa.to_csv}
"""What writes a file, by its ending."""


def export_command(
    file: Annotated[Path, typer.Argument(help="The .xlsx or .csv file to write.", show_default=False)],
    search: Annotated[
        str | None, typer.Option(help="Export only opportunities that match this text.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    source_file: FromFile = None,
    day_first: DayFirst = None,
    org_file: OrgFile = None,
) -> None:
    """Export all opportunities to a file for editing; `plan` reads it back."""
    check_ending(file, tuple(_WRITERS))
    write = _WRITERS[file.suffix.lower()]
    if file.exists() and not force:
        raise DataError(
            f"{file} exists and may hold edits; choose another name, or use --force to replace it"
        )
    if source_file is not None and search is not None:
        raise ConfigError("--search is a search of the API; leave it out with --from")
    opportunities = read_source(
        source_file, org_file, day_first=day_first, refresh="full", search=search
    ).opportunities
    write(opportunities, file)
    say(f"{text.count(len(opportunities), 'opportunity')} written to {file}.")
    back = "" if source_file is None else " --for-import EDITS.csv"
    if write is oa.to_excel:
        say(f"Edit and save it, then run: {program()} plan {file}{back}")
    else:
        say(f"Keep this file unchanged and edit a copy, then run: {program()} plan {file} COPY.csv{back}")


def plan_command(
    before: Annotated[
        Path,
        typer.Argument(help="The edited .xlsx file from `export`, or the unedited file.", show_default=False),
    ],
    after: Annotated[
        Path | None,
        typer.Argument(help="The edited copy, where BEFORE is .csv or .parquet.", show_default=False),
    ] = None,
    file: Annotated[Path, typer.Option("--out", help="File to save the plan in.")] = Path("plan.json"),
    as_of: Annotated[
        str | None, typer.Option(help="Day of the forecast, as 2026-03-31.", show_default="today")
    ] = None,
    freq: Annotated[str, typer.Option(help="Period of the forecast: M, Q, Q-JAN, Y.")] = "M",
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not compare with the current data on the server.")
    ] = False,
    import_file: Annotated[
        Path | None,
        typer.Option(
            "--for-import",
            help="Write the changed rows to this .csv or .xlsx file for your CRM's import, under its own labels, instead "
            "of a plan.",
            show_default=False,
        ),
    ] = None,
    org_file: OrgFile = None,
) -> None:
    """Show the effect of the edits: changes, problems, conflicts, and the forecast before and after."""
    org = find_org(org_file)
    if import_file is not None:
        check_ending(import_file, tuple(_WRITERS))
        if org is None:
            raise ConfigError(
                f"{import_file} needs your CRM's labels; name its preset, such as --org salesforce, or an org file"
            )
    unedited, edited = _frames(before, after, org)
    local = offline or import_file is not None
    made = oa.plan(unedited, edited, client=None if local else oa.Client.from_env(org=org))
    show_plan(made)
    if len(made.problems):
        heading("Problems", "nothing is sent until they are fixed")
        show(named(made.problems, made), index=False, wrap=WRAPPED)
        found = text.count(len(made.problems), "problem")
        them = "it" if len(made.problems) == 1 else "them"
        raise PlanError(f"{found} in {after or before}; fix {them} there and plan again")
    if len(made):
        _show_impact(made, as_of, freq)
        if import_file is None:
            save_plan(made, file)
        else:
            _WRITERS[import_file.suffix.lower()](edited, import_file, org=org, before=unedited)
            say(f"Changed rows written to {import_file}; give it to the import of your CRM.")


def _frames(before: Path, after: Path | None, org: oa.Org | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    missing = [file for file in (before, after) if file is not None and not file.exists()]
    if missing:
        raise DataError(f"{missing[0]} does not exist; check its name and folder")
    if after is None:
        if before.suffix.lower() != ".xlsx":
            raise DataError(
                f"{before} alone does not show what was edited; name both files: {program()} plan BEFORE {before}"
            )
        return oa.read_excel(before)
    unedited = _frame(before)
    if org is not None and "org" not in unedited.attrs:
        # Not by org.apply: the file may hold the teams of the day of its export.
        unedited.attrs["org"] = org.facts
    return unedited, _frame(after, unedited)


def _frame(file: Path, before: pd.DataFrame | None = None) -> pd.DataFrame:
    match file.suffix.lower():
        case ".csv":
            return oa.read_csv(file, before)
        case ".xlsx":
            return oa.read_excel(file)[1]
        case ".parquet":
            files.refuse_devices(file)
            try:
                return pd.read_parquet(file)
            except (OSError, ValueError) as error:
                raise DataError(f"cannot read {file} as Parquet ({error})") from None
        case ending:
            raise DataError(f"{file} ends in {ending!r}; use .xlsx, .csv or .parquet")


def _show_impact(made: oa.Plan, as_of: str | None, freq: str) -> None:
    day = f"{as_date(as_of or datetime.now(UTC), tz=oa.Org.of(made.before).zone(None)):%Y-%m-%d}"
    try:
        impact = made.impact(as_of=day, freq=check_freq(freq))
    except MissingColumnError as error:
        say(f"No forecast before and after: {error}")
        return
    heading("Forecast before → after", f"as of {day}; the periods that change, and the total")
    show(_side_by_side(impact, money_of(made.before)), index=False)
    moved = made.changes.loc[made.changes["field"].isin(["stage", "close_date"]), "unique_id"].nunique()
    before, after = (
        text.percent(oa.win_rate(frame)["rate"].iloc[0], 1) for frame in (made.before, made.edited())
    )
    say(
        f"Deals that change stage or close date: {moved:,}. Win rate of all closed deals: {before} → {after}."
    )


def _side_by_side(impact: pd.DataFrame, money: Money) -> pd.DataFrame:
    """The periods that change and the total, each figure as "before → after"."""
    figures = ("booked", "weighted_open", "expected", "low", "high", "open_count")
    sides = {f: (impact[f"{f}_before"], impact[f"{f}_after"]) for f in figures}
    changed = pd.concat([was.fillna(0) != now.fillna(0) for was, now in sides.values()], axis="columns")
    kept = changed.any(axis="columns") | (impact.index == "total")
    texts = {
        f: [_change(*pair, _number if f == "open_count" else money) for pair in zip(was, now, strict=True)]
        for f, (was, now) in sides.items()
    }
    return pd.DataFrame(texts, index=impact.index)[kept].rename_axis("period").reset_index()


def _number(value: float, *, full: bool) -> str:
    return text.number(value)


def _change(was: float, now: float, shown: Money) -> str:
    one, other = shown(was, full=True), shown(now, full=True)
    return one if one == other else f"{one} → {other}"
